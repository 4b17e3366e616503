package servers_test

import (
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailtwin/internal/servers"
)

func TestDovecotStartsAndStops(t *testing.T) {
	t.Parallel()
	var d *servers.Dovecot
	t.Run("running", func(t *testing.T) {
		d = servers.Need(t, servers.Options{})
		for _, address := range addresses(d) {
			conn, err := net.DialTimeout("tcp", address, time.Second)
			if err != nil {
				t.Fatalf("while running: %v", err)
			}
			conn.Close()
		}
		if version, err := d.Version(t.Context()); err != nil || !strings.HasPrefix(version, "2.") {
			t.Errorf("version: got %q, error %v; want 2 and more", version, err)
		}
	})
	if d == nil {
		t.Skip("no server to stop")
	}
	for _, address := range addresses(d) {
		if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			conn.Close()
			t.Errorf("%s still answers after Stop", address)
		}
	}
}

func addresses(d *servers.Dovecot) []string {
	return []string{net.JoinHostPort(d.Host, strconv.Itoa(d.Port)), net.JoinHostPort(d.Host, strconv.Itoa(d.TLSPort))}
}
