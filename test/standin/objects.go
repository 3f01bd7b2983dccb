package standin

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Label keys of IKO. [S] The arbiter's component value is inferred [I], and whether
// arbiter and web gateway pods carry role=iris is not known [?]: here they do.
const (
	labelComponent  = "intersystems.com/component"
	labelKind       = "intersystems.com/kind"
	labelName       = "intersystems.com/name"
	labelRole       = "intersystems.com/role"
	labelShard      = "intersystems.com/shard"
	labelMirrorRole = "intersystems.com/mirrorRole"
)

// Ports of IRIS and its helpers. [S] The locked-down web gateway's is 52773. [D]
const (
	portSuperserver = 1972
	portWebServer   = 52773
	portLockedDown  = 52773
	portISCAgent    = 2188
)

// sharedService is the name of the headless Service that the clusters of a namespace
// share. [S]
const sharedService = "iris-svc"

// sidecarContainer is the name of the sidecar in data and compute pods. [S]
const sidecarContainer = "webgateway"

// objects are the Kubernetes objects that IKO makes for the cluster, in the order seen
// in its log. [S] It makes none for sam and iam (names unknown [?]), no volumes and no
// claims, and does not take podTemplate over: nothing of these decides where a Service
// leads.
//
// Everything but iris-svc is owned by the IrisCluster. For Services and StatefulSets that
// is assumed of IKO [I+]: it may not delete Services [D], and yet only iris-svc stays when
// an IrisCluster goes [S]. For the other objects it is a choice. [?]
func (c *cluster) objects(o Options) []runtime.Object {
	objects := []runtime.Object{c.irisService(), c.mainService()}
	objects = append(objects, c.labelerAccess()...)
	topology := c.Spec.Topology

	if topology.Data.Mirrored {
		for shard := range c.shards() {
			name := fmt.Sprintf("%s-data-%d", c.Name, shard)
			objects = append(objects,
				c.configMap(name, c.mirrorConfig(shard)),
				c.statefulSet(name, "data", int32(len(c.mirrorMap())), map[string]string{labelShard: strconv.Itoa(int(shard))}, c.dataContainers(o)))
		}
	} else {
		name := c.Name + "-data"
		objects = append(objects, c.configMap(name, ""), c.statefulSet(name, "data", c.shards(), nil, c.dataContainers(o)))
	}
	if compute := topology.Compute; compute != nil {
		name := c.Name + "-compute"
		objects = append(objects, c.configMap(name, ""),
			c.statefulSet(name, "compute", valueOr(compute.Replicas, 1), nil, c.irisContainers(o, compute.Image, compute.WebGateway)))
	}
	if arbiter := topology.Arbiter; arbiter != nil {
		// The container's name and its declared port are choices. [?]
		container := o.container("arbiter", arbiter.Image, o.Images.Arbiter, port("iscagent", portISCAgent))
		objects = append(objects, c.statefulSet(c.Name+"-arbiter", "arbiter", 1, nil, []corev1.Container{container}))
	}
	if gateway := topology.WebGateway; gateway != nil {
		container := o.container("webgateway", gateway.Image, o.Images.WebGateway, c.gatewayPorts(gateway)...)
		objects = append(objects, c.gatewayService(gateway),
			c.statefulSet(c.Name+"-webgateway", "webgateway", valueOr(gateway.Replicas, 1), nil, []corev1.Container{container}))
	}
	if o.RealNode {
		c.equip(objects)
	}
	return objects
}

// labels are the three labels that all of a cluster's objects carry here; of objects
// other than pods and claims no labels were seen. [?]
func (c *cluster) labels() map[string]string {
	return map[string]string{labelKind: "IrisCluster", labelName: c.Name, labelRole: "iris"}
}

// podLabels are the four fixed labels of a pod. [S]
func (c *cluster) podLabels(component string) map[string]string {
	labels := c.labels()
	labels[labelComponent] = component
	return labels
}

func (c *cluster) objectMeta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: name, Namespace: c.Namespace, Labels: c.labels(),
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: "intersystems.com/v1alpha1", Kind: "IrisCluster", Name: c.Name, UID: c.UID,
			Controller: new(true),
		}},
	}
}

// irisService is the headless Service that gives pods their DNS names: one per
// namespace, shared by its clusters, left behind by them. [S] Its selector is not known,
// nor whether it covers pods that are not ready, as members that join a mirror need. [?]
func (c *cluster) irisService() *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Name: sharedService, Namespace: c.Namespace},
		Spec: corev1.ServiceSpec{
			ClusterIP:                corev1.ClusterIPNone,
			Selector:                 map[string]string{labelKind: "IrisCluster"},
			PublishNotReadyAddresses: true,
		},
	}
}

// mainService is the Service named as the cluster. It is always made and leads to the
// first data pod: superserver, and the web server on 52773, or the sidecar on 80, or the
// locked-down sidecar on 52773. [D] In a mirrored cluster it selects the primary. [S]
// How it picks the first of several shards is not known. [?] Port names are choices. [?]
func (c *cluster) mainService() *corev1.Service {
	data := c.Spec.Topology.Data
	selector := c.podLabels("data")
	if data.Mirrored {
		selector[labelMirrorRole] = "primary"
	}
	if c.shards() > 1 && data.Mirrored {
		selector[labelShard] = "0"
	}
	if c.shards() > 1 && !data.Mirrored {
		selector["statefulset.kubernetes.io/pod-name"] = c.Name + "-data-0"
	}
	web := int32(portWebServer)
	if data.WebGateway != nil {
		web = data.WebGateway.port()
	}
	return c.service(c.Name, selector, servicePort("superserver", portSuperserver, portSuperserver), servicePort("webserver", web, web))
}

// gatewayService leads to the stand-alone web gateway: 80, and 443 with a certificate
// in tls.webgateway. [S] Its selector is not known. [?]
func (c *cluster) gatewayService(gateway *gatewaySpec) *corev1.Service {
	ports := []corev1.ServicePort{servicePort("webserver", 80, gateway.port())}
	if c.Spec.TLS.WebGateway != nil {
		ports = append(ports, servicePort("webserver-tls", 443, 443))
	}
	return c.service(c.Name+"-webgateway", c.podLabels("webgateway"), ports...)
}

// service returns a Service made after serviceTemplate: its type and external traffic
// policy [S], the other fields that it is assumed to have, and its annotations [I+].
func (c *cluster) service(name string, selector map[string]string, ports ...corev1.ServicePort) *corev1.Service {
	template := c.Spec.ServiceTemplate
	meta := c.objectMeta(name)
	meta.Annotations = template.Metadata.Annotations
	spec := corev1.ServiceSpec{
		Type:                     template.Spec.Type,
		ClusterIP:                template.Spec.ClusterIP,
		ExternalIPs:              template.Spec.ExternalIPs,
		LoadBalancerIP:           template.Spec.LoadBalancerIP,
		LoadBalancerSourceRanges: template.Spec.LoadBalancerSourceRanges,
		ExternalTrafficPolicy:    template.Spec.ExternalTrafficPolicy,
		HealthCheckNodePort:      template.Spec.HealthCheckNodePort,
		Selector:                 selector,
		Ports:                    mergePorts(ports, template.Spec.Ports),
	}
	return &corev1.Service{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}, ObjectMeta: meta, Spec: spec}
}

// mergePorts returns the ports of a Service with the number and the node port that the
// template gives to those of the same name. [I+]
func mergePorts(ports, template []corev1.ServicePort) []corev1.ServicePort {
	for i := range ports {
		at := slices.IndexFunc(template, func(p corev1.ServicePort) bool { return p.Name == ports[i].Name })
		if at < 0 {
			continue
		}
		ports[i].NodePort = template[at].NodePort
		if template[at].Port > 0 {
			ports[i].Port = template[at].Port
		}
	}
	return ports
}

// labelerAccess is what the mirror labeler needs: made for every cluster. [S] The rules
// of the Role are not known. [?]
func (c *cluster) labelerAccess() []runtime.Object {
	meta := c.objectMeta(c.Name + "-mirror-labeler")
	return []runtime.Object{
		&corev1.ServiceAccount{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: meta},
		&rbacv1.Role{
			TypeMeta: metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "Role"}, ObjectMeta: meta,
			Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "patch"}}},
		},
		&rbacv1.RoleBinding{
			TypeMeta: metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "RoleBinding"}, ObjectMeta: meta,
			RoleRef:  rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: meta.Name},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: meta.Name, Namespace: c.Namespace}},
		},
	}
}

// configMap holds the generated CPF of a node type. [S] Its key is a choice. [?]
func (c *cluster) configMap(name, cpf string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: c.objectMeta(name),
		Data:       map[string]string{"data.cpf": cpf},
	}
}

// mirrorConfig is the line that was seen in a generated CPF [S]; the mirror's number is
// the shard's plus one [I], and async members follow the failover members [D].
func (c *cluster) mirrorConfig(shard int32) string {
	roles := strings.Join(c.mirrorMap(), ",")
	line := fmt.Sprintf("ConfigMirror:Name=IRISMIRROR%d,Member=auto,Primary=auto,Map=%q", shard+1, roles)
	if c.Spec.Topology.Arbiter != nil {
		line += fmt.Sprintf(",ArbiterURL=%s-arbiter-0.iris-svc.%s.svc.cluster.local:%d", c.Name, c.Namespace, portISCAgent)
	}
	return "[Actions]\n" + line + "\n"
}

// statefulSet makes the pods of one component, or of one mirrored shard. Pods start in
// parallel and run under the labeler's account; both are choices. [?]
func (c *cluster) statefulSet(name, component string, replicas int32, extra map[string]string, containers []corev1.Container) *appsv1.StatefulSet {
	labels := c.podLabels(component)
	maps.Copy(labels, extra)
	meta := c.objectMeta(name)
	meta.Labels = maps.Clone(labels)
	return &appsv1.StatefulSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
		ObjectMeta: meta,
		Spec: appsv1.StatefulSetSpec{
			ServiceName:         sharedService,
			Replicas:            &replicas,
			PodManagementPolicy: appsv1.ParallelPodManagement,
			Selector:            &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{ServiceAccountName: c.Name + "-mirror-labeler", Containers: containers},
			},
		},
	}
}

func (c *cluster) dataContainers(o Options) []corev1.Container {
	data := c.Spec.Topology.Data
	return c.irisContainers(o, data.Image, data.WebGateway)
}

// irisContainers are IRIS and, where the spec has one, the sidecar. Users' Services rely
// on container ports named superserver and webserver [S]; with a sidecar the latter is
// taken to be the sidecar's [?].
func (c *cluster) irisContainers(o Options, image string, sidecar *gatewaySpec) []corev1.Container {
	name := c.controls.irisContainer
	if name == "" {
		name = o.IRISContainer
	}
	ports := []corev1.ContainerPort{port("superserver", portSuperserver)}
	if sidecar == nil {
		if c.controls.webServer != "none" {
			ports = append(ports, port("webserver", portWebServer))
		}
		return []corev1.Container{o.container(name, image, o.Images.IRIS, ports...)}
	}
	return []corev1.Container{
		o.container(name, image, o.Images.IRIS, ports...),
		o.container(sidecarContainer, sidecar.Image, o.Images.WebGateway, c.gatewayPorts(sidecar)...),
	}
}

// port is the number a web gateway listens on: 80 [S], 52773 when locked down [D];
// nginx is taken to listen on 80 too [I].
func (g *gatewaySpec) port() int32 {
	if g.Type == "apache-lockeddown" {
		return portLockedDown
	}
	return 80
}

// gatewayPorts are the declared ports of a web gateway container; 443 comes with a
// certificate in tls.webgateway. [S] Their names are choices. [?]
func (c *cluster) gatewayPorts(gateway *gatewaySpec) []corev1.ContainerPort {
	if c.controls.noPorts {
		return nil
	}
	ports := []corev1.ContainerPort{port("webserver", gateway.port())}
	if c.Spec.TLS.WebGateway != nil {
		ports = append(ports, port("webserver-tls", 443))
	}
	return ports
}

// container runs the stand-in's own image where there is one, else it names the image
// of the IrisCluster.
func (o Options) container(name, image, override string, ports ...corev1.ContainerPort) corev1.Container {
	c := corev1.Container{Name: name, Image: image, Ports: ports}
	if override != "" {
		c.Image, c.ImagePullPolicy = override, corev1.PullNever
	}
	return c
}

func port(name string, number int32) corev1.ContainerPort {
	return corev1.ContainerPort{Name: name, ContainerPort: number, Protocol: corev1.ProtocolTCP}
}

func servicePort(name string, number, target int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Protocol: corev1.ProtocolTCP, Port: number, TargetPort: intstr.FromInt32(target)}
}
