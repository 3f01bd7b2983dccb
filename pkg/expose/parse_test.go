package expose_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

func TestParsePort(t *testing.T) {
	for s, want := range map[string]expose.Port{
		"81":               {Number: 81},
		"1":                {Number: 1},
		"65535":            {Number: 65535},
		"81:80":            {Number: 81, Target: intstr.FromInt32(80)},
		"81:webserver":     {Number: 81, Target: intstr.FromString("webserver")},
		"http=81:80/TCP":   {Name: "http", Number: 81, Target: intstr.FromInt32(80), Protocol: corev1.ProtocolTCP},
		"dns=53/udp":       {Name: "dns", Number: 53, Protocol: corev1.ProtocolUDP},
		"53:53/SCTP":       {Number: 53, Target: intstr.FromInt32(53), Protocol: corev1.ProtocolSCTP},
		"superserver":      {ByName: "superserver"},
		"sql=superserver":  {Name: "sql", ByName: "superserver"},
		"superserver=1972": {Name: "superserver", Number: 1972},
		"80a":              {ByName: "80a"},
		"1st=81":           {Name: "1st", Number: 81},
		"81:443-alt":       {Number: 81, Target: intstr.FromString("443-alt")},
	} {
		got, err := expose.ParsePort(s)
		if err != nil {
			t.Errorf("%q: %v", s, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", s, diff)
		}
	}
}

func TestPortsThatCannotBeParsed(t *testing.T) {
	for s, message := range map[string]string{
		"":                       "a port number or name is required",
		"0":                      "must be between 1 and 65535",
		"65536":                  "must be between 1 and 65535",
		"-1":                     "must be between 1 and 65535",
		"99999999999999999999":   "must be between 1 and 65535",
		"81:0":                   `target "0": must be between 1 and 65535`,
		"81:65536":               `target "65536": must be between 1 and 65535`,
		"81:":                    `target "": a port number or name is required`,
		":80":                    "a port number or name is required",
		"81:80:79":               `target "80:79": "80:79" is neither a port number nor the name of a container's port`,
		"81/":                    `the protocol "" must be one of: TCP, UDP, SCTP`,
		"81/HTTP":                `the protocol "HTTP" must be one of: TCP, UDP, SCTP`,
		"81/TCP/UDP":             `the protocol "TCP/UDP" must be one of: TCP, UDP, SCTP`,
		"=81":                    `the name "" must be up to 63 lower-case letters, digits and - inside`,
		"Http=81":                `the name "Http" must be up to 63 lower-case letters, digits and - inside`,
		"http=":                  "a port number or name is required",
		"a=b=81":                 `"b=81" is neither a port number nor the name of a container's port`,
		"web:80":                 "a port given by its name has its own target and protocol",
		"web/TCP":                "a port given by its name has its own target and protocol",
		"Web":                    `"Web" is neither a port number nor the name of a container's port`,
		"a-name-too-long-for-it": `"a-name-too-long-for-it" is neither a port number nor the name of a container's port`,
		"8 1":                    `"8 1" is neither a port number nor the name of a container's port`,
		"81,82":                  `"81,82" is neither a port number nor the name of a container's port`,
	} {
		t.Run(s, func(t *testing.T) {
			_, err := expose.ParsePort(s)
			checkError(t, err, message, "[NAME=]PORT[:TARGET][/PROTOCOL]", problem.ExitUsage)
		})
	}
}

func FuzzParsePort(f *testing.F) {
	for _, s := range []string{"http=81:80/TCP", "superserver", "81:webserver", "0", "a=b:c/d", "+1", "１"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := expose.ParsePort(s)
		if err != nil {
			if problem.ExitCode(err) != problem.ExitUsage || problem.HintOf(err) == "" || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: error %q", s, err)
			}
			return
		}
		again, err := expose.ParsePort(p.String())
		if err != nil {
			t.Fatalf("%q was read, but %q was not: %v", s, p.String(), err)
		}
		if diff := cmp.Diff(p, again); diff != "" {
			t.Errorf("%q and %q differ (-first +second):\n%s", s, p.String(), diff)
		}
	})
}

func TestParseSelector(t *testing.T) {
	for s, want := range map[string]expose.Edit{
		"zone=a":                 {Key: "zone", Value: "a"},
		"zone=":                  {Key: "zone"},
		"zone-":                  {Key: "zone", Remove: true},
		"intersystems.com/name-": {Key: "intersystems.com/name", Remove: true},
	} {
		got, err := expose.ParseSelector(s)
		if err != nil {
			t.Errorf("%q: %v", s, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", s, diff)
		}
		if got.String() != s {
			t.Errorf("%q is written as %q", s, got)
		}
	}
}

func TestSelectorsThatCannotBeParsed(t *testing.T) {
	for s, message := range map[string]string{
		"":         "must be KEY=VALUE or KEY-",
		"zone":     "must be KEY=VALUE or KEY-",
		"-":        `"" is not a label key`,
		"=a":       `"" is not a label key`,
		"zone-=a":  `"zone-" is not a label key`,
		"a/b/c=d":  `"a/b/c" is not a label key`,
		"zone=a b": `"a b" is not a label value`,
		"a=b,c=d":  `"b,c=d" is not a label value`,
		"zone==a":  `"=a" is not a label value`,
	} {
		t.Run(s, func(t *testing.T) {
			_, err := expose.ParseSelector(s)
			checkError(t, err, message, "KEY=VALUE", problem.ExitUsage)
		})
	}
}
