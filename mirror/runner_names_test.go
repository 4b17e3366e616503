package mirror_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// ruled is a pair whose names are translated.
type ruled struct {
	*pair
	rules nametrans.Rules
}

func newRuled(t *testing.T, far, near mirrortest.Options, texts ...string) *ruled {
	t.Helper()
	r := &ruled{pair: newPair(t, far, near)}
	r.rule(texts...)
	return r
}

// rule sets the rules: near, far, near, far …
func (r *ruled) rule(texts ...string) {
	r.t.Helper()
	var list []nametrans.RuleText
	for pair := range slices.Chunk(texts, 2) {
		list = append(list, nametrans.RuleText{Near: pair[0], Far: pair[1]})
	}
	rules, err := nametrans.NewRules(list)
	if err != nil {
		r.t.Fatalf("%v", err)
	}
	r.rules = rules
}

// sync runs once and fails the test when the run ends other than with exit.
func (r *ruled) sync(exit int) mirror.Result {
	r.t.Helper()
	runner := &mirror.Runner{Names: [2]string{"server", "laptop"}, State: r.state, Policy: r.policy, Rules: r.rules, Now: r.clock.Now, Sleep: r.clock.Sleep}
	for _, s := range mirror.Sides {
		runner.Repositories[s] = r.servers[s].Repository()
	}
	result, err := runner.Run(r.t.(*testing.T).Context())
	if got := mirror.Exit(result, err); got != exit {
		r.t.Fatalf("got exit %d, %v, problems %v, want %d", got, err, result.Problems, exit)
	}
	r.checkState()
	return result
}

func (r *ruled) wantCounts(s mirror.Side, want map[string]int) {
	r.t.Helper()
	dump := r.servers[s].Dump()
	for text, n := range want {
		if got := len(dump[nametrans.MustName(strings.Split(text, "|")...)]); got != n {
			r.t.Errorf("%s %s holds %d, want %d", s, text, got, n)
		}
	}
	for name, list := range dump {
		if _, ok := want[strings.Join(name.Components(), "|")]; !ok && len(list) > 0 {
			r.t.Errorf("%s %s holds %d and was not expected", s, name.String(), len(list))
		}
	}
}

func sides() (far, near mirrortest.Options) { return mirrortest.Options{}, maildirLike() }

// TestNames: mail goes both ways between mailboxes of two names, and moves too.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, kinds := range [][2]mirrortest.Options{{{}, maildirLike()}, {{}, {}}, {maildirLike(), maildirLike()}, {{NoUIDPlus: true}, maildirLike()}} {
		r := newRuled(t, kinds[0], kinds[1], "Sent", "[Gmail]/Sent Mail", "Lists/*", "Mailing lists/*")
		far, near := r.servers[mirror.Far], r.servers[mirror.Near]
		sentFar, listFar := box("[Gmail]", "Sent Mail"), box("Mailing lists", "go")
		far.CreateMailbox(sentFar, imap.MailboxAttrSent)
		far.CreateMailbox(listFar, "")
		near.CreateMailbox(box("Lists", "rust"), "")
		r.deliver(mirror.Far, sentFar, letter(1), mirror.Flags{})
		r.deliver(mirror.Far, listFar, letter(2), mirror.Flags{})
		r.deliver(mirror.Near, box("Lists", "rust"), letter(3), mirror.Flags{})
		for range 3 {
			r.sync(mirror.ExitDone)
		}
		r.wantCounts(mirror.Near, map[string]int{"Sent": 1, "Lists|go": 1, "Lists|rust": 1})
		r.wantCounts(mirror.Far, map[string]int{"[Gmail]|Sent Mail": 1, "Mailing lists|go": 1, "Mailing lists|rust": 1})

		near.Move(box("Lists", "rust"), near.Messages(box("Lists", "rust"))[0].ID, box("Sent"))
		far.SetFlags(listFar, 1, flags(`\Flagged`))
		for range 3 {
			r.sync(mirror.ExitDone)
		}
		r.wantCounts(mirror.Near, map[string]int{"Sent": 2, "Lists|go": 1})
		r.wantCounts(mirror.Far, map[string]int{"[Gmail]|Sent Mail": 2, "Mailing lists|go": 1})
		if got := r.servers[mirror.Near].Dump()[box("Lists", "go")][0].Flags; got == "" {
			t.Error("the flag did not travel")
		}
		if result := r.sync(mirror.ExitDone); result.Changed {
			t.Errorf("a further run changed something: %+v", result.Summary)
		}
	}
}

// TestNamesByRole: the mailbox of a special use is paired with that of the other side,
// whatever they are called, also where one side has none yet.
func TestNamesByRole(t *testing.T) {
	t.Parallel()
	far, near := sides()
	r := newRuled(t, far, near, `\Sent`, `\Sent`, `\Junk`, `\Junk`)
	r.servers[mirror.Far].CreateMailbox(box("Gesendet"), imap.MailboxAttrSent)
	r.servers[mirror.Far].CreateMailbox(box("Bulk"), imap.MailboxAttrJunk)
	r.servers[mirror.Near].CreateMailbox(box("Sent Items"), imap.MailboxAttrSent)
	r.deliver(mirror.Far, box("Gesendet"), letter(1), mirror.Flags{})
	r.deliver(mirror.Near, box("Sent Items"), letter(2), mirror.Flags{})
	r.deliver(mirror.Far, box("Bulk"), letter(3), mirror.Flags{})
	for range 2 {
		r.sync(mirror.ExitDone)
	}
	r.wantCounts(mirror.Far, map[string]int{"Gesendet": 2, "Bulk": 1})
	r.wantCounts(mirror.Near, map[string]int{"Sent Items": 2, "Junk": 1})
}

// TestNamesThatMeet: what the rules would make one mailbox is left alone on both sides,
// and named with both sources; the others go on. Once one of them is gone it goes on.
func TestNamesThatMeet(t *testing.T) {
	t.Parallel()
	far, near := sides()
	r := newRuled(t, far, near, "Sent", "[Gmail]/Sent Mail")
	sentFar := box("[Gmail]", "Sent Mail")
	r.servers[mirror.Far].CreateMailbox(sentFar, "")
	r.deliver(mirror.Far, sentFar, letter(1), mirror.Flags{})
	r.sync(mirror.ExitDone)
	r.servers[mirror.Far].CreateMailbox(box("Sent"), "")
	r.deliver(mirror.Far, box("Sent"), letter(2), mirror.Flags{})
	r.deliver(mirror.Far, sentFar, letter(3), mirror.Flags{})
	r.deliver(mirror.Far, nametrans.Inbox, letter(4), mirror.Flags{})
	r.servers[mirror.Far].Remove(sentFar, 1)
	result := r.sync(mirror.ExitPartly)
	r.wantCounts(mirror.Near, map[string]int{"Sent": 1, "INBOX": 1})
	r.wantCounts(mirror.Far, map[string]int{"[Gmail]|Sent Mail": 1, "Sent": 1, "INBOX": 1})
	named := func(p mirror.Problem) bool {
		return strings.Contains(p.Reason, `far "Sent"`) && strings.Contains(p.Reason, `far "[Gmail]/Sent Mail"`)
	}
	if !slices.ContainsFunc(result.Problems, named) {
		t.Errorf("got problems %v, want both sources named", result.Problems)
	}
	r.servers[mirror.Far].DeleteMailbox(box("Sent"))
	for range 2 {
		r.sync(mirror.ExitDone)
	}
	r.wantCounts(mirror.Near, map[string]int{"Sent": 1, "INBOX": 1})
	r.wantCounts(mirror.Far, map[string]int{"[Gmail]|Sent Mail": 1, "INBOX": 1})
}

// TestOtherRules: where other rules lead to another mailbox, of the same UIDVALIDITY even,
// its UIDs are not taken for those of the one before. Nothing is removed, nothing copied.
func TestOtherRules(t *testing.T) {
	t.Parallel()
	far, near := sides()
	r := newRuled(t, far, near, "Sent", "Sent Mail", "Older", "Old")
	for i, name := range []string{"Sent Mail", "Old"} {
		r.servers[mirror.Far].CreateMailbox(box(name), "")
		r.servers[mirror.Far].Renumber(box(name), 7)
		for n := range 3 - i {
			r.deliver(mirror.Far, box(name), letter(10*i+n), mirror.Flags{})
		}
	}
	r.sync(mirror.ExitDone)
	before := len(r.writes())
	r.rule("Sent", "Old", "Older", "Sent Mail")
	for range 3 {
		if result := r.sync(mirror.ExitPartly); len(result.Problems) != 4 || !strings.Contains(result.Problems[0].Reason, "was with") {
			t.Fatalf("got %+v", result.Problems)
		}
	}
	if now := r.writes(); len(now) != before {
		t.Errorf("got %v", now[before:])
	}
	r.rule("Sent", "Sent Mail", "Older", "Old")
	r.sync(mirror.ExitDone)
	r.wantCounts(mirror.Near, map[string]int{"Sent": 3, "Older": 2})
}

// TestOtherRulesMeet: names that are stopped count as there, and so stop nothing else.
// Far "Sent Mail" has no rule any more, and is not copied once more under its own name.
func TestOtherRulesMeet(t *testing.T) {
	t.Parallel()
	far, near := sides()
	r := newRuled(t, far, near, "Sent", "Sent Mail")
	for i, name := range []string{"Sent Mail", "Old"} {
		r.servers[mirror.Far].CreateMailbox(box(name), "")
		r.deliver(mirror.Far, box(name), letter(10*i), mirror.Flags{})
	}
	r.sync(mirror.ExitDone)
	r.rule("Sent", "Old")
	r.deliver(mirror.Far, nametrans.Inbox, letter(20), mirror.Flags{})
	r.sync(mirror.ExitPartly)
	r.wantCounts(mirror.Near, map[string]int{"Sent": 1, "Old": 1, "INBOX": 1})
	r.wantCounts(mirror.Far, map[string]int{"Sent Mail": 1, "Old": 1, "INBOX": 1})
}
