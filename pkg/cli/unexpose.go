package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// unexposeFlags say which Services are meant.
type unexposeFlags struct {
	role, component, shard string
	all                    bool
	dryRun                 action.DryRun
	waitFlags
	output string
}

func newUnexpose(s *factory) *cobra.Command {
	f := &unexposeFlags{}
	cmd := &cobra.Command{
		Use:     "unexpose NAME... | POD... | --role ROLE [CLUSTER] | --all",
		GroupID: groupExpose,
		Short:   "Remove Services that this tool made",
		Long: text(`
			Remove Services that expose-sidecar and expose-pod made, and no others:
			by the Service's name, by the pod it was made for, by the role,
			component or shard it leads to, or all of the namespace's.

			A name that is unknown, or that of a Service which this tool did not
			make, is an error; the rest is removed all the same.

			Rights: list and delete services; with --wait also watch them.`),
		Example: examples(`
			# By name
			kubectl iris unexpose simple-sidecar-backup

			# By what was exposed
			kubectl iris unexpose --role backup simple
			kubectl iris unexpose data-0-1

			# Everything that this tool made in the namespace
			kubectl iris unexpose --all`),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return err
			}
			return f.run(cmd.Context(), s, args)
		},
	}
	cmd.ValidArgsFunction = s.complete(completeExposed)
	flags := cmd.Flags()
	flags.StringVar(&f.role, "role", "", "Remove what follows this mirror role.")
	flags.StringVar(&f.component, "component", "", "Remove what leads to the sidecars of this component: data or compute.")
	flags.StringVar(&f.shard, "shard", "", "Remove what leads to the sidecars of this shard.")
	// What was exposed is told by the Services, not by the pods of now.
	completeFlag(cmd, "role", s.complete(completeTargetsOf(func(t *view.Target) string { return t.Role })))
	completeFlag(cmd, "shard", s.complete(completeTargetsOf(func(t *view.Target) string { return t.Shard })))
	completeFlag(cmd, "component", s.complete(completeTargetsOf(func(t *view.Target) string { return t.Component })))
	flags.BoolVar(&f.all, "all", false, "Remove every Service that this tool made in the namespace.")
	dryRunVar(cmd, &f.dryRun, "none, client (say what would be removed) or server (have the server check it, and remove nothing).")
	f.waitFlags.addTo(cmd, "Wait until the Services are gone.", "How long --wait waits for each.")
	choiceVarP(cmd, &f.output, "output", "o", "Output format: name for names alone.", "name")
	return cmd
}

// byTarget tells whether Services are meant by what they lead to.
func (f *unexposeFlags) byTarget() bool { return f.role != "" || f.component != "" || f.shard != "" }

func (f *unexposeFlags) check(args []string) error {
	switch {
	case f.all && (len(args) > 0 || f.byTarget()):
		return problem.Usage("--all goes with nothing else").Hint("leave it out to remove some")
	case f.byTarget() && len(args) > 1:
		return problem.Usage("--role, --component and --shard take one cluster, got %q", args).Hint("name one cluster, or none where the namespace has one")
	case !f.all && !f.byTarget() && len(args) == 0:
		return problem.Usage("which Service?").Hint("name one, or take --role, --component, --shard or --all; kubectl iris exposed lists them")
	case f.wait && f.dryRun != action.DryRunNone:
		return problem.Usage("--wait does not go with --dry-run: nothing changes").Hint("leave one of them out")
	}
	return nil
}

func (f *unexposeFlags) run(ctx context.Context, s *factory, args []string) error {
	namespace, err := s.namespace()
	if err != nil {
		return err
	}
	client, err := s.client(ctx)
	if err != nil {
		return err
	}
	reading, cancel := s.bounded(ctx)
	made, err := client.MadeServices(reading, namespace)
	cancel()
	if err != nil {
		return err
	}
	chosen, failed := f.choose(ctx, s, client, namespace, made, args)
	if len(chosen) == 0 && len(failed) == 0 {
		s.printNone(namespace)
		return nil
	}
	// All are removed before one is waited for: load balancers take their time
	// side by side.
	var removed []*corev1.Service
	for _, service := range chosen {
		if err := f.remove(ctx, s, client, service); err != nil {
			failed = append(failed, err)
			continue
		}
		removed = append(removed, service)
	}
	if f.wait {
		for _, service := range removed {
			failed = append(failed, client.WaitGone(ctx, service, s.waitOptions(f.timeout)))
		}
	}
	return errors.Join(failed...)
}

// choose finds the Services that are meant; what is meant and not there is in
// the errors.
func (f *unexposeFlags) choose(ctx context.Context, s *factory, client *connection, namespace string, made []corev1.Service, args []string) (chosen []*corev1.Service, failed []error) {
	switch {
	case f.all:
		return pointers(made, func(*corev1.Service) bool { return true }), nil
	case f.byTarget():
		return f.chooseByTarget(namespace, made, args)
	}
	for _, arg := range args {
		found, err := byNameOrPod(namespace, made, arg)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if len(found) == 0 {
			failed = append(failed, s.notMade(ctx, client, namespace, arg, made))
		}
		for _, service := range found {
			if !slices.Contains(chosen, service) {
				chosen = append(chosen, service)
			}
		}
	}
	return chosen, failed
}

func (f *unexposeFlags) chooseByTarget(namespace string, made []corev1.Service, args []string) ([]*corev1.Service, []error) {
	matching := pointers(made, func(service *corev1.Service) bool {
		t := cluster.TargetOf(service)
		return t.Kind == view.TargetSidecar &&
			(len(args) == 0 || t.Cluster == args[0]) &&
			(f.role == "" || t.Role == f.role) &&
			(f.component == "" || t.Component == f.component) &&
			(f.shard == "" || t.Shard == f.shard)
	})
	clusters := clustersOf(matching)
	switch {
	case len(matching) == 0:
		return nil, []error{problem.New("this tool made no such Service in namespace %q", namespace).
			Hint("kubectl iris exposed -n %s lists those it made", namespace)}
	case len(clusters) > 1:
		return nil, []error{problem.Usage("several clusters in namespace %q have such a Service: %s", namespace, quoted(clusters)).
			Hint("name one of them")}
	}
	return matching, nil
}

func clustersOf(services []*corev1.Service) []string {
	var names []string
	for _, service := range services {
		names = append(names, cluster.TargetOf(service).Cluster)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// byNameOrPod finds a Service by its name, else those made for a pod, by its
// full name or the part after its cluster's.
func byNameOrPod(namespace string, made []corev1.Service, arg string) ([]*corev1.Service, error) {
	if named := pointers(made, func(service *corev1.Service) bool { return service.Name == arg }); len(named) > 0 {
		return named, nil
	}
	found := pointers(made, func(service *corev1.Service) bool {
		t := cluster.TargetOf(service)
		return t.Kind == view.TargetPod && (t.Pod == arg || t.Pod == t.Cluster+"-"+arg)
	})
	var pods []string
	for _, service := range found {
		pods = append(pods, cluster.TargetOf(service).Pod)
	}
	slices.Sort(pods)
	if pods = slices.Compact(pods); len(pods) > 1 {
		return nil, problem.New("%q names several pods in namespace %q: %s", arg, namespace, strings.Join(pods, ", ")).
			Hint("give the pod's full name, or the Service's")
	}
	return found, nil
}

// notMade tells a Service of somebody else's from one that is not there.
func (s *factory) notMade(ctx context.Context, client *connection, namespace, name string, made []corev1.Service) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	hint := fmt.Sprintf("this tool made none in namespace %q", namespace)
	if len(made) > 0 {
		names := make([]string, len(made))
		for i := range made {
			names[i] = made[i].Name
		}
		hint = "this tool made " + quoted(names)
	}
	live, err := client.Service(ctx, namespace, name)
	switch {
	case err != nil: // it may not be looked at
		return problem.New("this tool made no service %q in namespace %q, nor one for a pod of that name", name, namespace).Hint("%s", hint)
	case live != nil:
		return problem.New("service %q in namespace %q was not created by kubectl-iris and is left alone", name, namespace).Hint("%s", hint)
	}
	return problem.New("there is no service %q in namespace %q, nor one for a pod of that name", name, namespace).Hint("%s", hint)
}

func (f *unexposeFlags) remove(ctx context.Context, s *factory, client *connection, service *corev1.Service) error {
	if f.dryRun != action.DryRunClient {
		deleting, cancel := s.bounded(ctx)
		err := client.Delete(deleting, service, kube.DeleteOptions{DryRun: f.dryRun == action.DryRunServer})
		cancel()
		if err != nil {
			return err
		}
	}
	line := fmt.Sprintf("service %q deleted%s", service.Name, dryRunNote(f.dryRun))
	if f.output == "name" {
		line = "service/" + service.Name
	}
	_, err := fmt.Fprintln(s.Out, line)
	return err
}

func pointers(services []corev1.Service, keep func(*corev1.Service) bool) []*corev1.Service {
	var kept []*corev1.Service
	for i := range services {
		if keep(&services[i]) {
			kept = append(kept, &services[i])
		}
	}
	return kept
}
