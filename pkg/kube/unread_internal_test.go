package kube

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// serviceList has as many Services, from a number on, as a page of a list.
func serviceList(next string, first, n int) corev1.ServiceList {
	list := corev1.ServiceList{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceList"}, ListMeta: metav1.ListMeta{ResourceVersion: "1", Continue: next},
	}
	for i := range n {
		list.Items = append(list.Items, corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: "s-" + strconv.Itoa(first+i), ResourceVersion: "1"}})
	}
	return list
}

// tenPages answers a list with ten pages of one Service, each after a pause.
func tenPages(pause time.Duration) answer {
	return func(r *http.Request) (*http.Response, error) {
		time.Sleep(pause)
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		page, _ := strconv.Atoi(r.URL.Query().Get("continue"))
		next := ""
		if page < 9 {
			next = strconv.Itoa(page + 1)
		}
		return jsonResponse(r, http.StatusOK, serviceList(next, page, 1)), nil
	}
}

// trickles answers with ten Services in one body, of which a part comes after
// each pause.
func trickles(each time.Duration, parts int) answer {
	return func(r *http.Request) (*http.Response, error) {
		data, err := json.Marshal(serviceList("", 0, 10))
		if err != nil {
			return nil, err
		}
		body, in := io.Pipe()
		context.AfterFunc(r.Context(), func() { _ = in.CloseWithError(r.Context().Err()) })
		go func() {
			for i := range parts {
				if pause(r.Context(), each) != nil {
					return
				}
				if _, err := in.Write(data[i*len(data)/parts : (i+1)*len(data)/parts]); err != nil {
					return
				}
			}
			_ = in.Close()
		}()
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Request: r}, nil
	}
}

// listing answers lists in a way of their own, and watches well.
func listing(s *memoryServer, list answer) answer {
	return func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("watch") != "" {
			return s.watch(r)
		}
		return list(r)
	}
}

// slow are the answers of a server that takes long, but is never silent for as
// long as partTimeout.
func slow() map[string]answer {
	return map[string]answer{
		"pages":          tenPages(700 * time.Millisecond),
		"slower pages":   tenPages(partTimeout / 2),
		"one large page": trickles(time.Second, 12),
	}
}

// A part is read to its end as long as its data comes, however many pages it has
// and however slow the network is.
func TestSlowPartIsReadWhole(t *testing.T) {
	for name, answer := range slow() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := newMemoryServer(t)
				server.set("services", answer)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				s, err := client.Snapshot(ctx, Scope{Namespace: "iko"})
				if err != nil || len(s.Unread) > 0 || len(s.Services) != 10 {
					t.Errorf("%d Services, unread %+v, error %v", len(s.Services), s.Unread, err)
				}
			})
		})
	}
}

// The command's own time bounds a part that goes on and on.
func TestEndlessPartEndsWithTheCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newMemoryServer(t)
		server.set("services", trickles(time.Second, 1000))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		s, err := client.Snapshot(ctx, Scope{Namespace: "iko"})
		if err != nil || len(s.Pods) != 1 {
			t.Fatalf("%d pods, %v", len(s.Pods), err)
		}
		checkUnread(t, s.Unread, "services")
	})
}

// A part that stops in its middle costs no more than one that never begins.
func TestPartThatFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newMemoryServer(t)
		server.set("services", func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("continue") != "" {
				return hangs(r)
			}
			return jsonResponse(r, http.StatusOK, serviceList("next", 0, 1)), nil
		})
		began := time.Now()
		s, err := client.Snapshot(t.Context(), Scope{Namespace: "iko"})
		if took := time.Since(began); err != nil || took > partTimeout+time.Second {
			t.Errorf("took %s, %v", took, err)
		}
		checkUnread(t, s.Unread, "services")
	})
}

// A refusal that is tried again and again is no answer.
func TestRetriedRefusalIsNoProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newMemoryServer(t)
		server.set("services", func(r *http.Request) (*http.Response, error) {
			response, err := refuses(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, "slow down")(r)
			response.Header.Set("Retry-After", "3")
			return response, err
		})
		began := time.Now()
		s, err := client.Snapshot(t.Context(), Scope{Namespace: "iko"})
		if took := time.Since(began); err != nil || took > partTimeout+time.Second {
			t.Errorf("took %s, %v", took, err)
		}
		checkUnread(t, s.Unread, "services")
	})
}

// A watch downloads a slow part once, and not its beginning again and again.
func TestWatchReadsASlowPartOnce(t *testing.T) {
	for name, answer := range slow() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := newMemoryServer(t)
				server.set("services", listing(server, answer))
				w := startWatch(t, client, Scope{Namespace: "iko"})
				shown := w.after(29 * time.Second)
				if len(shown) == 0 {
					w.stop()
					<-w.done
					t.Fatal("nothing is shown")
				}
				for _, s := range shown {
					if len(s.Services) != 10 || len(s.Unread) > 0 {
						t.Errorf("%d Services, unread %+v", len(s.Services), s.Unread)
					}
				}
				firsts := 0
				for _, r := range server.asked("services") {
					if r.URL.Query().Get("watch")+r.URL.Query().Get("continue") == "" {
						firsts++
					}
				}
				if err := w.end(); err != nil || firsts != 1 {
					t.Errorf("listed %d times, ended with %v", firsts, err)
				}
			})
		})
	}
}

// A watch shows what there is while a part takes very long, and the part when it
// has come.
func TestWatchShowsTheRestMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newMemoryServer(t)
		server.set("services", listing(server, trickles(time.Second, 100)))
		w := startWatch(t, client, Scope{Namespace: "iko"})
		shown := w.after(firstTimeout + time.Second)
		if len(shown) == 0 {
			w.stop()
			<-w.done
			t.Fatal("nothing is shown")
		}
		checkUnread(t, shown[0].Unread, "services")
		shown = w.after(100 * time.Second)
		if len(shown) == 0 || len(shown[len(shown)-1].Services) != 10 || len(shown[len(shown)-1].Unread) > 0 {
			t.Errorf("the part is not shown once it has come")
		}
		if err := w.end(); err != nil || len(w.lost) > 0 {
			t.Errorf("ended with %v, lost %v", err, w.lost)
		}
	})
}

// A part that hangs when it is listed again is missing, whichever kind was listed
// last at first.
func TestWatchLosesAPartThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newMemoryServer(t)
		late := func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return jsonResponse(r, http.StatusOK, healthy(r)), nil
		}
		server.set("pods", listing(server, late))
		w := startWatch(t, client, Scope{Namespace: "iko"})
		w.after(2 * time.Second)
		gone := refuses(http.StatusGone, metav1.StatusReasonExpired, "too old")
		server.set("services", func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("watch") != "" {
				return gone(r)
			}
			return hangs(r)
		})
		server.endWatches()
		shown := w.after(time.Minute)
		if len(shown) == 0 {
			w.stop()
			<-w.done
			t.Fatal("never missing")
		}
		checkUnread(t, shown[len(shown)-1].Unread, "services")
		if err := w.end(); err != nil || len(w.lost) > 0 {
			t.Errorf("ended with %v, lost %v", err, w.lost)
		}
	})
}
