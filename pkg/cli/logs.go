package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/action/instances"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/flag"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/help"
	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/logs"
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

func newLogs(s *factory) *cobra.Command {
	f := &logsFlags{}
	cmd := &cobra.Command{
		Use:     "logs [CLUSTER | POD]",
		GroupID: groupReach,
		Short:   "Print the logs of all members of a cluster, in the order of time",
		Long: help.Text(`
			Print the logs of all containers of a cluster's pods, or of one pod's,
			in the order of time, each line with its pod and container before it.
			Without a target it is the only cluster's. With --role it is the pod that
			has the role when the command starts.

			With --follow new lines are printed as they come, also those of pods and
			containers that start later, from their first line on. None is lost or
			doubled when a connection breaks. Without it, a log that sends nothing
			for five seconds no longer holds back the others, and one that sends
			nothing for 30 seconds, or does not end within --request-timeout, is an
			error once the others are printed.

			On a terminal, control characters other than tabs and colour sequences
			are shown as ?.

			Rights: get pods/log, list pods and irisclusters.intersystems.com; with
			--follow also watch pods; with --role, to ask IRIS, create pods/exec, or
			get pods/proxy (its metrics or mirror_status.cxw suffice).`),
		Example: help.Examples(`
			# Of all members, and go on
			kubectl iris logs -f

			# The last ten minutes of the web gateways
			kubectl iris logs simple --container webgateway --since 10m

			# The log of one pod's containers before their last restart
			kubectl iris logs data-0-1 --previous`),
		Args: help.MaxArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), s, args)
		},
	}
	cmd.ValidArgsFunction = s.completeFirst(completion.Targets)
	flags := cmd.Flags()
	f.addTo(cmd, s)
	flags.BoolVarP(&f.follow, "follow", "f", false, "Print new lines as they come.")
	flags.BoolVarP(&f.previous, "previous", "p", false, "Print the logs of the containers' previous instances.")
	flags.BoolVar(&f.timestamps, "timestamps", false, "Print the time of each line.")
	flags.DurationVar(&f.since, "since", 0, "Only lines younger than this, for example 90s, 5m or 2h.")
	flags.Int64Var(&f.tail, "tail", -1, "Only that many last lines of each container; -1 for all.")
	flags.StringSliceVarP(&f.containers, "container", "c", nil, "Only these containers, comma-separated.")
	flag.Complete(cmd, "container", s.complete(completion.Containers))
	flag.Color(cmd, &f.color)
	return cmd
}

func (f *logsFlags) run(ctx context.Context, s *factory, args []string) error {
	options, err := instances.NewLogsOptions(f.follow, f.previous, f.since, f.tail, f.containers...)
	if err != nil {
		return err
	}
	request, client, err := f.open(ctx, s, args)
	if err != nil {
		return err
	}
	lines := render.NewLogLines(s.Out, s.useColor(f.color), render.IsTerminal(s.Out))
	return instances.Logs{Config: s.actionConfig(), Client: client, Request: request, Options: options}.Run(ctx, func(line logs.Line) error {
		stamp := ""
		if f.timestamps {
			stamp = line.Stamp
		}
		return lines.Print(line.Pod, line.Container, stamp, line.Text)
	})
}
