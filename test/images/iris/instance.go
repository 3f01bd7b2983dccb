package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kubectl-iris/kubectl-iris/test/images/agent"
	"github.com/kubectl-iris/kubectl-iris/test/images/mirror"
)

// instanceName is the name of the only instance.
const instanceName = "IRIS"

// look is how often a member looks at the others.
const look = 100 * time.Millisecond

// instance is the instance that the container's process plays.
type instance struct {
	switches switches
	// ask asks the member in the pod.
	ask func(ctx context.Context, pod string) (agent.Report, error)
	// others are the pods of the other failover members.
	others []string
	// mirrorName and asyncType are the name of the mirror, and the member type of an async
	// member.
	mirrorName, asyncType string
	// alertsRead is how often the alerts were read.
	alertsRead atomic.Int64

	mu    sync.Mutex
	me    mirror.Member
	since time.Time
	// seen are the others by pod, as they were when looked at last, if they answered.
	seen map[string]mirror.Member
	// heard is when another was up the last time, or this instance started, and
	// gone says that there was none to ask since then.
	heard time.Time
	gone  bool
}

// newInstance is an instance that has just started.
func newInstance(config mirror.Config, pod string, s switches, ask func(context.Context, string) (agent.Report, error)) *instance {
	me := config.Member(pod)
	me.Up = true
	now := time.Now()
	return &instance{
		switches: s, ask: ask, others: config.Others(pod), mirrorName: config.Name, asyncType: config.AsyncType(pod),
		me: me, since: now, heard: now, seen: map[string]mirror.Member{},
	}
}

// follow looks at the other members until ctx ends.
func (i *instance) follow(ctx context.Context) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		i.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look looks at the other members once, and draws the conclusion.
func (i *instance) look(ctx context.Context) {
	seen := map[string]mirror.Member{}
	gone := false
	for _, pod := range i.others {
		report, err := i.ask(ctx, pod)
		if err == nil {
			seen[pod] = report.Member
		}
		gone = gone || errors.Is(err, errGone)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.seen = seen
	other := i.other()
	if other != nil && other.Up {
		i.heard, i.gone = time.Now(), false
	}
	i.gone = i.gone || gone
	if i.me.Role != mirror.None && i.me.Role != mirror.Async {
		i.me = mirror.Next(i.me, other, mirror.Silence{For: time.Since(i.heard), Gone: i.gone})
	}
}

// other is the other failover member; the primary, for one that is none.
func (i *instance) other() *mirror.Member {
	var other *mirror.Member
	for _, member := range i.seen {
		if other == nil || member.Role == mirror.Primary {
			other = &member
		}
	}
	return other
}

// promote makes this member primary: a planned switch.
func (i *instance) promote() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.me = mirror.Promoted(i.me, i.other())
}

// set starts or stops the instance.
func (i *instance) set(up bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.me.Up == up {
		return
	}
	now := time.Now()
	i.me.Up, i.since, i.heard = up, now, now
	if i.me.Role != mirror.None && i.me.Role != mirror.Async {
		i.me = mirror.Next(i.me, nil, mirror.Silence{})
	}
}

// report is what the instance tells of itself.
func (i *instance) report() agent.Report {
	i.mu.Lock()
	defer i.mu.Unlock()
	report := agent.Report{
		Member: i.me, Instance: instanceName, Since: i.since,
		Late: i.switches.pageLate(), AlertsRead: int(i.alertsRead.Load()),
	}
	report.Type, report.Status = i.words()
	if kind, status, set := i.switches.answer(); set {
		report.Type, report.Status = kind, status
	}
	return report
}

// words are the member type and status of iris qlist. [D]
func (i *instance) words() (kind, status string) {
	switch i.me.Role {
	case mirror.Primary:
		return "Failover", "Primary"
	case mirror.Backup:
		return "Failover", "Backup"
	case mirror.Starting:
		return "Failover", "Transition"
	case mirror.Async:
		other := i.other()
		// Without failover members here, the primary is in another Kubernetes cluster.
		if len(i.others) == 0 || other != nil && other.Up && other.Role == mirror.Primary {
			return i.asyncType, "Connected"
		}
		return i.asyncType, "Waiting"
	}
	return "", ""
}

// ready reports whether the readiness probe succeeds: a backup's does too. [S]
// It goes by what is true, and not by what a switch makes IRIS say.
func (i *instance) ready() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.me.Up && i.me.Role != mirror.Starting
}
