package services_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/internal/actiontest"
	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/action/services"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
	"github.com/kubectl-iris/kubectl-iris/pkg/wait"
)

// inMemory is a Kubernetes cluster in memory, as the use cases about Services see it.
type inMemory struct {
	clusters []iris.Cluster
	pods     []iris.Pod
	services map[string]*corev1.Service
	answers  []iris.Answer
	// fail says which calls fail and why, by the name of the method and, after a
	// space, that of the object.
	fail map[string]error
	// unread are the resources that may not be listed.
	unread []string

	mu sync.Mutex
	// calls are those that were made, in order, but for reads of Services.
	calls []string
}

func (c *inMemory) called(method, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	call := strings.TrimSpace(method + " " + name)
	c.calls = append(c.calls, call)
	return cmp.Or(c.fail[call], c.fail[method])
}

func notFound(resource, name string) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: resource}, name)
}

func forbidden(resource, name string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, name, errors.New("no right"))
}

func (c *inMemory) Clusters(context.Context, string) ([]string, error) {
	var names []string
	for _, one := range c.clusters {
		names = append(names, one.Name)
	}
	return names, c.called("Clusters", "")
}

func (c *inMemory) Cluster(_ context.Context, namespace, name string) (found iris.Cluster, read bool, err error) {
	found = iris.Cluster{Namespace: namespace, Name: name}
	if err := c.called("Cluster", name); err != nil {
		if apierrors.IsForbidden(err) {
			return found, false, nil
		}
		return found, false, err
	}
	for _, one := range c.clusters {
		if one.Name == name {
			return one, true, nil
		}
	}
	return found, false, notFound("irisclusters", name)
}

func (c *inMemory) IrisClusters(context.Context, string) ([]iris.Cluster, error) {
	return c.clusters, c.called("IrisClusters", "")
}

func (c *inMemory) ClustersAndPods(context.Context, string) (topology.Snapshot, error) {
	s := topology.Snapshot{Clusters: c.clusters, Pods: c.podsThat(iris.KindSelector)}
	return actiontest.Lacking(s, c.unread...), c.called("ClustersAndPods", "")
}

func (c *inMemory) podsThat(selector string) (pods []iris.Pod) {
	parsed, err := labels.Parse(selector)
	if err != nil {
		return nil
	}
	for _, pod := range c.pods {
		if parsed.Matches(labels.Set(pod.Labels)) {
			pods = append(pods, pod)
		}
	}
	return pods
}

func (c *inMemory) Pods(_ context.Context, _, selector string) ([]iris.Pod, error) {
	return c.podsThat(selector), c.called("Pods", selector)
}

func (c *inMemory) PodsNamed(_ context.Context, _ string, names []string) (pods []iris.Pod, err error) {
	for _, pod := range c.pods {
		if slices.Contains(names, pod.Name) {
			pods = append(pods, pod)
		}
	}
	return pods, c.called("PodsNamed", strings.Join(names, ","))
}

func (c *inMemory) Pod(_ context.Context, _, name string) (*iris.Pod, error) {
	for i := range c.pods {
		if c.pods[i].Name == name {
			return &c.pods[i], c.called("Pod", name)
		}
	}
	return nil, c.called("Pod", name)
}

func (c *inMemory) Service(_ context.Context, _, name string) (*corev1.Service, error) {
	return c.services[name], cmp.Or(c.fail["Service "+name], c.fail["Service"])
}

func (c *inMemory) Apply(_ context.Context, manifest *unstructured.Unstructured, live *corev1.Service, o kube.ApplyOptions) (kube.Applied, error) {
	method := "Apply"
	if o.DryRun {
		method = "DryRun"
	}
	service := &corev1.Service{}
	if err := cmp.Or(c.called(method, manifest.GetName()), runtime.DefaultUnstructuredConverter.FromUnstructured(manifest.Object, service)); err != nil {
		return kube.Applied{}, err
	}
	service.Spec.ClusterIP = "10.96.0.20"
	outcome := kube.Configured
	if live == nil {
		outcome = kube.Created
	} else if !o.ForceConflicts {
		service.Spec.Ports = append(service.Spec.Ports, live.Spec.Ports...)
	}
	if !o.DryRun {
		c.services[service.Name] = service
	}
	return kube.Applied{Service: service, Outcome: outcome}, nil
}

func (c *inMemory) WaitExposed(_ context.Context, service *corev1.Service, o wait.Options) (*corev1.Service, error) {
	if o.Timeout != time.Minute {
		return nil, fmt.Errorf("the timeout is %s", o.Timeout)
	}
	o.Report("waiting for " + service.Name)
	return service, c.called("WaitExposed", service.Name)
}

func (c *inMemory) WaitGone(_ context.Context, service *corev1.Service, o wait.Options) error {
	if o.Timeout != time.Minute {
		return fmt.Errorf("the timeout is %s", o.Timeout)
	}
	return c.called("WaitGone", service.Name)
}

func (c *inMemory) Ask(_ context.Context, _ []iris.Cluster, pods []iris.Pod) (answers []iris.Answer) {
	for _, pod := range pods {
		_ = c.called("Ask", pod.Name)
		for _, a := range c.answers {
			if a.Pod == pod.Name {
				answers = append(answers, a)
			}
		}
	}
	return answers
}

func (c *inMemory) MadeServices(context.Context, string) (made []corev1.Service, err error) {
	for _, service := range c.services {
		if cluster.IsExposed(service) {
			made = append(made, *service)
		}
	}
	slices.SortFunc(made, func(a, b corev1.Service) int { return strings.Compare(a.Name, b.Name) })
	return made, c.called("MadeServices", "")
}

func (c *inMemory) Delete(_ context.Context, service *corev1.Service, dry bool) error {
	method := "Delete"
	if dry {
		method = "DryRun"
	}
	return c.called(method, service.Name)
}

func (c *inMemory) Exposed(_ context.Context, namespace string, addresses bool) (topology.Snapshot, error) {
	made, _ := c.MadeServices(context.Background(), namespace)
	return actiontest.Lacking(topology.Snapshot{Services: made}, c.unread...), c.called("Exposed", fmt.Sprint(addresses))
}

// memberPod is a data pod of a mirrored cluster, with a sidecar.
func memberPod(cluster, short, role string) iris.Pod {
	name := cluster + "-" + short
	component, _, _ := strings.Cut(short, "-")
	p := iris.Pod{
		Namespace: "iko", Name: name, UID: types.UID(name), Ready: true, NodeIP: "192.0.2.1",
		Labels: map[string]string{
			iris.LabelComponent: component, iris.LabelKind: iris.Kind, iris.LabelName: cluster, iris.LabelRole: iris.RoleIRIS,
			iris.LabelPodName: name,
		},
		IRIS: &iris.Container{Name: "iris"}, Sidecar: &iris.Container{Name: iris.SidecarContainer},
	}
	if role != "" {
		p.Labels[iris.LabelMirrorRole] = role
	}
	return p
}

func answered(pod, status string) iris.Answer {
	return iris.Answer{Pod: pod, UID: types.UID(pod), Source: iris.FromQlist, Instance: &iris.Instance{
		Status: "running", Condition: iris.Running, Mirror: &iris.Mirror{MemberType: "Failover", Status: status},
	}}
}

// aMirror is the mirrored cluster simple, of which IRIS confirms the labels.
func aMirror() *inMemory {
	return &inMemory{
		clusters: []iris.Cluster{{Namespace: "iko", Name: "simple", UID: "1", Mirrored: true, Shards: 1, Nodes: map[string]iris.Node{"data": {Sidecar: &iris.Gateway{}}}}},
		pods:     []iris.Pod{memberPod("simple", "data-0-0", "primary"), memberPod("simple", "data-0-1", "backup")},
		answers:  []iris.Answer{answered("simple-data-0-0", "Primary"), answered("simple-data-0-1", "Backup")},
		services: map[string]*corev1.Service{},
		fail:     map[string]error{},
	}
}

// told collects what an Expose reports.
type told struct {
	actiontest.Reports
	stages []string
	last   services.Exposure
	// full is returned once that many stages were told, if it is set.
	full int
}

func (r *told) expose(o services.ExposeOptions) services.Expose {
	o.DryRun = cmp.Or(o.DryRun, action.DryRunNone)
	o.Timeout = time.Minute
	return services.Expose{Config: actiontest.ConfigTo(&r.Reports), Namespace: "iko", ExposeOptions: o, Each: func(e services.Exposure) error {
		word := map[services.Stage]string{services.Planned: "planned", services.Compared: "compared", services.Applied: string(e.Outcome), services.Ready: "ready"}[e.Stage]
		r.stages, r.last = append(r.stages, e.Service.Name+" "+word), e
		if r.full == len(r.stages) {
			return errors.New("no space left")
		}
		return nil
	}}
}

func sidecarOf(t *testing.T, role string, o expose.Options) expose.SidecarRequest {
	t.Helper()
	request, err := expose.NewSidecarRequest(o, "", role, "")
	if err != nil {
		t.Fatal(err)
	}
	return request
}

func equal[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

const backupWarning = "InterSystems does not support running application code on a backup (GHA_mirror_set): use this Service for administration only"

// What is done and said of a Service depends on how it is exposed.
func TestExposeSidecar(t *testing.T) {
	const service = "simple-sidecar-backup"
	confirmed := `note: service "simple-sidecar-backup" reaches pod "simple-data-0-1", and IRIS confirms the role backup: it says Failover/Backup`
	full := errors.New("no space left")
	exists := func(c *inMemory) { c.services[service] = exposedService(service, "simple", "", "x") }
	for name, test := range map[string]struct {
		options  services.ExposeOptions
		service  expose.Options
		verify   bool
		with     func(*inMemory)
		full     int
		stages   []string
		calls    []string
		warnings []string
		notes    []string
		err      string
	}{
		"at once": {
			stages: []string{service + " created", service + " ready"},
			calls:  []string{"Cluster simple", "Pods", "Apply " + service, "Ask simple-data-0-1"},
			notes:  []string{confirmed},
		},
		"with a wait": {
			options:  services.ExposeOptions{Wait: true, Addresses: true},
			stages:   []string{service + " created", service + " ready"},
			calls:    []string{"Cluster simple", "Pods", "Apply " + service, "WaitExposed " + service, "Pods", "Ask simple-data-0-1"},
			warnings: []string{"waiting for " + service},
			notes:    []string{confirmed},
		},
		"a wait for a node port": {
			options:  services.ExposeOptions{Wait: true, Addresses: true},
			service:  expose.Options{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort}},
			stages:   []string{service + " created", service + " ready"},
			calls:    []string{"Cluster simple", "Pods", "Apply " + service, "WaitExposed " + service, "Pods", "Ask simple-data-0-1"},
			warnings: []string{"waiting for " + service},
			notes:    []string{confirmed},
		},
		"a wait that fails": {
			options:  services.ExposeOptions{Wait: true},
			with:     func(c *inMemory) { c.fail["WaitExposed"] = errors.New("timed out") },
			stages:   []string{service + " created"},
			calls:    []string{"Cluster simple", "Pods", "Apply " + service, "WaitExposed " + service},
			warnings: []string{"waiting for " + service},
			err:      "timed out",
		},
		"a manifest": {
			options: services.ExposeOptions{DryRun: action.DryRunClient, Manifest: true},
			with:    func(c *inMemory) { c.fail["Service"] = errors.New("it is read") },
			stages:  []string{service + " planned"},
			calls:   []string{"Cluster simple", "Pods"},
		},
		"a client dry run": {
			options: services.ExposeOptions{DryRun: action.DryRunClient},
			stages:  []string{service + " created"},
			calls:   []string{"Cluster simple", "Pods"},
		},
		"a client dry run over another Service": {
			options:  services.ExposeOptions{DryRun: action.DryRunClient},
			with:     exists,
			stages:   []string{service + " configured"},
			calls:    []string{"Cluster simple", "Pods"},
			warnings: []string{`service "simple-sidecar-backup" selected pod "simple-x" until now`},
		},
		"a client dry run over a foreign Service": {
			options: services.ExposeOptions{DryRun: action.DryRunClient},
			with: func(c *inMemory) {
				exists(c)
				c.services[service].Labels = nil
			},
			calls: []string{"Cluster simple", "Pods"},
			err:   "was not created by kubectl-iris",
		},
		"a client dry run that adopts": {
			options: services.ExposeOptions{DryRun: action.DryRunClient, Adopt: true},
			with: func(c *inMemory) {
				exists(c)
				c.services[service].Labels = nil
			},
			stages: []string{service + " adopted"},
			calls:  []string{"Cluster simple", "Pods"},
		},
		"a client dry run without the right to read Services": {
			options:  services.ExposeOptions{DryRun: action.DryRunClient},
			with:     func(c *inMemory) { c.fail["Service"] = forbidden("services", service) },
			stages:   []string{service + " created"},
			calls:    []string{"Cluster simple", "Pods"},
			warnings: []string{`whether service "simple-sidecar-backup" exists in namespace "iko" is unknown: services "simple-sidecar-backup" is forbidden: no right`},
		},
		"a server dry run": {
			options: services.ExposeOptions{DryRun: action.DryRunServer},
			stages:  []string{service + " created", service + " ready"},
			calls:   []string{"Cluster simple", "Pods", "DryRun " + service},
		},
		"a difference": {
			options: services.ExposeOptions{Diff: true},
			stages:  []string{service + " compared"},
			calls:   []string{"Cluster simple", "Pods", "DryRun " + service},
		},
		"a difference without the right to patch": {
			options: services.ExposeOptions{Diff: true},
			with:    func(c *inMemory) { c.fail["DryRun"] = forbidden("services", service) },
			calls:   []string{"Cluster simple", "Pods", "DryRun " + service},
			err:     "forbidden",
		},
		"over a Service with fields of others": {
			with:   exists,
			stages: []string{service + " configured", service + " ready"},
			calls:  []string{"Cluster simple", "Pods", "Apply " + service, "Ask simple-data-0-1"},
			warnings: []string{
				`service "simple-sidecar-backup" selected pod "simple-x" until now`,
				`service "simple-sidecar-backup" also has port 9/TCP to 0, which another client has set`,
			},
			notes: []string{confirmed},
		},
		"by force": {
			options:  services.ExposeOptions{ForceConflicts: true},
			with:     exists,
			stages:   []string{service + " configured", service + " ready"},
			calls:    []string{"Cluster simple", "Pods", "Apply " + service, "Ask simple-data-0-1"},
			warnings: []string{`service "simple-sidecar-backup" selected pod "simple-x" until now`},
			notes:    []string{confirmed},
		},
		"refused by the server": {
			with:  func(c *inMemory) { c.fail["Apply"] = errors.New("no quota") },
			calls: []string{"Cluster simple", "Pods", "Apply " + service},
			err:   "no quota",
		},
		"printed to a full disk": {
			full:   1,
			stages: []string{service + " created"},
			calls:  []string{"Cluster simple", "Pods", "Apply " + service},
			err:    full.Error(),
		},
		"ready, printed to a full disk": {
			full:   2,
			stages: []string{service + " created", service + " ready"},
			calls:  []string{"Cluster simple", "Pods", "Apply " + service},
			err:    full.Error(),
		},
		"waited for, printed to a full disk": {
			options:  services.ExposeOptions{Wait: true},
			full:     2,
			stages:   []string{service + " created", service + " ready"},
			calls:    []string{"Cluster simple", "Pods", "Apply " + service, "WaitExposed " + service},
			warnings: []string{"waiting for " + service},
			err:      full.Error(),
		},
		"verified": {
			verify: true,
			stages: []string{service + " created", service + " ready"},
			calls:  []string{"Cluster simple", "Pods", "Ask simple-data-0-0", "Ask simple-data-0-1", "Apply " + service},
			notes:  []string{confirmed},
		},
		"not to be verified": {
			verify:   true,
			with:     func(c *inMemory) { c.answers = nil },
			stages:   []string{service + " created", service + " ready"},
			calls:    []string{"Cluster simple", "Pods", "Ask simple-data-0-0", "Ask simple-data-0-1", "Apply " + service},
			warnings: []string{`the role is not verified in pod "simple-data-0-1"`},
			notes:    []string{`note: service "simple-sidecar-backup" reaches pod "simple-data-0-1"; whether IRIS confirms the role backup is not known: `},
		},
		"contradicted": {
			verify: true,
			with:   moved,
			calls:  []string{"Cluster simple", "Pods", "Ask simple-data-0-0", "Ask simple-data-0-1"},
			err:    `service "simple-sidecar-backup" in namespace "iko" was not applied: it would select pod "simple-data-0-1", which is labelled backup, but IRIS says Failover/Primary`,
		},
		"contradicted afterwards": {
			with:     moved,
			stages:   []string{service + " created", service + " ready"},
			calls:    []string{"Cluster simple", "Pods", "Apply " + service, "Ask simple-data-0-1"},
			warnings: []string{`service "simple-sidecar-backup" selects pod "simple-data-0-1", which is labelled backup, but IRIS says Failover/Primary: kubectl iris relabel simple -n iko sets the labels as IRIS says`},
		},
		"an unknown cluster": {
			with:  func(c *inMemory) { c.clusters = nil },
			calls: []string{"Cluster simple", "Pods", "Clusters"},
			err:   `IrisCluster "simple" not found in namespace "iko"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, r := aMirror(), &told{full: test.full}
			if test.with != nil {
				test.with(c)
			}
			err := services.ExposeSidecar{
				Expose: r.expose(test.options), Client: c, Name: "simple", Request: sidecarOf(t, "backup", test.service), Verify: test.verify,
			}.Run(t.Context())
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			equal(t, "stages", test.stages, r.stages)
			for i, call := range c.calls {
				if strings.HasPrefix(call, "Pods ") {
					c.calls[i] = "Pods"
				}
			}
			if len(c.calls) > 1 { // the first two are made at the same time
				slices.Sort(c.calls[:2])
			}
			equal(t, "calls", test.calls, c.calls)
			warned := 0
			for _, line := range r.Warnings() {
				if line == backupWarning {
					warned++
				}
			}
			if goesOn := len(r.stages) > 0; (warned == 1) != goesOn {
				t.Errorf("%d warnings about the backup", warned)
			}
			equal(t, "warnings", test.warnings, slices.DeleteFunc(r.Warnings(), func(line string) bool { return line == backupWarning }))
			equal(t, "notes", test.notes, r.Notes())
			if wantsNodes := test.service.Spec.Type == corev1.ServiceTypeNodePort; wantsNodes {
				equal(t, "addresses of nodes", []string{"192.0.2.1"}, r.last.NodeIPs)
			}
			if test.options.Diff && err == nil && !strings.Contains(r.last.Difference, "+++ planned/"+service) {
				t.Errorf("the difference is %q", r.last.Difference)
			}
		})
	}
}

func moved(c *inMemory) {
	c.answers = []iris.Answer{answered("simple-data-0-0", "Backup"), answered("simple-data-0-1", "Primary")}
}

// The hint names the pod that has the role, if there is one.
func TestContradictedHint(t *testing.T) {
	for status, want := range map[string]string{
		"Backup":     "kubectl iris expose-pod simple-data-0-0 -n iko exposes the backup, whatever the labels say; kubectl iris relabel simple -n iko",
		"Transition": "kubectl iris expose-pod POD -n iko exposes one pod, whatever the labels say; kubectl iris relabel simple -n iko",
	} {
		c, r := aMirror(), &told{}
		c.answers = []iris.Answer{answered("simple-data-0-0", status), answered("simple-data-0-1", "Primary")}
		err := services.ExposeSidecar{Expose: r.expose(services.ExposeOptions{}), Client: c, Name: "simple", Request: sidecarOf(t, "backup", expose.Options{}), Verify: true}.Run(t.Context())
		if hint := problem.HintOf(err); !strings.HasPrefix(hint, want) {
			t.Errorf("%s: hint %q", status, hint)
		}
	}
}

// Pods may change during a wait: IRIS is asked in those that there are then.
func TestExposeSidecarAsksThePodsAfterTheWait(t *testing.T) {
	c, r := aMirror(), &told{}
	x := r.expose(services.ExposeOptions{Wait: true})
	each := x.Each
	x.Each = func(e services.Exposure) error {
		if e.Stage == services.Applied {
			c.pods[0], c.pods[1] = memberPod("simple", "data-0-0", "backup"), memberPod("simple", "data-0-1", "primary")
		}
		return each(e)
	}
	err := services.ExposeSidecar{Expose: x, Client: c, Name: "simple", Request: sidecarOf(t, "primary", expose.Options{})}.Run(t.Context())
	if err != nil || !slices.Contains(c.calls, "Ask simple-data-0-1") || slices.Contains(c.calls, "Ask simple-data-0-0") {
		t.Errorf("%v, %q", err, c.calls)
	}
	for node, kind := range map[bool]corev1.ServiceType{true: corev1.ServiceTypeNodePort, false: corev1.ServiceTypeClusterIP} {
		c, r := aMirror(), &told{}
		c.fail["Pods "+kube.ClusterPods("simple")] = nil
		x := r.expose(services.ExposeOptions{Wait: true, Addresses: true})
		each := x.Each
		x.Each = func(e services.Exposure) error {
			c.fail["Pods"] = errors.New("no pods")
			return each(e)
		}
		err := services.ExposeSidecar{Expose: x, Client: c, Name: "simple", Request: sidecarOf(t, "primary", expose.Options{Spec: corev1.ServiceSpec{Type: kind}})}.Run(t.Context())
		if err == nil || (len(r.stages) == 1) != node {
			t.Errorf("%s: error %v after %q", kind, err, r.stages)
		}
	}
}

func TestExposeSidecarValidates(t *testing.T) {
	for name, test := range map[string]struct {
		role   string
		verify bool
		valid  bool
	}{
		"nothing to verify":   {"", true, false},
		"nothing is verified": {"", false, true},
		"verified":            {"backup", true, true},
	} {
		s := services.ExposeSidecar{Request: sidecarOf(t, test.role, expose.Options{}), Verify: test.verify}
		if err := s.Validate(); (err == nil) != test.valid || err != nil && (problem.ExitCode(err) != problem.ExitUsage || err.Error() != "verify requires role") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExposeOptionsValidate(t *testing.T) {
	for _, test := range []struct {
		options services.ExposeOptions
		want    string
	}{
		{services.ExposeOptions{DryRun: action.DryRunNone, Wait: true}, ""},
		{services.ExposeOptions{DryRun: action.DryRunNone, Diff: true}, ""},
		{services.ExposeOptions{DryRun: action.DryRunServer, Diff: true}, ""},
		{services.ExposeOptions{DryRun: action.DryRunClient}, ""},
		{services.ExposeOptions{DryRun: action.DryRunClient, Diff: true}, "diff cannot be used with dry-run=client: the server is asked for the difference"},
		{services.ExposeOptions{DryRun: action.DryRunNone, Diff: true, Wait: true}, "wait cannot be used with diff: nothing is changed"},
		{services.ExposeOptions{DryRun: action.DryRunServer, Wait: true}, "wait cannot be used with dry-run: nothing is changed"},
		{services.ExposeOptions{DryRun: action.DryRunClient, Wait: true}, "wait cannot be used with dry-run: nothing is changed"},
	} {
		err := test.options.Validate()
		if (err == nil) != (test.want == "") || err != nil && (err.Error() != test.want || problem.ExitCode(err) != problem.ExitUsage || problem.HintOf(err) == "") {
			t.Errorf("%+v: %v", test.options, err)
		}
	}
}

// exposedService is a Service that this tool created for a role's sidecars or, if pod is given,
// for that pod.
func exposedService(name, ofCluster, role, pod string) *corev1.Service {
	target := view.Target{Kind: view.TargetSidecar, Cluster: ofCluster, Component: "data", Role: role}
	if pod != "" {
		target.Kind, target.Pod = view.TargetPod, ofCluster+"-"+pod
	}
	s := &corev1.Service{}
	s.Name, s.Namespace, s.Labels = name, "iko", cluster.TargetLabels(target)
	s.Spec.Type, s.Spec.Ports = corev1.ServiceTypeClusterIP, []corev1.ServicePort{{Port: 9, Protocol: corev1.ProtocolTCP}}
	return s
}
