package instances_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kubectl-iris/kubectl-iris/internal/actiontest"
	"github.com/kubectl-iris/kubectl-iris/pkg/action/instances"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

func TestSession(t *testing.T) {
	hint := "kubectl iris status simple -n iko shows each pod and its role"
	cases := map[string]struct {
		change        func(*reachable)
		role          string
		name          []string
		told          string
		command       string
		message, hint string
	}{
		"primary": {
			told:    `session with instance PROD in pod "simple-data-0-0", primary of IrisCluster "simple" as IRIS says`,
			command: "iko simple-data-0-0 iris: iris session PROD -U %SYS",
		},
		"backup": {
			role: "backup", name: []string{"simple"},
			told: `warning: pod "simple-data-0-1" is a backup: running application code there is not supported by InterSystems (GHA_mirror_set), and writes to mirrored databases fail
session with instance PROD in pod "simple-data-0-1", backup of IrisCluster "simple" as IRIS says`,
			command: "iko simple-data-0-1 iris: iris session PROD -U %SYS",
		},
		"pod by its short name": {
			name:    []string{"data-0-0"},
			told:    `session with instance PROD in pod "simple-data-0-0"`,
			command: "iko simple-data-0-0 iris: iris session PROD -U %SYS",
		},
		"IrisClusters unreadable": {
			change:  func(c *reachable) { c.unread = []string{iris.Resource} },
			told:    `session with instance PROD in pod "simple-data-0-0", primary of IrisCluster "simple" as IRIS says`,
			command: "iko simple-data-0-0 iris: iris session PROD -U %SYS",
		},
		"pods unreadable": {
			change:  func(c *reachable) { c.unread = []string{"pods"} },
			message: "cannot list pods", hint: "ask for the right to list pods",
		},
		"short name, not known whether full": {
			change: func(c *reachable) { c.podErr = errors.New("forbidden") }, name: []string{"data-0-0"},
			told: `warning: "data-0-0" is taken for pod "simple-data-0-0"; whether there is a pod of that full name is not known: forbidden
session with instance PROD in pod "simple-data-0-0"`,
			command: "iko simple-data-0-0 iris: iris session PROD -U %SYS",
		},
		"short name is another pod's full name": {
			change: func(c *reachable) { c.others = []iris.Pod{{Namespace: "iko", Name: "data-0-0"}} }, name: []string{"data-0-0"},
			message: `pod "data-0-0" in namespace "iko" is not one of an IrisCluster`, hint: "to use pod simple-data-0-0, give its full name",
		},
		"only an async member": {
			change: func(c *reachable) {
				c.pods = c.pods[:1]
				delete(c.pods[0].Labels, iris.LabelMirrorRole)
				c.says["simple-data-0-0"] = "Connected"
			},
			told: `no failover member of IrisCluster "simple" is here, its primary is elsewhere; pod "simple-data-0-0" is used, its only async member
session with instance PROD in pod "simple-data-0-0"`,
			command: "iko simple-data-0-0 iris: iris session PROD -U %SYS",
		},
		"no pod has the role": {
			change: func(c *reachable) {
				c.says = map[string]string{"simple-data-0-0": "Primary"}
				delete(c.pods[1].Labels, iris.LabelMirrorRole)
			}, role: "backup",
			message: `no running pod has the role backup in IrisCluster "simple" in namespace "iko"; simple-data-0-0: primary, simple-data-0-1: no role`,
			hint:    "to reach a pod whatever its role, name it, as in simple-data-0-0; " + hint,
		},
		"pod is not running": {
			change: func(c *reachable) { c.pods[0].IRIS, c.pods[0].Sidecar, c.pods[0].State = nil, nil, "Pending" }, name: []string{"data-0-0"},
			message: `pod "simple-data-0-0" in namespace "iko" is not running: Pending`,
			hint:    "kubectl describe pod simple-data-0-0 -n iko shows why",
		},
		"cluster has no pods": {
			change: func(c *reachable) { c.clusters[0].Mirrored, c.pods = false, nil }, name: []string{"simple"},
			message: `IrisCluster "simple" in namespace "iko" has no data pod`, hint: hint,
		},
		"no cluster of that name": {
			change: func(c *reachable) { c.clusters, c.pods = nil, nil }, name: []string{"simple"},
			message: `IrisCluster "simple" not found in namespace "iko"`, hint: "this namespace has none; kubectl iris status -A shows those of all namespaces",
		},
		"arbiter": {
			change: func(c *reachable) { c.pods[1].Labels[iris.LabelComponent] = iris.ComponentArbiter }, name: []string{"data-0-1"},
			message: `pod "simple-data-0-1" in namespace "iko" runs no IRIS instance`, hint: "kubectl iris status simple -n iko shows those that do",
		},
		"exec is forbidden": {
			change: func(c *reachable) {
				c.says, c.refused = nil, iris.Refusal{Source: iris.FromQlist, Verb: "create", Resource: "pods/exec", Why: "forbidden"}
			},
			message: `cannot run a session in pod "simple-data-0-0" in namespace "iko": forbidden`,
			hint:    `ask for the right to create pods/exec in namespace "iko"; kubectl auth can-i create pods --subresource=exec -n iko reports whether you have it`,
		},
		"IRIS does not answer": {
			change: func(c *reachable) {
				c.says, c.refused = nil, iris.Refusal{Source: iris.FromQlist, TimedOut: true, Why: "no answer"}
			},
			told: `warning: the instance's name is not known, IRIS is assumed: iris qlist: no answer
session with instance IRIS in pod "simple-data-0-0", primary of IrisCluster "simple" by its label`,
			command: "iko simple-data-0-0 iris: iris session IRIS -U %SYS",
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			client, r := mirroredPair(), &actiontest.Reports{}
			if test.change != nil {
				test.change(client)
			}
			got, err := instances.Session{
				Config: actiontest.ConfigTo(r), Client: client, Request: requestFor(t, test.role, test.name...), IRISNamespace: "%SYS",
			}.Prepare(t.Context())
			checkError(t, err, test.message, test.hint)
			if told := r.Lines(); told != test.told {
				t.Errorf("reported\n%s\nwant\n%s", told, test.told)
			}
			command := ""
			if err == nil {
				command = got.Namespace + " " + got.Pod + " " + got.Container + ": " + strings.Join(got.Command, " ")
			}
			if command != test.command {
				t.Errorf("command %q, want %q", command, test.command)
			}
		})
	}
}

// An instance that is down is warned of, and the session is tried.
func TestSessionWithAnInstanceThatIsDown(t *testing.T) {
	client := mirroredPair()
	down := downInstance{client}
	r := &actiontest.Reports{}
	if _, err := (instances.Session{Config: actiontest.ConfigTo(r), Client: down, Request: requestFor(t, "", "data-0-0")}).Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := `warning: instance IRIS in pod "simple-data-0-0" is down`; !strings.HasPrefix(r.Lines(), want) {
		t.Errorf("reported %s", r.Lines())
	}
}

type downInstance struct{ *reachable }

func (downInstance) AskInstance(_ context.Context, pod iris.Pod) iris.Answer {
	return iris.Answer{UID: pod.UID, Source: iris.FromQlist, Instance: &iris.Instance{Name: "IRIS", Status: "down", Condition: iris.Down}}
}
