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

// A slowServer has two mailboxes, Box and Other, with the same UIDs, and sends so many octets a second over each
// connection. It runs in a synctest bubble.
type slowServer struct {
	t        *testing.T
	messages int
	size     int // of each message
	rate     int
	slower   int  // later connections are so many times slower; 0: they are not
	shared   bool // the rate is that of all connections together
	mixed    bool // it answers up to three FETCHes at once (Dovecot does)
	// answer, where it says so, answers a command of the n-th connection (from 1) in
	// its own way.
	answer func(n int, command string) (lines string, ok bool)
	// gone are messages of Box that somebody expunged.
	gone func(uid imap.UID) bool
	// idle closes later connections that are asked for nothing so long; 0: never.
	idle time.Duration
	// cut closes the n-th connection behind so many octets; 0: never.
	cut func(n int) int

	failAt imap.UID // fetchAll does, at this message

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
	if s.answer != nil {
		if text, ok := s.answer(n, ""); ok {
			send(text)
			return
		}
	}
	send("* OK [CAPABILITY IMAP4rev1] ready\r\n")
	var box string
	var waiting []askedFor
	for line := range s.patiently(n, lines) {
		tag, command, _ := strings.Cut(line, " ")
		words := append(strings.Fields(command), "", "")
		if s.answer != nil {
			if text, ok := s.answer(n, command); ok {
				send(strings.ReplaceAll(text, "$tag", tag))
				continue
			}
		}
		if words[1] == "FETCH" {
			waiting = append(waiting, askedFor{tag, s.there(box, uidsOf(s.t, words[2]))})
			if s.mixed && len(waiting) < 3 && len(lines) > 0 {
				continue
			}
		}
		for _, step := range mix(waiting) {
			if step.tag != "" {
				send(step.tag + " OK ok\r\n")
				continue
			}
			text := s.text(box, step.uid)
			send(fmt.Sprintf("* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n", step.uid, step.uid, len(text), text))
			s.mu.Lock()
			s.fetched[n]++
			s.mu.Unlock()
		}
		waiting = nil
		switch words[0] {
		case "UID":
		case "LOGIN":
			send(tag + " OK [CAPABILITY IMAP4rev1] in\r\n")
		case "LIST":
			send("* LIST (\\Noselect) \"/\" \"\"\r\n" + tag + " OK done\r\n")
		case "SELECT", "EXAMINE":
			box = words[1]
			send(fmt.Sprintf("* %d EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT %d] ok\r\n%s OK ok\r\n", s.messages, s.messages+1, tag))
		case "NOOP":
			send(tag + " OK ok\r\n")
		case "LOGOUT":
			send("* BYE bye\r\n" + tag + " OK bye\r\n")
			return
		default:
			s.t.Errorf("connection %d: unexpected %q", n, command)
		}
	}
}

// patiently yields what comes before the server loses its patience.
func (s *slowServer) patiently(n int, lines <-chan string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			var late <-chan time.Time
			if s.idle > 0 && n > 1 {
				late = time.After(s.idle)
			}
			select {
			case line, ok := <-lines:
				if !ok || !yield(line) {
					return
				}
			case <-late:
				return
			}
		}
	}
}

// askedFor is one FETCH.
type askedFor struct {
	tag  string
	uids []imap.UID
}

// there leaves out what is gone.
func (s *slowServer) there(box string, uids []imap.UID) []imap.UID {
	if s.gone == nil || box != "Box" {
		return uids
	}
	return slices.DeleteFunc(uids, s.gone)
}

// answerStep is one message or, with a tag, an end.
type answerStep struct {
	uid imap.UID
	tag string
}

// mix orders the answers to FETCHes: of two, the last message of the first one comes
// after the second one, and so do both ends; of three, the second ends before the first,
// and the third has begun by then.
func mix(asked []askedFor) (steps []answerStep) {
	give := func(uids []imap.UID) {
		for _, uid := range uids {
			steps = append(steps, answerStep{uid: uid})
		}
	}
	end := func(i int) { steps = append(steps, answerStep{tag: asked[i].tag}) }
	switch len(asked) {
	case 1:
		give(asked[0].uids)
		end(0)
	case 2:
		last := max(0, len(asked[0].uids)-1)
		give(asked[0].uids[:last])
		give(asked[1].uids)
		give(asked[0].uids[last:])
		end(1)
		end(0)
	case 3:
		last, begun := max(0, len(asked[0].uids)-1), min(1, len(asked[2].uids))
		give(asked[0].uids[:last])
		give(asked[1].uids)
		end(1)
		give(asked[2].uids[:begun])
		give(asked[0].uids[last:])
		end(0)
		give(asked[2].uids[begun:])
		end(2)
	}
	return steps
}

// text is the message that has a UID in a mailbox.
func (s *slowServer) text(box string, uid imap.UID) string {
	word := fmt.Sprintf("%s %d ", box, uid)
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
			if name := []string{"Box", "Other"}[i%2]; text.String() != s.text(name, b.UID) {
				t.Errorf("message %d of %s is not what the server has: %.20q", b.UID, name, text.String())
			}
			if time.Sleep(time.Millisecond); b.UID == s.failAt {
				return errFull
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
		"empty bodies":                {answer: empty},
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

// empty gives later connections an empty body for the first message that they ask for.
func empty(n int, command string) (string, bool) {
	words := strings.Fields(command)
	if n == 1 || len(words) < 3 || words[1] != "FETCH" {
		return "", false
	}
	first, _, _ := strings.Cut(words[2], ":")
	return "* 1 FETCH (UID " + first + " BODY[] \"\")\r\n$tag OK ok\r\n", true
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

// TestLanesMissing: what another connection does not give, at the end of a mailbox, is
// asked for where that mailbox is selected and not the next one.
func TestLanesMissing(t *testing.T) {
	late := func(uid imap.UID) bool { return (uid-1)%1000 >= 985 }
	for name, s := range map[string]*slowServer{
		"refused": {answer: func(n int, command string) (string, bool) {
			words := strings.Fields(command)
			return "$tag NO cannot be read\r\n", n > 1 && len(words) > 2 && words[1] == "FETCH" && slices.ContainsFunc(uidsOf(t, words[2]), late)
		}},
		"expunged by somebody else": {gone: late},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s.t, s.messages, s.size, s.rate = t, 3000, 30<<10, 2<<20
				r, m := s.visit(t, "")
				came, err := s.fetchAll(t.Context(), t, r, m, 1000)
				want := s.inOrder()
				if s.gone != nil {
					want = slices.DeleteFunc(want, func(uid imap.UID) bool { return (uid-1)/1000%2 == 0 && late(uid) })
				}
				slices.Sort(came)
				if err != nil || !slices.Equal(came, want) {
					t.Errorf("got %d bodies, %v; want %d", len(came), err, len(want))
				}
			})
		})
	}
}

// TestLanesAfterFailedFetch: a Fetch whose receiver fails leaves the other connections
// as they should be for the next one.
func TestLanesAfterFailedFetch(t *testing.T) {
	for fail := imap.UID(897); fail < 909; fail++ {
		synctest.Test(t, func(t *testing.T) {
			s := &slowServer{t: t, messages: 1000, size: 30 << 10, rate: 2 << 20}
			r, m := s.visit(t, "")
			s.failAt = fail
			if _, err := s.fetchAll(t.Context(), t, r, m, 1000); !errors.Is(err, errFull) {
				t.Errorf("got %v, want %v", err, errFull)
			}
			for _, octets := range imapside.LaneOctets(r) {
				if octets != 0 {
					t.Errorf("after a failure at message %d: %d octets count as under way when nothing is waited for any more", fail, octets)
				}
			}
			s.failAt = 0
			came, err := s.fetchAll(t.Context(), t, r, m, 1000)
			wantAll(t, s, came, err)
		})
	}
}

var errFull = errors.New("no room left")

// TestLanesIdle: a connection that the server ended while nothing was asked of it is
// made again, and not held against the server.
func TestLanesIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowServer{t: t, messages: 2000, size: 30 << 10, rate: 2 << 20, idle: 20 * time.Minute}
		r, m := s.visit(t, "")
		for range 2 {
			came, err := s.fetchAll(t.Context(), t, r, m, 500)
			wantAll(t, s, came, err)
			time.Sleep(25 * time.Minute)
		}
		if made, _ := s.count(); made < 4 || strings.Contains(r.Memory(), "single") {
			t.Errorf("%d connections were made; memory %s", made, r.Memory())
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
