package kubetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// Services is an API server that has nothing but Services, which it reads, patches and
// deletes as a real one does: with managed fields, versions, preconditions and dry runs.
// It is used by one goroutine.
type Services struct {
	// Before is called before each request; it may change Services, or fail the request.
	Before func(*http.Request) error
	// Requests has the method of each request.
	Requests []string

	stored  map[string]*corev1.Service
	version int
}

// NewServices returns a server that has the Services given.
func NewServices(services ...*corev1.Service) *Services {
	s := &Services{stored: map[string]*corev1.Service{}, version: 1000}
	for _, service := range services {
		s.Put(service)
	}
	return s
}

// Config returns the configuration of a client of the server.
func (s *Services) Config() *rest.Config {
	return &rest.Config{Host: "https://server.example.com", Transport: s}
}

// Put stores a Service at a new version, and with a uid if it has none.
func (s *Services) Put(service *corev1.Service) {
	s.version++
	service = service.DeepCopy()
	service.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}
	service.ResourceVersion = strconv.Itoa(s.version)
	if service.UID == "" {
		service.UID = types.UID("uid-" + service.ResourceVersion)
	}
	s.stored[service.Name] = service
}

// Get returns a copy of a Service, or nil.
func (s *Services) Get(name string) *corev1.Service { return s.stored[name].DeepCopy() }

// Remove deletes a Service without conditions.
func (s *Services) Remove(name string) { delete(s.stored, name) }

// RoundTrip answers a request.
func (s *Services) RoundTrip(r *http.Request) (*http.Response, error) {
	s.Requests = append(s.Requests, r.Method)
	if s.Before != nil {
		if err := s.Before(r); err != nil {
			return s.fail(r, err)
		}
	}
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	service, err := s.handle(r, path.Base(r.URL.Path), body)
	if err != nil {
		return s.fail(r, err)
	}
	return JSON(r, http.StatusOK, service), nil
}

func (s *Services) fail(r *http.Request, err error) (*http.Response, error) {
	status, ok := err.(apierrors.APIStatus)
	if !ok {
		return nil, err
	}
	answer := status.Status()
	answer.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	return JSON(r, int(answer.Code), answer), nil
}

var resource = corev1.Resource("services")

func (s *Services) handle(r *http.Request, name string, body []byte) (*corev1.Service, error) {
	live := s.stored[name]
	if live == nil && r.Method != http.MethodPatch {
		return nil, apierrors.NewNotFound(resource, name)
	}
	query := r.URL.Query()
	dry := query.Get("dryRun") == metav1.DryRunAll
	switch r.Method {
	case http.MethodGet:
		return live, nil
	case http.MethodDelete:
		var options metav1.DeleteOptions
		if _, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, &options); err != nil {
			return nil, err
		}
		if p := options.Preconditions; p != nil && (*p.UID != live.UID || *p.ResourceVersion != live.ResourceVersion) {
			return nil, apierrors.NewConflict(resource, name, fmt.Errorf("the object has been modified"))
		}
		if len(options.DryRun) == 0 {
			s.Remove(name)
		}
		return live, nil
	case http.MethodPatch:
		manager, force := query.Get("fieldManager"), query.Get("force") == "true"
		after, err := s.patched(r.Header.Get("Content-Type"), live, body, manager, force)
		if err != nil {
			return nil, err
		}
		if live != nil && equality.Semantic.DeepEqual(withoutTimes(live), withoutTimes(after)) {
			return live, nil
		}
		if dry {
			if live != nil {
				after.ResourceVersion = live.ResourceVersion
			}
			return after, nil
		}
		s.Put(after)
		return s.Get(name), nil
	}
	return nil, fmt.Errorf("unexpected %s", r.Method)
}

// patched returns a Service after a patch of its type.
func (s *Services) patched(kind string, live *corev1.Service, body []byte, manager string, force bool) (*corev1.Service, error) {
	fields, err := managedfields.NewDefaultFieldManager(applyconfigurations.NewTypeConverter(scheme.Scheme), scheme.Scheme, defaulter{}, scheme.Scheme,
		corev1.SchemeGroupVersion.WithKind("Service"), corev1.SchemeGroupVersion, "", nil)
	if err != nil {
		return nil, err
	}
	if live == nil && kind != string(types.ApplyPatchType) {
		return nil, apierrors.NewNotFound(resource, "")
	}
	before := &corev1.Service{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}}
	version := ""
	if live != nil {
		before, version = live.DeepCopy(), live.ResourceVersion
	}
	conflict := apierrors.NewConflict(resource, before.Name, fmt.Errorf("the object has been modified"))
	switch types.PatchType(kind) {
	case types.ApplyPatchType:
		wanted := &unstructured.Unstructured{}
		if err := json.Unmarshal(body, &wanted.Object); err != nil {
			return nil, err
		}
		bound := wanted.GetResourceVersion()
		wanted.SetResourceVersion("")
		after, err := fields.Apply(before, wanted, manager, force)
		switch {
		case err != nil:
			return nil, err
		case live != nil && bound != version: // an apply creates what is not there, whatever its version
			return nil, conflict
		}
		return after.(*corev1.Service), nil
	case types.JSONPatchType:
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(before)
		if err != nil {
			return nil, err
		}
		var operations []struct {
			Path  string
			Value any
		}
		if err := json.Unmarshal(body, &operations); err != nil {
			return nil, err
		}
		managers := false
		for _, o := range operations {
			managers = managers || o.Path == "/metadata/managedFields"
			if err := unstructured.SetNestedField(content, o.Value, strings.Split(o.Path[1:], "/")...); err != nil {
				return nil, err
			}
		}
		after := &corev1.Service{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, after); err != nil {
			return nil, err
		}
		if after.ResourceVersion != version {
			return nil, conflict
		}
		if managers {
			return after, nil
		}
		updated, err := fields.Update(before, after, manager)
		if err != nil {
			return nil, err
		}
		return updated.(*corev1.Service), nil
	}
	return nil, fmt.Errorf("unexpected patch %s", kind)
}

func withoutTimes(service *corev1.Service) *corev1.Service {
	service = service.DeepCopy()
	for i := range service.ManagedFields {
		service.ManagedFields[i].Time = nil
	}
	return service
}

// defaulter sets no defaults.
type defaulter struct{}

// Default does nothing.
func (defaulter) Default(runtime.Object) {}
