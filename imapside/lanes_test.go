package imapside_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside"
	"mailtwin/internal/proof"
	"mailtwin/mirror"
)

// A slowServer has two mailboxes, Box and Other, with the same messages, and sends so many octets a second over each
// connection. It runs in a synctest bubble.
type slowServer struct {
	t        *testing.T
	messages int
	size     int // of each message
	rate     int
	slower   int  // later connections are so many times slower; 0: they are not
	shared   bool // the rate is that of all connections together
	mixed    bool // it answers two FETCHes at once (Dovecot does)
	// answer, where it says so, answers a command of the n-th connection (from 1) in
	// its own way.
	answer func(n int, command string) (lines string, ok bool)
	// cut closes the n-th connection behind so many octets; 0: never.
	cut func(n int) int

	mu      sync.Mutex
	made    int
	fetched [8]int // messages, by connection
	busy    chan struct{}
}

const slowChunk = 4 << 10

func (s *slowServer) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	s.mu.Lock()
	s.made++
	n := s.made
	s.mu.Unlock()
	out := make(chan []byte, 32) // what the system holds of a connection: 128 KiB
	go func() {
		defer server.Close()
		left := -1
		if s.cut != nil && s.cut(n) > 0 {
			left = s.cut(n)
		}
		for chunk := range out {
			if left >= 0 && len(chunk) > left {
				server.Write(chunk[:left])
				return
			}
			if _, err := server.Write(chunk); err != nil {
				return
			}
			if left >= 0 {
				left -= len(chunk)
			}
		}
	}()
	go s.serve(n, server, out)
	return client, nil
}

func (s *slowServer) serve(n int, nc net.Conn, out chan<- []byte) {
	gone := make(chan struct{})
	lines := make(chan string, 1000)
	go func() {
		defer close(gone)
		defer close(lines)
		in := bufio.NewScanner(nc)
		for in.Scan() {
			lines <- in.Text()
		}
	}()
	defer close(out)
	pace := max(1, s.slower*min(1, n-1))
	send := func(text string) {
		for len(text) > 0 {
			select {
			case <-gone:
				return
			default:
			}
			chunk := text[:min(len(text), slowChunk)]
			text = text[len(chunk):]
			if s.shared {
				s.busy <- struct{}{}
			}
			time.Sleep(time.Duration(len(chunk)*pace) * time.Second / time.Duration(s.rate))
			if s.shared {
				<-s.busy
			}
			select {
			case out <- []byte(chunk):
			case <-gone:
				return
			}
		}
	}
	greeting := "* OK [CAPABILITY IMAP4rev1] ready\r\n"
	if s.answer != nil {
		if text, ok := s.answer(n, ""); ok {
			send(text)
			return
		}
	}
	send(greeting)
	for tag, command := range s.commands(lines) {
		if s.answer != nil {
			if text, ok := s.answer(n, command); ok {
				send(strings.ReplaceAll(text, "$tag", tag))
				continue
			}
		}
		switch {
		case strings.HasPrefix(command, "LOGIN"):
			send(tag + " OK [CAPABILITY IMAP4rev1] in\r\n")
		case strings.HasPrefix(command, "LIST"):
			send("* LIST (\\Noselect) \"/\" \"\"\r\n" + tag + " OK done\r\n")
		case strings.HasPrefix(command, "SELECT"), strings.HasPrefix(command, "EXAMINE"):
			send(fmt.Sprintf("* %d EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT %d] ok\r\n%s OK ok\r\n", s.messages, s.messages+1, tag))
		case strings.HasPrefix(command, "UID FETCH"):
			uids, end := uidsOf(s.t, strings.Fields(command)[2]), tag+" OK ok\r\n"
			for _, uid := range uids {
				send(s.reply(uid))
				s.mu.Lock()
				s.fetched[n]++
				s.mu.Unlock()
			}
			send(end)
		case command == "NOOP":
			send(tag + " OK ok\r\n")
		case command == "LOGOUT":
			send("* BYE bye\r\n" + tag + " OK bye\r\n")
			return
		default:
			s.t.Errorf("connection %d: unexpected %q", n, command)
		}
	}
}

// commands yields tags and commands; where the server mixes, two FETCHes that are there
// as one, which answers the last message of the first behind those of the second.
func (s *slowServer) commands(lines <-chan string) iter.Seq2[string, string] {
	return func(yield func(tag, command string) bool) {
		var held []string
		for line := range lines {
			tag, command, _ := strings.Cut(line, " ")
			fetch := strings.Fields(command)
			if !s.mixed || len(fetch) < 3 || fetch[1] != "FETCH" {
				fetch = nil
			}
			switch {
			case held != nil && fetch != nil:
				first := uidsOf(s.t, held[2])
				var set []string
				for _, uid := range slices.Concat(first[:len(first)-1], uidsOf(s.t, fetch[2]), first[len(first)-1:]) {
					set = append(set, fmt.Sprint(uid))
				}
				tag, command = tag+" OK ok\r\n"+held[3], "UID FETCH "+strings.Join(set, ",")
			case held != nil && !yield(held[3], strings.Join(held[:3], " ")):
				return
			case fetch != nil && len(lines) > 0:
				held = append(fetch[:3:3], tag)
				continue
			}
			if held = nil; !yield(tag, command) {
				return
			}
		}
	}
}

func (s *slowServer) reply(uid imap.UID) string {
	return fmt.Sprintf("* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n", uid, uid, s.size, s.text(uid))
}

// text is the message that has a UID.
func (s *slowServer) text(uid imap.UID) string {
	word := fmt.Sprintf("message %d ", uid)
	return strings.Repeat(word, s.size/len(word)+1)[:s.size]
}

// uidsOf expands a set.
func uidsOf(t *testing.T, set string) (uids []imap.UID) {
	t.Helper()
	for _, part := range strings.Split(set, ",") {
		from, to, ranged := strings.Cut(part, ":")
		if !ranged {
			to = from
		}
		first, err := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if err != nil || err2 != nil {
			t.Errorf("set %q", set)
		}
		for uid := first; uid <= last; uid++ {
			uids = append(uids, imap.UID(uid))
		}
	}
	return uids
}

// count returns how many connections were made, and how many bodies the later ones
// gave.
func (s *slowServer) count() (made, besides int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.fetched[2:] {
		besides += n
	}
	return s.made, besides
}

// wantNoneTwice: no body was asked for a second time.
func (s *slowServer) wantNoneTwice(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	all := 0
	for _, n := range s.fetched {
		all += n
	}
	if all != s.messages {
		t.Errorf("the server sent %d bodies of %d messages", all, s.messages)
	}
}

// visit signs in and opens both mailboxes; connections are counted anew.
func (s *slowServer) visit(t *testing.T, memory string) (*imapside.Repository, [2]mirror.Mailbox) {
	t.Helper()
	s.mu.Lock()
	s.made, s.fetched, s.busy = 0, [8]int{}, make(chan struct{}, 1)
	s.mu.Unlock()
	r := imapside.New(imapside.Options{Host: "imap.example.org", TLS: imapside.Clear, User: testUser, Password: password(testPassword), Dial: s.dial})
	t.Cleanup(func() {
		r.Close()
		time.Sleep(time.Second) // the server notices
	})
	if _, err := r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite, Memory: memory}); err != nil {
		t.Fatal(err)
	}
	inBox := open(t, r, mirror.Checkpoint{})
	inOther, err := r.Open(t.Context(), other, mirror.ReadWrite, mirror.Checkpoint{})
	if err != nil {
		t.Fatal(err)
	}
	return r, [2]mirror.Mailbox{inBox, inOther}
}

// fetchAll announces all messages in batches, of one mailbox and the other in turn, and
// fetches them. It returns what came, in order, and fails the test for a body that is
// not the message's.
func (s *slowServer) fetchAll(ctx context.Context, t *testing.T, r *imapside.Repository, m [2]mirror.Mailbox, batch int) (came []imap.UID, err error) {
	t.Helper()
	var calls []mirror.Expected
	for first := 1; first <= s.messages; first += batch {
		e := mirror.Expected{Name: []mirror.Name{box, other}[len(calls)%2]}
		for uid := first; uid < min(first+batch, s.messages+1); uid++ {
			e.Fetch = append(e.Fetch, mirror.Message{Ref: mirror.Ref{UID: imap.UID(uid)}, Size: int64(s.size)})
		}
		calls = append(calls, e)
	}
	r.Expect(ctx, calls)
	for i, call := range calls {
		var list []mirror.Ref
		for _, message := range call.Fetch {
			list = append(list, message.Ref)
		}
		err := m[i%2].Fetch(ctx, list, func(b mirror.Body) error {
			var text bytes.Buffer
			if _, err := io.Copy(&text, b.Reader); err != nil {
				return err
			}
			if text.String() != s.text(b.UID) {
				t.Errorf("message %d is not what the server has", b.UID)
			}
			came = append(came, b.UID)
			return nil
		})
		if err != nil {
			return came, err
		}
	}
	return came, nil
}

// inOrder is what fetchAll returns where nothing is missing, doubled or in disorder.
func (s *slowServer) inOrder() (all []imap.UID) {
	for uid := 1; uid <= s.messages; uid++ {
		all = append(all, imap.UID(uid))
	}
	return all
}

func wantAll(t *testing.T, s *slowServer, came []imap.UID, err error) {
	t.Helper()
	if want := s.inOrder(); err != nil || !slices.Equal(came, want) {
		t.Errorf("got %d bodies, %v; want %d in order\n%v", len(came), err, len(want), came)
	}
}

// TestLanesFaster: a server that gives each connection 2 MB/s is read over several,
// in order, and the next run does not have to be told.
func TestLanesFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowServer{t: t, messages: 2000, size: 30 << 10, rate: 2 << 20}
		r, m := s.visit(t, "")
		start := time.Now()
		came, err := s.fetchAll(t.Context(), t, r, m, 500)
		wantAll(t, s, came, err)
		alone := time.Duration(s.messages*s.size) * time.Second / time.Duration(s.rate)
		if took := time.Since(start); took > alone*6/10 {
			t.Errorf("took %v, alone it takes %v", took, alone)
		}
		if made, besides := s.count(); made < 3 || besides < s.messages/3 {
			t.Errorf("%d connections were made, and %d of %d bodies came over later ones", made, besides, s.messages)
		}
		s.wantNoneTwice(t)
		if strings.Contains(r.Memory(), "single") {
			t.Errorf("memory %s", r.Memory())
		}
	})
}

// TestLanesUneven: bodies that come early over a fast connection wait for those of a
// slow one, and are not asked for again.
func TestLanesUneven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowServer{t: t, messages: 2000, size: 30 << 10, rate: 2 << 20, slower: 2}
		r, m := s.visit(t, "")
		came, err := s.fetchAll(t.Context(), t, r, m, 250)
		wantAll(t, s, came, err)
		s.wantNoneTwice(t)
		if _, besides := s.count(); besides == 0 {
			t.Error("no body came over a later connection")
		}
	})
}

// TestLanesOfNoUse: where all connections together are not faster, one more is tried,
// closed, and no other one made.
func TestLanesOfNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowServer{t: t, messages: 2000, size: 30 << 10, rate: 2 << 20, shared: true}
		r, m := s.visit(t, "")
		came, err := s.fetchAll(t.Context(), t, r, m, 500)
		wantAll(t, s, came, err)
		made, besides := s.count()
		if made != 2 || besides > s.messages/2 {
			t.Errorf("%d connections were made, and %d of %d bodies came over the second", made, besides, s.messages)
		}
	})
}

// TestFastServerAlone: what comes in less time than a trial takes is asked for over one
// connection.
func TestFastServerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowServer{t: t, messages: 500, size: 30 << 10, rate: 100 << 20}
		r, m := s.visit(t, "")
		came, err := s.fetchAll(t.Context(), t, r, m, 500)
		wantAll(t, s, came, err)
		if made, _ := s.count(); made != 1 {
			t.Errorf("%d connections were made", made)
		}
	})
}

// TestLaneFaults: whatever goes wrong on another connection, everything comes, and
// once, over the first one.
func TestLaneFaults(t *testing.T) {
	later := func(prefix, answer string) func(int, string) (string, bool) {
		return func(n int, command string) (string, bool) {
			return answer, n > 1 && (command == prefix || prefix != "" && strings.HasPrefix(command, prefix))
		}
	}
	for name, c := range map[string]struct {
		answer func(int, string) (string, bool)
		cut    int
		single bool // the server wants one connection only
	}{
		"turned away at the door":     {answer: later("", "* BYE Too many simultaneous connections\r\n"), single: true},
		"turned away at the sign-in":  {answer: later("LOGIN", "$tag NO [LIMIT] Maximum number of connections from user+IP exceeded\r\n"), single: true},
		"EXAMINE refused":             {answer: later("EXAMINE", "$tag NO not now\r\n"), single: true},
		"another mailbox by the name": {answer: another, single: true},
		"FETCH refused":               {answer: later("UID FETCH", "$tag NO not this one\r\n")},
		"too much is fetched":         {answer: later("UID FETCH", "$tag NO Request is throttled\r\n"), single: true},
		"a view that is stale":        {answer: later("UID FETCH", "$tag OK there is none\r\n")},
		"closed after the sign-in":    {cut: 100, single: true},
		"nonsense":                    {answer: later("UID FETCH", "* 1 FETCH (UID 4 BODY[] {oops\r\n"), single: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &slowServer{t: t, messages: 1500, size: 30 << 10, rate: 2 << 20, answer: c.answer}
				s.cut = func(n int) int { return c.cut * min(1, n-1) }
				r, m := s.visit(t, "")
				came, err := s.fetchAll(t.Context(), t, r, m, 500)
				slices.Sort(came)
				wantAll(t, s, came, err)
				made, _ := s.count()
				if made < 2 {
					t.Error("no other connection was made")
				}
				memory := r.Memory()
				if got := strings.Contains(memory, "single"); got != c.single {
					t.Errorf("memory %s, want single %t", memory, c.single)
				}
				if c.single {
					wantOneConnection(t, s, memory)
				}
			})
		})
	}
}

// another answers later connections for a mailbox of the same name that is another one.
func another(n int, command string) (string, bool) {
	words := strings.Fields(command)
	switch {
	case n == 1 || len(words) < 2:
	case words[0] == "EXAMINE":
		return "* 3 EXISTS\r\n* OK [UIDVALIDITY 8] ok\r\n* OK [UIDNEXT 9] ok\r\n$tag OK ok\r\n", true
	case words[1] == "FETCH":
		first, _, _ := strings.Cut(words[2], ":")
		return "* 1 FETCH (UID " + first + " BODY[] {5}\r\nother)\r\n$tag OK ok\r\n", true
	}
	return "", false
}

// wantOneConnection visits a server again, with a memory of having been turned away,
// and once more when a day has passed.
func wantOneConnection(t *testing.T, s *slowServer, memory string) {
	t.Helper()
	for _, c := range []struct {
		wait time.Duration
		more bool
	}{{time.Hour, false}, {24 * time.Hour, true}} {
		time.Sleep(c.wait)
		r, m := s.visit(t, memory)
		came, err := s.fetchAll(t.Context(), t, r, m, 500)
		slices.Sort(came)
		wantAll(t, s, came, err)
		if made, _ := s.count(); (made > 1) != c.more {
			t.Errorf("after %v %d connections were made", c.wait, made)
		}
	}
}

// TestLaneCut: a connection that is lost in the middle of a body ends the Fetch as a
// lost connection, and what came before it is whole.
func TestLaneCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowServer{t: t, messages: 1500, size: 30 << 10, rate: 2 << 20}
		s.cut = func(n int) int { return (1<<20 + 100) * min(1, n-1) }
		r, m := s.visit(t, "")
		came, err := s.fetchAll(t.Context(), t, r, m, 500)
		if !errors.Is(err, mirror.ErrCut) {
			t.Errorf("got %v, want ErrCut", err)
		}
		if !slices.Equal(came, s.inOrder()[:len(came)]) {
			t.Errorf("came %v", came)
		}
		if !strings.Contains(r.Memory(), "single") {
			t.Errorf("memory %s", r.Memory())
		}
	})
}

// TestLanesMixed: a server that answers two FETCHes of a connection at once holds up
// nothing, whatever waits on other connections.
func TestLanesMixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowServer{t: t, messages: 1500, size: 30 << 10, rate: 2 << 20, mixed: true}
		r, m := s.visit(t, "")
		came, err := s.fetchAll(t.Context(), t, r, m, 500)
		slices.Sort(came)
		wantAll(t, s, came, err)
		if made, besides := s.count(); made < 2 || besides == 0 {
			t.Errorf("%d connections were made, %d bodies came over later ones", made, besides)
		}
	})
}

// TestLanesCutAnywhere: wherever another connection is cut, what came before is whole,
// and nothing comes twice.
func TestLanesCutAnywhere(t *testing.T) {
	stride := proof.Apart(8009)
	cases := 0
	for at := 1; at < 800<<10; at += stride {
		synctest.Test(t, func(t *testing.T) {
			s := &slowServer{t: t, messages: 500, size: 30 << 10, rate: 2 << 20}
			s.cut = func(n int) int { return at * min(1, n-1) }
			r, m := s.visit(t, "")
			came, err := s.fetchAll(t.Context(), t, r, m, 500)
			slices.Sort(came)
			if err == nil {
				wantAll(t, s, came, nil)
			} else if !errors.Is(err, mirror.ErrCut) || len(slices.Compact(came)) != len(came) {
				t.Errorf("cut behind %d octets: got %v, and %d bodies", at, err, len(came))
			}
			cases++
		})
	}
	proof.Note(proof.Tally{Layer: "cuts", Cases: cases})
}

// TestLanesCancelled: a Fetch that is cancelled while bodies wait on other connections
// ends at once.
func TestLanesCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowServer{t: t, messages: 1500, size: 30 << 10, rate: 2 << 20}
		r, m := s.visit(t, "")
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		start := time.Now()
		came, err := s.fetchAll(ctx, t, r, m, 500)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > 14*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		if made, besides := s.count(); made < 2 || besides == 0 || !slices.Equal(came, s.inOrder()[:len(came)]) {
			t.Errorf("%d connections were made, %d bodies came over later ones, in all %d", made, besides, len(came))
		}
	})
}
