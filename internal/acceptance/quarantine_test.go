package acceptance

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/internal/servers"
	"mailtwin/mirror"
	"mailtwin/statedb"
)

// makeDue lets the pause of every message that is kept aside be over.
func (s *setup) makeDue() {
	s.t.Helper()
	db, err := statedb.Open(s.state(), s.pair(), statedb.Options{})
	s.must(err)
	snapshot, err := db.Load()
	s.must(err)
	for i := range snapshot.Quarantine {
		snapshot.Quarantine[i].Next = time.Now().Add(-time.Minute)
	}
	s.must(db.Commit(&mirror.Changes{Quarantine: snapshot.Quarantine}))
	s.must(db.Close())
}

// smallMail is a Dovecot that takes no message over 20 kB.
var smallMail = servers.Options{Extra: "mail_plugins = quota\nplugin {\n  quota = count:User quota\n  quota_vsizes = yes\n  quota_max_mail_size = 20k\n}\n"}

// sized makes a letter of about n octets.
func sized(number, n int) []byte {
	body := letter(someRand(), number)
	for len(body) < n {
		body = append(body, "another line of this letter\r\n"...)
	}
	return body
}

// A keptCase is a message that cannot pass, and what ends that.
type keptCase struct {
	name string
	// put makes the message, with the number 900; mend lets it pass.
	put, mend func(s *setup)
	side      string
	reason    string // a pattern
	// passes says that mend makes it pass; else it goes.
	passes bool
}

var keptCases = []keptCase{{
	name: "too big for the server", side: "near", reason: `.*NO .*`, passes: true,
	put: func(s *setup) { s.deliverLocal("INBOX", 900, sized(900, 50000), "S", bulkDate(900)) },
	mend: func(s *setup) { // the same account on a server without the limit
		s.copyTree(s.server.MailDir(s.user), filepath.Join(s.dir, "moved"))
		s.server = servers.Need(s.t, servers.Options{})
		s.copyTree(filepath.Join(s.dir, "moved"), s.server.MailDir(s.user))
		s.writeConfig()
	},
}, {
	name: "an empty file", side: "near", reason: `.*message has no body.*`,
	put:  func(s *setup) { s.deliverLocal("INBOX", 900, nil, "S", bulkDate(900)) },
	mend: func(s *setup) { s.must(os.Remove(s.localFile(900))) },
}, {
	name: "an empty file that is written at last", side: "near", reason: `.*message has no body.*`, passes: true,
	put: func(s *setup) { s.deliverLocal("INBOX", 900, nil, "S", bulkDate(900)) },
	mend: func(s *setup) {
		body := bytes.ReplaceAll(letter(someRand(), 900), []byte("\r\n"), []byte("\n"))
		s.must(os.WriteFile(s.localFile(900), body, 0o600))
		s.must(os.Chtimes(s.localFile(900), bulkDate(900), bulkDate(900)))
	},
}, {
	name: "a NUL", side: "near", reason: `.*message holds a NUL, which IMAP cannot carry.*`,
	put: func(s *setup) {
		s.deliverLocal("INBOX", 900, append(letter(someRand(), 900), "a\x00b\r\n"...), "S", bulkDate(900))
	},
	mend: func(s *setup) { s.must(os.Remove(s.localFile(900))) },
}, {
	name: "empty on the server", side: "far", reason: `.*message has no body.*`,
	put:  func(s *setup) { s.deliverFar("INBOX", 900, nil, "S", bulkDate(900)) },
	mend: func(s *setup) { s.must(os.Remove(s.farFile(900))) },
}}

func (s *setup) localFile(n int) string {
	return s.only(filepath.Join(s.maildir(), "INBOX", "cur", fmt.Sprintf("*.local%d.*", n)))
}

func (s *setup) farFile(n int) string {
	return s.only(filepath.Join(s.server.MailDir(s.user), "cur", fmt.Sprintf("*.M%dP*", n)))
}

func (s *setup) only(pattern string) string {
	s.t.Helper()
	list, err := filepath.Glob(pattern)
	if err != nil || len(list) != 1 {
		s.t.Fatalf("%s: got %d files, %v, want one", pattern, len(list), err)
	}
	return list[0]
}

// TestKeptAside meets messages that cannot pass: each is named and kept aside,
// the rest goes on, it is tried when it is due, and leaves the list in the end.
func TestKeptAside(t *testing.T) {
	t.Parallel()
	server := servers.Need(t, smallMail)
	sum := noted(t, "quarantine")
	for i, c := range keptCases {
		if leftOut(i) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t, server)
			s.addFar("INBOX", 0, 5)
			s.addNear("INBOX", 100, 5)
			s.addNear("Other", 150, 2)
			c.put(s)
			s.want(3, "sync")
			if far, near := s.far(false), s.near(); len(far["Other"]) != 2 || len(far["INBOX"]) < 10 || len(near["INBOX"]) < 10 {
				t.Errorf("the rest did not go on: far %d and %d, near %d messages", len(far["INBOX"]), len(far["Other"]), len(near["INBOX"]))
			}
			c.checkListed(s, 1)
			s.addFar("INBOX", 200, 1)
			if o := s.want(0, "sync"); o.stderr != "" {
				t.Errorf("before it is due: got %q on stderr, want nothing", o.stderr)
			}
			s.makeDue()
			o := s.want(3, "sync")
			if !regexp.MustCompile(`^mailtwin: pair mail: ` + c.side + ` mailbox "INBOX" [^\n]*: ` + c.reason + `\nmailtwin: hint: .`).MatchString(o.stderr) {
				t.Errorf("tried again: got %q, want it named with its reason and a hint", o.stderr)
			}
			c.checkListed(s, 2)
			c.mend(s)
			s.makeDue()
			s.settle()
			if o := s.want(0, "status"); strings.Contains(o.stdout, "left out") {
				t.Errorf("in the end it still is on the list: %s", o.stdout)
			}
			c.judge(s, sum)
		})
	}
}

// checkListed looks into status, for people and for programs.
func (c keptCase) checkListed(s *setup, tries int) {
	s.t.Helper()
	times := "1 time"
	if tries > 1 {
		times = fmt.Sprintf("%d times", tries)
	}
	o := s.want(0, "status")
	want := regexp.MustCompile(`(?m)^  left out: ` + c.side + ` mailbox "INBOX" .*: ` + c.reason + `\n    since [0-9-]+ [0-9:]+, tried ` + times + `, again from [0-9-]+ [0-9:]+ on$`)
	if !want.MatchString(o.stdout) {
		s.t.Errorf("status: got\n%swant %s", o.stdout, want)
	}
	o = s.want(0, "status", "--json")
	for _, part := range []string{`"side":"` + c.side + `","mailbox":"INBOX","uid":`, fmt.Sprintf(`"tries":%d,"next":"`, tries), `"since":"`, `"reason":"`} {
		if !strings.Contains(o.stdout, part) {
			s.t.Errorf("status --json: got %s, want %s in it", o.stdout, part)
		}
	}
}

// judge expects the message on both sides, or on none.
func (c keptCase) judge(s *setup, sum *tally) {
	want := content{}
	numbers := map[string][][2]int{"INBOX": {{0, 5}, {100, 105}, {200, 201}}, "Other": {{150, 152}}}
	for name, ranges := range numbers {
		for _, span := range ranges {
			for n := span[0]; n < span[1]; n++ {
				want[name] = append(want[name], entry{digestOf(letter(someRand(), n)), `\seen`, bulkDate(n).Unix()})
			}
		}
	}
	if c.passes {
		body := letter(someRand(), 900)
		if c.name == keptCases[0].name {
			body = sized(900, 50000)
		}
		want["INBOX"] = append(want["INBOX"], entry{digestOf(body), `\seen`, bulkDate(900).Unix()})
	}
	s.judge(c.name, want.sort(), false, sum)
}

// TestOverQuota fills an account: what does not fit waits, is named, and passes
// when somebody made room.
func TestOverQuota(t *testing.T) {
	t.Parallel()
	server := servers.Need(t, servers.Options{Extra: "mail_plugins = quota\nplugin {\n  quota = count:User quota\n  quota_vsizes = yes\n  quota_rule = *:storage=60k\n  quota_grace = 0\n}\n"})
	sum := noted(t, "quarantine")
	s := newSetup(t, server)
	for n := range 10 {
		s.deliverFar("INBOX", n, sized(n, 4000), "S", bulkDate(n))
	}
	s.settle()
	for n := 100; n < 110; n++ {
		s.deliverLocal("INBOX", n, sized(n, 4000), "S", bulkDate(n))
	}
	o := s.want(75, "sync")
	if !strings.Contains(o.stderr, "make room in this account, then run it again") {
		t.Errorf("got %q, want a hint to make room", o.stderr)
	}
	if got := s.near().count(); got != 20 {
		t.Errorf("near holds %d messages, want 20", got)
	}
	s.removeFar("INBOX", 8)
	want := s.far(false)
	s.settle()
	for n := 100; n < 110; n++ {
		e := entry{digestOf(sized(n, 4000)), `\seen`, bulkDate(n).Unix()}
		if want.digests()[e.digest] == 0 {
			want["INBOX"] = append(want["INBOX"], e)
		}
	}
	s.judge("over quota", want.sort(), false, sum)
}

// TestSizeThatLies has files on the server that are shorter or longer than their
// names say, as after a full disk. Dovecot believes the names and breaks off when
// it sees better, again and again. No such message may arrive, and after two runs
// that were cut at it, it blocks only itself; once the file is whole, it passes.
func TestSizeThatLies(t *testing.T) {
	t.Parallel()
	server := servers.Need(t, servers.Options{})
	sum := noted(t, "quarantine")
	whole := letter(someRand(), 900)
	for i, c := range []struct {
		name string
		body []byte
	}{
		{"shorter", whole[:len(whole)/2]}, {"longer", append(bytes.Clone(whole), "more than it should be\r\n"...)},
	} {
		if leftOut(i) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t, server)
			s.addFar("INBOX", 0, 5)
			s.addNear("INBOX", 100, 5)
			s.addNear("Other", 150, 2)
			file := s.deliverFar("INBOX", 900, c.body, "S", bulkDate(900))
			sizes := fmt.Sprintf(",S=%d,W=%d:2,", len(bytes.ReplaceAll(whole, []byte("\r"), nil)), len(whole))
			s.must(os.Rename(file, strings.Replace(file, ":2,", sizes, 1)))
			s.addFar("INBOX", 200, 1)
			s.want(75, "sync")
			s.want(75, "sync")
			s.settle()
			near := s.near()
			if got, want := len(near["INBOX"]), 11; got != want {
				t.Errorf("near INBOX holds %d messages, want the %d others", got, want)
			}
			if got := s.farCount("INBOX", "Other"); got != 12+2 {
				t.Errorf("far holds %d messages, want 14", got)
			}
			kept := keptCase{name: c.name, side: "far", reason: `the server broke the connection at this message`, passes: true}
			kept.checkListed(s, 2)
			s.must(s.server.WriteMail(s.farFile(900), bytes.ReplaceAll(whole, []byte("\r\n"), []byte("\n")), bulkDate(900)))
			if o := s.want(0, "sync", "--verbose"); !strings.Contains(o.stdout, nothing) {
				t.Errorf("before it is due: got %q, want nothing to do", o.stdout)
			}
			s.makeDue()
			s.settle()
			if o := s.want(0, "status"); strings.Contains(o.stdout, "left out") {
				t.Errorf("in the end it still is on the list: %s", o.stdout)
			}
			kept.judge(s, sum)
		})
	}
}

// farCount counts the messages of some mailboxes without reading any.
func (s *setup) farCount(names ...string) (n int) {
	s.t.Helper()
	c := s.dial()
	defer c.Close()
	for _, name := range names {
		selected, err := c.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
		s.must(err)
		n += int(selected.NumMessages)
	}
	return n
}
