package mirror

import (
	"regexp"
	"strconv"
	"strings"
)

// Config is what a member reads of its mirror.
type Config struct {
	// Name is the mirror's name.
	Name string
	// Roles are the roles by the numbers at the end of the pods' names: "primary",
	// "backup", "drasync".
	Roles []string
}

// Parse reads the line ConfigMirror of a CPF merge file. Without one there is no
// mirror, and the Config is empty.
func Parse(cpf string) Config {
	var c Config
	for line := range strings.Lines(cpf) {
		settings, found := strings.CutPrefix(strings.TrimSpace(line), "ConfigMirror:")
		if !found {
			continue
		}
		for _, setting := range regexp.MustCompile(`(\w+)=("[^"]*"|[^,]*)`).FindAllStringSubmatch(settings, -1) {
			value := strings.Trim(setting[2], `"`)
			switch setting[1] {
			case "Name":
				c.Name = value
			case "Map":
				c.Roles = strings.Split(value, ",")
			}
		}
	}
	return c
}

// Member is the member in the pod, before it has looked at others.
func (c Config) Member(pod string) Member {
	_, ordinal := SplitPod(pod)
	me := Member{Pod: pod, Ordinal: ordinal}
	switch {
	case ordinal >= len(c.Roles):
	case c.Roles[ordinal] == "primary", c.Roles[ordinal] == "backup":
		me.Role = Starting
	default:
		me.Role = Async
	}
	return me
}

// asyncTypes are the member types of async members by their role in the map. [D]
var asyncTypes = map[string]string{
	"drasync": "Disaster Recovery", "rorasync": "Read-Only Reporting", "rwrasync": "Read-Write Reporting",
}

// AsyncType returns the member type of the async member in the pod, and "" for any other
// member.
func (c Config) AsyncType(pod string) string {
	_, ordinal := SplitPod(pod)
	if ordinal >= len(c.Roles) {
		return ""
	}
	return asyncTypes[c.Roles[ordinal]]
}

// Others are the pods of the other failover members.
func (c Config) Others(pod string) []string {
	set, own := SplitPod(pod)
	var pods []string
	for ordinal, role := range c.Roles {
		if ordinal != own && (role == "primary" || role == "backup") {
			pods = append(pods, set+"-"+strconv.Itoa(ordinal))
		}
	}
	return pods
}

// SplitPod splits the name of a StatefulSet's pod into the set's and the number.
func SplitPod(pod string) (set string, ordinal int) {
	i := strings.LastIndex(pod, "-")
	if i < 0 {
		return pod, 0
	}
	ordinal, err := strconv.Atoi(pod[i+1:])
	if err != nil {
		return pod, 0
	}
	return pod[:i], ordinal
}
