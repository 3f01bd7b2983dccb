package render

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

func table(t *testing.T, headers []string, rows [][]cell, color bool) string {
	t.Helper()
	var out bytes.Buffer
	if err := writeTable(&out, headers, rows, nil, color); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTable(t *testing.T) {
	for name, test := range map[string]struct {
		headers []string
		rows    [][]cell
		color   bool
		want    string
	}{
		"headers alone": {[]string{"NAME", "AGE"}, nil, false, "NAME   AGE\n"},
		"nothing":       {nil, nil, false, ""},
		"as given": {
			[]string{"Name", "max-size", "n 1"},
			[][]cell{{{text: "a"}, {text: "10"}, {text: ""}}, {{text: "b"}, {text: "9"}, {text: "100%d"}}},
			false,
			"Name   max-size   n 1\na      10\nb      9          100%d\n",
		},
		"no headers": {nil, [][]cell{{{text: "aaa"}, {text: "b"}}, {{text: "c"}, {text: "d"}}}, false, "aaa   b\nc     d\n"},
		"not wrapped": {
			[]string{"A", "B"},
			[][]cell{{{text: strings.Repeat("many words ", 20) + "."}, {text: "x"}}},
			false,
			"A" + strings.Repeat(" ", 223) + "B\n" + strings.Repeat("many words ", 20) + ".   x\n",
		},
		"what a server may send": {
			nil,
			[][]cell{{{text: "a\x1b[31mred\nline\ttab  \u0085"}, {text: "x"}}, {{text: "é日本"}, {text: "y"}}},
			false,
			"a?[31mred line tab   x\né日本                y\n",
		},
		"characters that cannot be seen": {
			nil,
			[][]cell{{{text: "a\u202ecod.exe"}, {text: "x"}}, {{text: "zero\u200bwidth"}, {text: "y"}}},
			false,
			"a?cod.exe    x\nzero?width   y\n",
		},
		"colours": {
			[]string{"NAME", "HEALTH", "AGE"},
			[][]cell{
				{{text: "a"}, {"Healthy", toneGood}, {text: "5d"}},
				{{text: "b"}, {"Bad", toneBad}, {"", toneWarn}},
			},
			true,
			"NAME   HEALTH    AGE\na      \x1b[32mHealthy\x1b[0m   5d\nb      \x1b[31mBad\x1b[0m\n",
		},
	} {
		if diff := cmp.Diff(test.want, table(t, test.headers, test.rows, test.color)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSelectorWords(t *testing.T) {
	// ofPod is the selector of a cluster's data pods, changed.
	ofPod := func(change map[string]string) map[string]string {
		labels := map[string]string{
			iris.LabelComponent: "data",
			iris.LabelKind:      "IrisCluster",
			iris.LabelName:      "simple",
			iris.LabelRole:      "iris",
		}
		for key, value := range change {
			labels[key] = value
			if value == "" {
				delete(labels, key)
			}
		}
		return labels
	}
	for name, test := range map[string]struct {
		labels map[string]string
		want   string
	}{
		"none":                  {nil, "<none>"},
		"component":             {ofPod(nil), "component data"},
		"another component":     {ofPod(map[string]string{iris.LabelComponent: "compute"}), "component compute"},
		"role":                  {ofPod(map[string]string{iris.LabelMirrorRole: "backup"}), "role backup"},
		"role and shard":        {ofPod(map[string]string{iris.LabelMirrorRole: "backup", iris.LabelShard: "1"}), "role backup, shard 1"},
		"role elsewhere":        {ofPod(map[string]string{iris.LabelMirrorRole: "backup", iris.LabelComponent: "compute"}), "role backup, component compute"},
		"pod":                   {ofPod(map[string]string{iris.LabelPodName: "simple-data-0-1"}), "pod simple-data-0-1"},
		"pod of shard":          {ofPod(map[string]string{iris.LabelPodName: "p", iris.LabelShard: "1"}), "pod p"},
		"pod alone":             {map[string]string{iris.LabelPodName: "p"}, "pod p"},
		"pod and more":          {ofPod(map[string]string{iris.LabelPodName: "p", "b": "2", "a": "1"}), "pod p, a=1, b=2"},
		"no cluster":            {ofPod(map[string]string{iris.LabelName: "", iris.LabelMirrorRole: "primary"}), "role primary, any cluster"},
		"kind alone":            {map[string]string{iris.LabelKind: "IrisCluster"}, "any cluster"},
		"name alone":            {map[string]string{iris.LabelName: "simple"}, "all pods"},
		"more":                  {ofPod(map[string]string{"app": "shop"}), "component data, app=shop"},
		"nothing of the vendor": {map[string]string{"tier": "db", "app": "shop"}, "app=shop, tier=db"},
	} {
		if got := selector(test.labels); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestNames(t *testing.T) {
	const long = "a-name-that-is-as-long-as-the-whole-list-may-be--"
	for name, test := range map[string]struct {
		list []string
		wide bool
		want string
	}{
		"none":              {nil, false, "-"},
		"one":               {[]string{"a"}, false, "a"},
		"three":             {[]string{"a", "b", "c"}, false, "a,b,c"},
		"the first, always": {[]string{long, "b", "c"}, false, long + " + 2 more..."},
		"up to the budget":  {[]string{long[:46], "b", "c"}, false, long[:46] + ",b + 1 more..."},
		"wide":              {[]string{long, "b", long}, true, long + ",b," + long},
	} {
		if got := names(test.list, "-", test.wide); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestPorts(t *testing.T) {
	for want, list := range map[string][]view.ServicePort{
		"<none>":                  nil,
		"80/TCP":                  {{Protocol: "TCP", Port: 80, TargetPort: "80"}},
		"53/UDP":                  {{Protocol: "UDP", Port: 53}},
		"81->80/TCP":              {{Protocol: "TCP", Port: 81, TargetPort: "80"}},
		"81:30081->80/TCP":        {{Protocol: "TCP", Port: 81, TargetPort: "80", NodePort: 30081}},
		"1972->superserver/TCP":   {{Protocol: "TCP", Port: 1972, TargetPort: "superserver"}},
		"80:30080/TCP,81->82/TCP": {{Protocol: "TCP", Port: 80, TargetPort: "80", NodePort: 30080}, {Protocol: "TCP", Port: 81, TargetPort: "82"}},
	} {
		if got := ports(list); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTarget(t *testing.T) {
	for want, of := range map[string]*view.Target{
		"<unknown>":              nil,
		"pod simple-data-0-1":    {Kind: view.TargetPod, Pod: "simple-data-0-1", Component: "data", Shard: "0"},
		"data":                   {Kind: view.TargetSidecar},
		"compute":                {Kind: view.TargetSidecar, Component: "compute"},
		"backup of data":         {Kind: view.TargetSidecar, Component: "data", Role: "backup"},
		"backup of data shard 0": {Kind: view.TargetSidecar, Component: "data", Role: "backup", Shard: "0"},
	} {
		if got := target(of); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAge(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for want, created := range map[string]time.Time{
		"<unknown>": {},
		"90s":       now.Add(-90 * time.Second),
		"2m30s":     now.Add(-150 * time.Second),
		"5d":        now.Add(-5 * 24 * time.Hour),
		// The server's clock may be ahead.
		"0s": now.Add(time.Second),
	} {
		if got := age(metav1.NewTime(created), now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPodState(t *testing.T) {
	for want, pods := range map[tone][]view.Pod{
		toneNone: {{State: "Running", Ready: true}},
		toneWarn: {{State: "Running"}, {State: "Pending"}, {State: "ContainerCreating"}, {State: "Terminating", Ready: true}},
		toneBad:  {{State: "CrashLoopBackOff"}, {State: "Error"}, {State: "OOMKilled"}},
	} {
		for _, p := range pods {
			if got := podState(p); got != (cell{p.State, want}) {
				t.Errorf("%+v: tone %v, want %v", got, got.tone, want)
			}
		}
	}
}

func TestPodRole(t *testing.T) {
	yes, no := true, false
	for name, test := range map[string]struct {
		pod      view.Pod
		mirrored *bool
		want     string
	}{
		"labelled":                      {view.Pod{Component: "data", LabelRole: "backup"}, &yes, "backup"},
		"another role":                  {view.Pod{Component: "data", LabelRole: "async"}, nil, "async"},
		"member without a label":        {view.Pod{Component: "data"}, &yes, "<none>"},
		"perhaps a member":              {view.Pod{Component: "data"}, nil, "<none>"},
		"not mirrored":                  {view.Pod{Component: "data"}, &no, "-"},
		"labelled though not mirrored":  {view.Pod{Component: "data", LabelRole: "primary"}, &no, "primary"},
		"another component in a mirror": {view.Pod{Component: "arbiter"}, &yes, "-"},
		"another component, not known whether mirrored": {view.Pod{Component: "webgateway"}, nil, "-"},
	} {
		if got := podRole(test.pod, test.mirrored); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// Other columns begin another table, with its own headers, all rows and widths.
func TestFollowedTableRestarts(t *testing.T) {
	var out bytes.Buffer
	var table followedTable
	show := func(name, header, other string, o Options) {
		t.Helper()
		columns := []column[string]{plain(header, func(s string) string { return s }), plain(other, func(string) string { return "1" })}
		key := func(string) rowKey { return rowKey{object: object{name: "a"}} }
		if err := follow(&out, &table, columns, []string{name}, key, o); err != nil {
			t.Fatal(err)
		}
	}
	show("a-long-name", "NAME", "X", Options{})
	show("a-long-name", "NAME", "X", Options{})
	show("a-long-name", "N", "Y", Options{})
	show("a", "M", "Z", Options{NoHeaders: true})
	want := "NAME          X\na-long-name   1\nN             Y\na-long-name   1\na   1\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRoleCell(t *testing.T) {
	yes, no := true, false
	for name, test := range map[string]struct {
		mirrored *bool
		pods     []string
		want     cell
	}{
		"one, or several":                  {&yes, []string{"a", "b"}, cell{text: "a,b"}},
		"one, not known whether mirrored":  {nil, []string{"a"}, cell{text: "a"}},
		"none":                             {&yes, nil, cell{"<none>", toneWarn}},
		"not mirrored":                     {&no, nil, cell{text: "-"}},
		"none, not known whether mirrored": {nil, nil, cell{text: "<unknown>"}},
	} {
		if got := roleCell(view.ClusterStatus{Mirrored: test.mirrored}, test.pods); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

func TestReaches(t *testing.T) {
	t.Parallel()
	selector := map[string]string{"app": "iris"}
	for name, test := range map[string]struct {
		service view.Service
		want    cell
	}{
		"not read":         {view.Service{Selector: selector}, cell{text: unknown}},
		"a pod":            {view.Service{Selector: selector, Reaches: []string{"a"}}, cell{text: "a"}},
		"none":             {view.Service{Selector: selector, Reaches: []string{}}, cell{none, toneWarn}},
		"one that ends":    {view.Service{Selector: selector, Reaches: []string{}, Terminating: []string{"a"}}, cell{"a (terminating)", toneWarn}},
		"and another":      {view.Service{Selector: selector, Reaches: []string{"b"}, Terminating: []string{"a"}}, cell{text: "b"}},
		"without selector": {view.Service{Reaches: []string{}}, cell{text: none}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := reaches(test.service, false); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestIRISCell(t *testing.T) {
	for name, test := range map[string]struct {
		pod  view.Pod
		want cell
	}{
		"another component": {view.Pod{Component: "arbiter"}, cell{text: "-"}},
		"not asked yet":     {view.Pod{Component: "data"}, cell{"<pending>", toneWarn}},
		"no answer":         {view.Pod{Component: "data", IRIS: &view.Answer{Text: "?"}}, cell{"?", toneWarn}},
		"an answer":         {view.Pod{Component: "data", IRIS: &view.Answer{Text: "running", Source: view.FromQlist}}, cell{text: "running"}},
		"contradiction": {
			view.Pod{Component: "data", IRIS: &view.Answer{Text: "Failover/Backup", Source: view.FromQlist, Contradicts: true}},
			cell{"Failover/Backup", toneBad},
		},
	} {
		if got := irisCell(test.pod); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
