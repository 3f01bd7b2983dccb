package standin

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// domain is that of the annotations of the stand-in.
const domain = "stand-in.kubectl-iris/"

// The annotations that steer the stand-in; doc.go says what each does.
const (
	// AnnotationLabels is "follow" or "frozen".
	AnnotationLabels = domain + "labels"
	// AnnotationLabelDelay is a Go duration.
	AnnotationLabelDelay = domain + "label-delay"
	// AnnotationPrimary names the pods of a planned switch, separated by commas.
	AnnotationPrimary = domain + "primary"
	// AnnotationAsync is the number of DR async members of each shard.
	AnnotationAsync = domain + "async"
	// AnnotationAsyncLabel is the mirrorRole value of DR async members.
	AnnotationAsyncLabel = domain + "async-label"
	// AnnotationMirrorMap is the role of each member of a shard by ordinal, separated by
	// commas, in the words of the CPF: primary, backup, drasync, rorasync, rwrasync.
	AnnotationMirrorMap = domain + "mirror-map"
	// AnnotationPending names pods that find no node, separated by commas.
	AnnotationPending = domain + "pending"
	// AnnotationSidecarPorts is "declared" or "none".
	AnnotationSidecarPorts = domain + "sidecar-ports"
	// AnnotationWebServer says which instances have a web server of their own: "auto",
	// "none" or "own".
	AnnotationWebServer = domain + "web-server"
	// AnnotationIRISContainer names the IRIS container.
	AnnotationIRISContainer = domain + "iris-container"
	// AnnotationPhase is the phase that the status names, whatever is true.
	AnnotationPhase = domain + "phase"
	// AnnotationReason is the reason that the status gives with AnnotationPhase.
	AnnotationReason = domain + "reason"
	// AnnotationSync brings about a sync with each new value.
	AnnotationSync = domain + "sync"
	// AnnotationPaused is "true" on a cluster that the stand-in leaves alone, as if there
	// were no operator.
	AnnotationPaused = domain + "paused"
	// AnnotationReady is "false" on a pod that shall not be ready.
	AnnotationReady = domain + "ready"
)

// cluster is what the stand-in reads of an IrisCluster.
type cluster struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              clusterSpec `json:"spec"`

	controls controls
	// phase is the phase that the status names.
	phase string
	// fingerprint stands for the spec and the annotations of the stand-in.
	fingerprint string
}

// clusterSpec holds the fields of the resource that decide which objects are made; the
// API server keeps the others, and nothing here reads them.
type clusterSpec struct {
	TLS struct {
		WebGateway *struct{} `json:"webgateway"`
	} `json:"tls"`
	ServiceTemplate struct {
		// Metadata has annotations only: a Service template of IKO's has no labels. [I+]
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec corev1.ServiceSpec `json:"spec"`
	} `json:"serviceTemplate"`
	Topology struct {
		Data       dataSpec     `json:"data"`
		Compute    *computeSpec `json:"compute"`
		Arbiter    *arbiterSpec `json:"arbiter"`
		WebGateway *gatewaySpec `json:"webgateway"`
	} `json:"topology"`
}

type dataSpec struct {
	Image      string       `json:"image"`
	Shards     *int32       `json:"shards"`
	Mirrored   bool         `json:"mirrored"`
	WebGateway *gatewaySpec `json:"webgateway"`
}

type computeSpec struct {
	Image      string       `json:"image"`
	Replicas   *int32       `json:"replicas"`
	WebGateway *gatewaySpec `json:"webgateway"`
}

type arbiterSpec struct {
	Image string `json:"image"`
}

type gatewaySpec struct {
	Image    string `json:"image"`
	Type     string `json:"type"`
	Replicas *int32 `json:"replicas"`
	// ApplicationPaths are the paths that the gateway passes on to its instance.
	ApplicationPaths []string `json:"applicationPaths"`
}

// controls are the annotations of one IrisCluster, parsed.
type controls struct {
	frozen        bool
	labelDelay    *time.Duration
	primaries     string
	async         int32
	asyncLabel    string
	mirrorMap     []string
	webServer     string
	phase         string
	reason        string
	sync          string
	pending       []string
	noPorts       bool
	irisContainer string
	paused        bool
}

// parseCluster reads an IrisCluster. An annotation of the stand-in that it does not
// understand is an error: a test that misspells one shall not go on without it.
func parseCluster(object *unstructured.Unstructured) (*cluster, error) {
	var c cluster
	encoded, err := object.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(encoded, &c)
	}
	if err == nil {
		c.controls, err = parseControls(c.Annotations)
	}
	if err == nil {
		c.fingerprint, err = fingerprint(object)
	}
	c.phase, _ = statusOf(object)["phase"].(string)
	if err != nil {
		return nil, fmt.Errorf("read IrisCluster %q (namespace %q): %w", object.GetName(), object.GetNamespace(), err)
	}
	return &c, nil
}

// name returns the namespace and name of the cluster.
func (c *cluster) name() types.NamespacedName {
	return types.NamespacedName{Namespace: c.Namespace, Name: c.Name}
}

// fingerprint is another one when the spec or an annotation of the stand-in is.
// metadata.generation does not serve: without a status subresource it counts changes of
// the status too.
func fingerprint(object *unstructured.Unstructured) (string, error) {
	annotations := object.GetAnnotations()
	maps.DeleteFunc(annotations, func(key, _ string) bool { return !strings.HasPrefix(key, domain) })
	encoded, err := json.Marshal([]any{object.Object["spec"], annotations})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sha256.Sum256(encoded))[:16], nil
}

func parseControls(annotations map[string]string) (controls, error) {
	var c controls
	for key, value := range annotations {
		name, ours := strings.CutPrefix(key, domain)
		if !ours {
			continue
		}
		var err error
		switch key {
		case AnnotationLabels:
			c.frozen, err = oneOf(value, "follow", "frozen")
		case AnnotationLabelDelay:
			var delay time.Duration
			delay, err = time.ParseDuration(value)
			c.labelDelay = &delay
		case AnnotationPrimary:
			c.primaries = value
		case AnnotationAsync:
			var n uint64
			n, err = strconv.ParseUint(value, 10, 8)
			c.async = int32(n)
		case AnnotationAsyncLabel:
			c.asyncLabel = value
		case AnnotationMirrorMap:
			c.mirrorMap, err = mirrorRoles(value)
		case AnnotationWebServer:
			c.webServer, err = value, memberOf(value, "auto", "none", "own")
		case AnnotationPhase:
			c.phase = value
		case AnnotationReason:
			c.reason = value
		case AnnotationSync:
			c.sync = value
		case AnnotationPending:
			c.pending = splitNames(value)
		case AnnotationSidecarPorts:
			c.noPorts, err = oneOf(value, "declared", "none")
		case AnnotationIRISContainer:
			c.irisContainer = value
		case AnnotationPaused:
			c.paused, err = oneOf(value, "false", "true")
		default:
			err = fmt.Errorf("the stand-in knows no such annotation")
		}
		if err != nil {
			return controls{}, fmt.Errorf("annotation %q: %w", name, err)
		}
	}
	return c, nil
}

// oneOf tells whether value is the second of two words.
func oneOf(value, no, yes string) (bool, error) {
	if value != no && value != yes {
		return false, fmt.Errorf("%q is neither %q nor %q", value, no, yes)
	}
	return value == yes, nil
}

// memberOf returns an error unless value is one of the words.
func memberOf(value string, words ...string) error {
	if !slices.Contains(words, value) {
		return fmt.Errorf("%q is none of %q", value, words)
	}
	return nil
}

// mirrorRoles splits the roles of a mirror map.
func mirrorRoles(list string) ([]string, error) {
	roles := splitNames(list)
	if len(roles) == 0 {
		return nil, errors.New("no member is named")
	}
	for _, role := range roles {
		if err := memberOf(role, "primary", "backup", "drasync", "rorasync", "rwrasync"); err != nil {
			return nil, err
		}
	}
	return roles, nil
}

func splitNames(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// shards is the number of data shards, 1 unless the spec says otherwise. [S]
func (c *cluster) shards() int32 {
	return valueOr(c.Spec.Topology.Data.Shards, 1)
}

// valueOr is what p points to, or fallback when it points to nothing.
func valueOr[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}

// mirrorMap returns the role of each member of a shard by ordinal: the two failover
// members and then the DR async members [I], unless the annotation names others. How an
// IrisCluster names them is not known. [?]
func (c *cluster) mirrorMap() []string {
	roles := c.controls.mirrorMap
	if roles == nil {
		roles = []string{"primary", "backup"}
	}
	return append(slices.Clone(roles), slices.Repeat([]string{"drasync"}, int(c.controls.async))...)
}

// validate returns an error if no cluster can be made of the spec.
func (c *cluster) validate() error {
	if c.shards() < 1 {
		return fmt.Errorf("spec.topology.data.shards: %d is less than 1", c.shards())
	}
	topology := c.Spec.Topology
	gateways := map[string]*gatewaySpec{"data.webgateway": topology.Data.WebGateway, "webgateway": topology.WebGateway}
	if topology.Compute != nil {
		gateways["compute.webgateway"] = topology.Compute.WebGateway
	}
	for _, path := range slices.Sorted(maps.Keys(gateways)) {
		gateway := gateways[path]
		if gateway == nil || gateway.Type == "" {
			continue
		}
		if err := memberOf(gateway.Type, "apache", "nginx", "apache-lockeddown"); err != nil {
			return fmt.Errorf("spec.topology.%s.type: %w", path, err)
		}
	}
	return nil
}

// unready returns how many pods that the cluster shall have are not ready.
func (c *cluster) unready(pods []*corev1.Pod, o Options) int32 {
	wanted, ready := int32(0), int32(0)
	for _, object := range c.objects(o) {
		if set, ok := object.(*appsv1.StatefulSet); ok {
			wanted += *set.Spec.Replicas
		}
	}
	for _, pod := range pods {
		if isReady(pod) {
			ready++
		}
	}
	return max(0, wanted-ready)
}
