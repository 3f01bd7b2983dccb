package watch

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
)

// podServer lists one pod, and fails as a test says.
type podServer struct {
	mu       sync.Mutex
	list     error
	watch    error
	watching *watch.FakeWatcher
}

// fails sets what lists and watches bring from now on, and ends the watch.
func (s *podServer) fails(list, watch error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list, s.watch = list, watch
	if s.watching != nil {
		s.watching.Stop()
		s.watching = nil
	}
}

func (s *podServer) List(context.Context, metav1.ListOptions) (*corev1.PodList, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: "simple-data-0-0", ResourceVersion: "1"}}
	return &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "1"}, Items: []corev1.Pod{pod}}, s.list
}

func (s *podServer) Watch(context.Context, metav1.ListOptions) (watch.Interface, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watch != nil {
		return nil, s.watch
	}
	s.watching = watch.NewFake()
	return s.watching, nil
}

// follow follows the server's pods; shown gets whatever is looked at.
func (s *podServer) follow(t *testing.T) (f *clusterFeeds, shown <-chan int) {
	client, err := kube.New(&rest.Config{Host: "https://server"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	f = &clusterFeeds{Feeds: NewFeeds(client)}
	f.pods = f.Add("pods", "iko", kube.LossPods, SourceOf(s, "", ""), &corev1.Pod{}, trimPod)
	looks := make(chan int, 100)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = f.Run(ctx, 0, 0, func() (bool, error) {
			looks <- len(readable(f.pods, whole[corev1.Pod]))
			return false, nil
		})
	}()
	t.Cleanup(func() { stop(); <-done })
	return f, looks
}

// patience is more than the longest pause of a reflector between two tries.
const patience = 45 * time.Second

// awaitWatch waits until the pods are watched, and the feed knows. Only then
// has an outage ended.
func (s *podServer) awaitWatch(t *testing.T) {
	t.Helper()
	time.Sleep(patience)
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watching == nil {
		t.Fatalf("no watch within %s", patience)
	}
}

// looks waits until a number of pods is looked at.
func looks(t *testing.T, shown <-chan int, want int) {
	t.Helper()
	end := time.After(patience)
	for {
		select {
		case n := <-shown:
			if n == want {
				return
			}
		case <-end:
			t.Fatalf("%d pods are never looked at", want)
		}
	}
}

// errAway has a watch go on where it was, without a list.
var errAway = &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}

// An outage is reported once, and ends as soon as the server is back.
func TestOutageEndsWithTheServerBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &podServer{}
		w, shown := s.follow(t)
		looks(t, shown, 1)
		for range 2 {
			s.awaitWatch(t)
			s.fails(errAway, errAway)
			select {
			case err := <-w.outages:
				if !errors.Is(err, errAway) {
					t.Error(err)
				}
			case <-time.After(patience):
				t.Fatal("the outage is not reported")
			}
			if !w.isUnreachable() {
				t.Error("the server is not taken for away")
			}
			time.Sleep(patience) // more errors
			for len(shown) > 0 {
				<-shown
			}
			if len(w.outages) > 0 {
				t.Error("the outage is reported twice")
			}
			s.fails(nil, nil)
			looks(t, shown, 1)
			if w.isUnreachable() {
				t.Error("the server is still taken for away")
			}
		}
	})
}

// What was read before the right went is not what there is.
func TestForbiddenFeedHasNoObjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &podServer{}
		w, shown := s.follow(t)
		looks(t, shown, 1)
		denied := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", nil)
		s.awaitWatch(t)
		s.fails(denied, denied)
		looks(t, shown, 0)
		if w.pods.Unread() == nil || len(w.outages) > 0 {
			t.Error("the refusal is no outage, and the pods are unread")
		}
		s.fails(nil, nil)
		looks(t, shown, 1)
	})
}

// A right that stays missing is reported, and once.
func TestDenialIsReportedOnce(t *testing.T) {
	var d Denial
	now := time.Now()
	reported := 0
	for _, missing := range []bool{true, true, false, true, true, true} {
		if d.Lasts(missing, now) {
			reported++
		}
		now = now.Add(DeniedFor / 2)
	}
	if d.Lasts(true, now) || reported != 1 {
		t.Errorf("reported %d times", reported)
	}
}
