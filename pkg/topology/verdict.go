package topology

import (
	"fmt"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

func (inv *inventory) health(found []finding) view.Health {
	switch {
	case len(found) > 0:
		return view.Degraded
	case !inv.read.pods:
		return view.Unknown
	}
	return view.Healthy
}

// maxBriefs bounds how many findings a verdict names.
const maxBriefs = 2

// verdict is the health in words, the word itself first.
func (inv *inventory) verdict(c *cluster, status view.ClusterStatus, found []finding) string {
	switch status.Health {
	case view.Degraded:
		var briefs []string
		for _, f := range found[:min(len(found), maxBriefs)] {
			briefs = append(briefs, f.brief)
		}
		if more := len(found) - len(briefs); more > 0 {
			briefs = append(briefs, fmt.Sprintf("and %d more", more))
		}
		return "degraded: " + strings.Join(briefs, "; ")
	case view.Unknown:
		return "unknown: its pods could not be read"
	}
	return "healthy: " + whatIsHealthy(c, status) + inv.blindSpots(status)
}

// whatIsHealthy names the members of a mirror, or counts what is too much to
// name.
func whatIsHealthy(c *cluster, status view.ClusterStatus) string {
	mirrored := c.isMirrored()
	switch {
	case mirrored && c.model.IsAsyncOnly():
		return count(len(c.model.Members), "async member") + ", no failover member here: the primary of its mirror is elsewhere"
	case mirrored && len(status.Shards) == 1:
		shard := status.Shards[0]
		words := "primary " + strings.Join(shard.Primaries, ", ") + ", backup " + listOf(shard.Backups)
		if n := len(shard.Others); n > 0 {
			words += ", " + count(n, "other member")
		}
		return words
	case mirrored:
		return fmt.Sprintf("%d shards, each with a primary and a backup", len(status.Shards))
	}
	data := 0
	for _, pod := range status.Pods {
		if pod.Component == iris.ComponentData {
			data++
		}
	}
	words := count(data, "data pod") + " ready"
	if status.Mirrored == nil {
		words += ", no roles known"
	}
	return words
}

// blindSpots says what a good verdict was made without.
func (inv *inventory) blindSpots(status view.ClusterStatus) string {
	var lacks []string
	for _, part := range []struct {
		read bool
		name string
	}{{inv.read.services, "Services"}, {inv.read.slices, "EndpointSlices"}} {
		if !part.read {
			lacks = append(lacks, part.name)
		}
	}
	var spots []string
	if len(lacks) > 0 {
		spots = append(spots, strings.Join(lacks, " and ")+" not read")
	}
	silent := 0
	for _, pod := range status.Pods {
		if pod.IRIS != nil && pod.IRIS.Source == "" {
			silent++
		}
	}
	if silent > 0 {
		spots = append(spots, "IRIS did not answer in "+count(silent, "pod"))
	}
	if len(spots) == 0 {
		return ""
	}
	return " (" + strings.Join(spots, "; ") + ")"
}
