package standin

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-iris/kubectl-iris/test/images"
)

// recheck is how often the pods of a real node are asked.
const recheck = 250 * time.Millisecond

// onRealNode are the options with what they leave open for a real node.
func (o Options) onRealNode() Options {
	o.Images.IRIS = cmp.Or(o.Images.IRIS, images.IRIS)
	o.Images.WebGateway = cmp.Or(o.Images.WebGateway, images.WebGateway)
	o.Images.Arbiter = cmp.Or(o.Images.Arbiter, images.Arbiter)
	if o.Roles == nil {
		o.Roles, o.RecheckRoles = NewAnswers(), cmp.Or(o.RecheckRoles, recheck)
	}
	return o
}

// cpfDir is where an instance finds its CPF merge file. [S]
const cpfDir = "/irissys/cpf"

// equip gives the pods what only real containers need: the CPF merge file, probes, and
// ports that do not collide.
func (c *cluster) equip(objects []runtime.Object) {
	for _, object := range objects {
		set, ok := object.(*appsv1.StatefulSet)
		if !ok {
			continue
		}
		spec := &set.Spec.Template.Spec
		switch set.Labels[labelComponent] {
		case "data":
			c.equipInstance(set.Name, spec, c.Spec.Topology.Data.WebGateway)
		case "compute":
			c.equipInstance(set.Name, spec, c.Spec.Topology.Compute.WebGateway)
		case "webgateway":
			equipGateway(&spec.Containers[0], c.Spec.Topology.WebGateway)
		case "arbiter":
			spec.Containers[0].ReadinessProbe = tcpProbe(portISCAgent)
		}
	}
}

// equipInstance equips the pods of an instance, and its sidecar if there is one. The
// ConfigMap with the CPF merge file has the name of the StatefulSet.
func (c *cluster) equipInstance(name string, spec *corev1.PodSpec, sidecar *gatewaySpec) {
	spec.Volumes = []corev1.Volume{{Name: "cpf", VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}},
	}}}
	iris := &spec.Containers[0]
	iris.VolumeMounts = []corev1.VolumeMount{{Name: "cpf", MountPath: cpfDir, ReadOnly: true}}
	iris.Env = []corev1.EnvVar{{Name: "ISC_CPF_MERGE_FILE", Value: cpfDir + "/data.cpf"}}
	// The probe that was seen in 2020 [S], more often: nobody shall wait for it.
	iris.ReadinessProbe = everySecond(corev1.ProbeHandler{
		Exec: &corev1.ExecAction{Command: []string{"/usr/irissys/dev/Cloud/ICM/waitISC.sh"}},
	})
	if !c.ownWebServer(sidecar) {
		iris.Env = append(iris.Env, corev1.EnvVar{Name: "IRIS_WEB_PORT", Value: "0"})
	}
	if sidecar != nil {
		equipGateway(&spec.Containers[1], sidecar)
	}
}

// ownWebServer reports whether the instance has a web server of its own, beside the
// sidecar if there is one. The locked-down sidecar listens where that would.
func (c *cluster) ownWebServer(sidecar *gatewaySpec) bool {
	switch {
	case c.controls.webServer == "none", sidecar != nil && sidecar.port() == portWebServer:
		return false
	}
	return sidecar == nil || c.controls.webServer == "own"
}

// equipGateway equips a web gateway.
func equipGateway(container *corev1.Container, gateway *gatewaySpec) {
	container.Env = []corev1.EnvVar{{Name: "WEBGATEWAY_PORT", Value: strconv.Itoa(int(gateway.port()))}}
	if len(gateway.ApplicationPaths) > 0 {
		container.Env = append(container.Env, corev1.EnvVar{Name: "WEBGATEWAY_APPLICATION_PATHS", Value: strings.Join(gateway.ApplicationPaths, ",")})
	}
	container.ReadinessProbe = tcpProbe(gateway.port())
}

func tcpProbe(port int32) *corev1.Probe {
	return everySecond(corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(port)}})
}

// everySecond is a probe whose third failure counts.
func everySecond(handler corev1.ProbeHandler) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: handler, InitialDelaySeconds: 1, PeriodSeconds: 1, TimeoutSeconds: 5, FailureThreshold: 3}
}
