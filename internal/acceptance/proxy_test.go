package acceptance

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// proxy stands before a server without TLS, and cuts or stalls.
type proxy struct {
	port   int
	target string

	mu      sync.Mutex
	at      cutAt
	stall   int64         // octets from the server after which nothing passes
	stalled chan struct{} // closed when it stalls
	resume  chan struct{} // closed when it is to go on
	once    *sync.Once
	up      int64 // octets seen since the last reset
	down    int64
}

// cutAt says where connections are cut. The zero value is never.
type cutAt struct {
	up, down int64  // octets from the client, or from the server, that still pass; 0 is all
	reset    bool   // RST instead of FIN
	then     func() // called, once, when it happens
}

func newProxy(t testing.TB, port int) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{port: listener.Addr().(*net.TCPAddr).Port, target: fmt.Sprintf("127.0.0.1:%d", port),
		stalled: make(chan struct{}), resume: make(chan struct{}), once: &sync.Once{}}
	var connections sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		p.goOn()
		connections.Wait()
	})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			go func() {
				defer connections.Done()
				p.serve(client)
			}()
		}
	}()
	return p
}

// set says where the next connections are cut; counting starts again.
func (p *proxy) set(at cutAt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.up, p.down = at, 0, 0
}

// seen returns the octets that passed since set.
func (p *proxy) seen() (up, down int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.up, p.down
}

// stallAfter keeps back what the server sends after some octets, until goOn.
func (p *proxy) stallAfter(octets int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stall, p.stalled, p.resume, p.once = octets, make(chan struct{}), make(chan struct{}), &sync.Once{}
}

func (p *proxy) goOn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stall != 0 {
		close(p.resume)
		p.stall = 0
	}
}

func (p *proxy) waitStalled() {
	p.mu.Lock()
	stalled := p.stalled
	p.mu.Unlock()
	<-stalled
}

func (p *proxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		client.Close()
		return
	}
	var both sync.WaitGroup
	both.Add(2)
	closeBoth := func() { client.Close(); server.Close() }
	go func() {
		defer both.Done()
		defer closeBoth()
		p.pass(server, client, true)
	}()
	go func() {
		defer both.Done()
		defer closeBoth()
		p.pass(client, server, false)
	}()
	both.Wait()
}

// pass copies until the end, or until the octet at which to cut.
func (p *proxy) pass(to io.Writer, from io.Reader, up bool) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		allowed, cut, wait := p.account(int64(n), up)
		if wait != nil {
			<-wait
		}
		_, werr := to.Write(buffer[:allowed])
		if cut {
			p.cut(to, from)
		}
		if werr != nil || cut || err != nil {
			return
		}
	}
}

// cut does what is to happen at a cut.
func (p *proxy) cut(ends ...any) {
	p.mu.Lock()
	reset, then := p.at.reset, p.at.then
	p.at.then = nil
	p.mu.Unlock()
	if then != nil {
		then()
	}
	for _, end := range ends {
		if reset {
			end.(*net.TCPConn).SetLinger(0)
		}
	}
}

// account counts n octets and returns how many of them may pass, and what to
// wait for.
func (p *proxy) account(n int64, up bool) (allowed int64, cut bool, wait chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	count, limit := &p.down, p.at.down
	if up {
		count, limit = &p.up, p.at.up
	}
	left := limit - *count
	*count += n
	if !up && p.stall > 0 && *count > p.stall {
		p.once.Do(func() { close(p.stalled) })
		return n, false, p.resume
	}
	if limit > 0 && n >= left {
		return max(0, left), true, nil
	}
	return n, false, nil
}
