//go:build !windows

package forward

import "syscall"

// connectionReset is the error of a connection that the other side broke.
const connectionReset = syscall.ECONNRESET
