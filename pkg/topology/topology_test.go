package topology_test

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// statusOf returns one cluster of a snapshot; false if it has none of that name.
func statusOf(s topology.Snapshot, namespace, name string) (view.ClusterStatus, bool) {
	items := topology.Statuses(s).Items
	i := slices.IndexFunc(items, func(c view.ClusterStatus) bool { return c.Metadata.Namespace == namespace && c.Metadata.Name == name })
	if i < 0 {
		return view.ClusterStatus{}, false
	}
	return items[i], true
}

// What a person reads follows the same rules in every scenario.
func TestWords(t *testing.T) {
	for _, name := range scenarios(t) {
		for _, c := range topology.Statuses(load(t, name)).Items {
			if word := strings.ToLower(string(c.Health)); !strings.HasPrefix(c.Verdict, word+": ") {
				t.Errorf("%s: verdict %q does not start with %q", name, c.Verdict, word)
			}
			if len(c.Verdict) > 250 {
				t.Errorf("%s: verdict of %d characters", name, len(c.Verdict))
			}
			if want := worstOf(c.Findings); c.Health != want && c.Health != view.Unknown {
				t.Errorf("%s: %s, and the findings say %s", name, c.Health, want)
			}
			for _, f := range c.Findings {
				checkWords(t, name, f.Message)
				checkWords(t, name, f.Hint)
				if !strings.Contains(f.Hint, " -n "+c.Metadata.Namespace) && !strings.Contains(f.Hint, "kubectl get node ") {
					t.Errorf("%s: hint %q does not name the namespace", name, f.Hint)
				}
			}
		}
	}
}

// worstOf is the health that findings amount to, whatever their order.
func worstOf(findings []view.Finding) view.Health {
	health := view.Healthy
	for _, f := range findings {
		switch f.Severity {
		case view.SeverityError:
			return view.Degraded
		case view.SeverityWarning:
			health = view.Warning
		}
	}
	return health
}

func checkWords(t *testing.T, scenario, text string) {
	t.Helper()
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%s: %q is not one line", scenario, text)
	}
	// IRIS may start a sentence.
	if len(text) > 1 && unicode.IsUpper(rune(text[0])) && unicode.IsLower(rune(text[1])) {
		t.Errorf("%s: %q starts in upper case", scenario, text)
	}
}

func serviceFromYAML(t *testing.T, text string) *corev1.Service {
	t.Helper()
	var service corev1.Service
	if err := yaml.UnmarshalStrict([]byte(text), &service); err != nil {
		t.Fatal(err)
	}
	return &service
}

func TestIsRelevant(t *testing.T) {
	pods := []iris.Pod{{Namespace: "iko", Name: "simple-data-0", Labels: map[string]string{
		iris.LabelComponent: "data", iris.LabelKind: iris.Kind, iris.LabelName: "simple",
	}}}
	for name, test := range map[string]struct {
		service string
		want    bool
	}{
		"the cluster's own":         {`{metadata: {name: simple, namespace: iko}}`, true},
		"its gateway's":             {`{metadata: {name: simple-webgateway, namespace: iko}}`, true},
		"the headless one":          {`{metadata: {name: iris-svc, namespace: iko}}`, true},
		"this tool's":               {`{metadata: {name: x, namespace: iko, labels: {app.kubernetes.io/managed-by: kubectl-iris, kubectl-iris/cluster: simple}}}`, true},
		"this tool's for another":   {`{metadata: {name: x, namespace: iko, labels: {app.kubernetes.io/managed-by: kubectl-iris, kubectl-iris/cluster: simple-2}}}`, false},
		"selects a pod":             {`{metadata: {name: x, namespace: iko}, spec: {selector: {intersystems.com/component: data}}}`, true},
		"selects in another place":  {`{metadata: {name: x, namespace: abc}, spec: {selector: {intersystems.com/component: data}}}`, false},
		"names it, selects nothing": {`{metadata: {name: x, namespace: iko}, spec: {selector: {intersystems.com/name: simple, a: b}}}`, true},
		"names a thing of its name": {`{metadata: {name: x, namespace: iko}, spec: {selector: {intersystems.com/name: simple, intersystems.com/kind: Other}}}`, false},
		"another cluster's":         {`{metadata: {name: simple-data-0, namespace: iko}, spec: {selector: {intersystems.com/name: simple-data-0}}}`, false},
		"selects by a label absent": {`{metadata: {name: x, namespace: iko}, spec: {selector: {app: ""}}}`, false},
		"no selector":               {`{metadata: {name: x, namespace: iko}}`, false},
		"of another application":    {`{metadata: {name: x, namespace: iko}, spec: {selector: {app: shop}}}`, false},
	} {
		if got := topology.IsRelevant(serviceFromYAML(t, test.service), "simple", pods); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestEventTimeIsTheLatestOfItsTimes(t *testing.T) {
	for name, test := range map[string]struct{ event, want string }{
		"created":  {`{metadata: {creationTimestamp: "2026-03-01T10:00:00Z"}}`, "2026-03-01T10:00:00Z"},
		"last":     {`{metadata: {creationTimestamp: "2026-03-01T10:00:00Z"}, lastTimestamp: "2026-03-01T10:01:00Z"}`, "2026-03-01T10:01:00Z"},
		"new kind": {`{eventTime: "2026-03-01T10:02:00.000000Z"}`, "2026-03-01T10:02:00Z"},
		"series":   {`{eventTime: "2026-03-01T10:02:00.000000Z", series: {lastObservedTime: "2026-03-01T10:03:00.000000Z"}}`, "2026-03-01T10:03:00Z"},
		"none":     {`{}`, "0001-01-01T00:00:00Z"},
	} {
		var event corev1.Event
		if err := yaml.UnmarshalStrict([]byte(test.event), &event); err != nil {
			t.Fatal(err)
		}
		if got := topology.EventTime(event).UTC().Format("2006-01-02T15:04:05Z"); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestIsUnread(t *testing.T) {
	s := topology.Snapshot{Unread: []view.Unread{{Resource: "endpointslices.discovery.k8s.io"}, {Resource: "events"}}}
	for resource, want := range map[string]bool{"endpointslices": true, "events": true, "pods": false, "endpoints": false} {
		if got := s.IsUnread(resource); got != want {
			t.Errorf("%s: %v, want %v", resource, got, want)
		}
	}
}

// An empty snapshot is a list of nothing, and not of null.
func TestNothing(t *testing.T) {
	if items := topology.Statuses(topology.Snapshot{}).Items; items == nil || len(items) != 0 {
		t.Errorf("clusters: %#v", items)
	}
	if items := topology.Exposed(topology.Snapshot{}).Items; items == nil || len(items) != 0 {
		t.Errorf("exposed: %#v", items)
	}
}

// The number of names in a sentence is bounded.
func TestManyPodsInOneSentence(t *testing.T) {
	mirror := func(primaries, backups, others int) view.ClusterStatus {
		s := topology.Snapshot{Clusters: []iris.Cluster{{Namespace: "iko", Name: "c", Mirrored: true, Shards: 1}}}
		for role, n := range map[string]int{"primary": primaries, "backup": backups, "": others} {
			for i := range n {
				labels := map[string]string{iris.LabelComponent: "data", iris.LabelName: "c"}
				if role != "" {
					labels[iris.LabelMirrorRole] = role
				}
				// Async members come after the failover pair.
				name := fmt.Sprintf("c-%s-%d", cmp.Or(role, "other"), i+2)
				s.Pods = append(s.Pods, iris.Pod{Namespace: "iko", Name: name, Ready: true, Labels: labels})
			}
		}
		status, _ := statusOf(s, "iko", "c")
		return status
	}
	for primaries, want := range map[int]string{
		2: `2 primaries: "c-primary-2", "c-primary-3" are labelled primary`,
		3: `3 primaries: "c-primary-2", "c-primary-3", "c-primary-4" are labelled primary`,
		4: `4 primaries: "c-primary-2", "c-primary-3", "c-primary-4" and 1 more are labelled primary`,
		5: `5 primaries: "c-primary-2", "c-primary-3", "c-primary-4" and 2 more are labelled primary`,
	} {
		if got := mirror(primaries, 0, 0).Findings[0].Message; got != want {
			t.Errorf("message %q, want %q", got, want)
		}
	}
	for members, want := range map[[2]int]string{
		{1, 0}: "healthy: primary c-primary-2, backup c-backup-2",
		{1, 1}: "healthy: primary c-primary-2, backup c-backup-2, 1 other member",
		{1, 2}: "healthy: primary c-primary-2, backup c-backup-2, 2 other members",
		{2, 2}: "degraded: 2 backups",
		{5, 0}: "degraded: 5 backups",
	} {
		if got := mirror(1, members[0], members[1]).Verdict; got != want {
			t.Errorf("verdict %q, want %q", got, want)
		}
	}
}

// Shards are in the order of their numbers; a name that is none comes last.
func TestShardsInOrder(t *testing.T) {
	var s topology.Snapshot
	for i, shard := range []string{"b", "10", "a", "9", "", "0"} {
		s.Pods = append(s.Pods, iris.Pod{Namespace: "iko", Name: "odd-data-" + strconv.Itoa(i), Labels: map[string]string{
			iris.LabelComponent: "data", iris.LabelName: "odd", iris.LabelShard: shard,
		}})
	}
	status, _ := statusOf(s, "iko", "odd")
	var shards, pods []string
	for _, shard := range status.Shards {
		shards = append(shards, shard.Name)
	}
	for _, pod := range status.Pods {
		pods = append(pods, pod.Shard)
	}
	want := []string{"0", "9", "10", "", "a", "b"}
	if diff := gocmp.Diff(want, shards); diff != "" {
		t.Errorf("shards: -want +got:\n%s", diff)
	}
	if diff := gocmp.Diff(want, pods); diff != "" {
		t.Errorf("shards of pods: -want +got:\n%s", diff)
	}
}
