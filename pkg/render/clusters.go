package render

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// clusterRow is one row of the list: a shard of a cluster.
type clusterRow struct {
	cluster view.ClusterStatus
	shard   view.Shard
}

// Clusters prints a row for each cluster, or for each shard if one of them has
// several. Reads that failed are left to Unread.
func Clusters(w io.Writer, list view.ClusterStatusList, o Options) error {
	return printTable(w, clusterColumns(list, o), clusterRows(list), o)
}

func clusterRows(list view.ClusterStatusList) []clusterRow {
	var rows []clusterRow
	for _, cluster := range list.Items {
		for _, shard := range cluster.Shards {
			rows = append(rows, clusterRow{cluster, shard})
		}
	}
	return rows
}

func clusterColumns(list view.ClusterStatusList, o Options) []column[clusterRow] {
	var columns []column[clusterRow]
	if o.Namespaces {
		columns = append(columns, plain("NAMESPACE", func(r clusterRow) string { return r.cluster.Metadata.Namespace }))
	}
	columns = append(columns, plain("NAME", func(r clusterRow) string { return r.cluster.Metadata.Name }))
	if slices.ContainsFunc(list.Items, isSharded) {
		columns = append(columns, plain("SHARD", func(r clusterRow) string { return cmp.Or(r.shard.Name, inapplicable) }))
	}
	readable := func(resource string, of func(clusterRow) cell) func(clusterRow) cell {
		if slices.ContainsFunc(list.Unread, func(u view.Unread) bool { return u.Resource == resource }) {
			return func(clusterRow) cell { return cell{text: unknown} }
		}
		return of
	}
	columns = append(columns,
		column[clusterRow]{"PRIMARY", readable("pods", func(r clusterRow) cell { return roleCell(r.cluster, r.shard.Primaries) })},
		column[clusterRow]{"BACKUP", readable("pods", func(r clusterRow) cell { return roleCell(r.cluster, r.shard.Backups) })},
		column[clusterRow]{"OTHERS", readable("pods", func(r clusterRow) cell { return cell{text: names(r.shard.Others, inapplicable, o.Wide)} })},
		column[clusterRow]{"READY", readable("pods", func(r clusterRow) cell { return readyCell(r.shard.Ready, r.shard.Members) })},
		column[clusterRow]{"SIDECARS", readable("pods", func(r clusterRow) cell { return cell{text: strconv.Itoa(r.sidecars())} })},
		column[clusterRow]{"EXPOSED", readable("services", func(r clusterRow) cell { return cell{text: strconv.Itoa(r.exposed())} })},
		column[clusterRow]{"HEALTH", func(r clusterRow) cell { return cell{string(r.cluster.Health), healthTone(r.cluster.Health)} }},
		plain(headerAge, func(r clusterRow) string { return age(r.cluster.Metadata.CreationTimestamp, o.Now) }),
	)
	if o.Wide {
		columns = append(columns,
			plain("PHASE", func(r clusterRow) string { return cmp.Or(r.cluster.Phase, unknown) }),
			plain("MIRRORED", func(r clusterRow) string { return truth(r.cluster.Mirrored) }),
			plain("FINDINGS", func(r clusterRow) string { return names(codes(r.cluster.Findings), none, true) }),
		)
	}
	return columns
}

func isSharded(c view.ClusterStatus) bool { return len(c.Shards) > 1 }

// roleCell names the pods with a role, all of them: they are what the list is for.
func roleCell(c view.ClusterStatus, pods []string) cell {
	switch {
	case len(pods) > 0:
		return cell{text: names(pods, "", true)}
	case c.Mirrored == nil:
		return cell{text: unknown}
	case *c.Mirrored:
		return cell{none, toneWarn}
	default:
		return cell{text: inapplicable}
	}
}

func readyCell(ready, of int) cell {
	c := cell{text: fmt.Sprintf("%d/%d", ready, of)}
	if ready < of {
		c.tone = toneWarn
	}
	return c
}

func healthTone(h view.Health) tone {
	switch h {
	case view.Healthy:
		return toneGood
	case view.Degraded:
		return toneBad
	default: // Warning, Unknown
		return toneWarn
	}
}

func truth(b *bool) string {
	if b == nil {
		return unknown
	}
	return strconv.FormatBool(*b)
}

// codes returns the codes of findings, each once.
func codes(findings []view.Finding) []string {
	var list []string
	for _, f := range findings {
		if code := string(f.Code); !slices.Contains(list, code) {
			list = append(list, code)
		}
	}
	return list
}

// has reports whether a pod belongs to the row: to its shard or, if the cluster
// has only one, to the cluster.
func (r clusterRow) has(pod string) bool {
	return !isSharded(r.cluster) ||
		slices.Contains(r.shard.Primaries, pod) || slices.Contains(r.shard.Backups, pod) || slices.Contains(r.shard.Others, pod)
}

// sidecars counts the row's pods that have one.
func (r clusterRow) sidecars() int {
	n := 0
	for _, p := range r.cluster.Pods {
		if p.Sidecar != nil && r.has(p.Name) {
			n++
		}
	}
	return n
}

// exposed counts the Services that this tool created for the row's pods.
func (r clusterRow) exposed() int {
	n := 0
	for _, s := range r.cluster.Services {
		if s.Target != nil && r.isTarget(*s.Target) {
			n++
		}
	}
	return n
}

func (r clusterRow) isTarget(t view.Target) bool {
	switch {
	case !isSharded(r.cluster):
		return true
	case t.Kind == view.TargetPod:
		return r.has(t.Pod)
	default:
		return t.Shard == "" || t.Shard == r.shard.Name || t.Component != iris.ComponentData
	}
}
