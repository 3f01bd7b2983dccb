package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/kubectl-iris/kubectl-iris/test/images/agent"
)

const (
	// serviceAccountDir is where a pod finds its own rights.
	serviceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"
	// dialTimeout is how long a connection to another member may take, which is
	// the kernel's affair, and askTimeout how long its answer may. lookupTimeout is
	// for the API server.
	dialTimeout   = 500 * time.Millisecond
	askTimeout    = 2 * time.Second
	lookupTimeout = time.Second
)

// errGone says that there is no other member who could answer.
var errGone = errors.New("gone")

// podLookup finds the addresses of pods at the API server: there is no DNS here.
type podLookup struct {
	client    *http.Client
	server    string // URL
	namespace string
	tokenFile string
}

// newPodLookup is a lookup with the rights in the folder.
func newPodLookup(dir string) (podLookup, error) {
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return podLookup{}, err
	}
	namespace, err := os.ReadFile(filepath.Join(dir, "namespace"))
	if err != nil {
		return podLookup{}, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return podLookup{
		client:    &http.Client{Timeout: lookupTimeout, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}},
		server:    "https://" + net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")),
		namespace: string(namespace),
		tokenFile: filepath.Join(dir, "token"),
	}, nil
}

// address is the pod's address.
func (l podLookup) address(ctx context.Context, pod string) (string, error) {
	token, err := os.ReadFile(l.tokenFile) // anew: it is replaced in time
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.server+"/api/v1/namespaces/"+l.namespace+"/pods/"+pod, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	response, err := l.client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }() // nothing was written
	if response.StatusCode == http.StatusNotFound {
		return "", errGone
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("looking up pod %q: %s", pod, response.Status)
	}
	var found struct{ Status struct{ PodIP string } }
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&found); err != nil {
		return "", fmt.Errorf("looking up pod %q: %w", pod, err)
	}
	if found.Status.PodIP == "" {
		return "", errGone
	}
	return found.Status.PodIP, nil
}

// peers asks other members, and remembers where they are.
type peers struct {
	lookup podLookup
	client *http.Client

	mu        sync.Mutex
	addresses map[string]string // by pod
}

func newPeers(lookup podLookup) *peers {
	dialer := net.Dialer{Timeout: dialTimeout}
	client := &http.Client{Timeout: askTimeout, Transport: &http.Transport{DialContext: dialer.DialContext}}
	return &peers{lookup: lookup, client: client, addresses: map[string]string{}}
}

// ask asks the member in the pod; where that is, it looks up anew after each
// failure. The error is errGone if it is not there.
func (p *peers) ask(ctx context.Context, pod string) (agent.Report, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	address, known := p.addresses[pod]
	if !known {
		var err error
		if address, err = p.lookup.address(ctx, pod); err != nil {
			return agent.Report{}, err
		}
		p.addresses[pod] = address
	}
	report, err := agent.Ask(ctx, p.client, address)
	if err == nil && report.Pod == pod {
		return report, nil
	}
	delete(p.addresses, pod)
	// Somebody else may have the address by now.
	if dial := (*net.OpError)(nil); err == nil || errors.As(err, &dial) && dial.Op == "dial" {
		return agent.Report{}, errGone
	}
	return agent.Report{}, err
}
