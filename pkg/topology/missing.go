package topology

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/finding"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// judgeMissing returns a finding for each shard without pods.
func (inv *inventory) judgeMissing(c *irisCluster) []finding.Finding {
	var found []finding.Finding
	for _, s := range c.shards {
		if len(s.Members) == 0 {
			found = append(found, inv.noPods(c, s.Name))
		}
	}
	if c.further > 0 {
		found = append(found, finding.Finding{
			Code:  finding.NoPods,
			Brief: fmt.Sprintf("no data pods in further shards: %d", c.further),
			Hint:  c.describeCluster(),
		})
	}
	return found
}

// noPods returns that a data node, or a shard, has no pods, and the newest Warning
// that says why.
func (inv *inventory) noPods(c *irisCluster, shard string) finding.Finding {
	refused := inv.refusalsOf(c, iris.ComponentData)
	if shard != "" {
		refused = filter(refused, func(r refusal) bool { return strings.HasSuffix(r.InvolvedObject.Name, "-"+shard) })
	}
	f := finding.Finding{Code: finding.NoPods, Brief: "no data pods" + c.inShard(shard), Why: c.warning, Hint: c.describeCluster()}
	if len(refused) > 0 {
		newest := slices.MaxFunc(refused, func(a, b refusal) int { return compareEvents(a.Event, b.Event) })
		f.Why, f.Hint = newest.controller+": "+newest.why, newest.describe()
	}
	return f
}

func (r refusal) describe() string {
	return fmt.Sprintf("kubectl describe %s -n %s", r.controller, r.InvolvedObject.Namespace)
}

// notCreated returns a finding for each StatefulSet or ReplicaSet that cannot create
// a missing pod. Data nodes without any pods have NoPods instead.
func (inv *inventory) notCreated(c *irisCluster) []finding.Finding {
	var found []finding.Finding
	all := components()
	for _, component := range slices.Sorted(maps.Keys(c.Resource.Nodes)) {
		if !slices.Contains(all, component) {
			all = append(all, component)
		}
	}
	for _, component := range all {
		for _, r := range inv.lastingRefusals(c, component) {
			if component == iris.ComponentData && len(c.createdBy(r.InvolvedObject.Name)) == 0 {
				continue
			}
			found = append(found, finding.Finding{
				Code:   finding.PodNotCreated,
				Object: object(strings.ToLower(r.InvolvedObject.Kind), r.InvolvedObject.Name),
				Brief:  r.controller + " cannot create a pod",
				Why:    r.why,
				Hint:   r.describe(),
			})
		}
	}
	return found
}

// lastingRefusals returns a component's refusals if pods are missing and its
// StatefulSet or ReplicaSet has created none since. One that was scaled back or rolled
// back is no longer refused. HasMissingPods has the same condition, so that a view for
// which no Warnings were read has the same findings.
func (inv *inventory) lastingRefusals(c *irisCluster, component string) []refusal {
	return filter(inv.refusalsOf(c, component), func(r refusal) bool {
		isCreatedSince := func(p *iris.Pod) bool { return !EventTime(*r.Event).After(p.Created.Time) }
		_, shard, _ := strings.Cut(strings.TrimPrefix(r.InvolvedObject.Name, c.name+"-"), iris.ComponentData+"-")
		return hasFewer(&c.Resource, c.pods, component, shard) && !slices.ContainsFunc(c.createdBy(r.InvolvedObject.Name), isCreatedSince)
	})
}

// refusalsOf returns the refusals of what creates the pods of a cluster's
// component: the StatefulSets simple-data and simple-data-0, or a Deployment's
// ReplicaSet simple-compute-5d8f7c9b4.
func (inv *inventory) refusalsOf(c *irisCluster, component string) []refusal {
	return filter(inv.refusals[c.namespace], func(r refusal) bool {
		rest, ok := strings.CutPrefix(r.InvolvedObject.Name, c.name+"-"+component)
		if !ok || rest == "" {
			return ok
		}
		suffix, ok := strings.CutPrefix(rest, "-")
		if r.InvolvedObject.Kind == kindReplicaSet {
			return ok && !strings.Contains(suffix, "-")
		}
		_, err := strconv.Atoi(suffix)
		return ok && err == nil
	})
}

// createdBy returns the cluster's pods that a StatefulSet or ReplicaSet of that
// name created, by their names.
func (c *irisCluster) createdBy(controller string) []*iris.Pod {
	return filter(c.pods, func(p *iris.Pod) bool {
		rest, ok := strings.CutPrefix(p.Name, controller+"-")
		return ok && !strings.Contains(rest, "-")
	})
}

// whySelectsNothing returns why a selector selects no pod, and what to look at: there
// are none of its component or shard, or which label leaves no pod. It returns "" if
// there is a finding about these pods.
func (inv *inventory) whySelectsNothing(c *irisCluster, selector map[string]string) (why, hint string) {
	component := selector[iris.LabelComponent]
	hasNone := c.hasNoPods(component, selector[iris.LabelShard])
	switch {
	case hasNone && (component == "" || component == iris.ComponentData), len(inv.lastingRefusals(c, component)) > 0:
		return "", ""
	case hasNone:
		return fmt.Sprintf("the cluster has no %s pods", component), c.describeCluster()
	}
	return whichLabel(c.pods, selector),
		fmt.Sprintf("compare the labels: kubectl get pods -l %s=%s --show-labels -n %s", iris.LabelName, c.name, c.namespace)
}

// whichLabel returns which label of a selector leaves none of some pods, trying the
// most general first.
func whichLabel(pods []*iris.Pod, selector map[string]string) string {
	general := []string{
		iris.LabelPodName, iris.LabelMirrorRole, iris.LabelShard, iris.LabelComponent,
		iris.LabelRole, iris.LabelName, iris.LabelKind,
	}
	left, subject := pods, "pod"
	for _, k := range slices.SortedFunc(maps.Keys(selector), func(a, b string) int {
		return cmp.Or(cmp.Compare(slices.Index(general, b), slices.Index(general, a)), cmp.Compare(a, b))
	}) {
		v := selector[k]
		one := map[string]string{k: v}
		left = filter(left, func(p *iris.Pod) bool { return cluster.Selects(one, *p) })
		if len(left) == 0 {
			return fmt.Sprintf("no %s carries %s=%s", subject, k, v)
		}
		switch k {
		case iris.LabelComponent, iris.LabelMirrorRole:
			subject = v + " " + subject
		case iris.LabelShard:
			subject += fmt.Sprintf(" of shard %q", v)
		}
	}
	return "no pod carries all labels of its selector"
}

// hasNoPods reports whether the cluster has no pods of a component ("" for any), or
// none of a shard that its data node should have.
func (c *irisCluster) hasNoPods(component, shard string) bool {
	named := func(s *cluster.Shard) bool { return s.Name == shard }
	switch i := slices.IndexFunc(c.shards, named); {
	case shard == "" || component != "" && component != iris.ComponentData:
	case i >= 0:
		return len(c.shards[i].Members) == 0
	case c.further > 0 && c.HasShard(shard):
		return true
	}
	return !slices.ContainsFunc(c.pods, func(p *iris.Pod) bool { return component == "" || p.Component() == component })
}

// HasMissingPods reports whether a cluster has fewer pods than its IrisCluster asks
// for at least, so that a Warning may say why: no pods of a component, or only one
// member of a mirror.
func HasMissingPods(s Snapshot) bool {
	if s.IsUnread("pods") {
		return false
	}
	pods := s.podsByCluster()
	return slices.ContainsFunc(s.Clusters, func(c iris.Cluster) bool {
		own := pods[types.NamespacedName{Namespace: c.Namespace, Name: c.Name}]
		return slices.ContainsFunc(components(), func(component string) bool { return hasFewer(&c, own, component, "") })
	})
}

// components returns the components that are known.
func components() []string {
	return []string{iris.ComponentData, iris.ComponentCompute, iris.ComponentWebGateway, iris.ComponentArbiter}
}

// hasFewer reports whether there are fewer pods of a component, or of one shard
// of its data node, than the IrisCluster asks for at the least.
func hasFewer(c *iris.Cluster, pods []*iris.Pod, component, shard string) bool {
	const failoverMembers = 2
	n, shards := 0, map[string]int{}
	for _, p := range pods {
		if p.Component() == component {
			n++
			shards[p.Shard()]++
		}
	}
	number, err := strconv.Atoi(shard)
	switch {
	case component != iris.ComponentData:
		_, wanted := c.Nodes[component]
		return wanted && n == 0
	case n == 0:
		return true
	case !c.Mirrored:
		return n < c.Shards
	case shard != "":
		return err == nil && number < c.Shards && shards[shard] < failoverMembers && hasFewer(c, pods, component, "")
	}
	return len(shards) < c.Shards || slices.ContainsFunc(slices.Collect(maps.Values(shards)), func(n int) bool { return n < failoverMembers })
}
