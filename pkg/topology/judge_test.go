package topology_test

import (
	"maps"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/finding"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Each code of the table is found in a scenario, as the table has it, and no
// other code is. Errors come first.
func TestEachFindingHasAScenario(t *testing.T) {
	found := map[view.FindingCode]view.Severity{}
	order := []view.Severity{view.SeverityError, view.SeverityWarning, view.SeverityInfo}
	for _, name := range scenarios(t) {
		for _, c := range topology.Statuses(load(t, name)).Items {
			last := 0
			for _, f := range c.Findings {
				found[f.Code] = f.Severity
				if f.URL != finding.URL(f.Code) {
					t.Errorf("%s: %s: URL %q", name, f.Code, f.URL)
				}
				rank := slices.Index(order, f.Severity)
				if rank < last {
					t.Errorf("%s: %s, %s, after a finding of less severity", name, f.Code, f.Severity)
				}
				last = rank
			}
		}
	}
	for _, k := range finding.Table() {
		if found[k.Code] != k.Severity {
			t.Errorf("%s is in no scenario of testdata, or of severity %q, want %q", k.Code, found[k.Code], k.Severity)
		}
		delete(found, k.Code)
	}
	for code := range found {
		t.Errorf("%s is not in the table of pkg/finding", code)
	}
}

// exposes returns a Service of this tool for a component, in a role or shard, and
// no endpoints.
func exposes(name, component, role, shard string) corev1.Service {
	t := view.Target{Kind: view.TargetSidecar, Cluster: name, Component: component, Role: role, Shard: shard}
	selector := map[string]string{iris.LabelName: name, iris.LabelComponent: component, iris.LabelMirrorRole: role, iris.LabelShard: shard}
	maps.DeleteFunc(selector, func(_, value string) bool { return value == "" })
	return corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: "exposed", Labels: cluster.TargetLabels(t)},
		Spec:       corev1.ServiceSpec{Selector: selector, Ports: []corev1.ServicePort{{Port: 81}}},
	}
}

// What the findings say beyond what the scenarios have.
func TestMessages(t *testing.T) {
	podNamed := func(s *topology.Snapshot, name string) *iris.Pod {
		i := slices.IndexFunc(s.Pods, func(p iris.Pod) bool { return p.Name == name })
		return &s.Pods[i]
	}
	for name, test := range map[string]struct {
		scenario string
		change   func(*topology.Snapshot)
		object   string
		want     []view.Finding
	}{
		"a component without pods": {
			"article",
			func(s *topology.Snapshot) { s.Services = append(s.Services, exposes("simple", "compute", "", "")) },
			"service/exposed",
			[]view.Finding{{
				Message: `service "exposed" reaches no pod: the cluster has no compute pods`,
				Hint:    "see what the operator says: kubectl describe irisclusters.intersystems.com simple -n iko",
			}},
		},
		"no component, and no pods at all": {
			"no-pods",
			func(s *topology.Snapshot) {
				service := exposes("simple", "", "", "")
				s.Pods, s.Services = nil, []corev1.Service{service}
			},
			"service/exposed",
			nil,
		},
		"a shard without pods": {
			"sharded-shard-without-pods",
			func(s *topology.Snapshot) { s.Services = append(s.Services, exposes("wide", "data", "primary", "1")) },
			"service/exposed",
			nil,
		},
		"one of a million shards": {
			"sharded-a-million",
			func(s *topology.Snapshot) {
				s.Services = append(s.Services, exposes(s.Clusters[0].Name, "data", "primary", "4711"))
			},
			"service/exposed",
			nil,
		},
		"a shard that is not asked for": {
			"sharded-shard-without-pods",
			func(s *topology.Snapshot) { s.Services = append(s.Services, exposes("wide", "data", "primary", "7")) },
			"service/exposed",
			[]view.Finding{{
				Message: `service "exposed" reaches no pod: no data pod carries intersystems.com/shard=7`,
				Hint:    "compare the labels: kubectl get pods -l intersystems.com/name=wide --show-labels -n iko",
			}},
		},
		"labels that no pod has together": {
			"sharded",
			func(s *topology.Snapshot) {
				service := exposes(s.Clusters[0].Name, "data", "", "0")
				service.Spec.Selector[iris.LabelMirrorRole] = "reporting"
				s.Services = append(s.Services, service)
			},
			"service/exposed",
			[]view.Finding{{
				Message: `service "exposed" reaches no pod: no data pod of shard "0" carries intersystems.com/mirrorRole=reporting`,
				Hint:    "compare the labels: kubectl get pods -l intersystems.com/name=wide --show-labels -n iko",
			}},
		},
		"a lost node": {
			"article",
			func(s *topology.Snapshot) {
				p := podNamed(s, "simple-data-0-1")
				p.Ready, p.NodeLost, p.Node, p.Why = false, true, "node-9", `node "node-9" is lost`
			},
			"pod/simple-data-0-1",
			[]view.Finding{{
				Message: `data pod "simple-data-0-1" is not ready: Running, 2/2 containers ready; node "node-9" is lost`,
				Hint:    "see the state of its node: kubectl get node node-9",
			}},
		},
		"a primary by its label is being deleted": {
			"article",
			func(s *topology.Snapshot) { podNamed(s, "simple-data-0-0").Deleting = true },
			"",
			[]view.Finding{{
				Message: `no primary: "simple-data-0-0", which is labelled primary, is being deleted`,
				Hint:    "see what IRIS itself says: kubectl exec simple-data-0-1 -c iriscluster -n iko -- iris list",
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := load(t, test.scenario)
			test.change(&s)
			var got []view.Finding
			for _, f := range topology.Statuses(s).Items[0].Findings {
				if f.Object == test.object {
					got = append(got, view.Finding{Message: f.Message, Hint: f.Hint})
				}
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
