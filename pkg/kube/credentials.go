package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// loginTimeout bounds the time that a credential plugin may take, which
// includes that of a user who logs in.
const loginTimeout = 5 * time.Minute

// Login obtains the credentials that a plugin of the kubeconfig provides, so
// that the time that it takes, or its user, counts as none of the server's. It
// makes no request. Without a plugin it does nothing.
func (c *Client) Login(ctx context.Context) error {
	return c.loginWithin(ctx, loginTimeout)
}

func (c *Client) loginWithin(ctx context.Context, limit time.Duration) error {
	plugin, err := c.credentialPlugin()
	if plugin == nil || err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		response, err := plugin.RoundTrip(request)
		if err == nil {
			err = response.Body.Close()
		}
		done <- err
	}()
	// A plugin does not heed the context.
	expired := time.NewTimer(limit)
	defer expired.Stop()
	select {
	case err := <-done:
		if err == nil {
			return nil
		}
		return c.credentialProblem(err)
	case <-ctx.Done():
		return ctx.Err()
	case <-expired.C:
		return c.credentialProblem(fmt.Errorf("%sexec: executable %s has not returned after %s", credentialWords, c.pluginName(), limit))
	}
}

// credentialPlugin returns the part of the transport that adds a plugin's
// credentials, in front of no server; nil if the kubeconfig uses no plugin.
// client-go keeps the credentials for all transports of the same configuration.
func (c *Client) credentialPlugin() (http.RoundTripper, error) {
	if c.config.ExecProvider == nil && c.config.AuthProvider == nil {
		return nil, nil
	}
	config := rest.CopyConfig(c.config)
	config.WrapTransport = nil
	transport, err := config.TransportConfig()
	if err != nil || transport.WrapTransport == nil {
		return nil, err
	}
	return transport.WrapTransport(emptyAnswer{}), nil
}

// emptyAnswer answers every request with nothing.
type emptyAnswer struct{}

// RoundTrip answers with an empty 200.
func (emptyAnswer) RoundTrip(request *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: request}, nil
}

// pluginName returns the command of the credential plugin, or its kind.
func (c *Client) pluginName() string {
	switch {
	case c.config.ExecProvider != nil:
		return c.config.ExecProvider.Command
	case c.config.AuthProvider != nil:
		return c.config.AuthProvider.Name
	}
	return "credential plugin"
}

// credentialWords begin the errors of client-go's credential plugins; they
// have no type.
const credentialWords = "getting credentials: "

func isCredentialFailure(err error) bool {
	var network *url.Error
	return errors.As(err, &network) && strings.HasPrefix(network.Err.Error(), credentialWords)
}

// credentialProblem explains the failure of a credential plugin: it names the
// plugin, and not the server, which was not asked.
func (c *Client) credentialProblem(err error) error {
	var network *url.Error
	if errors.As(err, &network) {
		err = network.Err
	}
	// Below the first line client-go explains what plugins are.
	reason, _, missing := strings.Cut(strings.TrimPrefix(err.Error(), credentialWords), "\n")
	if !strings.Contains(reason, c.pluginName()) {
		reason = fmt.Sprintf("exec: %s: %s", c.pluginName(), strings.TrimPrefix(reason, "exec: "))
	}
	hint := "the kubeconfig names this plugin: kubectl config view --minify shows it; %s or %s chooses another user"
	if missing {
		hint = "install the plugin; kubectl config view --minify shows where the kubeconfig says how; %s or %s chooses another user"
	}
	return problem.New("%s%s", credentialWords, reason).Hint(hint, problem.Field("context"), problem.Field("user"))
}

// moveUserinfo makes the credentials in the server's URL those of the
// configuration. As with Go's HTTP client, they replace all others, but for
// client certificates. Without it they would be in every error and log line
// that names a request.
func moveUserinfo(config *rest.Config) error {
	if !strings.Contains(config.Host, "@") {
		return nil
	}
	server, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		// The cause quotes the URL.
		return errors.New("the server's address is invalid: it must be a URL or HOST:PORT")
	}
	if server.User == nil {
		return nil
	}
	config.Username = server.User.Username()
	config.Password, _ = server.User.Password()
	config.BearerToken, config.BearerTokenFile = "", ""
	config.ExecProvider, config.AuthProvider = nil, nil
	server.User = nil
	config.Host = server.String()
	return nil
}

var (
	userinfo = lazily(`//[^\s"]*@`)
	// badProxy is what net/http says of a proxy in the environment that it
	// cannot parse, with the URL and parts of it.
	badProxy = lazily(`invalid proxy address ".*`)
)

// Redacted returns text without the credentials that URLs in it hold.
func Redacted(text string) string {
	text = badProxy().ReplaceAllString(text, "invalid proxy address in HTTPS_PROXY or HTTP_PROXY")
	return userinfo().ReplaceAllString(text, "//xxxxx@")
}

// withoutSecrets returns err with a redacted text.
func withoutSecrets(err error) error {
	if err == nil || Redacted(err.Error()) == err.Error() {
		return err
	}
	return redacted{err}
}

type redacted struct{ error }

// Error returns the redacted text.
func (r redacted) Error() string { return Redacted(r.error.Error()) }

// Unwrap returns the error with its secrets.
func (r redacted) Unwrap() error { return r.error }
