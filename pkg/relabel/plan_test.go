package relabel_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/relabel"
)

// member is a data pod with its label and IRIS's answer.
type member struct {
	shard, ordinal  int
	label           string
	answer          iris.Answer
	deleting, ready bool
	// earlier: the answer is of an earlier pod of that name.
	earlier bool
}

func says(memberType, status string) iris.Answer {
	return iris.Answer{Source: iris.FromQlist, Instance: &iris.Instance{Status: "running", Condition: iris.Running, Mirror: &iris.Mirror{MemberType: memberType, Status: status}}}
}

func page(primary bool) iris.Answer {
	return iris.Answer{Source: iris.FromMirrorStatus, Primary: primary, Refused: []iris.Refusal{{Source: iris.FromQlist, Why: "the right pods/exec create is missing"}}}
}

func silent() iris.Answer {
	return iris.Answer{Refused: []iris.Refusal{{Source: iris.FromQlist, Why: "no answer within 3s"}}}
}

func inhibited(why string) iris.Answer {
	return iris.Answer{Source: iris.FromQlist, Instance: &iris.Instance{
		Status: "sign-on inhibited" + why, Condition: iris.Inhibited, Mirror: &iris.Mirror{MemberType: "Failover", Status: "Primary"},
	}}
}

func down() iris.Answer {
	return iris.Answer{Source: iris.FromQlist, Instance: &iris.Instance{Status: "down", Condition: iris.Down}}
}

func factsOf(mirrored bool, members ...member) cluster.Facts {
	f := cluster.Facts{
		Resource: iris.Cluster{Namespace: "iko", Name: "simple", Mirrored: mirrored},
		Read:     true,
		Answers:  cluster.Answers{},
		Pods:     []iris.Pod{{Name: "simple-arbiter-0", Labels: map[string]string{iris.LabelComponent: iris.ComponentArbiter}}},
	}
	for _, m := range members {
		name := fmt.Sprintf("data-%d-%d", m.shard, m.ordinal)
		pod := iris.Pod{
			Namespace: "iko", Name: name, UID: types.UID(name), Deleting: m.deleting, Ready: m.ready,
			Labels: map[string]string{iris.LabelComponent: iris.ComponentData, iris.LabelShard: fmt.Sprint(m.shard)},
		}
		if m.label != "" {
			pod.Labels[iris.LabelMirrorRole] = m.label
		}
		f.Pods = append(f.Pods, pod)
		m.answer.Namespace, m.answer.Pod, m.answer.UID = "iko", name, pod.UID
		if m.earlier {
			m.answer.UID = "before"
		}
		f.Answers[m.answer.UID] = m.answer
	}
	return f
}

func withShards(n int, f cluster.Facts) cluster.Facts {
	f.Resource.Shards = n
	return f
}

func TestPlan(t *testing.T) {
	primary, backup := says("Failover", "Primary"), says("Failover", "Backup")
	for name, test := range map[string]struct {
		facts    cluster.Facts
		force    bool
		changes  []string
		warnings []string
		refused  []string
	}{
		"all as IRIS says": {
			facts: factsOf(true, member{label: "primary", answer: primary}, member{ordinal: 1, label: "backup", answer: backup}),
		},
		"after a failover the new primary comes last": {
			facts: factsOf(true, member{label: "backup", answer: primary}, member{ordinal: 1, label: "primary", answer: backup}),
			changes: []string{
				`pod "data-0-1": primary -> backup (IRIS says Failover/Backup)`,
				`pod "data-0-0": backup -> primary (IRIS says Failover/Primary)`,
			},
		},
		"no labels": {
			facts: factsOf(true, member{answer: primary}, member{ordinal: 1, answer: backup}),
			changes: []string{
				`pod "data-0-1": <none> -> backup (IRIS says Failover/Backup)`,
				`pod "data-0-0": <none> -> primary (IRIS says Failover/Primary)`,
			},
		},
		"who is neither loses the label": {
			facts: factsOf(true,
				member{label: "primary", answer: primary},
				member{ordinal: 1, label: "backup", answer: says("Failover", "Connected")},
				member{ordinal: 2, label: "backup", answer: says("Disaster Recovery", "Connected")},
				member{ordinal: 3, label: "drasync", answer: says("Disaster Recovery", "Connected")}),
			changes: []string{
				`pod "data-0-2": backup -> <none> (IRIS says Disaster Recovery/Connected)`,
			},
		},
		"no member is primary, and one keeps the label": {
			facts:   factsOf(true, member{label: "primary", answer: down()}, member{ordinal: 1, answer: backup}),
			changes: []string{`pod "data-0-1": <none> -> backup (IRIS says Failover/Backup)`},
			refused: []string{`pod "data-0-0" keeps the label primary, though IRIS says down: IRIS says Primary in no other pod of IrisCluster "simple" in namespace "iko", and without the label the Services for the primary would reach none`},
		},
		"one shard without a primary": {
			facts: factsOf(true,
				member{label: "primary", answer: primary}, member{ordinal: 1, label: "backup", answer: backup},
				member{shard: 1, answer: backup}, member{shard: 1, ordinal: 1, label: "backup", answer: backup}),
			changes:  []string{`pod "data-1-0": <none> -> backup (IRIS says Failover/Backup)`},
			warnings: []string{`IRIS says Primary in no pod of shard "1" that stays: Services for the primary will reach no pod`},
		},
		"a label is taken from one pod before it is given to another": {
			facts: factsOf(true,
				member{answer: backup}, member{ordinal: 1, label: "primary", answer: primary}, member{ordinal: 2, label: "backup", answer: says("Disaster Recovery", "Connected")}),
			changes: []string{
				`pod "data-0-2": backup -> <none> (IRIS says Disaster Recovery/Connected)`,
				`pod "data-0-0": <none> -> backup (IRIS says Failover/Backup)`,
			},
		},
		"a shard without pods is none that lacks a primary": {
			facts: withShards(3, factsOf(true, member{label: "primary", answer: primary}, member{ordinal: 1, label: "backup", answer: backup})),
		},
		"shard by shard, the primary last": {
			facts: factsOf(true,
				member{label: "primary", answer: backup}, member{ordinal: 1, label: "backup", answer: primary}, member{ordinal: 2, label: "backup", answer: says("Disaster Recovery", "Connected")},
				member{shard: 1, label: "primary", answer: backup}, member{shard: 1, ordinal: 1, answer: primary}),
			changes: []string{
				`pod "data-0-2": backup -> <none> (IRIS says Disaster Recovery/Connected)`,
				`pod "data-0-0": primary -> backup (IRIS says Failover/Backup)`,
				`pod "data-0-1": backup -> primary (IRIS says Failover/Primary)`,
				`pod "data-1-0": primary -> backup (IRIS says Failover/Backup)`,
				`pod "data-1-1": <none> -> primary (IRIS says Failover/Primary)`,
			},
		},
		"a shard that is refused does not keep another from being set": {
			facts: factsOf(true,
				member{label: "primary", answer: silent(), ready: true}, member{ordinal: 1, label: "backup", answer: backup},
				member{shard: 1, label: "backup", answer: primary}, member{shard: 1, ordinal: 1, answer: backup}),
			changes: []string{
				`pod "data-1-1": <none> -> backup (IRIS says Failover/Backup)`,
				`pod "data-1-0": backup -> primary (IRIS says Failover/Primary)`,
			},
			refused: []string{`IRIS in pod "data-0-0" gave no conclusive answer: no label of shard "0" of IrisCluster "simple" in namespace "iko" is changed: iris qlist: no answer within 3s`},
		},
		"the pod of a lost node, which is being deleted": {
			facts: factsOf(true, member{label: "primary", answer: silent(), deleting: true}, member{ordinal: 1, label: "primary", answer: primary, ready: true}),
			changes: []string{
				`pod "data-0-0": primary -> <none> (IRIS in pod "data-0-1" says Failover/Primary; this pod does not answer and is being deleted)`,
			},
		},
		"the pod of a lost node, which is not ready": {
			facts: factsOf(true, member{label: "primary", answer: silent()}, member{ordinal: 1, label: "backup", answer: primary, ready: true}),
			changes: []string{
				`pod "data-0-0": primary -> <none> (IRIS in pod "data-0-1" says Failover/Primary; this pod does not answer and is not ready)`,
				`pod "data-0-1": backup -> primary (IRIS says Failover/Primary)`,
			},
		},
		"a silent pod that is not ready, with a label that is not stale": {
			facts:    factsOf(true, member{label: "backup", answer: silent()}, member{ordinal: 1, answer: primary}),
			changes:  []string{`pod "data-0-1": <none> -> primary (IRIS says Failover/Primary)`},
			warnings: []string{`pod "data-0-0" is left as it is: IRIS did not answer conclusively (iris qlist: no answer within 3s)`},
		},
		"a silent pod that is ready, forced": {
			facts: factsOf(true, member{label: "primary", answer: silent(), ready: true}, member{ordinal: 1, label: "backup", answer: primary, ready: true}),
			force: true,
			changes: []string{
				`pod "data-0-0": primary -> <none> (IRIS in pod "data-0-1" says Failover/Primary; this pod does not answer, though it is ready)`,
				`pod "data-0-1": backup -> primary (IRIS says Failover/Primary)`,
			},
			warnings: []string{`pod "data-0-0" is ready and IRIS in it does not say what it is: if it still is a primary, as when its node cannot be reached from here, its clients lose it, the Services for the primary go to pod "data-0-1", and both may be written to`},
		},
		"only the page, forced": {
			facts: factsOf(true, member{label: "primary", answer: page(false), ready: true}, member{ordinal: 1, answer: page(true), ready: true}),
			force: true,
			changes: []string{
				`pod "data-0-0": primary -> <none> (IRIS in pod "data-0-1" says primary; this pod says not primary, though it is ready)`,
				`pod "data-0-1": <none> -> primary (IRIS says primary)`,
			},
		},
		"a primary that is being deleted keeps its label": {
			facts:    factsOf(true, member{label: "primary", answer: primary, deleting: true}, member{ordinal: 1, label: "backup", answer: backup}),
			warnings: []string{"IRIS says Primary in no pod that stays: Services for the primary will reach no pod"},
		},
		"only a member for disaster recovery is here": {
			facts:    factsOf(true, member{answer: says("Disaster Recovery", "Connected")}),
			warnings: []string{"no failover member here: the primary of its mirror is elsewhere"},
		},
		"an async member that is silent is left alone": {
			facts:    factsOf(true, member{label: "primary", answer: primary}, member{ordinal: 1, label: "backup", answer: backup}, member{ordinal: 2, answer: silent()}),
			warnings: []string{`pod "data-0-2" is left as it is: IRIS did not answer conclusively (iris qlist: no answer within 3s)`},
		},
		"the page suffices for the primary": {
			facts:   factsOf(true, member{answer: page(true)}, member{ordinal: 1, label: "backup", answer: backup}),
			changes: []string{`pod "data-0-0": <none> -> primary (IRIS says primary)`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := relabel.New(cluster.New(test.facts), relabel.Options{Force: test.force})
			if err != nil {
				t.Fatal(err)
			}
			var changes, refused []string
			for _, err := range plan.Errors() {
				refused = append(refused, err.Error())
			}
			if diff := cmp.Diff(test.refused, refused); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
			for _, c := range plan.Changes {
				changes = append(changes, c.String())
			}
			if diff := cmp.Diff(test.changes, changes); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.warnings, plan.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	primary, backup := says("Failover", "Primary"), says("Failover", "Backup")
	for name, test := range map[string]struct {
		facts cluster.Facts
		force bool
		want  string
		hint  string
	}{
		"two primaries":           {factsOf(true, member{answer: primary}, member{ordinal: 1, answer: primary}), true, `IRIS says Primary in pod "data-0-0" and in pod "data-0-1"`, "status simple"},
		"two, one leaves":         {factsOf(true, member{answer: primary, deleting: true}, member{ordinal: 1, answer: primary}), true, `IRIS says Primary in`, "status simple"},
		"a failover member hangs": {factsOf(true, member{label: "primary", answer: primary}, member{ordinal: 1, answer: silent(), ready: true}), false, `pod "data-0-1" gave no conclusive answer`, "--force"},
		"one hangs, and none is primary": {
			factsOf(true, member{label: "primary", answer: silent()}, member{ordinal: 1, answer: backup}), true, `pod "data-0-0" gave no conclusive answer`, "status simple",
		},
		"indeterminate": {
			factsOf(true, member{label: "primary", answer: iris.Answer{Refused: []iris.Refusal{{Source: iris.FromQlist, Why: "it says indeterminate: its user may not inspect the instance"}}}, ready: true}, member{ordinal: 1, label: "backup", answer: silent(), ready: true}),
			false, "iris qlist: it says indeterminate: its user may not inspect the instance", "status simple",
		},
		"a member in trouble":    {factsOf(true, member{label: "primary", answer: primary}, member{ordinal: 1, label: "backup", answer: says("Failover", "In Trouble")}), false, `it says Failover/In Trouble`, "--force"},
		"a member in transition": {factsOf(true, member{label: "primary", answer: says("Failover", "Transition")}, member{ordinal: 1, label: "backup", answer: primary}), true, `IRIS in pod "data-0-0" is in transition: no label of IrisCluster "simple" in namespace "iko" is changed: it says Failover/Transition`, "wait"},
		"no sign-ons yet":        {factsOf(true, member{label: "primary", answer: inhibited("")}, member{ordinal: 1, label: "backup", answer: backup}), true, "is in transition: no label of IrisCluster \"simple\" in namespace \"iko\" is changed: it says sign-on inhibited", "wait"},
		"primary transition":     {factsOf(true, member{label: "primary", answer: inhibited(":primary transition")}, member{ordinal: 1, label: "backup", answer: primary}), true, "it says sign-on inhibited:primary transition", "wait"},
		"one that was not asked": {factsOf(true, member{answer: primary, earlier: true}, member{ordinal: 1, answer: backup}), false, `pod "data-0-0" gave no conclusive answer`, "status simple"},
		"only the page, which does not say who is the backup": {
			factsOf(true, member{answer: page(true)}, member{ordinal: 1, label: "backup", answer: page(false)}), false, `it says that it is not primary, and not whether it is the backup`, "status simple",
		},
		"exec is forbidden": {
			factsOf(true, member{answer: iris.Answer{Refused: []iris.Refusal{{Source: iris.FromQlist, Verb: "create", Resource: "pods/exec", Why: "the right pods/exec create is missing"}}}}, member{ordinal: 1, answer: backup}),
			false, "the right pods/exec create is missing", "can-i create pods --subresource=exec -n iko",
		},
		"a silent async member with a role label": {
			factsOf(true, member{answer: primary}, member{ordinal: 1, answer: backup}, member{ordinal: 2, label: "primary", answer: silent(), ready: true}), false, `pod "data-0-2" gave no conclusive answer`, "--force",
		},
		"the primary leaves, and no other is": {
			factsOf(true, member{answer: primary, deleting: true}, member{ordinal: 1, label: "primary", answer: backup}), true, `pod "data-0-1" keeps the label primary, though IRIS says Failover/Backup`, "once a member is primary",
		},
		"no mirror":    {factsOf(false, member{answer: says("", "")}), false, `is not mirrored`, "status simple"},
		"no data pods": {factsOf(true), false, `has no data pods`, "status simple"},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := relabel.New(cluster.New(test.facts), relabel.Options{Force: test.force})
			err = errors.Join(append(plan.Errors(), err)...)
			if err == nil || !strings.Contains(err.Error(), test.want) || len(plan.Changes) > 0 {
				t.Fatalf("got %v and %v, want an error with %q", plan.Changes, err, test.want)
			}
			for _, e := range plan.Errors() {
				err = e
			}
			if hint := problem.HintOf(err); len(plan.Refused) > 0 && !strings.Contains(hint, test.hint) {
				t.Errorf("hint %q, want %q in it", hint, test.hint)
			}
		})
	}
}

func TestEffects(t *testing.T) {
	facts := factsOf(true,
		member{label: "primary", answer: silent()}, member{ordinal: 1, label: "backup", answer: says("Failover", "Primary"), ready: true})
	plan, err := relabel.New(cluster.New(facts), relabel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	service := func(name string, selector map[string]string) corev1.Service {
		return corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.ServiceSpec{Selector: selector}}
	}
	got := plan.Effects([]corev1.Service{
		service("simple", map[string]string{iris.LabelComponent: "data", iris.LabelMirrorRole: "primary"}),
		service("simple-sidecar-backup", map[string]string{iris.LabelMirrorRole: "backup"}),
		service("every-member", map[string]string{iris.LabelComponent: "data"}),
		service("another-shard", map[string]string{iris.LabelMirrorRole: "primary", iris.LabelShard: "7"}),
	})
	want := []string{
		`service "simple" selects: data-0-0 (not ready) -> data-0-1`,
		`service "simple-sidecar-backup" selects: data-0-1 -> no pod`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
