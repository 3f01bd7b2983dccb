package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// The fields of requests that messages name.
const (
	fieldRole     problem.Field = "role"
	fieldShard    problem.Field = "shard"
	fieldSelector problem.Field = "selector"
)

// ValidateNames returns a usage error if no IrisCluster can have a name. Its pods
// have the name in a label, which bounds it.
func ValidateNames(names ...string) error {
	for _, name := range names {
		if len(validation.IsDNS1123Subdomain(name)) > 0 || len(validation.IsValidLabelValue(name)) > 0 {
			return problem.Usage("%q is not the name of an IrisCluster", name).
				Hint("a name is up to 63 lower-case letters, digits, - and ., with a letter or digit at both ends")
		}
	}
	return nil
}

// ValidateRole returns a usage error with a hint if no data pod can have a role,
// or if role is empty, anyWill is not set, and the cluster is mirrored.
func (c *Cluster) ValidateRole(role string, anyWill bool) error {
	names := c.roleNames()
	if role == "" && c.Mirrored == iris.Yes && !anyWill {
		return problem.Usage("%s is required because %s is mirrored", fieldRole, c).
			Hint("use one of %s; %s %s- selects any member", strings.Join(names, ", "), fieldSelector, iris.LabelMirrorRole)
	}
	if role == "" || slices.Contains(names, role) {
		return nil
	}
	if len(names) == 0 && c.Mirrored == iris.Unknown {
		return problem.Usage("invalid %s %q: it is not known whether %s is mirrored, and no pod has a role", fieldRole, role, c).Hint("omit %s", fieldRole)
	}
	if len(names) == 0 {
		return problem.Usage("invalid %s %q: %s is not mirrored", fieldRole, role, c).Hint("omit %s", fieldRole)
	}
	return problem.Usage("invalid %s %q: no pod of %s has this role, and it is neither primary nor backup", fieldRole, role, c).
		Hint("use one of %s", strings.Join(names, ", "))
}

// roleNames returns the roles that pods have or can have, primary and backup
// first; none if the data node is not mirrored.
func (c *Cluster) roleNames() []string {
	if c.Mirrored == iris.No {
		return nil
	}
	var names []string
	if c.Mirrored == iris.Yes {
		names = append(names, iris.MirrorPrimary, iris.MirrorBackup)
	}
	for _, m := range c.Members {
		for _, role := range []string{m.MirrorRole(), m.Role} {
			if role != "" && !slices.Contains(names, role) {
				names = append(names, role)
			}
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(roleRank(a), roleRank(b)), strings.Compare(a, b))
	})
	return names
}

// roleRank puts the roles of a failover pair first.
func roleRank(role string) int {
	switch role {
	case iris.MirrorPrimary:
		return 0
	case iris.MirrorBackup:
		return 1
	}
	return 2
}

// ValidateShard returns a usage error with a hint if the cluster does not have a
// shard, or if shard is empty, anyWill is not set, and there are several.
func (c *Cluster) ValidateShard(shard string, anyWill bool) error {
	names, further := c.ShardNames()
	list := strings.Join(names, ", ")
	if further > 0 {
		list = fmt.Sprintf("%s and %d more", list, further)
	}
	if shard == "" && len(names) > 1 && !anyWill {
		return problem.Usage("%s is required because %s has the shards %s", fieldShard, c, list).
			Hint("for example %s=%s", fieldShard, names[0])
	}
	if shard == "" || c.HasShard(shard) {
		return nil
	}
	if len(names) == 0 {
		return problem.Usage("invalid %s %q: the data pods of %s have no shard label", fieldShard, shard, c).Hint("omit %s", fieldShard)
	}
	return problem.Usage("invalid %s %q: %s has no such shard", fieldShard, shard, c).Hint("use one of %s", list)
}

// FindPod returns the pod that a name means among the pods of a namespace's
// clusters: by its full name, else by the part after its cluster's name
// (data-0-1). If byShortName, a pod of that full name that belongs to no
// IrisCluster has to be ruled out (RuleOut) before the pod is used: such pods are
// not among those that are read.
func FindPod(namespace, name string, pods []iris.Pod) (pod iris.Pod, byShortName bool, err error) {
	var full *iris.Pod
	var found []iris.Pod
	for i, p := range pods {
		if p.Name == name {
			full = &pods[i]
		} else if iris.IsIRIS(p.Labels) && p.ShortName() == name {
			found = append(found, p)
		}
	}
	if full != nil && len(found) == 1 {
		return *full, false, RuleOut(full, found[0].Name)
	}
	if full != nil {
		return *full, false, IsOfCluster(*full)
	}
	switch len(found) {
	case 1:
		return found[0], true, nil
	case 0:
		return iris.Pod{}, false, problem.New("no pod of an IrisCluster is named %q in namespace %q", name, namespace).
			Hint("%s", available(pods))
	}
	return iris.Pod{}, false, problem.New("%q names several pods in namespace %q: %s", name, namespace, listed(iris.PodNames(found))).
		Hint("give the pod's full name")
}

// IsOfCluster returns an error for a pod that belongs to no IrisCluster.
func IsOfCluster(p iris.Pod) error {
	if iris.IsIRIS(p.Labels) {
		return nil
	}
	return problem.New("pod %q in namespace %q is not one of an IrisCluster", p.Name, p.Namespace).
		Hint("it does not have the labels %s=%s and %s; kubectl itself works with any pod", iris.LabelKind, iris.Kind, iris.LabelName)
}

// RuleOut returns an error if a name that was taken for a short one is the full
// name of another pod, which belongs to no IrisCluster.
func RuleOut(other *iris.Pod, meant string) error {
	if other == nil || IsOfCluster(*other) == nil {
		return nil
	}
	return problem.New("pod %q in namespace %q is not one of an IrisCluster", other.Name, other.Namespace).
		Hint("to use pod %s, give its full name", meant)
}

func available(pods []iris.Pod) string {
	if len(pods) == 0 {
		return "this namespace has no pod of an IrisCluster"
	}
	return "this namespace has " + listed(iris.PodNames(pods))
}

// maxListed bounds how many names an error lists.
const maxListed = 5

func listed(names []string) string { return text.List(names, maxListed) }
