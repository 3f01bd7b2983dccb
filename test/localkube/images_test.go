package localkube

import (
	"os"
	"path/filepath"
	"testing"
)

func TestHashFolders(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(path, content string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]string{}
	hash := func() string {
		t.Helper()
		hash, err := hashFolders(root, "a", "b/c")
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	write("a/main.go", "one")
	write("b/c/go.mod", "two")
	first := hash()
	seen[first] = "first"
	for _, change := range []struct{ what, path, content string }{
		{"other content", "a/main.go", "other"},
		{"another file", "b/c/go.sum", ""},
		{"content from one file to the next", "b/c/go.sum", "two"},
	} {
		write(change.path, change.content)
		if before, found := seen[hash()]; found {
			t.Errorf("%s: the same hash as %s", change.what, before)
		}
		seen[hash()] = change.what
	}
	last := hash()
	write("a/main_test.go", "a test")
	write("b/elsewhere", "not asked for")
	if hash() != last {
		t.Error("files that are in no image change the hash")
	}
	if _, err := hashFolders(root, "missing"); err == nil {
		t.Error("a folder that is not there: no error")
	}
}

func TestImagesHaveTheirPrograms(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, image := range imagesOf("programs") {
		if names[image.Name] {
			t.Errorf("two images %q", image.Name)
		}
		names[image.Name] = true
		if _, found := image.Files[image.Entrypoint[0]]; !found {
			t.Errorf("image %q runs %q, which it has not", image.Name, image.Entrypoint[0])
		}
		for link, target := range image.Links {
			if _, found := image.Files[target]; !found {
				t.Errorf("image %q: %q leads to %q, which it has not", image.Name, link, target)
			}
		}
		for _, program := range image.Files {
			source := filepath.Join("..", "..", filepath.FromSlash(imageSources), filepath.Base(program), "main.go")
			if _, err := os.Stat(source); err != nil {
				t.Errorf("image %q: %v", image.Name, err)
			}
		}
	}
}
