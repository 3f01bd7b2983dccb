package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/pkg/finding"
)

func TestPageIsCurrent(t *testing.T) {
	want := page(finding.Table())
	got, err := os.ReadFile("../../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/findings.md is not what pkg/finding says; run make docs\n%s", cmp.Diff(string(got), string(want)))
	}
}

// The address of a finding is that of its section.
func TestEachCodeHasItsAnchor(t *testing.T) {
	lines := bytes.Split(page(finding.Table()), []byte("\n"))
	sections := map[string]int{}
	for _, line := range lines {
		if name, ok := bytes.CutPrefix(line, []byte("## ")); ok {
			sections[string(bytes.ToLower(name))]++ // as GitHub makes anchors
		}
	}
	for _, k := range finding.Table() {
		if sections[finding.Anchor(k.Code)] != 1 {
			t.Errorf("%s: %d sections", k.Code, sections[finding.Anchor(k.Code)])
		}
	}
}
