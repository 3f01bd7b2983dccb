package release

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"text/template"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// DownloadURL is the folder of all releases, each below it by its version.
const DownloadURL = "https://github.com/kubectl-iris/kubectl-iris/releases/download"

// Manifest holds what krew needs to know of a release.
type Manifest struct {
	Version string
	Source  Source
	// Go is the toolchain, for example go1.26.8.
	Go string
	// BaseURL replaces DownloadURL if it is not empty.
	BaseURL  string
	Archives []Archive
}

// Archive is the file of a release for one platform.
type Archive struct {
	OS, Arch string
	Name     string
	SHA256   string
}

// parseArtifacts returns the archives of goreleaser's artifacts.json, by name. It
// returns an error if there are none.
func parseArtifacts(text []byte) ([]Archive, error) {
	var artifacts []struct {
		Type, Name, Goos, Goarch string
		Extra                    struct{ Checksum string }
	}
	if err := yaml.Unmarshal(text, &artifacts); err != nil {
		return nil, fmt.Errorf("artifacts.json: %w", err)
	}
	var archives []Archive
	for _, a := range artifacts {
		if sum, ok := strings.CutPrefix(a.Extra.Checksum, "sha256:"); ok && a.Type == "Archive" {
			archives = append(archives, Archive{OS: a.Goos, Arch: a.Goarch, Name: a.Name, SHA256: sum})
		}
	}
	if len(archives) == 0 {
		return nil, problem.New("artifacts.json lists no archive with a checksum")
	}
	slices.SortFunc(archives, func(a, b Archive) int { return strings.Compare(a.Name, b.Name) })
	return archives, nil
}

// annotation is the prefix of annotations that say how the manifest was made.
const annotation = "kubectl-iris/"

// Checksums and commits are quoted: some are numbers to YAML.
const manifestTemplate = `# Made by "make manifests"; edit release/manifest.go instead.
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: iris
  annotations:
    {{ .Annotation }}commit: "{{ .Source.Commit }}"
    {{ .Annotation }}date: "{{ .Date }}"
    {{ .Annotation }}go: {{ .Go }}
spec:
  version: {{ .Version }}
  homepage: https://github.com/kubectl-iris/kubectl-iris
  shortDescription: Inspect and expose InterSystems database pods
  description: |
    Shows which pod of an InterSystems IRIS mirror on Kubernetes is primary
    and which is backup, what reaches each of them, and what is wrong. Makes
    Services for a sidecar web gateway that follow a role through a failover,
    or that stay with one pod, lists them and removes them again. Reaches an
    instance without any Service, too: its portal, ports, session and logs.

    It is for clusters run by the InterSystems Kubernetes Operator (IKO).
  caveats: |
    For completion with TAB, run once:

      kubectl iris completion kubectl --install
  platforms:
{{- range .Archives }}
    - selector:
        matchLabels:
          os: {{ .OS }}
          arch: {{ .Arch }}
      uri: {{ $.URL . }}
      sha256: "{{ .SHA256 }}"
      bin: kubectl-iris{{ if eq .OS "windows" }}.exe{{ end }}
{{- end }}
`

// Render returns the manifest as YAML.
func (m Manifest) Render() string {
	var text strings.Builder
	// The template is a constant and a strings.Builder takes everything.
	_ = template.Must(template.New("").Parse(manifestTemplate)).Execute(&text, m)
	return text.String()
}

// Annotation returns the prefix of annotations; it is for the template.
func (Manifest) Annotation() string { return annotation }

// Date returns the date of the source; it is for the template.
func (m Manifest) Date() string { return m.Source.Date.Format(time.RFC3339) }

// URL returns where an archive is downloaded from.
func (m Manifest) URL(a Archive) string {
	base := m.BaseURL
	if base == "" {
		base = DownloadURL
	}
	return strings.Join([]string{base, m.Version, a.Name}, "/")
}

// ParseManifest reads a manifest that Render wrote.
func ParseManifest(text []byte) (Manifest, error) {
	var plugin struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec struct {
			Version   string `json:"version"`
			Platforms []struct {
				Selector struct {
					MatchLabels map[string]string `json:"matchLabels"`
				} `json:"selector"`
				URI    string `json:"uri"`
				SHA256 string `json:"sha256"`
			} `json:"platforms"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &plugin); err != nil {
		return Manifest{}, fmt.Errorf("krew manifest: %w", err)
	}
	notes := plugin.Metadata.Annotations
	date, err := time.Parse(time.RFC3339, notes[annotation+"date"])
	if err != nil {
		return Manifest{}, fmt.Errorf("krew manifest: annotation %sdate: %w", annotation, err)
	}
	m := Manifest{
		Version: plugin.Spec.Version,
		Source:  Source{Commit: notes[annotation+"commit"], Date: date},
		Go:      notes[annotation+"go"],
	}
	for _, platform := range plugin.Spec.Platforms {
		base, name := path.Split(platform.URI)
		if base = strings.TrimSuffix(base, "/"+m.Version+"/"); base != DownloadURL {
			m.BaseURL = base
		}
		labels := platform.Selector.MatchLabels
		m.Archives = append(m.Archives, Archive{OS: labels["os"], Arch: labels["arch"], Name: name, SHA256: platform.SHA256})
	}
	return m, nil
}
