package reach

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

var started = metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))

// data is a running data pod with a sidecar.
func data(cluster, short, role string, labels ...string) iris.Pod {
	p := iris.Pod{
		Namespace: "ns",
		Name:      cluster + "-" + short,
		UID:       types.UID("uid-" + cluster + "-" + short),
		Ready:     true,
		State:     "Running",
		Labels: map[string]string{
			iris.LabelKind: iris.Kind, iris.LabelName: cluster, iris.LabelComponent: iris.ComponentData, iris.LabelRole: iris.RoleIRIS,
		},
		IRIS:    &iris.Container{Name: "iris", Started: started},
		Sidecar: &iris.Container{Name: iris.SidecarContainer, Started: started},
	}
	if role != "" {
		p.Labels[iris.LabelMirrorRole] = role
	}
	for i := 0; i < len(labels); i += 2 {
		p.Labels[labels[i]] = labels[i+1]
	}
	return p
}

func pair(cluster string) []iris.Pod {
	return []iris.Pod{data(cluster, "data-0-0", "primary"), data(cluster, "data-0-1", "backup")}
}

func mirrored(name string) iris.Cluster {
	return iris.Cluster{Namespace: "ns", Name: name, Mirrored: true, Shards: 1, Nodes: map[string]iris.Node{"data": {}}}
}

func TestChoose(t *testing.T) {
	lone := iris.Cluster{Namespace: "ns", Name: "lone", Shards: 1, Nodes: map[string]iris.Node{"data": {}}}
	one := cluster.Namespace{ClustersRead: true, Clusters: []iris.Cluster{mirrored("simple")}, Pods: pair("simple")}
	two := cluster.Namespace{ClustersRead: true, Clusters: []iris.Cluster{mirrored("simple"), lone}, Pods: append(pair("simple"), data("lone", "data-0", ""))}
	unread := cluster.Namespace{Pods: pair("simple")}
	sharded := cluster.Namespace{ClustersRead: true, Clusters: []iris.Cluster{mirrored("big")}, Pods: []iris.Pod{
		data("big", "data-0-0", "primary", iris.LabelShard, "0"), data("big", "data-1-0", "primary", iris.LabelShard, "1"),
	}}
	sharded.Clusters[0].Shards = 2
	for _, c := range []struct {
		name    string
		request Request
		facts   cluster.Namespace
		want    string
		err     string
	}{
		{name: "the primary of the only cluster", facts: one, want: `primary of IrisCluster "simple"`},
		{name: "without the right to read IrisClusters", facts: unread, want: `primary of IrisCluster "simple"`},
		{name: "a role of the only cluster", request: Request{role: "backup"}, facts: one, want: `backup of IrisCluster "simple"`},
		{name: "a cluster", request: Request{name: "simple"}, facts: two, want: `primary of IrisCluster "simple"`},
		{name: "a cluster and a role", request: Request{name: "simple", role: "backup"}, facts: two, want: `backup of IrisCluster "simple"`},
		{name: "a cluster without a mirror", request: Request{name: "lone"}, facts: two, want: `pod "lone-data-0"`},
		{name: "a pod by its short name", request: Request{name: "data-0-1"}, facts: two, want: `pod "simple-data-0-1"`},
		{name: "a pod by its name", request: Request{name: "simple-data-0-1"}, facts: two, want: `pod "simple-data-0-1"`},
		{name: "a shard", request: Request{shard: "1"}, facts: sharded, want: `primary of shard 1 of IrisCluster "big"`},
		{name: "no cluster", facts: cluster.Namespace{ClustersRead: true}, err: `no IrisCluster found in namespace "ns"`},
		{name: "several clusters", facts: two, err: `namespace "ns" has several IrisClusters: lone, simple`},
		{name: "several shards", facts: sharded, err: `shard is required because IrisCluster "big" in namespace "ns" has the shards 0, 1`},
		{name: "no such shard", request: Request{shard: "7"}, facts: sharded, err: `invalid shard "7": IrisCluster "big" in namespace "ns" has no such shard`},
		{name: "a role that no pod can have", request: Request{role: "bakcup"}, facts: one, err: `invalid role "bakcup": no pod of IrisCluster "simple" in namespace "ns" has this role, and it is neither primary nor backup`},
		{name: "a pod and a role", request: Request{name: "data-0-1", role: "backup"}, facts: one, err: `pod "simple-data-0-1" cannot be used together with role or shard`},
		{name: "no such cluster", request: Request{name: "simpel", role: "backup"}, facts: one, err: `IrisCluster "simpel" not found in namespace "ns"`},
		{name: "nothing of that name", request: Request{name: "simpel"}, facts: one, err: `neither an IrisCluster nor a pod of one is named "simpel" in namespace "ns"`},
		{
			name: "several pods of that name", request: Request{name: "data-0-0"}, facts: cluster.Namespace{Pods: append(pair("a"), pair("b")...)},
			err: `"data-0-0" names several pods in namespace "ns": a-data-0-0, b-data-0-0`,
		},
		{
			name: "a cluster and a pod of one name", request: Request{name: "data-0-1"},
			facts: cluster.Namespace{ClustersRead: true, Clusters: []iris.Cluster{mirrored("data-0-1"), mirrored("simple")}, Pods: pair("simple")},
			err:   `"data-0-1" in namespace "ns" is an IrisCluster and also pod "simple-data-0-1"`,
		},
		{
			name: "several data pods without a mirror", facts: cluster.Namespace{ClustersRead: true, Clusters: []iris.Cluster{lone}, Pods: []iris.Pod{data("lone", "data-0", ""), data("lone", "data-1", "")}},
			err: `a pod name is required: IrisCluster "lone" in namespace "ns" has several data pods and no mirror: lone-data-0, lone-data-1`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.request.namespace, c.facts.Name = "ns", "ns"
			got, err := Choose(c.request, c.facts)
			if c.err != "" {
				if err == nil || err.Error() != c.err {
					t.Errorf("error %v, want %s", err, c.err)
				}
				if problem.HintOf(err) == "" && !errors.As(err, new(Unresolved)) {
					t.Error("no hint")
				}
				return
			}
			if err != nil || got.String() != c.want {
				t.Errorf("got %s, error %v, want %s", got, err, c.want)
			}
		})
	}
}

// said is qlist's answer of a mirror member.
func said(p iris.Pod, memberType, status string) iris.Answer {
	return iris.Answer{UID: p.UID, Source: iris.FromQlist, At: time.Now(), Instance: &iris.Instance{
		Name: "IRIS", Status: "running", Condition: iris.Running, Mirror: &iris.Mirror{MemberType: memberType, Status: status},
	}}
}

func answers(all ...iris.Answer) cluster.Answers {
	m := cluster.Answers{}
	for _, a := range all {
		m[a.UID] = a
	}
	return m
}

func TestFind(t *testing.T) {
	a, b := data("simple", "data-0-0", "primary"), data("simple", "data-0-1", "backup")
	async := data("simple", "data-0-2", "dr")
	stopped := b
	stopped.IRIS, stopped.Sidecar, stopped.State = &iris.Container{Name: "iris"}, nil, "CrashLoopBackOff"
	leaving := b
	leaving.Deleting, leaving.State = true, "Terminating"
	unlabelled := data("simple", "data-0-1", "")
	role := func(role string) Target {
		return Target{Namespace: "ns", Cluster: mirrored("simple"), ClusterRead: true, Role: role}
	}
	for _, c := range []struct {
		name    string
		target  Target
		pods    []iris.Pod
		answers cluster.Answers
		want    string
		source  iris.AnswerSource
		err     string
	}{
		{name: "by label", target: role("backup"), pods: []iris.Pod{a, b}, want: "simple-data-0-1"},
		{
			name: "as IRIS says", target: role("backup"), pods: []iris.Pod{a, b}, want: "simple-data-0-0", source: iris.FromQlist,
			answers: answers(said(a, "Failover", "Backup"), said(b, "Failover", "Primary")),
		},
		{
			name: "IRIS says so of one, the other's label is older", target: role("primary"), pods: []iris.Pod{a, b}, want: "simple-data-0-1", source: iris.FromQlist,
			answers: answers(said(a, "Failover", "In Trouble"), said(b, "Failover", "Primary")),
		},
		{
			name: "IRIS says so of one, and nothing of the other, whose label is older", target: role("primary"), pods: []iris.Pod{a, b}, want: "simple-data-0-1", source: iris.FromQlist,
			answers: answers(said(b, "Failover", "Primary")),
		},
		{
			name: "a label of its own", target: role("dr"), pods: []iris.Pod{a, b, async}, want: "simple-data-0-2",
			answers: answers(said(async, "Disaster Recovery", "Connected")),
		},
		{
			name: "an asynchronous member labelled backup is none", target: role("backup"), pods: []iris.Pod{a, data("simple", "data-0-2", "backup")},
			answers: answers(said(async, "Disaster Recovery", "Connected")),
			err:     `no running pod has the role backup in IrisCluster "simple" in namespace "ns"; simple-data-0-0: primary, simple-data-0-2: no role`,
		},
		{
			name: "no pod", target: role("backup"), pods: []iris.Pod{a, unlabelled},
			err: `no running pod has the role backup in IrisCluster "simple" in namespace "ns"; simple-data-0-0: primary, simple-data-0-1: no role`,
		},
		{
			name: "a pod that does not run", target: role("backup"), pods: []iris.Pod{a, stopped},
			err: `no running pod has the role backup in IrisCluster "simple" in namespace "ns"; simple-data-0-0: primary, simple-data-0-1: CrashLoopBackOff`,
		},
		{
			name: "a pod on its way out", target: role("backup"), pods: []iris.Pod{a, leaving},
			err: `no running pod has the role backup in IrisCluster "simple" in namespace "ns"; simple-data-0-0: primary, simple-data-0-1: Terminating`,
		},
		{
			name: "two", target: role("primary"), pods: []iris.Pod{a, data("simple", "data-0-1", "primary")},
			err: `several pods have the role primary in IrisCluster "simple" in namespace "ns": simple-data-0-0, simple-data-0-1`,
		},
		{name: "a pod", target: Target{Namespace: "ns", Pod: "simple-data-0-1"}, pods: []iris.Pod{a, b}, want: "simple-data-0-1"},
		{
			name: "a pod that is gone", target: Target{Namespace: "ns", Pod: "simple-data-0-1"}, pods: []iris.Pod{a},
			err: `pod "simple-data-0-1" not found in namespace "ns"`,
		},
		{
			name: "a pod that does not run", target: Target{Namespace: "ns", Pod: "simple-data-0-1"}, pods: []iris.Pod{a, stopped},
			err: `pod "simple-data-0-1" in namespace "ns" is not running: CrashLoopBackOff`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.target.Resolve(c.pods, c.answers)
			if c.err != "" {
				if err == nil || err.Error() != c.err {
					t.Errorf("error %v\nwant  %s", err, c.err)
				}
				if problem.HintOf(err) == "" && !errors.As(err, new(Unresolved)) {
					t.Error("no hint")
				}
				return
			}
			if err != nil || got.Name != c.want || got.Source != c.source {
				t.Errorf("got %q (%s), error %v, want %q (%s)", got.Name, got.Source, err, c.want, c.source)
			}
		})
	}
}

func TestParsePort(t *testing.T) {
	for _, c := range []struct {
		arg  string
		want Port
		err  string
	}{
		{arg: "80", want: Port{Remote: "80"}},
		{arg: "8080:80", want: Port{Local: 8080, Remote: "80"}},
		{arg: ":80", want: Port{Remote: "80"}},
		{arg: "0:portal", want: Port{Remote: "portal"}},
		{arg: "1972:superserver", want: Port{Local: 1972, Remote: "superserver"}},
		{arg: "web-server", want: Port{Remote: "web-server"}},
		{arg: "0", err: `invalid port "0": REMOTE 0 is not a port number from 1 to 65535`},
		{arg: "65536", err: `invalid port "65536": REMOTE 65536 is not a port number from 1 to 65535`},
		{arg: "99999:80", err: `invalid port "99999:80": LOCAL "99999" is not a port number up to 65535`},
		{arg: "80:", err: `invalid port "80:": REMOTE "" is neither a port number nor the name of a port`},
		{arg: "1:2:3", err: `invalid port "1:2:3": REMOTE "2:3" is neither a port number nor the name of a port`},
		{arg: "a_b", err: `invalid port "a_b": REMOTE "a_b" is neither a port number nor the name of a port`},
	} {
		t.Run(c.arg, func(t *testing.T) {
			got, err := ParsePort(c.arg)
			if c.err != "" {
				if err == nil || err.Error() != c.err || problem.ExitCode(err) != problem.ExitUsage || problem.HintOf(err) == "" {
					t.Errorf("error %v, want %s", err, c.err)
				}
				return
			}
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("error %v %s", err, diff)
			}
		})
	}
}

func TestIsPort(t *testing.T) {
	for arg, want := range map[string]bool{
		"80": true, "portal": true, "superserver": true, "8080:web": true, ":web": true,
		"data-0-1": false, "simple": false, "web": false,
	} {
		if got := IsPort(arg); got != want {
			t.Errorf("IsPort(%q) = %t", arg, got)
		}
	}
}

func TestPortIn(t *testing.T) {
	plain := data("simple", "data-0-0", "")
	plain.Sidecar = nil
	declaring := data("simple", "data-0-0", "")
	declaring.Sidecar.Ports = []corev1.ContainerPort{{Name: "gateway", ContainerPort: 8080}}
	declaring.IRIS.Ports = []corev1.ContainerPort{{Name: "superserver", ContainerPort: 51773}}
	arbiter := data("simple", "arbiter-0", "", iris.LabelComponent, iris.ComponentArbiter)
	arbiter.Sidecar = nil
	native := data("simple", "data-0-0", "")
	native.Others = []iris.Container{{Name: "exporter", Ports: []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9090}, {Name: "portal", ContainerPort: 9}}}}
	crashing := data("simple", "data-0-0", "")
	crashing.Sidecar = &iris.Container{Name: iris.SidecarContainer, Reason: "CrashLoopBackOff"}
	lockedDown := iris.Cluster{Nodes: map[string]iris.Node{"data": {Sidecar: &iris.Gateway{Type: "apache-lockeddown"}}}}
	for _, c := range []struct {
		name    string
		remote  string
		pod     iris.Pod
		cluster iris.Cluster
		want    uint16
		err     string
	}{
		{"a number", "1234", plain, iris.Cluster{}, 1234, ""},
		{"the portal of a sidecar", "portal", data("simple", "data-0-0", ""), iris.Cluster{}, 80, ""},
		{"that of a sidecar that declares its port", "portal", declaring, iris.Cluster{}, 8080, ""},
		{"that of a locked-down sidecar", "portal", data("simple", "data-0-0", ""), lockedDown, 52773, ""},
		{"the portal without a sidecar", "portal", plain, iris.Cluster{}, 52773, ""},
		{"no portal", "portal", arbiter, iris.Cluster{}, 0, `pod "simple-arbiter-0" in namespace "ns" is not known to serve a portal`},
		{"the superserver", "superserver", plain, iris.Cluster{}, 1972, ""},
		{"a declared superserver", "superserver", declaring, iris.Cluster{}, 51773, ""},
		{"a declared port", "gateway", declaring, iris.Cluster{}, 8080, ""},
		{"a port of another container", "metrics", native, iris.Cluster{}, 9090, ""},
		{"the portal is not another container's port of that name", "portal", native, iris.Cluster{}, 80, ""},
		{"the portal of a sidecar that crashes", "portal", crashing, iris.Cluster{}, 0, `the sidecar of pod "simple-data-0-0" in namespace "ns" is not running: CrashLoopBackOff`},
		{"the superserver beside a sidecar that crashes", "superserver", crashing, iris.Cluster{}, 1972, ""},
		{"a number beside a sidecar that crashes", "52773", crashing, iris.Cluster{}, 52773, ""},
		{"no such port", "web", declaring, iris.Cluster{}, 0, `no container of pod "simple-data-0-0" in namespace "ns" declares a port named "web"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Port{Remote: c.remote}.In(c.pod, c.cluster)
			message := ""
			if err != nil {
				message = err.Error()
			}
			if got != c.want || message != c.err {
				t.Errorf("got %d, error %q, want %d, %q", got, message, c.want, c.err)
			}
		})
	}
}

// The error of a sidecar that is not running says which port serves the portal
// meanwhile: that of IRIS, if it runs.
func TestPortalOfAStoppedSidecar(t *testing.T) {
	pod := data("simple", "data-0-0", "")
	pod.Sidecar = &iris.Container{Name: iris.SidecarContainer}
	pod.IRIS.Ports = []corev1.ContainerPort{{Name: "webserver", ContainerPort: 8888}}
	portal := Port{Remote: NamePortal}
	var stopped Stopped
	if _, err := portal.In(pod, iris.Cluster{}); !errors.As(err, &stopped) || stopped.Own != 8888 || stopped.Pod.Name != pod.Name ||
		err.Error() != `the sidecar of pod "simple-data-0-0" in namespace "ns" is not running` {
		t.Errorf("error %v, port %d", err, stopped.Own)
	}
	pod.IRIS.Started = metav1.Time{}
	if _, err := portal.In(pod, iris.Cluster{}); !errors.As(err, &stopped) || stopped.Own != 0 {
		t.Errorf("error %v, port %d although IRIS is not running either", err, stopped.Own)
	}
	if _, err := (Port{Remote: "nope"}).In(pod, iris.Cluster{}); err == nil || errors.As(err, new(Stopped)) {
		t.Errorf("error %v of a port that there is not", err)
	}
}

func TestNewRequest(t *testing.T) {
	for _, c := range []struct {
		role, shard string
		name        []string
		err         string
	}{
		{role: "backup", shard: "0", name: []string{"simple"}},
		{name: []string{"data-0-1"}},
		{},
		{name: []string{""}, err: `"" is not the name of an IrisCluster or a pod`},
		{name: []string{"Simple"}, err: `"Simple" is not the name of an IrisCluster or a pod`},
		{role: "a b", err: `invalid role "a b": must be the value of a label`},
		{shard: "-", err: `invalid shard "-": must be the value of a label`},
	} {
		r, err := NewRequest("ns", c.role, c.shard, c.name...)
		if c.err != "" {
			if err == nil || err.Error() != c.err || problem.ExitCode(err) != problem.ExitUsage || problem.HintOf(err) == "" {
				t.Errorf("error %v, want %s", err, c.err)
			}
			continue
		}
		if err != nil || r.Namespace() != "ns" || r.Name() != strings.Join(c.name, "") || r.IsNarrowed() != (c.role+c.shard != "") {
			t.Errorf("%+v, error %v", r, err)
		}
	}
}

// What names no pod by itself is found in the status of the cluster, or of all.
func TestUnresolved(t *testing.T) {
	for name, c := range map[string]struct {
		request Request
		facts   cluster.Namespace
		cluster string
	}{
		"no data pod": {Request{}, cluster.Namespace{ClustersRead: true, Clusters: []iris.Cluster{{Namespace: "ns", Name: "lone", Nodes: map[string]iris.Node{"data": {}}}}}, "lone"},
		"no cluster":  {Request{name: "simple"}, cluster.Namespace{ClustersRead: true}, ""},
	} {
		c.request.namespace, c.facts.Name = "ns", "ns"
		_, err := Choose(c.request, c.facts)
		var unresolved Unresolved
		if !errors.As(err, &unresolved) || unresolved.Namespace != "ns" || unresolved.Cluster != c.cluster {
			t.Errorf("%s: %v, %+v", name, err, unresolved)
		}
	}
}
