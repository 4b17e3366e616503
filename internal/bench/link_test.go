package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const testRTT = 40 * time.Millisecond

// linkUnderTest is a link between two pipes, in a bubble.
type linkUnderTest struct {
	*link
	client, server net.Conn // the ends that the tool and Dovecot would hold
	dialled        time.Duration
	done           chan struct{}
}

func openLink(rtt time.Duration) *linkUnderTest { return openNarrowLink(rtt, 0) }

// openNarrowLink is openLink with a rate, 0 for no limit.
func openNarrowLink(rtt time.Duration, rate int) *linkUnderTest {
	client, inner := net.Pipe()
	server, outer := net.Pipe()
	u := &linkUnderTest{link: &link{half: rtt / 2, rate: rate, begun: time.Now()}, client: client, server: server, done: make(chan struct{})}
	go func() {
		defer close(u.done)
		u.carry(inner, func() (net.Conn, error) {
			u.dialled = time.Since(u.begun)
			return outer, nil
		})
	}()
	return u
}

func (u *linkUnderTest) close() {
	u.client.Close()
	u.server.Close()
	<-u.done
}

// expect reads want and says when, since the link began, the last octet came.
func (u *linkUnderTest) expect(t *testing.T, from net.Conn, want string) time.Duration {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(from, got); err != nil || string(got) != want {
		t.Fatalf("got %q, error %v; want %q", got, err, want)
	}
	return time.Since(u.begun)
}

func say(t *testing.T, to net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(to, text); err != nil {
		t.Fatal(err)
	}
}

func wantTime(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v after the beginning, want %v", what, got, want)
	}
}

func TestGreetingTakesTwoRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := openLink(testRTT)
		defer u.close()
		go io.WriteString(u.server, "* OK\r\n")
		wantTime(t, "greeting", u.expect(t, u.client, "* OK\r\n"), 2*testRTT)
		wantTime(t, "connection", u.dialled, testRTT*3/2)
	})
}

func TestEarlyOctetsComeWithTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := openLink(testRTT)
		defer u.close()
		say(t, u.client, "hello")
		wantTime(t, "burst", u.expect(t, u.server, "hello"), testRTT*3/2)
		say(t, u.server, "world")
		wantTime(t, "answer", u.expect(t, u.client, "world"), 2*testRTT)
		if got := u.traffic().turns; got != 1 {
			t.Errorf("a client that speaks first: got %d turns, want 1", got)
		}
	})
}

// A stream is delayed once, not once a chunk, and keeps its order.
func TestStreamIsDelayedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := openLink(testRTT)
		defer u.close()
		time.Sleep(time.Second)
		mail := bytes.Repeat([]byte("0123456789abcdef"), 3*chunkSize/16)
		go u.server.Write(mail)
		wantTime(t, "end of the stream", u.expect(t, u.client, string(mail)), time.Second+testRTT/2)
		if got := u.traffic(); got.received != int64(len(mail)) || got.sent != 0 || got.turns != 0 {
			t.Errorf("got %+v, want %d received and nothing else", got, len(mail))
		}
	})
}

func TestTurnsAndOctets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := openLink(testRTT)
		defer u.close()
		want := func(turns int, sent, received int64) {
			t.Helper()
			synctest.Wait()
			if got := u.traffic(); got != (traffic{sent, received, turns}) {
				t.Errorf("got %+v, want %+v", got, traffic{sent, received, turns})
			}
		}
		go io.WriteString(u.server, "* OK\r\n")
		u.expect(t, u.client, "* OK\r\n")
		want(0, 0, 6)
		say(t, u.client, "a LOGIN")
		want(1, 7, 6)
		say(t, u.client, " x y\r\n") // the same turn: nothing came between
		want(1, 13, 6)
		u.expect(t, u.server, "a LOGIN x y\r\n")
		say(t, u.server, "a OK\r\n")
		synctest.Wait()
		say(t, u.client, "b NOOP\r\n") // the answer is on its way, and not heard
		want(1, 21, 6)
		u.expect(t, u.client, "a OK\r\n")
		say(t, u.client, "c NOOP\r\n")
		want(2, 29, 12)
		u.expect(t, u.server, "b NOOP\r\nc NOOP\r\n")
	})
}

// What was sent before an end still arrives, and the end as late.
func TestEndIsDelayedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := openLink(testRTT)
		defer u.close()
		time.Sleep(time.Second)
		say(t, u.server, "* BYE\r\n")
		u.server.Close()
		u.expect(t, u.client, "* BYE\r\n")
		if _, err := u.client.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("got error %v, want the end", err)
		}
		wantTime(t, "end", time.Since(u.begun), time.Second+testRTT/2)
	})
}

// A connection to a server that is not there ends, however much the client sent,
// and so do its goroutines: the bubble would not end else.
func TestServerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, inner := net.Pipe()
		l := &link{half: testRTT / 2, begun: time.Now()}
		go func() {
			for range 2 * inFlight {
				client.Write([]byte("x"))
			}
		}()
		l.carry(inner, func() (net.Conn, error) { return nil, errors.New("away") })
		if _, err := client.Read(make([]byte, 1)); err == nil {
			t.Error("the client's end is still open")
		}
	})
}

// With many small writes under way the queue is full at some time; all of it
// arrives all the same.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := openLink(testRTT)
		defer u.close()
		count := 3 * inFlight
		go func() {
			for range count {
				u.server.Write([]byte("x"))
			}
		}()
		u.expect(t, u.client, string(bytes.Repeat([]byte("x"), count)))
	})
}

// TestRate: no more than the rate comes from the server, and what the client does not
// read meanwhile is not made up for.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := openNarrowLink(0, 1_000)
		defer u.close()
		text := strings.Repeat("x", 500)
		go func() {
			for range 3 {
				io.WriteString(u.server, text)
			}
		}()
		wantTime(t, "first", u.expect(t, u.client, text), 500*time.Millisecond)
		time.Sleep(5 * time.Second)
		wantTime(t, "second, which waited", u.expect(t, u.client, text), 5500*time.Millisecond)
		wantTime(t, "third", u.expect(t, u.client, text), 6*time.Second)
	})
}
