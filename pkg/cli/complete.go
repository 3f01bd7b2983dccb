package cli

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
)

// completionTimeout bounds what a TAB may take. A user who waits longer types on.
const completionTimeout = 2 * time.Second

// completeFlag completes a flag of a command.
func completeFlag(cmd *cobra.Command, name string, values cobra.CompletionFunc) {
	// The error says that the flag does not exist, or is completed already: a test
	// asks for the values of each.
	_ = cmd.RegisterFlagCompletionFunc(name, values)
}

// completeGlobalFlags completes the flags of the connection.
func (f *factory) completeGlobalFlags(root *cobra.Command) {
	// Where nothing better is known, the names of files are of no use either.
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	completeFlag(root, "namespace", f.complete(completion.Namespaces))
	completeFlag(root, "context", f.completeLocal(func(config clientcmdapi.Config) []string { return slices.Collect(maps.Keys(config.Contexts)) }))
	completeFlag(root, "cluster", f.completeLocal(func(config clientcmdapi.Config) []string { return slices.Collect(maps.Keys(config.Clusters)) }))
	completeFlag(root, "user", f.completeLocal(func(config clientcmdapi.Config) []string { return slices.Collect(maps.Keys(config.AuthInfos)) }))
	for _, name := range []string{"cache-dir", "certificate-authority", "client-certificate", "client-key", "kubeconfig"} {
		completeFlag(root, name, completeFiles)
	}
}

// completeFiles offers the names of files.
func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// fixed always offers the same values.
func fixed(values ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return completion.Matching(values, completion.Question{Typed: typed}), cobra.ShellCompDirectiveNoFileComp
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
	flag := func(name string) string {
		if f := cmd.LocalFlags().Lookup(name); f != nil && f.Changed {
			return f.Value.String()
		}
		return ""
	}
	q := completion.Question{
		Args: args, Typed: typed,
		Cluster:  flag("cluster"),
		All:      flag("all") == "true",
		Narrowed: flag("role")+flag("shard")+flag("component") != "",
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
	if q.Namespace, err = s.namespace(); err != nil {
		return nil, err
	}
	client, err := s.clientWith(ctx, withoutTerminal)
	if err != nil {
		return nil, err
	}
	return values(ctx, client.Names(), q)
}

// withoutTerminal keeps the credential plugin from the terminal, where the user who
// pressed TAB types on, even while a plugin that was given up still runs.
func withoutTerminal(config *rest.Config) {
	if config.ExecProvider != nil {
		config.ExecProvider.StdinUnavailable = true
		config.ExecProvider.StdinUnavailableMessage = "completion cannot ask for credentials"
	}
}

// completeLocal offers what the kubeconfig holds.
func (f *factory) completeLocal(read func(clientcmdapi.Config) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		config, err := f.config.ToRawKubeConfigLoader().RawConfig()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completion.Matching(read(config), completion.Question{Typed: typed}), cobra.ShellCompDirectiveNoFileComp
	}
}
