package failover_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/failover"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

const (
	a = "simple-data-0-0"
	b = "simple-data-0-1"
)

// start is when the fake clock starts.
func start() time.Time { return time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC) }

// healthy is a mirrored cluster at rest: a is primary, b is backup, each role has
// a Service.
func healthy() view.ClusterStatus {
	mirrored := true
	pod := func(name, role, says string) view.Pod {
		return view.Pod{
			Name: name, Component: "data", Shard: "0", LabelRole: role, Ready: true, State: "Running",
			IRIS: &view.Answer{Text: "Failover/" + says, Source: view.FromQlist, Role: role}, CreationTimestamp: metav1.NewTime(start()),
		}
	}
	service := func(name, role string, reaches ...string) view.Service {
		return view.Service{
			Name: name, Ports: []view.ServicePort{{Port: 80}}, Reaches: reaches,
			Selector: map[string]string{"intersystems.com/mirrorRole": role},
		}
	}
	return view.ClusterStatus{
		Mirrored: &mirrored,
		Shards:   []view.Shard{{Name: "0", Primaries: []string{a}, Backups: []string{b}}},
		Pods:     []view.Pod{pod(a, "primary", "Primary"), pod(b, "backup", "Backup"), {Name: "simple-arbiter-0", Component: "arbiter"}},
		Services: []view.Service{
			service("simple", "primary", a), service("sidecar", "backup", b),
			{Name: "iris-svc", Reaches: []string{a, b}},
		},
	}
}

// step is one change of the cluster, and how long after the last it is seen.
type step struct {
	after  time.Duration
	change func(*view.ClusterStatus)
}

// play folds steps into a timeline and returns what is shown after each.
func play(steps ...step) []*view.Failover {
	now, c := start(), healthy()
	timeline := failover.Timeline{}.Next(c, now)
	var shown []*view.Failover
	for _, s := range steps {
		c.Pods, c.Services, c.Shards = slices.Clone(c.Pods), slices.Clone(c.Services), slices.Clone(c.Shards)
		s.change(&c)
		now = now.Add(s.after)
		timeline = timeline.Next(c, now)
		shown = append(shown, timeline.View())
	}
	return shown
}

func podOf(c *view.ClusterStatus, name string) *view.Pod {
	i := slices.IndexFunc(c.Pods, func(p view.Pod) bool { return p.Name == name })
	return &c.Pods[i]
}

func leave(name string) func(*view.ClusterStatus) {
	return func(c *view.ClusterStatus) {
		podOf(c, name).State, podOf(c, name).Ready = "Terminating", false
	}
}

func gone(name string) func(*view.ClusterStatus) {
	return func(c *view.ClusterStatus) {
		c.Pods = slices.DeleteFunc(c.Pods, func(p view.Pod) bool { return p.Name == name })
	}
}

func comes(name string) func(*view.ClusterStatus) {
	return func(c *view.ClusterStatus) {
		c.Pods = append(c.Pods, view.Pod{Name: name, Component: "data", State: "Pending", CreationTimestamp: metav1.NewTime(start().Add(time.Minute))})
	}
}

func ready(name string, is bool) func(*view.ClusterStatus) {
	return func(c *view.ClusterStatus) { podOf(c, name).Ready, podOf(c, name).State = is, "Running" }
}

// says sets IRIS's answer and the roles that follow from all answers.
func says(name, status, role string) func(*view.ClusterStatus) {
	return func(c *view.ClusterStatus) {
		podOf(c, name).IRIS = &view.Answer{Text: "Failover/" + status, Source: view.FromQlist, Role: role}
		shard := view.Shard{Name: "0"}
		for _, p := range c.Pods {
			if p.IRIS == nil {
				continue
			}
			switch p.IRIS.Role {
			case "primary":
				shard.Primaries = append(shard.Primaries, p.Name)
			case "backup":
				shard.Backups = append(shard.Backups, p.Name)
			}
		}
		c.Shards = []view.Shard{shard}
	}
}

func labelled(name, role string) func(*view.ClusterStatus) {
	return func(c *view.ClusterStatus) { podOf(c, name).LabelRole = role }
}

func reaches(service string, to ...string) func(*view.ClusterStatus) {
	return func(c *view.ClusterStatus) {
		i := slices.IndexFunc(c.Services, func(s view.Service) bool { return s.Name == service })
		c.Services[i].Reaches = append([]string{}, to...)
	}
}

func all(changes ...func(*view.ClusterStatus)) func(*view.ClusterStatus) {
	return func(c *view.ClusterStatus) {
		for _, change := range changes {
			change(c)
		}
	}
}

// lines are the transitions as a person reads them.
func lines(f *view.Failover) []string {
	if f == nil {
		return nil
	}
	var out []string
	for _, t := range f.Transitions {
		out = append(out, fmt.Sprintf("+%.1f %s %s", t.Seconds, t.Kind, t.Message))
	}
	return out
}

func TestFailover(t *testing.T) {
	shown := play(
		step{10 * time.Second, func(*view.ClusterStatus) {}},
		step{time.Second, all(leave(a), reaches("simple"))},
		step{1200 * time.Millisecond, says(b, "Primary", "primary")},
		step{300 * time.Millisecond, labelled(b, "primary")},
		step{200 * time.Millisecond, all(reaches("simple", b), reaches("sidecar"))},
		step{time.Second, gone(a)},
		step{time.Second, comes(a)},
		step{5 * time.Second, ready(a, true)},
		step{time.Second, says(a, "Backup", "backup")},
		step{time.Second, labelled(a, "backup")},
		step{100 * time.Millisecond, reaches("sidecar", a)},
		step{time.Minute, func(*view.ClusterStatus) {}},
	)
	if shown[0] != nil {
		t.Errorf("shown while nothing had changed: %v", shown[0])
	}
	last := shown[len(shown)-1]
	want := []string{
		`+0.0 PodLeaves pod "simple-data-0-0" is being deleted`,
		`+0.0 PodUnready pod "simple-data-0-0" is not ready any more`,
		`+0.0 EndpointsChanged service "simple" reaches no pod`,
		`+1.2 IRISSays IRIS in pod "simple-data-0-1" says Failover/Primary`,
		`+1.5 LabelChanged pod "simple-data-0-1" is labelled primary`,
		`+1.7 EndpointsChanged service "simple" reaches "simple-data-0-1"`,
		`+1.7 EndpointsChanged service "sidecar" reaches no pod`,
		`+2.7 PodGone pod "simple-data-0-0" is gone`,
		`+3.7 PodComes pod "simple-data-0-0" comes`,
		`+8.7 PodReady pod "simple-data-0-0" is ready`,
		`+9.7 IRISSays IRIS in pod "simple-data-0-0" says Failover/Backup`,
		`+10.7 LabelChanged pod "simple-data-0-0" is labelled backup`,
		`+10.8 EndpointsChanged service "sidecar" reaches "simple-data-0-0"`,
	}
	if diff := cmp.Diff(want, lines(last)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	sign := `the first sign (pod "simple-data-0-0" is being deleted)`
	for i, want := range map[int]string{
		1:  "no role has moved since " + sign,
		2:  `the primary service "simple" does not reach the new primary "simple-data-0-1" yet`,
		4:  `the primary service "simple" reached the new primary "simple-data-0-1" 1.7 s after ` + sign,
		9:  `the primary service "simple" reached the new primary "simple-data-0-1" 1.7 s after ` + sign + `; the backup service "sidecar" does not reach the new backup "simple-data-0-0" yet`,
		11: `the primary service "simple" reached the new primary "simple-data-0-1" 1.7 s after ` + sign + `; the backup service "sidecar" reached the new backup "simple-data-0-0" 10.8 s after ` + sign,
	} {
		if diff := cmp.Diff(want, shown[i].Summary); diff != "" {
			t.Errorf("summary after step %d (-want +got):\n%s", i, diff)
		}
	}
	for i, f := range shown[1:] {
		if over := i+1 >= 10; f.Over != over {
			t.Errorf("over after step %d: %v", i+1, f.Over)
		}
	}
	if !last.FirstSign.Time.Equal(start().Add(11 * time.Second)) {
		t.Errorf("first sign at %v", last.FirstSign)
	}
}

// While labels are frozen nothing comes to rest, and the summary says what is wrong.
func TestFrozenLabels(t *testing.T) {
	shown := play(
		step{time.Second, all(says(a, "Backup", "backup"), says(b, "Primary", "primary"), func(c *view.ClusterStatus) {
			podOf(c, a).IRIS.Contradicts, podOf(c, b).IRIS.Contradicts = true, true
		})},
		step{time.Hour, func(*view.ClusterStatus) {}},
	)
	last := shown[1]
	if last.Over {
		t.Error("at rest, though the labels lie")
	}
	want := `the primary service "simple" does not reach the new primary "simple-data-0-1" yet; the backup service "sidecar" does not reach the new backup "simple-data-0-0" yet`
	if diff := cmp.Diff(want, last.Summary); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A cluster in which IRIS contradicts a label is not at rest, whatever its Services reach.
func TestRestNeedsLabelsThatAgree(t *testing.T) {
	contradicts := func(is bool) func(*view.ClusterStatus) {
		return func(c *view.ClusterStatus) {
			answer := *podOf(c, b).IRIS
			answer.Contradicts = is
			podOf(c, b).IRIS = &answer
		}
	}
	shown := play(step{time.Second, ready(b, false)}, step{time.Second, all(ready(b, true), contradicts(true))}, step{time.Second, contradicts(false)})
	if shown[1].Over || !shown[2].Over {
		t.Errorf("over while IRIS contradicts: %v, after that: %v", shown[1].Over, shown[2].Over)
	}
}

func TestRestart(t *testing.T) {
	shown := play(
		step{time.Second, ready(b, false)},
		step{3 * time.Second, ready(b, true)},
		step{time.Hour, says(b, "Pondering", "")},
	)
	want := `the roles are as before; the cluster was healthy again 3.0 s after the first sign (pod "simple-data-0-1" is not ready any more)`
	if diff := cmp.Diff(want, shown[1].Summary); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{`+0.0 IRISSays IRIS in pod "simple-data-0-1" says Failover/Pondering`}, lines(shown[2])); diff != "" {
		t.Errorf("after the rest it does not begin again (-want +got):\n%s", diff)
	}
}

func TestChanges(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*view.ClusterStatus)
		want   []string
	}{
		"a Service that was just created": {
			func(c *view.ClusterStatus) {
				c.Services = append(c.Services, view.Service{Name: "new", Ports: []view.ServicePort{{}}, Reaches: []string{a}})
			}, nil,
		},
		"a Service without ports":       {reaches("iris-svc"), nil},
		"EndpointSlices are not read":   {func(c *view.ClusterStatus) { c.Services[0].Reaches = nil }, nil},
		"a pod that is none of data":    {func(c *view.ClusterStatus) { c.Pods[2].Ready = true }, nil},
		"IRIS is being asked":           {func(c *view.ClusterStatus) { podOf(c, a).IRIS = nil }, nil},
		"IRIS does not answer any more": {func(c *view.ClusterStatus) { podOf(c, a).IRIS = &view.Answer{Text: "?"} }, []string{`+0.0 IRISSays IRIS in pod "simple-data-0-0" does not answer`}},
		"the label is taken away":       {labelled(a, ""), []string{`+0.0 LabelChanged pod "simple-data-0-0" has lost its role label`}},
		"another pod of that name": {
			func(c *view.ClusterStatus) {
				*podOf(c, a) = view.Pod{Name: a, Component: "data", State: "Pending", CreationTimestamp: metav1.NewTime(start().Add(time.Minute))}
			}, []string{`+0.0 PodComes pod "simple-data-0-0" is replaced by another of that name`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, lines(play(step{time.Second, test.change})[0])); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What a Service reached before a role moved once more does not count.
func TestMovesTwice(t *testing.T) {
	swap := func(primary, backup string) func(*view.ClusterStatus) {
		return all(says(primary, "Primary", "primary"), says(backup, "Backup", "backup"))
	}
	shown := play(
		step{time.Second, all(swap(b, a), reaches("simple", b), reaches("sidecar"))},
		step{time.Second, all(swap(a, b), reaches("simple", a))},
		step{time.Second, all(swap(b, a), reaches("simple", a))},
		step{time.Second, reaches("simple", b)},
	)
	if !strings.Contains(shown[2].Summary, "does not reach the new primary") {
		t.Errorf("the summary is stale: %s", shown[2].Summary)
	}
	if !strings.Contains(shown[3].Summary, "3.0 s after") {
		t.Errorf("the time is stale: %s", shown[3].Summary)
	}
}

func TestManyTransitionsAreBounded(t *testing.T) {
	var steps []step
	for i := range 300 {
		steps = append(steps, step{time.Second, ready(b, i%2 == 1)}, step{0, labelled(a, fmt.Sprint(i))})
	}
	last := play(steps...)[len(steps)-1]
	if n := len(last.Transitions); n == 0 || n > 100 {
		t.Errorf("%d transitions are kept", n)
	}
}

// A label may be there before the member is: if IRIS answers in one pod, its answer
// is waited for in the others.
func TestRestNeedsAnswers(t *testing.T) {
	silent := func(name string) func(*view.ClusterStatus) {
		return func(c *view.ClusterStatus) { podOf(c, name).IRIS = &view.Answer{Text: "?"} }
	}
	one := play(step{time.Second, all(ready(b, false), silent(b))}, step{time.Second, ready(b, true)}, step{time.Second, says(b, "Backup", "backup")})
	if one[1].Over || !one[2].Over {
		t.Errorf("over with an answer missing: %v, with all: %v", one[1].Over, one[2].Over)
	}
	unasked := play(step{time.Second, all(ready(b, false), func(c *view.ClusterStatus) { podOf(c, b).IRIS = nil })}, step{time.Second, ready(b, true)})
	if unasked[1].Over {
		t.Error("over before IRIS was asked in a pod")
	}
	none := play(step{time.Second, all(ready(b, false), silent(a), silent(b))}, step{time.Second, ready(b, true)})
	if !none[1].Over {
		t.Error("never over if IRIS answers in no pod")
	}
}

// At rest, what has nothing to do with roles is no sign of a failover.
func TestWhatIsNotAboutRolesIsNoSign(t *testing.T) {
	state := func(state string) func(*view.ClusterStatus) {
		return func(c *view.ClusterStatus) {
			answer := *podOf(c, a).IRIS
			answer.Text, answer.Instance = "Failover/Primary ("+state+")", &view.Instance{State: state}
			podOf(c, a).IRIS = &answer
		}
	}
	ofPod := func(reaches ...string) func(*view.ClusterStatus) {
		return func(c *view.ClusterStatus) {
			c.Services = slices.DeleteFunc(c.Services, func(s view.Service) bool { return s.Name == "pod" })
			c.Services = append(c.Services, view.Service{Name: "pod", Ports: []view.ServicePort{{Port: 80}}, Reaches: append([]string{}, reaches...)})
		}
	}
	shown := play(
		step{time.Second, state("warn")},
		step{time.Second, all(ofPod(b), ready(b, false))},
		step{time.Second, ofPod()},
		step{time.Second, ready(b, true)},
		step{time.Second, ofPod(b)},
		step{time.Second, state("alert")},
		step{time.Second, state("hung")},
	)
	if shown[0] != nil {
		t.Errorf("a warning is a first sign: %v", lines(shown[0]))
	}
	if diff := cmp.Diff([]string{
		`+0.0 PodUnready pod "simple-data-0-1" is not ready any more`,
		`+1.0 EndpointsChanged service "pod" reaches no pod`,
		`+2.0 PodReady pod "simple-data-0-1" is ready`,
	}, lines(shown[5])); diff != "" || !strings.Contains(shown[5].Summary, "healthy again 2.0 s after") {
		t.Errorf("sum %q, transitions (-want +got):\n%s", shown[5].Summary, diff)
	}
	if diff := cmp.Diff([]string{`+0.0 IRISSays IRIS in pod "simple-data-0-0" says Failover/Primary (hung)`}, lines(shown[6])); diff != "" {
		t.Errorf("a hung instance (-want +got):\n%s", diff)
	}
}

// A Service may reach a pod while it terminates, and then no pod.
func TestServiceReachesAPodThatTerminates(t *testing.T) {
	t.Parallel()
	simple := func(reaches []string, terminating ...string) func(*view.ClusterStatus) {
		return func(c *view.ClusterStatus) { c.Services[0].Reaches, c.Services[0].Terminating = reaches, terminating }
	}
	shown := play(
		step{time.Second, all(leave(a), simple([]string{}, a))},
		step{time.Second, simple([]string{})},
		step{time.Second, simple([]string{b})},
		step{time.Second, simple([]string{b}, a)},
	)
	want := []string{
		`+0.0 PodLeaves pod "simple-data-0-0" is being deleted`,
		`+0.0 PodUnready pod "simple-data-0-0" is not ready any more`,
		`+0.0 EndpointsChanged service "simple" reaches "simple-data-0-0" while it terminates`,
		`+1.0 EndpointsChanged service "simple" reaches no pod`,
		`+2.0 EndpointsChanged service "simple" reaches "simple-data-0-1"`,
	}
	if diff := cmp.Diff(want, lines(shown[3])); diff != "" {
		t.Errorf("transitions (-want +got):\n%s", diff)
	}
}

// In a sharded mirror a role is one of a shard, and so is its Service. A Service for
// the role in all shards follows none of them.
func TestShards(t *testing.T) {
	c := healthy()
	c.Shards = append(c.Shards, view.Shard{Name: "1", Primaries: []string{"c"}, Backups: []string{"d"}})
	c.Services = []view.Service{{Name: "all", Ports: []view.ServicePort{{}}, Reaches: []string{a, "c"}, Selector: map[string]string{"intersystems.com/mirrorRole": "primary"}}}
	for shard, reaches := range map[string][]string{"0": {a}, "1": {"c"}} {
		c.Services = append(c.Services, view.Service{
			Name: "shard-" + shard, Ports: []view.ServicePort{{}}, Reaches: reaches,
			Selector: map[string]string{"intersystems.com/mirrorRole": "primary", "intersystems.com/shard": shard},
		})
	}
	timeline := failover.Timeline{}.Next(c, start())
	c.Pods = slices.Clone(c.Pods)
	c.Pods[0].LabelRole, c.Pods[1].LabelRole = "backup", "primary"
	c.Shards = []view.Shard{{Name: "0", Primaries: []string{b}, Backups: []string{a}}, c.Shards[1]}
	want := `the primary service "shard-0" does not reach the new primary "simple-data-0-1" yet; the new backup is "simple-data-0-0"; no service follows the role`
	got := timeline.Next(c, start().Add(time.Second)).View()
	if diff := cmp.Diff(want, got.Summary); diff != "" || got.Over {
		t.Errorf("over %v, summary (-want +got):\n%s", got.Over, diff)
	}
}
