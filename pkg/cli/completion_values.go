package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// completionTimeout bounds what a TAB may take. Whoever waits longer types on.
const completionTimeout = 2 * time.Second

// completer offers values for arguments and flags. Each of its functions makes
// one request at most; what cannot be read is not offered, and nothing is said.
type completer struct{ *session }

// addCompletions gives the arguments and flags of all commands their values,
// by the names of commands and flags: one name means the same everywhere.
func addCompletions(root *cobra.Command, s *session) {
	c := completer{s}
	// Where nothing better is known, the names of files are of no use either.
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	complete(root, root.PersistentFlags(), map[string]cobra.CompletionFunc{
		"namespace": c.values(c.namespaces),
		"context":   c.local(func(config clientcmdapi.Config) []string { return keys(config.Contexts) }),
		"cluster":   c.local(func(config clientcmdapi.Config) []string { return keys(config.Clusters) }),
		"user":      c.local(func(config clientcmdapi.Config) []string { return keys(config.AuthInfos) }),
	}, "cache-dir", "certificate-authority", "client-certificate", "client-key", "kubeconfig")

	arguments := map[string]cobra.CompletionFunc{
		"status":         c.values(c.clusters),
		"expose-sidecar": c.first(c.clusters),
		"relabel":        c.first(c.clusters),
		"expose-pod":     c.values(c.pods),
		"unexpose":       c.values(c.madeServices),
		"portal":         c.first(c.targets),
		"session":        c.first(c.targets),
		"logs":           c.first(c.targets),
		"port-forward":   c.values(c.targetsOrPorts),
	}
	common := map[string]cobra.CompletionFunc{
		"cluster":                 c.values(c.clusters),
		"role":                    c.values(c.roles),
		"shard":                   c.values(c.shards),
		"port":                    c.values(c.ports),
		"container":               c.values(c.containers),
		"component":               fixed(iris.ComponentData, iris.ComponentCompute),
		"dry-run":                 fixed(dryRunNone, dryRunClient, dryRunServer),
		"ask-iris":                fixed(askAuto, askAlways, askNever),
		"color":                   fixed(string(render.ColorAuto), string(render.ColorAlways), string(render.ColorNever)),
		"type":                    fixed(string(corev1.ServiceTypeClusterIP), string(corev1.ServiceTypeNodePort), string(corev1.ServiceTypeLoadBalancer)),
		"external-traffic-policy": fixed(string(corev1.ServiceExternalTrafficPolicyCluster), string(corev1.ServiceExternalTrafficPolicyLocal)),
		"session-affinity":        fixed(string(corev1.ServiceAffinityNone), string(corev1.ServiceAffinityClientIP)),
		"ip-family-policy":        fixed(string(corev1.IPFamilyPolicySingleStack), string(corev1.IPFamilyPolicyPreferDualStack), string(corev1.IPFamilyPolicyRequireDualStack)),
	}
	// What was exposed is told by the Services, not by the pods of now.
	special := map[string]map[string]cobra.CompletionFunc{
		"unexpose": {
			"role":      c.values(c.madeFor(func(t *view.Target) string { return t.Role })),
			"shard":     c.values(c.madeFor(func(t *view.Target) string { return t.Shard })),
			"component": c.values(c.madeFor(func(t *view.Target) string { return t.Component })),
			"output":    fixed("name"),
		},
		"version": {"output": fixed("json", "yaml")},
	}
	for _, cmd := range root.Commands() {
		cmd.ValidArgsFunction = arguments[cmd.Name()]
		complete(cmd, cmd.Flags(), special[cmd.Name()])
		complete(cmd, cmd.Flags(), common)
	}
}

// complete gives flags their values: those of the map, and files.
func complete(cmd *cobra.Command, flags *pflag.FlagSet, values map[string]cobra.CompletionFunc, ofFiles ...string) {
	flags.VisitAll(func(flag *pflag.Flag) {
		value := values[flag.Name]
		if slices.Contains(ofFiles, flag.Name) {
			value = files
		}
		if value != nil {
			completeFlag(cmd, flag.Name, value)
		}
	})
}

// completeFlag gives a flag its values, unless it has some already.
func completeFlag(cmd *cobra.Command, flag string, values cobra.CompletionFunc) {
	_ = cmd.RegisterFlagCompletionFunc(flag, values) // the error says that it has
}

// files offers the names of files.
func files(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
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

// values offers what read finds, without what stands on the command line already.
func (c completer) values(read reader) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		found := c.ask(cmd.Context(), question{cmd: cmd, args: args, typed: typed}, read)
		found = slices.DeleteFunc(found, func(value string) bool {
			name, _, _ := strings.Cut(value, "\t")
			return slices.Contains(args, name)
		})
		slices.Sort(found)
		return startingWith(typed, slices.Compact(found)), cobra.ShellCompDirectiveNoFileComp
	}
}

// first offers values for the first argument and none for others.
func (c completer) first(read reader) cobra.CompletionFunc {
	values := c.values(read)
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return values(cmd, args, typed)
	}
}

// ask is the answer within completionTimeout, or nothing. Reading goes on in
// the background where it does not heed its context, as a credential plugin
// does not; the process ends without it.
func (c completer) ask(ctx context.Context, q question, read reader) []string {
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	answer := make(chan []string, 1)
	go func() {
		found, err := c.read(ctx, q, read)
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

func (c completer) read(ctx context.Context, q question, read reader) ([]string, error) {
	namespace, err := c.namespace()
	if err != nil {
		return nil, err
	}
	q.namespace = namespace
	client, err := c.clientWith(ctx, withoutTerminal)
	if err != nil {
		return nil, err
	}
	names, err := client.Names()
	if err != nil {
		return nil, err
	}
	return read(ctx, names, q)
}

// withoutTerminal keeps the credential plugin from the terminal: whoever pressed
// TAB goes on typing there, also while a plugin that was given up still runs.
func withoutTerminal(config *rest.Config) {
	if config.ExecProvider != nil {
		config.ExecProvider.StdinUnavailable = true
		config.ExecProvider.StdinUnavailableMessage = "completion cannot ask for credentials"
	}
}

// local offers what the kubeconfig holds.
func (c completer) local(read func(clientcmdapi.Config) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		config, err := c.config.ToRawKubeConfigLoader().RawConfig()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return startingWith(typed, read(config)), cobra.ShellCompDirectiveNoFileComp
	}
}

func (completer) namespaces(ctx context.Context, names kube.Names, _ question) ([]string, error) {
	return names.Namespaces(ctx)
}

func (completer) clusters(ctx context.Context, names kube.Names, q question) ([]string, error) {
	return names.Clusters(ctx, q.namespace)
}

// pods offers the short names that name one pod, and all full names to whoever
// began to type one or needs them.
func (completer) pods(ctx context.Context, names kube.Names, q question) ([]string, error) {
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

// roles offers those that pods have now.
func (completer) roles(ctx context.Context, names kube.Names, q question) ([]string, error) {
	pods, err := names.Pods(ctx, q.namespace, q.cluster())
	return labelled(pods, iris.Pod.MirrorRole), err
}

// shards offers those of data pods.
func (completer) shards(ctx context.Context, names kube.Names, q question) ([]string, error) {
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

// ports offers the names of container ports: as a bare word to expose-pod,
// which takes ports by name, and as the target behind a colon.
func (completer) ports(ctx context.Context, names kube.Names, q question) ([]string, error) {
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

// madeServices offers the Services that this tool made and the pods they were
// made for; behind --role and its kin, the clusters they were made for.
func (completer) madeServices(ctx context.Context, names kube.Names, q question) ([]string, error) {
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

// madeFor offers what the Services were made for.
func (completer) madeFor(part func(*view.Target) string) reader {
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
