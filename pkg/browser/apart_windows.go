package browser

import "syscall"

// apart keeps Ctrl-C in the program's terminal from the browser.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
