package standin

import (
	"log/slog"
	"net/netip"
	"time"
)

// fieldManager is the name under which the stand-in writes.
const fieldManager = "stand-in-operator"

// nodeName is the bare Node that the stand-in keeps where there is no real one.
const nodeName = "stand-in"

// Options say how the stand-in plays its part. The zero value fits a control plane
// without nodes.
type Options struct {
	// RealNode says that kubelets run the pods. Without it the stand-in keeps a bare
	// Node, binds every pending pod to it and marks it Running and Ready.
	RealNode bool
	// Roles tells what IRIS says of mirror members; nil: a new Memory, or on a real node
	// new Answers.
	Roles RoleSource
	// RecheckRoles is the time after which Roles is asked again although no pod has
	// changed; 0: never, which fits Memory.
	RecheckRoles time.Duration
	// LabelDelay is how long mirrorRole labels lag behind Roles, unless the IrisCluster
	// says otherwise. IKO's delay is not known. [?]
	LabelDelay time.Duration
	// IRISContainer is the name of the IRIS container. IKO's was seen in 2020 only [S]
	// and may be another today [?], so the default is one that nobody can expect.
	IRISContainer string
	// Images replace those that an IrisCluster names; on a real node those that are not
	// named here are the stand-in images.
	Images Images
	// Resync is the time after which a cluster's objects are synced although nothing has
	// changed; 0: ten minutes, as the operator's chart says. [S]
	Resync time.Duration
	// LoadBalancer is the network whose addresses Services of type LoadBalancer get; the
	// zero value: none get any, as in a cluster without a cloud.
	LoadBalancer netip.Prefix
	// Log receives what goes wrong and what is done; nil: nothing is logged.
	Log *slog.Logger
}

// Images are container images that play the product's on a real node, never pulled.
// An empty one leaves the image that the IrisCluster names.
type Images struct {
	IRIS, WebGateway, Arbiter string
}

func (o Options) withDefaults() Options {
	if o.RealNode {
		o = o.onRealNode()
	}
	if o.Roles == nil {
		o.Roles = NewMemory()
	}
	if o.Resync == 0 {
		o.Resync = 10 * time.Minute
	}
	if o.IRISContainer == "" {
		o.IRISContainer = "stand-in-iris"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
