package connect

import (
	"context"
	goflag "flag"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/klog/v2"

	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// readTimeout bounds the reads and writes of a command that does not watch,
// unless --request-timeout is given. It begins when credentials were obtained.
const readTimeout = 30 * time.Second

// Flags are the flags of the connection, which every command takes.
type Flags struct {
	config    *genericclioptions.ConfigFlags
	set       *pflag.FlagSet
	userAgent string
}

// NewFlags adds the flags to set. Warnings of the API server go to warn. wrap, unless
// it is nil, changes the configuration of each client.
func NewFlags(set *pflag.FlagSet, userAgent string, warn func(string), wrap func(*rest.Config) *rest.Config) *Flags {
	f := &Flags{genericclioptions.NewConfigFlags(true), set, userAgent}
	warnings := newWarnings(warn)
	f.config.WrapConfigFn = func(c *rest.Config) *rest.Config {
		c.WarningHandlerWithContext = warnings
		if wrap != nil {
			c = wrap(c)
		}
		return c
	}
	f.config.AddFlags(set)
	verbosity := goflag.NewFlagSet("klog", goflag.ContinueOnError)
	klog.InitFlags(verbosity)
	set.AddGoFlag(verbosity.Lookup("v"))
	return f
}

// Validate returns a usage error for a flag whose value would be ignored or refused
// later.
func (f *Flags) Validate() error {
	if timeout := *f.config.Timeout; timeout != "" {
		if d, err := clientcmd.ParseTimeout(timeout); err != nil || d < 0 {
			return problem.Usage("invalid --request-timeout %q: must be seconds or a duration", timeout).
				Hint("for example 30s or 2m; 0 means no timeout")
		}
	}
	for _, extra := range *f.config.ImpersonateUserExtra {
		if key, _, found := strings.Cut(extra, "="); !found || key == "" {
			return problem.Usage("invalid --as-user-extra %q: must be KEY=VALUE", extra).
				Hint("for example --as-user-extra=scopes=view")
		}
	}
	return nil
}

// Client returns a client of the API server that the flags and the kubeconfig
// name. It obtains the credentials, for which a user may have to log in, so the
// time for requests begins after it.
func (f *Flags) Client(ctx context.Context) (*Client, error) {
	return f.clientWith(ctx, func(*rest.Config) {})
}

// ClientWithoutTerminal returns a client whose credential plugin is kept from the
// terminal, where the user who pressed TAB types on, even while a plugin that was
// given up still runs.
func (f *Flags) ClientWithoutTerminal(ctx context.Context) (*Client, error) {
	return f.clientWith(ctx, func(config *rest.Config) {
		if config.ExecProvider != nil {
			config.ExecProvider.StdinUnavailable = true
			config.ExecProvider.StdinUnavailableMessage = "completion cannot ask for credentials"
		}
	})
}

func (f *Flags) clientWith(ctx context.Context, change func(*rest.Config)) (*Client, error) {
	config, err := f.config.ToRESTConfig()
	if err != nil {
		return nil, f.explain(err)
	}
	change(config)
	client, err := newClient(config, f.userAgent)
	if err != nil {
		return nil, f.explain(err)
	}
	if err := client.Login(ctx); err != nil {
		return nil, err
	}
	return client, nil
}

// Namespace returns the namespace that --namespace or the context names.
func (f *Flags) Namespace() (string, error) {
	namespace, _, err := f.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return "", f.explain(err)
	}
	return namespace, nil
}

// Kubeconfig returns the kubeconfig as it is written.
func (f *Flags) Kubeconfig() (clientcmdapi.Config, error) {
	return f.config.ToRawKubeConfigLoader().RawConfig()
}

// WithTimeout returns ctx with the time that a command's reads may take in all.
// With --request-timeout that flag bounds each request instead; 0 means no limit.
func (f *Flags) WithTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if f.set.Changed("request-timeout") && *f.config.Timeout != "" {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, readTimeout)
}

// changing are the flags that change what the kubeconfig says about the connection.
// Those that name a part of it are not among them: a part that does not exist makes
// no wrong command line.
var changing = []string{
	"as", "as-group", "as-uid", "as-user-extra", "certificate-authority", "client-certificate", "client-key",
	"insecure-skip-tls-verify", "proxy-url", "server", "tls-server-name", "token",
}

// explain returns why there is no client. It is a usage error if the kubeconfig is
// usable without the flags that were given.
func (f *Flags) explain(err error) error {
	reason := f.redacted(err.Error())
	var given []string
	for _, name := range changing {
		if f.set.Changed(name) {
			given = append(given, "--"+name)
		}
	}
	if len(given) > 0 && f.usableWithoutFlags() {
		return problem.Usage("invalid %s: %s", strings.Join(given, ", "), reason).
			Hint("%s", hintFor(given))
	}
	return problem.New("the kubeconfig cannot be used: %s", reason).
		Hint("kubectl config view shows it; --context chooses another context")
}

// hintFor returns the hint of an error about the flags that were given.
func hintFor(given []string) string {
	if !slices.Contains(given, "--as") && slices.ContainsFunc(given, func(flag string) bool { return strings.HasPrefix(flag, "--as-") }) {
		return "--as-group, --as-uid and --as-user-extra require --as"
	}
	return "kubectl iris options describes these flags"
}

// usableWithoutFlags reports whether a client can be made of the kubeconfig alone.
// Without any, client-go has a default.
func (f *Flags) usableWithoutFlags() bool {
	alone := &genericclioptions.ConfigFlags{
		KubeConfig: f.config.KubeConfig, Context: f.config.Context,
		ClusterName: f.config.ClusterName, AuthInfoName: f.config.AuthInfoName,
	}
	config, err := alone.ToRESTConfig()
	if err == nil {
		_, err = kube.New(config, "")
	}
	return err == nil
}

// redacted returns text without the credentials in addresses of proxies. What follows
// such an address may quote a part of it, and is left out.
func (f *Flags) redacted(text string) string {
	for _, address := range f.proxies() {
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
func (f *Flags) proxies() []string {
	addresses := []string{*f.config.ProxyURL}
	config, err := f.Kubeconfig()
	if err != nil {
		return addresses
	}
	for _, cluster := range config.Clusters {
		addresses = append(addresses, cluster.ProxyURL)
	}
	return addresses
}

// WithoutLog returns ctx without the log of the client library, which goes to stderr,
// unless -v asks for it: the errors of commands have what it says.
func WithoutLog(ctx context.Context) context.Context {
	if klog.V(1).Enabled() {
		return ctx
	}
	return klog.NewContext(ctx, klog.Logger{})
}
