// Package release builds a release: archives for all platforms, checksums, an SPDX
// document, and the manifests by which krew installs it.
//
// A release is a function of its sources, its version and the Go toolchain: the same
// three give the same bytes on every machine. Its commit and date are those of the
// newest commit that changed anything in the archives (see [Inputs]), so a commit that
// changes only tests, docs or the manifests does not change the release. That is why
// the manifests can be in the repository that they describe.
//
// goreleaser builds and packs (.goreleaser.yaml). This package adds what goreleaser
// cannot do: krew manifests with all platforms (goreleaser's leave out ppc64le) in two
// identical files, man pages, and the modules with their licences in a form that is the
// same each time (see [github.com/kubectl-iris/kubectl-iris/release/sbom]).
package release
