package expose_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// planOver is the plan for the primary of a mirror with a serviceTemplate.
func planOver(t *testing.T, template iris.ServiceTemplate, options expose.Options) expose.Plan {
	t.Helper()
	plan, err := planSidecar(sidecarRequest{Component: "data", Role: "primary", Options: options},
		expose.Facts{
			Namespace: "prod", ClusterRead: true,
			Cluster: resource("c", "apache", isMirrored, func(c *iris.Cluster) { c.ServiceTemplate = template }),
			Pods:    []iris.Pod{pod("c", "data-0-0", role("primary"), sidecar(80))},
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// What a template has for one Service only is not copied, and one line names it
// all. Everything else is.
func TestTemplateMetadata(t *testing.T) {
	const cloud = "service.beta.kubernetes.io/"
	left := map[string]string{
		"external-dns.alpha.kubernetes.io/hostname":                 "iris.example.org",
		"external-dns.alpha.kubernetes.io/internal-hostname":        "iris.internal",
		"external-dns.alpha.kubernetes.io/target":                   "192.0.2.1",
		"external-dns.kubernetes.io/hostname":                       "iris.example.org",
		"dns.alpha.kubernetes.io/external":                          "iris.example.org",
		"dns.gardener.cloud/dnsnames":                               "iris.example.org",
		"coredns.io/hostname":                                       "iris",
		"metallb.io/loadBalancerIPs":                                "192.0.2.50",
		"metallb.universe.tf/loadBalancerIPs":                       "192.0.2.50",
		"kube-vip.io/loadbalancerIPs":                               "192.0.2.50",
		"kube-vip.io/loadbalancerHostname":                          "iris",
		"lbipam.cilium.io/ips":                                      "192.0.2.50",
		"io.cilium/lb-ipam-ips":                                     "192.0.2.50",
		"purelb.io/addresses":                                       "192.0.2.50",
		"loxilb.io/staticIP":                                        "192.0.2.50",
		cloud + "azure-pip-name":                                    "iris",
		cloud + "azure-pip-name-ipv6":                               "iris",
		cloud + "azure-load-balancer-ipv4":                          "192.0.2.50",
		cloud + "azure-load-balancer-ipv6":                          "2001:db8::1",
		cloud + "azure-dns-label-name":                              "iris",
		cloud + "azure-pls-name":                                    "iris",
		cloud + "azure-load-balancer-health-probe-request-path":     "/csp/bin/mirror_status.cxw",
		cloud + "port_1972_health-probe_port":                       "80",
		cloud + "aws-load-balancer-name":                            "iris",
		cloud + "aws-load-balancer-eip-allocations":                 "eipalloc-1",
		cloud + "aws-load-balancer-private-ipv4-addresses":          "10.0.0.9",
		cloud + "aws-load-balancer-healthcheck-path":                "/",
		cloud + "aws-load-balancer-healthcheck-port":                "80",
		"networking.gke.io/load-balancer-ip-addresses":              "iris-ip",
		"kubernetes.io/ingress.global-static-ip-name":               "iris-ip",
		"oci.oraclecloud.com/reserved-ips":                          "192.0.2.50",
		"oci-network-load-balancer.oraclecloud.com/assigned-ipv6":   "2001:db8::1",
		cloud + "do-loadbalancer-name":                              "iris",
		cloud + "do-loadbalancer-hostname":                          "iris.example.org",
		"kubernetes.digitalocean.com/load-balancer-id":              "1",
		"load-balancer.hetzner.cloud/name":                          "iris",
		"load-balancer.hetzner.cloud/id":                            "1",
		"load-balancer.hetzner.cloud/ipv4-rdns":                     "iris.example.org",
		cloud + "alibaba-cloud-loadbalancer-id":                     "lb-1",
		cloud + "alibaba-cloud-loadbalancer-health-check-uri":       "/",
		cloud + "inspur-internal-load-balancer-slbid":               "slb-1",
		cloud + "osc-load-balancer-ip-id":                           "eipalloc-1",
		"service.kubernetes.io/tke-existed-lbid":                    "lb-1",
		"kubernetes.io/elb.id":                                      "1",
		"kubernetes.io/elb.eip-id":                                  "1",
		"kubernetes.io/elb.health-check-option":                     "{}",
		cloud + "linode-loadbalancer-nodebalancer-id":               "1",
		cloud + "linode-loadbalancer-check-path":                    "/",
		cloud + "scw-loadbalancer-ip-ids":                           "1",
		"loadbalancer.openstack.org/load-balancer-id":               "1",
		"loadbalancer.openstack.org/port-id":                        "1",
		"tailscale.com/hostname":                                    "iris",
		"argocd.argoproj.io/tracking-id":                            "iris:/Service:prod/c",
		"kustomize.toolkit.fluxcd.io/name":                          "iris",
		"helm.toolkit.fluxcd.io/name":                               "iris",
		"meta.helm.sh/release-name":                                 "iris",
		"helm.sh/chart":                                             "iris-1.0",
		"config.kubernetes.io/origin":                               "path: x",
		"internal.config.kubernetes.io/index":                       "0",
		"kubectl.kubernetes.io/last-applied-configuration":          "{}",
		"kapp.k14s.io/identity":                                     "v1;prod/Service/c",
		"olm.owner":                                                 "iris",
		"applyset.kubernetes.io/part-of":                            "applyset-1",
		"objectset.rio.cattle.io/id":                                "iris",
		"tanka.dev/environment":                                     "iris",
		"app.kubernetes.io/instance":                                "iris",
		"app.kubernetes.io/managed-by":                              "Helm",
		"intersystems.com/name":                                     "c",
		"kubectl-iris/pod":                                          "x",
		"cloud.google.com/neg-status":                               "{}",
		cloud + "vultr-loadbalancer-label":                          "iris",
		"ako.vmware.com/load-balancer-ip":                           "192.0.2.50",
		"cis.f5.com/ip":                                             "192.0.2.50",
		cloud + "oci-load-balancer-private-IPv4-Address":            "10.0.0.9",
		"example.com/publicHostName":                                "iris.example.org",
		"service.kubernetes.io/ibm-load-balancer-cloud-vpc-lb-name": "iris",
	}
	copied := map[string]string{
		"team": "blue", "app.kubernetes.io/name": "iris", "app.kubernetes.io/part-of": "iris", "example.com/note": "x",
		"networking.gke.io/load-balancer-type":                      "Internal",
		"networking.gke.io/internal-load-balancer-subnet":           "iris",
		cloud + "azure-load-balancer-internal":                      "true",
		cloud + "azure-load-balancer-internal-subnet":               "iris",
		cloud + "azure-allowed-ip-ranges":                           "10.0.0.0/8",
		cloud + "azure-pip-prefix-id":                               "1",
		cloud + "azure-load-balancer-health-probe-interval":         "5",
		cloud + "aws-load-balancer-scheme":                          "internal",
		cloud + "aws-load-balancer-type":                            "external",
		cloud + "aws-load-balancer-ip-address-type":                 "dualstack",
		cloud + "aws-load-balancer-subnets":                         "subnet-1",
		cloud + "aws-load-balancer-security-groups":                 "sg-1",
		cloud + "aws-load-balancer-access-log-s3-bucket-name":       "logs",
		cloud + "aws-load-balancer-ssl-cert":                        "arn:aws:acm:x",
		cloud + "aws-load-balancer-healthcheck-interval":            "10",
		cloud + "aws-load-balancer-healthcheck-healthy-threshold":   "2",
		cloud + "load-balancer-source-ranges":                       "10.0.0.0/8",
		cloud + "do-loadbalancer-certificate-id":                    "1",
		cloud + "osc-load-balancer-ip-pool":                         "iris",
		"load-balancer.hetzner.cloud/location":                      "hel1",
		"load-balancer.hetzner.cloud/use-private-ip":                "true",
		"load-balancer.hetzner.cloud/http-managed-certificate-name": "iris",
		cloud + "alibaba-cloud-loadbalancer-address-type":           "intranet",
		cloud + "alibaba-cloud-loadbalancer-resource-group-id":      "rg-1",
		"loadbalancer.openstack.org/subnet-id":                      "1",
		"loadbalancer.openstack.org/flavor-id":                      "1",
		"kubernetes.io/elb.class":                                   "performance",
		"yandex.cloud/subnet-id":                                    "1",
		"metallb.io/address-pool":                                   "iris",
		"metallb.universe.tf/address-pool":                          "iris",
		"metallb.io/allow-shared-ip":                                "iris",
		"lbipam.cilium.io/sharing-key":                              "iris",
		"example.com/allowed-ips":                                   "192.0.2.1",
		"aviinfrasetting.ako.vmware.com/name":                       "iris",
		"external-dns.alpha.kubernetes.io/ttl":                      "60",
		"external-dns.alpha.kubernetes.io/access":                   "private",
		"tailscale.com/expose":                                      "true",
		"traefik.ingress.kubernetes.io/service.sticky.cookie.name":  "iris",
		"prometheus.io/scrape":                                      "true",
		"example.com/cost-center-id":                                "1",
	}
	template := iris.ServiceTemplate{Annotations: union(left, copied), Labels: union(left, copied)}
	plan := planOver(t, template, expose.Options{})
	if diff := cmp.Diff(copied, plan.Service.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	labels := union(copied, map[string]string{
		"app.kubernetes.io/managed-by": "kubectl-iris", "kubectl-iris/cluster": "c", "kubectl-iris/target": "sidecar",
		"kubectl-iris/component": "data", "kubectl-iris/role": "primary",
	})
	if diff := cmp.Diff(labels, plan.Service.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	var names []string
	for _, kind := range []string{"annotation ", "label "} {
		for _, key := range slices.Sorted(maps.Keys(left)) {
			names = append(names, kind+key)
		}
	}
	if len(plan.Warnings()) != 1 || !strings.HasSuffix(plan.Warnings()[0], ": "+strings.Join(names, ", ")) {
		t.Errorf("warnings %q, want one that ends with the %d keys", plan.Warnings(), len(names))
	}
}

// The user goes before the template, and before what is left out of it.
func TestTemplateMetadataAsTheUserWants(t *testing.T) {
	const host, pool = "external-dns.alpha.kubernetes.io/hostname", "metallb.io/address-pool"
	template := iris.ServiceTemplate{
		Annotations: map[string]string{host: "iris.example.org", pool: "a", "metallb.io/loadBalancerIPs": "192.0.2.1"},
		Labels:      map[string]string{"team": "blue", "tier": "db"},
	}
	plan := planOver(t, template, expose.Options{Labels: []expose.Edit{{Key: "team", Remove: true}}, Annotations: []expose.Edit{{Key: host, Value: "primary.example.org"}, {Key: pool, Remove: true}, {Key: "metallb.io/loadBalancerIPs", Remove: true}, {Key: "example.com/typo", Remove: true}}})
	if diff := cmp.Diff(map[string]string{host: "primary.example.org"}, plan.Service.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if _, ok := plan.Service.Labels["team"]; ok || plan.Service.Labels["tier"] != "db" {
		t.Errorf("labels %v, want tier and not team", plan.Service.Labels)
	}
	want := []string{`nothing to remove: the serviceTemplate of IrisCluster "c" in namespace "prod" has no annotation example.com/typo`}
	if diff := cmp.Diff(want, plan.Warnings()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// The fields of the template's spec that fit the type are taken over; addresses
// and names are not, and are named.
func TestTemplateSpec(t *testing.T) {
	local, class := corev1.ServiceInternalTrafficPolicyLocal, "example.com/internal"
	full := corev1.ServiceSpec{
		Ports:                         []corev1.ServicePort{{Port: 9, NodePort: 30009}},
		Selector:                      map[string]string{"a": "b"},
		ClusterIP:                     "10.96.0.9",
		ClusterIPs:                    []string{"10.96.0.9"},
		Type:                          corev1.ServiceTypeLoadBalancer,
		ExternalIPs:                   []string{"192.0.2.9"},
		SessionAffinity:               corev1.ServiceAffinityClientIP,
		LoadBalancerIP:                "192.0.2.9",
		LoadBalancerSourceRanges:      []string{"10.0.0.0/8"},
		ExternalName:                  "iris.example.org",
		ExternalTrafficPolicy:         corev1.ServiceExternalTrafficPolicyLocal,
		HealthCheckNodePort:           30010,
		PublishNotReadyAddresses:      true,
		SessionAffinityConfig:         &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: ptr(int32(60))}},
		IPFamilies:                    []corev1.IPFamily{corev1.IPv6Protocol, corev1.IPv4Protocol},
		IPFamilyPolicy:                ptr(corev1.IPFamilyPolicyPreferDualStack),
		AllocateLoadBalancerNodePorts: ptr(false),
		LoadBalancerClass:             &class,
		InternalTrafficPolicy:         &local,
		TrafficDistribution:           ptr(corev1.ServiceTrafficDistributionPreferClose),
	}
	clusterIP := corev1.ServiceSpec{
		Ports: []corev1.ServicePort{tcp("http", 81, 80)},
		Selector: map[string]string{
			"intersystems.com/kind": "IrisCluster", "intersystems.com/name": "c", "intersystems.com/role": "iris",
			"intersystems.com/component": "data", "intersystems.com/mirrorRole": "primary",
		},
		Type:                     corev1.ServiceTypeClusterIP,
		SessionAffinity:          corev1.ServiceAffinityClientIP,
		SessionAffinityConfig:    full.SessionAffinityConfig,
		PublishNotReadyAddresses: true,
		IPFamilies:               full.IPFamilies,
		IPFamilyPolicy:           full.IPFamilyPolicy,
		InternalTrafficPolicy:    full.InternalTrafficPolicy,
		TrafficDistribution:      full.TrafficDistribution,
	}
	changed := func(from corev1.ServiceSpec, change func(*corev1.ServiceSpec)) corev1.ServiceSpec {
		spec := *from.DeepCopy()
		change(&spec)
		return spec
	}
	nodePort := changed(clusterIP, func(s *corev1.ServiceSpec) {
		s.Type, s.ExternalTrafficPolicy = corev1.ServiceTypeNodePort, full.ExternalTrafficPolicy
	})
	loadBalancer := changed(nodePort, func(s *corev1.ServiceSpec) {
		s.Type = corev1.ServiceTypeLoadBalancer
		s.AllocateLoadBalancerNodePorts, s.LoadBalancerClass, s.LoadBalancerSourceRanges = ptr(false), &class, full.LoadBalancerSourceRanges
	})
	for name, test := range map[string]struct {
		options expose.Options
		want    corev1.ServiceSpec
	}{
		"as it is":   {expose.Options{}, loadBalancer},
		"node port":  {expose.Options{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort}}, nodePort},
		"cluster IP": {expose.Options{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP}}, clusterIP},
		"single family": {expose.Options{Spec: corev1.ServiceSpec{IPFamilyPolicy: ptr(corev1.IPFamilyPolicySingleStack)}}, changed(loadBalancer, func(s *corev1.ServiceSpec) {
			s.IPFamilies, s.IPFamilyPolicy = full.IPFamilies[:1], ptr(corev1.IPFamilyPolicySingleStack)
		})},
		"both families": {expose.Options{Spec: corev1.ServiceSpec{IPFamilyPolicy: ptr(corev1.IPFamilyPolicyRequireDualStack)}}, changed(loadBalancer, func(s *corev1.ServiceSpec) {
			s.IPFamilyPolicy = ptr(corev1.IPFamilyPolicyRequireDualStack)
		})},
		"no affinity": {expose.Options{Spec: corev1.ServiceSpec{SessionAffinity: corev1.ServiceAffinityNone}}, changed(loadBalancer, func(s *corev1.ServiceSpec) {
			s.SessionAffinity, s.SessionAffinityConfig = corev1.ServiceAffinityNone, nil
		})},
		"traffic from every node": {expose.Options{Spec: corev1.ServiceSpec{InternalTrafficPolicy: ptr(corev1.ServiceInternalTrafficPolicyCluster)}}, changed(loadBalancer, func(s *corev1.ServiceSpec) {
			s.InternalTrafficPolicy = ptr(corev1.ServiceInternalTrafficPolicyCluster)
		})},
		"ready pods only": {expose.Options{PublishNotReady: ptr(false)}, changed(loadBalancer, func(s *corev1.ServiceSpec) {
			s.PublishNotReadyAddresses = false
		})},
	} {
		t.Run(name, func(t *testing.T) {
			plan := planOver(t, iris.ServiceTemplate{Spec: full}, test.options)
			if diff := cmp.Diff(test.want, plan.Service.Spec); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			const names = ": spec.clusterIP, spec.clusterIPs, spec.externalIPs, spec.externalName, spec.healthCheckNodePort, spec.loadBalancerIP"
			if len(plan.Warnings()) != 1 || !strings.HasSuffix(plan.Warnings()[0], names) {
				t.Errorf("warnings %q, want one that ends with %q", plan.Warnings(), names)
			}
		})
	}
}

// A template without a policy has one IP family: the server refuses two.
func TestTemplateFamiliesWithoutPolicy(t *testing.T) {
	plan := planOver(t, iris.ServiceTemplate{Spec: corev1.ServiceSpec{IPFamilies: []corev1.IPFamily{corev1.IPv6Protocol, corev1.IPv4Protocol}}}, expose.Options{})
	if diff := cmp.Diff([]corev1.IPFamily{corev1.IPv6Protocol}, plan.Service.Spec.IPFamilies); diff != "" {
		t.Errorf("families (-want +got):\n%s", diff)
	}
}

// The template goes before this tool's own default, which several pods behind
// one portal have: an affinity.
func TestTemplateAffinityBeforeTheDefault(t *testing.T) {
	pods := []iris.Pod{pod("c", "compute-0", sidecar(80)), pod("c", "compute-1", sidecar(80))}
	for affinity, want := range map[corev1.ServiceAffinity]corev1.ServiceAffinity{
		"":                             corev1.ServiceAffinityClientIP,
		corev1.ServiceAffinityNone:     corev1.ServiceAffinityNone,
		corev1.ServiceAffinityClientIP: corev1.ServiceAffinityClientIP,
	} {
		plan, err := planSidecar(sidecarRequest{Component: "compute"}, expose.Facts{
			Namespace: "prod", ClusterRead: true, Cluster: resource("c", "", template(corev1.ServiceSpec{SessionAffinity: affinity})), Pods: pods,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.Service.Spec.SessionAffinity; got != want {
			t.Errorf("template %q: affinity %q, want %q", affinity, got, want)
		}
	}
}

// Neither the plan nor what is done to it reaches back into the template.
func TestTemplateIsNotChanged(t *testing.T) {
	template := iris.ServiceTemplate{
		Annotations: map[string]string{"a": "b"},
		Spec:        corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, LoadBalancerSourceRanges: []string{"10.0.0.0/8"}},
	}
	plan := planOver(t, template, expose.Options{})
	plan.Service.Annotations["a"] = "c"
	plan.Service.Spec.LoadBalancerSourceRanges[0] = "192.0.2.0/24"
	if template.Annotations["a"] != "b" || template.Spec.LoadBalancerSourceRanges[0] != "10.0.0.0/8" {
		t.Errorf("the template is %v now", template)
	}
}
