package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
)

// completeTargets offers clusters and, unless a role or shard is given, pods.
func completeTargets(ctx context.Context, names kube.Names, q question) ([]string, error) {
	return completeTargetsWith(ctx, names, q, func(iris.Pod) bool { return true })
}

// completeInstances offers the targets that run an instance.
func completeInstances(ctx context.Context, names kube.Names, q question) ([]string, error) {
	return completeTargetsWith(ctx, names, q, func(pod iris.Pod) bool {
		return pod.Component() == iris.ComponentData || pod.Component() == iris.ComponentCompute
	})
}

func completeTargetsWith(ctx context.Context, names kube.Names, q question, use func(iris.Pod) bool) ([]string, error) {
	if q.flag("role")+q.flag("shard") != "" {
		return completeClusters(ctx, names, q)
	}
	pods, err := names.Pods(ctx, q.namespace, "")
	var values []string
	sameName := map[string]int{}
	for _, pod := range pods {
		sameName[pod.ShortName()]++
		values = append(values, described(pod.Cluster(), "IrisCluster"))
	}
	for _, pod := range pods {
		if !use(pod) {
			continue
		}
		name := pod.ShortName()
		if sameName[name] > 1 || strings.HasPrefix(pod.Name, q.typed) && q.typed != "" {
			name = pod.Name
		}
		values = append(values, described(name, inWords(pod)))
	}
	return values, err
}

// completeTargetsOrPorts offers a target first, and ports anywhere.
func completeTargetsOrPorts(ctx context.Context, names kube.Names, q question) ([]string, error) {
	before, hasLocal := cutLast(q.typed, ":")
	var values []string
	if len(q.args) == 0 && !hasLocal {
		found, err := completeTargets(ctx, names, q)
		if err != nil {
			return nil, err
		}
		values = found
	}
	values = append(values, described(before+reach.NamePortal, "Management Portal"), described(before+iris.NameSuperserver, fmt.Sprint(iris.PortSuperserver)))
	if len(q.args) == 0 && !hasLocal {
		return values, nil
	}
	pods, err := names.PodsWithPorts(ctx, q.namespace, "")
	for _, pod := range pods {
		for _, port := range pod.Ports() {
			if port.Name != "" {
				values = append(values, described(before+port.Name, fmt.Sprint(port.ContainerPort)))
			}
		}
	}
	return values, err
}

// completeContainers offers the names of containers.
func completeContainers(ctx context.Context, names kube.Names, q question) ([]string, error) {
	pods, err := names.PodsWithPorts(ctx, q.namespace, "")
	var values []string
	for _, pod := range pods {
		for _, container := range pod.AllContainers() {
			values = append(values, container.Name)
		}
	}
	return values, err
}
