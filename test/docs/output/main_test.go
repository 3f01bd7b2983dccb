package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPageIsCurrent(t *testing.T) {
	want, err := pageOf("../../../pkg/view")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../docs/output.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/output.md is not what pkg/view says; run make docs\n%s", cmp.Diff(string(got), string(want)))
	}
}
