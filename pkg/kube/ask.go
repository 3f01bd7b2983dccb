package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

const (
	// askTimeout bounds the asking of all pods together.
	askTimeout = 3 * time.Second
	// askPatience is how long `iris qlist` may take before mirror_status.cxw
	// is asked beside it.
	askPatience = 2 * time.Second
	// maxAsked is the number of pods that are asked at a time.
	maxAsked = 64
	// maxPage bounds the page of mirror_status.cxw, in bytes: it is a word.
	maxPage = 4 << 10
)

// The rights to ask IRIS.
var (
	execRight  = access{verb: "create", resource: "pods/exec"}
	proxyRight = access{verb: "get", resource: "pods/proxy"}
)

// Ask asks IRIS in each data pod what it is: by `iris qlist` in its container,
// and where that is forbidden or fails by the page mirror_status.cxw through
// the API server's proxy. All pods are asked at once and none for longer than
// three seconds. A pod that does not answer is no error: its Answer says why.
// Clusters tell where a sidecar listens, and that one is no mirror; they may be
// missing.
func (c *Client) Ask(ctx context.Context, clusters []iris.Cluster, pods []iris.Pod) []iris.Answer {
	answers := []iris.Answer{}
	for _, r := range c.replies(ctx, clusters, pods, nil) {
		answers = append(answers, r.Answer)
	}
	return answers
}

// reply is an answer to a watch.
type reply struct {
	iris.Answer
	// about is the pod as it was asked.
	about iris.Pod
	// away: what kept it from coming is that the server is not there, which
	// says nothing of the pod.
	away bool
	// paged: qlist was not asked.
	paged bool
}

// replies are the answers of Ask. In pods of which hung tells how qlist failed,
// the page alone is asked.
func (c *Client) replies(ctx context.Context, clusters []iris.Cluster, pods []iris.Pod, hung map[types.UID]iris.Refusal) []reply {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	asked := slices.DeleteFunc(slices.Clone(pods), func(p iris.Pod) bool { return p.Component() != iris.ComponentData })
	replies := make([]reply, len(asked))
	var asking sync.WaitGroup
	for i, pod := range asked {
		q := question{client: c, pod: pod, cluster: clusterOf(pod, clusters), away: new(atomic.Bool)}
		if why, ok := hung[pod.UID]; ok {
			q.hung = &why
		}
		asking.Go(func() {
			a := q.inTurn(ctx)
			a.At = time.Now()
			replies[i] = reply{Answer: a, about: pod, away: a.Source == iris.NoAnswer && q.away.Load(), paged: q.hung != nil}
		})
	}
	asking.Wait()
	return replies
}

// clusterOf is a pod's cluster; nil where it was not read.
func clusterOf(pod iris.Pod, clusters []iris.Cluster) *iris.Cluster {
	for i := range clusters {
		if clusters[i].Namespace == pod.Namespace && clusters[i].Name == pod.Cluster() {
			return &clusters[i]
		}
	}
	return nil
}

// question is one pod that is asked.
type question struct {
	client  *Client
	pod     iris.Pod
	cluster *iris.Cluster
	// hung is why qlist is not to be asked; nil where it is.
	hung *iris.Refusal
	// away notes that the server is not there; it may be missing.
	away *atomic.Bool
}

func (q question) missed(server bool) {
	if server && q.away != nil {
		q.away.Store(true)
	}
}

// inTurn asks as soon as there are not too many that are asked.
func (q question) inTurn(ctx context.Context) iris.Answer {
	select {
	case q.client.asking <- struct{}{}:
		defer func() { <-q.client.asking }()
		return q.ask(ctx)
	case <-ctx.Done():
		return q.unanswered(notAsked(ctx.Err()))
	}
}

// notAsked is why a pod's turn did not come.
func notAsked(err error) iris.Refusal {
	if !errors.Is(err, context.DeadlineExceeded) {
		return refusal(iris.FromQlist, err)
	}
	why := fmt.Sprintf("not asked within %s, since no more than %d pods are asked at a time", askTimeout, maxAsked)
	return iris.Refusal{Source: iris.FromQlist, Why: why}
}

func (q question) answer() iris.Answer {
	return iris.Answer{Namespace: q.pod.Namespace, Pod: q.pod.Name, UID: q.pod.UID}
}

func (q question) unanswered(why ...iris.Refusal) iris.Answer {
	a := q.answer()
	a.Refused = why
	return a
}

// ask asks qlist and, once that has failed or takes long, mirror_status.cxw. An
// answer of qlist is worth more and is waited for.
func (q question) ask(ctx context.Context) iris.Answer {
	switch {
	case !runs(q.pod):
		return notRunning(q.pod)
	case q.hung != nil:
		return q.orElse(q.unanswered(*q.hung), q.mirrorStatus(ctx))
	}
	listed := make(chan iris.Answer, 1)
	go func() { listed <- q.qlist(ctx) }()
	patience := time.NewTimer(askPatience)
	defer patience.Stop()
	select {
	case a := <-listed:
		if a.Source != iris.NoAnswer {
			return a
		}
		return q.orElse(a, q.mirrorStatus(ctx))
	case <-patience.C:
	}
	page := q.mirrorStatus(ctx)
	return q.orElse(<-listed, page)
}

// runs tells whether there is a container to be asked.
func runs(pod iris.Pod) bool { return pod.IRIS != nil && !pod.IRIS.Started.IsZero() }

// notRunning is the answer of a pod that need not be asked.
func notRunning(pod iris.Pod) iris.Answer {
	return question{pod: pod}.unanswered(iris.Refusal{Source: iris.FromQlist, Why: "its container does not run"})
}

// orElse is what qlist answered, else what the page did, with the reasons why
// there is no more.
func (q question) orElse(listed, page iris.Answer) iris.Answer {
	if listed.Source != iris.NoAnswer {
		return listed
	}
	page.Refused = slices.Concat(listed.Refused, page.Refused)
	return page
}

func (q question) qlist(ctx context.Context) iris.Answer {
	output, err := q.client.exec(ctx, q.pod.Namespace, q.pod.Name, q.pod.IRIS.Name, "iris", "qlist")
	if err != nil {
		q.missed(lostServer(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsTooManyRequests(err))
		return q.unanswered(refusal(iris.FromQlist, err))
	}
	instance := iris.TheInstance(iris.ParseQlist(output))
	if instance == nil {
		return q.unanswered(iris.Refusal{Source: iris.FromQlist, Why: "it named no instance"})
	}
	a := q.answer()
	a.Source, a.Instance = iris.FromQlist, instance
	return a
}

// mirrorStatus asks the page of the sidecar or, without one, of IRIS itself.
// Outside a mirror it says nothing.
func (q question) mirrorStatus(ctx context.Context) iris.Answer {
	if q.cluster != nil && !q.cluster.Mirrored {
		return q.unanswered()
	}
	status, body, err := q.client.page(ctx, q.pod.Namespace, q.address(), iris.MirrorStatusPath)
	if err != nil {
		q.missed(q.hung != nil && lostServer(err)) // a 503 is about the pod
		return q.unanswered(refusal(iris.FromMirrorStatus, err))
	}
	a := q.answer()
	a.Source = iris.FromMirrorStatus
	switch {
	case status == http.StatusOK && strings.Contains(body, iris.MirrorStatusPrimary):
		a.Primary = true
	case status == http.StatusServiceUnavailable && strings.Contains(body, iris.MirrorStatusNotPrimary):
	default:
		return q.unanswered(iris.Refusal{Source: iris.FromMirrorStatus, Why: fmt.Sprintf("it answered %d %s", status, http.StatusText(status))})
	}
	return a
}

// address returns the pod as the API server's proxy takes it: [https:]NAME:PORT.
func (q question) address() string {
	var of iris.Cluster
	if q.cluster != nil {
		of = *q.cluster
	}
	port := cluster.PortalPort(q.pod, of)
	address := fmt.Sprintf("%s:%d", q.pod.Name, port.Number)
	if port.HTTPS {
		return cluster.HTTPS + ":" + address
	}
	return address
}

// page reads a page of a pod through the API server's proxy. An error is the
// API server's own.
func (c *Client) page(ctx context.Context, namespace, address, path string) (status int, body string, err error) {
	at := c.once.core.RESTClient().Get().
		Namespace(namespace).Resource("pods").Name(address).SubResource("proxy").Suffix(path).URL()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return 0, "", err
	}
	response, err := c.once.http.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	if err != nil {
		return 0, "", err
	}
	var own metav1.Status
	if json.Unmarshal(text, &own) == nil && own.Kind == "Status" && own.Status == metav1.StatusFailure {
		return 0, "", &apierrors.StatusError{ErrStatus: own}
	}
	return response.StatusCode, string(text), nil
}

// lostServer tells an error of the way to the API server from one of the way
// to the pod, and from a command that fails.
func lostServer(err error) bool {
	var closed *websocket.CloseError
	switch {
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return false
	case errors.As(err, &closed):
		return closed.Code != websocket.CloseNormalClosure
	}
	var network *net.OpError
	return errors.As(err, &network) || utilnet.IsConnectionRefused(err) || utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err)
}

// requestLine is a request within an error. It is long, and names the pod, which
// what is said about it does anyway.
var requestLine = regexp.MustCompile(`\b(Get|Post) "[^"]*": `)

// refusal is an error as the reason why there is no answer.
func refusal(source iris.AnswerSource, err error) iris.Refusal {
	r := iris.Refusal{Source: source}
	switch {
	case apierrors.IsForbidden(err):
		right := execRight
		if source == iris.FromMirrorStatus {
			right = proxyRight
		}
		r.Verb, r.Resource = right.verb, right.resource
		r.Why = fmt.Sprintf("the right %s %s is missing", right.resource, right.verb)
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		r.TimedOut = true
		r.Why = fmt.Sprintf("no answer within %s", askTimeout)
	default:
		r.Why = topology.OneLine(requestLine.ReplaceAllString(err.Error(), ""))
	}
	return r
}
