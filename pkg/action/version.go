package action

import (
	"context"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// A VersionCluster is what Version needs of the Kubernetes cluster.
type VersionCluster interface {
	// Version returns the version of the API server, of IKO, and of the images in
	// a namespace.
	Version(ctx context.Context, namespace string) (view.ServerVersion, error)
}

// Version finds out the versions of everything that plays a part.
type Version struct {
	Config
	Client    VersionCluster
	Namespace string
}

// ClientVersion returns the view of the plugin's own version.
func ClientVersion(client view.ClientVersion) view.Version {
	return view.Version{APIVersion: view.APIVersion, Kind: view.KindVersion, Client: client}
}

// Run adds the server's version to v.
func (a Version) Run(ctx context.Context, v view.Version) (view.Version, error) {
	ctx, cancel := a.WithTimeout(ctx)
	defer cancel()
	server, err := a.Client.Version(ctx, a.Namespace)
	if err != nil {
		return v, err
	}
	v.Server = &server
	return v, nil
}
