package main

import (
	"net"
	"slices"
	"sync"
	"time"
)

// A proxy stands between a tool and the server, adds a distance and counts what
// passes. TLS passes through it as it is. It may be used by several goroutines.
type proxy struct {
	port     int
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu    sync.Mutex
	rtt   time.Duration
	rate  int
	links []*link
	open  map[net.Conn]struct{}
}

// newProxy listens on a free port of the loopback address, before target.
func newProxy(target string) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{port: listener.Addr().(*net.TCPAddr).Port, listener: listener, target: target, open: map[net.Conn]struct{}{}}
	p.running.Go(p.accept)
	return p, nil
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		l := &link{half: p.rtt / 2, rate: p.rate, begun: time.Now()}
		p.links = append(p.links, l)
		p.open[client] = struct{}{}
		p.mu.Unlock()
		p.running.Go(func() {
			l.carry(client, p.dial)
			p.mu.Lock()
			delete(p.open, client)
			p.mu.Unlock()
		})
	}
}

func (p *proxy) dial() (net.Conn, error) { return net.Dial("tcp", p.target) }

// reset sets the round-trip time of later connections and how many octets a second
// the server sends over each, 0 for no limit, and forgets the counts.
func (p *proxy) reset(rtt time.Duration, rate int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rtt, p.rate, p.links = rtt, rate, nil
}

// counts waits, ten seconds at most, until no connection is open, and returns
// what went over each since reset, in the order in which they were made.
func (p *proxy) counts() []traffic {
	for deadline := time.Now().Add(10 * time.Second); p.busy() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	p.mu.Lock()
	links := slices.Clone(p.links)
	p.mu.Unlock()
	var list []traffic
	for _, l := range links {
		list = append(list, l.traffic())
	}
	return list
}

func (p *proxy) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open) > 0
}

// close ends all connections and waits for them.
func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	for client := range p.open {
		client.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}
