package completion_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// names has the pods and exposed Services of one namespace.
type names struct {
	pods     []iris.Pod
	services []corev1.Service
	err      error
}

func (n names) Namespaces(context.Context) ([]string, error) { return []string{"iko", "other"}, n.err }

func (n names) Clusters(_ context.Context, namespace string) ([]string, error) {
	return []string{"cluster-of-" + namespace}, n.err
}

func (n names) Pods(_ context.Context, _, cluster string) ([]iris.Pod, error) {
	var found []iris.Pod
	for _, pod := range n.pods {
		if cluster == "" || pod.Cluster() == cluster {
			found = append(found, pod)
		}
	}
	return found, n.err
}

func (n names) PodsWithPorts(ctx context.Context, namespace, cluster string) ([]iris.Pod, error) {
	return n.Pods(ctx, namespace, cluster)
}

func (n names) MadeServices(context.Context, string) ([]corev1.Service, error) {
	return n.services, n.err
}

func pod(cluster, short, component, role string) iris.Pod {
	return iris.Pod{
		Name: cluster + "-" + short,
		Labels: map[string]string{
			iris.LabelKind: iris.Kind, iris.LabelName: cluster, iris.LabelComponent: component,
			iris.LabelMirrorRole: role, iris.LabelShard: "0",
		},
		IRIS:    &iris.Container{Name: "iris", Ports: []corev1.ContainerPort{{ContainerPort: 1972}}},
		Sidecar: &iris.Container{Name: "webgateway", Ports: []corev1.ContainerPort{{Name: "web-" + short, ContainerPort: 80}}},
	}
}

func exposed(name string, labels map[string]string) corev1.Service {
	labels["app.kubernetes.io/managed-by"] = "kubectl-iris"
	return corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
}

func world() names {
	arbiter := pod("a", "arbiter-0", "arbiter", "")
	delete(arbiter.Labels, iris.LabelShard)
	compute := pod("a", "compute-0", "compute", "")
	compute.Labels[iris.LabelShard] = "1"
	return names{
		pods: []iris.Pod{
			pod("a", "data-0-0", "data", "primary"), pod("a", "data-0-1", "data", "backup"), arbiter,
			compute, pod("b", "data-0-0", "data", "primary"),
		},
		services: []corev1.Service{
			exposed("a-sidecar-backup", map[string]string{"kubectl-iris/cluster": "a", "kubectl-iris/target": "sidecar", "kubectl-iris/role": "backup"}),
			exposed("b-sidecar-primary", map[string]string{"kubectl-iris/cluster": "b", "kubectl-iris/target": "sidecar", "kubectl-iris/role": "primary"}),
			exposed("a-data-0-1-pod", map[string]string{"kubectl-iris/cluster": "a", "kubectl-iris/target": "pod", "kubectl-iris/pod": "a-data-0-1"}),
		},
	}
}

func TestValues(t *testing.T) {
	type question = completion.Question
	for name, test := range map[string]struct {
		values completion.Values
		q      question
		want   []string
	}{
		"namespaces":        {completion.Namespaces, question{}, []string{"iko", "other"}},
		"typed namespace":   {completion.Namespaces, question{Typed: "o"}, []string{"other"}},
		"clusters":          {completion.Clusters, question{Namespace: "iko"}, []string{"cluster-of-iko"}},
		"cluster given":     {completion.Clusters, question{Namespace: "iko", Args: []string{"cluster-of-iko"}}, nil},
		"pods":              {completion.Pods, question{}, []string{"a-data-0-0\tprimary of a", "arbiter-0\tarbiter of a", "b-data-0-0\tprimary of b", "compute-0\tcompute of a", "data-0-1\tbackup of a"}},
		"pods of a cluster": {completion.Pods, question{Cluster: "b"}, []string{"data-0-0\tprimary of b"}},
		"all pods":          {completion.Pods, question{All: true}, nil},
		"typed pod":         {completion.Pods, question{Typed: "a-data"}, []string{"a-data-0-0\tprimary of a", "a-data-0-1\tbackup of a"}},
		"given pods":        {completion.Pods, question{Cluster: "a", Args: []string{"data-0-0", "a-compute-0"}}, []string{"arbiter-0\tarbiter of a", "data-0-1\tbackup of a"}},
		"roles":             {completion.Roles, question{}, []string{"backup", "primary"}},
		"roles of a":        {completion.Roles, question{Cluster: "b"}, []string{"primary"}},
		"shards":            {completion.Shards, question{}, []string{"0"}},
		"containers":        {completion.Containers, question{}, []string{"iris", "webgateway"}},
		"target ports":      {completion.TargetPorts, question{Typed: "81:", Cluster: "b"}, []string{"81:web-data-0-0\t80"}},
		"target port alone": {completion.TargetPorts, question{Typed: ":", Cluster: "b"}, []string{":web-data-0-0\t80"}},
		"no target yet":     {completion.TargetPorts, question{Typed: "8"}, nil},
		"ports of pods":     {completion.PodPorts, question{Args: []string{"data-0-1"}}, []string{"superserver\t1972", "web-data-0-1\t80"}},
		"ports of any pod":  {completion.PodPorts, question{Typed: "81:", Cluster: "b"}, []string{"81:web-data-0-0\t80"}},
		"targets": {completion.Targets, question{}, []string{
			"a\tIrisCluster", "a-data-0-0\tprimary of a", "arbiter-0\tarbiter of a", "b\tIrisCluster", "b-data-0-0\tprimary of b", "compute-0\tcompute of a", "data-0-1\tbackup of a",
		}},
		"target by full name": {completion.Targets, question{Typed: "a-data-0-1"}, []string{"a-data-0-1\tbackup of a"}},
		"target of a role":    {completion.Targets, question{Namespace: "iko", Narrowed: true}, []string{"cluster-of-iko"}},
		"instances": {completion.Instances, question{}, []string{
			"a\tIrisCluster", "a-data-0-0\tprimary of a", "b\tIrisCluster", "b-data-0-0\tprimary of b", "compute-0\tcompute of a", "data-0-1\tbackup of a",
		}},
		"target or port":    {completion.TargetsOrPorts, question{Narrowed: true, Namespace: "iko"}, []string{"cluster-of-iko", "portal\tManagement Portal", "superserver\t1972"}},
		"port of a target":  {completion.TargetsOrPorts, question{Args: []string{"b"}, Typed: "w"}, []string{"web-arbiter-0\t80", "web-compute-0\t80", "web-data-0-0\t80", "web-data-0-1\t80"}},
		"remote port":       {completion.TargetsOrPorts, question{Typed: "8080:p"}, []string{"8080:portal\tManagement Portal"}},
		"exposed":           {completion.Exposed, question{}, []string{"a-data-0-1-pod\tpod a-data-0-1", "a-sidecar-backup\tsidecars of a", "b-sidecar-primary\tsidecars of b", "data-0-1\tservice a-data-0-1-pod"}},
		"all exposed":       {completion.Exposed, question{All: true}, nil},
		"exposed of a role": {completion.Exposed, question{Narrowed: true}, []string{"a", "b"}},
		"one cluster only":  {completion.Exposed, question{Narrowed: true, Args: []string{"a"}}, nil},
		"exposed roles":     {completion.ExposedBy(func(t *view.Target) string { return t.Role }), question{}, []string{"backup", "primary"}},
		"exposed roles of":  {completion.ExposedBy(func(t *view.Target) string { return t.Role }), question{Args: []string{"a"}}, []string{"backup"}},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := test.values(t.Context(), world(), test.q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, completion.Matching(found, test.q), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// An error is that of the request.
func TestValuesThatCannotBeRead(t *testing.T) {
	refused := errors.New("forbidden")
	for name, values := range map[string]completion.Values{
		"namespaces": completion.Namespaces, "clusters": completion.Clusters, "pods": completion.Pods, "roles": completion.Roles,
		"shards": completion.Shards, "containers": completion.Containers, "ports": completion.PodPorts, "targets": completion.Targets,
		"targets or ports": completion.TargetsOrPorts, "exposed": completion.Exposed,
		"exposed by": completion.ExposedBy(func(t *view.Target) string { return t.Role }),
	} {
		if _, err := values(t.Context(), names{err: refused}, completion.Question{}); !errors.Is(err, refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
