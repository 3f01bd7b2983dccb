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

// DownloadURL is where the archives of releases are, below it by version.
const DownloadURL = "https://github.com/kubectl-iris/kubectl-iris/releases/download"

// Manifest is what is told to krew of a release.
type Manifest struct {
	Version string
	Source  Source
	// Go is the toolchain, as in go1.26.8.
	Go string
	// BaseURL replaces DownloadURL where it is not "".
	BaseURL  string
	Archives []Archive
}

// Archive is a release for one platform.
type Archive struct {
	OS, Arch string
	Name     string
	SHA256   string
}

// parseChecksums reads the archives out of a file of checksums: lines of a
// checksum, two blanks and kubectl-iris_VERSION_OS_ARCH.EXTENSION.
func parseChecksums(text string) ([]Archive, error) {
	var archives []Archive
	for line := range strings.Lines(text) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			return nil, fmt.Errorf("%s: %q is not a checksum and a name", Checksums, line)
		}
		stem, packed := strings.CutSuffix(name, ".tar.gz")
		if !packed {
			stem, packed = strings.CutSuffix(name, ".zip")
		}
		parts := strings.Split(stem, "_")
		if !packed || len(parts) != 4 {
			continue
		}
		archives = append(archives, Archive{OS: parts[2], Arch: parts[3], Name: name, SHA256: sum})
	}
	if len(archives) == 0 {
		return nil, problem.New("%s names no archive", Checksums)
	}
	slices.SortFunc(archives, func(a, b Archive) int { return strings.Compare(a.Name, b.Name) })
	return archives, nil
}

// annotation is the prefix of what the manifest says of its own making.
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

// Render is the manifest as YAML.
func (m Manifest) Render() string {
	var text strings.Builder
	// Neither the template nor the writer can fail: both are given here.
	_ = template.Must(template.New("").Parse(manifestTemplate)).Execute(&text, m)
	return text.String()
}

// Annotation is for the template.
func (Manifest) Annotation() string { return annotation }

// Date is for the template.
func (m Manifest) Date() string { return m.Source.Date.Format(time.RFC3339) }

// URL is where an archive is to be had.
func (m Manifest) URL(a Archive) string {
	base := m.BaseURL
	if base == "" {
		base = DownloadURL
	}
	return strings.Join([]string{base, m.Version, a.Name}, "/")
}

// ParseManifest reads back what Render wrote.
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
