// Package kube is the plugin's reads from and writes to the API server. It
// does no discovery, has no client-side rate limit, reads in parallel and
// pages every list.
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

// Client talks to one API server.
type Client struct {
	// once is for single requests, streams for watches, which the timeout of
	// a request would end.
	once, streams *clients
	config        *rest.Config
	// asking holds a token for each pod that is being asked.
	asking chan struct{}
}

// clients holds a client for each API group that the plugin uses. A whole
// clientset would make the binary larger.
type clients struct {
	core      corev1client.CoreV1Interface
	discovery discoveryv1client.DiscoveryV1Interface
	dynamic   dynamic.Interface
	// http is for pages of pods behind the API server's proxy. It follows no
	// redirect: credentials go with every request.
	http *http.Client
}

// New is a client for config. Built-in kinds are read as protobuf, IrisClusters
// as JSON, over one connection. userAgent is sent with every request.
func New(config *rest.Config, userAgent string) (*Client, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = userAgent
	config.QPS = -1 // the server's priority and fairness decides
	if err := moveUserinfo(config); err != nil {
		return nil, err
	}
	once, err := clientsFor(config)
	if err != nil {
		return nil, err
	}
	c := &Client{config: config, once: once, streams: once, asking: make(chan struct{}, maxAsked)}
	if config.Timeout == 0 {
		return c, nil
	}
	unbounded := rest.CopyConfig(config)
	unbounded.Timeout = 0
	c.streams, err = clientsFor(unbounded)
	return c, err
}

func clientsFor(config *rest.Config) (*clients, error) {
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return progressTransport{next} })
	shared, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	builtIn := rest.CopyConfig(config)
	builtIn.ContentType = runtime.ContentTypeProtobuf
	builtIn.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	var c clients
	if c.core, err = corev1client.NewForConfigAndClient(builtIn, shared); err != nil {
		return nil, err
	}
	if c.discovery, err = discoveryv1client.NewForConfigAndClient(builtIn, shared); err != nil {
		return nil, err
	}
	pages := *shared
	pages.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &pages
	c.dynamic, err = dynamic.NewForConfigAndClient(config, shared)
	return &c, err
}
