//go:build unix

package kube

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// loginClient has a credential plugin, whose directory is its $DIR.
func loginClient(t *testing.T, script string) (client *Client, dir string) {
	t.Helper()
	dir = t.TempDir()
	path := filepath.Join(dir, "login")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nDIR="+dir+"\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	// Nothing can listen on port 0.
	client, err := New(&rest.Config{Host: "https://127.0.0.1:0", ExecProvider: &clientcmdapi.ExecConfig{
		Command: path, APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
	}}, "test")
	if err != nil {
		t.Fatal(err)
	}
	return client, dir
}

// endless goes on until the test's directory is removed.
const endless = `while [ -e "$DIR/login" ]; do sleep 0.05; done`

func TestLoginOfAPluginThatNeverReturns(t *testing.T) {
	client, dir := loginClient(t, endless)
	err := client.loginWithin(t.Context(), 50*time.Millisecond)
	want := "getting credentials: exec: executable " + dir + "/login has not returned after 50ms"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// An interrupt ends the command while the user is asked to log in.
func TestLoginIsInterrupted(t *testing.T) {
	client, _ := loginClient(t, endless)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client.Login(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// Who has logged in is not asked again by the requests.
func TestLoginOnce(t *testing.T) {
	client, dir := loginClient(t, `echo x >> "$DIR/asked"
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t"}}'`)
	if err := client.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Service(t.Context(), "ns", "x"); err == nil || !strings.Contains(err.Error(), "cannot reach the API server") {
		t.Errorf("error %v", err)
	}
	if asked, err := os.ReadFile(filepath.Join(dir, "asked")); string(asked) != "x\n" {
		t.Errorf("the plugin ran %q times: %v", asked, err)
	}
}

// Credentials that expire are obtained again by a request.
func TestRequestWithoutCredentials(t *testing.T) {
	client, _ := loginClient(t, "exit 4")
	_, err := client.Service(t.Context(), "ns", "x")
	if err == nil || !strings.HasPrefix(err.Error(), "getting credentials: exec: executable ") || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("error %v", err)
	}
}

func TestRedacted(t *testing.T) {
	for text, want := range map[string]string{
		`Get "https://u:s3cret@host:1/api": EOF`:                                             `Get "https://xxxxx@host:1/api": EOF`,
		`Get "https://u:s3/c@ret@host:1/api": EOF`:                                           `Get "https://xxxxx@host:1/api": EOF`,
		`Get "https://u@host/": no`:                                                          `Get "https://xxxxx@host/": no`,
		`from https://u:s3cret@a to "http://v:s3cret@b"`:                                     `from https://xxxxx@a to "http://xxxxx@b"`,
		`invalid proxy address "u:s3/cret@p": parse "u:s3/cret@p": invalid port ":s3" in it`: `invalid proxy address in HTTPS_PROXY or HTTP_PROXY`,
		`Get "https://host:1/api": user@example.org may not`:                                 `Get "https://host:1/api": user@example.org may not`,
	} {
		if got := Redacted(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestErrorsHaveNoSecrets(t *testing.T) {
	client, err := New(&rest.Config{Host: "http://u:s3cret@host"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New(`parse "http://u:s3cret@proxy": no`)
	for _, err := range []error{
		broken,
		&url.Error{Op: "Get", URL: "http://u:s3cret@host/", Err: broken},
		&url.Error{Op: "Get", URL: "http://u:s3cret@host/", Err: context.DeadlineExceeded},
	} {
		explained := client.Explain(err, Access{"list", "pods", "ns"}, "")
		if text := explained.Error(); strings.Contains(text, "s3cret") || !errors.Is(explained, err) && !errors.Is(explained, errors.Unwrap(err)) {
			t.Errorf("%s", text)
		}
	}
}
