//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

const (
	roleService  = "sidecar-service"
	firstService = "simple-pod-data-0-0"
	otherService = "simple-pod-data-0-1"
)

// The article, command by command: a mirrored cluster with sidecars; the cluster's
// own Service always leads to the primary, the sidecar Service to the backup, and
// one for each pod stays with it.
func TestArticle(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	c.becomesHealthy()
	c.plugin("status").exits(0).says("simple", first, second, "Healthy")
	c.answeredBy("simple", 80, first, primary)

	// "For the sidecar that responsibility will fall on us."
	c.plugin("expose-sidecar", "--role=backup", "--name="+roleService).exits(0).says(
		"service/"+roleService+" created",
		`note: service "`+roleService+`" reaches pod "`+second+`", and IRIS confirms the role backup: it says Failover/Backup`)
	c.answeredBy(roleService, 81, second, backup)

	// "But we very well could have created a sidecar service to expose data-0-0 and
	// one to expose data-0-1."
	c.plugin("expose-pod", "data-0-0", "data-0-1").exits(0)
	c.answeredBy(firstService, 81, first, primary)
	c.answeredBy(otherService, 81, second, backup)
	c.plugin("status", "simple").exits(0).says(roleService, firstService, otherService)
	c.plugin("exposed").exits(0).says("backup of data", "pod "+first)

	// The primary goes. While the other takes over, status says what it sees.
	before := c.pod(first).UID
	w := c.watch("status", "simple", "-w", "-o", "json")
	w.says(`"verdict":"healthy`)
	c.deletePod(first)
	c.eventuallyMember(second, primary)
	c.eventuallyMember(first, backup)
	if c.pod(first).UID == before {
		t.Error("the pod was not replaced")
	}
	c.answeredBy("simple", 80, second, primary)
	c.answeredBy(roleService, 81, first, backup)
	c.answeredBy(firstService, 81, first, backup)
	c.answeredBy(otherService, 81, second, primary)
	c.becomesHealthy()
	w.says(`"over":true`)
	if code := w.stop(); code != 0 {
		t.Errorf("the watch ended with %d", code)
	}
	checkStates(t, w.String())

	c.plugin("unexpose", "--all", "--wait").exits(0)
	if r := c.plugin("status", "simple").exits(0); strings.Contains(r.stdout, roleService) || strings.Contains(r.stdout, firstService) {
		t.Errorf("a Service is still there:\n%s", r.stdout)
	}
}

// checkStates looks at what a watch printed of a failover: it was never healthy
// with a role in doubt, and it timed the Services' way to the new holders.
func checkStates(t *testing.T, documents string) {
	t.Helper()
	var last view.ClusterStatus
	degraded := 0
	for line := range strings.Lines(documents) {
		var v view.ClusterStatus
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if v.Health == view.Degraded {
			degraded++
		}
		for _, pod := range v.Pods {
			if v.Health == view.Healthy && (pod.IRIS != nil && pod.IRIS.Contradicts || !pod.Ready) {
				t.Errorf("healthy with %+v", pod)
			}
		}
		if v.Health == view.Healthy && (len(v.Shards[0].Primaries) != 1 || len(v.Shards[0].Backups) != 1) {
			t.Errorf("healthy with %+v", v.Shards)
		}
		last = v
	}
	if degraded == 0 {
		t.Error("the failover was never seen")
	}
	f := last.Failover
	if f == nil || !f.Over {
		t.Fatalf("the failover is not told to its end: %+v", f)
	}
	t.Log(f.Summary)
	for _, part := range []string{
		`the primary service "simple" reached the new primary "` + second + `" `,
		`the backup service "` + roleService + `" reached the new backup "` + first + `" `,
		" s after the first sign (",
	} {
		if !strings.Contains(f.Summary, part) {
			t.Errorf("%q is not in the summary: %s", part, f.Summary)
		}
	}
	seen := map[view.TransitionKind]bool{}
	for i, tr := range f.Transitions {
		t.Logf("%+7.1f s %s", tr.Seconds, tr.Message)
		seen[tr.Kind] = true
		if i > 0 && tr.Seconds < f.Transitions[i-1].Seconds {
			t.Errorf("not in order: %+v", f.Transitions)
		}
	}
	for _, kind := range []view.TransitionKind{view.PodLeaves, view.IRISSays, view.LabelChanged, view.EndpointsChanged, view.PodComes, view.PodReady} {
		if !seen[kind] {
			t.Errorf("no %s among the transitions", kind)
		}
	}
}

// The labels do not follow the failover: what users complain of.
func TestLabelsLie(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	c.becomesHealthy()
	c.plugin("expose-sidecar", "--role=backup", "--verify").exits(0).says("IRIS confirms the role backup")
	c.annotate(standin.AnnotationLabels, "frozen")
	w := c.watch("status", "simple", "-w")
	w.says("healthy")
	c.iris(first, "iris", "restart", "IRIS")
	c.eventuallyMember(first, backup)
	c.eventuallyMember(second, primary)
	c.answeredBy("simple", 80, first, backup) // the lie

	v, code := c.status()
	if code != 3 {
		t.Errorf("status ended with %d", code)
	}
	var messages []string
	for _, f := range v.Findings {
		messages = append(messages, f.Message)
	}
	want := []string{
		`data pod "` + first + `" is labelled primary, but IRIS says Failover/Backup: service "simple" for the primary reaches it`,
		`data pod "` + second + `" is labelled backup, but IRIS says Failover/Primary: service "simple-sidecar-backup" for the backup reaches it`,
	}
	if diff := cmp.Diff(want, messages); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{second}, v.Shards[0].Primaries); diff != "" {
		t.Errorf("the verdict does not follow IRIS (-want +got):\n%s", diff)
	}
	w.says(`does not reach the new primary "` + second + `" yet`)

	// A Service that would select the wrong pod is refused, and not made.
	c.plugin("expose-sidecar", "--role=backup", "--name=another", "--verify").exits(1).says(
		"was not applied: it would select pod \""+second+"\"", "kubectl iris expose-pod "+first+" -n "+c.namespace+" exposes the backup")
	if out, err := c.tryKubectl("get", "service", "another"); err == nil {
		t.Errorf("the Service was made: %s", out)
	}
	// Without --verify it is made, and the tool says where it leads.
	c.plugin("expose-sidecar", "--role=backup", "--name=another").exits(0).says("warning: ", `selects pod "`+second+`", which is labelled backup, but IRIS says Failover/Primary`)
	c.answeredBy("another", 81, second, primary)

	// relabel asks, and shows what it would do.
	c.plugin("relabel", "simple").exits(2).says("--yes")
	c.plugin("relabel", "simple", "--dry-run=client").exits(0).says("pod/" + first + " labeled backup: IRIS says Failover/Backup (was primary) (dry run)")
	c.plugin("relabel", "simple", "--dry-run=server").exits(0)
	c.answeredBy("simple", 80, first, backup) // still
	c.plugin("relabel", "simple", "--yes").exits(0).says("pod/"+second+" labeled primary", "the operator may set these labels again")
	c.answeredBy("simple", 80, second, primary)
	c.answeredBy("another", 81, first, backup)
	c.answeredBy("simple-sidecar-backup", 81, first, backup)
	c.becomesHealthy()
	w.says("settled: ")
	w.says(`reached the new primary "` + second + `" `)
	if code := w.stop(); code != 0 {
		t.Errorf("the watch ended with %d:\n%s", code, w)
	}
}

// Labels that follow late: each state in between is told as it is.
func TestLateLabels(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	c.becomesHealthy()
	c.annotate(standin.AnnotationLabelDelay, "4s")
	c.deletePod(first)
	c.eventuallyMember(second, primary)
	sawLie := false
	eventually(t, "status", func(context.Context) error {
		v, code := c.status()
		for _, pod := range v.Pods {
			if pod.IRIS != nil && pod.IRIS.Contradicts {
				sawLie = true
				if code != 3 {
					return fmt.Errorf("exit code %d with %s", code, pod.IRIS.Text)
				}
			}
		}
		if code != 0 {
			return fmt.Errorf("%s", v.Verdict)
		}
		return nil
	})
	if !sawLie {
		t.Error("the label was never seen to be late")
	}
	c.answeredBy("simple", 80, second, primary)
}
