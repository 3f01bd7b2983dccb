package view

// KindVersion is the kind of Version.
const KindVersion = "Version"

// Version is the output of version: this program and, if a server was asked, what runs
// there.
type Version struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Client     ClientVersion `json:"client"`
	// Server is absent if none was asked.
	Server *ServerVersion `json:"server,omitempty"`
}

// ClientVersion is this program.
type ClientVersion struct {
	// Version is the release with its leading v, or what git describe said.
	Version string `json:"version"`
	Commit  string `json:"commit"`
	// Date is the commit's time in RFC 3339, UTC.
	Date string `json:"date"`
	// Go is the version of the Go toolchain.
	Go string `json:"go"`
	// Platform is operating system and architecture, as in linux/amd64.
	Platform string `json:"platform"`
	// Libraries are the Kubernetes modules that it is built with.
	Libraries []Library `json:"libraries"`
}

// Library is a Go module.
type Library struct {
	Module  string `json:"module"`
	Version string `json:"version"`
}

// ServerVersion is the API server and the images that run IRIS on it.
type ServerVersion struct {
	Version  string `json:"version"`
	Platform string `json:"platform"`
	// Operators are the images of IKO's pods in all namespaces, or in the one
	// namespace if others may not be read. They are absent if no pods could be read,
	// as are the images below.
	Operators []Image `json:"operators,omitzero"`
	// IRIS are the images of the instances in the namespace.
	IRIS []Image `json:"iris,omitzero"`
	// WebGateways are the images of the web gateways in the namespace,
	// sidecars included.
	WebGateways []Image `json:"webGateways,omitzero"`
	// Unread are the reads that failed.
	Unread []Unread `json:"unread,omitempty"`
}

// Image is a container image in use.
type Image struct {
	Image string `json:"image"`
	// Pods is the number of pods that run it.
	Pods int `json:"pods"`
}
