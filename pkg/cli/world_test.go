package cli_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"
)

// A worldServer is an API server in this process. It serves the objects of files under
// testdata/worlds: get, list, watch, server-side apply, patch and delete, with dry
// runs and conflicts. It plays the controllers of endpoints and load balancers, too.
//
// Annotations of a pod say how IRIS in it answers: test/says is what qlist says of the
// mirror, for example Failover/Primary; test/page the body of mirror_status.cxw. Without
// them there is no answer. test/log is the log of its containers. A session prints where it
// is, and its command; it fails in the IRIS namespaces NOSUCH and LOST.
type worldServer struct {
	// forbidden are verbs and resources, for example "patch services".
	forbidden []string
	// later are objects that the first watch of their resource brings.
	later []*unstructured.Unstructured

	mu      sync.Mutex
	objects map[string][]*unstructured.Unstructured
	version int
}

func newWorldServer() *worldServer {
	return &worldServer{objects: map[string][]*unstructured.Unstructured{}, version: 100}
}

// load adds the objects of files.
func (w *worldServer) load(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		raw, err := os.ReadFile(filepath.Join("testdata", "worlds", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range objectsIn(t, string(raw)) {
			w.add(object)
		}
	}
}

func objectsIn(t *testing.T, text string) (objects []*unstructured.Unstructured) {
	t.Helper()
	for document := range strings.SplitSeq(text, "\n---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			t.Fatal(err)
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
	return objects
}

func resourceOf(object *unstructured.Unstructured) string {
	return strings.ToLower(object.GetKind()) + "s"
}

func (w *worldServer) add(object *unstructured.Unstructured) {
	w.version++
	object.SetResourceVersion(fmt.Sprint(w.version))
	if object.GetUID() == "" {
		object.SetUID(types.UID("uid-of-" + object.GetName()))
	}
	if object.GetNamespace() == "" {
		object.SetNamespace("iko")
	}
	resource := resourceOf(object)
	w.objects[resource] = append(w.objects[resource], object)
}

// request is what is asked of the server.
type request struct {
	verb, group, version, namespace, resource, name, rest string
	query                                                 map[string][]string
}

func requestOf(r *http.Request) request {
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	q := request{query: r.URL.Query()}
	if path[0] == "apis" {
		q.group, path = path[1], path[1:]
	}
	q.version = path[min(1, len(path)-1)]
	path = path[min(2, len(path)):]
	if len(path) > 1 && path[0] == "namespaces" {
		q.namespace, path = path[1], path[2:]
	}
	for i, part := range []*string{&q.resource, &q.name} {
		if i < len(path) {
			*part = path[i]
		}
	}
	if len(path) > 2 {
		q.resource += "/" + path[2]
		q.rest = strings.Join(path[3:], "/")
	}
	q.verb = map[string]string{http.MethodGet: "get", http.MethodPost: "create", http.MethodPatch: "patch", http.MethodDelete: "delete"}[r.Method]
	switch {
	case q.query["watch"] != nil:
		q.verb = "watch"
	case q.verb == "get" && q.name == "":
		q.verb = "list"
	case q.resource == "pods/exec" || q.resource == "pods/portforward":
		q.verb = "create"
	}
	return q
}

func (w *worldServer) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/version" {
		reply(rw, http.StatusOK, object{"gitVersion": "v1.37.0", "platform": "linux/amd64"})
		return
	}
	q := requestOf(r)
	if slices.Contains(w.forbidden, q.verb+" "+q.resource) {
		where := "at the cluster scope"
		if q.namespace != "" {
			where = fmt.Sprintf("in the namespace %q", q.namespace)
		}
		refuse(rw, http.StatusForbidden, "Forbidden", fmt.Sprintf("%s %q is forbidden: User \"alice\" cannot %s resource %q in API group %q %s",
			q.resource, q.name, q.verb, q.resource, q.group, where))
		return
	}
	pod := w.find("pods", q.namespace, q.name)
	switch {
	case strings.HasPrefix(q.resource, "pods/"):
		w.serveStream(rw, r, q, pod)
	case q.verb == "watch":
		w.serveWatch(rw, r, q)
	case q.verb == "list":
		items := w.list(q)
		kind := map[string]string{"pods": "PodList", "services": "ServiceList", "events": "EventList", "endpointslices": "EndpointSliceList", "irisclusters": "IrisClusterList", "namespaces": "NamespaceList"}[q.resource]
		list := object{"kind": kind, "apiVersion": strings.TrimPrefix(q.group+"/"+q.version, "/"), "metadata": object{"resourceVersion": w.currentVersion()}, "items": items}
		reply(rw, http.StatusOK, list)
	default:
		result, err := w.serve(r, q)
		if status := apierrors.APIStatus(nil); err != nil {
			if !asStatus(err, &status) {
				status = apierrors.NewInternalError(err)
			}
			s := status.Status()
			s.Kind, s.APIVersion = "Status", "v1"
			reply(rw, int(s.Code), s)
			return
		}
		reply(rw, http.StatusOK, result)
	}
}

func asStatus(err error, status *apierrors.APIStatus) (ok bool) {
	*status, ok = err.(apierrors.APIStatus)
	return ok
}

func (w *worldServer) currentVersion() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprint(w.version)
}

func (w *worldServer) find(resource, namespace, name string) *unstructured.Unstructured {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, object := range w.objects[resource] {
		if object.GetName() == name && object.GetNamespace() == namespace {
			return object
		}
	}
	return nil
}

// list returns the objects that a request selects.
func (w *worldServer) list(q request) []*unstructured.Unstructured {
	byLabel, err := labels.Parse(strings.Join(q.query["labelSelector"], ","))
	byField, failed := fields.ParseSelector(strings.Join(q.query["fieldSelector"], ","))
	if err != nil || failed != nil {
		return nil
	}
	if q.resource == "endpointslices" {
		w.controlEndpoints()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	found := []*unstructured.Unstructured{}
	for _, object := range w.objects[q.resource] {
		values := fields.Set{"metadata.name": object.GetName(), "metadata.namespace": object.GetNamespace()}
		for _, path := range []string{"type", "reason", "involvedObject.kind", "involvedObject.name", "involvedObject.uid"} {
			values[path], _, _ = unstructured.NestedString(object.Object, strings.Split(path, ".")...)
		}
		if (q.namespace == "" || q.namespace == object.GetNamespace()) && byLabel.Matches(labels.Set(object.GetLabels())) && byField.Matches(values) {
			found = append(found, object.DeepCopy())
		}
	}
	return found
}

// serveWatch brings what comes later, and then nothing.
func (w *worldServer) serveWatch(rw http.ResponseWriter, r *http.Request, q request) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(http.StatusOK)
	w.mu.Lock()
	for _, object := range w.later {
		if resourceOf(object) == q.resource {
			w.version++
			object.SetResourceVersion(fmt.Sprint(w.version))
			event, _ := json.Marshal(map[string]any{"type": "MODIFIED", "object": object.Object})
			_, _ = rw.Write(append(event, '\n'))
		}
	}
	w.mu.Unlock()
	_ = http.NewResponseController(rw).Flush()
	<-r.Context().Done()
}

// serveStream answers what is asked of a pod's containers.
func (w *worldServer) serveStream(rw http.ResponseWriter, r *http.Request, q request, pod *unstructured.Unstructured) {
	if pod == nil {
		name, _, _ := strings.Cut(q.name, ":") // a port follows the name
		if pod = w.find("pods", q.namespace, strings.TrimPrefix(name, "http:")); pod == nil {
			refuse(rw, http.StatusNotFound, "NotFound", fmt.Sprintf("pods %q not found", q.name))
			return
		}
	}
	annotations := pod.GetAnnotations()
	switch says, page := annotations["test/says"], annotations["test/page"]; {
	case q.resource == "pods/log":
		_, _ = io.WriteString(rw, annotations["test/log"])
	case q.resource == "pods/proxy" && page != "":
		if page != "SUCCESS" {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(rw, page)
	case q.resource == "pods/exec" && slices.Contains(q.query["command"], "session"):
		switch command := q.query["command"]; command[len(command)-1] {
		case "LOST":
			refuse(rw, http.StatusInternalServerError, "InternalError", "error dialing backend")
		case "NOSUCH":
			serveCommand(rw, r, "no such namespace\n", 3)
		default:
			serveCommand(rw, r, fmt.Sprintf("%s %s: %s\n", q.name, q.query["container"], strings.Join(command, " ")), 0)
		}
	case q.resource == "pods/exec" && says != "":
		kind, status, _ := strings.Cut(says, "/")
		serveCommand(rw, r, fmt.Sprintf("IRIS^/usr/irissys^2023.3^running, since now^iris.cpf^1972^52773^62972^ok^IRIS^%s^%s^/d\n", kind, status), 0)
	default:
		refuse(rw, http.StatusInternalServerError, "InternalError", "error dialing backend")
	}
}

// serveCommand answers an exec with a command's output and exit code.
func serveCommand(w http.ResponseWriter, r *http.Request, output string, code int) {
	upgrader := websocket.Upgrader{Subprotocols: []string{"v5.channel.k8s.io"}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	const stdout, status = 1, 3
	ended := `{"kind": "Status", "apiVersion": "v1", "status": "Success"}`
	if code != 0 {
		ended = fmt.Sprintf(`{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": [{"reason": "ExitCode", "message": "%d"}]}}`, code)
	}
	_ = conn.WriteMessage(websocket.BinaryMessage, append([]byte{stdout}, output...))
	_ = conn.WriteMessage(websocket.BinaryMessage, append([]byte{status}, ended...))
	_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
	_, _, _ = conn.ReadMessage() // the client closes the connection when it has read all
}

// serve answers a request for one object.
func (w *worldServer) serve(r *http.Request, q request) (any, error) {
	gr := schema.GroupResource{Group: q.group, Resource: q.resource}
	live := w.find(q.resource, q.namespace, q.name)
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		return nil, err
	case q.verb == "patch":
		return w.patch(r, q, live, body)
	case live == nil:
		return nil, apierrors.NewNotFound(gr, q.name)
	case q.verb == "get":
		return live, nil
	case q.verb == "delete":
		var options metav1.DeleteOptions
		if _, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, &options); err != nil {
			return nil, err
		}
		if p := options.Preconditions; p != nil && (p.UID != nil && *p.UID != live.GetUID() || p.ResourceVersion != nil && *p.ResourceVersion != live.GetResourceVersion()) {
			return nil, apierrors.NewConflict(gr, q.name, fmt.Errorf("the precondition does not hold"))
		}
		if len(options.DryRun) == 0 {
			w.remove(q.resource, live)
		}
		return metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess}, nil
	}
	return nil, apierrors.NewMethodNotSupported(gr, q.verb)
}

func (w *worldServer) remove(resource string, object *unstructured.Unstructured) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.objects[resource] = slices.DeleteFunc(w.objects[resource], func(o *unstructured.Unstructured) bool { return o == object })
}

// patch changes an object or, by server-side apply, may create one. client-go's fake
// does that to the one object; this server adds what only a real one does: versions,
// defaults, and what is assigned.
func (w *worldServer) patch(r *http.Request, q request, live *unstructured.Unstructured, body []byte) (any, error) {
	gvr := schema.GroupVersionResource{Group: q.group, Version: "v1", Resource: q.resource}
	kind := types.PatchType(r.Header.Get("Content-Type"))
	var existing []runtime.Object
	if live != nil {
		before, err := typed(q.resource, live)
		if err != nil {
			return nil, err
		}
		existing = append(existing, before)
	} else if kind != types.ApplyPatchType {
		return nil, apierrors.NewNotFound(gvr.GroupResource(), q.name)
	}
	if bound := boundVersion(kind, body); live != nil && bound != "" && bound != live.GetResourceVersion() {
		return nil, apierrors.NewConflict(gvr.GroupResource(), q.name, fmt.Errorf("the object has been modified; please apply your changes to the latest version and try again"))
	}
	options := metav1.PatchOptions{FieldManager: strings.Join(q.query["fieldManager"], "")}
	if q.query["force"] != nil {
		force := q.query["force"][0] == "true"
		options.Force = &force
	}
	action := clienttesting.NewPatchActionWithOptions(gvr, q.namespace, q.name, kind, body, options)
	_, result, err := clienttesting.ObjectReaction(fake.NewClientset(existing...).Tracker())(action)
	if err != nil {
		return nil, err
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(result)
	if err != nil {
		return nil, err
	}
	after := &unstructured.Unstructured{Object: fields}
	return w.store(q, live, after)
}

// boundVersion returns the version that a patch requires the object to have.
func boundVersion(kind types.PatchType, body []byte) string {
	if kind == types.JSONPatchType {
		var operations []struct {
			Path  string
			Value any
		}
		_ = json.Unmarshal(body, &operations)
		for _, o := range operations {
			if o.Path == "/metadata/resourceVersion" {
				return fmt.Sprint(o.Value)
			}
		}
		return ""
	}
	var bound metav1.PartialObjectMetadata
	_ = yaml.Unmarshal(body, &bound)
	return bound.ResourceVersion
}

func typed(resource string, object *unstructured.Unstructured) (runtime.Object, error) {
	into := map[string]runtime.Object{"services": &corev1.Service{}, "pods": &corev1.Pod{}}[resource]
	if into == nil {
		return nil, fmt.Errorf("no writes to %s", resource)
	}
	return into, runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, into)
}

// store completes an object that was written and, unless that was a dry run, keeps it.
func (w *worldServer) store(q request, live, after *unstructured.Unstructured) (any, error) {
	if q.resource == "services" {
		service := &corev1.Service{}
		before := &corev1.Service{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(after.Object, service); err != nil {
			return nil, err
		}
		if live != nil {
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, before); err != nil {
				return nil, err
			}
		}
		if err := complete(&service.Spec, before.Spec); err != nil {
			return nil, err
		}
		var err error
		if after.Object, err = runtime.DefaultUnstructuredConverter.ToUnstructured(service); err != nil {
			return nil, err
		}
		after.SetAPIVersion("v1")
		after.SetKind("Service")
	}
	if live == nil {
		after.SetUID(types.UID("uid-of-" + after.GetName()))
		after.SetCreationTimestamp(metav1.Date(2026, 3, 1, 12, 0, 0, 0, metav1.Now().UTC().Location()))
	} else {
		after.SetUID(live.GetUID())
		after.SetResourceVersion(live.GetResourceVersion())
		if same(live, after) {
			return live, nil
		}
	}
	if q.query["dryRun"] != nil {
		return after, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.version++
	after.SetResourceVersion(fmt.Sprint(w.version))
	kept := after.DeepCopy()
	if kind, _, _ := unstructured.NestedString(kept.Object, "spec", "type"); kind == string(corev1.ServiceTypeLoadBalancer) {
		_ = unstructured.SetNestedSlice(kept.Object, []any{map[string]any{"ip": "192.0.2.10"}}, "status", "loadBalancer", "ingress")
	}
	w.objects[q.resource] = append(slices.DeleteFunc(w.objects[q.resource], func(o *unstructured.Unstructured) bool { return o == live }), kept)
	return after, nil
}

// same compares objects but for the times in their managed fields.
func same(a, b *unstructured.Unstructured) bool {
	plain := func(o *unstructured.Unstructured) map[string]any {
		o = o.DeepCopy()
		managed := o.GetManagedFields()
		for i := range managed {
			managed[i].Time = nil
		}
		o.SetManagedFields(managed)
		unstructured.RemoveNestedField(o.Object, "status")
		unstructured.RemoveNestedField(o.Object, "metadata", "creationTimestamp")
		raw, _ := json.Marshal(o.Object)
		var normal map[string]any
		_ = json.Unmarshal(raw, &normal)
		return normal
	}
	return equality.Semantic.DeepEqual(plain(a), plain(b))
}

// complete adds the defaults of a spec, and what is assigned once.
func complete(spec *corev1.ServiceSpec, live corev1.ServiceSpec) error {
	spec.Type = cmp.Or(spec.Type, corev1.ServiceTypeClusterIP)
	spec.SessionAffinity = cmp.Or(spec.SessionAffinity, corev1.ServiceAffinityNone)
	spec.ClusterIP = cmp.Or(spec.ClusterIP, live.ClusterIP, "10.96.0.20")
	if spec.IPFamilyPolicy != nil && *spec.IPFamilyPolicy == corev1.IPFamilyPolicyRequireDualStack {
		return apierrors.NewInvalid(schema.GroupKind{Kind: "Service"}, "", nil)
	}
	for i := range spec.Ports {
		if port := &spec.Ports[i]; spec.Type != corev1.ServiceTypeClusterIP && port.NodePort == 0 {
			port.NodePort = 30000 + port.Port%1000
		}
	}
	return nil
}

// controlEndpoints makes the EndpointSlices what Services and pods are.
func (w *worldServer) controlEndpoints() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.objects["endpointslices"] = nil
	for _, object := range w.objects["services"] {
		var service corev1.Service
		if runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &service) != nil || len(service.Spec.Selector) == 0 {
			continue
		}
		slice := &discoveryv1.EndpointSlice{
			TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
			ObjectMeta: metav1.ObjectMeta{
				Namespace: service.Namespace, Name: service.Name + "-1", ResourceVersion: "1", UID: types.UID("slice-" + service.Name),
				Labels: labels.Merge(service.Labels, map[string]string{discoveryv1.LabelServiceName: service.Name}),
			},
			AddressType: discoveryv1.AddressTypeIPv4,
		}
		for _, p := range service.Spec.Ports {
			number := p.TargetPort.IntVal
			slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: &p.Name, Port: &number, Protocol: &p.Protocol})
		}
		for _, object := range w.objects["pods"] {
			var pod corev1.Pod
			if runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &pod) == nil && labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels)) {
				ready := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue })
				slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
					Addresses: []string{pod.Status.PodIP}, Conditions: discoveryv1.EndpointConditions{Ready: &ready},
					TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
				})
			}
		}
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(slice)
		if err == nil {
			w.objects["endpointslices"] = append(w.objects["endpointslices"], &unstructured.Unstructured{Object: maps.Clone(fields)})
		}
	}
}
