package instances

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/forward"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/poll"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
)

// A PortForwardCluster is what PortForward needs of the Kubernetes cluster.
type PortForwardCluster interface {
	TargetCluster
	// AskPod asks IRIS in one pod, but not in the way that skip says is refused.
	AskPod(ctx context.Context, clusters []iris.Cluster, pod iris.Pod, skip *iris.Refusal) poll.Reply
	// FollowPods calls show with a cluster's pods, and again after every change,
	// until ctx ends. It calls lost if the API server stops answering.
	FollowPods(ctx context.Context, namespace, cluster string, show func([]iris.Pod) error, lost func(error)) error
	// Tunnel opens a connection that carries streams to the ports of a pod.
	Tunnel(ctx context.Context, namespace, pod string) (httpstream.Connection, error)
}

// ForwardOptions say how connections are taken and forwarded.
type ForwardOptions struct {
	addresses []forward.Address
	grace     time.Duration
}

// NewForwardOptions returns the options to listen on addresses and to have a new
// connection wait for its pod up to grace. It returns a usage error if an address
// is not one, if there is none, or if grace is negative.
func NewForwardOptions(addresses []string, grace time.Duration) (ForwardOptions, error) {
	o := ForwardOptions{grace: grace}
	for _, s := range addresses {
		address, err := forward.ParseAddress(s)
		if err != nil {
			return o, err
		}
		o.addresses = append(o.addresses, address)
	}
	if len(addresses) == 0 {
		return o, problem.Usage("%s is required", problem.Field("address")).Hint("use IP addresses, or %s", forward.Localhost)
	}
	if grace < 0 {
		return o, problem.Usage("invalid %s %q: must not be negative", problem.Field("grace"), grace).Hint("for example 30s; 0 refuses connections at once")
	}
	return o, nil
}

// PortForward forwards local ports to the pod that a target means at the time of
// each connection.
type PortForward struct {
	action.Config
	Client  PortForwardCluster
	Request reach.Request
	Options ForwardOptions
	// Ports are those to forward, at least one.
	Ports []reach.Port
}

// A Forwarding is a PortForward that listens.
type Forwarding struct {
	PortForward
	// Listening are the ports, in order.
	Listening []ListeningPort
	target    target
	forwarder *forward.Forwarder
	tracker   *reach.Tracker

	mu         sync.Mutex
	lastFailed string
	failedAt   time.Time
}

// A ListeningPort is a forwarded port that listens.
type ListeningPort struct {
	reach.Port
	// Number is that of the port in the pod that the target means at first.
	Number    uint16
	listeners []net.Listener
}

// Addresses returns where the port listens.
func (p ListeningPort) Addresses() []net.Addr {
	all := make([]net.Addr, len(p.listeners))
	for i, l := range p.listeners {
		all[i] = l.Addr()
	}
	return all
}

// Open finds the target, listens on all ports, and makes sure that the pod can be
// reached. The caller serves or closes what it returns.
func (p PortForward) Open(ctx context.Context) (*Forwarding, error) {
	t, err := findTarget(ctx, p.Config, p.Client, p.Request)
	if err != nil {
		return nil, err
	}
	return p.open(ctx, t)
}

func (p PortForward) open(ctx context.Context, t target) (*Forwarding, error) {
	f := &Forwarding{PortForward: p, target: t}
	f.forwarder = forward.New(forward.Options{Grace: p.Options.grace, Failed: f.failed})
	ask := func(ctx context.Context, pod iris.Pod, skip *iris.Refusal) poll.Reply {
		return p.Client.AskPod(ctx, t.Clusters(), pod, skip)
	}
	f.tracker = reach.NewTracker(t.Target, t.pods, t.answers, t.pod, ask, reach.Events{
		Busy:    f.forwarder.Busy,
		Moved:   f.moved,
		Waiting: func(why error) { p.Notef("%v; connections wait up to %s", why, p.Options.grace) },
	})
	if err := f.listen(ctx); err != nil {
		f.Close()
		return nil, explained(err)
	}
	if why := t.unconfirmed(); why != "" {
		p.Warnf("the role is read from the label of pod %q, IRIS does not confirm it: %s", t.pod.Name, why)
	}
	p.Notef("forwarding to %s", t.who())
	return f, nil
}

// listen listens on all ports, and opens a tunnel to the pod.
func (f *Forwarding) listen(ctx context.Context) error {
	for _, port := range f.Ports {
		number, err := port.In(f.target.pod.Pod, f.target.Cluster)
		if err != nil {
			return err
		}
		listeners, err := forward.Listen(f.Options.addresses, port.Local)
		if err != nil {
			return err
		}
		f.Listening = append(f.Listening, ListeningPort{port, number, listeners})
	}
	ctx, cancel := f.WithTimeout(ctx)
	defer cancel()
	to, err := f.destination(ctx, f.Ports[0])
	if err != nil {
		return err
	}
	return f.forwarder.Try(ctx, to)
}

// Close stops listening and closes all connections.
func (f *Forwarding) Close() {
	for _, l := range f.Listening {
		forward.Close(l.listeners)
	}
	f.forwarder.Close()
}

// Serve forwards connections, and follows the target, until ctx ends.
func (f *Forwarding) Serve(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := f.Client.FollowPods(ctx, f.target.Namespace, f.target.Cluster.Name, func(pods []iris.Pod) error {
			f.tracker.SetPods(pods)
			return nil
		}, f.Lost)
		if err != nil {
			f.Warnf("%v: connections go to pod %q unless IRIS says that another has the role", err, f.target.pod.Name)
		}
		return nil
	})
	group.Go(func() error {
		f.tracker.Run(ctx)
		return nil
	})
	for _, l := range f.Listening {
		group.Go(func() error {
			f.forwarder.Serve(ctx, l.listeners, func(ctx context.Context) (forward.Destination, error) {
				return f.destination(ctx, l.Port)
			})
			return nil
		})
	}
	return group.Wait()
}

// destination returns where a connection to a port goes: to the pod that the
// target means at that time.
func (f *Forwarding) destination(ctx context.Context, port reach.Port) (forward.Destination, error) {
	pod, err := f.tracker.TargetPod(ctx)
	if err != nil {
		return forward.Destination{}, err
	}
	number, err := port.In(pod.Pod, f.target.Cluster)
	switch {
	case errors.As(err, new(reach.Stopped)): // it may start again
		return forward.Destination{}, err
	case err != nil:
		return forward.Destination{}, forward.Permanent{Err: err}
	}
	return forward.Destination{
		Pod:  string(pod.UID),
		Name: pod.Name,
		Port: number,
		Dial: func(ctx context.Context) (httpstream.Connection, error) {
			return f.Client.Tunnel(ctx, pod.Namespace, pod.Name)
		},
	}, nil
}

// moved closes the connections to the former target pod, and reports it.
func (f *Forwarding) moved(from, to reach.TargetPod) {
	f.forwarder.Keep(string(to.UID))
	if from.Name == to.Name {
		f.Notef("pod %q was recreated; connections to the old pod were closed", to.Name)
		return
	}
	f.Notef("%s is now pod %q %s; connections to pod %q were closed", f.target.Target, to.Name, to.Why(), from.Name)
}

// quietFor is how long the same failure is not reported again.
const quietFor = 5 * time.Second

// failed reports why a connection failed.
func (f *Forwarding) failed(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	line, now := err.Error(), f.Now()
	if line == f.lastFailed && now.Sub(f.failedAt) < quietFor {
		return
	}
	f.lastFailed, f.failedAt = line, now
	f.Warnf("a connection was closed: %s", line)
}
