package endpoints

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// Undeclared returns the ports whose target is a name that no container of the
// pods declares. The EndpointSlice controller leaves such a port
// out, so none of these pods can come to serve it. Without pods it returns none.
func Undeclared(ports []corev1.ServicePort, pods []iris.Pod) []corev1.ServicePort {
	if len(pods) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(ports), func(port corev1.ServicePort) bool {
		return port.TargetPort.Type != intstr.String || slices.ContainsFunc(pods, func(p iris.Pod) bool { return cluster.Declares(p.Ports(), port.TargetPort, port.Protocol) })
	})
}

// NoneDeclares returns in words why no endpoint serves ports that Undeclared
// returned.
func NoneDeclares(ports []corev1.ServicePort, pods []iris.Pod) string {
	var names, targets []string
	for _, pod := range pods {
		names = append(names, pod.Name)
	}
	for _, port := range ports {
		target := strconv.Quote(port.TargetPort.StrVal)
		if protocolOf(port) != corev1.ProtocolTCP {
			target += "/" + string(protocolOf(port))
		}
		targets = append(targets, target)
	}
	slices.Sort(names)
	return fmt.Sprintf("no endpoint serves %s, since no container of %s declares %s", Numbers(ports), text.List(names, maxNamed), strings.Join(slices.Compact(targets), " or "))
}

// Numbers returns ports in words: port 81, or ports 81, 1972/UDP.
func Numbers(ports []corev1.ServicePort) string {
	var numbers []string
	for _, port := range ports {
		number := strconv.Itoa(int(port.Port))
		if protocolOf(port) != corev1.ProtocolTCP {
			number += "/" + string(protocolOf(port))
		}
		numbers = append(numbers, number)
	}
	if len(numbers) == 1 {
		return "port " + numbers[0]
	}
	return "ports " + strings.Join(numbers, ", ")
}

// maxNamed bounds how many pods a sentence names.
const maxNamed = 3
