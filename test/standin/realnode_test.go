package standin

import (
	"os"
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
			"simple-data-0" + gateway + "WEBGATEWAY_PORT=80 tcp:80",
			"simple-arbiter/arbiter localhost/stand-in-arbiter:1 Never tcp:2188",
			"simple-webgateway" + gateway + "WEBGATEWAY_PORT=80 tcp:80",
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
