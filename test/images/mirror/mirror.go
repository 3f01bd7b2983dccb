// Package mirror decides which of two failover members is primary. It stands in
// for IRIS mirroring and knows none of its rules but what the tests need: one
// primary, a backup that takes over, and no fail-back.
package mirror

import "time"

// Role is what a member is.
type Role string

const (
	// None is the role of an instance that is no mirror member.
	None Role = ""
	// Starting is that of a failover member that does not know yet.
	Starting Role = "starting"
	// Primary is that of the member whose databases others copy.
	Primary Role = "primary"
	// Backup is that of the failover member that takes over.
	Backup Role = "backup"
	// Async is that of a disaster recovery or reporting member; it does not take part.
	Async Role = "async"
)

// Member is what the members tell each other.
type Member struct {
	Pod     string
	Ordinal int
	// Up says that the instance runs.
	Up   bool
	Role Role
	// Term grows with each new primary: of two the one with the higher is right.
	Term int
}

// After what time a failover member acts without the other one.
const (
	// takeover is for a backup whose primary has gone.
	takeover = 800 * time.Millisecond
	// hung is for a backup whose primary is there and gives no answer. On a busy
	// machine nobody shall fail over for that.
	hung = 10 * time.Second
	// firstAlone and otherAlone are for one that starts and finds nobody: the
	// first member is the first primary unless it does not come at all.
	firstAlone = 3 * time.Second
	otherAlone = 30 * time.Second
)

// Silence is what a member knows of another one that gives no answer.
type Silence struct {
	// For is for how long.
	For time.Duration
	// Gone says that there is nobody to answer.
	Gone bool
}

// Next is the member after it has looked at the other failover member, which is
// nil if it gives no answer.
func Next(me Member, other *Member, silence Silence) Member {
	if !me.Up {
		me.Role = Starting
		return me
	}
	alive := other != nil && other.Up
	if alive && other.Role == Primary {
		return follow(me, *other)
	}
	if takesOver(me, other, silence) {
		me.Role, me.Term = Primary, me.Term+1
		if alive {
			me.Term = max(me.Term, other.Term+1)
		}
	}
	return me
}

// follow is the member when the other one says that it is primary.
func follow(me, other Member) Member {
	older := me.Term > other.Term || me.Term == other.Term && me.Ordinal < other.Ordinal
	if me.Role == Primary && older {
		return me
	}
	me.Role, me.Term = Backup, max(me.Term, other.Term)
	return me
}

// takesOver reports whether a member becomes primary while the other is not.
func takesOver(me Member, other *Member, silence Silence) bool {
	switch {
	case me.Role == Primary:
		return false
	case other == nil:
		return silence.For >= patience(me, silence.Gone)
	case !other.Up, me.Role == Backup && other.Role == Starting:
		return me.Role == Backup || silence.For >= patience(me, true)
	case me.Role == other.Role:
		return me.Ordinal < other.Ordinal
	}
	return false // the other one is backup, and will take over
}

// patience is how long a member waits for one that gives no answer.
func patience(me Member, gone bool) time.Duration {
	switch {
	case me.Role == Backup && gone:
		return takeover
	case me.Role == Backup:
		return hung
	case me.Ordinal == 0 && gone:
		return firstAlone
	}
	return otherAlone
}

// Promoted is the member after it was told to become primary.
func Promoted(me Member, other *Member) Member {
	if me.Up && (me.Role == Backup || me.Role == Starting) {
		me.Role, me.Term = Primary, me.Term+1
		if other != nil {
			me.Term = max(me.Term, other.Term+1)
		}
	}
	return me
}
