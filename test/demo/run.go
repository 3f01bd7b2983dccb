package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/kubectl-iris/kubectl-iris/test/localkube"
	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

// run shows the whole story and leaves the cluster up.
func run(ctx context.Context, dir string) (err error) {
	if _, err := localkube.Inspect(ctx, dir); err == nil {
		say("The demo's cluster is already up; ending it first.")
		if err := stop(ctx, dir); err != nil {
			return err
		}
	}
	noNode := localkube.Supported()
	if noNode != nil {
		say(fmt.Sprintf("No real node here (%v): pods are played, so no request through a Service, and nothing that IRIS says, can be shown.", noNode))
	}
	cluster, err := localkube.Start(ctx, localkube.Options{
		Dir: dir, Node: noNode == nil, CRDs: [][]byte{standin.CRD()}, Progress: os.Stderr,
	})
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			err = cluster.Detach()
		} else {
			err = errors.Join(err, stopOperator(context.WithoutCancel(ctx), dir), cluster.Stop())
		}
	}()
	if err := startOperator(dir, noNode == nil); err != nil {
		return err
	}
	d := newDemo(ctx, cluster, noNode == nil)
	if err := d.play(d.story()); err != nil {
		return err
	}
	say("The cluster is still up. To use it:")
	fmt.Printf("  export KUBECONFIG=%s\n  export PATH=%s:%s:$PATH\n  kubectl iris status simple -w\n", cluster.Kubeconfig, d.plugin, cluster.Binaries.Dir)
	say("make demo-stop ends it; bin/demo switches prints how to make the stand-ins misbehave.")
	return nil
}

// stop ends what run left.
func stop(ctx context.Context, dir string) error {
	operator := stopOperator(ctx, dir)
	err := localkube.Shutdown(ctx, dir)
	if errors.Is(err, localkube.ErrNotUp) {
		fmt.Fprintln(os.Stderr, "demo: no cluster is up")
		err = nil
	}
	return errors.Join(operator, err)
}

// demo runs commands as a user would: through a shell and the real kubectl.
type demo struct {
	ctx     context.Context
	plugin  string
	kubectl string
	env     []string
	// node: a kubelet runs the pods, so requests through Services are answered.
	node bool
}

func newDemo(ctx context.Context, cluster *localkube.Cluster, node bool) demo {
	here, err := os.Getwd()
	if err != nil {
		here = "."
	}
	plugin := filepath.Join(here, "bin")
	path := strings.Join([]string{plugin, filepath.Dir(cluster.Binaries.Kubectl()), os.Getenv("PATH")}, string(os.PathListSeparator))
	return demo{
		ctx: ctx, plugin: plugin, kubectl: cluster.Binaries.Kubectl(), node: node,
		env: append(os.Environ(), "KUBECONFIG="+cluster.Kubeconfig, "PATH="+path),
	}
}

// play takes the steps of a story until one fails.
func (d demo) play(story []step) error {
	for _, take := range story {
		if err := take(); err != nil {
			return err
		}
	}
	return nil
}

// Exit codes that are results here and no failures: what status says of a
// degraded cluster, and the refusal that the story is about.
const (
	done     = 0
	refused  = 1
	degraded = 3
)

// show runs one command line and shows it with what it prints. Its exit code
// has to be one of those given, or 0.
func (d demo) show(words, line string, codes ...int) step {
	return func() error {
		if words != "" {
			say(words)
		}
		fmt.Printf("$ %s\n", line)
		command := exec.CommandContext(d.ctx, "sh", "-c", line)
		command.Env, command.Stdout, command.Stderr = d.env, os.Stdout, os.Stdout
		err := command.Run()
		var exit *exec.ExitError
		switch {
		case err == nil && len(codes) == 0:
			return nil
		case err == nil || errors.As(err, &exit):
			code := done
			if exit != nil {
				code = exit.ExitCode()
			}
			for _, allowed := range codes {
				if code == allowed {
					return nil
				}
			}
			return fmt.Errorf("%s: exit code %d", line, code)
		default:
			return fmt.Errorf("%s: %w", line, err)
		}
	}
}

// await waits until a field of the status has a value.
func (d demo) await(want, path string) step {
	return func() error {
		return d.eventually(fmt.Sprintf("status %s to be %q", path, want), func(ctx context.Context) (string, bool) {
			command := exec.CommandContext(ctx, d.kubectl, "iris", "status", "simple", "-o", "jsonpath="+path)
			command.Env = d.env
			out, _ := command.Output() // an exit code of 3 says what is being waited for
			return string(out), string(out) == want
		})
	}
}

// portalFact is a line of the page that the stand-in's web gateway serves.
var portalFact = regexp.MustCompile(`<dt>(pod|role)<dd>([^\n<]*)`)

// get asks a Service for the portal and shows who answered, which has to be
// the pod given.
func (d demo) get(words, service, field, port, wantPod string) step {
	return func() error {
		if !d.node {
			return nil
		}
		host, err := d.field(service, field)
		if err != nil {
			return err
		}
		if strings.Contains(field, "nodePort") {
			host, port = localkube.NodeIP, host
		}
		address := "http://" + host + ":" + port + "/csp/sys/UtilHome.csp"
		if words != "" {
			say(words)
		}
		fmt.Printf("GET %s\n", address)
		return d.eventually("an answer of "+wantPod, func(ctx context.Context) (string, bool) {
			pod, role, err := portal(ctx, address)
			if err != nil {
				return err.Error(), false
			}
			if pod == wantPod {
				fmt.Printf("200 OK, answered by the web gateway in %s; its IRIS says: %s\n", pod, role)
			}
			return pod, pod == wantPod
		})
	}
}

func portal(ctx context.Context, address string) (pod, role string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", "", err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = response.Body.Close() }() // nothing was written
	body, err := io.ReadAll(response.Body)
	facts := map[string]string{}
	for _, fact := range portalFact.FindAllStringSubmatch(string(body), -1) {
		facts[fact[1]] = fact[2]
	}
	return facts["pod"], facts["role"], err
}

// field is a field of a Service.
func (d demo) field(service, path string) (string, error) {
	command := exec.CommandContext(d.ctx, d.kubectl, "get", "service", service, "-o", "jsonpath="+path)
	command.Env = d.env
	out, err := command.Output()
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("service %s has no %s", service, path)
	}
	return string(out), err
}

// eventually asks until the answer is right.
func (d demo) eventually(what string, ask func(context.Context) (answer string, right bool)) error {
	ctx, cancel := context.WithTimeout(d.ctx, time.Minute)
	defer cancel()
	for {
		answer, right := ask(ctx)
		if right {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited for %s, got %q: %w", what, answer, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func say(words string) { fmt.Printf("\n# %s\n", words) }
