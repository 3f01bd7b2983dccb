package cli_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// hangs answers like a node that hangs: it takes the request, sends what it has
// and nothing more.
func hangs(begins bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if begins {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	}
}

// A node that hangs costs its own logs, and no others; the error names them.
func TestLogsOfAHungNode(t *testing.T) {
	s := &reachServer{
		pods: []corev1.Pod{
			simplePod("simple-data-0-0", "data", running("iris"), running("webgateway")),
			simplePod("simple-data-0-1", "data", running("iris"), running("webgateway")),
		},
		logs: map[string]http.HandlerFunc{
			"simple-data-0-0 iris":       says("2026-01-01T00:00:01Z one", "2026-01-01T00:00:03Z three"),
			"simple-data-0-0 webgateway": says("2026-01-01T00:00:02Z two"),
			"simple-data-0-1 iris":       hangs(false),
			"simple-data-0-1 webgateway": hangs(true),
		},
	}
	begun := time.Now()
	code, stdout, stderr := run(t, "kubectl-iris", "logs", "simple", "--request-timeout=1s", "--kubeconfig", s.start(t))
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("took %s although --request-timeout is one second", took)
	}
	if want := "[simple-data-0-0 iris] one\n[simple-data-0-0 webgateway] two\n[simple-data-0-0 iris] three\n"; stdout != want {
		t.Errorf("stdout %q, want %q", stdout, want)
	}
	want := regexp.MustCompile(`^error: 2 of 4 logs in namespace "iko" could not be read \(\[simple-data-0-1 iris\], \[simple-data-0-1 webgateway\]\): ` +
		`cannot get pods/log "simple-data-0-1" in namespace "iko": no answer in time: .*\nhint: kubectl get nodes .*\n$`)
	if code != 1 || !want.MatchString(stderr) {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

// The licence is refused in the data pod, whose IRIS ends again and again; the
// compute pod cannot start. What there is of logs is printed.
func TestLogsOfRefusedLicence(t *testing.T) {
	s := &reachServer{
		pods: []corev1.Pod{
			simplePod("simple-data-0", "data", waiting("iris", "CrashLoopBackOff", 3), running("webgateway")),
			simplePod("simple-compute-0", "compute", waiting("iris", "ImagePullBackOff", 0), waiting("webgateway", "CreateContainerConfigError", 0)),
		},
		logs: map[string]http.HandlerFunc{
			"simple-data-0 iris":          says("2026-01-01T00:00:03Z start-up aborted: licence expired"),
			"simple-data-0 iris previous": says("2026-01-01T00:00:01Z start-up aborted: licence expired"),
			"simple-data-0 webgateway":    says("2026-01-01T00:00:02Z ready"),
		},
	}
	kubeconfig := s.start(t)
	const licence = "[simple-data-0 iris] start-up aborted: licence expired\n"
	for _, c := range []struct{ args, want string }{
		{"logs simple", "[simple-data-0 webgateway] ready\n" + licence},
		{"logs data-0", "[simple-data-0 webgateway] ready\n" + licence},
		{"logs data-0 --previous", licence},
		{"logs simple --previous", licence},
	} {
		code, stdout, stderr := run(t, "kubectl-iris", append(strings.Fields(c.args), "--kubeconfig", kubeconfig)...)
		if code != 0 || stderr != "" || stdout != c.want {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", c.args, code, stdout, stderr)
		}
	}
	for args, want := range map[string]string{
		"logs compute-0":            "error: no logs found in namespace \"iko\": none of the selected containers has started\n",
		"logs compute-0 --previous": "error: no previous container found in namespace \"iko\": none of the selected containers has restarted since its pod was created\n",
	} {
		code, stdout, stderr := run(t, "kubectl-iris", append(strings.Fields(args), "--kubeconfig", kubeconfig)...)
		if code != 1 || stdout != "" || !strings.HasPrefix(stderr, want) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
}

// fsGroup keeps the sidecar from starting while IRIS runs: its previous log
// tells why, IRIS has none.
func TestLogsOfACrashingSidecar(t *testing.T) {
	s := &reachServer{
		pods: []corev1.Pod{
			simplePod("simple-data-0-0", "data", running("iris"), waiting("webgateway", "CrashLoopBackOff", 7)),
		},
		logs: map[string]http.HandlerFunc{
			"simple-data-0-0 iris":                says("2026-01-01T00:00:01Z up"),
			"simple-data-0-0 webgateway":          says("2026-01-01T00:00:02Z permission denied"),
			"simple-data-0-0 webgateway previous": says("2026-01-01T00:00:02Z permission denied"),
		},
	}
	kubeconfig := s.start(t)
	for args, want := range map[string]string{
		"logs":                   "[simple-data-0-0 iris] up\n[simple-data-0-0 webgateway] permission denied\n",
		"logs simple --previous": "[simple-data-0-0 webgateway] permission denied\n",
	} {
		code, stdout, stderr := run(t, "kubectl-iris", append(strings.Fields(args), "--kubeconfig", kubeconfig)...)
		if code != 0 || stderr != "" || stdout != want {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
}
