// Package release makes a release: the archives of all platforms, their
// checksums, a list of what is in them, and the manifests by which krew
// installs them.
//
// A release is a function of its sources, its version and the Go toolchain:
// whoever builds the same gets the same bytes. What it calls its commit and its
// date are those of the newest commit that changed anything in the archives
// (see [Inputs]), so a commit that changes only tests, docs or the manifests
// themselves changes nothing. That is why the manifests can be in the
// repository that they describe.
//
// goreleaser builds and packs (.goreleaser.yaml). What it cannot do is done
// here: manifests for krew with all platforms (its own leaves out ppc64le) in
// two files alike, man pages, the licences of all modules, and an SPDX document
// that is the same each time (the tools it calls for that write the time and a
// random number into it).
package release
