package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

func TestArchive(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("a program"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "images.tar")
	specs := `[
		{"Name": "localhost/a:1", "Files": {"/usr/bin/a": "` + program + `"}, "Links": {"/bin/b": "/usr/bin/a"}, "Dirs": ["/tmp"], "Entrypoint": ["/usr/bin/a", "x"]},
		{"Name": "localhost/c:1"}
	]`
	if err := run([]string{path}, strings.NewReader(specs)); err != nil {
		t.Fatal(err)
	}

	unpacked := t.TempDir()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	for r := tar.NewReader(in); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(unpacked, header.Name)
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			if err := os.WriteFile(target, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	index, err := layout.ImageIndexFromPath(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"localhost/a:1", "localhost/c:1"} {
		if got := manifest.Manifests[i].Annotations["io.containerd.image.name"]; got != name {
			t.Errorf("image %d is called %q, want %q", i, got, name)
		}
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if entry, err := json.Marshal(config.Config.Entrypoint); err != nil || string(entry) != `["/usr/bin/a","x"]` {
		t.Errorf("entrypoint %s, %v", entry, err)
	}
	if config.OS != "linux" || config.Config.Env[0] != "PATH=/usr/bin:/bin" {
		t.Errorf("config %+v", config)
	}

	layer := mutate.Extract(image)
	defer func() { _ = layer.Close() }()
	found := map[string]string{}
	for r := tar.NewReader(layer); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		found[header.Name] = header.FileInfo().Mode().String() + " " + header.Linkname + string(content)
	}
	for name, want := range map[string]string{
		"usr/bin/a": "-rwxr-xr-x a program", "bin/b": "Lrwxrwxrwx /usr/bin/a", "tmp": "drwxrwxrwx ", "usr/bin": "drwxr-xr-x ",
	} {
		if found[name] != want {
			t.Errorf("%s is %q, want %q", name, found[name], want)
		}
	}
}

func TestErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "images.tar")
	for specs, want := range map[string]string{
		"[": "reading the specs: ",
		`[{"Name": "a", "Files": {"/a": "/missing"}}]`: `packing "a": open /missing: `,
	} {
		if err := run([]string{path}, strings.NewReader(specs)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", specs, err, want)
		}
	}
	if err := run(nil, strings.NewReader("[]")); err == nil {
		t.Error("no archive: no error")
	}
}
