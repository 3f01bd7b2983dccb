package cli_test

import "testing"

// A wrong command line is refused before the server is asked.
func TestUsageOfReaching(t *testing.T) {
	const isPort = "a port is a number, the name of a container's port, portal or superserver"
	for _, test := range []struct {
		args          []string
		message, hint string
	}{
		{[]string{"port-forward"}, "at least one port is required, for example 8080:portal", isPort},
		{
			[]string{"port-forward", "web"}, "at least one port is required, for example 8080:portal",
			`"web" is taken for the target; if it is the name of a container's port, write 0:web. A port is a number, such a name, portal or superserver`,
		},
		{
			[]string{"port-forward", "8080:"}, `invalid port "8080:": REMOTE "" is neither a port number nor the name of a port`,
			"the form is [LOCAL:]REMOTE, for example 8080:portal, superserver or 0:1972; REMOTE is a number, a container port's name, portal or superserver",
		},
		{[]string{"port-forward", "80", "--address", "example.com"}, `invalid --address "example.com": not an IP address`, "use IP addresses, or localhost"},
		{[]string{"port-forward", "80", "--address", ""}, "--address is required", "use IP addresses, or localhost"},
		{[]string{"portal", "--grace", "-1s"}, `invalid --grace "-1s": must not be negative`, "for example 30s; 0 refuses connections at once"},
		{[]string{"portal", "--path", "/a b"}, `invalid --path "/a b": must not contain spaces or control characters`, "write a space as %20"},
		{[]string{"portal", "--local-port", "65536"}, `invalid --local-port "65536": must be a port number from 0 to 65535`, "kubectl iris portal --help shows how it is used"},
		{
			[]string{"portal", ""}, `"" is not the name of an IrisCluster or a pod`,
			"a name consists of lower-case letters, digits, - and ., with a letter or digit at both ends",
		},
		{
			[]string{"session", "--role", "a b"}, `invalid --role "a b": must be the value of a label`,
			"it is up to 63 letters, digits, -, _ and ., with a letter or digit at both ends",
		},
		{[]string{"session", "a", "b"}, `kubectl iris session takes at most 1 argument, got ["a" "b"]`, "kubectl iris session --help shows how it is used"},
		{
			[]string{"logs", "-f", "-p"}, "--previous and --follow cannot be used together: a container that has ended writes no new lines",
			"leave one of them out",
		},
		{[]string{"logs", "--since", "-5m"}, `invalid --since "-5m0s": must not be negative`, "for example 5m"},
		{[]string{"logs", "--tail", "-2"}, `invalid --tail "-2": must be a number of lines`, "use 0 or more, or -1 for all lines"},
	} {
		code, stdout, stderr := run(t, "kubectl-iris", test.args...)
		if want := "error: " + test.message + "\nhint: " + test.hint + "\n"; code != 2 || stdout != "" || stderr != want {
			t.Errorf("%q: exit code %d, stdout %q, stderr\n%s\nwant\n%s", test.args, code, stdout, stderr, want)
		}
	}
}
