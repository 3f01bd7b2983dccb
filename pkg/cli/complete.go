package cli

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli/flag"
	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
)

// completionTimeout bounds what a TAB may take. A user who waits longer types on.
const completionTimeout = 2 * time.Second

// completeGlobalFlags completes the flags of the connection.
func (s *factory) completeGlobalFlags(root *cobra.Command) {
	// Where nothing better is known, the names of files are of no use either.
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	flag.Complete(root, "namespace", s.complete(completion.Namespaces))
	flag.Complete(root, "context", s.completeLocal(func(config clientcmdapi.Config) []string { return slices.Collect(maps.Keys(config.Contexts)) }))
	flag.Complete(root, "cluster", s.completeLocal(func(config clientcmdapi.Config) []string { return slices.Collect(maps.Keys(config.Clusters)) }))
	flag.Complete(root, "user", s.completeLocal(func(config clientcmdapi.Config) []string { return slices.Collect(maps.Keys(config.AuthInfos)) }))
	for _, name := range []string{"cache-dir", "certificate-authority", "client-certificate", "client-key", "kubeconfig"} {
		flag.Complete(root, name, flag.Files)
	}
}

// complete offers what the API server says.
func (s *factory) complete(values completion.Values) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		q := questionOf(cmd, args, typed)
		return completion.Matching(s.askNames(cmd.Context(), q, values), q), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFirst offers values for the first argument and none for others.
func (s *factory) completeFirst(values completion.Values) cobra.CompletionFunc {
	complete := s.complete(values)
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, typed)
	}
}

func questionOf(cmd *cobra.Command, args []string, typed string) completion.Question {
	value := func(name string) string {
		if f := cmd.LocalFlags().Lookup(name); f != nil && f.Changed {
			return f.Value.String()
		}
		return ""
	}
	q := completion.Question{
		Args: args, Typed: typed,
		Cluster:  value("cluster"),
		All:      value("all") == "true",
		Narrowed: value("role")+value("shard")+value("component") != "",
	}
	if cmd.Flags().Lookup("role") != nil && len(args) > 0 && !reach.IsPort(args[0]) {
		q.Cluster = args[0]
	}
	return q
}

// askNames returns the values within completionTimeout, or none. A credential plugin
// does not heed the context: reading then goes on until the process ends.
func (s *factory) askNames(ctx context.Context, q completion.Question, values completion.Values) []string {
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	answer := make(chan []string, 1)
	go func() {
		found, err := s.readNames(ctx, q, values)
		if err != nil {
			found = nil // what cannot be read is not offered, and nothing is printed
		}
		answer <- found
	}()
	select {
	case found := <-answer:
		return found
	case <-ctx.Done():
		return nil
	}
}

func (s *factory) readNames(ctx context.Context, q completion.Question, values completion.Values) (found []string, err error) {
	if q.Namespace, err = s.Namespace(); err != nil {
		return nil, err
	}
	client, err := s.ClientWithoutTerminal(ctx)
	if err != nil {
		return nil, err
	}
	return values(ctx, client.Names(), q)
}

// completeLocal offers what the kubeconfig holds.
func (s *factory) completeLocal(read func(clientcmdapi.Config) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		config, err := s.Kubeconfig()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completion.Matching(read(config), completion.Question{Typed: typed}), cobra.ShellCompDirectiveNoFileComp
	}
}
