package cluster_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// podOf is a pod of a cluster; of none if cluster is empty.
func podOf(of, name string) iris.Pod {
	p := iris.Pod{Namespace: "prod", Name: name, Labels: map[string]string{}}
	if of != "" {
		p.Labels[iris.LabelKind], p.Labels[iris.LabelName] = iris.Kind, of
	}
	return p
}

func TestFindPod(t *testing.T) {
	pods := []iris.Pod{
		podOf("c", "c-data-0"), podOf("c-data", "c-data-data-0"), podOf("c", "c-compute-0"), podOf("", "d-data-0"),
		podOf("c", "c-x-data-1"), podOf("x", "x-data-1"), podOf("a", "a-data-2"), podOf("b", "b-data-2"),
	}
	for name, test := range map[string]struct {
		name, want, message, hint string
		byShortName               bool
		pods                      []iris.Pod
	}{
		"a full name":                    {name: "c-data-0", want: "c-data-0"},
		"a short name":                   {name: "compute-0", want: "c-compute-0", byShortName: true},
		"a cluster's name with -data":    {name: "c-data-data-0", want: "c-data-data-0"},
		"a full name before a short one": {name: "x-data-1", want: "x-data-1"},
		"several":                        {name: "data-2", message: `"data-2" names several pods in namespace "prod": a-data-2, b-data-2`, hint: "full name"},
		"unknown": {
			name: "data-9", pods: []iris.Pod{podOf("c", "c-data-0")},
			message: `no pod of an IrisCluster is named "data-9" in namespace "prod"`, hint: "this namespace has c-data-0",
		},
		"no pods": {name: "data-9", pods: []iris.Pod{}, message: `no pod of an IrisCluster is named "data-9" in namespace "prod"`, hint: "this namespace has no pod"},
		"no member, and another's short name": {
			name: "data-0", pods: []iris.Pod{podOf("", "data-0"), podOf("solo", "solo-data-0")},
			message: `pod "data-0" in namespace "prod" is not one of an IrisCluster`, hint: "to use pod solo-data-0, give its full name",
		},
		"no member": {name: "d-data-0", message: `pod "d-data-0" in namespace "prod" is not one of an IrisCluster`, hint: "intersystems.com/kind"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.pods == nil {
				test.pods = pods
			}
			got, byShortName, err := cluster.FindPod("prod", test.name, test.pods)
			if test.message != "" {
				if err == nil || err.Error() != test.message || !strings.Contains(problem.HintOf(err), test.hint) {
					t.Errorf("error %v, hint %q", err, problem.HintOf(err))
				}
				return
			}
			if err != nil || got.Name != test.want || byShortName != test.byShortName {
				t.Errorf("got %q, by short name %v, error %v", got.Name, byShortName, err)
			}
		})
	}
}

// A pod that a user created may have the full name that is another's
// short one: that other pod is never taken for it.
func TestRuleOut(t *testing.T) {
	handMade, member := podOf("", "data-0"), podOf("solo", "solo-data-0")
	err := cluster.RuleOut(&handMade, member.Name)
	if err == nil || err.Error() != `pod "data-0" in namespace "prod" is not one of an IrisCluster` || !strings.Contains(problem.HintOf(err), "solo-data-0") {
		t.Errorf("error %v, hint %q", err, problem.HintOf(err))
	}
	if err := cluster.RuleOut(nil, member.Name); err != nil {
		t.Errorf("no such pod: %v", err)
	}
}

func TestOnly(t *testing.T) {
	named := func(names ...string) (clusters []iris.Cluster) {
		for _, name := range names {
			clusters = append(clusters, iris.Cluster{Namespace: "prod", Name: name})
		}
		return clusters
	}
	for name, test := range map[string]struct {
		namespace     cluster.Namespace
		want, message string
		code          int
	}{
		"one":                          {cluster.Namespace{ClustersRead: true, Clusters: named("a")}, "a", "", 0},
		"one beside pods of a deleted": {cluster.Namespace{ClustersRead: true, Clusters: named("a"), Pods: []iris.Pod{podOf("b", "b-data-0")}}, "a", "", 0},
		"deleted, its pods are there":  {cluster.Namespace{ClustersRead: true, Pods: []iris.Pod{podOf("b", "b-data-0")}}, "b", "", 0},
		"not read, as the pods say":    {cluster.Namespace{Pods: []iris.Pod{podOf("b", "b-data-0"), podOf("b", "b-data-1")}}, "b", "", 0},
		"several":                      {cluster.Namespace{ClustersRead: true, Clusters: named("b", "a")}, "", `namespace "prod" has several IrisClusters: a, b`, problem.ExitUsage},
		"none":                         {cluster.Namespace{ClustersRead: true}, "", `no IrisCluster found in namespace "prod"`, problem.ExitError},
	} {
		t.Run(name, func(t *testing.T) {
			test.namespace.Name = "prod"
			got, err := test.namespace.Only()
			if test.message == "" && (err != nil || got != test.want) {
				t.Errorf("got %q, error %v", got, err)
			}
			if test.message != "" && (err == nil || err.Error() != test.message || problem.ExitCode(err) != test.code || problem.HintOf(err) == "") {
				t.Errorf("error %v, code %d", err, problem.ExitCode(err))
			}
		})
	}
}

func TestNamesAndFactsOfANamespace(t *testing.T) {
	n := cluster.Namespace{
		Name: "prod", ClustersRead: true,
		Clusters: []iris.Cluster{{Namespace: "prod", Name: "b", UID: "1"}, {Namespace: "prod", Name: "a", UID: "2", Mirrored: true}},
		Pods:     []iris.Pod{podOf("b", "b-data-0"), podOf("c", "c-data-0"), podOf("c", "c-data-1")},
	}
	equal(t, "names", []string{"a", "b", "c"}, n.Names())
	for name, want := range map[string]cluster.Facts{
		"a": {Resource: n.Clusters[1], Read: true},
		"b": {Resource: n.Clusters[0], Read: true, Pods: n.Pods[:1]},
		"c": {Resource: iris.Cluster{Namespace: "prod", Name: "c"}, Pods: n.Pods[1:]},
		"d": {Resource: iris.Cluster{Namespace: "prod", Name: "d"}},
	} {
		equal(t, name, want, n.Facts(name))
	}
}

func TestValidateNames(t *testing.T) {
	long := strings.Repeat("a", 63)
	for name, isValid := range map[string]bool{
		"simple": true, "a.b-2": true, long: true, long + "a": false, "": false, "Simple": false, "a_b": false, "-a": false, "a/b": false,
	} {
		err := cluster.ValidateNames("good", name)
		if isValid != (err == nil) {
			t.Errorf("%q: error %v", name, err)
		}
		if err != nil && (problem.ExitCode(err) != problem.ExitUsage || !strings.HasPrefix(err.Error(), fmt.Sprintf("%q is not", name))) {
			t.Errorf("%q: error %v, code %d", name, err, problem.ExitCode(err))
		}
	}
}

// A person looks for data pods first, and for the tenth behind the ninth.
func TestOrderOfPods(t *testing.T) {
	of := func(name, component, shard string) iris.Pod {
		p := podOf("c", "c-"+name)
		p.Labels[iris.LabelComponent] = component
		if shard != "" {
			p.Labels[iris.LabelShard] = shard
		}
		return p
	}
	want := []iris.Pod{
		of("data-02-0", "data", "02"), of("data-2-0", "data", "2"), of("data-2-1", "data", "2"), of("data-10-0", "data", "10"), of("data-0", "data", ""), of("data-x-0", "data", "x"), of("data-y-0", "data", "y"),
		of("compute-2", "compute", ""), of("compute-10", "compute", ""), of("webgateway-0", "webgateway", ""), of("arbiter-0", "arbiter", ""),
		of("iam-0", "iam", ""), of("a-sam", "sam", ""), of("b-sam", "sam", ""),
	}
	for i, a := range want {
		for j, b := range want {
			if got := cluster.ComparePods(&a, &b); got != cmp.Compare(i, j) {
				t.Errorf("%s and %s: %d, want %d", a.Name, b.Name, got, cmp.Compare(i, j))
			}
		}
	}
}

func TestIsRunning(t *testing.T) {
	runs := &iris.Container{Started: metav1.NewTime(time.Unix(1000, 0))}
	for name, test := range map[string]struct {
		pod  iris.Pod
		want bool
	}{
		"IRIS runs":        {iris.Pod{IRIS: runs, Sidecar: &iris.Container{}}, true},
		"the sidecar runs": {iris.Pod{IRIS: &iris.Container{}, Sidecar: runs}, true},
		"both start":       {iris.Pod{IRIS: &iris.Container{}, Sidecar: &iris.Container{}}, false},
		"no container":     {iris.Pod{}, false},
		"being deleted":    {iris.Pod{IRIS: runs, Deleting: true}, false},
	} {
		equal(t, name, test.want, (&cluster.Member{Pod: &test.pod}).IsRunning())
	}
}

func TestLeavesOpen(t *testing.T) {
	for name, test := range map[string]struct {
		answer          *iris.Answer
		primary, backup bool
	}{
		"not asked":           {nil, true, true},
		"no answer":           {&iris.Answer{}, true, true},
		"the page: primary":   {&iris.Answer{Source: iris.FromMirrorStatus, Primary: true}, false, false},
		"the page: not":       {&iris.Answer{Source: iris.FromMirrorStatus}, false, true},
		"a member's instance": {&iris.Answer{Source: iris.FromMetrics, Metrics: &iris.Mirror{MemberType: "Failover", Status: "Backup"}}, false, false},
	} {
		m := &cluster.Member{Answer: test.answer}
		equal(t, name, [3]bool{test.primary, test.backup, false}, [3]bool{m.LeavesOpen("primary"), m.LeavesOpen("backup"), m.LeavesOpen("drasync")})
	}
}
