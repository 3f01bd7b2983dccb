package cli

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/logs"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

type logsFlags struct {
	targetFlags
	follow, previous, timestamps bool
	since                        time.Duration
	tail                         int64
	containers                   []string
	color                        render.ColorMode
}

func newLogs(s *session) *cobra.Command {
	f := &logsFlags{}
	cmd := &cobra.Command{
		Use:     "logs [CLUSTER | POD]",
		GroupID: groupReach,
		Short:   "Print the logs of all members of a cluster, in the order of time",
		Long: text(`
			Print the logs of all containers of a cluster's pods, or of one pod's,
			in the order of time, each line with its pod and container before it.
			Without a target it is the only cluster's. With --role it is the pod that
			holds the role when the command starts.

			With --follow new lines are printed as they come, also those of pods and
			containers that start later, from their first line on. None is lost or
			doubled when a connection breaks.

			Rights: get pods/log, list pods and irisclusters.intersystems.com; with
			--follow also watch pods; with --role, to ask IRIS, create pods/exec.`),
		Example: examples(`
			# Of all members, and go on
			kubectl iris logs -f

			# The last ten minutes of the web gateways
			kubectl iris logs simple --container webgateway --since 10m

			# What the instance of one pod said before it was restarted
			kubectl iris logs data-0-1 --previous`),
		Args: maxArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return f.run(cmd.Context(), s, strings.Join(args, ""))
		},
	}
	flags := cmd.Flags()
	f.addTo(flags)
	flags.BoolVarP(&f.follow, "follow", "f", false, "Go on printing lines as they come.")
	flags.BoolVarP(&f.previous, "previous", "p", false, "Print the logs of the containers' former instances.")
	flags.BoolVar(&f.timestamps, "timestamps", false, "Print the time of each line.")
	flags.DurationVar(&f.since, "since", 0, "Only lines younger than this, as in 90s, 5m or 2h.")
	flags.Int64Var(&f.tail, "tail", -1, "Only that many last lines of each container; -1 for all.")
	flags.StringSliceVarP(&f.containers, "container", "c", nil, "Only these containers, comma-separated.")
	addColorFlag(flags, &f.color)
	return cmd
}

func (f *logsFlags) check() error {
	switch {
	case f.follow && f.previous:
		return problem.Usage("--previous does not go with --follow: what has ended brings no new lines").Hint("leave one of them out")
	case f.since < 0:
		return problem.Usage("--since %s lies in the future", f.since).Hint("give a time like 5m")
	case f.tail < -1:
		return problem.Usage("--tail %d is not a number of lines", f.tail).Hint("give 0 or more, or -1 for all lines")
	}
	return nil
}

func (f *logsFlags) run(ctx context.Context, s *session, name string) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	cluster, pod, err := f.target(ctx, s, client, name)
	if err != nil {
		return err
	}
	namespace, err := s.namespace()
	if err != nil {
		return err
	}
	lines := render.NewLogLines(s.Out, s.useColor(f.color))
	options := logs.Options{
		Part:       logs.Part{Follow: f.follow, Previous: f.previous, Tail: f.tail, Ago: f.since},
		Containers: f.containers,
		Open: func(ctx context.Context, source logs.Source, part logs.Part) (io.ReadCloser, error) {
			return client.Log(ctx, source, part)
		},
		Print: func(line logs.Line) error {
			stamp := ""
			if f.timestamps {
				stamp = line.Stamp
			}
			return lines.Print(line.Pod, line.Container, stamp, line.Text)
		},
	}
	reading, cancel := s.bounded(ctx)
	defer cancel()
	sources, err := client.LogSources(reading, namespace, cluster, pod)
	if err != nil {
		return err
	}
	if err := f.checkContainers(sources, namespace, cluster); err != nil {
		return err
	}
	if f.follow {
		return logs.Follow(ctx, func(ctx context.Context, show func([]logs.Source) error) error {
			return client.FollowLogSources(ctx, namespace, cluster, pod, show, func(err error) { s.note("%s", lostWords(err)) })
		}, options)
	}
	return f.print(ctx, sources, options, namespace)
}

func (f *logsFlags) print(ctx context.Context, sources []logs.Source, options logs.Options, namespace string) error {
	read, err := logs.Read(ctx, sources, options)
	switch {
	case err != nil:
		return err
	case read == 0 && f.previous:
		return problem.New("no container in namespace %q that is meant has a former instance", namespace).
			Hint("none was restarted since its pod was made; leave out --previous")
	case read == 0:
		return problem.New("no container in namespace %q that is meant has a log yet", namespace).
			Hint("with --follow it is waited for; kubectl iris status -n %s shows what keeps it from starting", namespace)
	}
	return nil
}

// target is the cluster or the pod whose logs are meant.
func (f *logsFlags) target(ctx context.Context, s *session, client *kube.Client, name string) (cluster, pod string, err error) {
	if f.role == "" && f.shard == "" {
		reading, cancel := s.bounded(ctx)
		defer cancel()
		facts, request, err := s.targetFacts(reading, client, f.targetFlags, name)
		if err != nil {
			return "", "", err
		}
		cluster, pod, byShortName, err := reach.ClusterOrPod(request, facts)
		if err == nil && byShortName {
			err = s.ruleOut(reading, client, name, facts.Name, pod)
		}
		return cluster, pod, err
	}
	target, err := s.find(ctx, client, f.targetFlags, name)
	if err != nil {
		return "", "", err
	}
	s.note("logs of %s", target.who())
	return target.Cluster.Name, target.pod.Name, nil
}

// checkContainers refuses the name of a container that no pod has.
func (f *logsFlags) checkContainers(sources []logs.Source, namespace, cluster string) error {
	var names []string
	for _, source := range sources {
		names = append(names, source.Container)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, wanted := range f.containers {
		if !slices.Contains(names, wanted) && len(names) > 0 {
			return problem.New("no pod of IrisCluster %q in namespace %q that is meant has a container %q", cluster, namespace, wanted).
				Hint("there are %s", strings.Join(names, ", "))
		}
	}
	return nil
}
