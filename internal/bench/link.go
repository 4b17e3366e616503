package main

import (
	"net"
	"sync"
	"time"
)

// A link is one connection through the proxy, with the delays of a distance.
//
// What is modelled, with R the round-trip time:
//
//   - Each octet arrives R/2 after it was sent, in order; bandwidth has no limit,
//     and up to inFlight chunks a direction are under way.
//   - TCP set-up. The client's connect returns at once here, R after it began on
//     a real path; the server sees the connection after 1.5 R (SYN, SYN-ACK,
//     ACK). So the server is dialled 1.5 R after the client came. A greeting then
//     reaches the client after 2 R, and octets that the client sends before that,
//     a TLS hello or a burst, reach the server after 1.5 R, as they would had they
//     been sent after R. What a client computes between connect and its first
//     octets is taken to run beside the handshake.
//   - The end of a stream takes R/2 as well.
//   - Where rate is set, no more than that comes from the server in a second. What
//     the client does not read is not made up for.
//
// Loss, slow start and windows are not modelled.
type link struct {
	half  time.Duration // R/2
	rate  int           // octets a second to the client; 0: no limit
	begun time.Time     // when the client came

	mu   sync.Mutex
	seen traffic
	// heard says that octets of the server were delivered to the client since
	// the client last sent some.
	heard bool
}

// traffic is what went over one connection.
type traffic struct {
	sent, received int64 // octets from the client, and to it
	// turns counts how often the client spoke after it had been spoken to; its
	// first octets count too. A client that sends while an answer still arrives
	// makes turns as well, though it does not wait.
	turns int
}

// inFlight is how many chunks may be under way in one direction.
const inFlight = 512

// chunkSize is the most octets of a chunk.
const chunkSize = 64 << 10

var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// A chunk is what one read gave.
type chunk struct {
	data *[chunkSize]byte
	n    int
	due  time.Time
}

// carry passes octets both ways until both directions have ended, then closes
// both ends. dial opens the way to the server.
func (l *link) carry(client net.Conn, dial func() (net.Conn, error)) {
	up := make(chan chunk, inFlight)
	var all sync.WaitGroup
	all.Go(func() { l.read(client, up, l.fromClient) })
	defer all.Wait()
	defer client.Close()
	sleepUntil(l.begun.Add(3 * l.half))
	server, err := dial()
	if err != nil {
		client.Close()
		drop(up)
		return
	}
	defer server.Close()
	down := make(chan chunk, inFlight)
	all.Go(func() { l.read(server, down, nil) })
	var writers sync.WaitGroup
	writers.Go(func() { l.write(server, up, 0, nil) })
	writers.Go(func() { l.write(client, down, l.rate, l.toClient) })
	writers.Wait()
}

// read puts what arrives into the queue, with the time at which it is due.
func (l *link) read(from net.Conn, queue chan<- chunk, count func(n int)) {
	defer close(queue)
	for {
		c := chunk{data: chunks.Get().(*[chunkSize]byte)}
		n, err := from.Read(c.data[:])
		if n > 0 && count != nil {
			count(n)
		}
		c.n, c.due = n, time.Now().Add(l.half)
		queue <- c // the last one is empty: the end is delayed too
		if err != nil {
			return
		}
	}
}

// write delivers what is due, no faster than rate where that is not 0. After an error
// it only empties the queue, so that its reader ends.
func (l *link) write(to net.Conn, queue <-chan chunk, rate int, count func(n int)) {
	for c := range queue {
		sleepUntil(c.due)
		if rate > 0 {
			time.Sleep(time.Duration(c.n) * time.Second / time.Duration(rate))
		}
		if !deliver(to, c, count) {
			to.Close()
			drop(queue)
			return
		}
	}
	closeWrite(to)
}

// deliver writes one chunk and reports whether it could be written.
func deliver(to net.Conn, c chunk, count func(n int)) bool {
	defer chunks.Put(c.data)
	if c.n == 0 {
		return true
	}
	if count != nil {
		count(c.n)
	}
	_, err := to.Write(c.data[:c.n])
	return err == nil
}

// drop empties a queue.
func drop(queue <-chan chunk) {
	for c := range queue {
		chunks.Put(c.data)
	}
}

// closeWrite ends one direction where the connection can, else both.
func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
		return
	}
	c.Close()
}

func sleepUntil(t time.Time) {
	if d := time.Until(t); d > 0 {
		time.Sleep(d)
	}
}

// fromClient counts octets that the client sent.
func (l *link) fromClient(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen.sent == 0 || l.heard {
		l.seen.turns++
	}
	l.seen.sent += int64(n)
	l.heard = false
}

// toClient counts octets that are delivered to the client.
func (l *link) toClient(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen.received += int64(n)
	l.heard = true
}

func (l *link) traffic() traffic {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}
