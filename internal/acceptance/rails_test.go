package acceptance

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/internal/servers"
)

// railMail is what both sides hold before something goes wrong.
var railMail = map[string]int{"INBOX": 44, "Lists": 12, "Archive": 8, "Work": 4}

// A railCase is one way in which mail may be missing by mistake.
type railCase struct {
	name string
	// policy are lines of the pair; fill makes what is there before, where it is
	// not railMail on both sides.
	policy string
	fill   func(*setup)
	// wrong makes the run stop; more changes the set that is withheld; again
	// makes another run stop, after the set was allowed.
	wrong, more, again func(*setup)
	// rest is done in the same run, whatever is withheld; restDone tells.
	rest     func(*setup)
	restDone func(*setup) bool
	// restRemoves says how many messages go with the rest.
	restRemoves int
	// stderr are all its lines. withheld counts what is, by action.
	stderr   string
	withheld map[string]int
	// allowed is the exit code of the run with the token.
	allowed int
}

// railCases name by "near" the side on which mail is missing.
var railCases = []railCase{{
	name:  "near is empty",
	wrong: func(s *setup) { s.emptyNear() }, more: func(s *setup) { s.addBoth("INBOX", 500, 1); s.emptyNear() },
	again: func(s *setup) { s.addBoth("INBOX", 600, 15); s.emptyNear() },
	rest:  func(s *setup) { s.createFar("Neu") }, restDone: func(s *setup) bool { return s.near()["Neu"] != nil },
	stderr: `mailtwin: pair mail: stopped: near shows no message and had 68; nothing was removed on far
mailtwin: hint: if nobody removed them: look whether {MAIL} is the right directory, its disk mounted and its mail there; put it back and run again
mailtwin: hint: to remove exactly these 68 messages on far as well: {COMMAND}
`,
	withheld: map[string]int{"remove far": 68},
}, {
	name:  "far is empty",
	wrong: func(s *setup) { s.emptyFar() }, more: func(s *setup) { s.addBoth("INBOX", 500, 1); s.emptyFar() },
	again: func(s *setup) { s.addBoth("INBOX", 600, 15); s.emptyFar() },
	rest:  func(s *setup) { s.makeNear("Neu") }, restDone: func(s *setup) bool { return s.far(false)["Neu"] != nil },
	stderr: `mailtwin: pair mail: stopped: far shows no message and had 68; nothing was removed on near
mailtwin: hint: if nobody removed them: look at the account with another mail program; once the messages show again, run again
mailtwin: hint: to remove exactly these 68 messages on near as well: {COMMAND}
`,
	withheld: map[string]int{"remove near": 68},
}, {
	name:  "near lists too few mailboxes",
	wrong: func(s *setup) { s.hideNear("Lists", "Archive", "Work"); s.removeNear("INBOX", 3) }, more: func(s *setup) { s.removeNear("INBOX", 1) },
	again: func(s *setup) { s.removeNear("INBOX", 2) },
	rest:  func(s *setup) { s.farFlag() }, restDone: func(s *setup) bool { return s.nearFlagged() },
	stderr: `mailtwin: pair mail: near mailbox "Archive": mailbox is missing; its messages are left alone on both sides until it is back
mailtwin: pair mail: near mailbox "Lists": mailbox is missing; its messages are left alone on both sides until it is back
mailtwin: pair mail: near mailbox "Work": mailbox is missing; its messages are left alone on both sides until it is back
mailtwin: hint: if it was removed or renamed on purpose, do the same on the other side, or let remove = "both" do it; until then its mail is left alone
mailtwin: pair mail: stopped: near no longer lists 3 of the 4 mailboxes that it had; nothing was removed on far
mailtwin: hint: if nobody removed them: look whether {MAIL} is the right directory, its disk mounted and its mail there; put it back and run again
mailtwin: hint: to remove exactly these 3 messages on far as well: {COMMAND}
`,
	withheld: map[string]int{"remove far": 3}, allowed: 3,
}, {
	name:  "far lists too few mailboxes",
	wrong: func(s *setup) { s.deleteFar("Lists", "Archive", "Work"); s.removeFar("INBOX", 3) }, more: func(s *setup) { s.removeFar("INBOX", 1) },
	again: func(s *setup) { s.removeFar("INBOX", 2) },
	rest:  func(s *setup) { s.nearFlag() }, restDone: func(s *setup) bool { return s.farFlagged() },
	stderr: `mailtwin: pair mail: far mailbox "Archive": mailbox is missing; its messages are left alone on both sides until it is back
mailtwin: pair mail: far mailbox "Lists": mailbox is missing; its messages are left alone on both sides until it is back
mailtwin: pair mail: far mailbox "Work": mailbox is missing; its messages are left alone on both sides until it is back
mailtwin: hint: if it was removed or renamed on purpose, do the same on the other side, or let remove = "both" do it; until then its mail is left alone
mailtwin: pair mail: stopped: far no longer lists 3 of the 4 mailboxes that it had; nothing was removed on near
mailtwin: hint: if nobody removed them: look at the account with another mail program; once the messages show again, run again
mailtwin: hint: to remove exactly these 3 messages on near as well: {COMMAND}
`,
	withheld: map[string]int{"remove near": 3}, allowed: 3,
}, {
	name:  "too many of a mailbox of near",
	wrong: func(s *setup) { s.removeNear("Lists", 11) }, more: func(s *setup) { s.removeNear("Lists", 1) },
	again: func(s *setup) { s.addBoth("Lists", 600, 15); s.removeNear("Lists", 15) },
	rest:  func(s *setup) { s.removeNear("INBOX", 2) }, restDone: func(s *setup) bool { return len(s.far(false)["INBOX"]) == 42 },
	stderr: `mailtwin: pair mail: stopped: 11 of the 12 messages of near "Lists" are gone; none of them was removed on far
mailtwin: hint: if nobody removed them: look whether {MAIL} is the right directory, its disk mounted and its mail there; put it back and run again
mailtwin: hint: to remove exactly these 11 messages on far as well: {COMMAND}
`,
	withheld: map[string]int{"remove far": 11},
}, {
	name:  "too many of a mailbox of far",
	wrong: func(s *setup) { s.removeFar("INBOX", 12) }, more: func(s *setup) { s.removeFar("INBOX", 1) },
	again: func(s *setup) { s.removeFar("INBOX", 12) },
	rest:  func(s *setup) { s.removeFar("Lists", 2) }, restDone: func(s *setup) bool { return len(s.near()["Lists"]) == 10 },
	restRemoves: 2,
	stderr: `mailtwin: pair mail: stopped: 12 of the 44 messages of far "INBOX" are gone; none of them was removed on near
mailtwin: hint: if nobody removed them: look at the account with another mail program; once the messages show again, run again
mailtwin: hint: to remove exactly these 12 messages on near as well: {COMMAND}
`,
	withheld: map[string]int{"remove near": 12},
}, {
	name:  "too many of near",
	wrong: func(s *setup) { s.removeNear("INBOX", 8); s.removeNear("Lists", 4) }, more: func(s *setup) { s.removeNear("Archive", 1) },
	again: func(s *setup) { s.removeNear("INBOX", 8); s.removeNear("Lists", 3) },
	rest:  func(s *setup) { s.farFlag() }, restDone: func(s *setup) bool { return s.nearFlagged() },
	stderr: `mailtwin: pair mail: stopped: 12 of the 68 messages of near are gone; none of them was removed on far
mailtwin: hint: if nobody removed them: look whether {MAIL} is the right directory, its disk mounted and its mail there; put it back and run again
mailtwin: hint: to remove exactly these 12 messages on far as well: {COMMAND}
`,
	withheld: map[string]int{"remove far": 12},
}, {
	name:  "too many of far",
	wrong: func(s *setup) { s.removeFar("INBOX", 8); s.removeFar("Lists", 4) }, more: func(s *setup) { s.removeFar("Archive", 1) },
	again: func(s *setup) { s.removeFar("INBOX", 8); s.removeFar("Lists", 3) },
	rest:  func(s *setup) { s.nearFlag() }, restDone: func(s *setup) bool { return s.farFlagged() },
	stderr: `mailtwin: pair mail: stopped: 12 of the 68 messages of far are gone; none of them was removed on near
mailtwin: hint: if nobody removed them: look at the account with another mail program; once the messages show again, run again
mailtwin: hint: to remove exactly these 12 messages on near as well: {COMMAND}
`,
	withheld: map[string]int{"remove near": 12},
}, {
	name: "the wrong account on a first run",
	fill: func(s *setup) { s.addFar("INBOX", 0, 30); s.addNear("INBOX", 100, 25); s.addBothSides("INBOX", 200, 3) },
	more: func(s *setup) { s.addNear("INBOX", 300, 1) },
	stderr: `mailtwin: pair mail: stopped: both sides hold mail, and of the 28 messages of the smaller one only 3 are on the other; nothing was changed
mailtwin: hint: are these two the same account? see far = "server" and near = "laptop" in [pair.mail]
mailtwin: hint: if it is right: {COMMAND}
`,
	withheld: map[string]int{"copy far": 25, "copy near": 30},
}, {
	name:   `the wrong account with extra = "remove"`,
	policy: "mode = \"mirror\"\ndirection = \"far-to-near\"\nextra = \"remove\"",
	fill:   func(s *setup) { s.addFar("INBOX", 0, 30); s.addNear("INBOX", 100, 25); s.addBothSides("INBOX", 200, 3) },
	more:   func(s *setup) { s.addFar("INBOX", 300, 1) },
	stderr: `mailtwin: pair mail: stopped: both sides hold mail, and of the 28 messages of the smaller one only 3 are on the other; nothing was changed
mailtwin: hint: are these two the same account? see far = "server" and near = "laptop" in [pair.mail]
mailtwin: hint: if it is right: {COMMAND}
`,
	withheld: map[string]int{"copy near": 30},
}}

// TestRails meets every rail of DESIGN.md §8 that has a token: what the run
// says, what it does nonetheless, and which set its token allows, once.
func TestRails(t *testing.T) {
	t.Parallel()
	server := servers.Need(t, servers.Options{})
	sum := noted(t, "rails")
	for i, c := range railCases {
		if leftOut(i) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t, server)
			s.policy = c.policy
			s.writeConfig()
			c.meet(s)
			sum.add(0, 0, 0)
		})
	}
}

func (c railCase) meet(s *setup) {
	if c.fill == nil {
		c.fill = func(s *setup) {
			for _, name := range slices.Sorted(maps.Keys(railMail)) {
				s.addFar(name, 0, railMail[name])
			}
			s.settle()
		}
	}
	c.fill(s)
	call(s, c.wrong)
	call(s, c.rest)
	far, near := s.far(false), s.near()

	planned := s.want(4, "plan", "--json")
	token := c.checkObjects(s, planned)
	s.unchanged("a plan", far, near)

	stopped := s.want(4, "sync")
	c.checkWords(s, stopped, token, "")
	s.kept("a stop", far, near, c.restRemoves)
	if c.restDone != nil && !c.restDone(s) {
		s.t.Errorf("the rest was not done")
	}
	s.want(4, "sync") // carries what the rest put into the trash
	far, near = s.far(false), s.near()
	if got := c.checkObjects(s, s.want(4, "sync", "--json")); got != token {
		s.t.Errorf("got token %q, want %q for the same set", got, token)
	}
	wrong := s.want(4, "sync", "--confirm", "0123456789ab")
	c.checkWords(s, wrong, token, "mailtwin: hint: the token given with --confirm is for another set: what would be removed has changed since\n")
	s.unchanged("stops and a wrong token", far, near)

	s.want(c.allowed, "plan", "--confirm", token)
	s.unchanged("a plan with the token", far, near)

	c.more(s)
	far, near = s.far(false), s.near()
	larger := tokenIn(s, s.want(4, "sync", "--confirm", token))
	if larger == token {
		s.t.Errorf("the token is the same after one message more")
	}
	s.unchanged("a token made before", far, near)
	s.want(c.allowed, "sync", "--confirm", larger)
	c.checkAllowed(s, far, near)

	if c.again != nil {
		c.again(s)
		far, near = s.far(false), s.near()
		if got := tokenIn(s, s.want(4, "sync", "--confirm", larger)); got == larger {
			s.t.Errorf("a token was made twice")
		}
		s.kept("a token used again", far, near, 0)
	}
}

func call(s *setup, f func(*setup)) {
	if f != nil {
		f(s)
	}
}

// checkWords compares all of stderr.
func (c railCase) checkWords(s *setup, o outcome, token, more string) {
	s.t.Helper()
	path, err := program()
	s.must(err)
	want := strings.NewReplacer("{MAIL}", quoted(s.maildir()),
		"{COMMAND}", path+" --config "+s.config+" sync mail --confirm "+token).Replace(c.stderr) + more
	if o.stderr != want {
		s.t.Errorf("got on stderr\n%swant\n%s", o.stderr, want)
	}
}

func quoted(text string) string {
	b, _ := json.Marshal(text) // a string can be encoded
	return string(b)
}

// checkObjects compares what --json shows of a stop, and returns the token.
func (c railCase) checkObjects(s *setup, o outcome) string {
	s.t.Helper()
	withheld, stops := map[string]int{}, 0
	for line := range strings.Lines(o.stdout) {
		var object struct {
			Type, Action, Side string
			Withheld           bool
		}
		s.must(json.Unmarshal([]byte(line), &object))
		switch {
		case object.Type == "stop":
			stops++
		case object.Type == "plan" && object.Withheld:
			withheld[object.Action+" "+object.Side]++
		}
	}
	if stops != 1 || !maps.Equal(withheld, c.withheld) {
		s.t.Errorf("--json shows %d stops and withholds %v, want 1 and %v", stops, withheld, c.withheld)
	}
	token, _ := o.summary(s.t)["confirm"].(string)
	if token == "" || !strings.Contains(o.stderr, token) {
		s.t.Fatalf("the summary's token is %q, and on stderr stands\n%s", token, o.stderr)
	}
	return token
}

// unchanged fails the test unless both sides hold what they held.
func (s *setup) unchanged(what string, far, near content) {
	s.t.Helper()
	for name, list := range map[string][]string{"far": differences(far, s.far(false)), "near": differences(near, s.near())} {
		if len(list) > 0 {
			s.t.Errorf("%s changed %s: %s", what, name, strings.Join(list, "\n"))
		}
	}
}

// kept fails the test unless both sides still hold every message they held, but
// for some that are gone from near.
func (s *setup) kept(what string, far, near content, but int) {
	s.t.Helper()
	lostFar, _, _ := compare(far, s.far(false))
	lostNear, _, _ := compare(near, s.near())
	if lostFar > 0 || lostNear != but {
		s.t.Errorf("%s removed %d messages on far and %d on near", what, lostFar, lostNear)
	}
}

// checkAllowed looks whether exactly the withheld set was carried out.
func (c railCase) checkAllowed(s *setup, far, near content) {
	s.t.Helper()
	trash := func(all content) content {
		all = maps.Clone(all)
		delete(all, "Trash")
		return all
	}
	nowFar, nowNear := s.far(false), s.near()
	var want content
	switch {
	case c.withheld["copy far"] > 0:
		want = union(far, near)
	case c.withheld["copy near"] > 0: // a first run removes nothing
		want = far
		if lost, _, _ := compare(union(far, near), nowNear); lost > 0 {
			s.t.Errorf("%d messages are lost on near", lost)
		}
		nowNear = far
	case c.withheld["remove far"] > 0:
		want = near
		if got, want := len(nowFar["Trash"]), far.count()-near.count(); c.allowed == 0 && got-len(far["Trash"]) != want-len(far["Trash"])+len(near["Trash"]) {
			s.t.Errorf("the trash holds %d messages, want %d", got, want)
		}
	default:
		want = far
	}
	if c.allowed == 3 { // mailboxes that are missing keep their mail on the other side
		nowFar, nowNear, want = onlyInbox(nowFar), onlyInbox(nowNear), onlyInbox(want)
	}
	for name, list := range map[string][]string{"far": differences(trash(want).filled(), trash(nowFar).filled()), "near": differences(trash(want).filled(), trash(nowNear).filled())} {
		if len(list) > 0 {
			s.t.Errorf("with the token, %s is not as it must be: %s", name, strings.Join(list, "\n"))
		}
	}
}

func onlyInbox(c content) content { return content{"INBOX": c["INBOX"]} }

func union(a, b content) content {
	all := content{}
	for _, c := range []content{a, b} {
		for name, list := range c {
			for _, e := range list {
				if !slices.Contains(all[name], e) {
					all[name] = append(all[name], e)
				}
			}
		}
	}
	return all.sort()
}

var tokenShown = regexp.MustCompile(`--confirm (\S+)`)

func tokenIn(s *setup, o outcome) string {
	s.t.Helper()
	token := tokenShown.FindStringSubmatch(o.stderr)
	if token == nil {
		s.t.Fatalf("no token in\n%s", o.stderr)
	}
	return token[1]
}

// TestRailRoot meets the rails of a Maildir's root, which have no token: it is
// set right by hand.
func TestRailRoot(t *testing.T) {
	t.Parallel()
	server := servers.Need(t, servers.Options{})
	sum := noted(t, "rails")
	marker := func(s *setup) string { return filepath.Join(s.maildir(), ".mailtwin-id") }
	other := func(s *setup) string { return filepath.Join(s.dir, "kept") }
	for i, c := range []struct {
		name        string
		wrong, mend func(*setup) error
		stderr      string
	}{{
		"root missing",
		func(s *setup) error { return os.Rename(s.maildir(), other(s)) }, func(s *setup) error { return os.Rename(other(s), s.maildir()) },
		"near: the Maildir {MAIL} is missing, and it was there at the last run",
	}, {
		"marker missing",
		func(s *setup) error { return os.Rename(marker(s), other(s)) }, func(s *setup) error { return os.Rename(other(s), marker(s)) },
		"near: the Maildir {MAIL} is not the one of the last run: it has no .mailtwin-id",
	}, {
		"root empty, as where a disk is not mounted",
		func(s *setup) error {
			if err := os.Rename(s.maildir(), other(s)); err != nil {
				return err
			}
			return os.Mkdir(s.maildir(), 0o700)
		},
		func(s *setup) error {
			if err := os.Remove(s.maildir()); err != nil {
				return err
			}
			return os.Rename(other(s), s.maildir())
		},
		"near: the Maildir {MAIL} is not the one of the last run: it has no .mailtwin-id",
	}, {
		"marker of another Maildir",
		func(s *setup) error {
			if err := os.Rename(marker(s), other(s)); err != nil {
				return err
			}
			return os.WriteFile(marker(s), []byte("00000000000000000000000000000000\n"), 0o600)
		},
		func(s *setup) error { return os.Rename(other(s), marker(s)) },
		"near: the Maildir {MAIL} is not the one of the last run: it has another .mailtwin-id",
	}} {
		if leftOut(i) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t, server)
			s.addFar("INBOX", 0, 12)
			s.settle()
			before := s.far(false)
			s.must(c.wrong(s))
			want := "mailtwin: pair mail: " + strings.ReplaceAll(c.stderr, "{MAIL}", quoted(s.maildir())) + "\n" +
				"mailtwin: hint: nothing was removed anywhere; mount its disk or rename it back, then run again; if it is gone for good, give [pair.mail] a new name: a new pair unites both sides and removes nothing\n"
			for _, args := range [][]string{{"plan"}, {"sync"}, {"sync", "--confirm", "0123456789ab"}, {"sync", "--full"}} {
				if got := s.want(4, args...).stderr; got != want {
					t.Errorf("%v: got on stderr\n%swant\n%s", args, got, want)
				}
			}
			if got := s.want(4, "sync", "--json").summary(t)["exit"]; got != 4.0 {
				t.Errorf("the summary says exit %v, want 4", got)
			}
			s.must(c.mend(s))
			s.settle()
			s.judge(c.name, before, false, sum)
		})
	}
}

// What people and programs do to either side.

func (s *setup) emptyNear() {
	s.t.Helper()
	for name := range s.near() {
		s.removeNear(name, -1)
	}
}

// removeNear removes the first n files of a mailbox, all for -1.
func (s *setup) removeNear(mailbox string, n int) {
	s.t.Helper()
	for _, sub := range []string{"cur", "new"} {
		list, err := filepath.Glob(filepath.Join(s.maildir(), mailbox, sub, "*"))
		s.must(err)
		for _, path := range list {
			if n == 0 {
				return
			}
			s.must(os.Remove(path))
			n--
		}
	}
	if n > 0 {
		s.t.Fatalf("%s holds too few files", mailbox)
	}
}

func (s *setup) emptyFar() {
	s.t.Helper()
	for name, list := range s.far(false) {
		if len(list) > 0 {
			s.removeFar(name, -1)
		}
	}
}

// removeFar removes the first n messages of a mailbox, all for -1.
func (s *setup) removeFar(mailbox string, n int) {
	s.t.Helper()
	c := s.dial()
	defer c.Close()
	if _, err := c.Select(mailbox, nil).Wait(); err != nil {
		s.t.Fatal(err)
	}
	set := imap.SeqSet{imap.SeqRange{Start: 1, Stop: uint32(max(n, 0))}}
	if err := c.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		s.t.Fatal(err)
	}
	s.must(c.Expunge().Close())
}

func (s *setup) deleteFar(names ...string) {
	s.t.Helper()
	c := s.dial()
	defer c.Close()
	for _, name := range names {
		s.must(c.Delete(name).Wait())
	}
}

func (s *setup) createFar(name string) {
	s.t.Helper()
	c := s.dial()
	defer c.Close()
	s.must(c.Create(name, nil).Wait())
}

func (s *setup) makeNear(name string) {
	s.t.Helper()
	for _, sub := range []string{"cur", "new", "tmp"} {
		s.must(os.MkdirAll(filepath.Join(s.maildir(), name, sub), 0o700))
	}
}

func (s *setup) hideNear(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.must(os.Rename(filepath.Join(s.maildir(), name), filepath.Join(s.dir, "hidden "+name)))
	}
}

// addFar, addNear and addBothSides deliver n letters, numbered from first on.

func (s *setup) addFar(mailbox string, first, n int) { s.add(mailbox, first, n, true, false) }

func (s *setup) addNear(mailbox string, first, n int) { s.add(mailbox, first, n, false, true) }

func (s *setup) addBothSides(mailbox string, first, n int) { s.add(mailbox, first, n, true, true) }

func (s *setup) add(mailbox string, first, n int, far, near bool) {
	s.t.Helper()
	for i := first; i < first+n; i++ {
		body := letter(someRand(), i)
		if far {
			s.deliverFar(mailbox, i, body, "S", bulkDate(i))
		}
		if near {
			s.deliverLocal(mailbox, i, body, "S", bulkDate(i))
		}
	}
}

// addBoth adds letters to both sides, by a run that a stop may end.
func (s *setup) addBoth(mailbox string, first, n int) {
	s.t.Helper()
	s.addFar(mailbox, first, n)
	s.run("sync")
}

// farFlag flags a message on far, nearFlagged tells whether near knows.
func (s *setup) farFlag() {
	s.t.Helper()
	c := s.dial()
	defer c.Close()
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		s.t.Fatal(err)
	}
	last := imap.SeqSetNum(44)
	s.must(c.Store(last, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Close())
}

// nearFlag flags the last letter of INBOX on near, which far still holds.
func (s *setup) nearFlag() {
	s.t.Helper()
	for _, path := range s.files("INBOX") {
		body, err := os.ReadFile(path)
		s.must(err)
		if strings.Contains(string(body), "\nMessage-ID: <43.") {
			s.must(os.Rename(path, strings.TrimSuffix(path, ":2,S")+":2,FS"))
			return
		}
	}
	s.t.Fatal("the letter to flag is not there")
}

func (s *setup) nearFlagged() bool { return s.near().anyFlagged() }
func (s *setup) farFlagged() bool  { return s.far(false).anyFlagged() }

func (c content) anyFlagged() bool {
	return slices.ContainsFunc(c["INBOX"], func(e entry) bool { return strings.Contains(e.flags, `\flagged`) })
}
