package cluster_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

var update = flag.Bool("update", false, "write the golden file again")

// said is an answer of IRIS with the name that the table gives it.
type said struct {
	name   string
	answer iris.Answer
}

// qlist is the answer of a running instance with a place in its mirror.
func qlist(status, memberType, mirrorStatus string) iris.Answer {
	return qlistLine("IRIS^/usr/irissys^2024.1^" + status + "^iris.cpf^1972^52773^0^ok^IRIS^" + memberType + "^" + mirrorStatus + "^/d")
}

func qlistLine(line string) iris.Answer {
	return iris.Answer{Source: iris.FromQlist, Instance: iris.MainInstance(iris.ParseQlist(line))}
}

func metrics(memberType, status int) iris.Answer {
	return iris.Answer{Source: iris.FromMetrics, Metrics: iris.ParseMetrics(
		fmt.Sprintf("iris_mirror_member_type %d\niris_mirror_status %d\n", memberType, status))}
}

func page(primary bool) iris.Answer {
	return iris.Answer{Source: iris.FromMirrorStatus, Primary: primary}
}

const upSince = "running, since Tue Mar  3 09:12:45 2026"

// everyAnswer returns each kind of answer that IRIS can give.
func everyAnswer() []said {
	all := []said{
		{"no answer", iris.Answer{Refused: []iris.Refusal{{Source: iris.FromQlist, TimedOut: true}}}},
		{"Failover/Primary", qlist(upSince, "Failover", "Primary")},
		{"Failover/Backup", qlist(upSince, "Failover", "Backup")},
		{"Failover/Connected", qlist(upSince, "Failover", "Connected")},
		{"Failover/In Trouble", qlist(upSince, "Failover", "In Trouble")},
		{"Failover/Transition", qlist(upSince, "Failover", "Transition")},
		{"Failover/Synchronizing", qlist(upSince, "Failover", "Synchronizing")},
		{"Failover/Stopped", qlist(upSince, "Failover", "Stopped")},
		{"Failover/Pondering", qlist(upSince, "Failover", "Pondering")},
		{"Disaster Recovery/Connected", qlist(upSince, "Disaster Recovery", "Connected")},
		{"Disaster Recovery/Transition", qlist(upSince, "Disaster Recovery", "Transition")},
		{"Read-Only Reporting/2/3 Connected", qlist(upSince, "Read-Only Reporting", "2/3 Connected")},
		{"Observer/Connected", qlist(upSince, "Observer", "Connected")},
		{"Indeterminate/Not Initialized", qlist(upSince, "Indeterminate", "Not Initialized")},
		{"running, in no mirror", qlist(upSince, "", "")},
		{"running, few fields", qlistLine("IRIS^/usr/irissys^2024.1^" + upSince + "^iris.cpf^1972^52773^0")},
		{"running on node ?, Failover/Primary", qlist("running on node ? (cache.ids missing), since Tue", "Failover", "Primary")},
		{"down", qlistLine("IRIS^/usr/irissys^2024.1^down, last used Tue^iris.cpf^1972^52773^0")},
		{"down, Failover", qlist("down, last used Tue", "Failover", "")},
		{"sign-on inhibited, Failover/Primary", qlist("sign-on inhibited, last used Tue", "Failover", "Primary")},
		{"sign-on inhibited:primary transition", qlist("sign-on inhibited:primary transition, last used Tue", "Failover", "Transition")},
		{"indeterminate", qlistLine("IRIS^/usr/irissys^2024.1^indeterminate, last used Tue^iris.cpf^1972^52773^0^^IRIS^^^")},
		{"thinking, Failover/Primary", qlist("thinking, since Tue", "Failover", "Primary")},
		{"the page: primary", page(true)},
		{"the page: not primary", page(false)},
	}
	for _, memberType := range []int{3, 5} {
		for status := 1; status <= 9; status++ {
			a := metrics(memberType, status)
			all = append(all, said{fmt.Sprintf("metrics %d, %d: %s", memberType, status, a.Text()), a})
		}
	}
	return all
}

// roleLabels are the values of the role label; "" stands for none.
var roleLabels = []string{"", iris.MirrorPrimary, iris.MirrorBackup, "dr"}

// peers are what the other member of the shard can be; nil stands for no other
// member.
var peers = []struct {
	name string
	of   func(label string) *cluster.Facts
}{
	{"alone", func(string) *cluster.Facts { return nil }},
	{"peer silent, same label", func(label string) *cluster.Facts { return mirrorPod(1, label, iris.Answer{}, false) }},
	{"peer is primary", func(string) *cluster.Facts { return mirrorPod(1, "", qlist(upSince, "Failover", "Primary"), false) }},
	{"peer is backup", func(string) *cluster.Facts { return mirrorPod(1, "", qlist(upSince, "Failover", "Backup"), false) }},
	{"peer has the role, deleting", func(label string) *cluster.Facts {
		status := iris.StatusPrimary
		if label == iris.MirrorBackup {
			status = iris.StatusBackup
		}
		return mirrorPod(1, "", qlist(upSince, "Failover", status), true)
	}},
}

// mirrorPod returns one data pod of a mirror with IRIS's answer.
func mirrorPod(ordinal int, label string, answer iris.Answer, deleting bool) *cluster.Facts {
	pod := iris.Pod{
		Namespace: "iko", Name: fmt.Sprintf("c-data-0-%d", ordinal), UID: types.UID(fmt.Sprint(ordinal)), Deleting: deleting, Ready: true,
		Labels: map[string]string{iris.LabelKind: iris.Kind, iris.LabelName: "c", iris.LabelComponent: iris.ComponentData, iris.LabelShard: "0"},
		IRIS:   &iris.Container{Name: "iris", Started: metav1.Now()},
	}
	if label != "" {
		pod.Labels[iris.LabelMirrorRole] = label
	}
	answer.Namespace, answer.Pod, answer.UID = pod.Namespace, pod.Name, pod.UID
	return &cluster.Facts{Pods: []iris.Pod{pod}, Answers: cluster.Answers{pod.UID: answer}}
}

// memberOf returns the first member of a mirror of one or two pods.
func memberOf(one, other *cluster.Facts) *cluster.Member {
	f := cluster.Facts{Resource: iris.Cluster{Namespace: "iko", Name: "c", Mirrored: true, Shards: 1}, Read: true, Answers: cluster.Answers{}}
	for _, part := range []*cluster.Facts{one, other} {
		if part == nil {
			continue
		}
		f.Pods = append(f.Pods, part.Pods...)
		for uid, a := range part.Answers {
			f.Answers[uid] = a
		}
	}
	return cluster.New(f).Members[0]
}

// TestRoles compares the role of a member in every combination of label, answer
// and peer with the table in testdata/roles.golden. A cell is the role, what it
// rests on, and whether the label agrees; "=" stands for the same as alone.
func TestRoles(t *testing.T) {
	var table strings.Builder
	row := func(cells ...string) {
		line := ""
		for i, cell := range cells {
			line += fmt.Sprintf("%-*s", []int{9, 48, 10, 11, 31, 25, 17, 16, 27}[i], cell)
		}
		table.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	head := []string{"LABEL", "ANSWER", "FAILOVER", "UNDECIDED"}
	for _, peer := range peers {
		head = append(head, strings.ToUpper(peer.name))
	}
	row(head...)
	for _, label := range roleLabels {
		for _, a := range everyAnswer() {
			alone := memberOf(mirrorPod(0, label, a.answer, false), nil)
			cells := []string{cmp.Or(label, "-"), a.name, alone.Failover.String(), "-"}
			if alone.IsUndecided() {
				cells[3] = "undecided"
			}
			for _, peer := range peers {
				cell := cellOf(memberOf(mirrorPod(0, label, a.answer, false), peer.of(label)))
				if peer.name != peers[0].name && cell == cellOf(alone) {
					cell = "="
				}
				cells = append(cells, cell)
			}
			row(cells...)
		}
	}
	golden := filepath.Join("testdata", "roles.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("%v (write it with -update)", err)
	}
	if diff := gocmp.Diff(strings.Split(string(want), "\n"), strings.Split(table.String(), "\n")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func cellOf(m *cluster.Member) string {
	source := "label"
	switch {
	case m.Role == "" && m.Successor != nil:
		source = "stale"
	case m.Role == "":
		source = "-"
	case m.Confirmed:
		source = string(m.Source())
	}
	return strings.Join([]string{cmp.Or(m.Role, "-"), source, m.LabelAgrees.String()}, " ")
}

// TestRoleRules asserts what holds in every combination, whatever the table says.
func TestRoleRules(t *testing.T) {
	for _, label := range roleLabels {
		for _, a := range everyAnswer() {
			for _, peer := range peers {
				name := fmt.Sprintf("label %q, %s, %s", label, a.name, peer.name)
				m := memberOf(mirrorPod(0, label, a.answer, false), peer.of(label))
				for _, broken := range brokenRules(m, label) {
					t.Errorf("%s: %s", name, broken)
				}
				leaving := memberOf(mirrorPod(0, label, a.answer, true), peer.of(label))
				if cellOf(m) != cellOf(leaving) || m.Failover != leaving.Failover {
					t.Errorf("%s: %s, and %s while the pod is being deleted", name, cellOf(m), cellOf(leaving))
				}
				if leaving.IsUndecided() {
					t.Errorf("%s: a pod that is being deleted is undecided", name)
				}
			}
		}
	}
}

// brokenRules returns those rules of a role that a member breaks.
func brokenRules(m *cluster.Member, label string) []string {
	a := m.Said()
	saysNothing := a.IsPrimary() == iris.Unknown && a.IsBackup() == iris.Unknown
	isPairLabel := label == iris.MirrorPrimary || label == iris.MirrorBackup
	rules := map[string]bool{
		"an answer that says nothing of roles contradicts no label": !saysNothing || !a.Contradicts(label),
		"an answer that says nothing of roles leaves the label's role unless another member has it": !saysNothing || m.Successor != nil ||
			m.Role == label && m.LabelAgrees == iris.Unknown,
		"a label is wrong only if IRIS says so, here or in the successor": m.LabelAgrees != iris.No || a.Contradicts(label) || m.Successor != nil,
		"the label primary is contradicted by a certain No":               label != iris.MirrorPrimary || !a.Contradicts(label) || a.IsPrimary() == iris.No,
		"the label backup is contradicted by a certain No":                label != iris.MirrorBackup || !a.Contradicts(label) || a.IsBackup() == iris.No,
		"any other label stays unless IRIS says primary or backup":        isPairLabel || label == "" || m.Role == label || a.Role() != "",
		"a confirmed role is the answer's":                                !m.Confirmed || m.Role != "" && m.Role == a.Role() && m.Source() == a.Source,
		"a role that IRIS says is confirmed":                              a.Role() == "" || m.Confirmed,
		"a role that is not confirmed is the label's":                     m.Confirmed || m.Role == "" || m.Role == label && m.Source() == iris.NoAnswer,
		"no instance is primary and backup":                               a.IsPrimary() != iris.Yes || a.IsBackup() == iris.No,
		"a conclusive answer decides":                                     !a.IsConclusive() || !m.IsUndecided(),
		"a failover member without a conclusive answer is undecided":      m.Failover != iris.Yes || a.IsConclusive() || m.IsUndecided(),
		"a successor confirms the label's role and stays": m.Successor == nil ||
			m.Role == "" && m.Successor.Confirmed && m.Successor.Role == label && !m.Successor.Deleting,
	}
	var broken []string
	for rule, kept := range rules {
		if !kept {
			broken = append(broken, rule)
		}
	}
	slices.Sort(broken)
	return broken
}

// A successor is looked for in the member's own shard only.
func TestSuccessorIsOfTheShard(t *testing.T) {
	one, other := mirrorPod(0, iris.MirrorPrimary, iris.Answer{}, false), mirrorPod(1, "", qlist(upSince, "Failover", "Primary"), false)
	other.Pods[0].Labels[iris.LabelShard] = "1"
	if m := memberOf(one, other); m.Successor != nil || m.Role != iris.MirrorPrimary {
		t.Errorf("role %q, successor %v", m.Role, m.Successor)
	}
}

// The two failover members are distinguished from the others by IRIS, else by a label
// primary or backup, else by their ordinal.
func TestFailoverMember(t *testing.T) {
	for name, test := range map[string]struct {
		ordinal int
		label   string
		answer  iris.Answer
		want    iris.Fact
	}{
		"ordinal 0":                              {0, "", iris.Answer{}, iris.Yes},
		"ordinal 1":                              {1, "", iris.Answer{}, iris.Yes},
		"ordinal 2":                              {2, "", iris.Answer{}, iris.No},
		"ordinal 2, labelled primary":            {2, "primary", iris.Answer{}, iris.Yes},
		"ordinal 2, labelled backup":             {2, "backup", iris.Answer{}, iris.Yes},
		"ordinal 2, labelled otherwise":          {2, "dr", iris.Answer{}, iris.No},
		"ordinal 0, an async member":             {0, "backup", qlist(upSince, "Disaster Recovery", "Connected"), iris.No},
		"ordinal 1, a reporting member":          {1, "", qlist(upSince, "Read-Write Reporting", "Transition"), iris.No},
		"ordinal 2, a failover member":           {2, "", qlist(upSince, "Failover", "Synchronizing"), iris.Yes},
		"ordinal 2, down, a failover member":     {2, "", qlist("down, last used Tue", "Failover", ""), iris.Yes},
		"ordinal 2, primary by the page":         {2, "", page(true), iris.Yes},
		"ordinal 2, not primary by the page":     {2, "", page(false), iris.No},
		"ordinal 2, backup by its metrics alone": {2, "", iris.Answer{Source: iris.FromMetrics, Metrics: iris.ParseMetrics("iris_mirror_status 3\n")}, iris.Yes},
		"ordinal 0, async by its metrics":        {0, "", metrics(5, 4), iris.No},
		"ordinal 0, a type that is not known":    {0, "", qlist(upSince, "Observer", "Connected"), iris.Yes},
		"ordinal 2, a type that is not known":    {2, "", metrics(17, 4), iris.No},
		"ordinal 0, not initialized":             {0, "", qlist(upSince, "Indeterminate", "Not Initialized"), iris.Yes},
		"ordinal 0, in no mirror":                {0, "", qlist(upSince, "", ""), iris.Yes},
	} {
		t.Run(name, func(t *testing.T) {
			if m := memberOf(mirrorPod(test.ordinal, test.label, test.answer, false), nil); m.Failover != test.want {
				t.Errorf("%s, want %s", m.Failover, test.want)
			}
		})
	}
}
