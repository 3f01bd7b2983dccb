//go:build !windows

package browser

import "syscall"

// apart keeps Ctrl-C in the program's terminal from the browser.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
