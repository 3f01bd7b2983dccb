package iris_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// What the pod declares says which container is which; the order counts last.
func TestContainersOfAPod(t *testing.T) {
	const iko = `metadata: {labels: {intersystems.com/component: data}}, `
	annotated := func(name string) string {
		return `metadata: {annotations: {kubectl.kubernetes.io/default-container: ` + name + `}}, `
	}
	for name, test := range map[string]struct{ pod, iris, sidecar, others string }{
		"iris alone":              {`spec: {containers: [{name: iris}]}`, "iris", "", ""},
		"iris before the sidecar": {`spec: {containers: [{name: iris}, {name: webgateway}]}`, "iris", "webgateway", ""},
		"iris behind the sidecar": {`spec: {containers: [{name: webgateway}, {name: iris}]}`, "iris", "webgateway", ""},
		"the first of others":     {`spec: {containers: [{name: webgateway}, {name: a}, {name: b}]}`, "a", "webgateway", "b"},

		"the one kubectl takes":         {annotated("b") + `spec: {containers: [{name: a}, {name: b}, {name: c}]}`, "b", "", "a c"},
		"kubectl takes the sidecar":     {annotated("webgateway") + `spec: {containers: [{name: webgateway}, {name: a}]}`, "a", "webgateway", ""},
		"kubectl takes a proxy":         {annotated("istio-proxy") + `spec: {containers: [{name: istio-proxy}, {name: a}]}`, "a", "", "istio-proxy"},
		"kubectl takes none there is":   {annotated("x") + `spec: {containers: [{name: a}, {name: b}]}`, "a", "", "b"},
		"kubectl's before all the rest": {annotated("b") + `spec: {containers: [{name: iris, ports: [{containerPort: 1972}]}, {name: b}]}`, "b", "", "iris"},

		"kubectl's, also if it is the first": {annotated("a") + `spec: {containers: [{name: a}, {name: iris}]}`, "a", "", "iris"},
		"not one with other ports": {
			`spec: {containers: [{name: a, ports: [{containerPort: 52773}]}, {name: b, ports: [{containerPort: 1972}]}]}`, "b", "", "a",
		},
		"the one with the superserver": {
			`spec: {containers: [{name: iris}, {name: a}, {name: b, ports: [{containerPort: 52773}, {containerPort: 1972}]}]}`, "b", "", "iris a",
		},
		"the one whose port is called superserver": {
			`spec: {containers: [{name: a}, {name: b, ports: [{name: superserver, containerPort: 51773}]}]}`, "b", "", "a",
		},
		"the one called iriscluster": {`spec: {containers: [{name: exporter}, {name: iriscluster}]}`, "iriscluster", "", "exporter"},
		"the one called iris":        {`spec: {containers: [{name: exporter}, {name: iris}]}`, "iris", "", "exporter"},

		"a mesh's proxy before it": {
			iko + `spec: {containers: [{name: linkerd-proxy, ports: [{name: linkerd-admin, containerPort: 4191}]}, {name: a}, {name: webgateway}]}`,
			"a", "webgateway", "linkerd-proxy",
		},
		"a proxy alone":         {`spec: {containers: [{name: envoy}]}`, "", "", "envoy"},
		"a proxy and a sidecar": {`spec: {containers: [{name: vault-agent}, {name: webgateway}]}`, "", "webgateway", "vault-agent"},

		"the sidecar is a native one": {
			`spec: {initContainers: [{name: prepare}, {name: webgateway, restartPolicy: Always}], containers: [{name: iris}]}`, "iris", "webgateway", "",
		},
		"native sidecars beside it": {
			`spec: {initContainers: [{name: exporter, restartPolicy: Always}, {name: prepare}], containers: [{name: iris}, {name: webgateway}, {name: tail}]}`,
			"iris", "webgateway", "tail exporter",
		},
		"an init container with the sidecar's name ends": {
			`spec: {initContainers: [{name: webgateway}], containers: [{name: iris}]}`, "iris", "", "",
		},
		"IRIS is no native sidecar": {
			`spec: {initContainers: [{name: iris, restartPolicy: Always, ports: [{containerPort: 1972}]}], containers: [{name: a}]}`, "a", "", "iris",
		},

		"a gateway of its own": {
			`metadata: {labels: {intersystems.com/component: webgateway}}, spec: {containers: [{name: webgateway}]}`, "webgateway", "", "",
		},
		"a gateway of its own, not the first": {
			`metadata: {labels: {intersystems.com/component: webgateway}}, spec: {containers: [{name: istio-proxy}, {name: exporter}, {name: webgateway}]}`,
			"webgateway", "", "istio-proxy exporter",
		},
		"a sidecar alone": {`spec: {containers: [{name: webgateway}]}`, "", "webgateway", ""},
		"none":            {``, "", "", ""},
	} {
		p := podFrom(t, "{"+test.pod+"}")
		var others []string
		for _, c := range p.Others {
			others = append(others, c.Name)
		}
		if nameOf(p.IRIS) != test.iris || nameOf(p.Sidecar) != test.sidecar || strings.Join(others, " ") != test.others {
			t.Errorf("%s: IRIS %q, sidecar %q and others %q, want %q, %q and %q",
				name, nameOf(p.IRIS), nameOf(p.Sidecar), others, test.iris, test.sidecar, test.others)
		}
	}
}

func nameOf(c *iris.Container) string {
	if c == nil {
		return ""
	}
	return c.Name
}

// Native sidecars have their status among the init containers'.
func TestContainersThatRun(t *testing.T) {
	p := podFrom(t, `
spec:
  initContainers:
    - {name: prepare, ports: [{containerPort: 1}]}
    - {name: webgateway, restartPolicy: Always, ports: [{containerPort: 80}]}
    - {name: exporter, restartPolicy: Always, ports: [{name: metrics, containerPort: 9090}]}
  containers:
    - {name: tail}
    - {name: iris, ports: [{name: superserver, containerPort: 1972}]}
status:
  initContainerStatuses:
    - {name: webgateway, state: {running: {startedAt: "2026-03-01T08:01:00Z"}}}
    - {name: exporter, state: {waiting: {reason: CrashLoopBackOff}}}
  containerStatuses:
    - {name: iris, state: {running: {startedAt: "2026-03-01T08:02:00Z"}}}
    - {name: tail, state: {terminated: {exitCode: 1, reason: Error}}}
`)
	got := map[string]string{}
	for _, c := range p.AllContainers() {
		got[c.Name] = c.Reason
		if c.IsRunning() {
			got[c.Name] = "running"
		}
	}
	want := map[string]string{"webgateway": "running", "iris": "running", "exporter": "CrashLoopBackOff", "tail": "Error"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	ports := []corev1.ContainerPort{{ContainerPort: 80}, {Name: "superserver", ContainerPort: 1972}, {Name: "metrics", ContainerPort: 9090}}
	if diff := cmp.Diff(ports, p.Ports()); diff != "" {
		t.Errorf("ports: -want +got:\n%s", diff)
	}
	var none *iris.Container
	if none.IsRunning() {
		t.Error("no container runs")
	}
}
