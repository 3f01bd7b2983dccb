package expose

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

const portHint = "the form is [NAME=]PORT[:TARGET][/PROTOCOL], for example 81, http=81:80 or 53:53/UDP; " +
	"a word alone, for example superserver, is the name of a port of the pod"

// A Port is a port of the Service as the user asks for it.
type Port struct {
	// Name of the Service's port; empty leaves it to the tool.
	Name string
	// Number of the Service's port, 1 to 65535; 0 if ByName is set.
	Number int32
	// ByName is the name of a port of the pod, whose number the Service keeps.
	ByName string
	// Target is a number or the name of a container's port; the zero value
	// leaves it to the tool.
	Target intstr.IntOrString
	// Protocol is empty if it was not given, which means TCP.
	Protocol corev1.Protocol
}

// ParsePort reads [NAME=]PORT[:TARGET][/PROTOCOL]. PORT is a number, or without
// target and protocol the name of a port of the pod; TARGET is a number or the name of
// a container's port; PROTOCOL is TCP, UDP or SCTP. Any other form is a usage error.
func ParsePort(s string) (Port, error) {
	wrong := func(format string, args ...any) (Port, error) {
		return Port{}, problem.Usage(format, args...).Hint(portHint)
	}
	var p Port
	rest, protocol, hasProtocol := strings.Cut(s, "/")
	if hasProtocol {
		p.Protocol = corev1.Protocol(strings.ToUpper(protocol))
		switch p.Protocol {
		case corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP:
		default:
			return wrong("the protocol %q must be one of: TCP, UDP, SCTP", protocol)
		}
	}
	if name, after, ok := strings.Cut(rest, "="); ok {
		if len(validation.IsDNS1123Label(name)) != 0 {
			return wrong("the name %q must be up to 63 lower-case letters, digits and - inside", name)
		}
		p.Name, rest = name, after
	}
	port, target, hasTarget := strings.Cut(rest, ":")
	number, word, err := numberOrName(port)
	if err != nil {
		return wrong("%w", err)
	}
	p.Number, p.ByName = number, word
	if word != "" && (hasTarget || hasProtocol) {
		return wrong("a port given by its name has its own target and protocol")
	}
	if !hasTarget {
		return p, nil
	}
	number, word, err = numberOrName(target)
	switch {
	case err != nil:
		return wrong("target %q: %w", target, err)
	case word != "":
		p.Target = intstr.FromString(word)
	default:
		p.Target = intstr.FromInt32(number)
	}
	return p, nil
}

// String returns the form that ParsePort reads.
func (p Port) String() string {
	var b strings.Builder
	if p.Name != "" {
		b.WriteString(p.Name + "=")
	}
	b.WriteString(cmp.Or(p.ByName, strconv.Itoa(int(p.Number))))
	if p.hasTarget() {
		b.WriteString(":" + p.Target.String())
	}
	if p.Protocol != "" {
		b.WriteString("/" + string(p.Protocol))
	}
	return b.String()
}

func (p Port) hasTarget() bool { return p.Target != intstr.IntOrString{} }

func (p Port) protocol() corev1.Protocol { return cmp.Or(p.Protocol, corev1.ProtocolTCP) }

// numberOrName reads a port number or, if there is a letter in it, the name of a
// container's port.
func numberOrName(s string) (int32, string, error) {
	n, err := strconv.Atoi(s)
	switch {
	case s == "":
		return 0, "", errors.New("a port number or name is required")
	case len(validation.IsValidPortName(s)) == 0:
		return 0, s, nil
	case err == nil && isPort(n):
		return int32(n), "", nil
	case strings.Trim(s, "+-0123456789") == "":
		return 0, "", errors.New("must be between 1 and 65535")
	}
	return 0, "", fmt.Errorf("%q is neither a port number nor the name of a container's port", s)
}

func isPort(n int) bool { return len(validation.IsValidPortNum(n)) == 0 }

// validateDistinct returns a usage error for ports with the same name, or the same
// number and protocol. Names and numbers that are not known yet are ignored.
func validateDistinct(ports []corev1.ServicePort) error {
	names, numbers := map[string]bool{}, map[string]bool{}
	for _, p := range ports {
		number := fmt.Sprintf("%d/%s", p.Port, p.Protocol)
		switch {
		case p.Name != "" && names[p.Name]:
			return problem.Usage("invalid %s: two ports are named %q", fieldPort, p.Name).
				Hint("give each port a different name, for example %s-2=%d", p.Name, p.Port)
		case p.Port != 0 && numbers[number]:
			return problem.Usage("invalid %s: %s is given twice", fieldPort, number).
				Hint("a Service has each number once per protocol; several may have one target, for example 81:80 and 82:80")
		}
		names[p.Name], numbers[number] = true, true
	}
	return nil
}
