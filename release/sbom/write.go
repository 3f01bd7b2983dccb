package sbom

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"regexp"
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

// Licenses returns a table of the components, and each text once, with the
// components that it applies to.
func (l *List) Licenses() []byte {
	var b bytes.Buffer
	_, _ = fmt.Fprintf(&b, "%s %s is licensed under %s (see LICENSE). It is built from these modules\nand Go's standard library (%s); their licences follow.\n\n", ownName, l.Version, ownLicense, library)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	users := map[string][]string{} // by text
	for _, c := range l.components {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", c.path, c.version, c.license)
		for _, text := range c.texts {
			users[text] = append(users[text], c.path)
		}
	}
	_ = table.Flush() // a bytes.Buffer takes everything
	texts := slices.SortedFunc(maps.Keys(users), func(a, b string) int {
		return cmp.Or(strings.Compare(users[a][0], users[b][0]), strings.Compare(a, b))
	})
	for _, text := range texts {
		_, _ = fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("-", 78), strings.Join(users[text], "\n"), text)
	}
	return b.Bytes()
}

// SPDX returns an SPDX document in JSON.
func (l *List) SPDX() ([]byte, error) {
	own := spdxPackage(ownName, l.Version, ownLicense, homepage+"/releases/tag/"+l.Version)
	own.PackageHomePage = homepage
	document := &spdx.Document{
		SPDXVersion:       spdx.Version,
		DataLicense:       spdx.DataLicense,
		SPDXIdentifier:    "DOCUMENT",
		DocumentName:      ownName + "-" + l.Version,
		DocumentNamespace: fmt.Sprintf("%s/releases/download/%s/%s_%s.spdx.json", homepage, l.Version, ownName, l.Version),
		CreationInfo: &spdx.CreationInfo{
			Creators: []common.Creator{{CreatorType: "Tool", Creator: ownName + "-sbom"}},
			Created:  l.Date.UTC().Format(time.RFC3339),
		},
		Packages:      []*spdx.Package{own},
		Relationships: []*spdx.Relationship{relationship("DOCUMENT", common.TypeRelationshipDescribe, own.PackageSPDXIdentifier)},
	}
	for _, c := range l.components {
		p := spdxPackage(c.path, c.version, c.license, unknown)
		p.PackageExternalReferences = []*spdx.PackageExternalReference{{
			Category: common.CategoryPackageManager,
			RefType:  common.TypePackageManagerPURL,
			Locator:  fmt.Sprintf("pkg:golang/%s@%s", c.path, strings.TrimPrefix(c.version, "go")),
		}}
		document.Packages = append(document.Packages, p)
		link := relationship(own.PackageSPDXIdentifier, common.TypeRelationshipDependsOn, p.PackageSPDXIdentifier)
		if len(c.targets) < len(l.Targets) {
			link.RelationshipComment = "only on " + strings.Join(c.targets, ", ")
		}
		document.Relationships = append(document.Relationships, link)
	}
	if err := spdxlib.ValidateDocument(document); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err := spdxjson.Write(document, &b, spdxjson.Indent("  "), spdxjson.EscapeHTML(false))
	return b.Bytes(), err
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

var notInIdentifier = regexp.MustCompile(`[^A-Za-z0-9.-]`)

// identifier returns the SPDX identifier of a module, which may have letters,
// digits, dots and dashes.
func identifier(path string) common.ElementID {
	return common.ElementID("Package-" + notInIdentifier.ReplaceAllString(path, "-"))
}
