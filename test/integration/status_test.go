package integration_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

// inShort is a line for each shard of a cluster.
func inShort(list view.ClusterStatusList) []string {
	var lines []string
	for _, c := range list.Items {
		sidecars := 0
		for _, pod := range c.Pods {
			if pod.Sidecar != nil {
				sidecars++
			}
		}
		for _, shard := range c.Shards {
			lines = append(lines, fmt.Sprintf("%s[%s] %s: primary %v, backup %v, others %v, ready %d/%d, %d sidecars, %d pods",
				c.Metadata.Name, shard.Name, c.Health, shard.Primaries, shard.Backups, shard.Others, shard.Ready, shard.Members, sidecars, len(c.Pods)))
		}
	}
	return lines
}

// Every example of an IrisCluster is accepted, and is healthy once it runs.
func TestStatusOfExamples(t *testing.T) {
	t.Parallel()
	examples := map[string][]string{
		"article":          {"simple[0] Healthy: primary [simple-data-0-0], backup [simple-data-0-1], others [], ready 2/2, 2 sidecars, 4 pods"},
		"article-part2":    {"simple[] Healthy: primary [], backup [], others [simple-data-0], ready 1/1, 0 sidecars, 2 pods"},
		"istio-mirrored":   {"iris[0] Healthy: primary [iris-data-0-0], backup [iris-data-0-1], others [], ready 2/2, 2 sidecars, 4 pods"},
		"istio-unmirrored": {"iris[] Healthy: primary [], backup [], others [iris-data-0], ready 1/1, 1 sidecars, 2 pods"},
		"standalone":       {"iris[] Healthy: primary [], backup [], others [iris-data-0], ready 1/1, 0 sidecars, 1 pods"},
		"all-fields": {
			"sample[0] Healthy: primary [sample-data-0-0], backup [sample-data-0-1], others [], ready 2/2, 0 sidecars, 9 pods",
			"sample[1] Healthy: primary [sample-data-1-0], backup [sample-data-1-1], others [], ready 2/2, 0 sidecars, 9 pods",
		},
		"compute-sidecars": {"iris-vs2021[0] Healthy: primary [iris-vs2021-data-0-0], backup [iris-vs2021-data-0-1], others [], ready 2/2, 4 sidecars, 6 pods"},
		"webinar":          {"webinar[0] Healthy: primary [webinar-data-0-0], backup [webinar-data-0-1], others [], ready 2/2, 0 sidecars, 7 pods"},
		"dr-async":         {"remote[0] Healthy: primary [remote-data-0-0], backup [remote-data-0-1], others [remote-data-0-2 remote-data-0-3], ready 4/4, 4 sidecars, 5 pods"},
		"sharded":          {"shards[] Healthy: primary [], backup [], others [shards-data-0 shards-data-1 shards-data-2], ready 3/3, 0 sidecars, 3 pods"},
		"locked-down":      {"locked[] Healthy: primary [], backup [], others [locked-data-0], ready 1/1, 1 sidecars, 2 pods"},
		"undeclared-ports": {"bare[0] Healthy: primary [bare-data-0-0], backup [bare-data-0-1], others [], ready 2/2, 2 sidecars, 2 pods"},
		"look-alikes": {
			"a[0] Healthy: primary [a-data-0-0], backup [a-data-0-1], others [], ready 2/2, 0 sidecars, 2 pods",
			"a-data[0] Healthy: primary [a-data-data-0-0], backup [a-data-data-0-1], others [], ready 2/2, 0 sidecars, 2 pods",
			"a-data-0[0] Healthy: primary [a-data-0-data-0-0], backup [a-data-0-data-0-1], others [], ready 2/2, 0 sidecars, 2 pods",
		},
	}
	folders, err := filepath.Glob("../standin/testdata/*/cluster.yaml")
	if err != nil || len(folders) != len(examples) {
		t.Errorf("%d examples, %d are known here: %v", len(folders), len(examples), err)
	}
	for scenario, want := range examples {
		t.Run(scenario, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			names := e.apply(scenario)
			e.giveAddresses()
			e.settle()
			list := decoded[view.ClusterStatusList](e.run("status", "-o", "json").exits(0))
			if diff := cmp.Diff(want, inShort(list)); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			for _, name := range names {
				detail := e.run("status", name).exits(0).warns()
				if headline := fmt.Sprintf("%s (namespace %q): healthy: ", name, e.namespace); !strings.HasPrefix(detail.stdout, headline) {
					t.Errorf("status %s does not begin with %q:\n%s", name, headline, detail.stdout)
				}
			}
		})
	}
}

// healthy sets up the article's cluster with nothing wrong.
func healthy(t *testing.T) *env {
	t.Helper()
	e := article(t)
	e.giveAddresses()
	e.settle()
	return e
}

// columns are some columns of a table, found by their headers.
func columns(r result, headers ...string) [][]string {
	r.t.Helper()
	rows := r.rows()
	var picked [][]string
	for _, row := range rows[1:] {
		var cells []string
		for _, header := range headers {
			at := slices.Index(rows[0], header)
			if at < 0 || at >= len(row) {
				r.t.Fatalf("%q: no column %s in:\n%s", r.args, header, r.stdout)
			}
			cells = append(cells, row[at])
		}
		picked = append(picked, cells)
	}
	return picked
}

func equal[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// A namespace's clusters are listed, however alike their names are, and each
// way to choose among them and to print them works.
func TestStatusList(t *testing.T) {
	t.Parallel()
	e := healthy(t)
	e.apply("look-alikes")
	e.settle()
	e.freezeLabels("a-data")
	e.labelRole("a-data-data-0-1", "")
	header := []string{"NAME", "PRIMARY", "BACKUP", "OTHERS", "READY", "SIDECARS", "EXPOSED", "HEALTH", "AGE"}

	list := e.run("status").exits(3).warns()
	equal(t, "header", header, list.rows()[0])
	all := [][]string{
		{"a", "a-data-0-0", "a-data-0-1", "-", "2/2", "0", "0", "Healthy"},
		{"a-data", "a-data-data-0-0", "<none>", "a-data-data-0-1", "2/2", "0", "0", "Degraded"},
		{"a-data-0", "a-data-0-data-0-0", "a-data-0-data-0-1", "-", "2/2", "0", "0", "Healthy"},
		{"simple", "simple-data-0-0", "simple-data-0-1", "-", "2/2", "2", "0", "Healthy"},
	}
	equal(t, "rows", all, columns(list, header[:8]...))

	t.Run("no headers", func(t *testing.T) {
		r := e.in(t).run("status", "--no-headers")
		equal(t, "first word", "a", r.rows()[0][0])
	})
	t.Run("some by name", func(t *testing.T) {
		r := e.in(t).run("status", "simple", "a").exits(0)
		equal(t, "rows", [][]string{all[0], all[3]}, columns(r, header[:8]...))
	})
	t.Run("unhealthy", func(t *testing.T) {
		r := e.in(t).run("status", "--unhealthy").exits(3)
		equal(t, "rows", all[1:2], columns(r, header[:8]...))
		e.in(t).run("status", "simple", "a-data-0", "--unhealthy").exits(0).prints()
	})
	t.Run("by label", func(t *testing.T) {
		e := e.in(t)
		e.labelCluster("simple", "tier", "prod")
		r := e.run("status", "-l", "tier=prod").exits(0)
		equal(t, "rows", all[3:], columns(r, header[:8]...))
		r = e.run("status", "-l", "tier!=prod").exits(3)
		equal(t, "rows", all[:3], columns(r, header[:8]...))
		e.run("status", "-l", "tier=test").exits(0).prints().warns("No resources found in " + e.namespace + " namespace.")
	})
	t.Run("wide", func(t *testing.T) {
		r := e.in(t).run("status", "-o", "wide")
		equal(t, "columns", [][]string{
			{"Running", "true", "<none>"}, {"Running", "true", "NoBackup,RoleLabelMissing"}, {"Running", "true", "<none>"}, {"Running", "true", "<none>"},
		}, columns(r, "PHASE", "MIRRORED", "FINDINGS"))
	})
	t.Run("name", func(t *testing.T) {
		e.in(t).run("status", "-o", "name").exits(3).prints("iriscluster.intersystems.com/a", "iriscluster.intersystems.com/a-data",
			"iriscluster.intersystems.com/a-data-0", "iriscluster.intersystems.com/simple")
		e.in(t).run("status", "simple", "-o", "name").exits(0).prints("iriscluster.intersystems.com/simple")
	})
	t.Run("jsonpath", func(t *testing.T) {
		r := e.in(t).run("status", "-o", `jsonpath={range .items[*]}{.metadata.name}={.shards[0].primaries[0]}{"\n"}{end}`)
		r.prints("a=a-data-0-0", "a-data=a-data-data-0-0", "a-data-0=a-data-0-data-0-0", "simple=simple-data-0-0")
		equal(t, "stdout", "simple-data-0-1", e.in(t).run("status", "simple", "-o", "jsonpath={.shards[0].backups[0]}").exits(0).stdout)
	})
	t.Run("go-template", func(t *testing.T) {
		e.in(t).run("status", "-o", `go-template={{range .items}}{{.health}}{{"\n"}}{{end}}`).prints("Healthy", "Degraded", "Healthy", "Healthy")
		equal(t, "stdout", "Healthy", e.in(t).run("status", "simple", "-o", "go-template", "--template={{.health}}").stdout)
	})
	t.Run("yaml and json", func(t *testing.T) {
		r := e.in(t).run("status", "-o", "yaml").exits(3)
		var fromYAML view.ClusterStatusList
		e.in(t).must(yaml.UnmarshalStrict([]byte(r.stdout), &fromYAML))
		fromJSON := decoded[view.ClusterStatusList](e.in(t).run("status", "-o", "json").exits(3))
		equal(t, "yaml and json", fromJSON, fromYAML)
		equal(t, "kind", []string{"kubectl-iris/v1alpha1", "ClusterStatusList", "ClusterStatus"},
			[]string{fromJSON.APIVersion, fromJSON.Kind, fromJSON.Items[0].Kind})
	})
	t.Run("colour", func(t *testing.T) {
		if r := e.in(t).run("status", "--color=always"); !strings.Contains(r.stdout, "\x1b[") {
			t.Errorf("no colour:\n%s", r.stdout)
		}
		if r := e.in(t).run("status"); strings.Contains(r.stdout, "\x1b[") {
			t.Errorf("colour where there is no terminal:\n%s", r.stdout)
		}
	})
}

// A sharded cluster has a row for each shard.
func TestStatusOfShards(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("all-fields")
	e.giveAddresses()
	e.settle()
	r := e.run("status").exits(0)
	equal(t, "rows", [][]string{
		{"sample", "0", "sample-data-0-0", "sample-data-0-1"},
		{"sample", "1", "sample-data-1-0", "sample-data-1-1"},
	}, columns(r, "NAME", "SHARD", "PRIMARY", "BACKUP"))
	e.freezeLabels("sample")
	e.labelRole("sample-data-1-0", "backup")
	detail := e.status("sample")
	equal(t, "findings", []string{"NoPrimary"}, findingsOf(detail))
	if want := `no primary in shard "1"`; !strings.Contains(detail.Verdict, want) {
		t.Errorf("verdict %q does not say %q", detail.Verdict, want)
	}
}

// Two namespaces have a cluster of the same name; -A tells them apart.
func TestStatusOfAllNamespaces(t *testing.T) {
	t.Parallel()
	one, two := healthy(t), article(t)
	rows := func() [][]string {
		var own [][]string
		for _, row := range columns(one.run("status", "-A"), "NAMESPACE", "NAME", "PRIMARY", "HEALTH") {
			if row[0] == one.namespace || row[0] == two.namespace {
				own = append(own, row)
			}
		}
		slices.SortFunc(own, func(a, b []string) int { return strings.Compare(b[3], a[3]) })
		return own
	}
	equal(t, "rows", [][]string{
		{two.namespace, "simple", "simple-data-0-0", "Warning"},
		{one.namespace, "simple", "simple-data-0-0", "Healthy"},
	}, rows())
	two.failOver("simple-data-0-1")
	two.settle()
	equal(t, "rows after a failover in one", [][]string{
		{two.namespace, "simple", "simple-data-0-1", "Warning"},
		{one.namespace, "simple", "simple-data-0-0", "Healthy"},
	}, rows())
}

// The detail has the verdict, pods, Services and findings, in this order.
func TestStatusDetail(t *testing.T) {
	t.Parallel()
	e := healthy(t)
	e.run("expose-sidecar", "--role=backup", "--type=ClusterIP").exits(0)
	e.settle()
	r := e.run("status", "simple").exits(0).warns()
	sections := strings.Split(r.stdout, "\n\n")
	if len(sections) != 3 {
		t.Fatalf("%d sections, want verdict, pods and Services:\n%s", len(sections), r.stdout)
	}
	equal(t, "verdict", fmt.Sprintf("simple (namespace %q): healthy: primary simple-data-0-0, backup simple-data-0-1", e.namespace), sections[0])

	pods := result{t: t, args: r.args, stdout: sections[1]}
	equal(t, "pods", [][]string{
		{"simple-data-0-0", "data", "primary", "2/2", "Running", "80", "simple"},
		{"simple-data-0-1", "data", "backup", "2/2", "Running", "80", "simple-sidecar-backup"},
		{"simple-webgateway-0", "webgateway", "-", "1/1", "Running", "-", "simple-webgateway"},
		{"simple-arbiter-0", "arbiter", "-", "1/1", "Running", "-", "<none>"},
	}, columns(pods, "POD", "COMPONENT", "ROLE", "READY", "STATE", "SIDECAR", "REACHED-BY"))

	exposed := e.service("simple-sidecar-backup")
	for _, want := range []string{
		"simple-sidecar-backup   ClusterIP      " + exposed.Spec.ClusterIP, " 81->80/TCP ", " role backup ", " simple-data-0-1\n",
		"iris-svc                ClusterIP      None", " role primary ",
	} {
		if !strings.Contains(sections[2], want) {
			t.Errorf("%q is not in the Services:\n%s", want, sections[2])
		}
	}
	wide := e.run("status", "simple", "-o", "wide").exits(0)
	wide.stdout = strings.Split(wide.stdout, "\n\n")[1]
	pod, err := e.core.CoreV1().Pods(e.namespace).Get(e.ctx, "simple-data-0-1", metav1.GetOptions{})
	e.must(err)
	equal(t, "wide", []string{
		"stand-in", pod.Status.PodIP,
		"containers.intersystems.com/intersystems/irishealth:2023.3", "containers.intersystems.com/intersystems/webgateway:2023.3",
	}, columns(wide, "NODE", "IP", "IMAGE", "GATEWAY-IMAGE")[1])
}

func findingsOf(c view.ClusterStatus) []string {
	codes := []string{}
	for _, f := range c.Findings {
		code := string(f.Code)
		if f.Object != "" {
			code += " " + f.Object
		}
		codes = append(codes, code)
	}
	return codes
}

// Each thing that can be wrong is found, with a hint, and the verdict says it.
func TestStatusFindings(t *testing.T) {
	t.Parallel()
	sidecar := func(e *env) {
		e.run("expose-sidecar", "--role=backup", "--type=ClusterIP").exits(0)
		e.settle()
	}
	for name, test := range map[string]struct {
		spoil   func(e *env)
		want    []string
		verdict string
	}{
		"no primary": {
			spoil: func(e *env) {
				e.freezeLabels("simple")
				e.labelRole("simple-data-0-0", "backup")
				e.serviceReaches("simple")
			},
			want:    []string{"NoPrimary", "ServiceReachesNothing service/simple"},
			verdict: `degraded: no primary; service "simple" reaches no pod`,
		},
		"two primaries": {
			spoil:   func(e *env) { e.freezeLabels("simple"); e.labelRole("simple-data-0-1", "primary") },
			want:    []string{"SeveralPrimaries"},
			verdict: "degraded: 2 primaries",
		},
		"a label taken away": {
			spoil:   func(e *env) { e.freezeLabels("simple"); e.labelRole("simple-data-0-1", "") },
			want:    []string{"NoBackup", "RoleLabelMissing pod/simple-data-0-1"},
			verdict: `degraded: no backup; data pod "simple-data-0-1" has no role label`,
		},
		"a pod that is not ready": {
			spoil: func(e *env) {
				e.setReady("simple-data-0-1", false)
				becomes(e, "backups", 0, func() int { return len(e.status("simple").Shards[0].Backups) })
				sidecar(e)
			},
			want:    []string{"NoBackup", "PodNotReady pod/simple-data-0-1", "ServiceReachesNothing service/simple-sidecar-backup"},
			verdict: `degraded: no backup; data pod "simple-data-0-1" is not ready; and 1 more`,
		},
		"an exposed pod that is gone": {
			spoil: func(e *env) {
				e.annotate("simple", standin.AnnotationAsync, "1")
				becomes(e, "members", 3, func() int { return e.status("simple").Shards[0].Ready })
				e.run("expose-pod", "data-0-2", "--type=ClusterIP").exits(0)
				e.settle()
				e.annotate("simple", standin.AnnotationAsync, "0")
				becomes(e, "members", 2, func() int { return e.status("simple").Shards[0].Members })
			},
			want:    []string{"ExposedPodGone service/simple-pod-data-0-2"},
			verdict: `warning: service "simple-pod-data-0-2" selects a pod that is gone`,
		},
		"a sidecar that is missing": {
			spoil: func(e *env) {
				sidecar(e)
				e.removeSidecars("simple")
			},
			want:    []string{"ExposedSidecarMissing service/simple-sidecar-backup"},
			verdict: `warning: service "simple-sidecar-backup" selects pods without a sidecar`,
		},
		"a pending address": {
			spoil: func(e *env) {
				e.run("expose-sidecar", "--role=backup").exits(0)
				e.settle()
				e.warn(e.service("simple-sidecar-backup"), time.Now(), "Old", "an older one")
				e.warn(e.service("simple-sidecar-backup"), time.Now().Add(time.Minute), "SyncLoadBalancerFailed", "quota exceeded")
			},
			want:    []string{"AddressPending service/simple-sidecar-backup"},
			verdict: `warning: service "simple-sidecar-backup" waits for its load balancer's address`,
		},
		"a Service that reaches several clusters": {
			spoil: func(e *env) {
				e.apply("standalone")
				e.makeService(&corev1.Service{
					ObjectMeta: metav1.ObjectMeta{Name: "wide"},
					Spec: corev1.ServiceSpec{
						Selector: map[string]string{"intersystems.com/component": "data"},
						Ports:    []corev1.ServicePort{{Port: 1972}},
					},
				})
				e.settle()
			},
			want:    []string{"SelectorTooWide service/wide"},
			verdict: `warning: service "wide" mixes pods of several clusters`,
		},
		"a cluster that is being deleted": {
			spoil: func(e *env) {
				e.patchCluster("simple", `{"metadata":{"finalizers":["example.com/hold"]}}`)
				e.freezeLabels("simple")
				e.deleteCluster("simple")
			},
			want:    []string{"BeingDeleted"},
			verdict: "warning: the IrisCluster is being deleted",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := healthy(t)
			test.spoil(e)
			code := 0
			if strings.HasPrefix(test.verdict, "degraded") {
				code = 3
			}
			status := decoded[view.ClusterStatus](e.run("status", "simple", "-o", "json").exits(code))
			equal(t, "findings", test.want, findingsOf(status))
			equal(t, "verdict", test.verdict, status.Verdict)
			e.run("status", "simple", "--strict", "-o", "name").exits(3)
			r := e.run("status", "simple").exits(code)
			for _, f := range status.Findings {
				head := string(f.Code)
				if f.Severity != view.SeverityError {
					head += " (" + string(f.Severity) + ")"
				}
				if said := fmt.Sprintf("\n%s: %s\n  hint: %s\n", head, f.Message, f.Hint); f.Hint == "" || !strings.Contains(r.stdout, said) {
					t.Errorf("%q is not in:\n%s", said, r.stdout)
				}
			}
			if name == "a pending address" && !strings.Contains(status.Findings[0].Message, "SyncLoadBalancerFailed: quota exceeded") {
				t.Errorf("the finding does not give the newest Warning: %q", status.Findings[0].Message)
			}
		})
	}
}

// removeSidecars takes the sidecars out of a cluster's data pods.
func (e *env) removeSidecars(name string) {
	e.Helper()
	e.patchCluster(name, `{"spec":{"topology":{"data":{"webgateway":null}}}}`)
	becomes(e, "members and their containers", "1 primary, 1 backup, 2 ready of 2", func() string {
		status := e.status(name)
		ready, all := 0, 0
		for _, pod := range status.Pods {
			if pod.Component == "data" {
				ready, all = ready+pod.ContainersReady, all+pod.Containers
			}
		}
		return fmt.Sprintf("%d primary, %d backup, %d ready of %d", len(status.Shards[0].Primaries), len(status.Shards[0].Backups), ready, all)
	})
	e.settle()
}

// Who may not read IrisClusters gets what the labels tell, and is told so.
func TestStatusFromLabels(t *testing.T) {
	t.Parallel()
	e := healthy(t)
	user := e.user("no-clusters", statusRights().without("irisclusters.intersystems.com"))
	for verb, args := range map[string][]string{"list": {"status"}, "get": {"status", "simple"}} {
		list := user.run(args...).exits(0)
		said := fmt.Sprintf("warning: cannot %s irisclusters.intersystems.com in namespace %q: forbidden, so this is worked out from the labels of pods\n", verb, e.namespace)
		if !strings.HasSuffix(list.stderr, said) {
			t.Errorf("status does not say %q:\n%s--\n%s", said, list.stdout, list.stderr)
		}
	}
	r := user.run("status").exits(0)
	equal(t, "rows", [][]string{{"simple", "simple-data-0-0", "simple-data-0-1", "2/2", "Healthy"}},
		columns(r, "NAME", "PRIMARY", "BACKUP", "READY", "HEALTH"))
	equal(t, "source", view.FromLabels, user.status("simple").Source)
	user.run("status", "nope").fails(1, `IrisCluster "nope"`)
	user.run("status", "-l", "tier=prod").fails(1, "--selector", "list irisclusters.intersystems.com")
}

// Each other read that is forbidden costs its own section, and one line.
func TestStatusForbiddenReads(t *testing.T) {
	t.Parallel()
	e := healthy(t)
	e.run("expose-sidecar", "--role=backup").exits(0) // its address is pending, so events are read
	e.settle()
	full := e.status("simple")
	lacks := map[string]string{
		"pods":                            "roles, health and what reaches which pod are not known",
		"services":                        "Services are not shown",
		"endpointslices.discovery.k8s.io": "which pods a Service reaches is not known",
		"events":                          "the reasons of what is pending are not known",
	}
	for resource, lack := range lacks {
		t.Run(resource, func(t *testing.T) {
			t.Parallel()
			user := e.in(t).user("no-"+strings.ReplaceAll(resource, ".", "-"), statusRights().without(resource))
			said := fmt.Sprintf("cannot list %s in namespace %q: forbidden, so %s", resource, e.namespace, lack)
			got := user.status("simple")
			equal(t, "unread", []string{said}, unreadOf(got.Unread))
			equal(t, "metadata", full.Metadata, got.Metadata)
			for _, args := range [][]string{{"status"}, {"status", "simple"}} {
				r := user.run(args...)
				if n := strings.Count(r.stderr, said); n != 1 || strings.Contains(r.stdout, said) {
					t.Errorf("%q says %d times, want once, on stderr: %s\n%s--\n%s", args, n, said, r.stdout, r.stderr)
				}
			}
			switch resource {
			case "pods":
				equal(t, "health", view.Unknown, got.Health) // nothing worse than a pending address is not known
				equal(t, "services", []string{"simple", "simple-webgateway", "simple-sidecar-backup"}, servicesOf(got))
			case "services":
				equal(t, "health", view.Healthy, got.Health)
				equal(t, "services", 0, len(got.Services))
				equal(t, "roles", full.Shards, got.Shards)
			default:
				equal(t, "findings", findingsOf(full), findingsOf(got))
				equal(t, "roles", full.Shards, got.Shards)
			}
		})
	}
	t.Run("all but pods", func(t *testing.T) {
		t.Parallel()
		user := e.in(t).user("only-pods", rights{"get,list pods"})
		got := decoded[view.ClusterStatus](user.run("status", "simple", "-o", "json").exits(0))
		equal(t, "roles", full.Shards, got.Shards)
		equal(t, "number of lines about what could not be read", 2, len(got.Unread))
	})
	t.Run("everything", func(t *testing.T) {
		t.Parallel()
		user := e.in(t).user("nobody", nil)
		user.run("status").fails(1, "irisclusters.intersystems.com", "pods")
		user.run("status", "simple").fails(1, "irisclusters.intersystems.com", "pods")
		user.run("status", "-A").fails(1, "irisclusters.intersystems.com", "pods")
	})
}

func servicesOf(c view.ClusterStatus) []string {
	names := []string{}
	for _, service := range c.Services {
		names = append(names, service.Name)
	}
	return names
}

func unreadOf(unread []view.Unread) []string {
	var messages []string
	for _, u := range unread {
		messages = append(messages, u.Message)
	}
	return messages
}
