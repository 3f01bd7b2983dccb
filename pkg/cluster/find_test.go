package cluster_test

import (
	"strings"
	"testing"

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

// A pod made by hand may have the full name that is another's
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
