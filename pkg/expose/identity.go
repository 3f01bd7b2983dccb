package expose

import (
	"regexp"
	"slices"
	"strings"
)

// A Service with the identity of another one competes with it for an address, a
// host name or a load balancer; one with another tool's mark is changed or deleted
// by that tool. Neither is copied. Clouds and controllers have hundreds of
// annotations and add more, so the words of a key decide if it is not known.

// toolDomains returns the domains, with their subdomains, of the labels and
// annotations by which other tools recognise, and later prune, what they applied.
func toolDomains() []string {
	return []string{
		"addonmanager.kubernetes.io",
		"applyset.kubernetes.io",
		"argoproj.io",
		"carvel.dev",
		"catalog.cattle.io",
		"cli-utils.sigs.k8s.io",
		"config.k8s.io",
		"config.kubernetes.io",
		"configmanagement.gke.io",
		"configsync.gke.io",
		"crossplane.io",
		"fleet.cattle.io",
		"fluxcd.io",
		"helm.sh",
		"intersystems.com", // the operator's own
		"k14s.io",
		"karmada.io",
		"kluctl.io",
		"kpt.dev",
		"kubecfg.ksonnet.io",
		"kubectl.kubernetes.io",
		"oam.dev",
		"olm.operatorframework.io",
		"open-cluster-management.io",
		"operators.coreos.com",
		"pulumi.com",
		"rio.cattle.io",
		"skaffold.dev",
		"tanka.dev",
		"tilt.dev",
		"werf.io",
	}
}

// isToolMark reports whether another tool recognises its objects by a label or
// annotation with this key. Argo CD and Helm use the first of the exact keys.
func isToolMark(key string) bool {
	switch key {
	case "app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "kubernetes.io/cluster-service":
		return true
	}
	domain, name := splitKey(key)
	if domain == "" {
		return strings.HasPrefix(name, "olm.")
	}
	return slices.ContainsFunc(toolDomains(), func(tool string) bool {
		return domain == tool || strings.HasSuffix(domain, "."+tool)
	})
}

// exactIdentities returns annotations that are identities and whose words do not
// show it.
func exactIdentities() []string {
	return []string{
		"cloud.google.com/neg",        // may name its endpoint groups, and lists the ports
		"cloud.google.com/neg-status", // written by the controller
		"dns.alpha.kubernetes.io/external",
		"dns.alpha.kubernetes.io/internal",
		"external-dns.alpha.kubernetes.io/set-identifier",
		"external-dns.alpha.kubernetes.io/target",
		"external-dns.kubernetes.io/set-identifier",
		"external-dns.kubernetes.io/target",
		"field.cattle.io/publicEndpoints", // written by Rancher
		"getambassador.io/config",         // mappings with names and hosts
		"k8s.ngrok.com/url",
		"metallb.io/ip-allocated-from-pool", // written by MetalLB
		"metallb.universe.tf/ip-allocated-from-pool",
		"service.beta.kubernetes.io/aws-load-balancer-source-nat-ipv6-prefixes",
		"service.beta.kubernetes.io/vultr-loadbalancer-label",
	}
}

// isIdentity reports whether a label or annotation gives a Service an address,
// a host name or a load balancer that only one Service may have, or a health
// check for the ports of another Service. Switches name nothing.
func isIdentity(key, value string) bool {
	domain, name := splitKey(key)
	words := wordsOf(name)
	switch {
	case isSwitch(value):
		return false
	case slices.Contains(exactIdentities(), key):
		return true
	case len(words) == 0:
		return false
	case isHealthCheck(words):
		return true
	case slices.ContainsFunc(words, isSharing):
		return false
	}
	before, last := words[:len(words)-1], words[len(words)-1]
	switch last {
	case "address", "addresses", "addr", "addrs", "allocation", "allocations", "hwaddr",
		"ip", "ips", "ipv4", "ipv6", "eip", "eips", "vip", "vips",
		"host", "hosts", "hostname", "hostnames", "fqdn", "fqdns", "domain", "domains", "dnsname", "dnsnames", "rdns":
		return true
	case "id", "ids", "name", "names":
		// Other things have ids and names too, and may be used by many Services:
		// subnets, certificates, security groups, buckets for logs.
		if len(before) == 0 {
			return slices.ContainsFunc(wordsOf(domain), isFrontend)
		}
		what := before[len(before)-1]
		return isFrontend(what) || what == "port" && strings.HasPrefix(last, "id")
	}
	return strings.HasSuffix(last, "lbid")
}

func isSwitch(value string) bool {
	return slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "enabled", "disabled"}, strings.ToLower(value))
}

// isFrontend reports whether a word means what clients connect to: a load
// balancer, its address or its name.
func isFrontend(word string) bool {
	return slices.Contains([]string{
		"address", "alb", "allocation", "balancer", "clb", "dns", "domain", "eip", "elb", "host", "ip", "ips", "label", "lb",
		"loadbalancer", "nlb", "nodebalancer", "pip", "pls", "service", "slb", "vip",
	}, word)
}

// isSharing reports whether a word means that other Services may have the same
// value: who may connect, what is used together, a zone that may fail.
func isSharing(word string) bool {
	return slices.Contains([]string{
		"acl", "allow", "allowed", "block", "blocked", "cookie", "deny", "denied", "except", "excluded", "failure", "fault",
		"share", "shared", "sharing", "source", "sources", "trusted", "whitelist",
	}, word)
}

// isHealthCheck reports whether the words of a key say where or how a load
// balancer checks the health of a port. How often it does fits any port.
func isHealthCheck(words []string) bool {
	hasAny := func(some ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return slices.Contains(some, word) })
	}
	return hasAny("health", "healthcheck", "check", "probe") &&
		hasAny("body", "code", "codes", "domain", "expect", "host", "httpcode", "matcher", "method", "mode", "option", "options",
			"path", "port", "protocol", "request", "response", "send", "type", "uri", "url")
}

// splitKey returns the domain and the name of a label's or annotation's key.
func splitKey(key string) (domain, name string) {
	if domain, name, ok := strings.Cut(key, "/"); ok {
		return domain, name
	}
	return "", key
}

// wordsOf splits a name as people write them, load-balancer-ip, elb.id,
// port_80_path or loadBalancerIPs, into lower-case words.
func wordsOf(name string) []string {
	words := regexp.MustCompile(`\p{Lu}+[^\p{Lu}._-]*|[^\p{Lu}._-]+`).FindAllString(name, -1)
	for i, word := range words {
		words[i] = strings.ToLower(word)
	}
	return words
}
