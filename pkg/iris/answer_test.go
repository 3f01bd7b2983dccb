package iris_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// What follows from an answer beside role and label: whether it is final, and
// what kind of member gave it.
func TestWhatAnAnswerSays(t *testing.T) {
	qlist := func(condition iris.Condition, memberType, status string) iris.Answer {
		return iris.Answer{Source: iris.FromQlist, Instance: &iris.Instance{Condition: condition, Mirror: &iris.Mirror{MemberType: memberType, Status: status}}}
	}
	fewFields := func(condition iris.Condition) iris.Answer {
		return iris.Answer{Source: iris.FromQlist, Instance: &iris.Instance{Condition: condition}}
	}
	metrics := func(memberType, status string) iris.Answer {
		return iris.Answer{Source: iris.FromMetrics, Metrics: &iris.Mirror{MemberType: memberType, Status: status}}
	}
	page := func(primary bool) iris.Answer { return iris.Answer{Source: iris.FromMirrorStatus, Primary: primary} }
	const up, down = iris.Running, iris.Down
	for name, test := range map[string]struct {
		answer iris.Answer
		// is holds primary, backup and failover member as facts.
		is [3]iris.Fact
		// words are those of conclusive, starting, async, member and outside that hold.
		words string
	}{
		"the primary":         {qlist(up, "Failover", "Primary"), [3]iris.Fact{iris.Yes, iris.No, iris.Yes}, "conclusive member"},
		"the backup":          {qlist(up, "Failover", "Backup"), [3]iris.Fact{iris.No, iris.Yes, iris.Yes}, "conclusive member"},
		"connected":           {qlist(up, "Failover", "Connected"), [3]iris.Fact{iris.No, iris.Unknown, iris.Yes}, "conclusive member"},
		"in transition":       {qlist(up, "Failover", "Transition"), [3]iris.Fact{iris.Unknown, iris.Unknown, iris.Yes}, "starting member"},
		"waiting":             {metrics("Failover", "Waiting"), [3]iris.Fact{iris.Unknown, iris.Unknown, iris.Yes}, "starting member"},
		"a DR async":          {qlist(up, "Disaster Recovery", "Connected"), [3]iris.Fact{iris.No, iris.No, iris.No}, "conclusive async member"},
		"of several mirrors":  {qlist(up, "Read-Only Reporting", "2/3 Connected"), [3]iris.Fact{iris.No, iris.No, iris.No}, "conclusive async member"},
		"two words":           {qlist(up, "Read-Write Reporting", "Not Connected"), [3]iris.Fact{iris.Unknown, iris.Unknown, iris.No}, "async member"},
		"a type without role": {metrics("Indeterminate", "Not Initialized"), [3]iris.Fact{iris.Unknown, iris.Unknown, iris.Unknown}, "member"},
		"a status alone":      {metrics("", "Primary"), [3]iris.Fact{iris.Yes, iris.No, iris.Yes}, "conclusive member"},
		"in no mirror":        {qlist(up, "", ""), [3]iris.Fact{iris.No, iris.No, iris.Unknown}, "conclusive outside"},
		"said in words":       {metrics("not member", "x"), [3]iris.Fact{iris.No, iris.No, iris.Unknown}, "conclusive outside"},
		"few fields":          {fewFields(up), [3]iris.Fact{}, ""},
		"down":                {fewFields(down), [3]iris.Fact{iris.No, iris.No, iris.Unknown}, "conclusive"},
		"down, async":         {qlist(down, "Async", "Connected"), [3]iris.Fact{iris.No, iris.No, iris.No}, "conclusive member"},
		"down, in no mirror":  {qlist(down, "", ""), [3]iris.Fact{iris.No, iris.No, iris.Unknown}, "conclusive"},
		"inhibited":           {qlist(iris.Inhibited, "Failover", "Primary"), [3]iris.Fact{iris.Unknown, iris.Unknown, iris.Yes}, "starting member"},
		"unknown status":      {qlist(iris.Unrecognized, "Failover", "Transition"), [3]iris.Fact{iris.Unknown, iris.Unknown, iris.Yes}, "member"},
		"the page: primary":   {page(true), [3]iris.Fact{iris.Yes, iris.No, iris.Yes}, "conclusive"},
		"the page: not":       {page(false), [3]iris.Fact{iris.No, iris.Unknown, iris.Unknown}, ""},
		"no answer":           {iris.Answer{}, [3]iris.Fact{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := test.answer
			if is := [3]iris.Fact{a.IsPrimary(), a.IsBackup(), a.IsFailover()}; is != test.is {
				t.Errorf("primary, backup, failover member: %v, want %v", is, test.is)
			}
			var words []string
			for _, word := range []struct {
				holds bool
				name  string
			}{
				{a.IsConclusive(), "conclusive"}, {a.IsStarting(), "starting"}, {a.IsAsync(), "async"}, {a.IsMember(), "member"}, {a.IsOutsideMirror(), "outside"},
			} {
				if word.holds {
					words = append(words, word.name)
				}
			}
			if got := strings.Join(words, " "); got != test.words {
				t.Errorf("it is %q, want %q", got, test.words)
			}
		})
	}
	var notAsked *iris.Answer
	if notAsked.IsMember() || notAsked.IsOutsideMirror() {
		t.Error("a pod that was not asked is a member or outside")
	}
}

func TestWhy(t *testing.T) {
	a := iris.Answer{Refused: []iris.Refusal{
		{Source: iris.FromQlist, Why: "exit code 1"}, {Source: iris.FromMetrics, Why: "404"}, {Source: iris.FromMirrorStatus, Why: "no web port"}, {Why: "x"},
	}}
	if got, want := a.Why(), "iris qlist: exit code 1; /api/monitor/metrics: 404; mirror_status.cxw: no web port; no answer: x"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (iris.Answer{Source: iris.FromQlist}).Why(); got != "" {
		t.Errorf("qlist answered, and why is %q", got)
	}
	pod := iris.Pod{Namespace: "iko", Name: "a", UID: "1"}
	if got := iris.NotRunning(pod); got.UID != "1" || got.Source != iris.NoAnswer || got.Why() != "iris qlist: its container does not run" {
		t.Errorf("a pod that does not run: %+v", got)
	}
	if pod.IsIRISRunning() || iris.FactOf(true).String()+iris.FactOf(false).String()+iris.Unknown.String() != "yesnounknown" {
		t.Error("a pod without a container runs, or the words of facts are others")
	}
}

func TestCovers(t *testing.T) {
	for name, test := range map[string]struct {
		paths []string
		want  bool
	}{
		"no paths are given":     {nil, true},
		"the path":               {[]string{"/x", "/api/monitor"}, true},
		"with a slash":           {[]string{"/api/monitor/"}, true},
		"a folder above":         {[]string{"/api"}, true},
		"everything":             {[]string{"/"}, true},
		"a folder below":         {[]string{"/api/monitor/metrics"}, false},
		"a name that is longer":  {[]string{"/api/monitoring"}, false},
		"a name that is shorter": {[]string{"/api/mon"}, false},
	} {
		if got := (iris.Gateway{ApplicationPaths: test.paths}).Covers("/api/monitor"); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestGatewayTypeNamed(t *testing.T) {
	for name, want := range map[string]string{"": "apache 80", "nginx": "nginx 80", "apache-lockeddown": "apache-lockeddown 52773", "other": "apache 80"} {
		if got := iris.GatewayTypeNamed(name); fmt.Sprint(got.Name, " ", got.Port) != want {
			t.Errorf("%q: %+v, want %s", name, got, want)
		}
	}
}

func TestListsOfPods(t *testing.T) {
	pods := []iris.Pod{{Name: "b", NodeIP: "192.0.2.2"}, {Name: "a"}, {Name: "c", NodeIP: "192.0.2.1"}, {Name: "d", NodeIP: "192.0.2.2"}}
	if diff := cmp.Diff([]string{"a", "b", "c", "d"}, iris.PodNames(pods)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"192.0.2.1", "192.0.2.2"}, iris.NodeIPs(pods)); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"iris-svc", "simple", "simple-webgateway"}, iris.ServiceNames("simple")); diff != "" {
		t.Errorf("Services (-want +got):\n%s", diff)
	}
}

func TestNotReady(t *testing.T) {
	for why, want := range map[string]string{
		"":                 "Pending, 1/2 containers ready",
		"Pending":          "Pending, 1/2 containers ready",
		`node "n" is lost`: `Pending, 1/2 containers ready; node "n" is lost`,
	} {
		if got := (iris.Pod{State: "Pending", ContainersReady: 1, Containers: 2, Why: why}).NotReady(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
