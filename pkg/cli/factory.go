package cli

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/connect"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

// A factory joins the environment with the flags that every command takes.
type factory struct {
	Env
	reporter
	*connect.Flags
}

// A reporter prints on stderr what happens while a command runs. It is a type of its
// own so that the factory is never in an interface: with text/template, the linker
// keeps every method of what is. It is safe for concurrent use.
type reporter struct {
	mu *sync.Mutex
	w  io.Writer
}

func newReporter(w io.Writer) reporter { return reporter{&sync.Mutex{}, w} }

// Note prints a line about what the command does.
func (r reporter) Note(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	render.Note(r.w, line)
}

// Warn prints a warning.
func (r reporter) Warn(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	render.Warning(r.w, line)
}

func newFactory(env Env, flags *pflag.FlagSet) *factory {
	s := &factory{Env: env, reporter: newReporter(env.Err)}
	s.Flags = connect.NewFlags(flags, env.Build.userAgent(), s.Warn, env.WrapConfig)
	return s
}

// namespaceAndClient returns the namespace of a command, and its client.
func (s *factory) namespaceAndClient(ctx context.Context) (namespace string, client *connect.Client, err error) {
	if namespace, err = s.Namespace(); err == nil {
		client, err = s.Client(ctx)
	}
	return namespace, client, err
}

// actionConfig returns what all actions have in common.
func (s *factory) actionConfig() action.Config {
	return action.Config{Reporter: s.reporter, Now: s.Now, WithTimeout: s.WithTimeout}
}

// note is Note for a format.
func (s *factory) note(format string, args ...any) { s.Note(fmt.Sprintf(format, args...)) }

// printURLs prints one per line on stdout.
func (s *factory) printURLs(urls []string) error {
	for _, url := range urls {
		if _, err := fmt.Fprintln(s.Out, url); err != nil {
			return err
		}
	}
	return nil
}

// printNone says in kubectl's words that nothing was found.
func (s *factory) printNone(namespace string) {
	if namespace == corev1.NamespaceAll {
		s.note("No resources found")
		return
	}
	s.note("No resources found in %s namespace.", namespace)
}

// useColor reports whether stdout gets colours.
func (s *factory) useColor(mode render.ColorMode) bool {
	return render.UseColor(mode, render.IsTerminal(s.Out), s.Getenv)
}
