package topology

import (
	"maps"
	"slices"

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
		Mirrored: mirroredView(c.model.Mirrored),
		Shards:   shardViews(c.shards),
		Pods:     inv.podViews(c),
		Services: make([]view.Service, 0, len(c.services)),
		Findings: []view.Finding{},
		Unread:   slices.Concat(inv.unread, unanswered(c.ownAnswers())),
	}
	for _, svc := range c.services {
		status.Services = append(status.Services, inv.serviceView(c, svc))
	}
	found := inv.judge(c)
	for _, f := range found {
		status.Findings = append(status.Findings, f.Finding)
	}
	status.Health = inv.health(found)
	status.Verdict = inv.verdict(c, status, found)
	return status
}

// mirroredView returns the fact as the view has it: nil if it is not known.
func mirroredView(f iris.Fact) *bool {
	if f == iris.Unknown {
		return nil
	}
	is := f == iris.Yes
	return &is
}

func shardViews(shards []*model.Shard) []view.Shard {
	views := make([]view.Shard, 0, len(shards))
	for _, s := range shards {
		v := view.Shard{
			Name:      s.Name,
			Members:   len(s.Members),
			Primaries: namesOf(s.Primaries),
			Backups:   namesOf(s.Backups),
			Others:    namesOf(slices.Concat(s.Leaving, s.Others)),
		}
		for _, m := range s.Members {
			if m.Ready {
				v.Ready++
			}
		}
		views = append(views, v)
	}
	return views
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
