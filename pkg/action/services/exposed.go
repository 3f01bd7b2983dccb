package services

import (
	"context"
	"errors"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
	"github.com/kubectl-iris/kubectl-iris/pkg/wait"
)

// An ExposedCluster is what Exposed needs of the Kubernetes cluster.
type ExposedCluster interface {
	// Exposed returns the Services that this tool created and what belongs to them;
	// if addresses, also the pods behind node ports.
	Exposed(ctx context.Context, namespace string, addresses bool) (topology.Snapshot, error)
	ServiceWaiter
}

// Exposed lists the Services that this tool created.
type Exposed struct {
	action.Config
	Client ExposedCluster
	// Namespace is empty for all namespaces.
	Namespace string
	// Addresses asks for the addresses of node ports, too.
	Addresses bool
	// Wait waits first until each Service serves, Timeout at most.
	Wait    bool
	Timeout time.Duration
}

// Run returns the Services. If some do not serve within the timeout, the list is
// returned together with the error.
func (e Exposed) Run(ctx context.Context) (view.ExposedServiceList, error) {
	var waited error
	if e.Wait {
		snapshot, err := e.read(ctx, false)
		if err != nil {
			return view.ExposedServiceList{}, err
		}
		waited = e.await(ctx, snapshot.Services)
	}
	snapshot, err := e.read(ctx, e.Addresses)
	if err != nil {
		return view.ExposedServiceList{}, errors.Join(err, waited)
	}
	return topology.Exposed(snapshot), waited
}

func (e Exposed) read(ctx context.Context, addresses bool) (topology.Snapshot, error) {
	ctx, cancel := e.WithTimeout(ctx)
	defer cancel()
	snapshot, err := e.Client.Exposed(ctx, e.Namespace, addresses)
	if err != nil {
		return snapshot, err
	}
	return snapshot, action.RequireRead(snapshot, "services")
}

// await waits for all Services at once.
func (e Exposed) await(ctx context.Context, services []corev1.Service) error {
	failed := make([]error, len(services))
	var waiting sync.WaitGroup
	for i := range services {
		waiting.Go(func() {
			_, failed[i] = e.Client.WaitExposed(ctx, &services[i], wait.Options{Timeout: e.Timeout, Report: e.Warn})
		})
	}
	waiting.Wait()
	return errors.Join(failed...)
}
