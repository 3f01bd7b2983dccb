package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// completionTimeout bounds what a TAB may take. Whoever waits longer types on.
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
	completeFlag(root, "namespace", f.complete(completeNamespaces))
	completeFlag(root, "context", f.completeLocal(func(config clientcmdapi.Config) []string { return keys(config.Contexts) }))
	completeFlag(root, "cluster", f.completeLocal(func(config clientcmdapi.Config) []string { return keys(config.Clusters) }))
	completeFlag(root, "user", f.completeLocal(func(config clientcmdapi.Config) []string { return keys(config.AuthInfos) }))
	for _, name := range []string{"cache-dir", "certificate-authority", "client-certificate", "client-key", "kubeconfig"} {
		completeFlag(root, name, completeFiles)
	}
}

// completeFiles offers the names of files.
func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// fixed offers the same values always.
func fixed(values ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return startingWith(typed, values), cobra.ShellCompDirectiveNoFileComp
	}
}

// question is what completion is asked.
type question struct {
	cmd       *cobra.Command
	args      []string
	typed     string
	namespace string
}

// flag is what the command line says of a flag so far.
func (q question) flag(name string) string {
	if flag := q.cmd.Flags().Lookup(name); flag != nil {
		return flag.Value.String()
	}
	return ""
}

// cluster is the one that the command line names so far, or "".
func (q question) cluster() string {
	if q.cmd.Flags().Lookup("role") != nil && len(q.args) > 0 && !reach.IsPort(q.args[0]) {
		return q.args[0]
	}
	if q.cmd.LocalFlags().Lookup("cluster") != nil {
		return q.flag("cluster")
	}
	return ""
}

// reader answers a question from the server.
type reader func(context.Context, kube.Names, question) ([]string, error)

// complete offers what read finds, without what stands on the command line already.
func (f *factory) complete(read reader) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		found := f.askNames(cmd.Context(), question{cmd: cmd, args: args, typed: typed}, read)
		found = slices.DeleteFunc(found, func(value string) bool {
			name, _, _ := strings.Cut(value, "\t")
			return slices.Contains(args, name)
		})
		slices.Sort(found)
		return startingWith(typed, slices.Compact(found)), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFirst offers values for the first argument and none for others.
func (f *factory) completeFirst(read reader) cobra.CompletionFunc {
	values := f.complete(read)
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return values(cmd, args, typed)
	}
}

// askNames returns the answer within completionTimeout, or nothing. Reading goes on in
// the background where it does not heed its context, as a credential plugin
// does not; the process ends without it.
func (f *factory) askNames(ctx context.Context, q question, read reader) []string {
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	answer := make(chan []string, 1)
	go func() {
		found, err := f.readNames(ctx, q, read)
		if err != nil {
			found = nil
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

func (f *factory) readNames(ctx context.Context, q question, read reader) ([]string, error) {
	namespace, err := f.namespace()
	if err != nil {
		return nil, err
	}
	q.namespace = namespace
	client, err := f.clientWith(ctx, withoutTerminal)
	if err != nil {
		return nil, err
	}
	return read(ctx, client.Names(), q)
}

// withoutTerminal keeps the credential plugin from the terminal: whoever pressed
// TAB goes on typing there, also while a plugin that was given up still runs.
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
		return startingWith(typed, read(config)), cobra.ShellCompDirectiveNoFileComp
	}
}

func completeNamespaces(ctx context.Context, names kube.Names, _ question) ([]string, error) {
	return names.Namespaces(ctx)
}

func completeClusters(ctx context.Context, names kube.Names, q question) ([]string, error) {
	return names.Clusters(ctx, q.namespace)
}

// completePods offers the short names that name one pod, and all full names to whoever
// began to type one or needs them.
func completePods(ctx context.Context, names kube.Names, q question) ([]string, error) {
	pods, err := names.Pods(ctx, q.namespace, q.cluster())
	if err != nil || q.flag("all") == "true" {
		return nil, err
	}
	owners := map[string]int{}
	for _, pod := range pods {
		owners[pod.ShortName()]++
	}
	var values []string
	for _, pod := range pods {
		if slices.Contains(q.args, pod.Name) || slices.Contains(q.args, pod.ShortName()) {
			continue
		}
		unique := owners[pod.ShortName()] == 1
		if unique {
			values = append(values, described(pod.ShortName(), inWords(pod)))
		}
		if !unique || q.typed != "" {
			values = append(values, described(pod.Name, inWords(pod)))
		}
	}
	return values, nil
}

// inWords says which pod it is.
func inWords(pod iris.Pod) string {
	return fmt.Sprintf("%s of %s", cmp.Or(pod.MirrorRole(), pod.Component()), pod.Cluster())
}

// completeRoles offers those that pods have now.
func completeRoles(ctx context.Context, names kube.Names, q question) ([]string, error) {
	pods, err := names.Pods(ctx, q.namespace, q.cluster())
	return labelled(pods, iris.Pod.MirrorRole), err
}

// completeShards offers those of data pods.
func completeShards(ctx context.Context, names kube.Names, q question) ([]string, error) {
	pods, err := names.Pods(ctx, q.namespace, q.cluster())
	pods = slices.DeleteFunc(pods, func(p iris.Pod) bool { return p.Component() != iris.ComponentData })
	return labelled(pods, iris.Pod.Shard), err
}

func labelled(pods []iris.Pod, value func(iris.Pod) string) []string {
	var values []string
	for _, pod := range pods {
		if v := value(pod); v != "" {
			values = append(values, v)
		}
	}
	return values
}

// completePorts offers the names of container ports: as a bare word to expose-pod,
// which takes ports by name, and as the target behind a colon.
func completePorts(ctx context.Context, names kube.Names, q question) ([]string, error) {
	pods, err := names.PodsWithPorts(ctx, q.namespace, q.cluster())
	if err != nil {
		return nil, err
	}
	before, target := cutLast(q.typed, ":")
	byName := q.cmd.Flags().Lookup("role") == nil
	if !target && !byName {
		return nil, nil
	}
	var values []string
	if !target {
		values = append(values, described(iris.NameSuperserver, fmt.Sprint(iris.PortSuperserver)))
	}
	for _, pod := range pods {
		if named := slices.Contains(q.args, pod.Name) || slices.Contains(q.args, pod.ShortName()); byName && len(q.args) > 0 && !named {
			continue
		}
		for _, port := range pod.Ports() {
			if port.Name != "" {
				values = append(values, described(before+port.Name, fmt.Sprint(port.ContainerPort)))
			}
		}
	}
	return values, nil
}

// cutLast cuts behind the last separator.
func cutLast(s, separator string) (before string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return "", false
	}
	return s[:i+len(separator)], true
}

// completeExposed offers the Services that this tool made and the pods they were
// made for; behind --role and its kin, the clusters they were made for.
func completeExposed(ctx context.Context, names kube.Names, q question) ([]string, error) {
	made, err := names.MadeServices(ctx, q.namespace)
	if err != nil || q.flag("all") == "true" {
		return nil, err
	}
	byTarget := q.flag("role")+q.flag("shard")+q.flag("component") != ""
	var values []string
	for i := range made {
		target := cluster.TargetOf(&made[i])
		switch {
		case byTarget && target.Kind == view.TargetSidecar && len(q.args) == 0:
			values = append(values, target.Cluster)
		case byTarget:
		case target.Kind == view.TargetPod:
			short := strings.TrimPrefix(target.Pod, target.Cluster+"-")
			values = append(values, described(made[i].Name, "pod "+target.Pod), described(short, "service "+made[i].Name))
		default:
			values = append(values, described(made[i].Name, "sidecars of "+target.Cluster))
		}
	}
	return values, nil
}

// completeTargetsOf offers what the Services were made for.
func completeTargetsOf(part func(*view.Target) string) reader {
	return func(ctx context.Context, names kube.Names, q question) ([]string, error) {
		made, err := names.MadeServices(ctx, q.namespace)
		var values []string
		for i := range made {
			target := cluster.TargetOf(&made[i])
			if value := part(target); target.Kind == view.TargetSidecar && value != "" && (len(q.args) == 0 || q.args[0] == target.Cluster) {
				values = append(values, value)
			}
		}
		return values, err
	}
}

// described is a value with a few words about it, as cobra takes it.
func described(value, words string) string { return cobra.CompletionWithDesc(value, words) }

func startingWith(typed string, values []string) []string {
	var left []string
	for _, value := range values {
		if strings.HasPrefix(value, typed) {
			left = append(left, value)
		}
	}
	return left
}

func keys[T any](m map[string]T) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
