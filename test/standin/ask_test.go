package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/test/images/agent"
	irismirror "github.com/kubectl-iris/kubectl-iris/test/images/mirror"
)

// network answers for the pods at these addresses, and notes what is posted.
type network struct {
	reports map[string]agent.Report // by address
	posted  []string                // URLs
}

// RoundTrip implements http.RoundTripper.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	report, found := n.reports[r.URL.Hostname()]
	if !found {
		return nil, errors.New("connection refused")
	}
	if r.Method == http.MethodPost {
		n.posted = append(n.posted, r.URL.String())
	}
	recorder := httptest.NewRecorder()
	if err := json.NewEncoder(recorder).Encode(report); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}

// askedPod is a pod with an address.
func askedPod(name, ip string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.PodStatus{PodIP: ip}}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	say := func(pod string, up bool, kind, status string) agent.Report {
		return agent.Report{Member: irismirror.Member{Pod: pod, Up: up}, Type: kind, Status: status}
	}
	n := &network{reports: map[string]agent.Report{
		"10.0.0.1": say("x-0", true, "Failover", "Primary"),
		"10.0.0.2": say("x-1", true, "Failover", "In Trouble"),
		"10.0.0.3": say("x-2", false, "Disaster Recovery", "Connected"), // down
		"10.0.0.4": say("x-3", true, "", ""),                            // no member
		"10.0.0.5": say("other", true, "Failover", "Primary"),           // the address is another pod's by now
	}}
	a := NewAnswers()
	a.client.Transport = n
	var pods []*corev1.Pod
	for i := range 7 {
		ip := fmt.Sprintf("10.0.0.%d", i+1) // nobody answers at the sixth
		if i == 6 {
			ip = "" // not started
		}
		pods = append(pods, askedPod(fmt.Sprintf("x-%d", i), ip))
	}
	got, err := a.Members(t.Context(), Shard{Cluster: "c"}, pods)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Member{"x-0": memberPrimary, "x-1": {Type: "Failover", Status: "In Trouble"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func TestAnswersSwitchOnce(t *testing.T) {
	t.Parallel()
	n := &network{reports: map[string]agent.Report{"10.0.0.1": {}, "10.0.0.2": {}}}
	a := NewAnswers()
	a.client.Transport = n
	first, second := []*corev1.Pod{askedPod("x-0-1", "10.0.0.1")}, []*corev1.Pod{askedPod("x-1-1", "10.0.0.2")}
	ask := func(number string, pods []*corev1.Pod, primaries ...string) {
		t.Helper()
		if _, err := a.Members(t.Context(), Shard{Cluster: "c", Number: number, Primaries: primaries}, pods); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		ask("0", first, "x-0-1", "x-1-1")
		ask("1", second, "x-0-1", "x-1-1")
	}
	want := []string{"http://10.0.0.1:2188/primary", "http://10.0.0.2:2188/primary"}
	if !slices.Equal(want, n.posted) {
		t.Errorf("posted %v, want %v", n.posted, want)
	}
	ask("0", first) // no longer named
	ask("0", first, "x-0-1")
	if want := append(want, want[0]); !slices.Equal(want, n.posted) {
		t.Errorf("named again: posted %v, want %v", n.posted, want)
	}
	delete(n.reports, "10.0.0.2")
	a.Forget("c")
	if _, err := a.Members(t.Context(), Shard{Cluster: "c", Primaries: []string{"x-1-1"}}, second); err == nil {
		t.Error("a pod that cannot be told: no error")
	}
}
