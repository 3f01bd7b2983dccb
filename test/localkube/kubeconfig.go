package localkube

import (
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// WriteKubeconfig writes a kubeconfig for the server and the user of the
// config to the file at path. It needs no further file: certificates and key
// are in it. The namespace may be empty.
func WriteKubeconfig(path string, config *rest.Config, namespace string) error {
	const name = "localkube"
	cluster := clientcmdapi.NewCluster()
	cluster.Server = config.Host
	cluster.CertificateAuthorityData = config.CAData
	user := clientcmdapi.NewAuthInfo()
	user.ClientCertificateData = config.CertData
	user.ClientKeyData = config.KeyData
	user.Token = config.BearerToken
	context := clientcmdapi.NewContext()
	context.Cluster = name
	context.AuthInfo = name
	context.Namespace = namespace

	kubeconfig := clientcmdapi.NewConfig()
	kubeconfig.Clusters[name] = cluster
	kubeconfig.AuthInfos[name] = user
	kubeconfig.Contexts[name] = context
	kubeconfig.CurrentContext = name
	return clientcmd.WriteToFile(*kubeconfig, path)
}
