package acceptance

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/internal/servers"
)

// The letters of TestBodiesOnce, and the octets of text in each.
const (
	onceLetters = 50
	onceOctets  = 100_000
)

// onceLetter is the n-th letter, of about onceOctets.
func onceLetter(r *rand.Rand, n int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Received: from mx.example.org by here; Thu, 4 Mar 2021 05:06:07 +0000\r\nMessage-ID: <once%d@example.org>\r\n"+
		"Date: Thu, 4 Mar 2021 05:06:07 +0000\r\nFrom: ann@example.org\r\nSubject: letter %d\r\n\r\n", n, n)
	for b.Len() < onceOctets {
		fmt.Fprintf(&b, "%016x %016x %016x %016x\r\n", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
	}
	return []byte(b.String())
}

// onceJob is a pair in which far holds the letters and people copy on one side.
type onceJob struct {
	*setup
	far, near *proxy
	other     *setup // the near account, where near is one
}

// way is a source and a target of copies.
type way struct {
	name    string
	twoIMAP bool
	upload  bool // people copy in the Maildir
}

func newOnceJob(t *testing.T, w way) *onceJob {
	server := servers.Need(t, servers.Options{})
	j := &onceJob{setup: newSetup(t, server), far: newProxy(t, server.Port)}
	j.port = j.far.port
	if w.twoIMAP {
		j.other, j.near = newSetup(t, server), newProxy(t, server.Port)
		j.name = "unused"
		j.more = fmt.Sprintf(`[repository.other]
type = "imap"
host = "127.0.0.1"
port = %d
tls = "none"
user = %q
password = %q

[pair.mail]
far = "server"
near = "other"
settle = "2s"
`, j.near.port, j.other.user, server.Password)
	}
	j.writeConfig()
	return j
}

// contents of both sides, as other programs read them.
func (j *onceJob) contents() (far, near content) {
	far = j.setup.far(false)
	if j.other != nil {
		return far, j.other.far(false)
	}
	return far, j.setup.near()
}

// copyAll is what a person does with another program: all of INBOX is copied into
// Archive, and some of the copies get flags of their own.
func (j *onceJob) copyAll(w way) {
	j.t.Helper()
	if w.upload {
		for i, path := range j.files("INBOX") {
			text, err := os.ReadFile(path)
			j.must(err)
			info, err := os.Stat(path)
			j.must(err)
			flags := []string{"", "S", "FS", "R"}[i%4]
			copied := filepath.Join(j.maildir(), "Archive", "cur", fmt.Sprintf("%d.copy%d.example:2,%s", 1700000000+i, i, flags))
			j.must(os.WriteFile(copied, text, 0o600))
			j.must(os.Chtimes(copied, info.ModTime(), info.ModTime()))
		}
		return
	}
	c := j.dial()
	defer c.Close()
	_, err := c.Select("INBOX", nil).Wait()
	j.must(err)
	_, err = c.Copy(imap.SeqSet{{Start: 1, Stop: onceLetters}}, "Archive").Wait()
	j.must(err)
	_, err = c.Select("Archive", nil).Wait()
	j.must(err)
	store := func(from, to uint32, op imap.StoreFlagsOp, flags ...imap.Flag) {
		j.must(c.Store(imap.SeqSet{{Start: from, Stop: to}}, &imap.StoreFlags{Op: op, Flags: flags}, nil).Close())
	}
	store(1, 10, imap.StoreFlagsDel, imap.FlagSeen)
	store(5, 20, imap.StoreFlagsAdd, imap.FlagAnswered, "work")
	store(30, 35, imap.StoreFlagsAdd, imap.FlagFlagged)
}

// TestBodiesOnce copies 50 letters of 100 kB into another mailbox by another program:
// the run that follows copies them on the other side, and no body travels.
func TestBodiesOnce(t *testing.T) {
	t.Parallel()
	for _, w := range []way{{name: "IMAP to Maildir"}, {name: "Maildir to IMAP", upload: true}, {name: "IMAP to IMAP", twoIMAP: true}} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			j := newOnceJob(t, w)
			j.fillOnce()
			j.want(0, "sync", "mail")
			j.want(0, "sync", "mail")
			j.copyAll(w)
			for _, p := range []*proxy{j.far, j.near} {
				if p != nil {
					p.set(cutAt{})
				}
			}
			trace := filepath.Join(j.dir, "trace")
			o := j.want(0, "sync", "mail", "--json", "--trace", trace)
			travelled := int64(0)
			for _, p := range []*proxy{j.far, j.near} {
				if p != nil {
					up, down := p.seen()
					travelled += up + down
				}
			}
			t.Logf("%s: %d octets passed, %v", w.name, travelled, o.took.Round(time.Millisecond))
			if travelled > onceLetters*4000 { // a header has 200
				t.Errorf("%d octets passed, want far less than the %d of the bodies", travelled, onceLetters*onceOctets)
			}
			j.noBodies(trace)
			to := map[bool]string{false: "near", true: "far"}[w.upload]
			side, _ := o.summary(t)[to].(map[string]any)
			if side["copied"] != float64(onceLetters) || side["octets"] != 0.0 || side["octets_saved"].(float64) < onceLetters*onceOctets {
				t.Errorf("got %v on %s, want %d copied, no octets, and those that were saved", side, to, onceLetters)
			}
			far, near := j.contents()
			if list := differences(far, near); len(list) > 0 || len(far["Archive"]) != onceLetters {
				t.Errorf("Archive holds %d on far; the sides differ:\n%s", len(far["Archive"]), strings.Join(list, "\n"))
			}
			j.sameLetters(far)
			if quiet := j.want(0, "sync", "mail", "--verbose"); quiet.stdout != "" && !strings.Contains(quiet.stdout, nothing) {
				if again := j.want(0, "sync", "mail", "--verbose"); !strings.Contains(again.stdout, nothing) {
					t.Errorf("got %q, then %q; want nothing to do", quiet.stdout, again.stdout)
				}
			}
		})
	}
}

// fillOnce puts the letters into far's INBOX.
func (j *onceJob) fillOnce() {
	j.t.Helper()
	r := someRand()
	c := j.dial()
	defer c.Close()
	j.must(c.Create("Archive", nil).Wait())
	for n := range onceLetters {
		flags := [][]imap.Flag{{imap.FlagSeen}, {imap.FlagSeen, imap.FlagFlagged}, nil}[n%3]
		j.append(c, "INBOX", onceLetter(r, n), flags, someDate(r))
	}
}

// noBodies looks through a trace for text of messages, in either direction.
func (j *onceJob) noBodies(trace string) {
	j.t.Helper()
	text, err := os.ReadFile(trace)
	j.must(err)
	copies := 0
	for _, side := range []string{"far", "near"} {
		d := dialogueOf(j.t, text, side)
		for _, command := range d.commands {
			if command.name() == "APPEND" || strings.Contains(command.words, "BODY.PEEK[]") {
				j.t.Errorf("%s was told %q", side, command.words)
			}
			if command.name() == "UID COPY" {
				copies++
			}
		}
		if d.bodies > 0 {
			j.t.Errorf("%s sent %d octets of bodies", side, d.bodies)
		}
	}
	if copies > 1 {
		j.t.Errorf("got %d UID COPY, want one for all", copies)
	}
}

// sameLetters: what was copied has the octets and the dates of what it is a copy of.
func (j *onceJob) sameLetters(held content) {
	j.t.Helper()
	bare := func(list []entry) (out []string) {
		for _, e := range list {
			out = append(out, fmt.Sprint(e.digest, e.date))
		}
		slices.Sort(out)
		return out
	}
	if !slices.Equal(bare(held["INBOX"]), bare(held["Archive"])) {
		j.t.Error("Archive holds other letters, or other dates, than INBOX")
	}
}
