// Package completion works out what the shell offers when a user presses TAB, and
// installs the program that kubectl asks for it.
package completion

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// A Question is the command line so far.
type Question struct {
	Namespace string
	// Cluster is the one that the command line names; "" if it names none.
	Cluster string
	Args    []string
	// Typed is the beginning of the word that is completed.
	Typed string
	// All reports whether --all is given.
	All bool
	// Narrowed reports whether a role, shard or component is given.
	Narrowed bool
}

// Names reads the names of objects.
type Names interface {
	Namespaces(ctx context.Context) ([]string, error)
	Clusters(ctx context.Context, namespace string) ([]string, error)
	// Pods returns the pods of a cluster, or of all if it is empty, with their names
	// and labels only.
	Pods(ctx context.Context, namespace, cluster string) ([]iris.Pod, error)
	PodsWithPorts(ctx context.Context, namespace, cluster string) ([]iris.Pod, error)
	// MadeServices returns the exposed Services, with their names and labels only.
	MadeServices(ctx context.Context, namespace string) ([]corev1.Service, error)
}

// Values returns what may stand in place of the word, each with a description after a
// tab if it has one. It makes one request.
type Values func(context.Context, Names, Question) ([]string, error)

// Namespaces offers all namespaces.
func Namespaces(ctx context.Context, names Names, _ Question) ([]string, error) {
	return names.Namespaces(ctx)
}

// Clusters offers the IrisClusters of the namespace.
func Clusters(ctx context.Context, names Names, q Question) ([]string, error) {
	return names.Clusters(ctx, q.Namespace)
}

// Pods offers the short names that name one pod; the full names to a user who began to
// type one, or if a short name is not enough.
func Pods(ctx context.Context, names Names, q Question) ([]string, error) {
	pods, err := names.Pods(ctx, q.Namespace, q.Cluster)
	if err != nil || q.All {
		return nil, err
	}
	count := shortNames(pods)
	var values []string
	for _, pod := range pods {
		if isGiven(pod, q) {
			continue
		}
		isUnique := count[pod.ShortName()] == 1
		if isUnique {
			values = append(values, described(pod.ShortName(), inWords(pod)))
		}
		if !isUnique || q.Typed != "" {
			values = append(values, described(pod.Name, inWords(pod)))
		}
	}
	return values, nil
}

// shortNames counts the pods of each short name.
func shortNames(pods []iris.Pod) map[string]int {
	count := map[string]int{}
	for _, pod := range pods {
		count[pod.ShortName()]++
	}
	return count
}

func isGiven(pod iris.Pod, q Question) bool {
	return slices.Contains(q.Args, pod.Name) || slices.Contains(q.Args, pod.ShortName())
}

// inWords describes a pod: its role, or else its component, and its cluster.
func inWords(pod iris.Pod) string {
	return fmt.Sprintf("%s of %s", cmp.Or(pod.MirrorRole(), pod.Component()), pod.Cluster())
}

// Roles offers the roles that pods have by their labels.
func Roles(ctx context.Context, names Names, q Question) ([]string, error) {
	pods, err := names.Pods(ctx, q.Namespace, q.Cluster)
	return each(pods, iris.Pod.MirrorRole), err
}

// Shards offers the shards of data pods.
func Shards(ctx context.Context, names Names, q Question) ([]string, error) {
	pods, err := names.Pods(ctx, q.Namespace, q.Cluster)
	pods = slices.DeleteFunc(pods, func(p iris.Pod) bool { return p.Component() != iris.ComponentData })
	return each(pods, iris.Pod.Shard), err
}

// each returns the values that are not empty.
func each[T any](of []T, value func(T) string) []string {
	var values []string
	for _, one := range of {
		if v := value(one); v != "" {
			values = append(values, v)
		}
	}
	return values
}

// Containers offers the names of containers.
func Containers(ctx context.Context, names Names, q Question) ([]string, error) {
	pods, err := names.PodsWithPorts(ctx, q.Namespace, "")
	var values []string
	for _, pod := range pods {
		values = append(values, each(pod.AllContainers(), func(c iris.Container) string { return c.Name })...)
	}
	return values, err
}

// TargetPorts offers the names of container ports after a colon: PORT:TARGET.
func TargetPorts(ctx context.Context, names Names, q Question) ([]string, error) {
	before, isTarget := cutLast(q.Typed, ":")
	if !isTarget {
		return nil, nil
	}
	pods, err := names.PodsWithPorts(ctx, q.Namespace, q.Cluster)
	return portNames(pods, before), err
}

// PodPorts offers the names of the named pods' container ports, also as bare words.
func PodPorts(ctx context.Context, names Names, q Question) ([]string, error) {
	pods, err := names.PodsWithPorts(ctx, q.Namespace, q.Cluster)
	if len(q.Args) > 0 {
		pods = slices.DeleteFunc(pods, func(p iris.Pod) bool { return !isGiven(p, q) })
	}
	before, isTarget := cutLast(q.Typed, ":")
	values := portNames(pods, before)
	if err == nil && !isTarget {
		values = append(values, superserver(""))
	}
	return values, err
}

func portNames(pods []iris.Pod, before string) []string {
	var values []string
	for _, pod := range pods {
		for _, port := range pod.Ports() {
			if port.Name != "" {
				values = append(values, described(before+port.Name, fmt.Sprint(port.ContainerPort)))
			}
		}
	}
	return values
}

func superserver(before string) string {
	return described(before+iris.NameSuperserver, fmt.Sprint(iris.PortSuperserver))
}

// Targets offers clusters and, unless a role or shard is given, pods.
func Targets(ctx context.Context, names Names, q Question) ([]string, error) {
	return targetsAmong(ctx, names, q, func(iris.Pod) bool { return true })
}

// Instances offers the targets that run an instance.
func Instances(ctx context.Context, names Names, q Question) ([]string, error) {
	return targetsAmong(ctx, names, q, func(pod iris.Pod) bool {
		return pod.Component() == iris.ComponentData || pod.Component() == iris.ComponentCompute
	})
}

func targetsAmong(ctx context.Context, names Names, q Question, isTarget func(iris.Pod) bool) ([]string, error) {
	if q.Narrowed {
		return Clusters(ctx, names, q)
	}
	pods, err := names.Pods(ctx, q.Namespace, "")
	count := shortNames(pods)
	var values []string
	for _, pod := range pods {
		values = append(values, described(pod.Cluster(), "IrisCluster"))
		if !isTarget(pod) {
			continue
		}
		name := pod.ShortName()
		if count[name] > 1 || strings.HasPrefix(pod.Name, q.Typed) && q.Typed != "" {
			name = pod.Name
		}
		values = append(values, described(name, inWords(pod)))
	}
	return values, err
}

// TargetsOrPorts offers a target as the first argument, and ports, which are written
// LOCAL:REMOTE, as any.
func TargetsOrPorts(ctx context.Context, names Names, q Question) ([]string, error) {
	before, hasLocal := cutLast(q.Typed, ":")
	values := []string{described(before+reach.NamePortal, "Management Portal"), superserver(before)}
	if len(q.Args) == 0 && !hasLocal {
		targets, err := Targets(ctx, names, q)
		if err != nil {
			return nil, err
		}
		return append(values, targets...), nil
	}
	pods, err := names.PodsWithPorts(ctx, q.Namespace, "")
	return append(values, portNames(pods, before)...), err
}

// cutLast returns s up to and including the last separator.
func cutLast(s, separator string) (before string, found bool) {
	i := strings.LastIndex(s, separator)
	return s[:i+1], i >= 0
}

// Exposed offers the exposed Services and the pods that they were created for; if a
// role, shard or component is given, their clusters.
func Exposed(ctx context.Context, names Names, q Question) ([]string, error) {
	services, err := names.MadeServices(ctx, q.Namespace)
	if err != nil || q.All {
		return nil, err
	}
	var values []string
	for i := range services {
		target, name := cluster.TargetOf(&services[i]), services[i].Name
		switch {
		case q.Narrowed && target.Kind == view.TargetSidecar && len(q.Args) == 0:
			values = append(values, target.Cluster)
		case q.Narrowed:
		case target.Kind == view.TargetPod:
			short := strings.TrimPrefix(target.Pod, target.Cluster+"-")
			values = append(values, described(name, "pod "+target.Pod), described(short, "service "+name))
		default:
			values = append(values, described(name, "sidecars of "+target.Cluster))
		}
	}
	return values, nil
}

// ExposedBy offers a part of what sidecars were exposed by: the roles, for example.
func ExposedBy(part func(*view.Target) string) Values {
	return func(ctx context.Context, names Names, q Question) ([]string, error) {
		services, err := names.MadeServices(ctx, q.Namespace)
		return each(services, func(s corev1.Service) string {
			target := cluster.TargetOf(&s)
			if target.Kind != view.TargetSidecar || len(q.Args) > 0 && q.Args[0] != target.Cluster {
				return ""
			}
			return part(target)
		}), err
	}
}

// described returns a value with a description.
func described(value, words string) string { return value + "\t" + words }

// Matching returns the values that begin with the typed word and are not among the
// arguments, each once and in order.
func Matching(values []string, q Question) []string {
	left := slices.DeleteFunc(slices.Clone(values), func(value string) bool {
		name, _, _ := strings.Cut(value, "\t")
		return !strings.HasPrefix(value, q.Typed) || slices.Contains(q.Args, name)
	})
	slices.Sort(left)
	return slices.Compact(left)
}
