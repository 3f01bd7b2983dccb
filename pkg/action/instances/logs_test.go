package instances_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/ptr"

	"github.com/kubectl-iris/kubectl-iris/internal/actiontest"
	"github.com/kubectl-iris/kubectl-iris/pkg/action/instances"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/logs"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// logging is a cluster whose containers have logs: what opening one returns, by
// pod and container.
type logging struct {
	*reachable
	sources []logs.Source
	open    map[string]func() (io.ReadCloser, error)
	parts   []logs.Part
	lost    error
}

func newLogging() *logging {
	l := &logging{reachable: mirroredPair(), open: map[string]func() (io.ReadCloser, error){}}
	for _, pod := range l.pods {
		for _, container := range []string{"iris", "webgateway"} {
			l.sources = append(l.sources, logs.Source{Namespace: "iko", Pod: pod.Name, UID: string(pod.UID), Container: container, Running: true, Started: true})
		}
	}
	return l
}

func (l *logging) LogSources(_ context.Context, _, _, pod string) (some []logs.Source, err error) {
	for _, s := range l.sources {
		if pod == "" || s.Pod == pod {
			some = append(some, s)
		}
	}
	return some, nil
}

func (l *logging) FollowLogSources(ctx context.Context, namespace, cluster, pod string, show func([]logs.Source) error, lost func(error)) error {
	some, _ := l.LogSources(ctx, namespace, cluster, pod)
	if l.lost != nil {
		lost(l.lost)
	}
	if err := show(some); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func (l *logging) Log(_ context.Context, s logs.Source, part logs.Part) (io.ReadCloser, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parts = append(l.parts, part)
	if open := l.open[s.Pod+" "+s.Container]; open != nil {
		return open()
	}
	return nil, logs.ErrNone
}

// log is the log of a container, which has lines.
func log(lines ...string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(strings.Join(lines, "\n") + "\n")), nil
	}
}

// fails is a log that cannot be opened.
func fails(err error) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return nil, err }
}

type denied struct{ error }

func (denied) Final() bool { return true }

func logsOptions(t *testing.T, follow, previous bool, containers ...string) instances.LogsOptions {
	t.Helper()
	o, err := instances.NewLogsOptions(follow, previous, 0, -1, containers...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestLogs(t *testing.T) {
	two := func(l *logging) {
		l.open["simple-data-0-0 iris"] = log("2026-01-01T00:00:01Z one", "2026-01-01T00:00:03Z three")
		l.open["simple-data-0-1 iris"] = log("2026-01-01T00:00:02Z two")
	}
	const noneHint = "follow waits for them; kubectl iris status -n iko shows why they have not started"
	for name, test := range map[string]struct {
		change        func(*logging)
		role          string
		name          []string
		options       *instances.LogsOptions
		printed       string
		told          string
		message, hint string
	}{
		"all":        {change: two, printed: "one two three"},
		"one pod":    {change: two, name: []string{"data-0-1"}, printed: "two"},
		"of a role":  {change: two, role: "backup", printed: "two", told: `logs of pod "simple-data-0-1", backup of IrisCluster "simple" as IRIS says`},
		"containers": {change: two, options: ptr.To(logsOptions(t, false, false, "webgateway")), message: `no logs found in namespace "iko": none of the selected containers has started`, hint: noneHint},
		"no such container": {
			change: two, options: ptr.To(logsOptions(t, false, false, "iris", "nope")),
			message: `no selected pod of IrisCluster "simple" in namespace "iko" has a container "nope"`, hint: "there are iris, webgateway",
		},
		"none": {message: `no logs found in namespace "iko": none of the selected containers has started`, hint: noneHint},
		"none previous": {
			options: ptr.To(logsOptions(t, false, true)), hint: "leave out previous",
			message: `no previous container found in namespace "iko": none of the selected containers has restarted since its pod was created`,
		},
		"one fails": {
			change: func(l *logging) {
				two(l)
				l.open["simple-data-0-1 webgateway"] = fails(problem.New("no answer in time").Hint("kubectl get nodes"))
			},
			printed: "one two three", hint: "kubectl get nodes",
			message: `1 of 3 logs in namespace "iko" could not be read ([simple-data-0-1 webgateway]): no answer in time`,
		},
		"all are refused": {
			change: func(l *logging) {
				for _, s := range l.sources {
					l.open[s.Pod+" "+s.Container] = fails(denied{errors.New("cannot get pods/log")})
				}
			},
			message: "cannot get pods/log",
		},
		"no such role": {
			role: "nope", message: `invalid role "nope": no pod of IrisCluster "simple" in namespace "iko" has this role, and it is neither primary nor backup`,
			hint: "use one of primary, backup",
		},
		"pods unreadable": {change: func(l *logging) { l.unread = []string{"pods"} }, message: "cannot list pods", hint: "ask for the right to list pods"},
		"no such cluster": {change: func(l *logging) { l.clusters, l.pods = nil, nil }, name: []string{"nope"}, message: `IrisCluster "nope" not found in namespace "iko"`, hint: "this namespace has none; kubectl iris status -A shows those of all namespaces"},
		"full name of another pod": {
			change: func(l *logging) { l.others = []iris.Pod{{Namespace: "iko", Name: "data-0-0"}} }, name: []string{"data-0-0"},
			message: `pod "data-0-0" in namespace "iko" is not one of an IrisCluster`, hint: "to use pod simple-data-0-0, give its full name",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, r := newLogging(), &actiontest.Reports{}
			if test.change != nil {
				test.change(l)
			}
			options := logsOptions(t, false, false)
			if test.options != nil {
				options = *test.options
			}
			var printed []string
			err := instances.Logs{Config: actiontest.ConfigTo(r), Client: l, Request: requestFor(t, test.role, test.name...), Options: options}.
				Run(t.Context(), func(line logs.Line) error {
					printed = append(printed, line.Text)
					return nil
				})
			checkError(t, err, test.message, test.hint)
			if got := strings.Join(printed, " "); got != test.printed {
				t.Errorf("printed %q, want %q", got, test.printed)
			}
			if r.Lines() != test.told {
				t.Errorf("reported %q, want %q", r.Lines(), test.told)
			}
		})
	}
}

// A log that is slow holds back the others for a while only, and is named.
func TestLogsOfASlowContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r := newLogging(), &actiontest.Reports{}
		l.open["simple-data-0-0 iris"] = log("2026-01-01T00:00:01Z one")
		slow, w := io.Pipe()
		time.AfterFunc(time.Minute, func() { _ = w.Close() })
		l.open["simple-data-0-1 iris"] = func() (io.ReadCloser, error) { return slow, nil }
		if err := (instances.Logs{Config: actiontest.ConfigTo(r), Client: l, Request: requestFor(t, ""), Options: logsOptions(t, false, false)}).
			Run(t.Context(), func(logs.Line) error { return nil }); err != nil {
			t.Error(err)
		}
		if want := "still waiting for the logs of [simple-data-0-1 iris]; the others are printed without them"; r.Lines() != want {
			t.Errorf("reported %q, want %q", r.Lines(), want)
		}
	})
}

// While logs are followed, an outage of the watch and a refusal that lasts are
// warnings.
func TestLogsFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r := newLogging(), &actiontest.Reports{}
		l.sources, l.lost = l.sources[:1], errors.New("the API server does not answer")
		opened := 0
		l.open["simple-data-0-0 iris"] = func() (io.ReadCloser, error) {
			if opened++; opened > 1 {
				return nil, denied{errors.New("cannot get pods/log")}
			}
			return log("2026-01-01T00:00:01Z one")()
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		var printed []string
		err := instances.Logs{Config: actiontest.ConfigTo(r), Client: l, Request: requestFor(t, ""), Options: logsOptions(t, true, false)}.
			Run(ctx, func(line logs.Line) error {
				printed = append(printed, line.Text)
				return nil
			})
		if err != nil || strings.Join(printed, " ") != "one" {
			t.Errorf("printed %q, error %v", printed, err)
		}
		if want := "warning: the API server does not answer; trying again\nwarning: cannot get pods/log; retrying"; r.Lines() != want {
			t.Errorf("reported %q, want %q", r.Lines(), want)
		}
		if !l.parts[0].Follow || l.parts[0].Tail != -1 {
			t.Errorf("opened %+v", l.parts[0])
		}
	})
}

func TestLogsOptions(t *testing.T) {
	for name, test := range map[string]struct {
		follow, previous bool
		since            time.Duration
		tail             int64
		message, hint    string
	}{
		"followed":      {follow: true, since: time.Minute, tail: 0},
		"previous":      {previous: true, tail: 10},
		"both":          {follow: true, previous: true, message: "previous and follow cannot be used together: a container that has ended writes no new lines", hint: "leave one of them out"},
		"in the future": {since: -time.Minute, message: `invalid since "-1m0s": must not be negative`, hint: "for example 5m"},
		"below all":     {tail: -2, message: `invalid tail "-2": must be a number of lines`, hint: "use 0 or more, or -1 for all lines"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := instances.NewLogsOptions(test.follow, test.previous, test.since, test.tail)
			checkError(t, err, test.message, test.hint)
			if err != nil && problem.ExitCode(err) != problem.ExitUsage {
				t.Errorf("exit code %d", problem.ExitCode(err))
			}
		})
	}
}
