package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunErrors(t *testing.T) {
	t.Setenv("KUBECONFIG", "")
	absent := filepath.Join(t.TempDir(), "absent")
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no control plane", nil, "no control plane"},
		{"argument", []string{"simple"}, `unexpected argument "simple"`},
		{"unknown flag", []string{"--frozen"}, "frozen"},
		{"bad delay", []string{"--label-delay=2"}, "label-delay"},
		{"no such file", []string{"--kubeconfig", absent}, absent},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := run(t.Context(), test.args, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}
