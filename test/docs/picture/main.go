// Command picture prints what docs/status.svg shows: a mirrored cluster before and
// after a failover that its labels did not follow, in colour, as the renderer
// prints the views of two scenarios of pkg/topology. It is run in test; make docs
// draws the picture from what it prints.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

func main() {
	if err := draw(os.Stdout, filepath.Join("..", "pkg", "topology", "testdata")); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// draw writes the commands and their output. scenarios is the folder of the
// scenarios, whose want.yaml files hold the views.
func draw(w io.Writer, scenarios string) error {
	const bright, cyan, reset = "\x1b[97m", "\x1b[36m", "\x1b[0m"
	options := render.Options{
		Now:   time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC), // the scenarios' cluster is from 08:00
		Color: true,
		Asked: true,
	}
	healthy, err := readStatuses(filepath.Join(scenarios, "iris-agrees"))
	if err != nil {
		return err
	}
	failedOver, err := readStatuses(filepath.Join(scenarios, "iris-failed-over"))
	if err != nil {
		return err
	}

	var out bytes.Buffer
	fmt.Fprintf(&out, "%s$ kubectl iris status%s\n", bright, reset)
	if err := render.Clusters(&out, healthy, options); err != nil {
		return err
	}
	fmt.Fprintf(&out, "\n%s# a failover; the labels stay as they were%s\n", cyan, reset)
	fmt.Fprintf(&out, "%s$ kubectl iris status simple%s\n", bright, reset)
	if err := render.Cluster(&out, failedOver.Items[0], options); err != nil {
		return err
	}
	_, err = out.WriteTo(w)
	return err
}

// readStatuses reads the view that a scenario gives: the first document of its
// want.yaml.
func readStatuses(scenario string) (view.ClusterStatusList, error) {
	var list view.ClusterStatusList
	file := filepath.Join(scenario, "want.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return list, err
	}
	first, _, _ := bytes.Cut(text, []byte("\n---\n"))
	if err := yaml.UnmarshalStrict(first, &list); err != nil {
		return list, fmt.Errorf("%s: %w", file, err)
	}
	if len(list.Items) != 1 {
		return list, fmt.Errorf("%s: %d clusters, want 1", file, len(list.Items))
	}
	return list, nil
}
