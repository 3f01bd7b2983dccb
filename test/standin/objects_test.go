package standin

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden files anew")

// scenarios are the folders of testdata, each with a cluster.yaml.
func scenarios(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*/cluster.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for i := range files {
		files[i] = filepath.Base(filepath.Dir(files[i]))
	}
	return files
}

// readScenario reads the clusters of a scenario as if they were in namespace "ns".
func readScenario(t *testing.T, name string) []*cluster {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name, "cluster.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	objects, err := ReadClusters(content)
	if err != nil {
		t.Fatal(err)
	}
	var clusters []*cluster
	for _, object := range objects {
		object.SetNamespace("ns")
		object.SetUID("uid")
		c, err := parseCluster(object)
		if err != nil {
			t.Fatal(err)
		}
		clusters = append(clusters, c)
	}
	return clusters
}

// The objects of every scenario, in short.
func TestObjectsGolden(t *testing.T) {
	for _, name := range scenarios(t) {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			for _, c := range readScenario(t, name) {
				for _, object := range c.objects(Options{}.withDefaults()) {
					describe(&got, object)
				}
			}
			compareGolden(t, filepath.Join("testdata", name, "objects.golden"), got.String())
		})
	}
}

// The objects of the article's cluster, in full.
func TestArticleObjectsGolden(t *testing.T) {
	var got strings.Builder
	for _, object := range readScenario(t, "article")[0].objects(Options{}.withDefaults()) {
		u, err := toUnstructured(object)
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := yaml.Marshal(u.Object)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "---\n%s", encoded)
	}
	compareGolden(t, "testdata/article/objects.yaml.golden", got.String())
}

func compareGolden(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", golden, diff)
	}
}

// describe writes what decides where Services lead.
func describe(w *strings.Builder, object runtime.Object) {
	switch object := object.(type) {
	case *corev1.Service:
		fmt.Fprintf(w, "Service %s\n", serviceLine(object))
		for _, port := range object.Spec.Ports {
			fmt.Fprintf(w, "  port %s %d -> %s\n", port.Name, port.Port, port.TargetPort.String())
		}
		if policy := object.Spec.ExternalTrafficPolicy; policy != "" {
			fmt.Fprintf(w, "  external traffic policy %s\n", policy)
		}
		fmt.Fprintf(w, "  selector %s\n  labels %s\n", labels.FormatLabels(object.Spec.Selector), labels.FormatLabels(object.Labels))
		if len(object.Annotations) > 0 {
			fmt.Fprintf(w, "  annotations %s\n", labels.FormatLabels(object.Annotations))
		}
	case *appsv1.StatefulSet:
		fmt.Fprintf(w, "StatefulSet %s %d\n  pod labels %s\n", object.Name, *object.Spec.Replicas, labels.FormatLabels(object.Spec.Template.Labels))
		for _, container := range object.Spec.Template.Spec.Containers {
			fmt.Fprintf(w, "  container %s %s", container.Name, container.Image)
			for _, port := range container.Ports {
				fmt.Fprintf(w, " %s=%d", port.Name, port.ContainerPort)
			}
			fmt.Fprintln(w)
		}
	case *corev1.ConfigMap:
		fmt.Fprintf(w, "ConfigMap %s %q\n", object.Name, object.Data["data.cpf"])
	case metav1.Object:
		fmt.Fprintf(w, "%s %s\n", object.(runtime.Object).GetObjectKind().GroupVersionKind().Kind, object.GetName())
	}
}

// What public dumps show of IKO's objects: pods with their number of containers, and
// Services with their ports.
func TestObjectsAsObserved(t *testing.T) {
	tests := []struct {
		scenario string
		pods     []string
		services []string
	}{
		{
			scenario: "compute-sidecars", // IRISMeister/iris-k8s-vs2021, docs/demo.md
			pods: []string{
				"iris-vs2021-arbiter-0 1", "iris-vs2021-compute-0 2", "iris-vs2021-compute-1 2",
				"iris-vs2021-data-0-0 2", "iris-vs2021-data-0-1 2", "iris-vs2021-webgateway-0 1",
			},
			services: []string{"iris-svc None", "iris-vs2021 LoadBalancer 1972 80", "iris-vs2021-webgateway LoadBalancer 80"},
		},
		{
			scenario: "webinar", // es-comunidad-intersystems/webinar-k8s-ha, README
			pods: []string{
				"webinar-arbiter-0 1", "webinar-compute-0 1", "webinar-compute-1 1", "webinar-data-0-0 1", "webinar-data-0-1 1",
				"webinar-webgateway-0 1", "webinar-webgateway-1 1",
			},
			services: []string{"iris-svc None", "webinar LoadBalancer 1972 52773", "webinar-webgateway LoadBalancer 80"},
		},
		{
			scenario: "standalone", // intersystems-community/iko-01-basic-iris-cluster, README
			pods:     []string{"iris-data-0 1"},
			services: []string{"iris-svc None", "iris 1972 52773"},
		},
		{
			scenario: "locked-down", // docs.intersystems.com, AIKO_connect: the locked-down sidecar's port
			pods:     []string{"locked-data-0 2", "locked-webgateway-0 1"},
			services: []string{"iris-svc None", "locked NodePort 1972 52773", "locked-webgateway NodePort 80 443"},
		},
	}
	for _, test := range tests {
		t.Run(test.scenario, func(t *testing.T) {
			var pods, services []string
			for _, object := range readScenario(t, test.scenario)[0].objects(Options{}.withDefaults()) {
				switch object := object.(type) {
				case *appsv1.StatefulSet:
					for ordinal := range *object.Spec.Replicas {
						pods = append(pods, fmt.Sprintf("%s-%d %d", object.Name, ordinal, len(object.Spec.Template.Spec.Containers)))
					}
				case *corev1.Service:
					services = append(services, serviceLine(object))
				}
			}
			slices.Sort(pods)
			if diff := cmp.Diff(test.pods, pods); diff != "" {
				t.Errorf("pods (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.services, services); diff != "" {
				t.Errorf("services (-want +got):\n%s", diff)
			}
		})
	}
}

// serviceLine is a Service's name, type and ports.
func serviceLine(service *corev1.Service) string {
	words := []string{service.Name}
	if service.Spec.ClusterIP != "" {
		words = append(words, service.Spec.ClusterIP)
	}
	if service.Spec.Type != "" {
		words = append(words, string(service.Spec.Type))
	}
	for _, port := range service.Spec.Ports {
		words = append(words, fmt.Sprint(port.Port))
	}
	return strings.Join(words, " ")
}

// The order of creation in IKO's log.
func TestObjectsOrder(t *testing.T) {
	var got []string
	for _, object := range readScenario(t, "standalone")[0].objects(Options{}.withDefaults()) {
		u, err := toUnstructured(object)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, u.GetKind()+" "+u.GetName())
	}
	want := []string{
		"Service iris-svc", "Service iris", "ServiceAccount iris-mirror-labeler", "Role iris-mirror-labeler",
		"RoleBinding iris-mirror-labeler", "ConfigMap iris-data", "StatefulSet iris-data",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// The label mirrorRole comes at run time only: no pod template may carry it.
func TestNoTemplateCarriesMirrorRole(t *testing.T) {
	for _, name := range scenarios(t) {
		for _, c := range readScenario(t, name) {
			for _, object := range c.objects(Options{}.withDefaults()) {
				set, ok := object.(*appsv1.StatefulSet)
				if !ok {
					continue
				}
				if _, ok := set.Spec.Template.Labels["intersystems.com/mirrorRole"]; ok {
					t.Errorf("%s: StatefulSet %q sets mirrorRole on its pods", name, set.Name)
				}
			}
		}
	}
}

// With images of its own, the stand-in runs those, and never pulls.
func TestImages(t *testing.T) {
	options := Options{IRISContainer: "x", Images: Images{IRIS: "localhost/iris:1", WebGateway: "localhost/gw:1", Arbiter: "localhost/arbiter:1"}}
	var got []string
	for _, object := range readScenario(t, "article")[0].objects(options.withDefaults()) {
		if set, ok := object.(*appsv1.StatefulSet); ok {
			for _, container := range set.Spec.Template.Spec.Containers {
				got = append(got, fmt.Sprintf("%s/%s %s %s", set.Name, container.Name, container.Image, container.ImagePullPolicy))
			}
		}
	}
	want := []string{
		"simple-data-0/x localhost/iris:1 Never", "simple-data-0/webgateway localhost/gw:1 Never",
		"simple-arbiter/arbiter localhost/arbiter:1 Never", "simple-webgateway/webgateway localhost/gw:1 Never",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("containers (-want +got):\n%s", diff)
	}
}
