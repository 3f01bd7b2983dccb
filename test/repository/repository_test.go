// Package repository_test checks what no compiler sees: that GitHub can parse its
// files, that dependabot knows every Go module, that CODEOWNERS names paths that
// exist, that no link in the documentation is broken, and that no file or test that
// it names is gone.
package repository_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// root is the repository's top folder, seen from this one.
const root = "../.."

// home is the address of the repository's files on GitHub.
const home = "https://github.com/kubectl-iris/kubectl-iris/blob/main/"

// GitHub ignores a workflow, a form or a configuration that it cannot parse, which
// would show only when it is needed.
func TestGitHubFilesAreYAML(t *testing.T) {
	for _, file := range files(t, ".github", ".yaml", ".yml") {
		var content map[string]any
		if err := yaml.UnmarshalStrict([]byte(read(t, file)), &content); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestDependabotKnowsEveryModule(t *testing.T) {
	var config struct {
		Updates []struct {
			Ecosystem   string   `json:"package-ecosystem"`
			Directory   string   `json:"directory"`
			Directories []string `json:"directories"`
		} `json:"updates"`
	}
	if err := yaml.Unmarshal([]byte(read(t, ".github/dependabot.yml")), &config); err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, update := range config.Updates {
		if update.Ecosystem != "gomod" {
			continue
		}
		if update.Directory != "" {
			got = append(got, update.Directory)
		}
		got = append(got, update.Directories...)
	}
	for _, file := range files(t, ".", "go.mod") {
		want = append(want, path.Join("/", path.Dir(file)))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf(".github/dependabot.yml (-folders with a go.mod +folders that it names):\n%s", diff)
	}
}

func TestCodeOwnersPathsExist(t *testing.T) {
	rules := 0
	for line := range strings.Lines(read(t, ".github/CODEOWNERS")) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		rules++
		if len(fields) == 1 {
			t.Errorf("%s has no owner", fields[0])
		}
		matches, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(fields[0])))
		if err != nil || len(matches) == 0 {
			t.Errorf("%s: no such path (%v)", fields[0], err)
		}
	}
	if rules == 0 {
		t.Error("no rules")
	}
}

func TestLinksAreNotBroken(t *testing.T) {
	checked := 0
	for _, file := range slices.Concat(files(t, ".", ".md"), files(t, ".github/ISSUE_TEMPLATE", ".yaml", ".yml")) {
		for _, link := range links(read(t, file)) {
			target, isHere := strings.CutPrefix(link, home)
			if !isHere {
				if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
					continue
				}
				target = path.Join(path.Dir(file), target)
				if strings.HasPrefix(link, "#") {
					target = file + link
				}
			}
			checked++
			name, anchor, _ := strings.Cut(target, "#")
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(name))); err != nil {
				t.Errorf("%s links to %s: no such file", file, link)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, name)), anchor) {
				t.Errorf("%s links to %s: no such heading", file, link)
			}
		}
	}
	if checked < 20 {
		t.Errorf("%d links found; the documentation has more", checked)
	}
}

// A page that names a file or a test is of no use once that is gone.
func TestNamesInDocsExist(t *testing.T) {
	inCode := regexp.MustCompile("`([^`\n]+)`")
	file := regexp.MustCompile(`^(?:cmd|docs|examples|pkg|plugins|release|test|\.github|\.ci)/[\w./*-]+$`)
	name := regexp.MustCompile(`\bTest[A-Z]\w+`)
	tests := testNames(t)
	checked := 0
	for _, page := range files(t, ".", ".md") {
		// One tells of the past, the other names folders as seen from those of its rows.
		if page == "CHANGELOG.md" || page == "docs/architecture.md" {
			continue
		}
		for line := range strings.Lines(prose(read(t, page))) {
			for _, match := range inCode.FindAllStringSubmatch(line, -1) {
				if !file.MatchString(match[1]) {
					continue
				}
				checked++
				if found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(match[1]))); err != nil || len(found) == 0 {
					t.Errorf("%s names %s: no such file", page, match[1])
				}
			}
			for _, test := range name.FindAllString(line, -1) {
				checked++
				if !slices.Contains(tests, test) {
					t.Errorf("%s names %s: no such test", page, test)
				}
			}
		}
	}
	if checked < 20 {
		t.Errorf("%d names found; the documentation has more", checked)
	}
}

// testNames returns the names of all tests of the repository.
func testNames(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, file := range files(t, ".", "_test.go") {
		for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(read(t, file), -1) {
			names = append(names, match[1])
		}
	}
	return names
}

// links returns the targets of a page's inline and reference links and images.
func links(page string) []string {
	var targets []string
	link := regexp.MustCompile(`(?m)\]\(([^)\s]+)\)|^\[[^\]]+\]:\s*(\S+)`)
	for _, match := range link.FindAllStringSubmatch(prose(page), -1) {
		targets = append(targets, match[1]+match[2])
	}
	return targets
}

// anchors returns the names that GitHub gives a page's headings, and those that
// the page gives itself.
func anchors(page string) []string {
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^#+ +(.+)$|<a (?:id|name)="([^"]+)"`).FindAllStringSubmatch(prose(page), -1) {
		if match[2] != "" {
			names = append(names, match[2])
			continue
		}
		name := strings.ToLower(strings.TrimSpace(match[1]))
		name = regexp.MustCompile(`[^\p{L}\p{N}\s_-]`).ReplaceAllString(name, "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// prose returns a page without its code blocks.
func prose(page string) string {
	return regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(page, "")
}

// files returns the files below a folder whose names end so, from the root and
// with slashes. Folders that git does not keep, and those of git, are left out.
func files(t *testing.T, folder string, suffixes ...string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(filepath.Join(root, folder), func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", "bin", "dist"}, relative) {
			return filepath.SkipDir
		}
		isWanted := slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(file, suffix) })
		if !entry.IsDir() && isWanted {
			found = append(found, filepath.ToSlash(relative))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}
