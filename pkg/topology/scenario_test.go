package topology_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

var update = flag.Bool("update", false, "update the golden files")

const (
	scenarioFile = "scenario.yaml"
	goldenFile   = "want.yaml"
)

// scenario is what a folder of testdata says beside its objects.
type scenario struct {
	About string `json:"about"`
	// Base is a scenario to start from. An object of the same kind and name
	// is merged into the base's (RFC 7386: null removes a field).
	Base string `json:"base"`
	// Remove are objects of the base to leave out, as Kind/namespace/name.
	Remove []string `json:"remove"`
	// Unread are the snapshot's.
	Unread []view.Unread `json:"unread"`
	// Answers are what IRIS said, by the pod's name; none if it was not asked.
	Answers map[string]answer `json:"answers"`
}

// scenarios returns the names of the folders of testdata.
func scenarios(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*/" + scenarioFile)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for i := range files {
		files[i] = filepath.Base(filepath.Dir(files[i]))
	}
	return files
}

func TestScenarios(t *testing.T) {
	for _, name := range scenarios(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := render(t, load(t, name))
			golden := filepath.Join("testdata", name, goldenFile)
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v (write it with -update)", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// render is what the package makes of a snapshot, as YAML documents.
func render(t *testing.T, s topology.Snapshot) []byte {
	t.Helper()
	out, err := yaml.Marshal(topology.Statuses(s))
	if err != nil {
		t.Fatal(err)
	}
	if exposed := topology.Exposed(s); len(exposed.Items) > 0 {
		more, err := yaml.Marshal(exposed)
		if err != nil {
			t.Fatal(err)
		}
		out = slices.Concat(out, []byte("---\n"), more)
	}
	return out
}

// load reads a scenario's objects as the API server would give them.
func load(t *testing.T, name string) topology.Snapshot {
	t.Helper()
	objects, said := readScenario(t, name)
	s := topology.Snapshot{Unread: said.Unread}
	for _, id := range sortedKeys(objects) {
		object := &unstructured.Unstructured{Object: objects[id]}
		switch object.GetKind() {
		case "IrisCluster":
			s.Clusters = append(s.Clusters, iris.ClusterFrom(object))
		case "Pod":
			s.Pods = append(s.Pods, iris.PodFrom(convert[corev1.Pod](t, object)))
		case "Service":
			s.Services = append(s.Services, *convert[corev1.Service](t, object))
		case "EndpointSlice":
			s.Slices = append(s.Slices, *convert[discoveryv1.EndpointSlice](t, object))
		case "Event":
			s.Events = append(s.Events, *convert[corev1.Event](t, object))
		default:
			t.Fatalf("%s: kind %q is not part of a snapshot", name, object.GetKind())
		}
	}
	s.Answers = answersOf(s.Pods, said.Answers)
	return s
}

func sortedKeys(objects map[string]map[string]any) []string {
	var ids []string
	for id := range objects {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func convert[T any](t *testing.T, object *unstructured.Unstructured) *T {
	t.Helper()
	var typed T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &typed, true); err != nil {
		t.Fatalf("%s %q: %v", object.GetKind(), object.GetName(), err)
	}
	return &typed
}

// readScenario reads the objects of a scenario on top of its base's, by
// Kind/namespace/name.
func readScenario(t *testing.T, name string) (map[string]map[string]any, scenario) {
	t.Helper()
	folder := filepath.Join("testdata", name)
	text, err := os.ReadFile(filepath.Join(folder, scenarioFile))
	if err != nil {
		t.Fatal(err)
	}
	var said scenario
	if err := yaml.UnmarshalStrict(text, &said); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	objects := map[string]map[string]any{}
	if said.Base != "" {
		objects, _ = readScenario(t, said.Base)
	}
	for _, id := range said.Remove {
		if objects[id] == nil {
			t.Fatalf("%s: %s is not in %s", name, id, said.Base)
		}
		delete(objects, id)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if base := filepath.Base(file); base == scenarioFile || base == goldenFile {
			continue
		}
		for _, object := range readObjects(t, file) {
			u := unstructured.Unstructured{Object: object}
			id := u.GetKind() + "/" + u.GetNamespace() + "/" + u.GetName()
			objects[id] = merge(objects[id], object)
		}
	}
	return objects, said
}

func readObjects(t *testing.T, file string) []map[string]any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var objects []map[string]any
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		var object map[string]any
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if object != nil {
			objects = append(objects, numbers(object).(map[string]any))
		}
	}
}

// numbers makes whole numbers int64, as the API machinery decodes them.
func numbers(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return value
}

func merge(into, patch map[string]any) map[string]any {
	merged := map[string]any{}
	for k, v := range into {
		merged[k] = v
	}
	for k, v := range patch {
		old, isMap := merged[k].(map[string]any)
		change, patchesMap := v.(map[string]any)
		switch {
		case v == nil:
			delete(merged, k)
		case isMap && patchesMap:
			merged[k] = merge(old, change)
		default:
			merged[k] = v
		}
	}
	return merged
}
