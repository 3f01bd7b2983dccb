//go:build e2e

package e2e_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/pkg/finding"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

// newClusterWithWebServers is the article's cluster, whose instances have a web
// server of their own, which serves their metrics.
func newClusterWithWebServers(t *testing.T) irisCluster {
	t.Helper()
	documents, err := os.ReadFile(article)
	if err != nil {
		t.Fatal(err)
	}
	annotated := bytes.Replace(documents, []byte("metadata: {name: simple}"),
		[]byte("metadata: {name: simple, annotations: {"+standin.AnnotationWebServer+": own}}"), 1)
	if bytes.Equal(annotated, documents) {
		t.Fatal("the metadata of the article's cluster is written in another way")
	}
	c := newClusterFrom(t, annotated)
	c.becomesHealthy()
	return c
}

// Without the right to exec, metrics tell primary and backup, also when labels lie,
// and suffice to set the labels.
func TestMetricsInPlaceOfExec(t *testing.T) {
	t.Parallel()
	c := newClusterWithWebServers(t)
	user := c.viewer("metrics", "get pods/proxy", "patch pods")
	v := statusIn(t, c.pluginAs(user, "status", c.name, "-o", "json").exits(0))
	if diff := cmp.Diff(asLabelled(), answers(v)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, pod := range v.Pods {
		if pod.Component == "data" && (pod.IRIS.Source != view.FromMetrics || !pod.IRIS.Conclusive) {
			t.Errorf("%s: %+v", pod.Name, pod.IRIS)
		}
	}

	c.annotate(standin.AnnotationLabels, "frozen")
	c.iris(first, "iris", "restart", "IRIS")
	c.eventuallyMember(first, backup)
	c.pluginAs(user, "status", c.name).exits(3).says(`data pod "` + first + `" is labelled primary, but IRIS says Failover/Backup`)
	c.pluginAs(user, "relabel", c.name, "--yes").exits(0).says("pod/"+second+" labeled primary", "pod/"+first+" labeled backup")
	c.pluginAs(user, "status", c.name).exits(0)
	for _, pod := range []string{first, second} {
		if read := strings.TrimSpace(c.iris(pod, "stand-in", "alerts")); read != "0" {
			t.Errorf("the alerts of %s were read %s times", pod, read)
		}
	}
}

// What qlist says without saying it for certain is no "no": an indeterminate
// answer gives way to the metrics, and a start-up is a reason to wait.
func TestAnswersThatLeaveRolesOpen(t *testing.T) {
	t.Parallel()
	c := newClusterWithWebServers(t)
	for _, pod := range []string{first, second} {
		c.iris(pod, "stand-in", "state", "indeterminate")
	}
	c.expect(asLabelled(), 0)
	c.iris(second, "stand-in", "metric", "all", "none")
	c.plugin("status", c.name).exits(0).says("indeterminate: its user may not inspect the instance")
	c.plugin("relabel", c.name, "--yes").exits(1)
	for _, pod := range []string{first, second} {
		c.iris(pod, "stand-in", "reset")
	}

	c.iris(second, "stand-in", "state", "transition")
	want := asLabelled()
	want[second] = "backup: sign-on inhibited:primary transition"
	c.expect(want, 3, finding.SignOnInhibited)
	c.plugin("relabel", c.name, "--yes").exits(1)
	c.iris(second, "stand-in", "reset")

	c.iris(first, "stand-in", "state", "node")
	c.expect(asLabelled(), 0)
	c.plugin("relabel", c.name, "--yes").exits(0)
}
