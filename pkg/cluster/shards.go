package cluster

import (
	"slices"
	"strconv"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// A Shard is one data node of the cluster with its members. Pods that are being
// deleted are Leaving, whatever their role: no Service selects them for long.
type Shard struct {
	// Name is the value of the shard label; "" if the pods bear none.
	Name string
	// Members are all members, those that are leaving too.
	Members   []*Member
	Primaries []*Member
	Backups   []*Member
	Others    []*Member
	Leaving   []*Member
}

// MaxMissingShards bounds how many shards without a pod are named: the number
// in the IrisCluster is anyone's who may write one.
const MaxMissingShards = 10

// Shards returns the cluster's shards in order: those of its pods, and those
// that the IrisCluster asks for and that have no pods, up to MaxMissingShards.
// further counts the ones that were left out. There is at least one shard. Only
// a sharded mirror has a StatefulSet for each shard, and only if all its pods
// bear the label can one be missing.
func (c *Cluster) Shards() (shards []*Shard, further int) {
	byName := map[string]*Shard{}
	shard := func(name string) *Shard {
		s := byName[name]
		if s == nil {
			s = &Shard{Name: name}
			byName[name] = s
			shards = append(shards, s)
		}
		return s
	}
	labelled := true
	for _, m := range c.Members {
		labelled = labelled && m.Shard() != ""
		shard(m.Shard()).add(m)
	}
	if len(shards) > 0 && labelled && c.Read && c.Resource.Mirrored {
		missing, left := c.missingShards(func(name string) bool { return byName[name] != nil })
		for _, name := range missing {
			shard(name)
		}
		further = left
	}
	if len(shards) == 0 {
		shard("")
	}
	slices.SortFunc(shards, func(a, b *Shard) int { return CompareNumbers(a.Name, b.Name) })
	return shards, further
}

func (s *Shard) add(m *Member) {
	s.Members = append(s.Members, m)
	switch {
	case m.Deleting:
		s.Leaving = append(s.Leaving, m)
	case m.Role == iris.MirrorPrimary:
		s.Primaries = append(s.Primaries, m)
	case m.Role == iris.MirrorBackup:
		s.Backups = append(s.Backups, m)
	default:
		s.Others = append(s.Others, m)
	}
}

// missingShards returns the shards of the IrisCluster that are not there, up to
// MaxMissingShards, and how many more there are.
func (c *Cluster) missingShards(isThere func(string) bool) (missing []string, further int) {
	for n := range c.Resource.Shards {
		name := strconv.Itoa(n)
		if isThere(name) {
			continue
		}
		if len(missing) == MaxMissingShards {
			return missing, c.Resource.Shards - len(missing) - c.labelledBelow()
		}
		missing = append(missing, name)
	}
	return missing, 0
}

// labelledBelow counts the shards of pods that the IrisCluster asks for.
func (c *Cluster) labelledBelow() int {
	names := map[string]bool{}
	for _, m := range c.Members {
		if c.isAskedFor(m.Shard()) {
			names[m.Shard()] = true
		}
	}
	return len(names)
}

// isAskedFor reports whether the IrisCluster asks for a shard.
func (c *Cluster) isAskedFor(shard string) bool {
	n, err := strconv.Atoi(shard)
	return err == nil && n >= 0 && n < c.Resource.Shards && strconv.Itoa(n) == shard
}

// HasShard reports whether a selector can choose a shard: pods bear its label,
// or the IrisCluster asks for it and either there are no pods yet or pods bear
// such labels.
func (c *Cluster) HasShard(shard string) bool {
	labelled := false
	for _, m := range c.Members {
		if m.Shard() == shard {
			return true
		}
		labelled = labelled || m.Shard() != ""
	}
	return c.Read && (labelled || len(c.Members) == 0) && c.isAskedFor(shard)
}

// ShardNames returns the shards that a selector can choose, in order, up to
// most of those that have no pods, and how many more there are.
func (c *Cluster) ShardNames() (names []string, further int) {
	known := map[string]bool{}
	for _, m := range c.Members {
		if s := m.Shard(); s != "" && !known[s] {
			known[s] = true
			names = append(names, s)
		}
	}
	if c.Read && (len(c.Members) == 0 || len(known) > 0) {
		missing, left := c.missingShards(func(name string) bool { return known[name] })
		names, further = append(names, missing...), left
	}
	slices.SortFunc(names, CompareNumbers)
	return names, further
}

// IsAsyncOnly reports whether IRIS says of every member that stays that it is an
// async member: the failover members of its mirror are elsewhere, as in a
// Kubernetes cluster for disaster recovery, and no primary is missing here.
func (c *Cluster) IsAsyncOnly() bool {
	some := false
	for _, m := range c.Members {
		switch {
		case m.Deleting:
		case !m.Said().IsAsync():
			return false
		default:
			some = true
		}
	}
	return some
}
