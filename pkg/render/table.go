package render

import (
	"bytes"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// gap separates two columns, as in kubectl's tables.
const gap = "   "

// cell is one field of a table. Its text may be anything that a server sent.
type cell struct {
	text string
	tone tone
}

// column is one column of a table of Ts.
type column[T any] struct {
	header string
	cell   func(T) cell
}

// plain returns a column without colours.
func plain[T any](header string, text func(T) string) column[T] {
	return column[T]{header, func(item T) cell { return cell{text: text(item)} }}
}

func headersOf[T any](columns []column[T]) []string {
	headers := make([]string, len(columns))
	for i, c := range columns {
		headers[i] = c.header
	}
	return headers
}

// rowOf returns the cells of one item.
func rowOf[T any](columns []column[T], item T) []cell {
	row := make([]cell, len(columns))
	for i, c := range columns {
		row[i] = c.cell(item)
	}
	return row
}

// printTable prints items as a table.
func printTable[T any](w io.Writer, columns []column[T], items []T, o Options) error {
	rows := make([][]cell, len(items))
	for i, item := range items {
		rows[i] = rowOf(columns, item)
	}
	headers := headersOf(columns)
	if o.NoHeaders {
		headers = nil
	}
	return writeTable(w, headers, rows, nil, o.Color)
}

// writeTable writes a table that looks like kubectl's: no lines, nothing wrapped,
// no blanks at the end of a row. Column i is at least widths[i] wide; widths may
// be shorter than a row. That tables are drawn by tablewriter is a given of the
// project: it measures wide characters and skips colours.
func writeTable(w io.Writer, headers []string, rows [][]cell, widths []int, color bool) error {
	var out bytes.Buffer
	table := tablewriter.NewTable(&out, tablewriter.WithRenderer(kubectlRenderer()), tablewriter.WithConfig(kubectlConfig()))
	if headers != nil {
		table.Header(headers)
	}
	for _, row := range rows {
		if err := table.Append(textsOf(row, widths, color)); err != nil {
			return err
		}
	}
	if err := table.Render(); err != nil {
		return err
	}
	lines := strings.Split(out.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return writeString(w, strings.Join(lines, "\n"))
}

func textsOf(row []cell, widths []int, color bool) []string {
	texts := make([]string, len(row))
	for i, c := range row {
		clean := text.OneLine(c.text)
		texts[i] = paint(c.tone, clean, color)
		if i < len(widths) {
			texts[i] += strings.Repeat(" ", max(0, widths[i]-twwidth.Width(clean)))
		}
	}
	return texts
}

// kubectlRenderer separates columns by the gap. With the gap as padding the
// library would cut it, and add a reset sequence to coloured cells.
func kubectlRenderer() tw.Renderer {
	return renderer.NewBlueprint(tw.Rendition{
		Borders:  tw.BorderNone,
		Symbols:  tw.NewSymbolCustom("kubectl").WithColumn(gap),
		Settings: tw.Settings{Lines: tw.LinesNone, Separators: tw.Separators{BetweenColumns: tw.On, BetweenRows: tw.Off}},
	})
}

// kubectlConfig switches off upper case, wrapping, numbers aligned right, and
// trimmed and padded cells.
func kubectlConfig() tablewriter.Config {
	cells := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft},
		Padding:    tw.CellPadding{Global: tw.PaddingNone},
	}
	return tablewriter.Config{Header: cells, Row: cells, Behavior: tw.Behavior{TrimSpace: tw.Off}}
}
