//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

// relabelAsked runs relabel on a terminal. Once the question is there, meanwhile
// is done and the answer typed.
func (c irisCluster) relabelAsked(typed string, meanwhile func()) (int, string) {
	c.t.Helper()
	person, terminal, err := pty.Open()
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _, _ = person.Close(), terminal.Close() }()
	w := &watching{t: c.t, ended: make(chan int, 1)}
	env := environment(w, w)
	env.In = terminal
	ctx, cancel := context.WithCancel(c.t.Context())
	w.cancel = cancel
	defer cancel()
	go func() { w.ended <- cli.Run(ctx, c.commandLine(cluster.Kubeconfig, []string{"relabel"}), env) }()
	w.says("Set these labels? [y/N] ")
	meanwhile()
	if typed == "" {
		return w.stop(), w.String()
	}
	if _, err := fmt.Fprintln(person, typed); err != nil {
		c.t.Fatal(err)
	}
	return <-w.ended, w.String()
}

func TestRelabelAsks(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	c.becomesHealthy()
	c.annotate(standin.AnnotationLabels, "frozen")
	c.label(first, "backup")
	c.label(second, "primary")
	labels := func() string { return c.pod(first).Labels[mirrorRole] + " " + c.pod(second).Labels[mirrorRole] }

	for _, test := range []struct {
		typed     string
		meanwhile func()
		code      int
		says      string
	}{
		{"n", func() {}, 1, "nothing was changed"},
		{"perhaps", func() {}, 1, "nothing was changed"},
		{"", func() {}, problem.ExitInterrupted, ""},
		{"y", func() { c.iris(second, "stand-in", "answer", "Failover", "In Trouble") }, 1, "IRIS's answers or the labels changed meanwhile: no label is changed"},
	} {
		code, said := c.relabelAsked(test.typed, test.meanwhile)
		if code != test.code || !strings.Contains(said, test.says) {
			t.Errorf("%q: exit code %d, want %d and %q:\n%s", test.typed, code, test.code, test.says, said)
		}
		if got := labels(); got != "backup primary" {
			t.Errorf("%q: the labels are %s", test.typed, got)
		}
	}
	c.iris(second, "stand-in", "reset")
	code, said := c.relabelAsked("y", func() {})
	for _, part := range []string{
		`pod "` + second + `": primary -> backup (IRIS says Failover/Backup)`,
		`pod "` + first + `": backup -> primary (IRIS says Failover/Primary)`,
		"pod/" + first + " labeled primary: IRIS says Failover/Primary (was backup)",
	} {
		if !strings.Contains(said, part) {
			t.Errorf("%q is not in\n%s", part, said)
		}
	}
	if got := labels(); code != 0 || got != "primary backup" {
		t.Errorf("exit code %d, the labels are %s", code, got)
	}
	c.plugin("relabel").exits(0).says("nothing to change: the labels are as IRIS says")
}
