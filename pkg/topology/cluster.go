package topology

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	model "github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Statuses is every cluster of a snapshot by namespace and name: those whose
// IrisCluster was read, and those that only the labels of pods tell of.
func Statuses(s Snapshot) view.ClusterStatusList {
	inv := take(s)
	list := view.ClusterStatusList{
		APIVersion: view.APIVersion,
		Kind:       view.KindClusterStatusList,
		Items:      make([]view.ClusterStatus, 0, len(inv.clusters)),
	}
	var answers []iris.Answer
	for _, of := range slices.SortedFunc(maps.Keys(inv.clusters), compareKeys) {
		c := inv.clusters[of]
		list.Items = append(list.Items, inv.status(c))
		answers = append(answers, c.ownAnswers()...)
	}
	list.Unread = slices.Concat(inv.unread, unanswered(answers))
	return list
}

func (inv *inventory) status(c *cluster) view.ClusterStatus {
	sortServices(c)
	status := view.ClusterStatus{
		APIVersion: view.APIVersion,
		Kind:       view.KindClusterStatus,
		Metadata: view.Metadata{
			Name:              c.Name,
			Namespace:         c.Namespace,
			UID:               c.UID,
			CreationTimestamp: c.Created,
		},
		Source:   c.source,
		Phase:    c.Phase,
		Mirrored: c.mirrored(),
		Shards:   c.shards(),
		Pods:     inv.podViews(c),
		Services: make([]view.Service, 0, len(c.services)),
		Findings: []view.Finding{},
		Unread:   slices.Concat(inv.unread, unanswered(c.ownAnswers())),
	}
	for _, svc := range c.services {
		status.Services = append(status.Services, inv.serviceView(c, svc))
	}
	found := inv.judge(c, status)
	for _, f := range found {
		status.Findings = append(status.Findings, f.Finding)
	}
	status.Health = inv.health(found)
	status.Verdict = inv.verdict(status, found)
	return status
}

// mirrored is what the IrisCluster says. Without it a role label or a member
// type tells of a mirror, and neither tells nothing.
func (c *cluster) mirrored() *bool {
	if c.source == view.FromIrisCluster {
		return &c.Mirrored
	}
	for _, pod := range c.pods {
		if pod.Component() == iris.ComponentData && (pod.MirrorRole() != "" || c.answers[pod.Name].IsMember()) {
			yes := true
			return &yes
		}
	}
	return nil
}

// shards groups the data pods by their shard label. Of a sharded mirror each
// shard has a StatefulSet of its own, and one without pods is shown as well.
func (c *cluster) shards() []view.Shard {
	var shards []view.Shard
	at := map[string]int{}
	shard := func(name string) *view.Shard {
		i, ok := at[name]
		if !ok {
			i = len(shards)
			at[name] = i
			shards = append(shards, view.Shard{Name: name, Primaries: []string{}, Backups: []string{}, Others: []string{}})
		}
		return &shards[i]
	}
	labelled := true
	for _, pod := range c.pods {
		if pod.Component() != iris.ComponentData {
			continue
		}
		labelled = labelled && pod.Shard() != ""
		s := shard(pod.Shard())
		s.Members++
		if pod.Ready {
			s.Ready++
		}
		switch c.role(pod) {
		case iris.MirrorPrimary:
			s.Primaries = append(s.Primaries, pod.Name)
		case iris.MirrorBackup:
			s.Backups = append(s.Backups, pod.Name)
		default:
			s.Others = append(s.Others, pod.Name)
		}
	}
	if len(shards) > 0 && labelled && c.Mirrored {
		for n := range c.Shards {
			shard(strconv.Itoa(n))
		}
	}
	if len(shards) == 0 {
		shard("")
	}
	slices.SortFunc(shards, func(a, b view.Shard) int { return compareNumbers(a.Name, b.Name) })
	return shards
}

// compareNumbers orders texts that are numbers as such, and before others.
func compareNumbers(a, b string) int {
	n, errA := strconv.Atoi(a)
	m, errB := strconv.Atoi(b)
	switch {
	case errA == nil && errB == nil:
		return cmp.Or(cmp.Compare(n, m), cmp.Compare(a, b))
	case errA == nil:
		return -1
	case errB == nil:
		return 1
	}
	return cmp.Compare(a, b)
}

// comparePods orders the pods of a cluster as a person looks for them.
func comparePods(a, b *iris.Pod) int {
	return cmp.Or(
		cmp.Compare(place(a.Component()), place(b.Component())),
		cmp.Compare(a.Component(), b.Component()),
		compareNumbers(a.Shard(), b.Shard()),
		cmp.Compare(a.Ordinal(), b.Ordinal()),
		cmp.Compare(a.Name, b.Name),
	)
}

func place(component string) int {
	switch component {
	case iris.ComponentData:
		return 0
	case iris.ComponentCompute:
		return 1
	case iris.ComponentWebGateway:
		return 2
	case iris.ComponentArbiter:
		return 3
	}
	return 4
}

func (inv *inventory) podViews(c *cluster) []view.Pod {
	var reachedBy map[string][]string
	if inv.read.services && inv.read.slices {
		reachedBy = map[string][]string{}
		for _, svc := range c.services {
			if len(svc.Spec.Ports) == 0 {
				continue // the headless one, which only gives the pods names
			}
			for _, pod := range svc.reaches[c.Name] {
				reachedBy[pod] = append(reachedBy[pod], svc.Name)
			}
		}
	}
	pods := make([]view.Pod, 0, len(c.pods))
	for _, pod := range c.pods {
		v := view.Pod{
			Name:              pod.Name,
			Component:         pod.Component(),
			Shard:             pod.Shard(),
			LabelRole:         pod.MirrorRole(),
			IRIS:              c.answerView(pod),
			Ready:             pod.Ready,
			ContainersReady:   pod.ContainersReady,
			Containers:        pod.Containers,
			State:             pod.State,
			Node:              pod.Node,
			IP:                pod.IP,
			CreationTimestamp: pod.Created,
		}
		if pod.IRIS != nil {
			v.Image = pod.IRIS.Image
		}
		if pod.Sidecar != nil {
			v.Sidecar = &view.Sidecar{Image: pod.Sidecar.Image, Port: model.SidecarPort(*pod, c.Cluster).Number}
		}
		if reachedBy != nil {
			v.ReachedBy = orEmpty(reachedBy[pod.Name])
		}
		pods = append(pods, v)
	}
	return pods
}

// orEmpty makes an absent list an empty one: nothing, and not unknown.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
