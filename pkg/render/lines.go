package render

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Lines follows a list of clusters, or one cluster, by appending lines, as
// kubectl get -w does: what there is at first, then what changes. That
// something got older is no change. It is for one goroutine.
type Lines struct {
	w        io.Writer
	clusters ledger
	pods     ledger
	services ledger
	headline string
	notes    []note
	findings []view.Finding
	// transitions and summary are those of the failover that is told.
	transitions []view.Transition
	summary     string
}

// NewLines is a follower that appends to w.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

// Clusters prints the rows of a list that are new or changed since the last
// call, and says which clusters are gone. What could not be read is left to
// Unread.
func (l *Lines) Clusters(list view.ClusterStatusList, o Options) error {
	columns := clusterColumns(list, o)
	rows := clusterRows(list)
	entries := make([]entry, len(rows))
	for i, r := range rows {
		m := r.cluster.Metadata
		object := object{strings.ToLower(iris.Kind) + "." + iris.Group, m.Namespace, m.Name}
		entries[i] = entry{entryKey{object, r.shard.Name}, rowOf(columns, r)}
	}
	return l.clusters.follow(l.w, headersOf(columns), entries, o)
}

// Cluster prints a cluster in detail at the first call. Later calls print the
// verdict, the rows of pods and Services, the findings and the transitions that
// are new or changed, and what is gone. Names are shown as kind/name, so that
// rows can be told apart without headers. What could not be read is left to
// Unread.
func (l *Lines) Cluster(c view.ClusterStatus, o Options) error {
	var out bytes.Buffer
	first := l.headline == ""
	if line := headline(c, o.Color); line != l.headline {
		l.headline = line
		out.WriteString(line + "\n")
	}
	for _, section := range []func(io.Writer) error{
		func(w io.Writer) error { return l.followPods(w, c, o) },
		func(w io.Writer) error { return l.followServices(w, c, o) },
		func(w io.Writer) error { return l.followNotes(w, c, o) },
		func(w io.Writer) error { return l.followFailover(w, c.Failover, o) },
	} {
		var part bytes.Buffer
		if err := section(&part); err != nil {
			return err
		}
		if first && part.Len() > 0 {
			out.WriteString("\n")
		}
		out.Write(part.Bytes())
	}
	_, err := out.WriteTo(l.w)
	return err
}

func (l *Lines) followPods(w io.Writer, c view.ClusterStatus, o Options) error {
	columns := qualified("pod", podColumns(c, o))
	entries := make([]entry, len(c.Pods))
	for i, p := range c.Pods {
		entries[i] = entry{entryKey{object: object{"pod", c.Metadata.Namespace, p.Name}}, rowOf(columns, p)}
	}
	return l.pods.follow(w, headersOf(columns), entries, o)
}

func (l *Lines) followServices(w io.Writer, c view.ClusterStatus, o Options) error {
	columns := qualified("service", serviceColumns(o))
	entries := make([]entry, len(c.Services))
	for i, s := range c.Services {
		entries[i] = entry{entryKey{object: object{"service", c.Metadata.Namespace, s.Name}}, rowOf(columns, s)}
	}
	return l.services.follow(w, headersOf(columns), entries, o)
}

// followNotes prints the notes that are new, and which findings are no more.
func (l *Lines) followNotes(w io.Writer, c view.ClusterStatus, o Options) error {
	before, found := l.notes, l.findings
	l.notes, l.findings = notesOf(c.Findings, o.Color), slices.Clone(c.Findings)
	for _, n := range l.notes {
		if !slices.Contains(before, n) {
			if _, err := fmt.Fprintln(w, n.text); err != nil {
				return err
			}
		}
	}
	for _, f := range solved(found, c.Findings) {
		if _, err := fmt.Fprintln(w, findingNote(f, o.Color).solved); err != nil {
			return err
		}
	}
	return nil
}

// solved are the findings that are no more. One that is told in other words now,
// as new findings are, is there still: its code and object say which it is.
func solved(before, now []view.Finding) []view.Finding {
	unknown := lacking(now, before)
	return slices.DeleteFunc(lacking(before, now), func(f view.Finding) bool {
		i := slices.IndexFunc(unknown, func(n view.Finding) bool { return n.Code == f.Code && n.Object == f.Object })
		if i < 0 {
			return false
		}
		unknown = slices.Delete(unknown, i, i+1)
		return true
	})
}

// lacking are the findings of a list that another has not word for word.
func lacking(list, other []view.Finding) []view.Finding {
	return slices.DeleteFunc(slices.Clone(list), func(f view.Finding) bool { return slices.Contains(other, f) })
}

// qualified puts the kind before the names in the first column.
func qualified[T any](kind string, columns []column[T]) []column[T] {
	name := columns[0]
	columns[0].cell = func(item T) cell {
		c := name.cell(item)
		c.text = kind + "/" + c.text
		return c
	}
	return columns
}
