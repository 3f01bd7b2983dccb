//go:build !windows

package browser

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The browser is given the address, and what it says is kept from the program's
// own output.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	script, seen := filepath.Join(dir, "browser"), filepath.Join(dir, "seen")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho said by the browser\nprintf %s \"$1\" > "+seen+".new && mv "+seen+".new "+seen+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Open(url, func(name string) string { return map[string]string{"BROWSER": script}[name] }); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if got, err := os.ReadFile(seen); err == nil {
			if string(got) != url {
				t.Errorf("the browser was given %q", got)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the browser was not started")
		}
	}
}
