package cluster_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
)

func serviceFrom(t *testing.T, text string) *corev1.Service {
	t.Helper()
	var service corev1.Service
	if err := yaml.UnmarshalStrict([]byte(text), &service); err != nil {
		t.Fatal(err)
	}
	return &service
}

func TestAddressesAndURLs(t *testing.T) {
	const path = "/csp/sys/UtilHome.csp"
	nodes := []string{"198.51.100.1", "2001:db8::2"}
	for name, test := range map[string]struct {
		service   string
		addresses []string
		pending   bool
		urls      []string
	}{
		"load balancer": {
			`{spec: {type: LoadBalancer, clusterIP: 10.96.0.1, ports: [{port: 81, targetPort: 80}]}, status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}}`,
			[]string{"192.0.2.1"},
			false,
			[]string{"http://192.0.2.1:81" + path},
		},
		"load balancer with two addresses": {
			`{spec: {type: LoadBalancer, ports: [{port: 81, targetPort: 80}]}, status: {loadBalancer: {ingress: [{hostname: lb.example.com}, {ip: "2001:db8::1"}]}}}`,
			[]string{"lb.example.com", "2001:db8::1"},
			false,
			[]string{"http://lb.example.com:81" + path, "http://[2001:db8::1]:81" + path},
		},
		"load balancer pending": {
			`{spec: {type: LoadBalancer, clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1], ports: [{port: 81, targetPort: 80}]}}`,
			[]string{},
			true, nil,
		},
		"load balancer pending beside an external address": {
			`{spec: {type: LoadBalancer, externalIPs: [192.0.2.9], ports: [{port: 81, targetPort: 80}]}}`,
			[]string{"192.0.2.9"},
			true,
			[]string{"http://192.0.2.9:81" + path},
		},
		"load balancer that became a cluster IP": {
			`{spec: {type: ClusterIP, clusterIP: 10.96.0.1, ports: [{port: 81, targetPort: 80}]}, status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}}`,
			[]string{"10.96.0.1"},
			false,
			[]string{"http://10.96.0.1:81" + path},
		},
		"cluster IPs": {
			`{spec: {clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, "fd00::1"], ports: [{port: 80}]}}`,
			[]string{"10.96.0.1", "fd00::1"},
			false,
			[]string{"http://10.96.0.1:80" + path, "http://[fd00::1]:80" + path},
		},
		"cluster IP with an external address": {
			`{spec: {clusterIP: 10.96.0.1, externalIPs: [192.0.2.9], ports: [{port: 80}]}}`,
			[]string{"192.0.2.9"},
			false,
			[]string{"http://192.0.2.9:80" + path},
		},
		"one of the cluster IPs": {`{spec: {clusterIPs: [10.96.0.1], ports: [{port: 1972}]}}`, []string{"10.96.0.1"}, false, nil},
		"node port": {
			`{spec: {type: NodePort, clusterIP: 10.96.0.1, ports: [{port: 81, targetPort: 80, nodePort: 30081}]}}`,
			[]string{"10.96.0.1"},
			false,
			[]string{"http://198.51.100.1:30081" + path, "http://[2001:db8::2]:30081" + path},
		},
		"node port beside an external address": {
			`{spec: {type: NodePort, externalIPs: [192.0.2.9], ports: [{port: 81, targetPort: 80, nodePort: 30081}]}}`,
			[]string{"192.0.2.9"},
			false,
			[]string{"http://192.0.2.9:81" + path},
		},
		"node port not given yet": {`{spec: {type: NodePort, clusterIP: 10.96.0.1, ports: [{port: 81, targetPort: 80}]}}`, []string{"10.96.0.1"}, false, nil},
		"headless":                {`{spec: {clusterIP: None, clusterIPs: [None], ports: [{port: 80}]}}`, []string{"None"}, false, nil},
		"no address yet":          {`{spec: {ports: [{port: 80}]}}`, []string{}, false, nil},
		"superserver alone":       {`{spec: {clusterIP: 10.96.0.1, ports: [{port: 11972, targetPort: 1972}]}}`, []string{"10.96.0.1"}, false, nil},
		"superserver's name":      {`{spec: {clusterIP: 10.96.0.1, ports: [{port: 51773, targetPort: superserver}]}}`, []string{"10.96.0.1"}, false, nil},
		"web beside superserver": {
			`{spec: {clusterIP: 10.96.0.1, ports: [{name: superserver, port: 1972}, {name: portal, port: 52773}]}}`,
			[]string{"10.96.0.1"},
			false,
			[]string{"http://10.96.0.1:52773" + path},
		},
		"web by the target's name": {
			`{spec: {clusterIP: 10.96.0.1, ports: [{name: a, port: 1, targetPort: webserver}, {name: b, port: 2, targetPort: agent}]}}`,
			[]string{"10.96.0.1"},
			false,
			[]string{"http://10.96.0.1:1" + path},
		},
		"TLS beside plain": {
			`{spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 81, targetPort: 80}, {name: tls, port: 444, targetPort: 443}]}}`,
			[]string{"10.96.0.1"},
			false,
			[]string{"http://10.96.0.1:81" + path, "https://10.96.0.1:444" + path},
		},
		"TLS by the target's name": {
			`{spec: {clusterIP: 10.96.0.1, ports: [{port: 444, targetPort: https}]}}`,
			[]string{"10.96.0.1"},
			false,
			[]string{"https://10.96.0.1:444" + path},
		},
		"TLS by the port's name alone": {
			`{spec: {clusterIP: 10.96.0.1, ports: [{name: https, port: 444, targetPort: 8443}]}}`,
			[]string{"10.96.0.1"},
			false,
			[]string{"https://10.96.0.1:444" + path},
		},
		"TLS by its appProtocol alone": {
			`{spec: {clusterIP: 10.96.0.1, ports: [{name: a, port: 444, targetPort: 8443, appProtocol: https}, {name: b, port: 1972}]}}`,
			[]string{"10.96.0.1"},
			false,
			[]string{"https://10.96.0.1:444" + path},
		},
		"metrics alone":             {`{spec: {clusterIP: 10.96.0.1, ports: [{name: metrics, port: 9090}]}}`, []string{"10.96.0.1"}, false, nil},
		"a lone port of one's own":  {`{spec: {clusterIP: 10.96.0.1, ports: [{port: 8080}]}}`, []string{"10.96.0.1"}, false, []string{"http://10.96.0.1:8080" + path}},
		"ISCAgent's port":           {`{spec: {clusterIP: 10.96.0.1, ports: [{name: port-2188, port: 2188}]}}`, []string{"10.96.0.1"}, false, nil},
		"two ports of one's own":    {`{spec: {clusterIP: 10.96.0.1, ports: [{name: a, port: 9999}, {name: b, port: 2188}]}}`, []string{"10.96.0.1"}, false, nil},
		"UDP":                       {`{spec: {clusterIP: 10.96.0.1, ports: [{port: 80, protocol: UDP}]}}`, []string{"10.96.0.1"}, false, nil},
		"a lone port, but UDP":      {`{spec: {clusterIP: 10.96.0.1, ports: [{port: 8080, protocol: UDP}]}}`, []string{"10.96.0.1"}, false, nil},
		"http to the superserver":   {`{spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 80, targetPort: 1972}]}}`, []string{"10.96.0.1"}, false, nil},
		"web by the port's name":    {`{spec: {clusterIP: 10.96.0.1, ports: [{name: http-portal, port: 8080}, {name: b, port: 2188}]}}`, []string{"10.96.0.1"}, false, []string{"http://10.96.0.1:8080" + path}},
		"address without any ports": {`{spec: {clusterIP: 10.96.0.1}}`, []string{"10.96.0.1"}, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			service := serviceFrom(t, test.service)
			if diff := cmp.Diff(test.addresses, cluster.Addresses(service)); diff != "" {
				t.Errorf("addresses: -want +got:\n%s", diff)
			}
			if got := cluster.AddressIsPending(*service); got != test.pending {
				t.Errorf("pending %v, want %v", got, test.pending)
			}
			if diff := cmp.Diff(test.urls, cluster.URLs(service, nodes)); diff != "" {
				t.Errorf("URLs: -want +got:\n%s", diff)
			}
		})
	}
}
