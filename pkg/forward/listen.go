package forward

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// Localhost names both loopback addresses, of which one is enough on a machine
// that has no other.
const Localhost = "localhost"

// An Address is where to listen: IP addresses of which the machine must have one.
type Address []netip.Addr

// ParseAddress parses an IP address, or Localhost.
func ParseAddress(s string) (Address, error) {
	if s == Localhost {
		return Address{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return nil, problem.Usage("invalid %s %q: not an IP address", problem.Field("address"), s).Hint("use IP addresses, or %s", Localhost)
	}
	return Address{ip}, nil
}

// freeTries is how often another free port is tried if the first is in use on a
// second address.
const freeTries = 16

// Listen listens on one port of all addresses. Port 0 is any that is free on all
// of them.
func Listen(addresses []Address, port uint16) ([]net.Listener, error) {
	for try := 1; ; try++ {
		listeners, err := listenAll(addresses, port)
		if err == nil || port != 0 || try == freeTries || !isAnyOf(err, inUse()) {
			return listeners, err
		}
	}
}

func listenAll(addresses []Address, port uint16) (listeners []net.Listener, err error) {
	for _, address := range addresses {
		some, err := address.listen(port)
		listeners = append(listeners, some...)
		if err != nil {
			Close(listeners)
			return nil, err
		}
		port = portOf(listeners[0])
	}
	return listeners, nil
}

// listen listens on those of the address's IPs that the machine has. Listeners
// are returned with an error as well.
func (a Address) listen(port uint16) (listeners []net.Listener, err error) {
	var missing error
	for _, ip := range a {
		listener, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, port)))
		switch {
		case err == nil:
			listeners = append(listeners, listener)
			port = portOf(listener)
		case len(a) > 1 && isAnyOf(err, unavailable()):
			missing = err
		default:
			return listeners, cannotListen(ip.String(), port, err)
		}
	}
	if len(listeners) == 0 {
		return nil, cannotListen(a[0].String(), port, missing)
	}
	return listeners, nil
}

func portOf(l net.Listener) uint16 { return uint16(l.Addr().(*net.TCPAddr).Port) }

func isAnyOf(err error, those []syscall.Errno) bool {
	return slices.ContainsFunc(those, func(e syscall.Errno) bool { return errors.Is(err, e) })
}

func cannotListen(host string, port uint16, err error) error {
	address := net.JoinHostPort(host, strconv.Itoa(int(port)))
	var system syscall.Errno
	if errors.As(err, &system) {
		err = system
	}
	failure := problem.New("cannot listen on %s: %w", address, err)
	switch {
	case isAnyOf(err, inUse()):
		return failure.Hint("another program listens there; take another local port, or 0 for a free one")
	case isAnyOf(err, denied()):
		return failure.Hint("ports below 1024 may need privileges; take another local port, or 0 for a free one")
	case isAnyOf(err, unavailable()):
		return failure.Hint("this machine does not have the %s", problem.Field("address"))
	}
	return failure
}

// Close closes listeners.
func Close(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}
