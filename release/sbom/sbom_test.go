package sbom_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-iris/kubectl-iris/release/sbom"
)

// put writes a file and creates its folder.
func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

const mit = `MIT License

Copyright (c) 2026 An Author

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`

const isc = `Copyright (c) 2026 Another Author

Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY
AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM
LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR
OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
PERFORMANCE OF THIS SOFTWARE.
`

// workspace returns the folder of a program that uses a library, part of which was copied
// from elsewhere under another licence, and on Windows one more.
func workspace(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	put(t, filepath.Join(root, "go.mod"), `module example.com/program

go 1.26.0

require (
	example.com/Library v1.2.3
	example.com/windows v0.1.0
)

replace (
	example.com/Library v1.2.3 => ./library
	example.com/windows v0.1.0 => ./windows
)
`)
	put(t, filepath.Join(root, "main.go"), "package main\n\nimport _ \"example.com/Library/copied\"\n\nfunc main() {}\n")
	put(t, filepath.Join(root, "main_windows.go"), "package main\n\nimport _ \"example.com/windows\"\n")
	library := filepath.Join(root, "library")
	put(t, filepath.Join(library, "go.mod"), "module example.com/Library\n")
	put(t, filepath.Join(library, "LICENSE"), mit)
	put(t, filepath.Join(library, "license.go"), "package library\n")
	put(t, filepath.Join(library, "copied", "copied.go"), "package copied\n")
	put(t, filepath.Join(library, "copied", "COPYING.txt"), isc)
	put(t, filepath.Join(library, "copied", "LICENSE"), mit)
	put(t, filepath.Join(library, "unused", "LICENSE"), "You may not.\n")
	windows := filepath.Join(root, "windows")
	put(t, filepath.Join(windows, "go.mod"), "module example.com/windows\n")
	put(t, filepath.Join(windows, "windows.go"), "package windows\n\nimport _ \"example.com/windows/more\"\n")
	put(t, filepath.Join(windows, "more", "more.go"), "package more\n")
	put(t, filepath.Join(windows, "LICENCE.md"), mit)
	return root
}

// list returns the licences and the SPDX document.
func list(t *testing.T, root, targets string) (licenses, document string, err error) {
	t.Helper()
	l, err := sbom.New(t.Context(), sbom.Options{
		Root: root, Package: ".", Targets: strings.Split(targets, ","), Version: "v9.8.7", Toolchain: "go1.2.3",
		Date: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), Env: os.Environ(),
	})
	if err != nil {
		return "", "", err
	}
	spdx, err := l.SPDX()
	return string(l.Licenses()), string(spdx), err
}

func TestListsModulesWithTheirLicences(t *testing.T) {
	licenses, document, err := list(t, workspace(t), "linux_amd64,windows_amd64,linux_arm_6")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"example.com/Library  v1.2.3", "ISC AND MIT\n", "stdlib               go1.2.3  BSD-3-Clause\n",
		"-\nexample.com/Library\nexample.com/windows\n\nMIT License\n", "Another Author",
	} {
		if !strings.Contains(licenses, want) {
			t.Errorf("%q is not in\n%.1500s", want, licenses)
		}
	}
	if strings.Contains(licenses, "You may not") || strings.Count(licenses, "MIT License") != 1 {
		t.Errorf("it has too much:\n%s", licenses)
	}
	var spdx struct {
		CreationInfo struct {
			Created string `json:"created"`
		} `json:"creationInfo"`
		Packages []struct {
			Name     string `json:"name"`
			Location string `json:"downloadLocation"`
			License  string `json:"licenseDeclared"`
		} `json:"packages"`
		Relationships []struct {
			Type    string `json:"relationshipType"`
			To      string `json:"relatedSpdxElement"`
			Comment string `json:"comment"`
		} `json:"relationships"`
	}
	if err := json.Unmarshal([]byte(document), &spdx); err != nil {
		t.Fatal(err)
	}
	if spdx.CreationInfo.Created != "2026-02-03T04:05:06Z" {
		t.Errorf("created %q", spdx.CreationInfo.Created)
	}
	var lines []string
	for _, p := range spdx.Packages {
		lines = append(lines, p.Name+" "+p.License+" "+p.Location)
	}
	for _, r := range spdx.Relationships {
		lines = append(lines, r.Type+" "+r.To+" "+r.Comment)
	}
	want := []string{
		"kubectl-iris Apache-2.0 https://github.com/kubectl-iris/kubectl-iris/releases/tag/v9.8.7",
		"example.com/Library ISC AND MIT NOASSERTION",
		"example.com/windows MIT NOASSERTION",
		"stdlib BSD-3-Clause NOASSERTION",
		"DESCRIBES SPDXRef-Package-kubectl-iris ",
		"DEPENDS_ON SPDXRef-Package-example.com-Library ",
		"DEPENDS_ON SPDXRef-Package-example.com-windows only on windows_amd64",
		"DEPENDS_ON SPDXRef-Package-stdlib ",
	}
	if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestTheSameEachTime(t *testing.T) {
	var results [2]string
	for i := range results {
		licenses, document, err := list(t, workspace(t), "linux_amd64,windows_arm64")
		if err != nil {
			t.Fatal(err)
		}
		results[i] = licenses + document
	}
	if results[0] != results[1] {
		t.Error("two runs in two folders differ")
	}
}

func TestRefusesWhatHasNoLicence(t *testing.T) {
	root := workspace(t)
	if err := os.Remove(filepath.Join(root, "windows", "LICENCE.md")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := list(t, root, "linux_amd64"); err != nil {
		t.Errorf("it is not linked in on Linux: %v", err)
	}
	if _, _, err := list(t, root, "windows_amd64"); err == nil || !strings.Contains(err.Error(), "example.com/windows v0.1.0: no known licence found") {
		t.Errorf("on Windows: %v", err)
	}
	for name, text := range map[string]string{
		"another text":              "All rights reserved.\n",
		"a licence in another text": strings.Repeat("All rights reserved.\n", 200) + mit,
	} {
		put(t, filepath.Join(root, "windows", "LICENSE"), text)
		if _, _, err := list(t, root, "windows_amd64"); err == nil || !strings.Contains(err.Error(), "no known licence found") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefusesBadPlatforms(t *testing.T) {
	for _, targets := range []string{"", "linux"} {
		if _, _, err := list(t, workspace(t), targets); err == nil {
			t.Errorf("%q: no error", targets)
		}
	}
}
