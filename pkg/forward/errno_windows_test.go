package forward

import "golang.org/x/sys/windows"

// connectionReset is the error of a connection that the other side broke.
const connectionReset = windows.WSAECONNRESET
