package iris

import (
	"cmp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// MirrorStatusPath is a page of a web gateway, or of an instance's own web port,
// that answers 200 on the primary and 503 elsewhere (seen in public probes). It
// requires no login.
const MirrorStatusPath = "/csp/bin/mirror_status.cxw"

// Bodies of mirror_status.cxw, which distinguish its 503 from one of a proxy.
const (
	MirrorStatusPrimary    = "SUCCESS"
	MirrorStatusNotPrimary = "FAILED"
)

// AnswerSource says how IRIS was asked.
type AnswerSource string

// The sources, in the order in which they are preferred.
const (
	// NoAnswer: IRIS did not answer.
	NoAnswer AnswerSource = ""
	// FromQlist: `iris qlist` in the pod.
	FromQlist AnswerSource = "qlist"
	// FromMetrics: the mirror metrics of /api/monitor/metrics.
	FromMetrics AnswerSource = "metrics"
	// FromMirrorStatus: the page mirror_status.cxw, which distinguishes the
	// primary from the others and no more.
	FromMirrorStatus AnswerSource = "mirror_status"
)

// String returns the source as messages name it.
func (s AnswerSource) String() string {
	switch s {
	case FromQlist:
		return "iris qlist"
	case FromMetrics:
		return MetricsPath
	case FromMirrorStatus:
		return "mirror_status.cxw"
	}
	return "no answer"
}

// An Answer is what IRIS in one pod said about itself, or why it did not answer. It
// may leave the role open: an instance that starts, or a member that moves between
// roles, answers without saying which role it has.
type Answer struct {
	Namespace string
	Pod       string
	// UID distinguishes the pod from a later one of that name.
	UID types.UID
	// At is when the answer came.
	At     time.Time
	Source AnswerSource
	// Instance is qlist's; nil from any other source.
	Instance *Instance
	// Metrics is what the instance's metrics say of its mirror; nil from any
	// other source.
	Metrics *Mirror
	// Primary reports whether mirror_status.cxw said that this is the primary.
	Primary bool
	// Stale reports whether IRIS was asked again since and did not answer, for the
	// reasons in Refused.
	Stale bool
	// Refused holds why the sources that are preferred to Source did not answer;
	// without an answer, why no source did.
	Refused []Refusal
}

// A Refusal is why one way to ask IRIS brought no answer.
type Refusal struct {
	Source AnswerSource
	// Verb and Resource are the missing right, for example create pods/exec; "" if
	// the cause is another.
	Verb, Resource string
	// TimedOut reports whether there was no answer in time.
	TimedOut bool
	// Why is one line.
	Why string
}

// IsIRISRunning reports whether the pod has a container that can be asked.
func (p Pod) IsIRISRunning() bool { return p.IRIS.IsRunning() }

// NotRunning returns the answer of a pod that cannot be asked.
func NotRunning(p Pod) Answer {
	return Answer{
		Namespace: p.Namespace, Pod: p.Name, UID: p.UID,
		Refused: []Refusal{{Source: FromQlist, Why: "its container does not run"}},
	}
}

// A Mirror is what an instance says about its membership in a mirror, in IRIS's
// words. They are empty if it is not a member.
type Mirror struct {
	MemberType string
	Status     string
}

// Words of IRIS for mirror members (documentation page GHA_mirror_set_status;
// Stopped and Crashed also in the table of the mirror metrics).
const (
	TypeFailover           = "Failover"
	TypeAsync              = "Async"
	TypeDisasterRecovery   = "Disaster Recovery"
	TypeReadOnlyReporting  = "Read-Only Reporting"
	TypeReadWriteReporting = "Read-Write Reporting"
	TypeIndeterminate      = "Indeterminate"
	TypeNotMember          = "Not Member"

	StatusPrimary        = "Primary"
	StatusBackup         = "Backup"
	StatusConnected      = "Connected"
	StatusStopped        = "Stopped"
	StatusCrashed        = "Crashed"
	StatusInTrouble      = "In Trouble"
	StatusTransition     = "Transition"
	StatusSynchronizing  = "Synchronizing"
	StatusWaiting        = "Waiting"
	StatusNotInitialized = "Not Initialized"
)

// isOutside reports whether the instance is not a member of a mirror.
func (m Mirror) isOutside() bool {
	return m.MemberType == "" && m.Status == "" || strings.EqualFold(m.MemberType, TypeNotMember)
}

// isSettled reports whether the status says for certain which role the member has,
// or that it has none. Every other status is on the way to one of these, is that of a
// primary that may not continue, or is not known.
func (m Mirror) isSettled() bool {
	return m.isOutside() || isOneOf(m.Status, StatusPrimary, StatusBackup, StatusStopped, StatusCrashed) || m.isConnected()
}

// isConnected reports whether the status is Connected or, of an async member of
// several mirrors, a count of them before that word (2/3 Connected).
func (m Mirror) isConnected() bool {
	count, status, ok := strings.Cut(m.Status, " ")
	if !ok || !strings.Contains(count, "/") {
		status = m.Status
	}
	return strings.EqualFold(status, StatusConnected)
}

// isAsync reports whether the instance is an async member.
func (m Mirror) isAsync() bool {
	return isOneOf(m.MemberType, TypeAsync, TypeDisasterRecovery, TypeReadOnlyReporting, TypeReadWriteReporting)
}

// IsMoving reports whether the member is on the way from one status to another.
func (m Mirror) IsMoving() bool {
	return isOneOf(m.Status, StatusTransition, StatusSynchronizing, StatusWaiting)
}

// has reports whether the member has a status, or Unknown. Status alone decides:
// only failover members are ever Primary or Backup.
func (m Mirror) has(status string) Fact {
	if !m.isSettled() {
		return Unknown
	}
	return FactOf(strings.EqualFold(m.Status, status))
}

func isOneOf(word string, words ...string) bool {
	for _, w := range words {
		if strings.EqualFold(word, w) {
			return true
		}
	}
	return false
}

// Mirror returns what the instance said about its mirror; nil if nothing.
func (a Answer) Mirror() *Mirror {
	if a.Source == FromQlist {
		return a.Instance.Mirror
	}
	return a.Metrics
}

// IsPrimary reports whether the instance is the primary.
func (a Answer) IsPrimary() Fact {
	if a.Source == FromMirrorStatus {
		return FactOf(a.Primary)
	}
	if a.isDown() {
		return No
	}
	if a.isUp() && a.Mirror() != nil {
		return a.Mirror().has(StatusPrimary)
	}
	return Unknown
}

// IsBackup reports whether the instance is the backup. One that is not the
// primary need not be one. Connected is the status of an async member; of
// another it leaves open whether the instance is the backup.
func (a Answer) IsBackup() Fact {
	m := a.Mirror()
	if a.Source == FromMirrorStatus && a.Primary || a.isDown() {
		return No
	}
	if !a.isUp() || m == nil || m.isConnected() && !m.isAsync() {
		return Unknown
	}
	return m.has(StatusBackup)
}

// IsFailover reports whether the instance is one of the two failover members. A
// stopped instance does not say what it is, one that is in no mirror yet may be
// about to join, and a member type that is not known rules nothing out.
func (a Answer) IsFailover() Fact {
	m := a.Mirror()
	if a.Role() != "" {
		return Yes // no other member is ever primary or backup
	}
	if m == nil {
		return Unknown
	}
	if strings.EqualFold(m.MemberType, TypeFailover) {
		return Yes
	}
	if m.isAsync() {
		return No
	}
	return Unknown
}

// IsAsync reports whether the instance is an async member of a mirror, for disaster
// recovery or reporting, which never takes over by itself.
func (a Answer) IsAsync() bool {
	return a.isUp() && a.IsFailover() == No
}

// IsMember reports whether the instance said that it is a member of a mirror.
func (a *Answer) IsMember() bool {
	return a != nil && a.Mirror() != nil && !a.Mirror().isOutside()
}

// IsOutsideMirror reports whether a running instance said that it is not a
// member of a mirror.
func (a *Answer) IsOutsideMirror() bool {
	return a != nil && a.isUp() && a.Mirror() != nil && a.Mirror().isOutside()
}

// Role returns the mirror role in the answer, as the role label would say it; "" if
// the instance has neither role or the answer does not say.
func (a Answer) Role() string {
	if a.IsPrimary() == Yes {
		return MirrorPrimary
	}
	if a.IsBackup() == Yes {
		return MirrorBackup
	}
	return ""
}

// IsConclusive reports whether no other source can say more about the instance's
// role. The page mirror_status.cxw leaves open whether an instance that is not the
// primary is the backup.
func (a Answer) IsConclusive() bool {
	return a.IsPrimary() == Yes || a.IsPrimary() == No && a.Source != FromMirrorStatus
}

// Contradicts reports whether the answer says that a pod does not have the role
// that its label says. Nothing contradicts an empty label, and an answer that
// leaves the role open contradicts none.
func (a Answer) Contradicts(label string) bool {
	switch label {
	case "":
		return false
	case MirrorPrimary:
		return a.IsPrimary() == No
	case MirrorBackup:
		return a.IsPrimary() == Yes || a.IsBackup() == No && a.canNeverBeBackup()
	}
	return a.Role() != ""
}

// canNeverBeBackup reports whether a running instance said that it is an async
// member, or in no mirror. If it is down, or has no role for the moment, what is
// wrong with it is not its label.
func (a Answer) canNeverBeBackup() bool {
	return a.IsAsync() || a.IsOutsideMirror()
}

// isUp reports whether the answer says that the instance runs and accepts sign-ons.
func (a Answer) isUp() bool {
	return a.Source == FromMetrics || a.Source == FromQlist && a.Instance.Condition == Running
}

func (a Answer) isDown() bool { return a.Source == FromQlist && a.Instance.Condition == Down }

// IsStarting reports whether the instance is on the way to a role: it accepts
// no sign-ons yet, or its mirror status is about to change.
func (a Answer) IsStarting() bool {
	return a.Source == FromQlist && a.Instance.Condition == Inhibited || a.isUp() && a.Mirror() != nil && a.Mirror().IsMoving()
}

// Text returns the answer in IRIS's own words, for a cell of a table:
// Failover/Primary, Disaster Recovery/Connected, down, running; primary or not
// primary from mirror_status.cxw; "?" without an answer. A state other than ok is
// added.
func (a Answer) Text() string {
	switch a.Source {
	case FromMirrorStatus:
		if a.Primary {
			return "primary"
		}
		return "not primary"
	case FromMetrics:
		return cmp.Or(a.Mirror().text(), "running")
	case FromQlist:
		return a.Instance.text()
	}
	return "?"
}

func (m *Mirror) text() string {
	if m == nil {
		return ""
	}
	if m.MemberType != "" && m.Status != "" {
		return m.MemberType + "/" + m.Status
	}
	return m.MemberType + m.Status
}

func (i *Instance) text() string {
	if i.Condition != Running {
		return cmp.Or(i.Status, "?")
	}
	text := cmp.Or(i.Mirror.text(), i.Status)
	if i.State != "" && !strings.EqualFold(i.State, "ok") {
		text += " (" + i.State + ")"
	}
	return text
}

// Why returns a line: why the sources that are preferred to the one that answered
// did not, or why none did; "" if qlist answered.
func (a Answer) Why() string {
	var reasons []string
	for _, r := range a.Refused {
		reasons = append(reasons, r.Source.String()+": "+r.Why)
	}
	return strings.Join(reasons, "; ")
}
