package render_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// asked is the healthy cluster with IRIS's answers, contradicted and missing.
func asked(t *testing.T) view.ClusterStatus {
	t.Helper()
	var c view.ClusterStatus
	for _, item := range load[view.ClusterStatusList](t, "healthy").Items {
		if item.Metadata.Name == "simple" {
			c = item
		}
	}
	said := []*view.Answer{
		{Text: "Failover/Backup", Source: view.FromQlist, Role: "backup", Contradicts: true},
		{Text: "?", Why: "no answer"},
		nil,
	}
	for i, pod := range c.Pods {
		if pod.Component == "data" && len(said) > 0 {
			c.Pods[i].IRIS, said = said[0], said[1:]
		}
	}
	return c
}

// failedOver is a failover with some transitions.
func failedOver(transitions int, over bool) *view.Failover {
	f := &view.Failover{FirstSign: metav1.NewMicroTime(now()), Over: over, Summary: "the primary service \"simple\" reached\x1b the new primary; the backup service reaches no pod"}
	for i := range transitions {
		after := time.Duration(i) * 1100 * time.Millisecond
		f.Transitions = append(f.Transitions, view.Transition{
			Time: metav1.NewMicroTime(now().Add(after)), Seconds: after.Seconds(), Kind: view.PodReady,
			Object: "pod/x", Message: fmt.Sprintf("pod \"x\" is ready %d", i),
		})
	}
	return f
}

func TestAsked(t *testing.T) {
	c := asked(t)
	for name, test := range map[string]struct {
		failover *view.Failover
		color    bool
	}{
		"asked":               {},
		"asked-color":         {color: true},
		"asked-failover":      {failover: failedOver(3, false)},
		"asked-failover-long": {failover: failedOver(20, true)},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			c := c
			c.Failover = test.failover
			if err := render.Cluster(&out, c, render.Options{Now: now(), Asked: true, Color: test.color}); err != nil {
				t.Fatal(err)
			}
			golden(t, name, out.Bytes())
		})
	}
}

// Appended lines tell each transition once, and the sum when it is another.
func TestLinesOfFailover(t *testing.T) {
	var out bytes.Buffer
	lines := render.NewLines(&out)
	c := asked(t)
	for _, f := range []*view.Failover{nil, failedOver(1, false), failedOver(1, false), failedOver(3, false), failedOver(3, true), failedOver(3, true)} {
		c.Failover = f
		if err := lines.Cluster(c, render.Options{Now: now(), Asked: true}); err != nil {
			t.Fatal(err)
		}
		out.WriteString("---\n")
	}
	golden(t, "lines-failover", out.Bytes())
}
