package services_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/internal/actiontest"
	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/action/services"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

func TestNewUnexposeRequest(t *testing.T) {
	for name, test := range map[string]struct {
		names                  []string
		role, component, shard string
		all                    bool
		want                   string
	}{
		"nothing":               {want: "a Service, pod or cluster with role, or all, is required"},
		"all and a name":        {names: []string{"a"}, all: true, want: "all cannot be used with a name, role, component or shard"},
		"all and a role":        {role: "backup", all: true, want: "all cannot be used with a name, role, component or shard"},
		"a role of two":         {names: []string{"a", "b"}, role: "backup", want: `role, component and shard take one cluster, got ["a" "b"]`},
		"a component of two":    {names: []string{"a", "b"}, component: "data", want: `role, component and shard take one cluster, got ["a" "b"]`},
		"a shard of two":        {names: []string{"a", "b"}, shard: "1", want: `role, component and shard take one cluster, got ["a" "b"]`},
		"a role of no name":     {names: []string{""}, role: "backup", want: `"" is not the name of an IrisCluster`},
		"all":                   {all: true},
		"names":                 {names: []string{"a", "b"}},
		"the role of a cluster": {names: []string{"a"}, role: "backup"},
		"a role":                {role: "backup"},
		"a shard":               {shard: "1"},
	} {
		_, err := services.NewUnexposeRequest(test.names, test.role, test.component, test.shard, test.all)
		if (err == nil) != (test.want == "") || err != nil && (err.Error() != test.want || problem.HintOf(err) == "" || problem.ExitCode(err) != problem.ExitUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnexpose(t *testing.T) {
	type request struct {
		names                  []string
		role, component, shard string
		all                    bool
	}
	for name, test := range map[string]struct {
		request
		dryRun  action.DryRun
		wait    bool
		with    func(*inMemory)
		removed []string
		calls   []string
		none    bool
		err     string
		hint    string
		code    int
	}{
		"by name":                        {request: request{names: []string{"a-backup"}}, removed: []string{"a-backup"}, calls: []string{"Delete a-backup"}},
		"by name and pod, twice":         {request: request{names: []string{"a-data-0", "a-pod", "a-pod"}}, removed: []string{"a-pod"}, calls: []string{"Delete a-pod"}},
		"by a pod's short name":          {request: request{names: []string{"data-1"}}, removed: []string{"b-pod"}, calls: []string{"Delete b-pod"}},
		"all":                            {request: request{all: true}, removed: []string{"a-backup", "a-pod", "a-primary", "b-compute", "b-pod"}, calls: []string{"Delete a-backup", "Delete a-pod", "Delete a-primary", "Delete b-compute", "Delete b-pod"}},
		"by role":                        {request: request{role: "backup"}, removed: []string{"a-backup"}, calls: []string{"Delete a-backup"}},
		"by component":                   {request: request{component: "compute"}, removed: []string{"b-compute"}, calls: []string{"Delete b-compute"}},
		"by component and cluster":       {request: request{component: "data", names: []string{"a"}}, removed: []string{"a-backup", "a-primary"}, calls: []string{"Delete a-backup", "Delete a-primary"}},
		"by shard":                       {request: request{shard: "1"}, removed: []string{"a-primary"}, calls: []string{"Delete a-primary"}},
		"by role, of another cluster":    {request: request{role: "backup", names: []string{"b"}}, err: `no matching Service that this tool created found in namespace "iko"`, hint: "kubectl iris exposed -n iko", code: 1},
		"by role and shard, not one":     {request: request{role: "backup", shard: "1"}, err: `no matching Service`, hint: "kubectl iris exposed", code: 1},
		"of several clusters":            {request: request{component: "data"}, with: func(c *inMemory) { c.add("b-backup", view.Target{Cluster: "b", Component: "data", Role: "backup"}) }, err: `several clusters in namespace "iko" have such a Service: "a", "b"`, hint: "name one", code: 2},
		"a pod of two clusters":          {request: request{names: []string{"data-0"}}, with: func(c *inMemory) { c.add("b-pod-0", view.Target{Kind: view.TargetPod, Cluster: "b", Pod: "b-data-0"}) }, err: `"data-0" names several pods in namespace "iko": a-data-0, b-data-0`, hint: "full name", code: 1},
		"an unknown name and a known":    {request: request{names: []string{"nosuch", "a-pod"}}, removed: []string{"a-pod"}, calls: []string{"Delete a-pod"}, err: `service "nosuch" not found in namespace "iko", nor one for a pod of that name`, hint: `this tool created "a-backup", "a-pod", "a-primary", "b-compute", "b-pod"`, code: 1},
		"a Service of others":            {request: request{names: []string{"theirs"}}, err: `service "theirs" in namespace "iko" was not created by kubectl-iris and was not removed`, hint: "this tool created", code: 1},
		"a Service that is not readable": {request: request{names: []string{"nosuch"}}, with: func(c *inMemory) { c.fail["Service"] = errors.New("no right") }, err: `no service "nosuch" that this tool created found in namespace "iko", nor one for a pod of that name`, hint: "this tool created", code: 1},
		"nothing was created":            {request: request{names: []string{"nosuch"}}, with: func(c *inMemory) { c.services = nil }, err: `service "nosuch" not found in namespace "iko"`, hint: `this tool created none in namespace "iko"`, code: 1},
		"all of nothing":                 {request: request{all: true}, with: func(c *inMemory) { c.services = nil }, none: true},
		"a client dry run":               {request: request{names: []string{"a-pod"}}, dryRun: action.DryRunClient, removed: []string{"a-pod"}},
		"a server dry run":               {request: request{names: []string{"a-pod"}}, dryRun: action.DryRunServer, removed: []string{"a-pod"}, calls: []string{"DryRun a-pod"}},
		"with a wait":                    {request: request{names: []string{"a-pod", "b-pod"}}, wait: true, removed: []string{"a-pod", "b-pod"}, calls: []string{"Delete a-pod", "Delete b-pod", "WaitGone a-pod", "WaitGone b-pod"}},
		"a wait that fails":              {request: request{names: []string{"a-pod", "b-pod"}}, wait: true, with: func(c *inMemory) { c.fail["WaitGone a-pod"] = errors.New("timed out") }, removed: []string{"a-pod", "b-pod"}, calls: []string{"Delete a-pod", "Delete b-pod", "WaitGone a-pod", "WaitGone b-pod"}, err: "timed out", code: 1},
		"one that cannot be removed":     {request: request{names: []string{"a-pod", "b-pod"}}, wait: true, with: func(c *inMemory) { c.fail["Delete a-pod"] = errors.New("no right") }, removed: []string{"b-pod"}, calls: []string{"Delete a-pod", "Delete b-pod", "WaitGone b-pod"}, err: "no right", code: 1},
		"Services may not be listed":     {request: request{all: true}, with: func(c *inMemory) { c.fail["MadeServices"] = errors.New("no right") }, err: "no right", code: 1, none: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := aMirror()
			c.add("a-backup", view.Target{Cluster: "a", Component: "data", Role: "backup"})
			c.add("a-primary", view.Target{Cluster: "a", Component: "data", Role: "primary", Shard: "1"})
			c.add("a-pod", view.Target{Kind: view.TargetPod, Cluster: "a", Component: "data", Pod: "a-data-0"})
			c.add("b-compute", view.Target{Cluster: "b", Component: "compute"})
			c.add("b-pod", view.Target{Kind: view.TargetPod, Cluster: "b", Component: "data", Pod: "b-data-1"})
			c.services["theirs"] = &corev1.Service{}
			if test.with != nil {
				test.with(c)
			}
			r := test.request
			selected, err := services.NewUnexposeRequest(r.names, r.role, r.component, r.shard, r.all)
			if err != nil {
				t.Fatal(err)
			}
			var removed []string
			found, err := services.Unexpose{
				Config: actiontest.ConfigTo(&actiontest.Reports{}), Client: c, Namespace: "iko", Request: selected, DryRun: test.dryRun, Wait: test.wait, Timeout: time.Minute,
				Each: func(service *corev1.Service) error { removed = append(removed, service.Name); return nil },
			}.Run(t.Context())
			if (err == nil) != (test.err == "") || err != nil && (!strings.Contains(err.Error(), test.err) || !strings.Contains(problem.HintOf(err), test.hint) || problem.ExitCode(err) != test.code) {
				t.Errorf("error %v with hint %q", err, problem.HintOf(err))
			}
			equal(t, "found", !test.none, found)
			equal(t, "removed", test.removed, removed)
			equal(t, "calls", append([]string{"MadeServices"}, test.calls...), c.calls)
		})
	}
}

func (c *inMemory) add(name string, target view.Target) {
	service := &corev1.Service{}
	service.Namespace, service.Name, service.Labels = "iko", name, cluster.TargetLabels(target)
	c.services[name] = service
}

// A result that cannot be printed is an error, and not waited for.
func TestUnexposeThatCannotBePrinted(t *testing.T) {
	c := aMirror()
	c.add("a", view.Target{Cluster: "a"})
	request, err := services.NewUnexposeRequest(nil, "", "", "", true)
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left")
	_, err = services.Unexpose{
		Config: actiontest.ConfigTo(&actiontest.Reports{}), Client: c, Namespace: "iko", Request: request, Wait: true, Timeout: time.Minute,
		Each: func(*corev1.Service) error { return full },
	}.Run(t.Context())
	if !errors.Is(err, full) {
		t.Error(err)
	}
	equal(t, "calls", []string{"MadeServices", "Delete a"}, c.calls)
}

func TestUnexposeValidates(t *testing.T) {
	for dryRun, valid := range map[action.DryRun]bool{action.DryRunNone: true, action.DryRunClient: false, action.DryRunServer: false} {
		if err := (services.Unexpose{Wait: true, DryRun: dryRun}).Validate(); (err == nil) != valid {
			t.Errorf("--wait with --dry-run=%s: %v", dryRun, err)
		}
		if err := (services.Unexpose{DryRun: dryRun}).Validate(); err != nil {
			t.Errorf("--dry-run=%s: %v", dryRun, err)
		}
	}
}

func TestExposed(t *testing.T) {
	for name, test := range map[string]struct {
		wait, addresses bool
		with            func(*inMemory)
		calls           []string
		items           int
		err             string
	}{
		"a list":                        {calls: []string{"Exposed false"}, items: 2},
		"with addresses":                {addresses: true, calls: []string{"Exposed true"}, items: 2},
		"after a wait":                  {wait: true, addresses: true, calls: []string{"Exposed false", "Exposed true", "WaitExposed a", "WaitExposed b"}, items: 2},
		"after a wait that fails":       {wait: true, with: func(c *inMemory) { c.fail["WaitExposed b"] = errors.New("timed out") }, calls: []string{"Exposed false", "Exposed false", "WaitExposed a", "WaitExposed b"}, items: 2, err: "timed out"},
		"what may not be listed":        {with: func(c *inMemory) { c.unread = []string{"services"} }, calls: []string{"Exposed false"}, err: "services"},
		"... and is waited for":         {wait: true, with: func(c *inMemory) { c.unread = []string{"services"} }, calls: []string{"Exposed false"}, err: "services"},
		"a server that does not answer": {with: func(c *inMemory) { c.fail["Exposed"] = errors.New("no answer") }, calls: []string{"Exposed false"}, err: "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			c := aMirror()
			c.add("a", view.Target{Cluster: "a"})
			c.add("b", view.Target{Cluster: "b"})
			if test.with != nil {
				test.with(c)
			}
			list, err := services.Exposed{
				Config: actiontest.ConfigTo(&actiontest.Reports{}), Client: c, Namespace: "iko", Addresses: test.addresses, Wait: test.wait, Timeout: time.Minute,
			}.Run(t.Context())
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			equal(t, "number of Services", test.items, len(list.Items))
			if (list.Kind == "") != (test.items == 0) {
				t.Errorf("kind %q", list.Kind)
			}
			equal(t, "calls", test.calls, callsBut(c, "MadeServices"))
		})
	}
}

// callsBut returns the calls, in order, without some.
func callsBut(c *inMemory, method string) (calls []string) {
	for _, call := range c.calls {
		if call != method {
			calls = append(calls, call)
		}
	}
	slices.Sort(calls)
	return calls
}
