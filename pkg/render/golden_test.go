package render_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

var update = flag.Bool("update", false, "update the golden files")

// now is the time that ages in golden files are counted to.
func now() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// golden compares a text with testdata/NAME.golden.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// load reads testdata/NAME.yaml.
func load[V any](t *testing.T, name string) V {
	t.Helper()
	var v V
	data, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func scenarios() []string { return []string{"healthy", "degraded", "sharded", "labels", "unknown"} }

func TestClusters(t *testing.T) {
	for _, scenario := range scenarios() {
		list := load[view.ClusterStatusList](t, scenario)
		for name, o := range map[string]render.Options{
			"list":      {Now: now()},
			"list-wide": {Now: now(), Wide: true, Namespaces: true},
		} {
			t.Run(scenario+"-"+name, func(t *testing.T) {
				var out bytes.Buffer
				if err := render.Clusters(&out, list, o); err != nil {
					t.Fatal(err)
				}
				render.Unread(&out, list.Unread)
				golden(t, scenario+"-"+name, out.Bytes())
			})
		}
	}
}

func TestCluster(t *testing.T) {
	for _, scenario := range scenarios() {
		for _, cluster := range load[view.ClusterStatusList](t, scenario).Items {
			for name, o := range map[string]render.Options{
				cluster.Metadata.Name:           {Now: now()},
				cluster.Metadata.Name + "-wide": {Now: now(), Wide: true},
			} {
				t.Run(scenario+"-"+name, func(t *testing.T) {
					var out bytes.Buffer
					if err := render.Cluster(&out, cluster, o); err != nil {
						t.Fatal(err)
					}
					golden(t, scenario+"-"+name, out.Bytes())
				})
			}
		}
	}
}

// What could not be read is a warning: it belongs on stderr, and is in the
// cluster's text only where a screen shows both.
func TestUnreadIsNotPartOfACluster(t *testing.T) {
	c := view.ClusterStatus{
		Metadata: view.Metadata{Name: "simple", Namespace: "iko"}, Health: view.Healthy, Verdict: "healthy",
		Unread: []view.Unread{{Verb: "list", Resource: "events", Message: "cannot list\nevents\x1b[2J"}},
	}
	var detail, appended, unread bytes.Buffer
	if err := render.Cluster(&detail, c, render.Options{Now: now()}); err != nil {
		t.Fatal(err)
	}
	if err := render.NewLines(&appended).Cluster(c, render.Options{Now: now()}); err != nil {
		t.Fatal(err)
	}
	render.Unread(&unread, c.Unread)
	frame, err := render.ClusterFrame(c, render.Options{Now: now()})
	if err != nil {
		t.Fatal(err)
	}
	const headline, warning = "simple (namespace \"iko\"): healthy\n", "warning: cannot list events?[2J\n"
	for name, test := range map[string]struct{ got, want string }{
		"detail":   {detail.String(), headline},
		"appended": {appended.String(), headline},
		"unread":   {unread.String(), warning},
		"frame":    {frame.Body, headline + "\n" + warning},
	} {
		if test.got != test.want {
			t.Errorf("%s: %q, want %q", name, test.got, test.want)
		}
	}
}

func TestExposed(t *testing.T) {
	list := load[view.ExposedServiceList](t, "exposed")
	for name, o := range map[string]render.Options{
		"exposed":            {Now: now()},
		"exposed-wide":       {Now: now(), Wide: true, Namespaces: true},
		"exposed-no-headers": {Now: now(), Namespaces: true, NoHeaders: true},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := render.Exposed(&out, list, o); err != nil {
				t.Fatal(err)
			}
			golden(t, name, out.Bytes())
		})
	}
}
