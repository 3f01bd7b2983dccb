package relabel_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/relabel"
)

// member is a data pod with its label and IRIS's answer.
type member struct {
	shard, ordinal int
	label          string
	answer         iris.Answer
	deleting       bool
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
			Namespace: "iko", Name: name, UID: types.UID(name), Deleting: m.deleting,
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

func TestPlan(t *testing.T) {
	primary, backup := says("Failover", "Primary"), says("Failover", "Backup")
	for name, test := range map[string]struct {
		facts    cluster.Facts
		changes  []string
		warnings []string
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
		"nobody is primary": {
			facts:    factsOf(true, member{label: "primary", answer: down()}, member{ordinal: 1, label: "backup", answer: backup}),
			changes:  []string{`pod "data-0-0": primary -> <none> (IRIS says down)`},
			warnings: []string{"IRIS says Primary in no pod: Services for the primary will reach no pod"},
		},
		"one shard without a primary": {
			facts: factsOf(true,
				member{label: "primary", answer: primary}, member{ordinal: 1, label: "backup", answer: backup},
				member{shard: 1, answer: backup}, member{shard: 1, ordinal: 1, label: "backup", answer: backup}),
			changes:  []string{`pod "data-1-0": <none> -> backup (IRIS says Failover/Backup)`},
			warnings: []string{`IRIS says Primary in no pod of shard "1": Services for the primary will reach no pod`},
		},
		"a pod that leaves keeps its label": {
			facts: factsOf(true, member{label: "primary", answer: silent(), deleting: true}, member{ordinal: 1, label: "backup", answer: primary}),
			changes: []string{
				`pod "data-0-1": backup -> primary (IRIS says Failover/Primary)`,
			},
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
			plan, err := relabel.New(cluster.New(test.facts))
			if err != nil {
				t.Fatal(err)
			}
			var changes []string
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
		want  string
	}{
		"two primaries":           {factsOf(true, member{answer: primary}, member{ordinal: 1, answer: primary}), `IRIS says Primary in pod "data-0-0" and in pod "data-0-1"`},
		"two, one leaves":         {factsOf(true, member{answer: primary, deleting: true}, member{ordinal: 1, answer: primary}), `IRIS says Primary in`},
		"a failover member hangs": {factsOf(true, member{label: "primary", answer: primary}, member{ordinal: 1, answer: silent()}), `pod "data-0-1" gave no conclusive answer`},
		"a member in trouble":     {factsOf(true, member{label: "primary", answer: primary}, member{ordinal: 1, label: "backup", answer: says("Failover", "In Trouble")}), `it says Failover/In Trouble`},
		"one that was not asked":  {factsOf(true, member{answer: primary, earlier: true}, member{ordinal: 1, answer: backup}), `pod "data-0-0" gave no conclusive answer`},
		"only the page, and a backup is to be told": {
			factsOf(true, member{answer: page(true)}, member{ordinal: 1, label: "backup", answer: page(false)}), `it says that it is not primary, and not whether it is the backup`,
		},
		"a silent async member with a role label": {
			factsOf(true, member{answer: primary}, member{ordinal: 1, answer: backup}, member{ordinal: 2, label: "primary", answer: silent()}), `pod "data-0-2" gave no conclusive answer`,
		},
		"no mirror":    {factsOf(false, member{answer: says("", "")}), `is not mirrored`},
		"no data pods": {factsOf(true), `has no data pods`},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := relabel.New(cluster.New(test.facts))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v and %v, want an error with %q", plan, err, test.want)
			}
		})
	}
}
