package cli

import (
	"context"
	"errors"
	"time"

	goflag "flag"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// session joins the environment with the flags that every command takes.
type session struct {
	Env
	config *genericclioptions.ConfigFlags
}

// readTimeout bounds the reads and writes of a command that does not watch,
// unless --request-timeout says otherwise.
const readTimeout = 30 * time.Second

func newSession(env Env, flags *pflag.FlagSet) *session {
	s := &session{Env: env, config: genericclioptions.NewConfigFlags(true)}
	warnings := newAPIWarnings(s.warn)
	s.config.WrapConfigFn = func(c *rest.Config) *rest.Config {
		c.WarningHandlerWithContext = warnings
		if env.WrapConfig != nil {
			c = env.WrapConfig(c)
		}
		return c
	}
	s.config.AddFlags(flags)
	verbosity := goflag.NewFlagSet("klog", goflag.ContinueOnError)
	klog.InitFlags(verbosity)
	flags.AddGoFlag(verbosity.Lookup("v"))
	return s
}

// client connects to the API server that the flags and the kubeconfig name.
func (s *session) client() (*kube.Client, error) {
	config, err := s.config.ToRESTConfig()
	if err != nil {
		return nil, configProblem(err)
	}
	client, err := kube.New(config, s.Build.userAgent())
	if err != nil {
		return nil, configProblem(err)
	}
	return client, nil
}

func configProblem(err error) error {
	if clientcmd.IsEmptyConfig(err) || errors.Is(err, clientcmd.ErrNoContext) {
		return problem.New("no API server to talk to: %w", err).
			Hint("set KUBECONFIG or --kubeconfig, or choose a context with --context")
	}
	return problem.New("the kubeconfig cannot be used: %w", err).
		Hint("kubectl config view shows it; --context chooses another context")
}

// namespace is the one that --namespace or the context names.
func (s *session) namespace() (string, error) {
	namespace, _, err := s.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return "", configProblem(err)
	}
	return namespace, nil
}

// bounded is ctx with the time that a command's reads may take in all.
func (s *session) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if timeout := s.config.Timeout; timeout != nil && *timeout != "" && *timeout != "0" {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, readTimeout)
}

// quietly keeps the log of the client library, which goes to stderr, for those
// who ask for it with -v: what it has to say, our errors say.
func quietly(ctx context.Context) context.Context {
	if klog.V(1).Enabled() {
		return ctx
	}
	return klog.NewContext(ctx, klog.Logger{})
}
