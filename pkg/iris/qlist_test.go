package iris_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// The lines in testdata/qlist are public samples, kept byte by byte.
func sample(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "qlist", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	standalone = iris.Instance{
		Name: "INSTTEST", Directory: "/ensemble/instances/insttest/", Version: "2018.1.1.643.0",
		Status: "running", Condition: iris.Running, Since: "Fri May 13 22:07:02 2016",
		SuperserverPort: 56772, WebPort: 57772, State: "ok", Product: "IRIS", Mirror: &iris.Mirror{},
	}
	primary = iris.Instance{
		Name: "INSTTEST", Directory: "/ensemble/instances/insttest/", Version: "2015.2.2.805.0.16216",
		Status: "running", Condition: iris.Running, Since: "Fri May 13 22:07:02 2016",
		SuperserverPort: 56772, WebPort: 57772, State: "ok", Mirror: &iris.Mirror{MemberType: "Failover", Status: "Primary"},
	}
	down = iris.Instance{
		Name: "INSTTEST", Directory: "/ensemble/instances/insttest/", Version: "2012.2.3.903.2.12515",
		Status: "down", Condition: iris.Down, Since: "Thu Sep 15 18:58:30 2016", SuperserverPort: 56772, WebPort: 57772,
	}
)

func TestParseQlist(t *testing.T) {
	for name, test := range map[string]struct {
		output string
		want   []iris.Instance
	}{
		"outside a mirror":  {sample(t, "standalone"), []iris.Instance{standalone}},
		"the primary":       {sample(t, "primary"), []iris.Instance{primary}},
		"down, few fields":  {sample(t, "down"), []iris.Instance{down}},
		"several instances": {sample(t, "down") + sample(t, "primary"), []iris.Instance{down, primary}},
		"lines that end as on Windows": {
			strings.ReplaceAll(sample(t, "down"), "\n", "\r\n"), []iris.Instance{down},
		},
		"no line end": {strings.TrimSpace(sample(t, "primary")), []iris.Instance{primary}},
		"the least":   {"A^/a^1^down", []iris.Instance{{Name: "A", Directory: "/a", Version: "1", Status: "down", Condition: iris.Down}}},
		"unknown words": {
			"A^/a^1^sign-on inhibited, who knows^c^x^99999^^pensive^P^Observer^Pondering^/d^more^fields",
			[]iris.Instance{{
				Name: "A", Directory: "/a", Version: "1", Status: "sign-on inhibited", Condition: iris.Inhibited, Since: "who knows",
				State: "pensive", Product: "P", Mirror: &iris.Mirror{MemberType: "Observer", Status: "Pondering"},
			}},
		},
		"a disaster recovery member": {
			"A^/a^1^running, since now^c^1^2^3^ok^^Disaster Recovery^Connected^",
			[]iris.Instance{{
				Name: "A", Directory: "/a", Version: "1", Status: "running", Condition: iris.Running, Since: "now",
				SuperserverPort: 1, WebPort: 2, State: "ok", Mirror: &iris.Mirror{MemberType: "Disaster Recovery", Status: "Connected"},
			}},
		},
		"control characters": {
			"A\x1b[31m^/\x00a^1\u202e^running,\tsince\x07 now^^^^^^^Fail\x1bover^Prim\u200bary",
			[]iris.Instance{{
				Name: "A[31m", Directory: "/a", Version: "1", Status: "running", Condition: iris.Running, Since: "now",
				Mirror: &iris.Mirror{MemberType: "Failover", Status: "Primary"},
			}},
		},
		"too few fields": {"A^/a^1\n", nil},
		"no name":        {"^/a^1^running", nil},
		"nothing":        {"", nil},
		"another text":   {"Configuration 'IRIS'   (default)\n        directory:    /usr/irissys\n", nil},
		"garbage":        {"\xff\xfe^^^^^^^^^^^^^^\n\n^\n", nil},
		"among garbage":  {"warning: $HOME is not set\n" + sample(t, "primary") + "\n^^^\n", []iris.Instance{primary}},
		"a word that never ends": {
			strings.Repeat("A", 1000) + "^/a^1^down",
			[]iris.Instance{{Name: strings.Repeat("A", 128), Directory: "/a", Version: "1", Status: "down", Condition: iris.Down}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, iris.ParseQlist(test.output)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func FuzzParseQlist(f *testing.F) {
	for _, name := range []string{"standalone", "primary", "down"} {
		f.Add(sample(f, name))
	}
	f.Add("A\x1b[31m^/a^1^running, since\x00\n^\n^^^^")
	f.Fuzz(func(t *testing.T, output string) {
		for _, i := range iris.ParseQlist(output) {
			mirror := iris.Mirror{}
			if i.Mirror != nil {
				mirror = *i.Mirror
			}
			if i.Name == "" {
				t.Error("an instance without a name")
			}
			for _, text := range []string{i.Name, i.Directory, i.Version, i.Status, i.Since, i.State, i.Product, mirror.MemberType, mirror.Status} {
				if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || len([]rune(text)) > 128 {
					t.Errorf("not fit to be printed: %q", text)
				}
			}
			if i.SuperserverPort < 0 || i.SuperserverPort > 65535 || i.WebPort < 0 || i.WebPort > 65535 {
				t.Errorf("no ports: %d, %d", i.SuperserverPort, i.WebPort)
			}
			a := iris.Answer{Source: iris.FromQlist, Instance: &i}
			primary, backup := a.IsPrimary() == iris.Yes, a.IsBackup() == iris.Yes
			if primary && backup || (primary || backup) && i.Condition != iris.Running {
				t.Errorf("primary %v, backup %v: %+v", primary, backup, i)
			}
			for _, label := range []string{"primary", "backup", "dr"} {
				if a.Contradicts(label) && i.Condition != iris.Running && i.Condition != iris.Down {
					t.Errorf("contradicts %s without being up or down: %+v", label, i)
				}
			}
		}
	})
}

func TestTheInstance(t *testing.T) {
	stopped := primary
	stopped.Status, stopped.Condition = "down", iris.Down
	for name, test := range map[string]struct {
		among []iris.Instance
		want  *iris.Instance
	}{
		"none":                        {nil, nil},
		"the one that runs":           {[]iris.Instance{down, standalone}, &standalone},
		"a member goes before others": {[]iris.Instance{standalone, primary}, &primary},
		"a member that runs before one that does not": {[]iris.Instance{stopped, primary}, &primary},
		"a stopped member before others":              {[]iris.Instance{standalone, stopped}, &stopped},
		"the first of the stopped":                    {[]iris.Instance{down, {Name: "B"}}, &down},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, iris.MainInstance(test.among)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	qlist := func(memberType, status, state string) iris.Answer {
		return iris.Answer{Source: iris.FromQlist, Instance: &iris.Instance{
			Status: "running", Condition: iris.Running, State: state, Mirror: &iris.Mirror{MemberType: memberType, Status: status},
		}}
	}
	page := func(primary bool) iris.Answer { return iris.Answer{Source: iris.FromMirrorStatus, Primary: primary} }
	line := func(rest string) iris.Answer {
		return iris.Answer{Source: iris.FromQlist, Instance: iris.MainInstance(iris.ParseQlist("IRIS^/usr/irissys^2024.1^" + rest))}
	}
	metrics := func(status, memberType string) iris.Answer {
		return iris.Answer{Source: iris.FromMetrics, Metrics: iris.ParseMetrics("iris_mirror_status " + status + "\niris_mirror_member_type " + memberType + "\n")}
	}
	type labels struct{ Primary, Backup, Other bool }
	all := func(a iris.Answer) labels {
		return labels{a.Contradicts("primary"), a.Contradicts("backup"), a.Contradicts("drasync")}
	}
	for name, test := range map[string]struct {
		answer       iris.Answer
		text, role   string
		contradicted labels
	}{
		"the primary":        {qlist("Failover", "Primary", "ok"), "Failover/Primary", "primary", labels{Backup: true, Other: true}},
		"the backup":         {qlist("Failover", "Backup", "ok"), "Failover/Backup", "backup", labels{Primary: true, Other: true}},
		"in other case":      {qlist("FAILOVER", "BACKUP", "OK"), "FAILOVER/BACKUP", "backup", labels{Primary: true, Other: true}},
		"in trouble":         {qlist("Failover", "In Trouble", "alert"), "Failover/In Trouble (alert)", "", labels{}},
		"disaster recovery":  {qlist("Disaster Recovery", "Connected", ""), "Disaster Recovery/Connected", "", labels{Primary: true, Backup: true}},
		"no member":          {qlist("", "", "ok"), "running", "", labels{Primary: true, Backup: true}},
		"type only":          {qlist("Failover", "", "ok"), "Failover", "", labels{}},
		"the page: primary":  {page(true), "primary", "primary", labels{Backup: true, Other: true}},
		"the page: not":      {page(false), "not primary", "", labels{Primary: true}},
		"no answer":          {iris.Answer{}, "?", "", labels{}},
		"down, once primary": {iris.Answer{Source: iris.FromQlist, Instance: &iris.Instance{Status: "down", Condition: iris.Down, Mirror: &iris.Mirror{MemberType: "Failover", Status: "Primary"}}}, "down", "", labels{Primary: true}},
		"no word":            {iris.Answer{Source: iris.FromQlist, Instance: &iris.Instance{}}, "?", "", labels{}},
		"in transition":      {qlist("Failover", "Transition", "ok"), "Failover/Transition", "", labels{}},
		"synchronizing":      {qlist("Failover", "Synchronizing", "ok"), "Failover/Synchronizing", "", labels{}},
		"no longer backup":   {qlist("Failover", "Connected", "ok"), "Failover/Connected", "", labels{Primary: true}},
		"its mirror stopped": {qlist("Failover", "Stopped", "ok"), "Failover/Stopped", "", labels{Primary: true}},
		"not initialized":    {qlist("Indeterminate", "Not Initialized", "ok"), "Indeterminate/Not Initialized", "", labels{}},
		"an unknown status":  {qlist("Failover", "Pondering", "ok"), "Failover/Pondering", "", labels{}},
		"few fields":         {line("running, since now"), "running", "", labels{}},
		"sign-on inhibited":  {line("sign-on inhibited, last used now^c^1^2^3^warn^I^Failover^Primary^"), "sign-on inhibited", "", labels{}},
		"primary transition": {line("sign-on inhibited:primary transition, x^c^1^2^3^warn^I^Failover^Transition^"), "sign-on inhibited:primary transition", "", labels{}},
		"without its ids":    {line("running on node ? (cache.ids missing), since now^c^1^2^3^ok^I^Failover^Primary^"), "Failover/Primary", "primary", labels{Backup: true, Other: true}},
		"indeterminate":      {line("indeterminate, last used now^c^1^2^3^^I^^^"), "indeterminate", "", labels{}},
		"another word":       {line("thinking, since now^c^1^2^3^^I^Failover^Primary^"), "thinking", "", labels{}},
		"metrics: primary":   {metrics("2", "3"), "Failover/Primary", "primary", labels{Backup: true, Other: true}},
		"metrics: backup":    {metrics("3", "3"), "Failover/Backup", "backup", labels{Primary: true, Other: true}},
		"metrics: dr":        {metrics("4", "5"), "Disaster Recovery/Connected", "", labels{Primary: true, Backup: true}},
		"metrics: moving":    {metrics("5", "3"), "Failover/Transition", "", labels{}},
		"metrics: crashed":   {metrics("9", "3"), "Failover/Crashed", "", labels{Primary: true}},
		"metrics: a number":  {metrics("10", "3"), "Failover/10", "", labels{}},
		"metrics: no mirror": {metrics("1", "2"), "running", "", labels{Primary: true, Backup: true}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.answer.Text(); got != test.text {
				t.Errorf("text %q, want %q", got, test.text)
			}
			if got := test.answer.Role(); got != test.role {
				t.Errorf("role %q, want %q", got, test.role)
			}
			if diff := cmp.Diff(test.contradicted, all(test.answer)); diff != "" {
				t.Errorf("contradicts (-want +got):\n%s", diff)
			}
			if test.answer.Contradicts("") {
				t.Error("contradicts a label that says nothing")
			}
		})
	}
}
