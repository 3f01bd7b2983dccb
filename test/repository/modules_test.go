package repository_test

import (
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const pluginModule = "github.com/kubectl-iris/kubectl-iris"

// module is what is used of a go.mod, as go mod edit -json prints it.
type module struct {
	Module  struct{ Path string }
	Require []struct{ Path, Version string }
	Replace []struct {
		Old, New struct{ Path, Version string }
	}
}

// goMod reads the go.mod in a folder of the repository.
func goMod(t *testing.T, folder string) module {
	t.Helper()
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = filepath.Join("..", "..", folder)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", folder, err)
	}
	var mod module
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatalf("%s: %v", folder, err)
	}
	return mod
}

// versions returns the version of each module that the go.mod requires, after
// its replace lines.
func (m module) versions() map[string]string {
	versions := map[string]string{}
	for _, r := range m.Require {
		versions[r.Path] = r.Version
	}
	for _, r := range m.Replace {
		if _, required := versions[r.Old.Path]; required && r.New.Version != "" {
			versions[r.Old.Path] = r.New.Version
		}
	}
	return versions
}

// The plugin is tested, documented and released with the versions that it is
// built with. For a module that requires the plugin's, that is more than what the
// go command picks: it takes the highest version that any of them asks for.
func TestModulesUseThePluginsVersions(t *testing.T) {
	plugin := goMod(t, ".").versions()
	var compared []string
	for _, folder := range []string{"test", "release"} {
		mod := goMod(t, folder)
		if _, requires := mod.versions()[pluginModule]; !requires {
			t.Errorf("%s/go.mod does not require %s", folder, pluginModule)
		}
		for path, version := range mod.versions() {
			if want, known := plugin[path]; known && version != want {
				t.Errorf("%s/go.mod has %s %s, want %s as in go.mod", folder, path, version, want)
			} else if known {
				compared = append(compared, path)
			}
		}
	}
	if !slices.Contains(compared, "k8s.io/client-go") {
		t.Errorf("compared only %v", compared)
	}
}

// The local Kubernetes is of the version of the plugin's client libraries.
func TestLocalKubernetesHasThePluginsVersion(t *testing.T) {
	plugin := goMod(t, ".").versions()
	kubernetes := goMod(t, "test/tools/kubernetes").versions()
	client, known := strings.CutPrefix(plugin["k8s.io/client-go"], "v0.")
	if want := "v1." + client; !known || kubernetes["k8s.io/kubernetes"] != want {
		t.Errorf("test/tools/kubernetes has Kubernetes %s, want %s", kubernetes["k8s.io/kubernetes"], want)
	}
	for _, path := range slices.Sorted(maps.Keys(plugin)) {
		version := plugin[path]
		if strings.HasPrefix(path, "k8s.io/") && version == plugin["k8s.io/client-go"] && kubernetes[path] != version {
			t.Errorf("test/tools/kubernetes has %s %s, want %s", path, kubernetes[path], version)
		}
	}
}
