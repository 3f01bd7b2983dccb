package standin

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/test/images/agent"
)

// dialTimeout is how long a connection to a pod may take, which is the kernel's affair,
// and askTimeout how long the answer may, on a busy machine.
const (
	dialTimeout = 500 * time.Millisecond
	askTimeout  = 3 * time.Second
)

// Answers asks the stand-in instances on a real node: they agree themselves which
// member is primary. It goes to the pods' addresses, so it needs a route to them.
type Answers struct {
	client *http.Client

	mu sync.Mutex
	// switched are the pods that were told to become primary, by cluster, since they
	// were named.
	switched map[types.UID][]string
}

// NewAnswers returns an Answers that has asked nobody yet.
func NewAnswers() *Answers {
	dialer := net.Dialer{Timeout: dialTimeout}
	client := &http.Client{Timeout: askTimeout, Transport: &http.Transport{DialContext: dialer.DialContext}}
	return &Answers{client: client, switched: map[types.UID][]string{}}
}

// Members implements RoleSource; a pod that does not answer says nothing.
func (a *Answers) Members(ctx context.Context, shard Shard, pods []*corev1.Pod) (map[string]Member, error) {
	if err := a.switchOver(ctx, shard, pods); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	members := map[string]Member{}
	var asking sync.WaitGroup
	for _, pod := range pods {
		if pod.Status.PodIP == "" {
			continue
		}
		asking.Go(func() {
			report, err := agent.Ask(ctx, a.client, pod.Status.PodIP)
			// Another pod may have the address by now.
			if err != nil || report.Pod != pod.Name || !report.Up || report.Type == "" {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			members[pod.Name] = Member{Type: report.Type, Status: report.Status}
		})
	}
	asking.Wait()
	return members, nil
}

// switchOver tells the pods of a planned switch to become primary, once.
func (a *Answers) switchOver(ctx context.Context, shard Shard, pods []*corev1.Pod) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	named := func(pod string) bool { return slices.Contains(shard.Primaries, pod) }
	done := slices.DeleteFunc(a.switched[shard.Cluster], func(pod string) bool { return !named(pod) })
	defer func() { a.switched[shard.Cluster] = done }()
	for _, pod := range pods {
		if !named(pod.Name) || slices.Contains(done, pod.Name) || pod.Status.PodIP == "" {
			continue
		}
		url := "http://" + net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(agent.Port)) + "/primary"
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
		if err != nil {
			return err
		}
		response, err := a.client.Do(request)
		if err != nil {
			return fmt.Errorf("tell pod %q to become primary: %w", pod.Name, err)
		}
		if err := response.Body.Close(); err != nil {
			return err
		}
		done = append(done, pod.Name)
	}
	return nil
}

// Forget implements RoleSource.
func (a *Answers) Forget(cluster types.UID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.switched, cluster)
}
