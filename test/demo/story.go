package main

import "fmt"

// step is one thing that the demo does.
type step func() error

const slicesOf = `kubectl get endpointslices -l kubernetes.io/service-name=%s -o custom-columns='SERVICE:.metadata.labels.kubernetes\.io/service-name,REACHES:.endpoints[*].targetRef.name'`

const (
	clusterIP = "{.spec.clusterIP}"
	nodePort  = "{.spec.ports[0].nodePort}"
)

// story is the main job, start to end.
func (d demo) story() []step {
	story := []step{
		d.show("The article's cluster: a mirrored data node with sidecars.", "kubectl apply -f examples/article.yaml"),
		d.await("simple-data-0-1", "{.shards[0].backups[0]}"),
		d.await("Healthy", "{.health}"),
		d.show("Which pod is primary, which is backup?", "kubectl iris status"),
		d.show("What reaches each, and is anything wrong?", "kubectl iris status simple"),
		d.show("Nothing leads to the backup's web gateway. The Service that the article writes by hand:",
			"kubectl iris expose-sidecar --role backup --name sidecar-service --dry-run=client -o yaml"),
		d.show("Made for real, in one command:", "kubectl iris expose-sidecar --role backup --wait"),
		d.show("And one that stays with a pod, whatever its role:", "kubectl iris expose-pod data-0-1 --type ClusterIP --wait"),
		d.show("The EndpointSlices prove where they lead.", fmt.Sprintf(slicesOf, "simple-sidecar-backup")),
		d.show("", fmt.Sprintf(slicesOf, "simple-pod-data-0-1")),
		d.get("So do requests: the cluster's own Service leads to the primary …", "simple", clusterIP, "80", "simple-data-0-0"),
		d.get("… that of the role to the backup, by cluster IP and by node port …", "simple-sidecar-backup", clusterIP, "81", "simple-data-0-1"),
		d.get("", "simple-sidecar-backup", nodePort, "", "simple-data-0-1"),
		d.get("… and that of the pod to its pod.", "simple-pod-data-0-1", clusterIP, "81", "simple-data-0-1"),

		d.show("A failover: the primary's pod is deleted.", "kubectl delete pod simple-data-0-0 --wait=false"),
		d.await("simple-data-0-0", "{.shards[0].backups[0]}"),
		d.await(`["simple-data-0-0"]`, `{.services[?(@.name=="simple-sidecar-backup")].reaches}`),
		d.await("Healthy", "{.health}"),
		d.show("The roles have changed places.", "kubectl iris status simple"),
		d.show("The Service of the role has followed to the new backup …", fmt.Sprintf(slicesOf, "simple-sidecar-backup")),
		d.get("", "simple-sidecar-backup", clusterIP, "81", "simple-data-0-0"),
		d.show("… and that of the pod has stayed.", fmt.Sprintf(slicesOf, "simple-pod-data-0-1")),
		d.get("", "simple-pod-data-0-1", clusterIP, "81", "simple-data-0-1"),
	}
	if d.node {
		story = append(story, d.lyingLabels()...)
	}
	return append(story,
		d.show("What this tool made:", "kubectl iris exposed"),
		d.show("And all of it undone.", "kubectl iris unexpose --all"),
	)
}

// lyingLabels is the part of the story that needs an IRIS which answers.
func (d demo) lyingLabels() []step {
	return []step{
		d.show("Now the operator stops keeping the labels (the stand-in is told to), and the primary's pod is deleted again.",
			"kubectl annotate iriscluster simple stand-in.kubectl-iris/labels=frozen"),
		d.show("", "kubectl delete pod simple-data-0-1 --wait=false"),
		d.await("Failover/Primary", `{.pods[?(@.name=="simple-data-0-0")].iris.text}`),
		d.await("Failover/Backup", `{.pods[?(@.name=="simple-data-0-1")].iris.text}`),
		d.await("true", `{.pods[?(@.name=="simple-data-0-1")].ready}`),
		d.show("The labels lie. IRIS does not, and status says which Services lead to the wrong member.", "kubectl iris status simple", degraded),
		d.show("A Service by that label would be wrong, too:", "kubectl iris expose-sidecar --role backup --name another --verify", refused),
		d.show("The labels can be put right:", "kubectl iris relabel simple --yes"),
		d.await(`["simple-data-0-1"]`, `{.services[?(@.name=="simple-sidecar-backup")].reaches}`),
		d.get("And the Service leads to the backup again.", "simple-sidecar-backup", clusterIP, "81", "simple-data-0-1"),
		d.show("", "kubectl annotate iriscluster simple stand-in.kubectl-iris/labels-"),
	}
}
