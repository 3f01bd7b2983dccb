package cluster_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

var started = metav1.NewTime(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC))

func equal[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: -want +got:\n%s", what, diff)
	}
}

func contains(all []string, one string) bool { return slices.Contains(all, one) }

func declared(number int32, name string) corev1.ContainerPort {
	return corev1.ContainerPort{ContainerPort: number, Name: name}
}

func declaredUDP(number int32) corev1.ContainerPort {
	return corev1.ContainerPort{ContainerPort: number, Protocol: corev1.ProtocolUDP}
}

func container(ports ...corev1.ContainerPort) *iris.Container { return &iris.Container{Ports: ports} }

// pod is a pod of a component. Either container may be nil.
func pod(component string, instance, sidecar *iris.Container) iris.Pod {
	return iris.Pod{Labels: map[string]string{iris.LabelComponent: component}, IRIS: instance, Sidecar: sidecar}
}

// withSidecar is a cluster whose data pods have a sidecar of a type.
func withSidecar(gatewayType string) iris.Cluster {
	return iris.Cluster{Nodes: map[string]iris.Node{"data": {Sidecar: &iris.Gateway{Type: gatewayType}}}}
}

func TestSidecarPort(t *testing.T) {
	for name, test := range map[string]struct {
		sidecar *iris.Container
		cluster iris.Cluster
		want    cluster.WebPort
	}{
		"no sidecar":                     {nil, withSidecar("apache"), cluster.WebPort{}},
		"declared":                       {container(declared(8080, "")), withSidecar("apache-lockeddown"), cluster.WebPort{Number: 8080}},
		"declared with a name":           {container(declared(8080, "gateway")), iris.Cluster{}, cluster.WebPort{Number: 8080, Name: "gateway"}},
		"TLS last":                       {container(declared(443, ""), declared(80, "")), iris.Cluster{}, cluster.WebPort{Number: 80}},
		"only TLS":                       {container(declared(443, "")), iris.Cluster{}, cluster.WebPort{Number: 443, HTTPS: true}},
		"TLS by name alone":              {container(declared(8443, "https")), iris.Cluster{}, cluster.WebPort{Number: 8443, Name: "https", HTTPS: true}},
		"TLS by the end of its name":     {container(declared(8443, "webserver-tls")), iris.Cluster{}, cluster.WebPort{Number: 8443, Name: "webserver-tls", HTTPS: true}},
		"TLS by name last":               {container(declared(8443, "https"), declared(8080, "http")), iris.Cluster{}, cluster.WebPort{Number: 8080, Name: "http"}},
		"metrics first":                  {container(declared(9090, "metrics"), declared(443, "")), iris.Cluster{}, cluster.WebPort{Number: 443, HTTPS: true}},
		"metrics over HTTP first":        {container(declared(9090, "http-metrics"), declared(8080, "")), iris.Cluster{}, cluster.WebPort{Number: 8080}},
		"only metrics":                   {container(declared(9090, "metrics")), iris.Cluster{}, cluster.WebPort{Number: 80}},
		"only UDP":                       {container(declaredUDP(5000)), iris.Cluster{}, cluster.WebPort{Number: 80}},
		"UDP before TCP":                 {container(declaredUDP(5000), declared(8080, "")), iris.Cluster{}, cluster.WebPort{Number: 8080}},
		"undeclared":                     {container(), iris.Cluster{}, cluster.WebPort{Number: 80}},
		"undeclared apache":              {container(), withSidecar("apache"), cluster.WebPort{Number: 80}},
		"undeclared nginx":               {container(), withSidecar("nginx"), cluster.WebPort{Number: 80}},
		"undeclared, type not given":     {container(), withSidecar(""), cluster.WebPort{Number: 80}},
		"undeclared, type not known":     {container(), withSidecar("caddy"), cluster.WebPort{Number: 80}},
		"undeclared lockeddown":          {container(), withSidecar("apache-lockeddown"), cluster.WebPort{Number: 52773}},
		"lockeddown of another node":     {container(), iris.Cluster{Nodes: map[string]iris.Node{"compute": {Sidecar: &iris.Gateway{Type: "apache-lockeddown"}}}}, cluster.WebPort{Number: 80}},
		"sidecar that the spec does not": {container(), iris.Cluster{Nodes: map[string]iris.Node{"data": {}}}, cluster.WebPort{Number: 80}},
	} {
		equal(t, name, test.want, cluster.SidecarPort(pod("data", nil, test.sidecar), test.cluster))
	}
}

func TestPortalPort(t *testing.T) {
	irisPorts := container(declared(1972, "superserver"), declared(52773, "webserver"))
	gateway := iris.Cluster{Nodes: map[string]iris.Node{"webgateway": {Type: "apache-lockeddown"}}}
	for name, test := range map[string]struct {
		pod     iris.Pod
		cluster iris.Cluster
		want    cluster.WebPort
	}{
		"the sidecar's":                {pod("data", irisPorts, container(declared(80, ""))), iris.Cluster{}, cluster.WebPort{Number: 80}},
		"IRIS' own":                    {pod("data", irisPorts, nil), iris.Cluster{}, cluster.WebPort{Number: 52773, Name: "webserver"}},
		"IRIS' own, by name":           {pod("compute", container(declared(2188, "agent"), declared(8888, "webserver")), nil), iris.Cluster{}, cluster.WebPort{Number: 8888, Name: "webserver"}},
		"IRIS' own, over TLS":          {pod("data", container(declared(1972, ""), declared(8443, "https")), nil), iris.Cluster{}, cluster.WebPort{Number: 8443, Name: "https", HTTPS: true}},
		"IRIS' own, undeclared":        {pod("data", container(declared(1972, "")), nil), iris.Cluster{}, cluster.WebPort{Number: 52773}},
		"a gateway of its own":         {pod("webgateway", container(), nil), gateway, cluster.WebPort{Number: 52773}},
		"a gateway of its own, by TLS": {pod("webgateway", container(declared(443, "")), nil), gateway, cluster.WebPort{Number: 443, HTTPS: true}},
		"an arbiter":                   {pod("arbiter", container(declared(2188, "agent")), nil), iris.Cluster{}, cluster.WebPort{}},
		"another with a web port":      {pod("sam", container(declared(3000, "http"), declared(8080, "webserver")), nil), iris.Cluster{}, cluster.WebPort{Number: 8080, Name: "webserver"}},
		"no containers":                {pod("data", nil, nil), iris.Cluster{}, cluster.WebPort{}},
	} {
		equal(t, name, test.want, cluster.PortalPort(test.pod, test.cluster))
	}
}

func servicePort(name string, number int32, target intstr.IntOrString, appProtocol string) corev1.ServicePort {
	p := corev1.ServicePort{Name: name, Port: number, TargetPort: target}
	if appProtocol != "" {
		p.AppProtocol = &appProtocol
	}
	return p
}

// A Service's port alone says whether it serves pages, and over what.
func TestWebPortsOfAService(t *testing.T) {
	number, named := intstr.FromInt32, intstr.FromString
	second := servicePort("second", 5, number(5), "")
	for name, test := range map[string]struct {
		port corev1.ServicePort
		// scheme is "" if the port serves no pages.
		scheme string
	}{
		"target 80":                    {servicePort("a", 81, number(80), ""), "http"},
		"target 443":                   {servicePort("a", 444, number(443), ""), "https"},
		"target 52773":                 {servicePort("a", 81, number(52773), ""), "http"},
		"no target":                    {corev1.ServicePort{Name: "a", Port: 443}, "https"},
		"target called webserver":      {servicePort("a", 81, named("webserver"), ""), "http"},
		"target called https":          {servicePort("a", 81, named("https"), ""), "https"},
		"target called webserver-tls":  {servicePort("a", 81, named("webserver-tls"), ""), "https"},
		"called http":                  {servicePort("http", 81, number(8080), ""), "http"},
		"called https":                 {servicePort("https", 444, number(8443), ""), "https"},
		"called https-portal":          {servicePort("https-portal", 444, named("gateway"), ""), "https"},
		"called portal":                {servicePort("portal", 81, number(8080), ""), "http"},
		"appProtocol http":             {servicePort("a", 81, number(8080), "http"), "http"},
		"appProtocol HTTPS":            {servicePort("a", 444, number(8443), "HTTPS"), "https"},
		"appProtocol before the name":  {servicePort("https", 444, number(8443), "http"), "http"},
		"appProtocol before the port":  {servicePort("http", 444, number(80), "https"), "https"},
		"another appProtocol":          {servicePort("https", 444, number(8443), "kubernetes.io/wss"), "https"},
		"only another appProtocol":     {servicePort("a", 444, number(8443), "kubernetes.io/h2c"), ""},
		"not known":                    {servicePort("a", 81, number(9999), ""), ""},
		"superserver":                  {servicePort("http", 81, number(1972), ""), ""},
		"called superserver":           {servicePort("superserver", 80, number(8080), "http"), ""},
		"agent":                        {servicePort("http", 81, number(2188), ""), ""},
		"metrics over HTTP":            {servicePort("http-metrics", 81, number(9090), ""), ""},
		"UDP, whatever its name says":  {corev1.ServicePort{Name: "http", Port: 80, Protocol: corev1.ProtocolUDP}, ""},
		"a target whose number is 0":   {servicePort("a", 81, named("gateway"), ""), ""},
		"a target called http-metrics": {servicePort("a", 81, named("http-metrics"), ""), ""},
	} {
		got := cluster.WebPorts([]corev1.ServicePort{second, test.port})
		if test.scheme == "" {
			equal(t, name, 0, len(got))
			continue
		}
		equal(t, name, []corev1.ServicePort{test.port}, got)
		equal(t, name, test.scheme, cluster.Scheme(test.port))
	}
}

// A lone port serves pages unless it is known for something else.
func TestLoneWebPort(t *testing.T) {
	for name, test := range map[string]struct {
		port corev1.ServicePort
		want bool
	}{
		"anyone's choice":  {corev1.ServicePort{Port: 8080}, true},
		"anyone's name":    {corev1.ServicePort{Name: "ui", Port: 8080}, true},
		"the superserver":  {corev1.ServicePort{Port: 1972}, false},
		"ISCAgent":         {corev1.ServicePort{Port: 2188}, false},
		"metrics":          {corev1.ServicePort{Name: "metrics", Port: 9090}, false},
		"metrics, target":  {corev1.ServicePort{Port: 9090, TargetPort: intstr.FromString("http-metrics")}, false},
		"not TCP":          {corev1.ServicePort{Port: 8080, Protocol: corev1.ProtocolSCTP}, false},
		"TCP by its field": {corev1.ServicePort{Port: 8080, Protocol: corev1.ProtocolTCP}, true},
	} {
		equal(t, name, test.want, len(cluster.WebPorts([]corev1.ServicePort{test.port})) == 1)
	}
}

func TestNamedPort(t *testing.T) {
	ports := []corev1.ContainerPort{declared(80, "webserver"), declared(2188, ""), declared(9090, "metrics"), declared(52773, "webserver")}
	for name, want := range map[string]int32{"webserver": 80, "metrics": 9090, "superserver": 1972, "nope": 0} {
		port, found := cluster.NamedPort(ports, name)
		equal(t, name, want, port.ContainerPort)
		equal(t, name+" found", want != 0, found)
	}
	old, _ := cluster.NamedPort([]corev1.ContainerPort{declared(51773, "superserver")}, "superserver")
	equal(t, "a declared superserver", int32(51773), old.ContainerPort)
	equal(t, "names", []string{"metrics", "superserver", "webserver"}, cluster.PortNames(ports))
}

func TestDeclares(t *testing.T) {
	ports := []corev1.ContainerPort{declared(80, "web"), declaredUDP(53)}
	for name, test := range map[string]struct {
		target   intstr.IntOrString
		protocol corev1.Protocol
		want     bool
	}{
		"by number":                {intstr.FromInt32(80), corev1.ProtocolTCP, true},
		"by number, TCP by itself": {intstr.FromInt32(80), "", true},
		"by name":                  {intstr.FromString("web"), corev1.ProtocolTCP, true},
		"another protocol":         {intstr.FromInt32(80), corev1.ProtocolUDP, false},
		"UDP":                      {intstr.FromInt32(53), corev1.ProtocolUDP, true},
		"UDP asked for as TCP":     {intstr.FromInt32(53), "", false},
		"another number":           {intstr.FromInt32(81), "", false},
		"another name":             {intstr.FromString("web2"), "", false},
	} {
		equal(t, name, test.want, cluster.Declares(ports, test.target, test.protocol))
	}
}
