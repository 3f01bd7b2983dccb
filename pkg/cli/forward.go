package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/kubectl-iris/kubectl-iris/pkg/forward"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/poll"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
)

// forwardFlags are what port-forward and portal have in common.
type forwardFlags struct {
	targetFlags
	addresses []string
	grace     time.Duration
}

// defaultGrace is how long a new connection waits for a pod: about as long as a
// failover and a new label take together.
const defaultGrace = 30 * time.Second

func (f *forwardFlags) addTo(cmd *cobra.Command, s *factory) {
	flags := cmd.Flags()
	f.targetFlags.addTo(cmd, s)
	flags.StringSliceVar(&f.addresses, "address", []string{forward.Localhost}, "Addresses to listen on, comma-separated: IP addresses, or localhost for 127.0.0.1 and ::1.")
	flags.DurationVar(&f.grace, "grace", defaultGrace, "How long a new connection waits while nobody holds the role, or the pod does not run.")
}

func (f *forwardFlags) check() error {
	if f.grace < 0 {
		return problem.Usage("--grace %s is not a time to wait", f.grace).Hint("give one like 30s; 0 refuses connections at once")
	}
	return nil
}

// forwarding is a port-forward with everything decided.
type forwarding struct {
	*factory
	client    *connection
	target    found
	forwarder *forward.Forwarder
	follower  *reach.Follower
	grace     time.Duration
}

func (f *forwardFlags) toForwarding(s *factory, client *connection, target found) *forwarding {
	r := &forwarding{factory: s, client: client, target: target, grace: f.grace}
	failures := &failures{factory: s}
	r.forwarder = forward.New(forward.Options{
		Grace:  f.grace,
		Final:  func(err error) bool { return errors.As(err, new(noPort)) },
		Failed: failures.tell,
	})
	r.follower = reach.NewFollower(target.Target, target.pods, target.answers, target.pod, r.ask, reach.Events{
		Busy:    r.forwarder.Busy,
		Moved:   r.moved,
		Waiting: r.waiting,
	})
	return r
}

// noPort is the error of a pod that has no port of the name that is meant.
type noPort struct{ error }

// Unwrap is the error itself.
func (e noPort) Unwrap() error { return e.error }

// unreachable marks the error of a port as one that waiting does not cure,
// unless its container may start again.
func unreachable(err error) error {
	if errors.As(err, new(reach.Stopped)) {
		return err
	}
	return noPort{err}
}

func (r *forwarding) ask(ctx context.Context, pod iris.Pod, skip *iris.Refusal) poll.Reply {
	return r.client.AskPod(ctx, r.target.Clusters(), pod, skip)
}

// moved leads connections to another pod, and says so.
func (r *forwarding) moved(from, to reach.TargetPod) {
	r.forwarder.Keep(string(to.UID))
	if from.Name == to.Name {
		r.note("pod %q was made anew: connections to the former one are closed", to.Name)
		return
	}
	r.note("%s is now pod %q %s: connections to pod %q are closed", r.target.Target, to.Name, to.Why(), from.Name)
}

// waiting says why new connections get nowhere for now.
func (r *forwarding) waiting(why error) {
	if why != nil {
		r.note("%v; connections wait up to %s", why, r.grace)
	}
}

// destination is where a connection to a port goes, in the pod that the target
// means at that time.
func (r *forwarding) destination(ctx context.Context, port reach.Port) (forward.Destination, error) {
	pod, err := r.follower.TargetPod(ctx)
	if err != nil {
		return forward.Destination{}, err
	}
	number, err := port.In(pod.Pod, r.target.Cluster)
	if err != nil {
		return forward.Destination{}, unreachable(err)
	}
	return forward.Destination{
		Pod:  string(pod.UID),
		Name: pod.Name,
		Port: number,
		Dial: func(ctx context.Context) (httpstream.Connection, error) {
			return r.client.Tunnel(ctx, pod.Namespace, pod.Name)
		},
	}, nil
}

// listening are the listeners of one port.
type listening struct {
	reach.Port
	// number is that of the port in the pod that the target means at first.
	number    uint16
	listeners []net.Listener
}

// listen listens for all ports, and makes sure that there is a way to the pod.
// On an error nothing listens.
func (r *forwarding) listen(ctx context.Context, addresses []string, ports []reach.Port) (all []listening, err error) {
	defer func() {
		if err != nil {
			for _, l := range all {
				forward.Close(l.listeners)
			}
			all = nil
		}
	}()
	for _, port := range ports {
		number, err := port.In(r.target.pod.Pod, r.target.Cluster)
		if err != nil {
			return all, err
		}
		listeners, err := forward.Listen(addresses, port.Local)
		if err != nil {
			return all, err
		}
		all = append(all, listening{Port: port, number: number, listeners: listeners})
	}
	trying, cancel := r.bounded(ctx)
	defer cancel()
	to, err := r.destination(trying, ports[0])
	if err != nil {
		return all, err
	}
	return all, r.forwarder.Try(trying, to)
}

// serve carries connections, and follows the target, until ctx ends.
func (r *forwarding) serve(ctx context.Context, all []listening) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := r.client.FollowPods(ctx, r.target.Namespace, r.target.Cluster.Name, func(pods []iris.Pod) error {
			r.follower.SetPods(pods)
			return nil
		}, r.lost)
		if err != nil {
			r.warn(fmt.Sprintf("%v: stays with pod %q unless IRIS says otherwise", err, r.target.pod.Name))
		}
		return nil
	})
	group.Go(func() error {
		r.follower.Run(ctx)
		return nil
	})
	for _, l := range all {
		group.Go(func() error {
			r.forwarder.Serve(ctx, l.listeners, func(ctx context.Context) (forward.Destination, error) {
				return r.destination(ctx, l.Port)
			})
			return nil
		})
	}
	return group.Wait()
}

// failures tells why connections failed, the same line not again and again.
type failures struct {
	*factory
	mu   sync.Mutex
	last string
	at   time.Time
}

// quietFor is how long a failure is not told again.
const quietFor = 5 * time.Second

func (f *failures) tell(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	line, now := err.Error(), time.Now()
	if line == f.last && now.Sub(f.at) < quietFor {
		return
	}
	f.last, f.at = line, now
	f.warn("a connection was closed: " + line)
}
