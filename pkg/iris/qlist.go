package iris

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A Condition is what the first words of an instance's status mean.
type Condition int8

// The conditions of an instance (from the Go package isclib and reports of users;
// docs/roles.md).
const (
	// Unrecognized: a status that is not known; it says nothing.
	Unrecognized Condition = iota
	// Running: "running", or "running on node ?" if a file is missing that is not
	// critical.
	Running
	// Down: "down", and no other word.
	Down
	// Inhibited: "sign-on inhibited", alone or with a reason. The instance is up
	// and accepts no sign-ons: it starts, changes its role, or has a fault.
	Inhibited
	// Indeterminate: the operating-system user that ran qlist may not inspect
	// the instance, which may be serving.
	Indeterminate
)

func meaningOf(status string) Condition {
	status = strings.ToLower(status)
	switch status {
	case "running":
		return Running
	case "down":
		return Down
	case "indeterminate":
		return Indeterminate
	}
	if strings.HasPrefix(status, "running on node") {
		return Running
	}
	if strings.HasPrefix(status, "sign-on inhibited") {
		return Inhibited
	}
	return Unrecognized
}

// An Instance is what `iris qlist` says of one instance on its host: one line
// of fields between carets (as the Go package isclib and vendor's own scripts
// read them). A stopped instance may have as few as the first four. Words are
// as IRIS wrote them, but for control characters.
type Instance struct {
	Name      string
	Directory string
	Version   string
	// Status is running, down or another word of IRIS's.
	Status string
	// Condition is what Status means.
	Condition Condition
	// Since is when it started, or was last used, as the host writes times
	// ("Fri May 13 22:07:02 2016"); "" if it is not said.
	Since string
	// SuperserverPort and WebPort are 0 if they are not said.
	SuperserverPort int
	WebPort         int
	// State is ok, warn, alert or hung; "" if it is not said.
	State   string
	Product string
	// Mirror is the instance's place in its mirror, with empty words outside
	// one; nil if the line ends before these fields.
	Mirror *Mirror
}

// minFields is how many fields every line has: name, directory, version, status.
const minFields = 4

// mirrorFields is how many fields a line has that says something about the mirror.
const mirrorFields = 12

// ParseQlist returns the instances in the output of `iris qlist`. It skips other
// lines, and fields after those that are known.
func ParseQlist(output string) []Instance {
	var found []Instance
	for line := range strings.Lines(output) {
		fields := strings.Split(line, "^")
		for i, field := range fields {
			fields[i] = word(field)
		}
		if len(fields) >= minFields && fields[0] != "" {
			found = append(found, instanceFrom(fields))
		}
	}
	return found
}

func instanceFrom(fields []string) Instance {
	field := func(n int) string {
		if n > len(fields) {
			return ""
		}
		return fields[n-1]
	}
	status, when, _ := strings.Cut(field(4), ",")
	status = strings.TrimSpace(status)
	instance := Instance{
		Name:            field(1),
		Directory:       field(2),
		Version:         field(3),
		Status:          status,
		Condition:       meaningOf(status),
		Since:           since(when),
		SuperserverPort: port(field(6)),
		WebPort:         port(field(7)),
		State:           field(9),
		Product:         field(10),
	}
	if len(fields) >= mirrorFields {
		instance.Mirror = &Mirror{MemberType: field(11), Status: field(12)}
	}
	return instance
}

// since returns a time without the words before it.
func since(when string) string {
	when = strings.TrimSpace(when)
	for _, words := range []string{"since ", "last used "} {
		if rest, ok := strings.CutPrefix(when, words); ok {
			return strings.TrimSpace(rest)
		}
	}
	return when
}

func port(field string) int {
	n, err := strconv.ParseUint(field, 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

// maxWord bounds a field, in characters.
const maxWord = 128

// word returns a field without white space at its ends and without characters that
// are not printable, cut to maxWord.
func word(field string) string {
	clean := strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, field))
	if runes := []rune(clean); len(runes) > maxWord {
		return string(runes[:maxWord])
	}
	return clean
}

// MainInstance returns the instance that counts among those of one pod: a running
// member of a mirror, else any member, else the first that runs, else the first;
// nil if there is none.
func MainInstance(instances []Instance) *Instance {
	isMember := func(i Instance) bool { return i.Mirror != nil && !i.Mirror.isOutside() }
	isRunning := func(i Instance) bool { return i.Condition == Running }
	for _, wanted := range []func(Instance) bool{
		func(i Instance) bool { return isMember(i) && isRunning(i) },
		isMember,
		isRunning,
		func(Instance) bool { return true },
	} {
		if n := slices.IndexFunc(instances, wanted); n >= 0 {
			return &instances[n]
		}
	}
	return nil
}
