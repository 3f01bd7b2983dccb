//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/pkg/finding"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

// expect compares status with what is wanted: label and answer of each data pod,
// findings in any order, exit code.
func (c irisCluster) expect(wantAnswers map[string]string, wantCode int, wantFindings ...view.FindingCode) view.ClusterStatus {
	c.t.Helper()
	v, code := c.status()
	if diff := cmp.Diff(wantAnswers, answers(v)); diff != "" {
		c.t.Errorf("label and answer (-want +got):\n%s", diff)
	}
	want := []string{}
	for _, f := range wantFindings {
		want = append(want, string(f))
	}
	slices.Sort(want)
	got := codes(v)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("findings (-want +got):\n%s\n%v", diff, v.Findings)
	}
	if code != wantCode {
		c.t.Errorf("exit code %d, want %d: %s", code, wantCode, v.Verdict)
	}
	return v
}

func asLabelled() map[string]string {
	return map[string]string{first: "primary: Failover/Primary", second: "backup: Failover/Backup"}
}

func TestStatusAsksIRIS(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	c.becomesHealthy()
	v := c.expect(asLabelled(), 0)
	if i := v.Pods[0].IRIS.Instance; i == nil || i.Name != "IRIS" || i.Status != "running" || i.State != "ok" || i.SuperserverPort != 1972 {
		t.Errorf("the instance: %+v", i)
	}
	c.plugin("status", c.name).exits(0).says("ROLE", "IRIS", "Failover/Primary", "Failover/Backup", "healthy: primary "+first+", backup "+second)

	// A list asks nobody unless it is told to.
	if r := c.plugin("status", "-o", "json").exits(0); strings.Contains(r.stdout, "Failover/") {
		t.Errorf("a list has asked IRIS:\n%s", r.stdout)
	}
	c.plugin("status", "--ask-iris=always", "-o", "json").exits(0).says("Failover/Primary")
	if v, _ := c.status("--ask-iris=never"); len(answers(v)) > 0 {
		t.Errorf("IRIS was asked: %v", answers(v))
	}
}

// The labels of two pods say primary; IRIS knows better.
func TestTwoLabelledPrimary(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	c.becomesHealthy()
	c.annotate(standin.AnnotationLabels, "frozen")
	c.label(second, "primary")
	c.reaches("simple", first, second)
	v := c.expect(map[string]string{first: "primary: Failover/Primary", second: "primary: Failover/Backup"}, 3, finding.RoleDisagrees)
	if f := v.Findings[0]; f.Object != "pod/"+second || !strings.Contains(f.Message, `service "simple" for the primary reaches it`) {
		t.Errorf("the finding does not name pod and Service: %+v", f)
	}
	c.plugin("relabel", c.name, "--yes").exits(0).says("pod/" + second + " labeled backup: IRIS says Failover/Backup (was primary)")
	c.reaches("simple", first)
	c.answeredBy("simple", 80, first, primary)
	c.becomesHealthy()
}

func TestNoLabel(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	c.becomesHealthy()
	c.annotate(standin.AnnotationLabels, "frozen")
	c.label(first, "")
	c.label(second, "")
	c.reaches("simple")
	c.expect(map[string]string{first: ": Failover/Primary", second: ": Failover/Backup"}, 3,
		finding.ServiceReachesNothing, finding.RoleLabelMissing, finding.RoleLabelMissing)
	c.plugin("relabel", c.name, "-y").exits(0)
	c.reaches("simple", first)
	c.becomesHealthy()
}

func TestAsyncLabelledBackup(t *testing.T) {
	t.Parallel()
	const third = "simple-data-0-2"
	c := newCluster(t, article)
	c.plugin("expose-sidecar", "--role=backup").exits(0)
	c.annotate(standin.AnnotationAsyncLabel, "backup")
	c.annotate(standin.AnnotationAsync, "1")
	c.eventuallyMember(third, "Disaster Recovery Connected")
	c.reaches("simple-sidecar-backup", second, third)
	want := asLabelled()
	want[third] = "backup: Disaster Recovery/Connected"
	v := c.expect(want, 3, finding.AsyncLabelledBackup)
	if !strings.Contains(v.Findings[0].Message, `service "simple-sidecar-backup" for the backup reaches it`) {
		t.Errorf("the finding does not name the Service: %+v", v.Findings[0])
	}
	c.annotate(standin.AnnotationLabels, "frozen")
	c.plugin("relabel", "--yes").exits(0).says("pod/" + third + " unlabeled: IRIS says Disaster Recovery/Connected (was backup)")
	c.reaches("simple-sidecar-backup", second)
}

// A hung iris qlist costs no more than its deadline, and the page of the web
// gateway answers in its place.
func TestHangs(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	c.becomesHealthy()
	c.iris(second, "stand-in", "hang")
	r := c.plugin("status", c.name, "-o", "json").exits(0)
	if r.took > 4*time.Second {
		t.Errorf("status took %s", r.took)
	}
	v := statusIn(t, r)
	if diff := cmp.Diff(map[string]string{first: "primary: Failover/Primary", second: "backup: not primary"}, answers(v)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	c.plugin("status", c.name).exits(0).says("not primary", "no answer within 3s")
	c.plugin("relabel", c.name, "--yes").exits(1).says("it says that it is not primary, and not whether it is the backup", "no answer within 3s")
}

func TestForbidden(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	c.becomesHealthy()

	proxy := c.viewer("proxy", "get pods/proxy")
	c.pluginAs(proxy, "status", c.name).exits(0).says("primary", "not primary", "the right pods/exec create is missing", "mirror_status.cxw answered")
	v := statusIn(t, c.pluginAs(proxy, "status", c.name, "-o", "json").exits(0))
	if diff := cmp.Diff(map[string]string{first: "primary: primary", second: "backup: not primary"}, answers(v)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	neither := c.viewer("neither")
	r := c.pluginAs(neither, "status", c.name).exits(0).says(
		"healthy: primary "+first+", backup "+second+" (IRIS did not answer in 2 pods)", "the right pods/exec create is missing", "the right pods/proxy get is missing")
	for _, line := range strings.Split(r.stdout, "\n") {
		if strings.HasPrefix(line, first) && !slices.Contains(strings.Fields(line), "?") {
			t.Errorf("no ? in %q", line)
		}
	}

	// The classic right is enough, without get: by SPDY.
	exec := c.viewer("exec", "create pods/exec")
	v = statusIn(t, c.pluginAs(exec, "status", c.name, "-o", "json").exits(0))
	if diff := cmp.Diff(asLabelled(), answers(v)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	// What nobody may ask, the page still tells when the label lies.
	c.annotate(standin.AnnotationLabels, "frozen")
	c.iris(first, "iris", "restart", "IRIS")
	c.eventuallyMember(first, backup)
	c.pluginAs(proxy, "status", c.name).exits(3).says(
		`data pod "` + first + `" is labelled primary, but IRIS says it is not primary: service "simple" for the primary reaches it`)
	c.pluginAs(neither, "status", c.name).exits(0)
	c.pluginAs(proxy, "relabel", c.name, "--yes").exits(1).says("not whether it is the backup", "the right pods/exec create is missing")
	c.pluginAs(neither, "relabel", c.name, "--yes").exits(1).says("gave no conclusive answer")
}

func TestStatusTellsWhatIRISSays(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	c.becomesHealthy()
	c.annotate(standin.AnnotationLabels, "frozen")
	for _, test := range []struct {
		pod, kind, status string
		code              int
		want              []view.FindingCode
	}{
		{second, "Failover", "In Trouble", 3, []view.FindingCode{finding.MemberInTrouble}},
		{second, "Failover", "Transition", 3, []view.FindingCode{finding.MemberInTransition}},
		{second, "Failover", "Disconnected", 3, []view.FindingCode{finding.MemberNotConnected}},
		{second, "Failover", "Primary", 3, []view.FindingCode{finding.SeveralPrimaries, finding.RoleDisagrees}},
		{first, "Failover", "In Trouble", 3, []view.FindingCode{finding.MemberInTrouble}},
	} {
		c.iris(test.pod, "stand-in", "answer", test.kind, test.status)
		want := asLabelled()
		want[test.pod] = strings.SplitAfter(want[test.pod], ": ")[0] + test.kind + "/" + test.status
		c.expect(want, test.code, test.want...)
		c.iris(test.pod, "stand-in", "reset")
	}
	c.iris(second, "stand-in", "answer", "Failover", "Primary")
	c.plugin("relabel", c.name, "--yes").exits(1).says("IRIS says Primary in")
	c.iris(second, "stand-in", "reset")

	// The instance is stopped; its container runs.
	c.iris(second, "iris", "stop", "IRIS", "quietly")
	eventually(t, "status", func(context.Context) error {
		v, code := c.status()
		if code != 3 || !slices.Contains(codes(v), string(finding.InstanceDown)) || answers(v)[second] != "backup: down" {
			return fmt.Errorf("%d %v %v", code, codes(v), answers(v))
		}
		return nil
	})
}
