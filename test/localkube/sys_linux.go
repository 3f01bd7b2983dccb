package localkube

import "syscall"

// childAttr lets the system kill a child of the supervisor when the supervisor
// dies, whatever it dies of. The signal is tied to the thread that started the
// child, which is why [Supervise] stays on one thread.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
