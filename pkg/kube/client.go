// Package kube is the client of the API server. It reads snapshots of IrisClusters
// and what belongs to them, applies and deletes Services, sets role labels, and turns
// errors of requests into messages. It does no discovery and has no client-side rate
// limit. Lists are paged, and independent reads run in parallel.
//
// The packages stream, ask, watch and wait build on it; it imports none of them.
package kube

import (
	"net/http"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	discoveryv1client "k8s.io/client-go/kubernetes/typed/discovery/v1"
	"k8s.io/client-go/rest"
)

// pageSize is the number of objects asked for at a time.
const pageSize = 500

// A Client reads from and writes to one API server. It is safe for concurrent use.
type Client struct {
	rest, watch *API
	config      *rest.Config
}

// An API holds the clients that the plugin uses. Of a group's client only the
// methods are kept: in an interface, all of its resources would be linked.
type API struct {
	// REST is for requests to the core group that have no typed client.
	REST           rest.Interface
	Pods           func(namespace string) corev1client.PodInterface
	Services       func(namespace string) corev1client.ServiceInterface
	Events         func(namespace string) corev1client.EventInterface
	EndpointSlices func(namespace string) discoveryv1client.EndpointSliceInterface
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
	core, err := corev1client.NewForConfigAndClient(builtIn, shared)
	if err != nil {
		return nil, err
	}
	discovery, err := discoveryv1client.NewForConfigAndClient(builtIn, shared)
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
		REST: core.RESTClient(), Dynamic: untyped, HTTP: &pages,
		Pods: core.Pods, Services: core.Services, Events: core.Events, EndpointSlices: discovery.EndpointSlices,
	}, nil
}
