// Package sbom lists the modules that a program is built from on some platforms,
// with their licences: as text to ship with the program, and as an SPDX document.
// The same sources give the same bytes, without a network.
//
// Why no ready-made tool does this:
//
//   - cyclonedx-gomod v1.10 can write the same bytes each time (bin -noserial
//     -notimestamp), but its licences are wrong or incomplete for 18 of our 74 modules:
//     golang.org/x/net is BSD-Source-Code, go-spew 0BSD, yaml/v3 only Apache-2.0, the
//     standard library nothing. It names one licence per module and leaves out the
//     licences of code that the module copied from elsewhere. For licences, bin asks a
//     module proxy; app works offline, but takes the program's version from HEAD and
//     fails in a git worktree.
//   - syft v1.57 writes a random number and the time into SPDX and CycloneDX, and has no
//     setting against it. It counts the licences of packages that are not linked in.
//   - go-licenses v2.0 lists one platform at a time, without the standard library, and
//     writes neither of the two formats.
//
// BSD, MIT and Apache-2.0 require their texts beside a binary, so the licence files of
// the linked packages have to be found anyway; the licences are read from them.
package sbom
