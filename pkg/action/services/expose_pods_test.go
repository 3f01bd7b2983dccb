package services_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-iris/kubectl-iris/pkg/action/services"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

func TestNewPodsRequest(t *testing.T) {
	port := expose.Options{NodePort: 30081}
	for name, test := range map[string]struct {
		names              []string
		all                bool
		component, cluster string
		options            expose.Options
		want, hint         string
	}{
		"nothing":                   {want: "a pod name or all is required", hint: "expose-pod data-0-1"},
		"names and all":             {names: []string{"a"}, all: true, want: "a pod name cannot be used together with all", hint: "omit"},
		"a component without all":   {names: []string{"a"}, component: "data", want: "component requires all", hint: "pod's name"},
		"an unknown component":      {all: true, component: "arbiter", want: `invalid component "arbiter": must be one of: data, compute`, hint: "omit component"},
		"no cluster's name":         {names: []string{"a"}, cluster: "A_B", want: `"A_B" is not the name of an IrisCluster`, hint: "lower-case"},
		"a name for several":        {names: []string{"a", "b"}, options: expose.Options{Name: "web"}, want: "name requires exactly one pod", hint: "omit name"},
		"a name for all":            {all: true, options: expose.Options{Name: "web"}, want: "name requires exactly one pod", hint: "omit name"},
		"a node port for several":   {names: []string{"a", "b"}, options: port, want: "node-port requires exactly one pod: two Services cannot have the same", hint: "omit node-port"},
		"a name for one":            {names: []string{"a"}, options: expose.Options{Name: "web"}},
		"a node port for one":       {names: []string{"a"}, options: port},
		"all":                       {all: true},
		"all of a component":        {all: true, component: "compute", cluster: "simple"},
		"an option that is wrong":   {names: []string{"a"}, options: expose.Options{Name: "-"}, want: `invalid name "-": must be a Service's name`, hint: "63"},
		"names in several clusters": {names: []string{"a", "b"}, cluster: "simple"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := services.NewPodsRequest(test.names, test.all, test.component, test.cluster, test.options)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || err.Error() != test.want || !strings.Contains(problem.HintOf(err), test.hint) || problem.ExitCode(err) != problem.ExitUsage {
				t.Errorf("%v, hint %q", err, problem.HintOf(err))
			}
		})
	}
}

func TestExposePods(t *testing.T) {
	const first, second = "simple-pod-data-0-0", "simple-pod-data-0-1"
	named := func(short string) string { return "PodsNamed " + short + ",simple-" + short }
	second2 := func(c *inMemory) {
		c.clusters = append(c.clusters, iris.Cluster{Namespace: "iko", Name: "other", UID: "2", Shards: 1, Nodes: map[string]iris.Node{"data": {}}})
		c.pods = append(c.pods, memberPod("other", "data-0-1", ""))
	}
	for name, test := range map[string]struct {
		names              []string
		component, cluster string
		options            expose.Options
		with               func(*inMemory)
		stages             []string
		calls              []string
		warnings           []string
		err, hint          string
		code               int
	}{
		"by its short name": {
			names: []string{"data-0-0"}, stages: []string{first + " created", first + " ready"},
			calls: []string{"IrisClusters", named("data-0-0"), "Apply " + first},
		},
		"twice by two names": {
			names: []string{"data-0-0", "simple-data-0-0"}, stages: []string{first + " created", first + " ready"},
			calls: []string{"IrisClusters", "PodsNamed data-0-0,simple-data-0-0,simple-data-0-0,simple-simple-data-0-0", "Apply " + first},
		},
		"all": {
			component: "data", stages: []string{first + " created", first + " ready", second + " created", second + " ready"},
			calls: []string{"ClustersAndPods", "Apply " + first, "Apply " + second},
		},
		"all, out of order": {
			component: "data", with: func(c *inMemory) { slices.Reverse(c.pods) },
			stages: []string{first + " created", first + " ready", second + " created", second + " ready"},
			calls:  []string{"ClustersAndPods", "Apply " + first, "Apply " + second},
		},
		"all of a cluster": {
			component: "data", cluster: "simple", with: second2,
			stages: []string{first + " created", first + " ready", second + " created", second + " ready"},
			calls:  []string{"Pods intersystems.com/kind=IrisCluster,intersystems.com/name in (simple)", "Cluster simple", "Apply " + first, "Apply " + second},
		},
		"all of several clusters": {
			component: "data", with: second2, calls: []string{"ClustersAndPods"},
			err: `namespace "iko" has several IrisClusters: other, simple`, hint: "name one", code: 2,
		},
		"all of one that has none": {
			component: "compute", calls: []string{"ClustersAndPods"},
			err: `IrisCluster "simple" in namespace "iko" has no compute pod`, hint: "kubectl iris status simple -n iko", code: 1,
		},
		"all of one that has no pod": {
			component: "data", cluster: "simple", with: func(c *inMemory) { c.pods = nil },
			calls: []string{"Pods intersystems.com/kind=IrisCluster,intersystems.com/name in (simple)", "Cluster simple"},
			err:   `IrisCluster "simple" in namespace "iko" has no data pod`, hint: "kubectl iris status", code: 1,
		},
		"all of an unknown cluster": {
			component: "data", cluster: "nosuch",
			calls: []string{"Pods intersystems.com/kind=IrisCluster,intersystems.com/name in (nosuch)", "Cluster nosuch", "Clusters"},
			err:   `IrisCluster "nosuch" not found in namespace "iko"`, hint: `"simple"`, code: 1,
		},
		"an unknown pod": {
			names: []string{"data-7"},
			calls: []string{"IrisClusters", named("data-7"), "Pods intersystems.com/kind=IrisCluster,intersystems.com/name", "Pod data-7"},
			err:   `no pod of an IrisCluster is named "data-7" in namespace "iko"`, hint: "simple-data-0-0", code: 1,
		},
		"an unknown pod and one that may not be read": {
			names: []string{"data-7"}, with: func(c *inMemory) { c.fail["Pod"] = errors.New("no right") },
			calls: []string{"IrisClusters", named("data-7"), "Pods intersystems.com/kind=IrisCluster,intersystems.com/name", "Pod data-7"},
			err:   `no pod of an IrisCluster is named "data-7" in namespace "iko"`, hint: "simple-data-0-0", code: 1,
		},
		"a pod of no cluster": {
			names: []string{"web-0"}, with: func(c *inMemory) { c.pods = append(c.pods, iris.Pod{Namespace: "iko", Name: "web-0"}) },
			calls: []string{"IrisClusters", named("web-0"), "Pod web-0"},
			err:   `pod "web-0" in namespace "iko" is not one of an IrisCluster`, hint: "labels", code: 1,
		},
		"a pod of no cluster, found by itself": {
			names: []string{"web-0"}, with: func(c *inMemory) {
				c.fail["PodsNamed"] = errors.New("no right")
				c.pods = append(c.pods, iris.Pod{Namespace: "iko", Name: "web-0"})
			},
			calls: []string{"IrisClusters", named("web-0"), "Pods intersystems.com/kind=IrisCluster,intersystems.com/name", "Pod web-0"},
			err:   `pod "web-0" in namespace "iko" is not one of an IrisCluster`, hint: "labels", code: 1,
		},
		"one of two": {
			names: []string{"data-0-0", "data-7"}, stages: []string{first + " created", first + " ready"},
			calls: []string{"IrisClusters", "PodsNamed data-0-0,data-7,simple-data-0-0,simple-data-7", "Pods intersystems.com/kind=IrisCluster,intersystems.com/name", "Pod data-0-0", "Pod data-7", "Apply " + first},
			err:   `no pod of an IrisCluster is named "data-7"`, hint: "simple-data-0-0", code: 1,
		},
		"a wrong option for one of two": {
			names: []string{"data-0-0", "arbiter-0"}, options: expose.Options{Ports: []expose.Port{{ByName: "web"}}},
			with: func(c *inMemory) {
				c.pods = append(c.pods, memberPod("simple", "arbiter-0", ""))
				c.pods[0].IRIS.Ports = nil
			},
			calls: []string{"IrisClusters", "PodsNamed data-0-0,arbiter-0,simple-data-0-0,simple-arbiter-0"},
			err:   `invalid port "web": no container declares a port of that name`, hint: "superserver", code: 2,
		},
		"refused for one of two": {
			component: "data", with: func(c *inMemory) { c.fail["Apply "+first] = problem.Usage("no quota") },
			stages: []string{second + " created", second + " ready"},
			calls:  []string{"ClustersAndPods", "Apply " + first, "Apply " + second},
			err:    "no quota", code: 2,
		},
		"in a cluster": {
			names: []string{"data-0-1"}, cluster: "simple", with: second2, stages: []string{second + " created", second + " ready"},
			calls: []string{"Pods intersystems.com/kind=IrisCluster,intersystems.com/name in (simple)", "Cluster simple", "Apply " + second},
		},
		"in two clusters": {
			names: []string{"data-0-1"}, with: second2,
			calls: []string{"IrisClusters", "PodsNamed data-0-1,simple-data-0-1,other-data-0-1", "Pods intersystems.com/kind=IrisCluster,intersystems.com/name", "Pod data-0-1"},
			err:   `"data-0-1" names several pods in namespace "iko": other-data-0-1, simple-data-0-1`, hint: "full name", code: 1,
		},
		"clusters may not be listed": {
			names: []string{"data-0-0"}, with: func(c *inMemory) { c.fail["IrisClusters"] = errors.New("no right") },
			stages: []string{first + " created", first + " ready"},
			calls:  []string{"IrisClusters", "Pods intersystems.com/kind=IrisCluster,intersystems.com/name", "Pod data-0-0", "Cluster simple", "Apply " + first},
		},
		"neither clusters nor the pod of that name may be read": {
			names: []string{"data-0-0"}, with: func(c *inMemory) {
				c.fail["IrisClusters"], c.fail["Pod"] = errors.New("no right"), errors.New("no right")
			},
			stages:   []string{first + " created", first + " ready"},
			calls:    []string{"IrisClusters", "Pods intersystems.com/kind=IrisCluster,intersystems.com/name", "Pod data-0-0", "Cluster simple", "Apply " + first},
			warnings: []string{`"data-0-0" is taken for pod "simple-data-0-0"; whether there is a pod of that full name is not known: no right`},
		},
		"another pod has the short name as its full name": {
			names: []string{"data-0-0"}, with: func(c *inMemory) {
				c.fail["PodsNamed"] = errors.New("no right")
				c.pods = append(c.pods, iris.Pod{Namespace: "iko", Name: "data-0-0"})
			},
			calls: []string{"IrisClusters", named("data-0-0"), "Pods intersystems.com/kind=IrisCluster,intersystems.com/name", "Pod data-0-0"},
			err:   `pod "data-0-0" in namespace "iko" is not one of an IrisCluster`, hint: "simple-data-0-0, give its full name", code: 1,
		},
		"the IrisCluster is gone": {
			names: []string{"simple-data-0-0"}, cluster: "simple", with: func(c *inMemory) { c.clusters = nil },
			stages:   []string{first + " created", first + " ready"},
			calls:    []string{"Pods intersystems.com/kind=IrisCluster,intersystems.com/name in (simple)", "Cluster simple", "Apply " + first},
			warnings: []string{`IrisCluster "simple" in namespace "iko" could not be read: the Service takes nothing over from its serviceTemplate`},
		},
		"the IrisCluster fails": {
			names: []string{"data-0-0", "data-0-1"}, cluster: "simple", with: func(c *inMemory) { c.fail["Cluster"] = errors.New("broken") },
			calls: []string{"Pods intersystems.com/kind=IrisCluster,intersystems.com/name in (simple)", "Cluster simple"},
			err:   "broken", code: 1,
		},
		"pods may not be listed": {
			names: []string{"data-0-0"}, cluster: "simple", with: func(c *inMemory) { c.fail["Pods"] = errors.New("no right") },
			calls: []string{"Pods intersystems.com/kind=IrisCluster,intersystems.com/name in (simple)"},
			err:   "no right", code: 1,
		},
		"a selector that leaves the cluster": {
			names: []string{"data-0-0"}, cluster: "simple", options: expose.Options{Selector: []expose.Edit{{Key: iris.LabelName, Remove: true}}},
			with: func(c *inMemory) {
				second2(c)
				c.pods[2].Labels[iris.LabelPodName] = "simple-data-0-0"
			},
			calls: []string{"Pods intersystems.com/kind=IrisCluster,intersystems.com/name", "Cluster simple"},
			err:   `invalid selector: the Service would also select pods of another cluster than IrisCluster "simple" in namespace "iko": other-data-0-1`, hint: "keep", code: 2,
		},
		"a selector that leaves the cluster, any cluster": {
			names: []string{"data-0-0"}, options: expose.Options{Selector: []expose.Edit{{Key: iris.LabelName, Remove: true}}},
			stages: []string{first + " created", first + " ready"},
			calls:  []string{"Pods intersystems.com/kind=IrisCluster,intersystems.com/name", "Pod data-0-0", "Cluster simple", "Apply " + first},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, r := aMirror(), &told{}
			if test.with != nil {
				test.with(c)
			}
			request, err := services.NewPodsRequest(test.names, test.component != "", test.component, test.cluster, test.options)
			if err != nil {
				t.Fatal(err)
			}
			err = services.ExposePods{Expose: r.expose(services.ExposeOptions{}), Client: c, Request: request}.Run(t.Context())
			if (err == nil) != (test.err == "") || err != nil && (!strings.Contains(err.Error(), test.err) || !strings.Contains(problem.HintOf(problem.Joined(err)[0]), test.hint) || problem.ExitCode(err) != test.code) {
				t.Errorf("error %v with code %d, want %q", err, problem.ExitCode(err), test.err)
			}
			equal(t, "stages", test.stages, r.stages)
			equal(t, "calls", test.calls, c.calls)
			equal(t, "warnings", test.warnings, slices.DeleteFunc(r.Warnings(), func(line string) bool { return strings.Contains(line, "GHA_mirror_set") }))
		})
	}
}

// Each thing is said once, however many Services it is true of; all are applied before
// one is waited for.
func TestExposePodsTogether(t *testing.T) {
	c, r := aMirror(), &told{}
	c.fail["Cluster"] = forbidden("irisclusters", "simple")
	request, err := services.NewPodsRequest(nil, true, "", "simple", expose.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := (services.ExposePods{Expose: r.expose(services.ExposeOptions{Wait: true}), Client: c, Request: request}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "stages", []string{"simple-pod-data-0-0 created", "simple-pod-data-0-1 created", "simple-pod-data-0-0 ready", "simple-pod-data-0-1 ready"}, r.stages)
	unread := 0
	for _, line := range r.Warnings() {
		if strings.Contains(line, "could not be read") {
			unread++
		}
	}
	equal(t, "warnings that the IrisCluster could not be read", 1, unread)
}
