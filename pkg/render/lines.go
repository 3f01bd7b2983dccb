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
// kubectl get -w does: first everything, then what changes. A greater age is no
// change. Lines must not be used concurrently.
type Lines struct {
	w           io.Writer
	clusters    followedTable
	pods        followedTable
	services    followedTable
	headline    string
	findings    []view.Finding
	transitions []view.Transition
	// summary is the line that sums up the transitions.
	summary string
}

// NewLines returns Lines that append to w.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

// Clusters prints the rows of a list that are new or changed since the last call,
// and which clusters are gone. Reads that failed are left to Unread.
func (l *Lines) Clusters(list view.ClusterStatusList, o Options) error {
	return follow(l.w, &l.clusters, clusterColumns(list, o), clusterRows(list), func(r clusterRow) rowKey {
		m := r.cluster.Metadata
		return rowKey{object{strings.ToLower(iris.Kind) + "." + iris.Group, m.Namespace, m.Name}, r.shard.Name}
	}, o)
}

// Cluster prints a cluster in detail at the first call. Later calls print the
// verdict, pods, Services, findings and transitions that are new or changed, and
// which are gone. Names are printed as kind/name, which distinguishes rows without
// headers. Reads that failed are left to Unread.
func (l *Lines) Cluster(c view.ClusterStatus, o Options) error {
	var out bytes.Buffer
	first := l.headline == ""
	if line := headline(c, o.Color); line != l.headline {
		l.headline = line
		out.WriteString(line + "\n")
	}
	namespace := c.Metadata.Namespace
	for _, section := range []func(io.Writer) error{
		func(w io.Writer) error {
			return follow(w, &l.pods, qualified("pod", podColumns(c, o)), c.Pods, func(p view.Pod) rowKey {
				return rowKey{object: object{"pod", namespace, p.Name}}
			}, o)
		},
		func(w io.Writer) error {
			return follow(w, &l.services, qualified("service", serviceColumns(o)), c.Services, func(s view.Service) rowKey {
				return rowKey{object: object{"service", namespace, s.Name}}
			}, o)
		},
		func(w io.Writer) error { return l.followFindings(w, c.Findings, o) },
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

// followFindings prints the findings that are new, and those that are solved.
func (l *Lines) followFindings(w io.Writer, now []view.Finding, o Options) error {
	before := l.findings
	l.findings = slices.Clone(now)
	var lines []string
	for _, f := range added(before, now) {
		lines = append(lines, findingLines(f, o.Color))
	}
	for _, f := range solved(before, now) {
		lines = append(lines, paint(toneGood, "solved", o.Color)+": "+string(f.Code)+messageOf(f))
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// solved returns the findings that are gone. A finding whose wording changed is
// still present: code and object identify it.
func solved(before, now []view.Finding) []view.Finding {
	reworded := added(before, now)
	return slices.DeleteFunc(added(now, before), func(f view.Finding) bool {
		i := slices.IndexFunc(reworded, func(n view.Finding) bool { return n.Code == f.Code && n.Object == f.Object })
		if i < 0 {
			return false
		}
		reworded = slices.Delete(reworded, i, i+1)
		return true
	})
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
