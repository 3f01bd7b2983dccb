package topology

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/finding"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// clusterView returns a cluster and its findings as they are printed.
func (inv *inventory) clusterView(c *irisCluster, found []finding.Finding) view.ClusterStatus {
	status := view.ClusterStatus{
		APIVersion: view.APIVersion,
		Kind:       view.KindClusterStatus,
		Metadata: view.Metadata{
			Name:              c.name,
			Namespace:         c.namespace,
			UID:               c.Resource.UID,
			CreationTimestamp: c.Resource.Created,
		},
		Source:   view.FromLabels,
		Phase:    c.Resource.Phase,
		Shards:   make([]view.Shard, 0, len(c.shards)),
		Pods:     inv.podViews(c),
		Services: make([]view.Service, 0, len(c.services)),
		Findings: make([]view.Finding, 0, len(found)),
		Unread:   inv.unreadOf(c),
	}
	if c.Read {
		status.Source = view.FromIrisCluster
	}
	if c.Mirrored != iris.Unknown {
		status.Mirrored = ptr.To(c.isMirrored)
	}
	for _, s := range c.shards {
		status.Shards = append(status.Shards, shardView(s))
	}
	for _, svc := range c.services {
		status.Services = append(status.Services, inv.serviceView(c, svc))
	}
	for _, f := range found {
		status.Findings = append(status.Findings, f.View())
	}
	status.Health = healthOf(status.Findings, inv.read.pods)
	status.Verdict = inv.verdict(c, status.Health, found)
	return status
}

func shardView(s *cluster.Shard) view.Shard {
	return view.Shard{
		Name:      s.Name,
		Members:   len(s.Members),
		Ready:     len(filter(s.Members, isReady)),
		Primaries: namesOf(s.Primaries),
		Backups:   namesOf(s.Backups),
		Others:    namesOf(slices.Concat(s.Leaving, s.Others)),
	}
}

// namesOf returns the names of members, none as an empty list.
func namesOf(members []*cluster.Member) []string {
	names := make([]string, 0, len(members))
	for _, m := range members {
		names = append(names, m.Name)
	}
	return names
}

func (inv *inventory) podViews(c *irisCluster) []view.Pod {
	var reachedBy map[string][]string
	if inv.read.services && inv.read.slices {
		reachedBy = map[string][]string{}
		for _, svc := range c.services {
			if len(svc.Spec.Ports) == 0 {
				continue // the headless one, which only gives the pods names
			}
			for _, pod := range svc.reaches[c.name] {
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
			IRIS:              answerView(c, c.Member(pod)),
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
			v.Sidecar = &view.Sidecar{Image: pod.Sidecar.Image, Port: cluster.SidecarPort(*pod, c.Resource).Number}
		}
		if reachedBy != nil {
			v.ReachedBy = orEmpty(reachedBy[pod.Name])
		}
		pods = append(pods, v)
	}
	return pods
}

// orEmpty returns an empty list for nil, which would mean that it was not read.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// answerView returns what IRIS said in a member; nil if it was not asked, or the pod is
// no member. Labels outside a mirror mean nothing, so none is contradicted.
func answerView(c *irisCluster, m *cluster.Member) *view.Answer {
	if m == nil || m.Answer == nil {
		return nil
	}
	a := m.Answer
	v := &view.Answer{
		Text:        m.Says,
		Source:      view.AnswerSource(a.Source),
		Role:        a.Role(),
		Conclusive:  a.IsConclusive(),
		Contradicts: c.isMirrored && a.Contradicts(m.MirrorRole()),
		Stale:       a.Stale,
		Why:         a.Why(),
	}
	if i := a.Instance; i != nil {
		mirror := ptr.Deref(i.Mirror, iris.Mirror{})
		v.Instance = &view.Instance{
			Name:            i.Name,
			Version:         i.Version,
			Status:          i.Status,
			Since:           i.Since,
			State:           i.State,
			SuperserverPort: i.SuperserverPort,
			WebPort:         i.WebPort,
			MemberType:      mirror.MemberType,
			MirrorStatus:    mirror.Status,
		}
	}
	return v
}

// serviceView returns a Service as one cluster sees it. If pods could not be
// read, it reaches what it reaches in any cluster.
func (inv *inventory) serviceView(c *irisCluster, svc *service) view.Service {
	v := serviceOf(svc)
	of := noCluster
	if inv.read.pods {
		of, v.Selects = c.name, podNames(svc.selects[c.name])
	}
	if inv.read.slices {
		v.Reaches, v.Terminating = orEmpty(svc.reaches[of]), svc.terminating[of]
	}
	return v
}

// serviceOf returns a Service without the pods that it selects and reaches.
func serviceOf(svc *service) view.Service {
	v := view.Service{
		Name:              svc.Name,
		Origin:            svc.origin,
		Type:              string(cmp.Or(svc.Spec.Type, corev1.ServiceTypeClusterIP)),
		Addresses:         svc.addresses,
		Pending:           svc.pending,
		Ports:             make([]view.ServicePort, 0, len(svc.Spec.Ports)),
		Selector:          svc.Spec.Selector,
		Target:            svc.target,
		CreationTimestamp: svc.CreationTimestamp,
	}
	for _, port := range svc.Spec.Ports {
		target := cluster.Target(port)
		v.Ports = append(v.Ports, view.ServicePort{
			Name:       port.Name,
			Protocol:   string(cmp.Or(port.Protocol, corev1.ProtocolTCP)),
			Port:       port.Port,
			TargetPort: target.String(),
			NodePort:   port.NodePort,
		})
	}
	return v
}

// unreadOf returns the reads that failed, those in the clusters' pods grouped by
// reason.
func (inv *inventory) unreadOf(clusters ...*irisCluster) []view.Unread {
	var groups [][]*iris.Answer
	for _, c := range clusters {
		for _, m := range c.Members {
			a := m.Answer
			if a == nil || len(a.Refused) == 0 {
				continue
			}
			i := slices.IndexFunc(groups, func(g []*iris.Answer) bool {
				return g[0].Namespace == a.Namespace && g[0].Source == a.Source && slices.Equal(g[0].Refused, a.Refused)
			})
			if i < 0 {
				i, groups = len(groups), append(groups, nil)
			}
			groups[i] = append(groups[i], a)
		}
	}
	unread := slices.Clone(inv.unread)
	for _, g := range groups {
		unread = append(unread, unanswered(g))
	}
	return unread
}

// unanswered returns the failed read for answers that have one reason.
func unanswered(answers []*iris.Answer) view.Unread {
	a := answers[0]
	pods := make([]string, len(answers))
	for i, answer := range answers {
		pods[i] = answer.Pod
	}
	u := view.Unread{Verb: "create", Resource: "pods/exec", Namespace: a.Namespace, Reason: view.Failed}
	if a.Refused[0].Resource != "" {
		u.Reason = view.Forbidden
	}
	where := fmt.Sprintf("%s (namespace %q)", quotedList(pods), a.Namespace)
	switch {
	case a.Stale:
		u.Message = fmt.Sprintf("no newer answer in %s than the one that is shown: %s", where, a.Why())
	case a.Source == iris.FromMirrorStatus:
		u.Message = fmt.Sprintf("no conclusive answer in %s from %s; mirror_status.cxw answered, which distinguishes the primary from the others and no more",
			where, a.Why())
	case a.Source == iris.FromMetrics:
		u.Message = fmt.Sprintf("no conclusive answer in %s from %s; %s answered instead", where, a.Why(), iris.MetricsPath)
	default:
		u.Message = fmt.Sprintf("IRIS did not answer in %s: %s", where, a.Why())
	}
	return u
}

// healthOf returns the health for findings, errors first. Without the pods, only an
// error is known.
func healthOf(findings []view.Finding, podsRead bool) view.Health {
	worst := view.SeverityInfo
	if len(findings) > 0 {
		worst = findings[0].Severity
	}
	switch {
	case worst == view.SeverityError:
		return view.Degraded
	case !podsRead:
		return view.Unknown
	case worst == view.SeverityWarning:
		return view.Warning
	}
	return view.Healthy
}

// verdict returns the health in words, the word itself first.
func (inv *inventory) verdict(c *irisCluster, health view.Health, found []finding.Finding) string {
	switch health {
	case view.Unknown:
		return "unknown: its pods could not be read"
	case view.Healthy:
		return "healthy: " + whatIsHealthy(c) + inv.notRead(c)
	}
	const most = 2
	var briefs []string
	for _, f := range found[:min(len(found), most)] {
		briefs = append(briefs, f.Brief)
	}
	if more := len(found) - len(briefs); more > 0 {
		briefs = append(briefs, fmt.Sprintf("and %d more", more))
	}
	words := strings.ToLower(string(health)) + ": " + strings.Join(briefs, "; ")
	if health == view.Warning { // it might be worse
		words += inv.notRead(c)
	}
	return words
}

// whatIsHealthy names a mirror's members, or counts shards and pods.
func whatIsHealthy(c *irisCluster) string {
	switch {
	case c.isAsyncOnly:
		return count(len(c.Members), "async member") + ", no failover member here: the primary of its mirror is elsewhere"
	case c.isMirrored && len(c.shards) == 1:
		s := c.shards[0]
		words := "primary " + strings.Join(namesOf(s.Primaries), ", ") + ", backup " + listOf(namesOf(s.Backups))
		if n := len(s.Others) + len(s.Leaving); n > 0 {
			words += ", " + count(n, "other member")
		}
		return words
	case c.isMirrored:
		return fmt.Sprintf("%d shards, each with a primary and a backup", len(c.shards))
	}
	words := count(len(c.Members), "data pod") + " ready"
	if c.Mirrored == iris.Unknown {
		words += ", no roles known"
	}
	return words
}

// notRead returns what was not read for a good verdict.
func (inv *inventory) notRead(c *irisCluster) string {
	var spots []string
	switch {
	case !inv.read.services && !inv.read.slices:
		spots = append(spots, "Services and EndpointSlices not read")
	case !inv.read.services:
		spots = append(spots, "Services not read")
	case !inv.read.slices:
		spots = append(spots, "EndpointSlices not read")
	}
	isSilent := func(m *cluster.Member) bool { return m.Answer != nil && m.Answer.Source == iris.NoAnswer }
	if silent := len(filter(c.Members, isSilent)); silent > 0 {
		spots = append(spots, "IRIS did not answer in "+count(silent, "pod"))
	}
	if len(spots) == 0 {
		return ""
	}
	return " (" + strings.Join(spots, "; ") + ")"
}

// count returns a number of things: 1 pod, 2 pods.
func count(n int, noun string) string {
	return fmt.Sprintf("%d %s", n, plural(n, noun, noun+"s"))
}
