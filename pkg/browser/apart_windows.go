package browser

import "syscall"

// apart returns the attributes of a process that Ctrl-C in this program's terminal
// does not end.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
