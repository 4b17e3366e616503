package servers

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// TestSomebodyElsesPort has another server on the port that was free a moment
// ago: it must not be taken for ours, which could not start.
func TestSomebodyElsesPort(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	go func() {
		for {
			conn, err := other.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, "* OK mtdc1 ready.\r\n")
			conn.Close()
		}
	}()
	port := other.Addr().(*net.TCPAddr).Port
	ours := &Dovecot{Host: "127.0.0.1", Port: port, dir: "mtdc2", end: make(chan struct{})}
	if err := ours.waitReady(t.Context()); err == nil || !strings.Contains(err.Error(), "somebody else has its port") {
		t.Errorf("on another's port: got error %v, want it told", err)
	}
	same := &Dovecot{Host: "127.0.0.1", Port: port, dir: "mtdc1", end: make(chan struct{})}
	if err := same.waitReady(t.Context()); err != nil {
		t.Errorf("on our own port: got error %v", err)
	}
}
