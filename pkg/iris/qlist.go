package iris

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Instance is what `iris qlist` says of one instance on its host: one line of
// fields between carets (as the Go package isclib and vendor's own scripts
// read them). A stopped instance may have as few as the first four. Words are
// as IRIS wrote them, but for control characters.
type Instance struct {
	Name      string
	Directory string
	Version   string
	// Status is running, down or another word of IRIS's.
	Status string
	// Running tells whether Status is running.
	Running bool
	// Since is when it started, or was last used, as the host writes times
	// ("Fri May 13 22:07:02 2016"); "" where it is not said.
	Since string
	// SuperserverPort and WebPort are 0 where they are not said.
	SuperserverPort int
	WebPort         int
	// State is ok, warn, alert or hung; "" where it is not said.
	State   string
	Product string
	// MemberType is Failover, Disaster Recovery, Read-Only Reporting, …; "" in
	// an instance that is no member of a mirror.
	MemberType string
	// MirrorStatus is Primary, Backup, Connected, In Trouble, Transition, …
	MirrorStatus string
}

// minFields are those that every line has: name, directory, version, status.
const minFields = 4

// ParseQlist reads the output of `iris qlist`. Lines that are none of an
// instance are passed over; so are fields beyond those known.
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
	return Instance{
		Name:            field(1),
		Directory:       field(2),
		Version:         field(3),
		Status:          status,
		Running:         strings.EqualFold(status, "running"),
		Since:           since(when),
		SuperserverPort: port(field(6)),
		WebPort:         port(field(7)),
		State:           field(9),
		Product:         field(10),
		MemberType:      field(11),
		MirrorStatus:    field(12),
	}
}

// since takes the words off a time.
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

// word is a field fit to be printed: white space at its ends and whatever
// cannot be seen is gone.
func word(field string) string {
	clean := strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, field))
	if runes := []rune(clean); len(runes) > maxWord {
		return string(runes[:maxWord])
	}
	return clean
}

// TheInstance chooses among the instances of one pod: a running member of a
// mirror, else any member, else the first that runs, else the first. It is nil
// where there is none.
func TheInstance(instances []Instance) *Instance {
	for _, wanted := range []func(Instance) bool{
		func(i Instance) bool { return i.MemberType != "" && i.Running },
		func(i Instance) bool { return i.MemberType != "" },
		func(i Instance) bool { return i.Running },
		func(Instance) bool { return true },
	} {
		if n := slices.IndexFunc(instances, wanted); n >= 0 {
			return &instances[n]
		}
	}
	return nil
}
