package mirror

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// member is a member that is up.
func member(ordinal int, role Role, term int) Member {
	return Member{Ordinal: ordinal, Up: true, Role: role, Term: term}
}

// gone is the silence of one that is not there, for so long.
func gone(silent time.Duration) Silence {
	return Silence{For: silent, Gone: true}
}

func TestNext(t *testing.T) {
	t.Parallel()
	down := Member{Ordinal: 1, Role: Starting, Term: 3}
	tests := []struct {
		name   string
		me     Member
		other  *Member
		silent Silence
		want   Member
	}{
		{"the first of two that start", member(0, Starting, 0), new(member(1, Starting, 0)), Silence{}, member(0, Primary, 1)},
		{"the second of two that start", member(1, Starting, 0), new(member(0, Starting, 0)), Silence{}, member(1, Starting, 0)},
		{"start beside a primary", member(0, Starting, 0), new(member(1, Primary, 4)), Silence{}, member(0, Backup, 4)},
		{"start beside a backup that will take over", member(0, Starting, 0), new(member(1, Backup, 4)), Silence{}, member(0, Starting, 0)},
		{"start alone", member(0, Starting, 0), nil, gone(2 * time.Second), member(0, Starting, 0)},
		{"the first alone for long", member(0, Starting, 0), nil, gone(firstAlone), member(0, Primary, 1)},
		{"the second waits longer", member(1, Starting, 0), nil, gone(firstAlone), member(1, Starting, 0)},
		{"the second alone for long", member(1, Starting, 0), nil, gone(otherAlone), member(1, Primary, 1)},
		{"start beside one that is down", member(0, Starting, 0), &down, Silence{}, member(0, Starting, 0)},
		{"backup beside the primary", member(1, Backup, 1), new(member(0, Primary, 1)), Silence{}, member(1, Backup, 1)},
		{"the primary is silent", member(1, Backup, 1), nil, gone(takeover / 2), member(1, Backup, 1)},
		{"the primary is silent for long", member(1, Backup, 1), nil, gone(takeover), member(1, Primary, 2)},
		{"the primary does not answer", member(1, Backup, 1), nil, Silence{For: hung / 2}, member(1, Backup, 1)},
		{"the primary does not answer for long", member(1, Backup, 1), nil, Silence{For: hung}, member(1, Primary, 2)},
		{"start beside one that does not answer", member(0, Starting, 0), nil, Silence{For: hung}, member(0, Starting, 0)},
		{"the primary is down", member(0, Backup, 3), &down, Silence{}, member(0, Primary, 4)},
		{"the primary has started again", member(1, Backup, 1), new(member(0, Starting, 0)), Silence{}, member(1, Primary, 2)},
		{"the primary was restarted in its container", member(1, Backup, 1), new(member(0, Starting, 5)), Silence{}, member(1, Primary, 6)},
		{"primary beside one that starts", member(0, Primary, 1), new(member(1, Starting, 0)), Silence{}, member(0, Primary, 1)},
		{"primary alone", member(0, Primary, 1), nil, gone(time.Hour), member(0, Primary, 1)},
		{"two primaries, the newer", member(0, Primary, 3), new(member(1, Primary, 2)), Silence{}, member(0, Primary, 3)},
		{"two primaries, the older", member(0, Primary, 2), new(member(1, Primary, 3)), Silence{}, member(0, Backup, 3)},
		{"two primaries of one term, the first", member(0, Primary, 2), new(member(1, Primary, 2)), Silence{}, member(0, Primary, 2)},
		{"two primaries of one term, the second", member(1, Primary, 2), new(member(0, Primary, 2)), Silence{}, member(1, Backup, 2)},
		{"two backups, the first", member(0, Backup, 2), new(member(1, Backup, 2)), Silence{}, member(0, Primary, 3)},
		{"two backups, the second", member(1, Backup, 2), new(member(0, Backup, 2)), Silence{}, member(1, Backup, 2)},
		{"down", Member{Role: Primary, Term: 2}, nil, gone(time.Hour), Member{Role: Starting, Term: 2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, Next(test.me, test.other, test.silent)); diff != "" {
				t.Errorf("member (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever two members have been, they agree when they see each other, on one
// primary, and then nothing changes any more.
func TestTwoMembersAgree(t *testing.T) {
	t.Parallel()
	roles := []Role{Starting, Backup, Primary}
	for _, a := range roles {
		for _, b := range roles {
			for _, terms := range [][2]int{{1, 1}, {1, 2}, {2, 1}} {
				x, y := member(0, a, terms[0]), member(1, b, terms[1])
				for range 4 { // one after the other, as they do
					x = Next(x, &y, Silence{})
					y = Next(y, &x, Silence{})
				}
				if (x.Role == Primary) == (y.Role == Primary) || (x.Role == Backup) == (y.Role == Backup) {
					t.Errorf("from %s and %s, terms %v: %s and %s", a, b, terms, x.Role, y.Role)
				}
				if diff := cmp.Diff([]Member{x, y}, []Member{Next(x, &y, Silence{}), Next(y, &x, Silence{})}); diff != "" {
					t.Errorf("from %s and %s, terms %v, it changes again:\n%s", a, b, terms, diff)
				}
			}
		}
	}
}

func TestPromoted(t *testing.T) {
	t.Parallel()
	old := member(0, Primary, 5)
	promoted := Promoted(member(1, Backup, 5), &old)
	if diff := cmp.Diff(member(1, Primary, 6), promoted); diff != "" {
		t.Errorf("member (-want +got):\n%s", diff)
	}
	if got := Next(old, &promoted, Silence{}); got.Role != Backup {
		t.Errorf("the old primary becomes %s", got.Role)
	}
	for _, same := range []Member{member(0, Primary, 5), member(2, Async, 0), {Ordinal: 1, Role: Starting}} {
		if got := Promoted(same, nil); got != same {
			t.Errorf("%+v becomes %+v", same, got)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	const line = `ConfigMirror:Name=IRISMIRROR1,Member=auto,Primary=auto,Map="primary,backup,drasync",ArbiterURL=a.iris-svc.b.svc.cluster.local:2188`
	config := Parse("[Actions]\n" + line + "\n")
	want := Config{Name: "IRISMIRROR1", Roles: []string{"primary", "backup", "drasync"}}
	if diff := cmp.Diff(want, config); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Config{}, Parse("[Actions]\n\n")); diff != "" {
		t.Errorf("config without a mirror (-want +got):\n%s", diff)
	}

	tests := []struct {
		pod    string
		want   Member
		others []string
	}{
		{"x-data-0-0", Member{Pod: "x-data-0-0", Role: Starting}, []string{"x-data-0-1"}},
		{"x-data-0-1", Member{Pod: "x-data-0-1", Ordinal: 1, Role: Starting}, []string{"x-data-0-0"}},
		{"x-data-0-2", Member{Pod: "x-data-0-2", Ordinal: 2, Role: Async}, []string{"x-data-0-0", "x-data-0-1"}},
		{"x-data-0-9", Member{Pod: "x-data-0-9", Ordinal: 9}, []string{"x-data-0-0", "x-data-0-1"}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, config.Member(test.pod)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.pod, diff)
		}
		if diff := cmp.Diff(test.others, config.Others(test.pod)); diff != "" {
			t.Errorf("others of %s (-want +got):\n%s", test.pod, diff)
		}
	}
	kinds := Config{Roles: []string{"primary", "backup", "drasync", "rorasync", "rwrasync"}}
	for i, want := range []string{"", "", "Disaster Recovery", "Read-Only Reporting", "Read-Write Reporting", ""} {
		if got := kinds.AsyncType(fmt.Sprintf("x-%d", i)); got != want {
			t.Errorf("member %d: type %q, want %q", i, got, want)
		}
	}
	if got := (Config{}).Member("x-data-0"); got.Role != None {
		t.Errorf("without a mirror: %s", got.Role)
	}
}
