//go:build krew

package krew_test

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-iris/kubectl-iris/test/localkube"
)

// complete returns what kubectl offers after "kubectl iris" and the words, the last of
// which is being typed, without descriptions.
func (u *user) complete(words ...string) []string {
	u.Helper()
	return offered(u.T, u.run("kubectl", append([]string{"__completeNoDesc", "iris"}, words...)...))
}

// offered returns the values that a __complete command printed. It fails the test
// unless the last line is :4, which makes the shell offer no files.
func offered(t *testing.T, answer string) []string {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(answer, "\n"), "\n")
	last := len(lines) - 1
	if lines[last] != ":4" {
		t.Errorf("the shell would offer files: %q", lines[last])
	}
	return lines[:last]
}

// completing returns a user who has installed the plugin and its completion.
func completing(t *testing.T) *user {
	t.Helper()
	u := installed(t)
	path := filepath.Join(u.krewBin(), "kubectl_complete-iris")
	out := u.try("kubectl", "iris", "completion", "kubectl", "--install")
	if want := (output{0, path + "\n", ""}); out != want {
		t.Fatalf("completion kubectl --install: %+v, want %+v", out, want)
	}
	return u
}

func TestCompletionThroughKubectl(t *testing.T) {
	u := completing(t)
	namespace, _ := irisCluster(t, "compute-sidecars")
	in := "--namespace=" + namespace
	const name = "iris-vs2021"
	short := []string{"compute-0", "compute-1", "data-0-0", "data-0-1"}
	_ = u.run("kubectl", "iris", "expose-sidecar", name, "--role", "backup", "--name", "to-backup", "--type", "ClusterIP", in)
	_ = u.run("kubectl", "iris", "expose-pod", "data-0-1", "--name", "to-pod", "--type", "ClusterIP", in)

	for words, want := range map[string][]string{
		"expose-pod " + in + " da":                             short[2:],
		"expose-pod " + in + " data-0-1 da":                    short[2:3],
		"expose-pod " + in + " iris-vs2021-c":                  {name + "-compute-0", name + "-compute-1"},
		"expose-pod " + in + " --all ":                         {},
		"expose-pod " + in + " --cluster ":                     {name},
		"expose-pod " + in + " --cluster other da":             {},
		"expose-pod " + in + " data-0-0 --port s":              {"superserver"},
		"expose-sidecar " + in + " ":                           {name},
		"expose-sidecar " + in + " iris":                       {name},
		"expose-sidecar " + in + " x":                          {},
		"expose-sidecar " + in + " iris-vs2021 ":               {},
		"expose-sidecar " + in + " --role ":                    {"backup", "primary"},
		"expose-sidecar " + in + " --role=b":                   {"backup"},
		"expose-sidecar " + in + " iris-vs2021 --shard ":       {"0"},
		"expose-sidecar " + in + " other --role ":              {},
		"expose-sidecar " + in + " --component ":               {"compute", "data"},
		"expose-sidecar " + in + " --type ":                    {"ClusterIP", "LoadBalancer", "NodePort"},
		"expose-sidecar " + in + " --dry-run=s":                {"server"},
		"expose-sidecar " + in + " --ip-family-policy S":       {"SingleStack"},
		"expose-sidecar " + in + " --session-affinity C":       {"ClientIP"},
		"expose-sidecar " + in + " -o y":                       {"yaml"},
		"status " + in + " ":                                   {name},
		"status " + in + " iris-vs2021 ":                       {},
		"status " + in + " --color ":                           {"always", "auto", "never"},
		"status -n test-":                                      namespacesLike(t, "test-"),
		"status --context ":                                    {"localkube"},
		"unexpose " + in + " to":                               {"to-backup", "to-pod"},
		"unexpose " + in + " to-pod to":                        {"to-backup"},
		"unexpose " + in + " da":                               {"data-0-1"},
		"unexpose " + in + " --role ":                          {"backup"},
		"unexpose " + in + " --role backup ":                   {name},
		"unexpose " + in + " --shard ":                         {},
		"portal " + in + " --role ":                            {"backup", "primary"},
		"session " + in + " data-0":                            {"data-0-0", "data-0-1"},
		"session " + in + " iris":                              {name, name + "-compute-0", name + "-compute-1", name + "-data-0-0", name + "-data-0-1"},
		"logs " + in + " --container web":                      {"webgateway"},
		"port-forward " + in + " superserver --role ":          {"backup", "primary"},
		"port-forward " + in + " data-0-0 8080:p":              {"8080:portal"},
		"port-forward " + in + " --role backup iris":           {name},
		"relabel " + in + " ":                                  {name},
		"version -o ":                                          {"json", "yaml"},
		"completion ":                                          {"bash", "fish", "kubectl", "powershell", "zsh"},
		"exposed " + in + " x":                                 {},
		"ver":                                                  {"version"},
		"expose-":                                              {"expose-pod", "expose-sidecar"},
		"status --no-he":                                       {"--no-headers"},
		"expose-pod --load-balancer-class=a --load-balancer-s": {"--load-balancer-source-ranges"},
	} {
		got := u.complete(strings.Split(words, " ")...)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("kubectl iris %s<TAB> (-want +got):\n%s", words, diff)
		}
	}
	described := u.run("kubectl", "__complete", "iris", "expose-pod", in, "data-0-")
	if want := "data-0-0\tprimary of " + name + "\ndata-0-1\tbackup of " + name + "\n:4\n"; described != want {
		t.Errorf("with descriptions: %q, want %q", described, want)
	}
}

func namespacesLike(t *testing.T, prefix string) []string {
	t.Helper()
	client, err := kubernetes.NewForConfig(cluster.Config)
	must(t, err)
	list, err := client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	must(t, err)
	names := []string{}
	for _, namespace := range list.Items {
		if strings.HasPrefix(namespace.Name, prefix) {
			names = append(names, namespace.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Short names that several clusters share are not offered, full names are.
func TestCompletionOfAmbiguousPods(t *testing.T) {
	u := completing(t)
	namespace, names := irisCluster(t, "look-alikes")
	got := u.complete("expose-pod", "-n", namespace, "")
	slices.Sort(got)
	var want []string
	for _, name := range names {
		want = append(want, name+"-data-0-0", name+"-data-0-1")
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := u.complete("expose-pod", "-n", namespace, "--cluster", "a", "d"); !slices.Equal(got, []string{"data-0-0", "data-0-1"}) {
		t.Errorf("with --cluster: %q", got)
	}
}

func TestCompletionOfPorts(t *testing.T) {
	u := completing(t)
	namespace, _ := irisCluster(t, "compute-sidecars")
	declared := func(selector string) []string {
		names := strings.Fields(u.run("kubectl", "get", "pods", "-n", namespace, "-l", selector, "-o", "jsonpath={.items[*].spec.containers[*].ports[*].name}"))
		if len(names) == 0 {
			t.Fatalf("pods with %s declare no named port", selector)
		}
		return names
	}
	offers := func(want []string, words ...string) {
		t.Helper()
		got := u.complete(append(words, "-n", namespace, "--port", want[0])...)
		slices.Sort(got)
		slices.Sort(want[1:])
		if diff := cmp.Diff(slices.Compact(want[1:]), got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", words, diff)
		}
	}
	offers(append([]string{"", "superserver"}, declared("statefulset.kubernetes.io/pod-name=iris-vs2021-data-0-0")...), "expose-pod", "data-0-0")
	offers(append([]string{"", "superserver"}, declared("intersystems.com/name=iris-vs2021")...), "expose-pod")
	behind := []string{"81:"}
	for _, name := range declared("intersystems.com/name=iris-vs2021") {
		behind = append(behind, "81:"+name)
	}
	offers(behind, "expose-sidecar")
}

// Each TAB sends one request, and none if no server is needed.
func TestRequestsOfCompletion(t *testing.T) {
	u := completing(t)
	namespace, _ := irisCluster(t, "undeclared-ports")
	for words, want := range map[string]int{
		"expose-pod -n NS da":                    1,
		"expose-pod -n NS data-0-0 --port ":      1,
		"expose-sidecar -n NS ":                  1,
		"expose-sidecar -n NS bare --role ":      1,
		"expose-sidecar -n NS bare --shard ":     1,
		"unexpose -n NS ":                        1,
		"unexpose -n NS --role ":                 1,
		"status -n ":                             1,
		"expose-sidecar -n NS --type ":           0,
		"status -n NS --context ":                0,
		"":                                       0,
		"version --":                             0,
		"completion ":                            0,
		"expose-sidecar -n NS bare --dry-run=cl": 0,
	} {
		before := requests(t)
		u.run("kubectl", append([]string{"__complete", "iris"}, strings.Split(strings.ReplaceAll(words, "NS", namespace), " ")...)...)
		if got := requests(t)[len(before):]; len(got) != want {
			t.Errorf("kubectl iris %s<TAB> made %d requests, want %d: %+v", words, len(got), want, got)
		}
	}
}

func requests(t *testing.T) []localkube.AuditRequest {
	t.Helper()
	made, err := cluster.AuditRequests(localkube.ByUserAgent("kubectl-iris/"))
	must(t, err)
	return made
}

func TestCompletionIsSilentOnErrors(t *testing.T) {
	u := completing(t)
	stranger, err := cluster.NewUser("stranger", nil, time.Time{})
	must(t, err)
	expired, err := cluster.NewUser("expired", nil, time.Now().Add(-time.Hour))
	must(t, err)
	refused := filepath.Join(u.home, "refused")
	silent := filepath.Join(u.home, "silent")
	broken := filepath.Join(u.home, "broken")
	must(t, os.WriteFile(broken, []byte("}"), 0o600))
	writeKubeconfig(t, refused, closedPort(t))
	writeKubeconfig(t, silent, mutePort(t))
	for name, kubeconfig := range map[string]string{
		"no rights":           stranger.Kubeconfig,
		"expired":             expired.Kubeconfig,
		"connection refused":  refused,
		"no answer":           silent,
		"no kubeconfig":       filepath.Join(u.home, "none"),
		"kubeconfig unusable": broken,
	} {
		u.env["KUBECONFIG"] = kubeconfig
		for _, words := range [][]string{{"expose-pod", "da"}, {"unexpose", ""}, {"status", "-n", ""}, {"expose-sidecar", "--role", ""}} {
			began := time.Now()
			// The program that kubectl calls: kubectl itself writes to stderr.
			out := u.try("kubectl_complete-iris", words...)
			if want := (output{0, ":4\n", "Completion ended with directive: ShellCompDirectiveNoFileComp\n"}); out != want {
				t.Errorf("%s: %q: %+v, want %+v", name, words, out, want)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("%s: %q took %s", name, words, took)
			}
		}
	}
}

func writeKubeconfig(t *testing.T, file, address string) {
	t.Helper()
	config := *cluster.Config
	config.Host = "https://" + address
	must(t, localkube.WriteKubeconfig(file, &config, ""))
}

// closedPort returns an address where nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	return listener.Addr().String()
}

// mutePort returns an address that accepts connections and never answers.
func mutePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, listener.Close()) })
	return listener.Addr().String()
}

// A user who may list pods is offered pods, whatever else is forbidden.
func TestCompletionWithFewRights(t *testing.T) {
	u := completing(t)
	namespace, _ := irisCluster(t, "undeclared-ports")
	reader, err := cluster.NewUser("pod-reader", nil, time.Time{})
	must(t, err)
	client, err := kubernetes.NewForConfig(cluster.Config)
	must(t, err)
	_, err = client.RbacV1().Roles(namespace).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "pod-reader"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}}},
	}, metav1.CreateOptions{})
	must(t, err)
	_, err = client.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "pod-reader"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "pod-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: "pod-reader"}},
	}, metav1.CreateOptions{})
	must(t, err)
	u.env["KUBECONFIG"] = reader.Kubeconfig
	// RBAC takes effect when the API server has seen it.
	waitFor(t, "pods", func() bool {
		return slices.Equal(u.complete("expose-pod", "-n", namespace, ""), []string{"data-0-0", "data-0-1"})
	})
	if got := u.complete("expose-sidecar", "-n", namespace, "--role", ""); !slices.Equal(got, []string{"backup", "primary"}) {
		t.Errorf("roles: %q", got)
	}
	if got := u.complete("status", "-n", namespace, ""); len(got) != 0 {
		t.Errorf("clusters: %q", got)
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !done(); {
		if time.Now().After(end) {
			t.Fatalf("waited %s for %s", deadline, what)
		}
	}
}

// A link to the plugin under the name that kubectl asks for works as well.
func TestPluginUnderTheNameOfCompletion(t *testing.T) {
	u := installed(t)
	plugin := u.which("kubectl-iris")
	must(t, os.Symlink(plugin, filepath.Join(u.home, "bin", "kubectl_complete-iris")))
	if got := u.complete("sta"); !slices.Equal(got, []string{"status"}) {
		t.Errorf("%q", got)
	}
}

// Help, scripts and the completion of verbs and flags need no kubeconfig and no server.
func TestWithoutAServer(t *testing.T) {
	u := completing(t)
	u.env["KUBECONFIG"] = filepath.Join(u.home, "none")
	before := requests(t)
	for _, args := range [][]string{
		{"--help"},
		{"status", "--help"},
		{"version", "--client"},
		{"completion", "bash"},
		{"completion", "zsh"},
		{"completion", "fish"},
		{"completion", "powershell"},
		{"completion", "kubectl"},
		{"__complete", ""},
		{"__complete", "status", "--"},
	} {
		if out := u.try("kubectl-iris", args...); out.code != 0 || out.stdout == "" {
			t.Errorf("%q: %+v", args, out)
		}
	}
	if made := requests(t)[len(before):]; len(made) > 0 {
		t.Errorf("requests: %+v", made)
	}
}

// The script for bash, the most common shell, is run by bash.
func TestBashScript(t *testing.T) {
	u := installed(t)
	namespace, _ := irisCluster(t, "undeclared-ports")
	script := `_get_comp_words_by_ref() { cur=${COMP_WORDS[COMP_CWORD]}; prev=${COMP_WORDS[COMP_CWORD-1]}; words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; }
__ltrim_colon_completions() { :; }
compopt() { :; }
source <(kubectl-iris completion bash)
COMP_WORDS=(kubectl-iris expose-pod -n ` + namespace + ` da) COMP_CWORD=4 COMP_LINE="kubectl-iris expose-pod -n ` + namespace + ` da" COMP_POINT=100 COMP_TYPE=9
__start_kubectl-iris
printf '%s\n' "${COMPREPLY[@]}"
`
	got := strings.Fields(u.run("/bin/bash", "-c", script))
	if len(got) == 0 || got[0] != "data-0-" && !slices.Contains(got, "data-0-1") {
		t.Errorf("bash offers %q", got)
	}
}

func TestInstallingCompletion(t *testing.T) {
	u := installed(t)
	program := "kubectl_complete-iris"

	t.Run("into a folder, and again", func(t *testing.T) {
		dir := filepath.Join(u.home, "bin")
		for range 2 {
			if got, want := u.run("kubectl", "iris", "completion", "kubectl", "--install="+dir), filepath.Join(dir, program)+"\n"; got != want {
				t.Errorf("printed %q, want %q", got, want)
			}
		}
		info, err := os.Stat(filepath.Join(dir, program))
		must(t, err)
		if info.Mode().Perm() != 0o755 {
			t.Errorf("its mode is %v", info.Mode())
		}
		printed := u.run("kubectl", "iris", "completion", "kubectl")
		written, err := os.ReadFile(filepath.Join(dir, program))
		must(t, err)
		if printed != string(written) {
			t.Errorf("written %q, printed %q", written, printed)
		}
		must(t, os.Remove(filepath.Join(dir, program)))
	})
	t.Run("off the PATH", func(t *testing.T) {
		dir := t.TempDir()
		out := u.try("kubectl", "iris", "completion", "kubectl", "--install="+dir)
		if want := (output{0, filepath.Join(dir, program) + "\n", "warning: " + dir + " is not on the PATH, where kubectl looks for it\n"}); out != want {
			t.Errorf("%+v, want %+v", out, want)
		}
	})

	taken := t.TempDir()
	must(t, os.WriteFile(filepath.Join(taken, program), []byte("#!/bin/sh\n"), 0o755))
	linked := t.TempDir()
	must(t, os.Symlink("/bin/true", filepath.Join(linked, program)))
	folder := t.TempDir()
	must(t, os.Mkdir(filepath.Join(folder, program), 0o755))
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for name, test := range map[string]struct{ dir, says string }{
		"taken by a file":    {taken, "already exists, and this command did not write it"},
		"taken by a link":    {linked, "already exists, and this command did not write it"},
		"taken by a folder":  {folder, "already exists, and this command did not write it"},
		"no folder":          {filepath.Join(taken, "none"), "no such file or directory"},
		"a file as a folder": {file, "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			refuses(t, u.try("kubectl", "iris", "completion", "kubectl", "--install="+test.dir), test.dir, test.says)
		})
	}
	if content, err := os.ReadFile(filepath.Join(taken, program)); err != nil || string(content) != "#!/bin/sh\n" {
		t.Errorf("the file that was there is %q: %v", content, err)
	}
}

// refuses checks that a command failed with one line, a hint and no result.
func refuses(t *testing.T, out output, parts ...string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(out.stderr, "\n"), "\n")
	if out.code != 1 || out.stdout != "" || len(lines) != 2 || !strings.HasPrefix(lines[0], "error: ") || !strings.HasPrefix(lines[1], "hint: ") {
		t.Fatalf("want an error and a hint: %+v", out)
	}
	for _, part := range parts {
		if !strings.Contains(lines[0], part) {
			t.Errorf("%q is not in %q", part, lines[0])
		}
	}
}

// Root may write anywhere, so another user tries.
func TestInstallingCompletionWhereOneMayNotWrite(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Fatal("this test is for systems with users and modes")
	}
	u := installed(t)
	// A copy that every user can reach.
	reachable, err := os.MkdirTemp("", "kubectl-iris-reachable-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(reachable)) })
	must(t, os.Chmod(reachable, 0o755))
	content, err := os.ReadFile(u.which("kubectl-iris"))
	must(t, err)
	plugin := filepath.Join(reachable, "kubectl-iris")
	must(t, os.WriteFile(plugin, content, 0o755))
	closed := filepath.Join(reachable, "closed")
	must(t, os.Mkdir(closed, 0o555))
	cmd := u.command(plugin, "completion", "kubectl", "--install="+closed)
	cmd.Dir = "/"
	if os.Geteuid() == 0 {
		const nobody = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	refuses(t, u.finish(cmd), closed, "permission denied")
}
