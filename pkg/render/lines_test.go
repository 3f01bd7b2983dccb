package render_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/pkg/finding"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// failover is a list in five moments: steady, primary gone, taken over, one
// cluster sharded, one cluster deleted.
func failover(t *testing.T) []view.ClusterStatusList {
	t.Helper()
	moments := make([]view.ClusterStatusList, 5)
	for i := range moments {
		moments[i] = load[view.ClusterStatusList](t, "healthy")
	}
	simple := func(i int) *view.ClusterStatus { return &moments[i].Items[1] }

	lost := simple(1)
	lost.Health = view.Degraded
	lost.Verdict = "degraded: no primary"
	lost.Shards[0].Primaries, lost.Shards[0].Ready = nil, 1
	lost.Pods = lost.Pods[1:]
	lost.Services[0].Reaches = []string{}
	lost.Findings = []view.Finding{{Code: finding.NoPrimary, Severity: view.SeverityError, Message: "no primary", Hint: "wait"}}
	lost.Unread = []view.Unread{{Verb: "list", Resource: "events", Message: "cannot list events in namespace \"prod\": forbidden"}}

	for _, i := range []int{2, 3} {
		taken := simple(i)
		taken.Verdict = "healthy: primary simple-data-0-1, backup simple-data-0-0"
		taken.Shards[0].Primaries, taken.Shards[0].Backups = taken.Shards[0].Backups, taken.Shards[0].Primaries
		taken.Pods[0].LabelRole, taken.Pods[1].LabelRole = "backup", "primary"
		taken.Services[0].Reaches = []string{"simple-data-0-1"}
	}
	simple(3).Shards = append(simple(3).Shards, view.Shard{Name: "1", Primaries: []string{"simple-data-1-0"}, Ready: 1, Members: 1})
	moments[4].Items = slices.Delete(moments[4].Items, 1, 2)
	return moments
}

func TestLinesOfAList(t *testing.T) {
	var out bytes.Buffer
	lines := render.NewLines(&out)
	for i, list := range failover(t) {
		fmt.Fprintf(&out, "# moment %d\n", i)
		for range 2 {
			o := render.Options{Now: now().Add(time.Duration(i) * time.Minute)}
			if err := lines.Clusters(list, o); err != nil {
				t.Fatal(err)
			}
		}
	}
	golden(t, "lines-list", out.Bytes())
}

func TestLinesOfACluster(t *testing.T) {
	var out bytes.Buffer
	lines := render.NewLines(&out)
	for i, list := range failover(t)[:3] {
		fmt.Fprintf(&out, "# moment %d\n", i)
		for range 2 {
			o := render.Options{Now: now().Add(time.Duration(i) * time.Minute)}
			if err := lines.Cluster(list.Items[1], o); err != nil {
				t.Fatal(err)
			}
		}
	}
	golden(t, "lines-cluster", out.Bytes())
}

func TestLinesWithoutHeaders(t *testing.T) {
	var out bytes.Buffer
	lines := render.NewLines(&out)
	for _, list := range failover(t)[:2] {
		if err := lines.Clusters(list, render.Options{Now: now(), NoHeaders: true}); err != nil {
			t.Fatal(err)
		}
	}
	want := "" +
		"iris     -                 -                 iris-data-0   1/1   0   0   Healthy   2m50s\n" +
		"simple   simple-data-0-0   simple-data-0-1   -             2/2   2   2   Healthy   5d\n" +
		"simple   <none>            simple-data-0-1   -             1/2   1   2   Degraded   5d\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Later rows stand under the earlier ones, and what got wider stays so.
func TestLinesStayAligned(t *testing.T) {
	var out bytes.Buffer
	lines := render.NewLines(&out)
	list := load[view.ClusterStatusList](t, "healthy")
	show := func(backup string) {
		list.Items[1].Shards[0].Backups = []string{backup}
		if err := lines.Clusters(list, render.Options{Now: now(), Color: true}); err != nil {
			t.Fatal(err)
		}
	}
	show("simple-data-0-1")
	show("a-longer-name-than-before")
	show("b")
	rows := strings.Split(strings.TrimSpace(escapes().ReplaceAllString(out.String(), "")), "\n")
	column := func(row string) int { return strings.Index(row, "2/2") }
	if len(rows) != 5 || column(rows[3]) != column(rows[4]) || column(rows[2]) >= column(rows[3]) {
		t.Errorf("not aligned:\n%s", out.String())
	}
}

// A finding in other words is no other finding; one about another shard is.
func TestLinesOfFindings(t *testing.T) {
	lost := func(shard, why string) view.Finding {
		return view.Finding{Code: finding.NoPrimary, Severity: view.SeverityError, Message: fmt.Sprintf("no primary in shard %q: %s", shard, why)}
	}
	pod := func(name, why string) view.Finding {
		return view.Finding{Code: finding.PodNotReady, Severity: view.SeverityWarning, Object: "pod/" + name, Message: name + ": " + why}
	}
	var out bytes.Buffer
	lines := render.NewLines(&out)
	c := load[view.ClusterStatusList](t, "healthy").Items[1]
	for i, found := range [][]view.Finding{
		{lost("0", "gone"), lost("1", "gone"), pod("a", "Pending")},
		{lost("0", "labels"), lost("1", "gone"), pod("a", "Error"), pod("b", "Pending")},
		{lost("1", "gone"), pod("b", "Pending")},
		{},
	} {
		fmt.Fprintf(&out, "# moment %d\n", i)
		c.Findings = found
		if err := lines.Cluster(c, render.Options{Now: now()}); err != nil {
			t.Fatal(err)
		}
	}
	_, after, _ := strings.Cut(out.String(), "# moment 1\n")
	want := "" +
		"NoPrimary: no primary in shard \"0\": labels\n" +
		"PodNotReady (warning): a: Error\n" +
		"PodNotReady (warning): b: Pending\n" +
		"# moment 2\n" +
		"solved: NoPrimary: no primary in shard \"0\": labels\n" +
		"solved: PodNotReady (warning): a: Error\n" +
		"# moment 3\n" +
		"solved: NoPrimary: no primary in shard \"1\": gone\n" +
		"solved: PodNotReady (warning): b: Pending\n"
	if diff := cmp.Diff(want, after); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
