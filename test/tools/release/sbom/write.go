package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdxlib"
)

const (
	homepage = "https://github.com/kubectl-iris/kubectl-iris"
	ownName  = "kubectl-iris"
	// ownLicense is that of the file LICENSE.
	ownLicense = "Apache-2.0"
	unknown    = "NOASSERTION"
)

// writeLicenses writes the table of components, and each text once, with the
// components that it is for.
func writeLicenses(w io.Writer, version string, components []component) error {
	_, err := fmt.Fprintf(w, "%s %s is licensed under %s (see LICENSE). It is built from these modules\nand Go's standard library (%s); their licences follow.\n\n", ownName, version, ownLicense, goLibrary)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	users := map[string][]string{}
	for _, c := range components {
		if _, err := fmt.Fprintf(table, "%s\t%s\t%s\n", c.path, c.version, c.license); err != nil {
			return err
		}
		for _, text := range c.texts {
			users[text] = append(users[text], c.path)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	texts := make([]string, 0, len(users))
	for text := range users {
		texts = append(texts, text)
	}
	slices.SortFunc(texts, func(a, b string) int {
		if order := strings.Compare(users[a][0], users[b][0]); order != 0 {
			return order
		}
		return strings.Compare(a, b)
	})
	for _, text := range texts {
		if _, err := fmt.Fprintf(w, "\n%s\n%s\n\n%s\n", strings.Repeat("-", 78), strings.Join(users[text], "\n"), text); err != nil {
			return err
		}
	}
	return nil
}

// writeSPDX writes the SPDX document.
func (r request) writeSPDX(w io.Writer, components []component) error {
	own := spdxPackage(ownName, r.version, ownLicense, homepage+"/releases/tag/"+r.version)
	own.PackageHomePage = homepage
	document := &spdx.Document{
		SPDXVersion:       spdx.Version,
		DataLicense:       spdx.DataLicense,
		SPDXIdentifier:    "DOCUMENT",
		DocumentName:      ownName + "-" + r.version,
		DocumentNamespace: fmt.Sprintf("%s/releases/download/%s/%s_%s.spdx.json", homepage, r.version, ownName, r.version),
		CreationInfo: &spdx.CreationInfo{
			Creators: []common.Creator{{CreatorType: "Tool", Creator: ownName + "-sbom"}},
			Created:  r.date.UTC().Format(time.RFC3339),
		},
		Packages:      []*spdx.Package{own},
		Relationships: []*spdx.Relationship{relationship("DOCUMENT", common.TypeRelationshipDescribe, own.PackageSPDXIdentifier)},
	}
	for _, c := range components {
		p := spdxPackage(c.path, c.version, c.license, unknown)
		p.PackageExternalReferences = []*spdx.PackageExternalReference{{
			Category: common.CategoryPackageManager,
			RefType:  common.TypePackageManagerPURL,
			Locator:  fmt.Sprintf("pkg:golang/%s@%s", c.path, strings.TrimPrefix(c.version, "go")),
		}}
		document.Packages = append(document.Packages, p)
		link := relationship(own.PackageSPDXIdentifier, common.TypeRelationshipDependsOn, p.PackageSPDXIdentifier)
		if len(c.targets) < len(r.targets) {
			link.RelationshipComment = "only on " + strings.Join(c.targets, ", ")
		}
		document.Relationships = append(document.Relationships, link)
	}
	if err := spdxlib.ValidateDocument(document); err != nil {
		return err
	}
	return spdxjson.Write(document, w, spdxjson.Indent("  "), spdxjson.EscapeHTML(false))
}

func spdxPackage(name, version, license, location string) *spdx.Package {
	return &spdx.Package{
		PackageName:             name,
		PackageSPDXIdentifier:   identifier(name),
		PackageVersion:          version,
		PackageSupplier:         &common.Supplier{Supplier: unknown},
		PackageDownloadLocation: location,
		PackageLicenseConcluded: license,
		PackageLicenseDeclared:  license,
		PackageCopyrightText:    unknown,
	}
}

func relationship(from common.ElementID, kind string, to common.ElementID) *spdx.Relationship {
	return &spdx.Relationship{RefA: common.MakeDocElementID("", string(from)), RefB: common.MakeDocElementID("", string(to)), Relationship: kind}
}

// identifier makes of a module's path what SPDX takes: letters, digits, . and -.
func identifier(path string) common.ElementID {
	return common.ElementID("Package-" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-':
			return r
		}
		return '-'
	}, path))
}
