package render_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// BenchmarkClusters prints 1,000 clusters, of which the budget of status -A
// (300 ms of work for 1,000 clusters) has to pay topology too.
func BenchmarkClusters(b *testing.B) {
	mirrored := true
	var list view.ClusterStatusList
	for i := range 1000 {
		name := fmt.Sprintf("cluster-%d", i)
		list.Items = append(list.Items, view.ClusterStatus{
			Metadata: view.Metadata{Name: name, Namespace: "prod"},
			Mirrored: &mirrored,
			Health:   view.Healthy,
			Shards:   []view.Shard{{Primaries: []string{name + "-data-0-0"}, Backups: []string{name + "-data-0-1"}, Ready: 2, Members: 2}},
		})
	}
	o := render.Options{Now: now(), Namespaces: true}
	b.ReportAllocs()
	for b.Loop() {
		if err := render.Clusters(io.Discard, list, o); err != nil {
			b.Fatal(err)
		}
	}
}
