package sbom

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/licensecheck"
)

// Options says what to list.
type Options struct {
	// Root is the folder of the program's module, and Package its main package.
	Root, Package string
	// Targets are platforms as goreleaser writes them, for example linux_arm_6.
	Targets []string
	// Version and Date are those of the program.
	Version string
	Date    time.Time
	// Toolchain is the version of the standard library, for example go1.26.8.
	Toolchain string
	// Env is the environment of the go command, but for the platform.
	Env []string
}

// List holds what a program is built from.
type List struct {
	Options
	components []component
}

// component is a module that is linked in, or Go's standard library.
type component struct {
	path, version string
	// targets are the platforms that have it.
	targets []string
	// files are the licence files that govern its packages.
	files map[string]bool
	// license is an SPDX expression.
	license string
	// texts are the contents of files.
	texts []string
}

// library is the name of the standard library's component.
const library = "stdlib"

// New returns the list of a program. It returns an error if a module has no
// licence that is known.
func New(ctx context.Context, o Options) (*List, error) {
	found := map[string]*component{}
	for _, target := range o.Targets {
		packages, err := o.packages(ctx, target)
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			c := found[p.module]
			if c == nil {
				c = &component{path: p.module, version: p.version, files: map[string]bool{}}
				found[p.module] = c
			}
			if !slices.Contains(c.targets, target) {
				c.targets = append(c.targets, target)
			}
			if err := c.addFiles(p.dir, p.moduleDir); err != nil {
				return nil, err
			}
		}
	}
	list := &List{Options: o}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		c := found[path]
		if err := c.readFiles(); err != nil {
			return nil, fmt.Errorf("%s %s: %w", c.path, c.version, err)
		}
		list.components = append(list.components, *c)
	}
	return list, nil
}

// goPackage is a package that is linked in.
type goPackage struct{ module, version, dir, moduleDir string }

// packages returns what the program is built from on a platform, without the
// packages of its own module.
func (o Options) packages(ctx context.Context, target string) ([]goPackage, error) {
	goos, rest, ok := strings.Cut(target, "_")
	goarch, _, _ := strings.Cut(rest, "_")
	if !ok {
		return nil, fmt.Errorf("invalid target %q: must be like linux_amd64", target)
	}
	format := `{{if .Standard}}` + library + "\t" + o.Toolchain + `	{{.Root}}	{{.Root}}{{else if not .Module.Main}}{{.Module.Path}}	{{.Module.Version}}	{{.Dir}}	{{.Module.Dir}}{{end}}`
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-f", format, o.Package)
	cmd.Dir = o.Root
	cmd.Env = append(slices.Clone(o.Env), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list for %s: %w: %s", target, err, strings.TrimSpace(stderr.String()))
	}
	var packages []goPackage
	for line := range strings.Lines(string(out)) {
		if fields := strings.Split(strings.TrimSpace(line), "\t"); len(fields) == 4 {
			packages = append(packages, goPackage{fields[0], fields[1], fields[2], fields[3]})
		}
	}
	return packages, nil
}

var licenseName = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|notice|patents)s?([.-].*)?$`)

// addFiles adds the licence files from a package's folder up to its module's: code
// that a module copied from elsewhere has its own beside it.
func (c *component) addFiles(dir, moduleDir string) error {
	for {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if entry.Type().IsRegular() && licenseName.MatchString(entry.Name()) && filepath.Ext(entry.Name()) != ".go" {
				c.files[filepath.Join(dir, entry.Name())] = true
			}
		}
		if len(dir) <= len(moduleDir) {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}

// minCoverage is the part of a file, in per cent, that must be the text of known
// licences: the rest is a copyright line and a heading.
const minCoverage = 75

// readFiles sets the licence and the texts from the files.
func (c *component) readFiles() error {
	var names []string
	for path := range c.files {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		c.texts = append(c.texts, strings.TrimSpace(string(content)))
		coverage := licensecheck.Scan(content)
		if coverage.Percent < minCoverage {
			continue
		}
		for _, match := range coverage.Match {
			// A grant of patents is no licence, and SPDX has no name for it.
			if match.ID != "GooglePatentsFile" {
				names = append(names, match.ID)
			}
		}
	}
	slices.Sort(names)
	slices.Sort(c.texts)
	c.texts = slices.Compact(c.texts)
	if len(names) == 0 {
		return fmt.Errorf("no known licence found in %q", slices.Sorted(maps.Keys(c.files)))
	}
	c.license = strings.Join(slices.Compact(names), " AND ")
	return nil
}
