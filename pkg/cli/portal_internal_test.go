package cli

import (
	"net"
	"testing"
)

// address is a listener at an address.
type address struct {
	net.Listener
	at *net.TCPAddr
}

func (a address) Addr() net.Addr { return a.at }

func TestPortalURL(t *testing.T) {
	for at, want := range map[string]string{
		"127.0.0.1:8080": "https://127.0.0.1:8080/p",
		"[::1]:8080":     "https://[::1]:8080/p",
		"0.0.0.0:8080":   "https://localhost:8080/p",
		"[::]:8080":      "https://localhost:8080/p",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		if got := portalURL(listening{number: 80, listeners: []net.Listener{address{at: tcp}}}, "https", "/p"); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}
