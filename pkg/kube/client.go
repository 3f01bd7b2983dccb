// Package kube is the client of the API server. It reads snapshots of IrisClusters
// and what belongs to them, applies and deletes Services, sets role labels, and turns
// errors of requests into messages. It does no discovery and has no client-side rate
// limit. Lists are paged, and independent reads run in parallel.
//
// The packages stream, ask, watch and wait build on it; it imports none of them.
package kube

import (
	"net/http"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/gentype"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// pageSize is the number of objects asked for at a time.
const pageSize = 500

// A Client reads from and writes to one API server. It is safe for concurrent use.
type Client struct {
	rest, watch *API
	config      *rest.Config
}

// An API holds the clients that the plugin uses. They are made of the parts that
// client-go's clientset is made of: that of a whole group would link all of its
// resources, with what applies them.
type API struct {
	// REST is for other requests to the core group, such as those for logs.
	REST           rest.Interface
	Pods           func(namespace string) *gentype.ClientWithList[*corev1.Pod, *corev1.PodList]
	Services       func(namespace string) *gentype.ClientWithList[*corev1.Service, *corev1.ServiceList]
	Events         func(namespace string) *gentype.ClientWithList[*corev1.Event, *corev1.EventList]
	EndpointSlices func(namespace string) *gentype.ClientWithList[*discoveryv1.EndpointSlice, *discoveryv1.EndpointSliceList]
	Dynamic        dynamic.Interface
	// HTTP is for pages of pods behind the API server's proxy. It follows no
	// redirect, because credentials go with every request.
	HTTP *http.Client
}

// New returns a client for config. Built-in kinds are read as protobuf, IrisClusters
// as JSON, over one connection. userAgent is sent with every request.
func New(config *rest.Config, userAgent string) (*Client, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = userAgent
	config.QPS = -1 // the server's priority and fairness decides
	if err := moveUserinfo(config); err != nil {
		return nil, err
	}
	api, err := newAPI(config)
	if err != nil {
		return nil, err
	}
	c := &Client{config: config, rest: api, watch: api}
	if config.Timeout == 0 {
		return c, nil
	}
	unbounded := rest.CopyConfig(config)
	unbounded.Timeout = 0
	c.watch, err = newAPI(unbounded)
	return c, err
}

// API returns the typed clients for single requests, which end at the timeout of the
// configuration.
func (c *Client) API() *API { return c.rest }

// WatchAPI returns the typed clients for watches and followed logs, which have no
// timeout.
func (c *Client) WatchAPI() *API { return c.watch }

// Config returns the configuration of the connection, which must not be changed.
func (c *Client) Config() *rest.Config { return c.config }

func newAPI(config *rest.Config) (*API, error) {
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return progressTransport{next} })
	shared, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	builtIn := rest.CopyConfig(config)
	builtIn.ContentType = runtime.ContentTypeProtobuf
	builtIn.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	builtIn.NegotiatedSerializer = rest.CodecFactoryForGeneratedClient(scheme.Scheme, scheme.Codecs).WithoutConversion()
	core, err := restClientFor(builtIn, shared, "/api", corev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	discovery, err := restClientFor(builtIn, shared, "/apis", discoveryv1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	untyped, err := dynamic.NewForConfigAndClient(config, shared)
	if err != nil {
		return nil, err
	}
	pages := *shared
	pages.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &API{
		REST: core, Dynamic: untyped, HTTP: &pages,
		Pods:           resourceClient[corev1.Pod, corev1.PodList](core, "pods"),
		Services:       resourceClient[corev1.Service, corev1.ServiceList](core, "services"),
		Events:         resourceClient[corev1.Event, corev1.EventList](core, "events"),
		EndpointSlices: resourceClient[discoveryv1.EndpointSlice, discoveryv1.EndpointSliceList](discovery, "endpointslices"),
	}, nil
}

func restClientFor(config *rest.Config, shared *http.Client, path string, group schema.GroupVersion) (rest.Interface, error) {
	config = rest.CopyConfig(config)
	config.APIPath, config.GroupVersion = path, &group
	return rest.RESTClientForConfigAndClient(config, shared)
}

// An object is a pointer to a T that the API server knows.
type object[T any] interface {
	*T
	runtime.Object
	metav1.Object
}

// resourceClient returns a function that returns the client of a resource in a namespace.
func resourceClient[T, L any, PT object[T], PL interface {
	*L
	runtime.Object
}](client rest.Interface, resource string) func(namespace string) *gentype.ClientWithList[PT, PL] {
	return func(namespace string) *gentype.ClientWithList[PT, PL] {
		return gentype.NewClientWithList[PT, PL](resource, client, scheme.ParameterCodec, namespace,
			func() PT { return new(T) }, func() PL { return new(L) }, gentype.PrefersProtobuf[PT]())
	}
}
