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

// Localhost stands for both loopback addresses, of which one is enough on a
// machine that has no other.
const Localhost = "localhost"

// freeTries is how often another free port is tried where the first is taken
// on a second address.
const freeTries = 16

// Listen listens on one port of all addresses: IP addresses, or Localhost. Port
// 0 is any that is free on all of them.
func Listen(addresses []string, port uint16) ([]net.Listener, error) {
	for try := 1; ; try++ {
		listeners, err := listenAll(addresses, port)
		if err == nil || port != 0 || try == freeTries || !isAnyOf(err, inUse()) {
			return listeners, err
		}
	}
}

func listenAll(addresses []string, port uint16) (listeners []net.Listener, err error) {
	defer func() {
		if err != nil {
			Close(listeners)
		}
	}()
	for _, address := range addresses {
		hosts, optional := []string{address}, false
		if address == Localhost {
			hosts, optional = []string{"127.0.0.1", "::1"}, true
		}
		var lacking error
		before := len(listeners)
		for _, host := range hosts {
			listener, err := listen(host, port)
			if err != nil && optional && isLacking(err) {
				lacking = err
				continue
			}
			if err != nil {
				return listeners, cannotListen(host, port, err)
			}
			listeners = append(listeners, listener)
			port = uint16(listener.Addr().(*net.TCPAddr).Port)
		}
		if len(listeners) == before {
			return listeners, cannotListen(address, port, lacking)
		}
	}
	return listeners, nil
}

func listen(host string, port uint16) (net.Listener, error) {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil, problem.Usage("invalid --address %q: it is not an IP address", host).Hint("give IP addresses, or %s", Localhost)
	}
	return net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, port)))
}

// isLacking tells that the machine does not have the address at all.
func isLacking(err error) bool {
	return isAnyOf(err, lacking())
}

func isAnyOf(err error, those []syscall.Errno) bool {
	return slices.ContainsFunc(those, func(e syscall.Errno) bool { return errors.Is(err, e) })
}

func cannotListen(host string, port uint16, err error) error {
	var usage *problem.Error
	if errors.As(err, &usage) {
		return err
	}
	address := net.JoinHostPort(host, strconv.Itoa(int(port)))
	var system *net.OpError
	if errors.As(err, &system) {
		err = system.Err
	}
	var call interface{ Unwrap() error }
	if errors.As(err, &call) && call.Unwrap() != nil {
		err = call.Unwrap()
	}
	failure := problem.New("cannot listen on %s: %w", address, err)
	switch {
	case isAnyOf(err, inUse()):
		return failure.Hint("another program listens there; take another local port, or 0 for one that is free")
	case isAnyOf(err, denied()):
		return failure.Hint("ports below 1024 may need privileges; take another local port, or 0 for one that is free")
	case isLacking(err):
		return failure.Hint("this machine has no such address; see --address")
	}
	return failure
}

// Close closes listeners.
func Close(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}
