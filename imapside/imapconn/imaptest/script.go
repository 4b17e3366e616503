// Package imaptest plays IMAP servers from a script, octet by octet, for the
// tests of the wire and of what stands on it. It is imported by tests only.
//
//	nc := imaptest.Pipe(t, imaptest.Script{Steps: []imaptest.Step{
//		imaptest.Send("* OK ready\r\n"),
//		imaptest.Expect("NOOP"),
//		imaptest.Send("* 3 EXISTS\r\n$tag OK done\r\n"),
//		imaptest.Stall(),
//	}})
//
// A script runs on its own goroutine. Where the client does something else than
// the script says, or ends before it, the test fails with the step's number;
// Script.Lenient turns that off. Everything ends with the test.
package imaptest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Script is what a server does on one connection.
type Script struct {
	Steps []Step
	// Lenient lets the client end the connection at any step, and send what it
	// likes where the script has ended.
	Lenient bool

	cut   bool
	after int
	reset bool
}

// CutAfter returns the script with the connection cut after n octets sent,
// whatever step that is: by FIN, or by RST where reset is set (TCP only). What
// the client does then is not looked at.
func (s Script) CutAfter(n int, reset bool) Script {
	s.cut, s.after, s.reset, s.Lenient = true, n, reset, true
	return s
}

// Step is one thing a server does.
type Step func(*session) error

// session is one connection being played.
type session struct {
	script Script
	nc     net.Conn
	rd     *bufio.Reader
	sent   int
	tags   []string
	stop   <-chan struct{} // closed when the test ends
}

var errCut = errors.New("cut")

// Send sends text. "$tag" becomes the newest tag seen by Expect, "$1" the first
// one, "$2" the second and so on.
func Send(text string) Step {
	return func(s *session) error { return s.send([]byte(s.expand(text))) }
}

// SendOctets sends octets as they are.
func SendOctets(octets []byte) Step {
	return func(s *session) error { return s.send(octets) }
}

func (s *session) send(octets []byte) error {
	cut := s.script.cut && s.sent+len(octets) >= s.script.after
	if cut {
		octets = octets[:max(0, s.script.after-s.sent)]
	}
	n, err := s.nc.Write(octets)
	s.sent += n
	if cut {
		return errCut
	}
	return err
}

func (s *session) expand(text string) string {
	if len(s.tags) == 0 {
		return text
	}
	text = strings.ReplaceAll(text, "$tag", s.tags[len(s.tags)-1])
	for i := len(s.tags); i > 0; i-- {
		text = strings.ReplaceAll(text, "$"+strconv.Itoa(i)+" ", s.tags[i-1]+" ")
		text = strings.ReplaceAll(text, `"$`+strconv.Itoa(i)+`"`, `"`+s.tags[i-1]+`"`)
	}
	return text
}

// Expect reads one line and wants it to be a tag, a blank and command. The tag
// is remembered for Send. A line that ends in a literal's announcement is one
// line: the literal follows with ExpectOctets, and the rest with ExpectLine.
func Expect(command string) Step {
	return func(s *session) error {
		line, err := s.line()
		if err != nil {
			return fmt.Errorf("%w, want %q", err, command)
		}
		tag, rest, _ := strings.Cut(line, " ")
		if rest != command {
			return fmt.Errorf("got command %q, want %q", line, command)
		}
		s.tags = append(s.tags, tag)
		return nil
	}
}

// ExpectLine reads one line without a tag.
func ExpectLine(want string) Step {
	return func(s *session) error {
		line, err := s.line()
		if err != nil {
			return fmt.Errorf("%w, want %q", err, want)
		}
		if line != want {
			return fmt.Errorf("got line %q, want %q", line, want)
		}
		return nil
	}
}

// ExpectOctets reads as many octets as want has and compares them.
func ExpectOctets(want string) Step {
	return func(s *session) error {
		got := make([]byte, len(want))
		if n, err := io.ReadFull(s.rd, got); err != nil {
			return fmt.Errorf("got %d octets %q, want %q: %w", n, got[:n], want, err)
		}
		if string(got) != want {
			return fmt.Errorf("got octets %q, want %q", got, want)
		}
		return nil
	}
}

// ExpectOneWrite wants these commands, and nothing else, from a single Read of
// the connection. It proves a burst where a Read gives what one Write sent: on a
// Pipe.
func ExpectOneWrite(commands ...string) Step {
	return func(s *session) error {
		buf := make([]byte, 1<<20)
		n, err := s.rd.Read(buf)
		if err != nil {
			return err
		}
		lines := strings.SplitAfter(string(buf[:n]), "\r\n")
		var got []string
		for _, line := range lines[:len(lines)-1] {
			tag, rest, _ := strings.Cut(strings.TrimSuffix(line, "\r\n"), " ")
			s.tags = append(s.tags, tag)
			got = append(got, rest)
		}
		if fmt.Sprint(got) != fmt.Sprint(commands) || lines[len(lines)-1] != "" {
			return fmt.Errorf("got in one write %q, want %q", buf[:n], commands)
		}
		return nil
	}
}

// ExpectEnd wants the client to close the connection now.
func ExpectEnd() Step {
	return func(s *session) error {
		b, err := s.rd.ReadByte()
		if err == nil {
			return fmt.Errorf("got octet %q, want the end", b)
		}
		return nil
	}
}

func (s *session) line() (string, error) {
	line, err := s.rd.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("got %q and %w", line, err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// Stall does nothing until the test ends or the client closes the connection,
// reading what comes.
func Stall() Step {
	return func(s *session) error {
		io.Copy(io.Discard, s.rd)
		return nil
	}
}

// Await waits for ch to be closed, reading nothing meanwhile.
func Await(ch <-chan struct{}) Step {
	return func(s *session) error {
		select {
		case <-ch:
		case <-s.stop:
		}
		return nil
	}
}

// Signal closes ch.
func Signal(ch chan<- struct{}) Step {
	return func(*session) error {
		close(ch)
		return nil
	}
}

// Close cuts the connection with FIN.
func Close() Step {
	return func(s *session) error { return errCut }
}

// Reset cuts the connection with RST (on a Pipe like Close).
func Reset() Step {
	return func(s *session) error {
		s.script.reset = true
		return errCut
	}
}

// StartTLS makes the server's side of the handshake.
func StartTLS(cert tls.Certificate) Step {
	return func(s *session) error {
		t := tls.Server(s.nc, &tls.Config{Certificates: []tls.Certificate{cert}})
		s.nc, s.rd = t, bufio.NewReader(t)
		return t.Handshake()
	}
}

// run plays the script to its end, or to the first step that fails.
func (s *session) run() error {
	defer s.close()
	for i, step := range s.script.Steps {
		switch err := step(s); {
		case errors.Is(err, errCut):
			return nil
		case err != nil && s.script.Lenient:
			return nil
		case err != nil:
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	if s.script.Lenient {
		io.Copy(io.Discard, s.rd)
	}
	return nil
}

func (s *session) close() {
	if tc, ok := s.nc.(*net.TCPConn); ok && s.script.reset {
		tc.SetLinger(0)
	}
	s.nc.Close()
}

// play runs a script over nc until the test ends, and reports what went wrong.
func play(t testing.TB, nc net.Conn, script Script) (ended <-chan struct{}) {
	stop, done := make(chan struct{}), make(chan struct{})
	s := &session{script: script, nc: nc, rd: bufio.NewReaderSize(nc, 1<<20), stop: stop}
	go func() {
		defer close(done)
		if err := s.run(); err != nil {
			t.Errorf("scripted server: %v", err)
		}
	}()
	var once sync.Once
	t.Cleanup(func() {
		once.Do(func() { close(stop) })
		nc.Close()
		<-done
	})
	return done
}

// Pipe plays script on the other end of a net.Pipe.
func Pipe(t testing.TB, script Script) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	play(t, server, script)
	t.Cleanup(func() { client.Close() })
	return client
}

// Record reads what comes into w until the client closes the connection.
func Record(w io.Writer) Step {
	return func(s *session) error {
		io.Copy(w, s.rd)
		return nil
	}
}

// Do calls f: a pause on a test's own clock, mostly.
func Do(f func()) Step {
	return func(*session) error {
		f()
		return nil
	}
}
