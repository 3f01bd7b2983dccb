// Command bench measures the plugin beside kubectl on a local Kubernetes with
// many clusters, and prints ratios. It judges nothing: machines differ.
//
// Each row is measured in turns (A B A B …) as whole processes, and is given as
// the medians and the ratio of the medians.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-iris/kubectl-iris/test/localkube"
	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

const (
	clusters      = 1000
	foreignPods   = 10000
	foreignGroups = 200
	rounds        = 7
)

func main() {
	if localkube.IsSupervisor() {
		os.Exit(localkube.Supervise())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	plugin, err := filepath.Abs(filepath.Join("bin", "kubectl-iris"))
	if err != nil {
		return err
	}
	cluster, err := localkube.Start(ctx, localkube.Options{CRDs: [][]byte{standin.CRD()}, Progress: os.Stderr})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Stop()) }()
	b := bench{kubectl: cluster.Binaries.Kubectl(), plugin: plugin, kubeconfig: cluster.Kubeconfig}

	// The cost of one cluster's commands before there is anything else.
	if err := b.fill(ctx, cluster, "one cluster", standin.Population{Namespaces: []string{"alone"}, Clusters: 1}); err != nil {
		return err
	}
	single := map[string][]string{
		"kubectl get pods -l …":      {b.kubectl, "get", "pods", "-l", "intersystems.com/kind=IrisCluster", "-n", "alone"},
		"status NAME":                {plugin, "status", "cluster-0000", "-n", "alone"},
		"expose-sidecar (unchanged)": {plugin, "expose-sidecar", "cluster-0000", "--role", "backup", "-n", "alone"},
		"expose-pod (unchanged)":     {plugin, "expose-pod", "data-0-1", "-n", "alone"},
	}
	before := map[string]cost{}
	for name, command := range single {
		if before[name], err = b.measure(ctx, command); err != nil {
			return err
		}
	}

	if err := b.fill(ctx, cluster, fmt.Sprintf("%d clusters with 6 pods each", clusters), standin.Population{Namespaces: namespaces("fleet", 20), Clusters: clusters}); err != nil {
		return err
	}
	header("A: kubectl iris status -A", "B: kubectl get pods -A -l …")
	if err := b.compare(ctx, "1,001 clusters, 6,006 pods",
		[]string{plugin, "status", "-A"},
		[]string{b.kubectl, "get", "pods", "-A", "-l", "intersystems.com/kind=IrisCluster"}); err != nil {
		return err
	}

	if err := b.fill(ctx, cluster, fmt.Sprintf("%d foreign pods", foreignPods), standin.Population{Namespaces: []string{"alone"}, ForeignPods: foreignPods}); err != nil {
		return err
	}
	progress("making %d foreign API groups", foreignGroups)
	if err := addGroups(ctx, cluster); err != nil {
		return err
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	// The server works through the new groups for a while: what is measured first
	// would be measured slower.
	if _, err := b.measure(ctx, single["kubectl get pods -l …"]); err != nil {
		return err
	}
	header("A: with 10,000 foreign pods and 200 foreign groups", "B: before")
	for _, name := range slices.Sorted(maps.Keys(single)) {
		after, err := b.measure(ctx, single[name])
		if err != nil {
			return err
		}
		row(name, after, before[name])
	}
	return nil
}

// bench runs commands against one cluster.
type bench struct {
	kubectl, plugin, kubeconfig string
}

func (b bench) fill(ctx context.Context, cluster *localkube.Cluster, what string, population standin.Population) error {
	progress("making %s", what)
	if err := standin.Populate(ctx, cluster.Config, population); err != nil {
		return err
	}
	return b.settle(ctx)
}

// settle waits until kube-controller-manager has made all EndpointSlices: while
// it works, measurements are of it.
func (b bench) settle(ctx context.Context) error {
	var last string
	for quiet := 0; quiet < 3; {
		command := exec.CommandContext(ctx, b.kubectl, "--kubeconfig", b.kubeconfig, "get", "endpointslices", "-A", "-o", "name")
		out, err := command.Output()
		if err != nil {
			return err
		}
		if string(out) == last {
			quiet++
		} else {
			last, quiet = string(out), 0
		}
		time.Sleep(time.Second)
	}
	return nil
}

// cost is what one command takes.
type cost struct {
	wall, cpu time.Duration
	memory    int64 // bytes, at its peak
}

// measure is the median of several runs after one that does not count.
func (b bench) measure(ctx context.Context, command []string) (cost, error) {
	var costs []cost
	for range rounds + 1 {
		c, err := b.once(ctx, command)
		if err != nil {
			return cost{}, err
		}
		costs = append(costs, c)
	}
	return median(costs[1:]), nil
}

func (b bench) compare(ctx context.Context, name string, first, second []string) error {
	var a, z []cost
	for round := range rounds + 1 {
		one, err := b.once(ctx, first)
		if err != nil {
			return err
		}
		two, err := b.once(ctx, second)
		if err != nil {
			return err
		}
		if round > 0 {
			a, z = append(a, one), append(z, two)
		}
	}
	row(name, median(a), median(z))
	return nil
}

// degraded is an exit code of status that is no failure.
const degraded = 3

func (b bench) once(ctx context.Context, line []string) (cost, error) {
	command := exec.CommandContext(ctx, line[0], line[1:]...)
	command.Env = append(os.Environ(), "KUBECONFIG="+b.kubeconfig)
	command.Stdout = io.Discard
	var stderr strings.Builder
	command.Stderr = &stderr
	began := time.Now()
	err := command.Run()
	wall := time.Since(began)
	if err != nil && (command.ProcessState == nil || command.ProcessState.ExitCode() != degraded) {
		return cost{}, fmt.Errorf("%s: %w: %s", strings.Join(line, " "), err, stderr.String())
	}
	state := command.ProcessState
	return cost{wall, state.UserTime() + state.SystemTime(), peakMemory(state)}, nil
}

func median(costs []cost) cost {
	pick := func(of func(cost) int64) int64 {
		values := make([]int64, len(costs))
		for i, c := range costs {
			values[i] = of(c)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return cost{
		wall:   time.Duration(pick(func(c cost) int64 { return int64(c.wall) })),
		cpu:    time.Duration(pick(func(c cost) int64 { return int64(c.cpu) })),
		memory: pick(func(c cost) int64 { return c.memory }),
	}
}

// addGroups installs a CustomResourceDefinition in each of many groups.
func addGroups(ctx context.Context, cluster *localkube.Cluster) error {
	client, err := dynamic.NewForConfig(cluster.Config)
	if err != nil {
		return err
	}
	definitions := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range foreignGroups {
		group.Go(func() error {
			_, err := definitions.Create(ctx, definition(fmt.Sprintf("foreign-%03d.example.com", i)), metav1.CreateOptions{})
			return err
		})
	}
	return group.Wait()
}

func definition(group string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1",
		"kind":       "CustomResourceDefinition",
		"metadata":   map[string]any{"name": "things." + group},
		"spec": map[string]any{
			"group": group,
			"scope": "Namespaced",
			"names": map[string]any{"plural": "things", "singular": "thing", "kind": "Thing"},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object"}},
			}},
		},
	}}
}

func namespaces(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%02d", prefix, i)
	}
	return names
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

func header(a, b string) {
	fmt.Printf("\n%s   %s   (medians of %d runs in turns)\n", a, b, rounds)
	fmt.Printf("%-32s %10s %10s %6s   %8s %8s %6s   %8s %8s %6s\n", "", "wall A", "wall B", "A/B", "cpu A", "cpu B", "A/B", "MB A", "MB B", "A/B")
}

func row(name string, a, b cost) {
	fmt.Printf("%-32s %10s %10s %6.2f   %8s %8s %6.2f   %8.1f %8.1f %6.2f\n", name,
		a.wall.Round(time.Millisecond), b.wall.Round(time.Millisecond), float64(a.wall)/float64(b.wall),
		a.cpu.Round(time.Millisecond), b.cpu.Round(time.Millisecond), float64(a.cpu)/float64(b.cpu),
		float64(a.memory)/1e6, float64(b.memory)/1e6, float64(a.memory)/float64(b.memory))
}
