// Package ask asks IRIS what it is: once, for a snapshot or a target, or again and
// again while a watch lasts. It asks `iris qlist` in the container of the pod and, if
// that is not conclusive, the instance's metrics and the page mirror_status.cxw through
// the API server's proxy.
package ask

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
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/utils/ptr"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/poll"
	"github.com/kubectl-iris/kubectl-iris/pkg/stream"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

const (
	// askTimeout bounds the asking of all pods together.
	askTimeout = 3 * time.Second
	// qlistPatience is how long `iris qlist` may take before the metrics and
	// mirror_status.cxw are asked as well.
	qlistPatience = 2 * time.Second
	// maxAsked is the number of pods that are asked at a time.
	maxAsked = 64
	// maxPage bounds the page of mirror_status.cxw, in bytes: it is a word.
	maxPage = 4 << 10
	// maxMetrics bounds the page of metrics, in bytes: a few hundred lines and
	// some more for each database.
	maxMetrics = 1 << 20
)

// An Asker asks IRIS through one API server. It is safe for concurrent use.
type Asker struct {
	client  *kube.Client
	streams *stream.Streamer
	// turns has a token for each pod that is being asked.
	turns chan struct{}
}

// New returns an Asker that runs commands through streams and reads pages through client.
func New(client *kube.Client, streams *stream.Streamer) *Asker {
	return &Asker{client: client, streams: streams, turns: make(chan struct{}, maxAsked)}
}

// Ask returns an answer for each data pod. All are asked at once, each for at most three
// seconds. A pod that does not answer is no error: its Answer has the reason. clusters,
// which may be missing, say where a sidecar listens, what it passes on, and whether a
// data node is mirrored.
func (a *Asker) Ask(ctx context.Context, clusters []iris.Cluster, pods []iris.Pod) []iris.Answer {
	asked := slices.DeleteFunc(slices.Clone(pods), func(p iris.Pod) bool { return p.Component() != iris.ComponentData })
	answers := make([]iris.Answer, len(asked))
	var asking sync.WaitGroup
	for i, pod := range asked {
		asking.Go(func() { answers[i] = a.AskPod(ctx, clusters, pod, nil).Answer })
	}
	asking.Wait()
	return answers
}

// AskPod asks IRIS in one data pod as Ask does. If skip is not nil, it is why qlist is
// not asked.
func (a *Asker) AskPod(ctx context.Context, clusters []iris.Cluster, pod iris.Pod, skip *iris.Refusal) poll.Reply {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	q := question{asker: a, pod: pod, cluster: kube.ClusterOf(pod, clusters), skip: skip, away: new(atomic.Bool)}
	answer := q.inTurn(ctx)
	answer.At = time.Now()
	return poll.Reply{Answer: answer, ServerAway: answer.Source == iris.NoAnswer && q.away.Load()}
}

// AskInstance asks `iris qlist` in the IRIS container of a pod of any component, for at
// most three seconds.
func (a *Asker) AskInstance(ctx context.Context, pod iris.Pod) iris.Answer {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return question{asker: a, pod: pod, away: new(atomic.Bool)}.qlist(ctx)
}

// A question is one pod that is asked.
type question struct {
	asker   *Asker
	pod     iris.Pod
	cluster *iris.Cluster
	// skip is why qlist is not asked; nil if it is.
	skip *iris.Refusal
	// away is set if the API server is unreachable.
	away *atomic.Bool
}

// inTurn asks as soon as fewer than maxAsked pods are being asked.
func (q question) inTurn(ctx context.Context) iris.Answer {
	select {
	case q.asker.turns <- struct{}{}:
		defer func() { <-q.asker.turns }()
		return q.ask(ctx)
	case <-ctx.Done():
		why := refusal(iris.FromQlist, ctx.Err())
		if why.TimedOut {
			why.TimedOut, why.Why = false, fmt.Sprintf("not asked within %s, since no more than %d pods are asked at a time", askTimeout, maxAsked)
		}
		return q.unanswered(why)
	}
}

func (q question) answer() iris.Answer {
	return iris.Answer{Namespace: q.pod.Namespace, Pod: q.pod.Name, UID: q.pod.UID}
}

func (q question) unanswered(why ...iris.Refusal) iris.Answer {
	a := q.answer()
	a.Refused = why
	return a
}

// ask asks qlist and, once that has failed, takes long or says nothing
// conclusive, the instance's pages. An answer of qlist is worth more and is
// waited for.
func (q question) ask(ctx context.Context) iris.Answer {
	switch {
	case !q.pod.IsIRISRunning():
		return iris.NotRunning(q.pod)
	case q.skip != nil:
		return q.best(q.unanswered(*q.skip), q.pages(ctx))
	}
	listed := make(chan iris.Answer, 1)
	go func() { listed <- q.qlist(ctx) }()
	select {
	case a := <-listed:
		if suffices(a) {
			return a
		}
		return q.best(a, q.pages(ctx))
	case <-time.After(qlistPatience):
		pages := q.pages(ctx)
		return q.best(<-listed, pages)
	}
}

// suffices reports whether nothing else has to be asked: qlist is conclusive, or
// says that the instance is on the way to a role, about which a page that says
// "not primary" would be wrong in a moment.
func suffices(a iris.Answer) bool {
	return a.Source == iris.FromQlist && (a.IsConclusive() || a.IsStarting())
}

// pages holds the answers of an instance's pages.
type pages struct{ metrics, mirrorStatus iris.Answer }

// pages asks the metrics and mirror_status.cxw. Outside a mirror they say
// nothing.
func (q question) pages(ctx context.Context) pages {
	if q.cluster != nil && !q.cluster.Mirrored {
		return pages{q.unanswered(), q.unanswered()}
	}
	var p pages
	var asking sync.WaitGroup
	asking.Go(func() { p.metrics = q.metrics(ctx) })
	asking.Go(func() { p.mirrorStatus = q.mirrorStatus(ctx) })
	asking.Wait()
	return p
}

// best returns the answer that says the most, with the reasons why there is no
// better one.
func (q question) best(listed iris.Answer, p pages) iris.Answer {
	chosen, passedOver := listed, []iris.Refusal(nil)
	switch {
	case suffices(listed):
		return listed
	case p.metrics.IsConclusive():
		chosen, passedOver = p.metrics, whyNot(listed)
	case p.mirrorStatus.IsPrimary() == iris.Yes:
		chosen, passedOver = p.mirrorStatus, slices.Concat(whyNot(listed), whyNot(p.metrics))
	case listed.IsMember() && listed.Instance.Condition == iris.Running:
		// In Trouble, say: the metrics know no more, and the page less.
	case p.metrics.Source != iris.NoAnswer:
		chosen, passedOver = p.metrics, whyNot(listed)
	case p.mirrorStatus.Source != iris.NoAnswer:
		chosen, passedOver = p.mirrorStatus, slices.Concat(whyNot(listed), whyNot(p.metrics))
	default:
		passedOver = slices.Concat(whyNot(listed), onlyOnce(p))
	}
	chosen.Refused = passedOver
	if chosen.Source == iris.FromQlist && chosen.Instance.Condition == iris.Indeterminate {
		return q.unanswered(passedOver...) // it is no answer
	}
	return chosen
}

// onlyOnce returns why the pages did not answer: a missing right, which is the
// same for both, once.
func onlyOnce(p pages) []iris.Refusal {
	metrics, page := whyNot(p.metrics), whyNot(p.mirrorStatus)
	if len(metrics) > 0 && len(page) > 0 && metrics[0].Resource != "" && metrics[0].Resource == page[0].Resource {
		return page
	}
	return slices.Concat(metrics, page)
}

// whyNot returns why an answer is none, or does not say which role the instance
// has.
func whyNot(a iris.Answer) []iris.Refusal {
	switch {
	case a.Source == iris.NoAnswer:
		return a.Refused
	case a.Source == iris.FromQlist && a.Instance.Condition == iris.Indeterminate:
		return []iris.Refusal{{Source: a.Source, Why: "it says indeterminate: its user may not inspect the instance"}}
	}
	return []iris.Refusal{{Source: a.Source, Why: "it says " + a.Text()}}
}

func (q question) qlist(ctx context.Context) iris.Answer {
	output, err := q.asker.streams.Exec(ctx, q.pod.Namespace, q.pod.Name, q.pod.IRIS.Name, "iris", "qlist")
	if err != nil {
		if isConnectionLost(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsTooManyRequests(err) {
			q.away.Store(true)
		}
		return q.unanswered(refusal(iris.FromQlist, err))
	}
	instance := iris.MainInstance(iris.ParseQlist(output))
	if instance == nil {
		return q.unanswered(iris.Refusal{Source: iris.FromQlist, Why: "it named no instance"})
	}
	a := q.answer()
	a.Source, a.Instance = iris.FromQlist, instance
	return a
}

// mirrorStatus asks the page of the sidecar or, without one, of IRIS itself.
func (q question) mirrorStatus(ctx context.Context) iris.Answer {
	status, body, err := q.asker.page(ctx, q.pod.Namespace, q.address(), iris.MirrorStatusPath, maxPage)
	if err != nil {
		if q.skip != nil && isConnectionLost(err) { // a 503 is about the pod
			q.away.Store(true)
		}
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

// metrics asks for the instance's metrics: at IRIS's own web port, and at the
// sidecar if its paths cover them, or are not known. The first answer counts.
func (q question) metrics(ctx context.Context) iris.Answer {
	addresses := []string{q.at(cluster.OwnPort(q.pod, ptr.Deref(q.cluster, iris.Cluster{})))}
	if sidecar := q.address(); q.pod.Sidecar != nil && sidecar != addresses[0] && q.passesMetrics() {
		addresses = append(addresses, sidecar)
	}
	answers := make([]iris.Answer, len(addresses))
	var asking sync.WaitGroup
	for i, address := range addresses {
		asking.Go(func() { answers[i] = q.metricsAt(ctx, address) })
	}
	asking.Wait()
	if i := slices.IndexFunc(answers, func(a iris.Answer) bool { return a.Source != iris.NoAnswer }); i >= 0 {
		return answers[i]
	}
	return answers[0]
}

// passesMetrics reports whether the sidecar passes requests for metrics on to
// IRIS, as far as its spec was read.
func (q question) passesMetrics() bool {
	if q.cluster == nil {
		return true
	}
	gateway := q.cluster.Sidecar(iris.ComponentData)
	return gateway == nil || gateway.Covers(iris.MetricsPath)
}

func (q question) metricsAt(ctx context.Context, address string) iris.Answer {
	status, body, err := q.asker.page(ctx, q.pod.Namespace, address, iris.MetricsPath, maxMetrics)
	if err != nil {
		return q.unanswered(refusal(iris.FromMetrics, err))
	}
	if status != http.StatusOK {
		return q.unanswered(iris.Refusal{Source: iris.FromMetrics, Why: fmt.Sprintf("it answered %d %s", status, http.StatusText(status))})
	}
	mirror := iris.ParseMetrics(body)
	if mirror == nil {
		return q.unanswered(iris.Refusal{Source: iris.FromMetrics, Why: "it has no metric of the mirror"})
	}
	a := q.answer()
	a.Source, a.Metrics = iris.FromMetrics, mirror
	return a
}

// address returns where the pod serves the portal, as the API server's proxy
// takes it.
func (q question) address() string {
	return q.at(cluster.PortalPort(q.pod, ptr.Deref(q.cluster, iris.Cluster{})))
}

// at returns a port of the pod as the API server's proxy takes it:
// [https:]NAME:PORT.
func (q question) at(port cluster.WebPort) string {
	address := fmt.Sprintf("%s:%d", q.pod.Name, port.Number)
	if port.HTTPS {
		return cluster.HTTPS + ":" + address
	}
	return address
}

// page reads a page of a pod through the API server's proxy, at most limit bytes
// of it. An error is the API server's own.
func (a *Asker) page(ctx context.Context, namespace, address, path string, limit int64) (status int, body string, err error) {
	at := a.client.API().REST.Get().
		Namespace(namespace).Resource("pods").Name(address).SubResource("proxy").Suffix(path).URL()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return 0, "", err
	}
	response, err := a.client.API().HTTP.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, limit))
	if err != nil {
		return 0, "", err
	}
	var own metav1.Status
	if json.Unmarshal(text, &own) == nil && own.Kind == "Status" && own.Status == metav1.StatusFailure {
		return 0, "", &apierrors.StatusError{ErrStatus: own}
	}
	return response.StatusCode, string(text), nil
}

// isConnectionLost reports whether err means that the API server was unreachable, rather
// than the pod or the command failing.
func isConnectionLost(err error) bool {
	var closed *websocket.CloseError
	switch {
	case errors.Is(err, context.DeadlineExceeded), kube.IsTimeout(err):
		return false
	case errors.As(err, &closed):
		return closed.Code != websocket.CloseNormalClosure
	}
	var network *net.OpError
	return errors.As(err, &network) || utilnet.IsConnectionRefused(err) || utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err)
}

// requestLine is a request within an error. It is long, and names the pod, which the
// message does anyway.
var requestLine = regexp.MustCompile(`\b(Get|Post) "[^"]*": `)

// dialled is the address of a pod within an error: it differs from pod to pod,
// where the reason does not.
var dialled = regexp.MustCompile(`\bdial tcp \S+: `)

// refusal returns err as the reason why a source gave no answer.
func refusal(source iris.AnswerSource, err error) iris.Refusal {
	r := iris.Refusal{Source: source}
	switch {
	case kube.IsMissingRight(err):
		r.Verb, r.Resource = "create", "pods/exec"
		if source != iris.FromQlist {
			r.Verb, r.Resource = "get", "pods/proxy"
		}
		r.Why = fmt.Sprintf("the right %s %s is missing", r.Resource, r.Verb)
	case errors.Is(err, context.DeadlineExceeded), kube.IsTimeout(err):
		r.TimedOut = true
		r.Why = fmt.Sprintf("no answer within %s", askTimeout)
	default:
		why := requestLine.ReplaceAllString(err.Error(), "")
		if source != iris.FromQlist {
			why = dialled.ReplaceAllString(why, "")
		}
		r.Why = text.Excerpt(why)
	}
	return r
}
