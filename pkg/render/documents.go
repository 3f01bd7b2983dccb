package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Documents follows a list of clusters, or one cluster, by printing it each
// time it changed: one document per change. It is for one goroutine.
type Documents struct {
	w       io.Writer
	printer printers.ResourcePrinter
	last    []byte
}

// NewDocuments prints to w with one of kubectl's printers. JSON is printed
// with one document on a line, so that the stream can be read line by line.
func NewDocuments(w io.Writer, printer printers.ResourcePrinter) *Documents {
	return &Documents{w: w, printer: streaming(printer)}
}

// Clusters prints a list, unless it is the same as the last.
func (d *Documents) Clusters(list view.ClusterStatusList) error { return show(d, list) }

// Cluster prints a cluster, unless it is the same as the last.
func (d *Documents) Cluster(c view.ClusterStatus) error { return show(d, c) }

func show[V View](d *Documents, v V) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("cannot encode the view: %w", err)
	}
	if bytes.Equal(data, d.last) {
		return nil
	}
	d.last = data
	var out bytes.Buffer
	if err := Object(&out, d.printer, v); err != nil {
		return err
	}
	// A template need not end its line, but the next document has to begin one.
	if out.Len() > 0 && !bytes.HasSuffix(out.Bytes(), []byte("\n")) {
		out.WriteString("\n")
	}
	_, err = out.WriteTo(d.w)
	return err
}

// streaming is a printer for a stream of documents. kubectl wraps its printer
// for JSON in one that leaves out managed fields, which views do not have.
func streaming(printer printers.ResourcePrinter) printers.ResourcePrinter {
	if omit, ok := printer.(*printers.OmitManagedFieldsPrinter); ok {
		printer = omit.Delegate
	}
	if _, ok := printer.(*printers.JSONPrinter); ok {
		return JSONLines{}
	}
	return printer
}

// JSONLines prints each object as JSON on a line of its own.
type JSONLines struct{}

// PrintObj prints one line.
func (JSONLines) PrintObj(object runtime.Object, w io.Writer) error {
	return json.NewEncoder(w).Encode(object)
}
