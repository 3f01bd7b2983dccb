package integration_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// On a control plane without a node nobody answers: status is what the labels
// say, in time, and says why.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.giveAddresses()
	e.settle()
	for name, user := range map[string]*env{
		"all rights": e,
		"none":       e.user("reader", statusRights()),
	} {
		start := time.Now()
		r := user.run("status", "simple", "--ask-iris=always", "-o", "json").exits(0)
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("%s: it took %s", name, took)
		}
		v := decoded[view.ClusterStatus](r)
		for _, pod := range v.Pods {
			if pod.Component == "data" && (pod.IRIS == nil || pod.IRIS.Text != "?" || pod.IRIS.Why == "") {
				t.Errorf("%s: %s: %+v", name, pod.Name, pod.IRIS)
			}
		}
		if v.Health != view.Healthy || !strings.HasSuffix(v.Verdict, "(IRIS did not answer in 2 pods)") {
			t.Errorf("%s: %s", name, v.Verdict)
		}
		forbidden := name == "none"
		if len(v.Unread) != 1 || (v.Unread[0].Reason == view.Forbidden) != forbidden || v.Unread[0].Resource != "pods/exec" {
			t.Errorf("%s: unread %+v", name, v.Unread)
		}
		if forbidden && !strings.Contains(v.Unread[0].Message, "the right pods/exec create is missing; mirror_status.cxw: the right pods/proxy get is missing") {
			t.Errorf("the message does not name the rights: %s", v.Unread[0].Message)
		}
	}
}

func TestVerifyWithoutAnswers(t *testing.T) {
	t.Parallel()
	e := article(t)
	r := e.run("expose-sidecar", "--role=backup", "--verify").exits(0)
	for _, part := range []string{`the role is not verified in pod "simple-data-0-1"`, `reaches pod "simple-data-0-1"; whether IRIS confirms the role backup is not known`} {
		if !strings.Contains(r.stderr, part) {
			t.Errorf("%q is not in\n%s", part, r.stderr)
		}
	}
	e.run("expose-sidecar", "--component=compute", "--verify").fails(2, "--verify requires --role")
}

// A label is bound to the pod as it was read.
func TestSetRole(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.settle()
	e.freezeLabels("simple")
	client, err := kube.New(cluster.Config, "test")
	e.must(err)
	read := func() iris.Pod {
		pod, err := client.Pod(e.ctx, e.namespace, "simple-data-0-0")
		e.must(err)
		return *pod
	}
	pod := read()
	e.must(client.SetRole(e.ctx, pod, "backup", true))
	if role := read().MirrorRole(); role != "primary" {
		t.Errorf("a dry run made it %q", role)
	}
	e.must(client.SetRole(e.ctx, pod, "backup", false))
	if role := read().MirrorRole(); role != "backup" {
		t.Errorf("the label is %q", role)
	}
	if err := client.SetRole(e.ctx, pod, "primary", false); err == nil || !strings.Contains(err.Error(), "changed since it was read and keeps its label: ") {
		t.Errorf("a pod that has changed: %v", err)
	}
	e.must(client.SetRole(e.ctx, read(), "", false))
	if labels := read().Labels; labels[iris.LabelMirrorRole] != "" || labels[iris.LabelName] != "simple" {
		t.Errorf("the labels are %v", labels)
	}
}
