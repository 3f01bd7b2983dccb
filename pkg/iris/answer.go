package iris

import (
	"cmp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// MirrorStatusPath is the page of a web gateway, or of an instance's own web
// port, that says 200 on the primary and 503 elsewhere (seen in public
// probes). It needs no login.
const MirrorStatusPath = "/csp/bin/mirror_status.cxw"

// What mirror_status.cxw says in its body: what tells its 503 from one of a
// proxy on the way.
const (
	MirrorStatusPrimary    = "SUCCESS"
	MirrorStatusNotPrimary = "FAILED"
)

// AnswerSource says how IRIS was asked.
type AnswerSource string

// The sources.
const (
	// NoAnswer: IRIS said nothing.
	NoAnswer AnswerSource = ""
	// FromQlist: `iris qlist` in the pod.
	FromQlist AnswerSource = "qlist"
	// FromMirrorStatus: the page mirror_status.cxw, which tells the primary
	// from the others and no more.
	FromMirrorStatus AnswerSource = "mirror_status"
)

// Answer is what IRIS in one pod said of itself, or why it said nothing.
type Answer struct {
	Namespace string
	Pod       string
	// UID tells the pod from a later one of that name.
	UID types.UID
	// At is when the answer came.
	At     time.Time
	Source AnswerSource
	// Instance is qlist's; nil from any other source.
	Instance *Instance
	// Primary is what mirror_status.cxw said.
	Primary bool
	// Refused says what kept qlist from answering, and mirror_status.cxw where
	// that did not answer either.
	Refused []Refusal
}

// Refusal is why one way to ask IRIS brought no answer.
type Refusal struct {
	Source AnswerSource
	// Verb and Resource are the right that is missing, as in create pods/exec;
	// "" where no right is.
	Verb, Resource string
	// TimedOut: nothing came in time.
	TimedOut bool
	// Why is one line.
	Why string
}

// Words of IRIS for mirror members (documentation page GHA_mirror_set_status).
const (
	TypeFailover  = "Failover"
	StatusPrimary = "Primary"
	StatusBackup  = "Backup"
)

// IsPrimary tells whether the instance is the primary, and whether the answer
// tells.
func (a Answer) IsPrimary() (is, known bool) {
	switch a.Source {
	case FromQlist:
		return a.Instance.says(StatusPrimary), true
	case FromMirrorStatus:
		return a.Primary, true
	}
	return false, false
}

// IsBackup tells whether the instance is the backup, and whether the answer
// tells: one that is not the primary need not be one.
func (a Answer) IsBackup() (is, known bool) {
	switch {
	case a.Source == FromQlist:
		return a.Instance.says(StatusBackup), true
	case a.Source == FromMirrorStatus && a.Primary:
		return false, true
	}
	return false, false
}

// Role is the mirror role that the answer tells of, as the role label would
// say it; "" where the instance has neither role, or the answer does not tell.
func (a Answer) Role() string {
	if is, _ := a.IsPrimary(); is {
		return MirrorPrimary
	}
	if is, _ := a.IsBackup(); is {
		return MirrorBackup
	}
	return ""
}

// Contradicts tells whether the answer says that a pod does not hold the role
// that a label gives it. A label that says nothing is not contradicted.
func (a Answer) Contradicts(label string) bool {
	primary, knowsPrimary := a.IsPrimary()
	backup, knowsBackup := a.IsBackup()
	switch label {
	case "":
		return false
	case MirrorPrimary:
		return knowsPrimary && !primary
	case MirrorBackup:
		return primary || knowsBackup && !backup && !a.Instance.mayBecomeBackup()
	}
	return primary || backup
}

// IsFailover tells whether the instance is one of the two members that take
// over from each other.
func (a Answer) IsFailover() bool {
	return a.Source == FromQlist && strings.EqualFold(a.Instance.MemberType, TypeFailover)
}

// IsAsync tells an asynchronous member of a mirror: one for disaster recovery
// or reporting, which never takes over by itself.
func (a Answer) IsAsync() bool {
	return a.Source == FromQlist && a.Instance.Running && a.Instance.MemberType != "" &&
		!a.IsFailover() && !strings.EqualFold(a.Instance.MemberType, "Indeterminate")
}

// says tells whether a running instance has a status. Status alone decides: no
// member but the two for failover ever has one of the two.
func (i *Instance) says(status string) bool {
	return i.Running && strings.EqualFold(i.MirrorStatus, status)
}

// mayBecomeBackup tells a failover member that has no role for the moment, or
// whose instance is down: what is wrong with it is not its label.
func (i *Instance) mayBecomeBackup() bool {
	return !i.Running || strings.EqualFold(i.MemberType, TypeFailover)
}

// Text is the answer in IRIS's own words, for a cell of a table:
// Failover/Primary, Disaster Recovery/Connected, down, running; primary or not
// primary from mirror_status.cxw; "?" without an answer. A state other than ok
// is added.
func (a Answer) Text() string {
	switch a.Source {
	case FromMirrorStatus:
		if a.Primary {
			return "primary"
		}
		return "not primary"
	case FromQlist:
		return a.Instance.text()
	}
	return "?"
}

func (i *Instance) text() string {
	if !i.Running {
		return cmp.Or(i.Status, "down")
	}
	text := i.Status
	switch {
	case i.MemberType != "" && i.MirrorStatus != "":
		text = i.MemberType + "/" + i.MirrorStatus
	case i.MemberType+i.MirrorStatus != "":
		text = i.MemberType + i.MirrorStatus
	}
	if i.State != "" && !strings.EqualFold(i.State, "ok") {
		text += " (" + i.State + ")"
	}
	return text
}

// IsMember tells whether qlist told of a member of a mirror. A nil answer did not.
func (a *Answer) IsMember() bool {
	return a != nil && a.Source == FromQlist && a.Instance.MemberType != ""
}

// Why says in one line what kept qlist from answering, and mirror_status.cxw
// where that did not answer either; "" where qlist answered.
func (a Answer) Why() string {
	var reasons []string
	for _, r := range a.Refused {
		name := "iris qlist"
		if r.Source == FromMirrorStatus {
			name = "mirror_status.cxw"
		}
		reasons = append(reasons, name+": "+r.Why)
	}
	return strings.Join(reasons, "; ")
}
