package cli

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	goflag "flag"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

// A factory joins the environment with the flags that every command takes.
type factory struct {
	Env
	config *genericclioptions.ConfigFlags
	// flags are those of config.
	flags *pflag.FlagSet
}

// readTimeout bounds the reads and writes of a command that does not watch,
// unless --request-timeout is given. It begins when credentials were obtained.
const readTimeout = 30 * time.Second

func newFactory(env Env, flags *pflag.FlagSet) *factory {
	s := &factory{Env: env, config: genericclioptions.NewConfigFlags(true), flags: flags}
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

// client returns a client of the API server that the flags and the kubeconfig
// name. It obtains the credentials, for which a user may have to log in, so the
// time for requests begins after it.
func (s *factory) client(ctx context.Context) (*connection, error) {
	return s.clientWith(ctx, func(*rest.Config) {})
}

func (s *factory) clientWith(ctx context.Context, change func(*rest.Config)) (*connection, error) {
	config, err := s.config.ToRESTConfig()
	if err != nil {
		return nil, s.configProblem(err)
	}
	change(config)
	client, err := newConnection(config, s.Build.userAgent())
	if err != nil {
		return nil, s.configProblem(err)
	}
	if err := client.Login(ctx); err != nil {
		return nil, err
	}
	return client, nil
}

// connectionFlags change what the kubeconfig says about the connection. Those
// that name a part of it are not among them: a part that does not exist makes
// no wrong command line.
var connectionFlags = []string{
	"as", "as-group", "as-uid", "as-user-extra", "certificate-authority", "client-certificate", "client-key",
	"insecure-skip-tls-verify", "proxy-url", "server", "tls-server-name", "token",
}

// configProblem explains why no client can be made. It returns a usage error if
// the kubeconfig is usable without the flags that were given.
func (s *factory) configProblem(err error) error {
	reason := s.redacted(err.Error())
	given := s.given(connectionFlags)
	switch {
	case clientcmd.IsEmptyConfig(err) || errors.Is(err, clientcmd.ErrNoContext):
		return problem.New("no API server to talk to: %s", reason).
			Hint("set KUBECONFIG or --kubeconfig, or choose a context with --context")
	case len(given) > 0 && s.usableWithoutFlags():
		return problem.Usage("invalid %s: %s", strings.Join(given, ", "), reason).
			Hint("%s", afterInvalidFlags(given))
	}
	return problem.New("the kubeconfig cannot be used: %s", reason).
		Hint("kubectl config view shows it; --context chooses another context")
}

func afterInvalidFlags(given []string) string {
	if !slices.Contains(given, "--as") && slices.ContainsFunc(given, func(flag string) bool { return strings.HasPrefix(flag, "--as-") }) {
		return "--as-group, --as-uid and --as-user-extra require --as"
	}
	return "kubectl iris options describes these flags"
}

// given returns those of the flags that the command line sets.
func (s *factory) given(names []string) []string {
	var given []string
	for _, name := range names {
		if s.flags.Changed(name) {
			given = append(given, "--"+name)
		}
	}
	return given
}

// usableWithoutFlags reports whether a client can be made of the kubeconfig
// alone, or whether there is none, so that the flags are all there is.
func (s *factory) usableWithoutFlags() bool {
	alone := &genericclioptions.ConfigFlags{
		KubeConfig: s.config.KubeConfig, Context: s.config.Context,
		ClusterName: s.config.ClusterName, AuthInfoName: s.config.AuthInfoName,
	}
	config, err := alone.ToRESTConfig()
	if err != nil {
		return clientcmd.IsEmptyConfig(err)
	}
	_, err = kube.New(config, "")
	return err == nil
}

// redacted returns text without the credentials that the addresses of proxies
// hold. What follows such an address may quote a part of it.
func (s *factory) redacted(text string) string {
	for _, address := range s.proxies() {
		at := strings.LastIndex(address, "@")
		if at < 0 {
			continue
		}
		for _, written := range []string{strconv.Quote(address), address} {
			if before, _, found := strings.Cut(text, written); found {
				text = before + "xxxxx" + address[at:]
			}
		}
	}
	return kube.Redacted(text)
}

// proxies returns the addresses of proxies in the flags and the kubeconfig.
func (s *factory) proxies() []string {
	addresses := []string{*s.config.ProxyURL}
	config, err := s.config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return addresses
	}
	for _, cluster := range config.Clusters {
		addresses = append(addresses, cluster.ProxyURL)
	}
	return addresses
}

// checkFlags returns a usage error for a flag of the connection whose value
// would be ignored or refused later.
func (s *factory) checkFlags() error {
	if timeout := *s.config.Timeout; timeout != "" {
		if d, err := clientcmd.ParseTimeout(timeout); err != nil || d < 0 {
			return problem.Usage("invalid --request-timeout %q: must be seconds or a duration", timeout).
				Hint("for example 30s or 2m; 0 means no timeout")
		}
	}
	for _, extra := range *s.config.ImpersonateUserExtra {
		if key, _, found := strings.Cut(extra, "="); !found || key == "" {
			return problem.Usage("invalid --as-user-extra %q: must be KEY=VALUE", extra).
				Hint("for example --as-user-extra=scopes=view")
		}
	}
	return nil
}

// namespace is the one that --namespace or the context names.
func (s *factory) namespace() (string, error) {
	namespace, _, err := s.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return "", s.configProblem(err)
	}
	return namespace, nil
}

// bounded returns ctx with the time that a command's reads may take in all.
// With --request-timeout that flag bounds each request instead; 0 means no limit.
func (s *factory) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.flags.Changed("request-timeout") && *s.config.Timeout != "" {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, readTimeout)
}

// actionConfig returns what all actions have in common.
func (s *factory) actionConfig() action.Config {
	return action.Config{Reporter: s, Now: s.Now, WithTimeout: s.bounded}
}

// Note prints a line about what the command does on stderr.
func (s *factory) Note(line string) { render.Note(s.Err, line) }

// Warn prints a warning on stderr.
func (s *factory) Warn(line string) { render.Warning(s.Err, line) }

// quietly keeps the log of the client library, which goes to stderr, for those
// who ask for it with -v: what it has to say, our errors say.
func quietly(ctx context.Context) context.Context {
	if klog.V(1).Enabled() {
		return ctx
	}
	return klog.NewContext(ctx, klog.Logger{})
}
