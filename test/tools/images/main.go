// Command images packs programs into container images, with nothing else in
// them: no base image, no download. It reads from standard input what the images
// are, and writes one OCI archive with all of them.
package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// spec is what one image has in it.
type spec struct {
	// Name is the image's full name, like "localhost/web:1".
	Name string
	// Files maps paths in the image to files of this machine.
	Files map[string]string
	// Links maps paths in the image to what these symbolic links name.
	Links map[string]string
	// Dirs are further folders, which everybody may write to.
	Dirs []string
	// Entrypoint is the command that a container runs.
	Entrypoint []string
}

func main() {
	if err := run(os.Args[1:], os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run packs the images into the archive that the only argument names.
func run(args []string, in io.Reader) (err error) {
	if len(args) != 1 {
		return errors.New("usage: images ARCHIVE < SPECS")
	}
	var specs []spec
	if err := json.NewDecoder(in).Decode(&specs); err != nil {
		return fmt.Errorf("reading the specs: %w", err)
	}
	dir, err := os.MkdirTemp("", "images-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	index, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	for _, s := range specs {
		image, err := s.image()
		if err != nil {
			return fmt.Errorf("packing %q: %w", s.Name, err)
		}
		// containerd takes the image's name from here.
		name := layout.WithAnnotations(map[string]string{"io.containerd.image.name": s.Name})
		if err := index.AppendImage(image, name); err != nil {
			return fmt.Errorf("packing %q: %w", s.Name, err)
		}
	}
	return archive(args[0], dir)
}

// archive writes the folder's content to a tar file.
func archive(path, dir string) (err error) {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := tar.NewWriter(out)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		return err
	}
	return w.Close()
}

// image is the image, with one layer.
func (s spec) image() (v1.Image, error) {
	content, err := s.layer()
	if err != nil {
		return nil, err
	}
	// Not compressed: it is read once, on this machine.
	layer := static.NewLayer(content, types.OCIUncompressedLayer)
	image, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), layer)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config = v1.Config{Entrypoint: s.Entrypoint, Env: []string{"PATH=/usr/bin:/bin"}}
	image, err = mutate.ConfigFile(image, config)
	if err != nil {
		return nil, err
	}
	return mutate.ConfigMediaType(image, types.OCIConfigJSON), nil
}

// layer is the tar of what the image has in it. The order does not matter but
// for folders, which come before what is in them.
func (s spec) layer() ([]byte, error) {
	var content bytes.Buffer
	l := layer{tar: tar.NewWriter(&content), dirs: map[string]bool{}}
	for _, dir := range s.Dirs {
		if err := l.dir(dir, 0o777); err != nil {
			return nil, err
		}
	}
	for path, source := range s.Files {
		if err := l.file(path, source); err != nil {
			return nil, err
		}
	}
	for path, target := range s.Links {
		if err := l.link(path, target); err != nil {
			return nil, err
		}
	}
	err := l.tar.Close()
	return content.Bytes(), err
}

// layer is a layer that is being written.
type layer struct {
	tar  *tar.Writer
	dirs map[string]bool
}

// dir adds a folder and those above it, unless they are there.
func (l layer) dir(name string, mode int64) error {
	name = strings.Trim(name, "/")
	if name == "." || name == "" || l.dirs[name] {
		return nil
	}
	if err := l.dir(path.Dir(name), 0o755); err != nil {
		return err
	}
	l.dirs[name] = true
	return l.tar.WriteHeader(&tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: mode})
}

// file adds a program.
func (l layer) file(name, source string) error {
	content, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	if err := l.dir(path.Dir(name), 0o755); err != nil {
		return err
	}
	header := &tar.Header{Name: strings.TrimPrefix(name, "/"), Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(content))}
	if err := l.tar.WriteHeader(header); err != nil {
		return err
	}
	_, err = l.tar.Write(content)
	return err
}

// link adds a symbolic link.
func (l layer) link(name, target string) error {
	if err := l.dir(path.Dir(name), 0o755); err != nil {
		return err
	}
	return l.tar.WriteHeader(&tar.Header{Name: strings.TrimPrefix(name, "/"), Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777})
}
