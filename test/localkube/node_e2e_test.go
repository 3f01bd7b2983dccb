//go:build e2e && linux

package localkube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-iris/kubectl-iris/test/images"
)

// These tests start a node each: there is one per machine, so they are not parallel.

// startNodeCluster starts a cluster with a node, on which a pod runs.
func startNodeCluster(t *testing.T, dir string) *Cluster {
	t.Helper()
	c, err := Start(t.Context(), Options{Node: true, Dir: dir, Progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop() }) // fails if it was stopped, as it should be
	if err := runPod(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// runPod has a pod run on the cluster's node.
func runPod(ctx context.Context, c *Cluster) error {
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return err
	}
	pods := client.CoreV1().Pods(metav1.NamespaceDefault)
	_, err = pods.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "pod"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "iris", Image: images.IRIS, ImagePullPolicy: corev1.PullNever,
		}}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return c.waitFor(ctx, kubeletName, func(ctx context.Context) error {
		pod, err := pods.Get(ctx, "pod", metav1.GetOptions{})
		if err != nil {
			return err
		}
		response, err := http.Get("http://" + pod.Status.PodIP + ":2188/member")
		if err != nil {
			return err
		}
		return response.Body.Close()
	})
}

func TestNodeLeavesNothing(t *testing.T) {
	t.Run("after Stop", func(t *testing.T) {
		before := machine(t)
		dir := filepath.Join(t.TempDir(), "cluster")
		c := startNodeCluster(t, dir)
		family := descendants(t, c.supervisor.cmd.Process.Pid)
		expectNode(t, before, family)
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
		// Nothing is left at once, not only after a while.
		if diff := cmp.Diff(before, machine(t)); diff != "" {
			t.Errorf("the machine (-before +after):\n%s", diff)
		}
		expectGone(t, family)
		assertEmpty(t, filepath.Dir(dir))
	})
	t.Run("after Detach and Shutdown", func(t *testing.T) {
		before := machine(t)
		dir := filepath.Join(t.TempDir(), "cluster")
		c := startNodeCluster(t, dir)
		family := descendants(t, c.supervisor.cmd.Process.Pid)
		if err := c.Detach(); err != nil {
			t.Fatal(err)
		}
		if err := Shutdown(t.Context(), dir); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(before, machine(t)); diff != "" {
			t.Errorf("the machine (-before +after):\n%s", diff)
		}
		expectGone(t, family)
		assertEmpty(t, filepath.Dir(dir))
	})
	for name, signal := range map[string]syscall.Signal{"after SIGKILL": syscall.SIGKILL, "after SIGINT to the process group": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			before := machine(t)
			cmd, left := startVictim(t, victimNode)
			family := descendants(t, left.Supervisor)
			expectNode(t, before, family)
			if err := syscall.Kill(-cmd.Process.Pid, signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Error("it ended well")
			}
			eventually(t, "the folder is removed", func(context.Context) (bool, error) {
				_, err := os.Stat(left.Dir)
				return errors.Is(err, os.ErrNotExist), nil
			})
			if diff := cmp.Diff(before, machine(t)); diff != "" {
				t.Errorf("the machine (-before +after):\n%s", diff)
			}
			expectGone(t, family)
		})
	}
	t.Run("after SIGKILL of the supervisor and another start", func(t *testing.T) {
		before := machine(t)
		cmd, left := startVictim(t, victimNode)
		family := descendants(t, left.Supervisor)
		if err := syscall.Kill(left.Supervisor, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		eventually(t, "all processes end", func(context.Context) (bool, error) {
			return !slices.ContainsFunc(family, alive), nil
		})
		if err := os.RemoveAll(left.Dir); err != nil { // nobody else can know of it
			t.Fatal(err)
		}
		if err := startNodeCluster(t, "").Stop(); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(before, machine(t)); diff != "" {
			t.Errorf("the machine (-before +after):\n%s", diff)
		}
	})
}

func TestNodeIsOnePerMachine(t *testing.T) {
	c := startNodeCluster(t, "")
	defer func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	}()
	dir := t.TempDir()
	_, err := Start(t.Context(), Options{Node: true, Dir: filepath.Join(dir, "second")})
	if want := `another cluster with a node is up on this machine (it has the interface "localkube0"): one at a time`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	assertEmpty(t, dir)
	// The first one does not notice.
	if err := c.nodeReady(t.Context()); err != nil {
		t.Error(err)
	}
	if err := kubeProxyHealthy(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestNodeNeedsAFolderThatItsProgramsSee(t *testing.T) {
	const dir = "/run/localkube-test"
	_, err := Start(t.Context(), Options{Node: true, Dir: dir})
	if err == nil || !strings.Contains(err.Error(), `the folder "/run/localkube-test" is in "/run"`) {
		t.Errorf("error %v", err)
	}
	for _, path := range []string{dir, lockPath(dir)} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}

// state is what a node may change of a machine.
type state struct {
	Links, Routes, Mounts, Cgroups, Rules, Files []string
	Sysctls                                      map[string]string
}

// machine is the state of this machine.
func machine(t *testing.T) state {
	t.Helper()
	s := state{Sysctls: map[string]string{}}
	links, err := netlink.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		s.Links = append(s.Links, link.Attrs().Name)
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_ALL)
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range routes {
		s.Routes = append(s.Routes, route.String())
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	s.Mounts = strings.Split(string(mounts), "\n")
	for _, m := range parseCgroupMounts(string(mounts)) {
		for _, name := range []string{cgroupName, "kubepods", "k8s.io"} {
			if _, err := os.Stat(filepath.Join(m.path, name)); err == nil {
				s.Cgroups = append(s.Cgroups, filepath.Join(m.path, name))
			}
		}
	}
	rules, err := exec.Command("nft", "list", "ruleset").CombinedOutput()
	if err != nil {
		t.Fatalf("nft: %v: %s", err, rules)
	}
	s.Rules = strings.Split(string(rules), "\n")
	for _, dir := range []string{"/run", "/var/lib", "/var/log", "/etc/cni", "/opt"} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		for _, entry := range entries {
			s.Files = append(s.Files, filepath.Join(dir, entry.Name()))
		}
	}
	names := []string{"net/ipv4/ip_forward", "net/netfilter/nf_conntrack_max"}
	for name := range tunables() {
		names = append(names, name)
	}
	for _, name := range names {
		value, err := os.ReadFile(filepath.Join("/proc/sys", name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		s.Sysctls[name] = string(bytes.TrimSpace(value))
	}
	return s
}

// expectNode fails unless a node has left its traces by now: without that, that
// nothing is left says nothing.
func expectNode(t *testing.T, before state, family []int) {
	t.Helper()
	now := machine(t)
	if slices.Contains(before.Links, hostLink) || len(before.Cgroups) > 0 || slices.Contains(before.Files, "/opt/containerd") {
		t.Errorf("there is a trace of a node from before: %v", before)
	}
	if len(now.Links) == len(before.Links) || len(now.Routes) == len(before.Routes) || len(now.Cgroups) == len(before.Cgroups) {
		t.Errorf("there is no trace of a node: %v", now)
	}
	// Programs, a shim, a sandbox and a container.
	if len(family) < 10 {
		t.Errorf("there are %d processes", len(family))
	}
	// What a kubelet sets is not the machine's even now.
	if diff := cmp.Diff(before.Sysctls, now.Sysctls); diff != "" {
		t.Errorf("settings of the kernel (-before +now):\n%s", diff)
	}
	if diff := cmp.Diff(before.Mounts, now.Mounts); diff != "" {
		t.Errorf("mounts (-before +now):\n%s", diff)
	}
	if diff := cmp.Diff(before.Files, now.Files); diff != "" {
		t.Errorf("files (-before +now):\n%s", diff)
	}
}

// expectGone fails if one of the processes is left.
func expectGone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		if alive(pid) {
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // it may be gone by now
			t.Errorf("process %d is left: %q", pid, line)
		}
	}
}

// descendants are the process and all those that it has started.
func descendants(t *testing.T, root int) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	children := map[int][]int{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat"))
		if err != nil {
			continue // it has ended
		}
		// "PID (NAME) STATE PARENT": the name may hold anything.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		parent, err := strconv.Atoi(fields[1])
		if err != nil {
			t.Fatal(err)
		}
		children[parent] = append(children[parent], pid)
	}
	family := []int{root}
	for i := 0; i < len(family); i++ {
		family = append(family, children[family[i]]...)
	}
	return family
}
