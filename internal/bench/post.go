package main

import (
	"context"
	"fmt"
	"os"

	"mailtwin/internal/servers"
)

// A post is a server with the proxies before it. It is used by one goroutine.
type post struct {
	server *servers.Dovecot
	// clear and tls stand before the server's two ports.
	clear, tls *proxy
}

// start starts a server that keeps its mail in dir, and its proxies.
func (p *post) start(ctx context.Context, dir string) (err error) {
	if p.server, err = startServer(ctx, dir); err != nil {
		return err
	}
	if p.clear, err = newProxy(fmt.Sprintf("127.0.0.1:%d", p.server.Port)); err != nil {
		return err
	}
	p.tls, err = newProxy(fmt.Sprintf("127.0.0.1:%d", p.server.TLSPort))
	return err
}

// startServer starts a Dovecot that keeps its mail in dir: it makes a directory
// where temporary files go.
func startServer(ctx context.Context, dir string) (*servers.Dovecot, error) {
	before, had := os.LookupEnv("TMPDIR")
	if err := os.Setenv("TMPDIR", dir); err != nil {
		return nil, err
	}
	defer func() {
		if had {
			os.Setenv("TMPDIR", before)
		} else {
			os.Unsetenv("TMPDIR")
		}
	}()
	return servers.StartDovecot(ctx, servers.Options{})
}

// close ends what was started.
func (p *post) close() {
	for _, proxy := range []*proxy{p.clear, p.tls} {
		if proxy != nil {
			proxy.close()
		}
	}
	if p.server != nil {
		p.server.Stop()
	}
}

// proxy is the one for a kind of connection.
func (p *post) proxy(tls bool) *proxy {
	if tls {
		return p.tls
	}
	return p.clear
}
