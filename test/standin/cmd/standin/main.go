// Command standin runs the stand-in operator against the control plane of a kubeconfig,
// until it is interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run plays the operator as the arguments say; what it does goes to log.
func run(ctx context.Context, args []string, log io.Writer) error {
	var options standin.Options
	flags := flag.NewFlagSet("standin", flag.ContinueOnError)
	flags.SetOutput(log)
	kubeconfig := flags.String("kubeconfig", os.Getenv("KUBECONFIG"), "kubeconfig `file` of the control plane")
	flags.BoolVar(&options.RealNode, "real-node", false, "kubelets run the pods; without it, a bare Node is made and its kubelet played")
	flags.DurationVar(&options.LabelDelay, "label-delay", 0, "how long mirrorRole labels lag behind what IRIS says")
	flags.DurationVar(&options.Resync, "resync", 0, "time after which objects are synced although nothing has changed (0: ten minutes)")
	flags.StringVar(&options.IRISContainer, "iris-container", "", "`name` of the IRIS container")
	flags.StringVar(&options.Images.IRIS, "iris-image", "", "`image` that plays IRIS on a real node")
	flags.StringVar(&options.Images.WebGateway, "webgateway-image", "", "`image` that plays the web gateway on a real node")
	flags.StringVar(&options.Images.Arbiter, "arbiter-image", "", "`image` that plays the arbiter on a real node")
	flags.TextVar(&options.LoadBalancer, "load-balancer", netip.Prefix{}, "`network` like 192.0.2.0/24, whose addresses Services of type LoadBalancer get")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *kubeconfig == "" {
		return errors.New("no control plane: name a kubeconfig file with --kubeconfig")
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	options.Log = slog.New(slog.NewTextHandler(log, nil))
	return standin.Run(ctx, cfg, options)
}
