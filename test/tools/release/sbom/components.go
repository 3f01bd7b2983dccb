package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/licensecheck"
)

// request says what to list.
type request struct {
	root, pkg string
	targets   []string
	version   string
	date      time.Time
}

// component is a module that is linked in, or Go's standard library.
type component struct {
	path, version string
	// targets are the platforms that have it.
	targets []string
	// license is an SPDX expression.
	license string
	// texts are the licence files that govern its packages, by content.
	texts []string
}

// goLibrary is the name under which the standard library is listed.
const goLibrary = "stdlib"

// components lists the modules in order of their paths, the standard library
// among them.
func (r request) components(ctx context.Context) ([]component, error) {
	found := map[string]*component{}
	files := map[string]map[string]bool{} // by module
	for _, target := range r.targets {
		packages, err := r.packages(ctx, target)
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			c := found[p.module]
			if c == nil {
				c = &component{path: p.module, version: p.version}
				found[p.module], files[p.module] = c, map[string]bool{}
			}
			if !slices.Contains(c.targets, target) {
				c.targets = append(c.targets, target)
			}
			if err := licenseFiles(files[p.module], p.dir, p.moduleDir); err != nil {
				return nil, err
			}
		}
	}
	var components []component
	for path, c := range found {
		var err error
		if c.license, c.texts, err = readLicenses(files[path]); err != nil {
			return nil, fmt.Errorf("%s %s: %w", c.path, c.version, err)
		}
		components = append(components, *c)
	}
	slices.SortFunc(components, func(a, b component) int { return strings.Compare(a.path, b.path) })
	return components, nil
}

// goPackage is a package that is linked in.
type goPackage struct{ module, version, dir, moduleDir string }

// packages lists what the program consists of on a platform, itself left out.
func (r request) packages(ctx context.Context, target string) ([]goPackage, error) {
	const format = `{{if .Standard}}` + goLibrary + `	-	{{.Root}}	{{.Root}}{{else if not .Module.Main}}{{.Module.Path}}	{{.Module.Version}}	{{.Dir}}	{{.Module.Dir}}{{end}}`
	platform := strings.Split(target, "_")
	if len(platform) < 2 {
		return nil, fmt.Errorf("%q is no platform", target)
	}
	out, err := r.goCommand(ctx, platform, "list", "-deps", "-f", format, r.pkg)
	if err != nil {
		return nil, err
	}
	toolchain, err := r.goCommand(ctx, platform, "env", "GOVERSION")
	if err != nil {
		return nil, err
	}
	var packages []goPackage
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 4 {
			continue
		}
		p := goPackage{fields[0], fields[1], fields[2], fields[3]}
		if p.module == goLibrary {
			p.version = strings.TrimSpace(toolchain)
		}
		packages = append(packages, p)
	}
	return packages, nil
}

func (r request) goCommand(ctx context.Context, platform []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+platform[0], "GOARCH="+platform[1])
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s for %s: %w: %s", args[0], strings.Join(platform, "_"), err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}

var licenseName = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|notice|patents)s?([.-].*)?$`)

// licenseFiles adds the licence files from a package's folder up to its
// module's: code that a module took from elsewhere has its own beside it.
func licenseFiles(found map[string]bool, dir, moduleDir string) error {
	for {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if entry.Type().IsRegular() && licenseName.MatchString(entry.Name()) && filepath.Ext(entry.Name()) != ".go" {
				found[filepath.Join(dir, entry.Name())] = true
			}
		}
		if dir == moduleDir || len(dir) <= len(moduleDir) {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}

// sure is the part of a text, in per cent, that has to be a known licence.
const sure = 75

// readLicenses tells which licences the files hold.
func readLicenses(files map[string]bool) (expression string, texts []string, err error) {
	var names []string
	paths := make([]string, 0, len(files))
	for path := range files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return "", nil, err
		}
		texts = append(texts, strings.TrimSpace(string(content)))
		coverage := licensecheck.Scan(content)
		if coverage.Percent < sure {
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
	slices.Sort(texts)
	if len(names) == 0 {
		return "", nil, fmt.Errorf("no licence is recognised in %q", paths)
	}
	return strings.Join(slices.Compact(names), " AND "), slices.Compact(texts), nil
}
