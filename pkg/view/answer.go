package view

// AnswerSource is how IRIS was asked.
type AnswerSource string

// The sources.
const (
	// FromQlist: by iris qlist in the pod's container.
	FromQlist AnswerSource = "qlist"
	// FromMetrics: by the instance's metrics, /api/monitor/metrics.
	FromMetrics AnswerSource = "metrics"
	// FromMirrorStatus: by the page mirror_status.cxw, which only distinguishes the
	// primary from the others.
	FromMirrorStatus AnswerSource = "mirror_status"
)

// Answer is what IRIS in one pod says of itself, in its own words.
type Answer struct {
	// Text is the answer as tables show it: Failover/Primary, Disaster
	// Recovery/Connected, down, primary, not primary; "?" without an answer.
	Text string `json:"text"`
	// Source is absent if there is no answer.
	Source AnswerSource `json:"source,omitempty"`
	// Role is primary or backup; absent if the instance has neither role, or the
	// answer does not say.
	Role string `json:"role,omitempty"`
	// Conclusive: the answer says which role the instance has, or that it has none.
	// That of an instance that starts or changes its role is not conclusive.
	Conclusive bool `json:"conclusive,omitempty"`
	// Contradicts: IRIS says that the instance does not have the role of the label.
	Contradicts bool `json:"contradicts,omitempty"`
	// Instance is what qlist says; absent from any other source.
	Instance *Instance `json:"instance,omitempty"`
	// Stale: IRIS was asked again later and did not answer.
	Stale bool `json:"stale,omitempty"`
	// Why is the reason why preferred sources, or all, did not answer; absent if
	// qlist did.
	Why string `json:"why,omitempty"`
}

// Instance is what iris qlist says of an instance.
type Instance struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	// Status is running, down or another of IRIS's words.
	Status string `json:"status,omitempty"`
	// Since is when it started or was last used, as IRIS writes times.
	Since string `json:"since,omitempty"`
	// State is ok, warn, alert or hung.
	State string `json:"state,omitempty"`
	// MemberType is Failover, Disaster Recovery, …; absent outside a mirror.
	MemberType string `json:"memberType,omitempty"`
	// MirrorStatus is Primary, Backup, Connected, In Trouble, …
	MirrorStatus string `json:"mirrorStatus,omitempty"`
	// SuperserverPort and WebPort are the ports on which the instance listens.
	SuperserverPort int `json:"superserverPort,omitempty"`
	WebPort         int `json:"webPort,omitempty"`
}
