// Package sbom lists the modules that a program is built from on some platforms,
// with their licences: as text to ship with the program, and as an SPDX document.
// The same sources give the same bytes, without a network.
//
// The tools made for this were tried and do not do:
//
//   - cyclonedx-gomod v1.10 writes the same bytes each time (bin -noserial
//     -notimestamp), but its licences are wrong or incomplete for 18 of 74 modules:
//     golang.org/x is BSD-Source-Code, go-spew 0BSD, yaml.v3 only Apache-2.0, Go's
//     standard library nothing. It names one licence for a module, and leaves out
//     those of code that the module copied from elsewhere. For licences, bin asks
//     a module proxy; app takes the program's version from HEAD, by a git library
//     that does not read worktrees.
//   - syft v1.57 has a random number and the time in both SPDX and CycloneDX, with no
//     flag against it, and reads licences at the top of a module only.
//
// Neither writes the texts, which BSD, MIT and Apache-2.0 want beside a binary.
package sbom
