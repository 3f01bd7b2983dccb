package standin

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// onNode are the containers of a scenario on a real node, in short: "set/container
// image policy, environment, probe".
func onNode(t *testing.T, scenario string) []string {
	t.Helper()
	document, err := os.ReadFile("testdata/" + scenario + "/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	clusters, err := ReadClusters(document)
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseCluster(clusters[0])
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, object := range c.objects(Options{RealNode: true}.withDefaults()) {
		set, ok := object.(*appsv1.StatefulSet)
		if !ok {
			continue
		}
		for _, container := range set.Spec.Template.Spec.Containers {
			words := []string{set.Name + "/" + container.Name, container.Image, string(container.ImagePullPolicy)}
			for _, variable := range container.Env {
				words = append(words, variable.Name+"="+variable.Value)
			}
			for _, mount := range container.VolumeMounts {
				words = append(words, mount.MountPath+":"+configMapOf(set, mount.Name))
			}
			if exec := container.ReadinessProbe.Exec; exec != nil {
				words = append(words, exec.Command...)
			} else {
				words = append(words, "tcp:"+container.ReadinessProbe.TCPSocket.Port.String())
			}
			lines = append(lines, strings.Join(words, " "))
		}
	}
	return lines
}

// configMapOf is the ConfigMap in the volume.
func configMapOf(set *appsv1.StatefulSet, volume string) string {
	for _, v := range set.Spec.Template.Spec.Volumes {
		if v.Name == volume {
			return v.ConfigMap.Name
		}
	}
	return ""
}

func TestEquip(t *testing.T) {
	t.Parallel()
	const (
		iris    = "/stand-in-iris localhost/stand-in-iris:1 Never ISC_CPF_MERGE_FILE=/irissys/cpf/data.cpf"
		gateway = "/webgateway localhost/stand-in-webgateway:1 Never "
		probe   = " /usr/irissys/dev/Cloud/ICM/waitISC.sh"
	)
	tests := map[string][]string{
		"article": {
			"simple-data-0" + iris + " IRIS_WEB_PORT=0 /irissys/cpf:simple-data-0" + probe,
			"simple-data-0" + gateway + "WEBGATEWAY_PORT=80 WEBGATEWAY_APPLICATION_PATHS=/csp/sys,/csp/healthshare,/api/atelier,/csp/broker,/isc,/oauth2,/ui tcp:80",
			"simple-arbiter/arbiter localhost/stand-in-arbiter:1 Never tcp:2188",
			"simple-webgateway" + gateway + "WEBGATEWAY_PORT=80 WEBGATEWAY_APPLICATION_PATHS=/csp/sys,/csp/broker,/api,/isc,/oauth2,/ui,/csp/healthshare tcp:80",
		},
		"standalone": {"iris-data" + iris + " /irissys/cpf:iris-data" + probe},
	}
	for scenario, want := range tests {
		if diff := cmp.Diff(want, onNode(t, scenario)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", scenario, diff)
		}
	}
	for _, line := range onNode(t, "locked-down") {
		if strings.Contains(line, "/webgateway") && !strings.Contains(line, "WEBGATEWAY_PORT=52773 tcp:52773") {
			t.Errorf("locked down: %s", line)
		}
	}
}

// Which instances have a web server of their own, and declare its port.
func TestWebServer(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sidecar, control   string
		serves, isDeclared bool
	}{
		"no sidecar":               {"", "auto", true, true},
		"no sidecar, none":         {"", "none", false, false},
		"sidecar":                  {"webgateway: {type: apache}", "auto", false, false},
		"sidecar, own":             {"webgateway: {type: apache}", "own", true, false},
		"locked-down sidecar, own": {"webgateway: {type: apache-lockeddown}", "own", false, false},
	}
	for name, test := range tests {
		document := "{kind: IrisCluster, metadata: {name: c, annotations: {stand-in.kubectl-iris/web-server: " + test.control + "}}, spec: {topology: {data: {" + test.sidecar + "}}}}"
		objects, err := ReadClusters([]byte(document))
		if err != nil {
			t.Fatal(err)
		}
		c, err := parseCluster(objects[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range c.objects(Options{RealNode: true}.withDefaults()) {
			set, ok := object.(*appsv1.StatefulSet)
			if !ok {
				continue
			}
			iris := set.Spec.Template.Spec.Containers[0]
			serves := !slices.Contains(iris.Env, corev1.EnvVar{Name: "IRIS_WEB_PORT", Value: "0"})
			isDeclared := slices.ContainsFunc(iris.Ports, func(p corev1.ContainerPort) bool { return p.ContainerPort == 52773 })
			if serves != test.serves || isDeclared != test.isDeclared {
				t.Errorf("%s: serves %t, declared %t, want %t and %t", name, serves, isDeclared, test.serves, test.isDeclared)
			}
		}
	}
}

func TestImagesOnRealNodeMayBeOthers(t *testing.T) {
	t.Parallel()
	o := Options{RealNode: true, Images: Images{IRIS: "other"}, Roles: NewMemory()}.withDefaults()
	if o.Images.IRIS != "other" || o.Images.Arbiter == "" || o.RecheckRoles != 0 {
		t.Errorf("options %+v", o)
	}
	if c := (Options{}.withDefaults()).container("c", "theirs", ""); c.Image != "theirs" || c.ImagePullPolicy != corev1.PullPolicy("") {
		t.Errorf("without a node: image %q, policy %q", c.Image, c.ImagePullPolicy)
	}
}
