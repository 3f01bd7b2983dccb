package render_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// printerFor returns the printer that a command gets for -o.
func printerFor(t *testing.T, format string) printers.ResourcePrinter {
	t.Helper()
	printer, err := genericclioptions.NewPrintFlags("").WithDefaultOutput(format).ToPrinter()
	if err != nil {
		t.Fatal(err)
	}
	return printer
}

func formats(t *testing.T) map[string]string {
	t.Helper()
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const path = `{range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}`
	const template = `{{range .items}}{{.metadata.namespace}}/{{.metadata.name}}{{"\n"}}{{end}}`
	return map[string]string{
		"json":             "json",
		"yaml":             "yaml",
		"kyaml":            "kyaml",
		"name":             "name",
		"jsonpath":         "jsonpath=" + path,
		"jsonpath-as-json": "jsonpath-as-json={.items[*].metadata}",
		"jsonpath-file":    "jsonpath-file=" + file("path", path),
		"template":         "template=" + template,
		"go-template":      "go-template=" + template,
		"go-template-file": "go-template-file=" + file("template", template),
	}
}

func TestObject(t *testing.T) {
	for name, format := range formats(t) {
		t.Run(name, func(t *testing.T) {
			var statuses, exposed bytes.Buffer
			if err := render.Object(&statuses, printerFor(t, format), load[view.ClusterStatusList](t, "labels")); err != nil {
				t.Fatal(err)
			}
			if err := render.Object(&exposed, printerFor(t, format), load[view.ExposedServiceList](t, "exposed")); err != nil {
				t.Fatal(err)
			}
			golden(t, "object-statuses-"+name, statuses.Bytes())
			golden(t, "object-exposed-"+name, exposed.Bytes())
		})
	}
}

func TestObjectOfOne(t *testing.T) {
	status := load[view.ClusterStatusList](t, "healthy").Items[0]
	service := load[view.ExposedServiceList](t, "exposed").Items[0]
	var out bytes.Buffer
	for _, format := range []string{"name", "jsonpath={.kind} {.metadata.name}\n"} {
		if err := render.Object(&out, printerFor(t, format), status); err != nil {
			t.Fatal(err)
		}
		if err := render.Object(&out, printerFor(t, format), service); err != nil {
			t.Fatal(err)
		}
	}
	want := "iriscluster.intersystems.com/iris\n" +
		"service/iris-vs2021-production-europe-pod-data-0-2\n" +
		"ClusterStatus iris\n" +
		"ExposedService iris-vs2021-production-europe-pod-data-0-2\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A view that was put together carelessly still prints without nulls.
func TestObjectIsClean(t *testing.T) {
	var out bytes.Buffer
	for _, format := range []string{"json", "yaml", "kyaml"} {
		list := view.ClusterStatusList{APIVersion: view.APIVersion, Kind: view.KindClusterStatusList, Items: []view.ClusterStatus{{
			APIVersion: view.APIVersion,
			Kind:       view.KindClusterStatus,
			Shards:     []view.Shard{{}},
			Pods:       []view.Pod{{Name: "p"}},
			Services:   []view.Service{{Name: "s"}},
		}}}
		if err := render.Object(&out, printerFor(t, format), list); err != nil {
			t.Fatal(err)
		}
		none := view.ExposedServiceList{APIVersion: view.APIVersion, Kind: view.KindExposedServiceList}
		if err := render.Object(&out, printerFor(t, format), none); err != nil {
			t.Fatal(err)
		}
	}
	for _, dirt := range []string{"null", "creationTimestamp", "reaches", "reachedBy", "mirrored"} {
		if strings.Contains(out.String(), dirt) {
			t.Errorf("%s in\n%s", dirt, out.String())
		}
	}
	for _, list := range []string{`"items": []`, "findings: []", "primaries: []", "addresses: []"} {
		if !strings.Contains(out.String(), list) {
			t.Errorf("no %s in\n%s", list, out.String())
		}
	}
}

// documents prints the same list, a changed one, and the first again.
func documents(t *testing.T, format string) string {
	t.Helper()
	var out bytes.Buffer
	d := render.NewDocuments(&out, printerFor(t, format))
	list := load[view.ClusterStatusList](t, "healthy")
	changed := load[view.ClusterStatusList](t, "healthy")
	changed.Items[0].Health = view.Degraded
	for _, l := range []view.ClusterStatusList{list, list, changed, changed, list} {
		if err := d.Clusters(l); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func TestDocuments(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(documents(t, "json"), "\n"), "\n")
	if len(lines) != 3 {
		t.Errorf("%d lines of JSON for three changes", len(lines))
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, `{"apiVersion":"kubectl-iris/v1alpha1","items":[`) {
			t.Errorf("not a document: %.80s", line)
		}
	}
	if got := strings.Count(documents(t, "yaml"), "---\n"); got != 2 {
		t.Errorf("%d separators between three YAML documents", got)
	}
	if diff := cmp.Diff("Healthy\nDegraded\nHealthy\n", documents(t, "jsonpath={.items[0].health}")); diff != "" {
		t.Errorf("jsonpath (-want +got):\n%s", diff)
	}
}

func TestDocumentsOfOneCluster(t *testing.T) {
	var out bytes.Buffer
	d := render.NewDocuments(&out, printerFor(t, "json"))
	cluster := load[view.ClusterStatusList](t, "healthy").Items[0]
	for range 2 {
		if err := d.Cluster(cluster); err != nil {
			t.Fatal(err)
		}
	}
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"kind":"ClusterStatus"`) {
		t.Errorf("not one document on one line:\n%s", got)
	}
}

// full is a disk without space.
type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

// No printer passes over an output that cannot be written.
func TestObjectOnAFullDisk(t *testing.T) {
	list := load[view.ClusterStatusList](t, "healthy")
	for name, format := range formats(t) {
		if err := render.Object(full{}, printerFor(t, format), list); !errors.Is(err, errFull) {
			t.Errorf("-o %s: error %v, want %v", name, err, errFull)
		}
	}
}

// What a printer wrote before it failed is printed: kubectl's jsonpath shows the
// object to which a path does not apply.
func TestPrintOfAFailingPrinter(t *testing.T) {
	broken := errors.New("no such field")
	var out bytes.Buffer
	err := render.Print(&out, printers.ResourcePrinterFunc(func(_ runtime.Object, w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return broken
	}), nil)
	if !errors.Is(err, broken) || out.String() != "half" {
		t.Errorf("error %v, output %q", err, out.String())
	}
}
