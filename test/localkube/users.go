package localkube

import (
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
)

// User is somebody whom the API server knows by a client certificate. What
// they may do is for RBAC to say; a new one may do next to nothing.
type User struct {
	// Config is for a client of the user, without a rate limit.
	Config *rest.Config
	// Kubeconfig is a file for the user, in the cluster's folder.
	Kubeconfig string
}

// NewUser makes a user of that name in these groups, whose certificate is valid
// until notAfter; if that is in the past, the API server answers 401. The zero
// time means longer than any test.
func (c *Cluster) NewUser(name string, groups []string, notAfter time.Time) (User, error) {
	if notAfter.IsZero() {
		notAfter = time.Now().Add(lifetime)
	}
	config, err := c.clientConfig(name, groups, notAfter)
	if err != nil {
		return User{}, err
	}
	// Names of users may hold what names of files may not.
	dir, err := os.MkdirTemp(c.Dir, "user-")
	if err != nil {
		return User{}, err
	}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	return User{Config: config, Kubeconfig: kubeconfig}, WriteKubeconfig(kubeconfig, config, "")
}
