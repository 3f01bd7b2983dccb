package localkube

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/test/images"
)

const (
	// imageSources is the folder of the images' programs below the root of the
	// checkout, and imageTools that of the module which packs them.
	imageSources = "test/images"
	imageTools   = "test/tools/images"
	// imagesName is the name of the archive in a folder of ready-made binaries.
	imagesName = "images.tar"
)

// image is what one image has in it; test/tools/images reads it as JSON.
type image struct {
	Name       string
	Files      map[string]string // path in the image: file of this machine
	Links      map[string]string // path in the image: what the symbolic link names
	Dirs       []string          // which everybody may write to
	Entrypoint []string
}

// imagesOf lists the stand-in images, whose programs are in the folder.
func imagesOf(programs string) []image {
	one := func(name, program, path string) image {
		return image{Name: name, Files: map[string]string{path: filepath.Join(programs, program)}, Entrypoint: []string{path}}
	}
	iris := one(images.IRIS, "iris", "/usr/bin/iris")
	iris.Entrypoint = append(iris.Entrypoint, "main")
	iris.Dirs = []string{"/tmp", "/run"}
	iris.Links = map[string]string{
		"/usr/bin/stand-in": "/usr/bin/iris",
		// The readiness probe that was seen in 2020.
		"/usr/irissys/dev/Cloud/ICM/waitISC.sh": "/usr/bin/iris",
	}
	return []image{
		iris,
		one(images.WebGateway, "webgateway", "/usr/bin/webgateway"),
		one(images.Arbiter, "arbiter", "/usr/bin/arbiter"),
		one(images.Pause, "pause", "/pause"),
	}
}

// ensureImages finds the archive with the stand-in images, and builds it when its
// sources have changed. Its name has a hash of them.
func ensureImages(ctx context.Context, progress io.Writer, root, cache string) (string, error) {
	hash, err := hashFolders(root, imageSources, imageTools)
	if err != nil {
		return "", err
	}
	archive := filepath.Join(cache, fmt.Sprintf("images-%s-%s-%s.tar", hash[:12], runtime.GOOS, runtime.GOARCH))
	if _, err := os.Stat(archive); err == nil {
		return archive, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	done := announce(progress, "building the stand-in images")
	err = buildImages(ctx, root, archive)
	done(err)
	if err != nil {
		return "", fmt.Errorf("building the stand-in images: %w", err)
	}
	return archive, nil
}

// buildImages builds the programs, and packs them into the archive, which
// appears only when it is complete. Two that do so at once do no harm.
func buildImages(ctx context.Context, root, archive string) (err error) {
	programs, err := os.MkdirTemp(filepath.Dir(archive), ".images-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(programs)) }()
	build := goCommand(ctx, filepath.Join(root, filepath.FromSlash(imageSources)), "build", "-trimpath", "-ldflags", linkerFlags(""), "-o", programs+string(filepath.Separator), "./...")
	if _, err := output(build); err != nil {
		return err
	}
	specs, err := json.Marshal(imagesOf(programs))
	if err != nil {
		return err
	}
	unfinished := filepath.Join(programs, imagesName)
	pack := goCommand(ctx, filepath.Join(root, filepath.FromSlash(imageTools)), "run", "-trimpath", ".", unfinished)
	pack.Stdin = bytes.NewReader(specs)
	if _, err := output(pack); err != nil {
		return err
	}
	return os.Rename(unfinished, archive)
}

// hashFolders is a hash of the files in the folders, and of their names, but for
// tests.
func hashFolders(root string, folders ...string) (string, error) {
	hash := sha256.New()
	for _, folder := range folders {
		var paths []string
		err := filepath.WalkDir(filepath.Join(root, filepath.FromSlash(folder)), func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() && !strings.HasSuffix(path, "_test.go") {
				paths = append(paths, path)
			}
			return err
		})
		if err != nil {
			return "", err
		}
		slices.Sort(paths)
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return "", err
			}
			_, _ = fmt.Fprintf(hash, "%s %d\n", filepath.ToSlash(name), len(content)) // a hash takes all
			_, _ = hash.Write(content)
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
