package localkube

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// NodeName is the name of the node.
	NodeName = "node-1"
	// NodeIP is the node's address. From this machine it is reached directly, and
	// so are node ports at it, and the addresses of pods and of Services.
	NodeIP = "10.200.0.2"
	// HostIP is this machine's address, as the node and the pods see it.
	HostIP = "10.200.0.1"
	// LoadBalancerCIDR are addresses that this machine routes to the node: whoever
	// plays the load balancer can give one to a Service, which then is reached there.
	LoadBalancerCIDR = "10.97.0.0/24"
)

// startNode starts what runs pods, and waits until the node is ready for them.
// The API server has to be there, and containerd, which startContainerd starts.
func (c *Cluster) startNode(ctx context.Context) error {
	if err := c.allowKubeProxy(ctx); err != nil {
		return err
	}
	// A kubelet without containerd gives up.
	if err := c.waitImport(ctx); err != nil {
		return err
	}
	if err := c.startComponent(schedulerProcess(c.Binaries), "system:kube-scheduler"); err != nil {
		return err
	}
	if err := c.startComponent(kubeletProcess(c.Binaries), "system:node:"+NodeName, "system:nodes"); err != nil {
		return err
	}
	// A kube-proxy that finds no node looks again after a second.
	if err := c.waitFor(ctx, kubeletName, c.nodeKnown); err != nil {
		return err
	}
	if err := c.startComponent(kubeProxyProcess(c.Binaries), "system:kube-proxy"); err != nil {
		return err
	}
	if err := c.waitFor(ctx, kubeletName, c.nodeReady); err != nil {
		return err
	}
	return c.waitFor(ctx, kubeProxyName, kubeProxyHealthy)
}

// startContainerd starts containerd, and the import of the images into it.
func (c *Cluster) startContainerd(ctx context.Context) error {
	for name, content := range map[string]string{
		containerdConfig: containerdTOML(c.Binaries),
		cniConfig:        cniConflist(),
		kubeletConfig:    kubeletYAML(),
		kubeProxyConfig:  kubeProxyYAML(),
		resolvConf:       resolvConfLines,
	} {
		path := filepath.Join(c.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return err
		}
	}
	if err := c.supervisor.start(containerdProcess(c.Binaries)); err != nil {
		return err
	}
	err := c.waitFor(ctx, containerdName, func(context.Context) error {
		_, err := os.Stat(filepath.Join(c.Dir, containerdSocket))
		return err
	})
	if err != nil {
		return err
	}
	return c.supervisor.start(importProcess(c.Binaries))
}

// waitImport waits until containerd has the images.
func (c *Cluster) waitImport(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, poll, startTimeout, true, func(context.Context) (bool, error) {
		if err := c.supervisor.running(containerdName); err != nil {
			return false, err
		}
		return c.supervisor.finished(importName)
	})
	if wait.Interrupted(err) {
		return fmt.Errorf("waiting for %s: %w", importName, err)
	}
	return err
}

// allowKubeProxy gives kube-proxy its rights: the built-in role is bound to nobody.
func (c *Cluster) allowKubeProxy(ctx context.Context) error {
	_, err := c.client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "localkube:node-proxier"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:node-proxier"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "system:kube-proxy"}},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("giving kube-proxy its rights: %w", err)
	}
	return nil
}

// kubeProxyHealthy fails until kube-proxy has made rules for the Services there are.
func kubeProxyHealthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+kubeProxyHealth+"/healthz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // nothing was written
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("kube-proxy's health: %s", response.Status)
	}
	return nil
}

// nodeKnown fails until the kubelet has registered the node.
func (c *Cluster) nodeKnown(ctx context.Context) error {
	_, err := c.client.CoreV1().Nodes().Get(ctx, NodeName, metav1.GetOptions{})
	return err
}

// nodeReady fails until the node is ready, and nothing keeps pods from it.
func (c *Cluster) nodeReady(ctx context.Context) error {
	node, err := c.client.CoreV1().Nodes().Get(ctx, NodeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if len(node.Spec.Taints) > 0 {
		return fmt.Errorf("node %q has the taint %q", NodeName, node.Spec.Taints[0].Key)
	}
	message := "it says nothing of being ready"
	for _, condition := range node.Status.Conditions {
		if condition.Type != corev1.NodeReady {
			continue
		}
		if condition.Status == corev1.ConditionTrue {
			return nil
		}
		message = condition.Message
	}
	return fmt.Errorf("node %q is not ready: %s", NodeName, message)
}
