package expose

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

const portHint = "the form is [NAME=]PORT[:TARGET][/PROTOCOL], as in 81, http=81:80 or 53:53/UDP; " +
	"a word alone, as in superserver, is a port of the pod by its name"

// Port is a port of the Service as the user asks for it.
type Port struct {
	// Name of the Service's port; "" leaves it to the tool.
	Name string
	// Number of the Service's port, 1 to 65535; 0 where ByName says it.
	Number int32
	// ByName is the name of a port of the pod, whose number the Service keeps.
	ByName string
	// Target is a number or the name of a container's port; the zero value
	// leaves it to the tool.
	Target intstr.IntOrString
	// Protocol is "" where it was not given, which stands for TCP.
	Protocol corev1.Protocol
}

// ParsePort reads [NAME=]PORT[:TARGET][/PROTOCOL]. PORT is a number, or the
// name of a port of the pod (then without target and protocol, which that port
// has); TARGET is a number or the name of a container's port; PROTOCOL is TCP,
// UDP or SCTP. Any other form is a usage error.
func ParsePort(s string) (Port, error) {
	wrong := func(format string, args ...any) (Port, error) {
		return Port{}, problem.Usage("--port %q: %s", s, fmt.Sprintf(format, args...)).Hint(portHint)
	}
	var p Port
	rest, protocol, hasProtocol := strings.Cut(s, "/")
	if hasProtocol {
		p.Protocol = corev1.Protocol(strings.ToUpper(protocol))
		switch p.Protocol {
		case corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP:
		default:
			return wrong("protocol %q is none of TCP, UDP and SCTP", protocol)
		}
	}
	if name, after, ok := strings.Cut(rest, "="); ok {
		if len(validation.IsDNS1123Label(name)) != 0 {
			return wrong("%q is not a port name: up to 63 lower-case letters, digits and - inside", name)
		}
		p.Name, rest = name, after
	}
	port, target, hasTarget := strings.Cut(rest, ":")
	number, word, err := numberOrName(port)
	if err != nil {
		return wrong("%v", err)
	}
	p.Number, p.ByName = number, word
	if word != "" && (hasTarget || hasProtocol) {
		return wrong("a port by name has its own target and protocol")
	}
	if !hasTarget {
		return p, nil
	}
	number, word, err = numberOrName(target)
	switch {
	case err != nil:
		return wrong("target: %v", err)
	case word != "":
		p.Target = intstr.FromString(word)
	default:
		p.Target = intstr.FromInt32(number)
	}
	return p, nil
}

// String is the form that ParsePort reads.
func (p Port) String() string {
	var b strings.Builder
	if p.Name != "" {
		b.WriteString(p.Name + "=")
	}
	if p.ByName != "" {
		b.WriteString(p.ByName)
	} else {
		b.WriteString(strconv.Itoa(int(p.Number)))
	}
	if p.hasTarget() {
		b.WriteString(":" + p.Target.String())
	}
	if p.Protocol != "" {
		b.WriteString("/" + string(p.Protocol))
	}
	return b.String()
}

func (p Port) hasTarget() bool { return p.Target != intstr.IntOrString{} }

func (p Port) protocol() corev1.Protocol {
	if p.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return p.Protocol
}

// numberOrName reads a port number or, where there is a letter in it, a
// container port's name.
func numberOrName(s string) (int32, string, error) {
	if s == "" {
		return 0, "", fmt.Errorf("a port number or name is missing")
	}
	if len(validation.IsValidPortName(s)) == 0 {
		return 0, s, nil
	}
	n, err := strconv.Atoi(s)
	switch {
	case err == nil && isPort(n):
		return int32(n), "", nil
	case strings.Trim(s, "+-0123456789") == "":
		return 0, "", fmt.Errorf("%s is not a port number from 1 to 65535", s)
	}
	return 0, "", fmt.Errorf("%q is neither a port number nor the name of a container's port", s)
}

func isPort(n int) bool { return len(validation.IsValidPortNum(n)) == 0 }

// distinct refuses ports that one Service cannot have together: of one name,
// or of one number and protocol. Names and numbers not known yet are left out.
func distinct(ports []corev1.ServicePort) error {
	names := map[string]bool{}
	numbers := map[string]bool{}
	for _, p := range ports {
		number := fmt.Sprintf("%d/%s", p.Port, p.Protocol)
		switch {
		case p.Name != "" && names[p.Name]:
			return problem.Usage("--port: two ports are named %q", p.Name).
				Hint("give each port a name of its own, as in %s-2=%d", p.Name, p.Port)
		case p.Port != 0 && numbers[number]:
			return problem.Usage("--port: %s is there twice", number).
				Hint("a Service has each number once per protocol; several may have one target, as in 81:80 and 82:80")
		}
		names[p.Name] = true
		numbers[number] = true
	}
	return nil
}
