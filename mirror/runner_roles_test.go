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

// Legend: far "A" has the role \Sent and two messages, far "B" has one and no role. After
// the first run they are near "Sent" and near "B", or what near has with that role.

func sentPair(t *testing.T, near mirrortest.Options, nearRole ...string) *ruled {
	r := newRuled(t, mirrortest.Options{}, near, `\Sent`, `\Sent`)
	r.servers[mirror.Far].CreateMailbox(box("A"), imap.MailboxAttrSent)
	r.servers[mirror.Far].CreateMailbox(box("B"), "")
	for _, name := range nearRole {
		r.servers[mirror.Near].CreateMailbox(box(name), imap.MailboxAttrSent)
	}
	for i, name := range []string{"A", "A", "B"} {
		r.deliver(mirror.Far, box(name), letter(i), mirror.Flags{})
	}
	for range 2 {
		r.sync(mirror.ExitDone)
	}
	return r
}

// TestRoleChanges: a server that tells a role of another mailbox than before, or of none,
// stops what that concerns. Nothing is removed, and nothing is copied to where it is not
// yet; once the role is back all goes on, with what came meanwhile.
func TestRoleChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what   string
		near   []string // with the role
		change func(far, near *mirrortest.Server)
		back   func(far, near *mirrortest.Server)
	}{
		{"untold by far", nil,
			func(far, _ *mirrortest.Server) { far.CreateMailbox(box("A"), "") },
			func(far, _ *mirrortest.Server) { far.CreateMailbox(box("A"), imap.MailboxAttrSent) }},
		{"moved on far", nil,
			func(far, _ *mirrortest.Server) {
				far.CreateMailbox(box("A"), "")
				far.CreateMailbox(box("B"), imap.MailboxAttrSent)
			},
			func(far, _ *mirrortest.Server) {
				far.CreateMailbox(box("A"), imap.MailboxAttrSent)
				far.CreateMailbox(box("B"), "")
			}},
		{"moved to a mailbox that is new on far", nil,
			func(far, _ *mirrortest.Server) {
				far.CreateMailbox(box("A"), "")
				far.CreateMailbox(box("C"), imap.MailboxAttrSent)
			},
			func(far, _ *mirrortest.Server) {
				far.CreateMailbox(box("A"), imap.MailboxAttrSent)
				far.DeleteMailbox(box("C"))
			}},
		{"untold by near", []string{"Gone out"},
			func(_, near *mirrortest.Server) { near.CreateMailbox(box("Gone out"), "") },
			func(_, near *mirrortest.Server) { near.CreateMailbox(box("Gone out"), imap.MailboxAttrSent) }},
		{"moved on near", []string{"Gone out"},
			func(_, near *mirrortest.Server) {
				near.CreateMailbox(box("Gone out"), "")
				near.CreateMailbox(box("Newer"), imap.MailboxAttrSent)
			},
			func(_, near *mirrortest.Server) {
				near.CreateMailbox(box("Gone out"), imap.MailboxAttrSent)
				near.DeleteMailbox(box("Newer"))
			}},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			r := sentPair(t, mirrortest.Options{}, c.near...)
			far, near := r.servers[mirror.Far], r.servers[mirror.Near]
			sent := slices.Concat(c.near, []string{"Sent"})[0]
			r.wantCounts(mirror.Near, map[string]int{sent: 2, "B": 1})
			c.change(far, near)
			r.deliver(mirror.Far, nametrans.Inbox, append(letter(7), "More.\r\n"...), mirror.Flags{}) // no other has its size
			far.Remove(box("A"), 1)
			near.Move(box(sent), near.Messages(box(sent))[1].ID, nametrans.Inbox)
			for range 3 {
				r.sync(mirror.ExitPartly)
			}
			r.wantCounts(mirror.Far, map[string]int{"INBOX": 1, "A": 1, "B": 1})
			r.wantCounts(mirror.Near, map[string]int{"INBOX": 2, sent: 1, "B": 1})

			c.back(far, near)
			for range 3 {
				r.sync(mirror.ExitDone)
			}
			r.wantCounts(mirror.Near, map[string]int{"INBOX": 2, "B": 1, "Trash": 1})
			r.wantCounts(mirror.Far, map[string]int{"INBOX": 2, "B": 1, "Trash": 1})
		})
	}
}

// TestRulesTakenAway: mailboxes that lead elsewhere without their rule are neither copied
// anew nor missing, so that the others go on. Where near was renamed by hand as well,
// they are united.
func TestRulesTakenAway(t *testing.T) {
	t.Parallel()
	far, near := sides()
	r := newRuled(t, far, near, "Lists/*", "Mailing lists/*")
	lists := []string{"a", "b", "c", "d"}
	for i, list := range lists {
		r.servers[mirror.Far].CreateMailbox(box("Mailing lists", list), "")
		r.deliver(mirror.Far, box("Mailing lists", list), letter(i), mirror.Flags{})
	}
	r.sync(mirror.ExitDone)
	r.rule()
	r.deliver(mirror.Far, nametrans.Inbox, append(letter(9), "More.\r\n"...), mirror.Flags{}) // no other has its size
	result := r.sync(mirror.ExitPartly)
	r.wantCounts(mirror.Near, map[string]int{"INBOX": 1, "Lists|a": 1, "Lists|b": 1, "Lists|c": 1, "Lists|d": 1})
	told := func(p mirror.Problem) bool {
		return strings.Contains(p.Reason, `far "Mailing lists/a"`) && strings.Contains(p.Reason, `near "Lists/a"`)
	}
	if !slices.ContainsFunc(result.Problems, told) {
		t.Errorf("got problems %v, want both names", result.Problems)
	}
	r.servers[mirror.Near].RenameMailbox(box("Lists", "a"), box("Mailing lists", "a"))
	for range 3 {
		r.sync(mirror.ExitPartly)
	}
	r.deliver(mirror.Far, box("Mailing lists", "a"), letter(10), mirror.Flags{})
	r.sync(mirror.ExitPartly)
	r.wantCounts(mirror.Near, map[string]int{"INBOX": 1, "Mailing lists|a": 2, "Lists|b": 1, "Lists|c": 1, "Lists|d": 1})
	r.wantCounts(mirror.Far, map[string]int{"INBOX": 1, "Mailing lists|a": 2, "Mailing lists|b": 1, "Mailing lists|c": 1, "Mailing lists|d": 1})
}

// TestTopRule: where everything of far lies below one name of near, that name holds no
// mail and stops nothing, and removals on far find a trash.
func TestTopRule(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ near, far, trash, nearTrash string }{
		{"Top/*", "*", "Trash", "Top|Trash"},
		{"Deleted", "Trash", "Trash", "Deleted"},
		{"Trash", "Papierkorb", "Papierkorb", "Trash"},
	} {
		r := newRuled(t, mirrortest.Options{}, maildirLike(), c.near, c.far)
		r.servers[mirror.Far].CreateMailbox(box("A"), "")
		r.deliver(mirror.Far, box("A"), letter(1), mirror.Flags{})
		r.deliver(mirror.Far, box("A"), letter(2), mirror.Flags{})
		for range 2 {
			r.sync(mirror.ExitDone)
		}
		a := "A"
		if c.near == "Top/*" {
			a = "Top|A"
		}
		near := r.servers[mirror.Near]
		nearA := box(strings.Split(a, "|")...)
		near.Remove(nearA, near.Messages(nearA)[0].ID)
		for range 3 {
			r.sync(mirror.ExitDone)
		}
		r.wantCounts(mirror.Far, map[string]int{"A": 1, c.trash: 1})
		r.wantCounts(mirror.Near, map[string]int{a: 1, c.nearTrash: 1})
	}
}

// TestMovedOutOfStopped: what leaves a mailbox that is stopped waits, and is there once.
func TestMovedOutOfStopped(t *testing.T) {
	t.Parallel()
	for _, rule := range [][]string{
		{}, {"Other", "A"}, {"Sent", "B"}, // far "A" leads elsewhere
		{"Other", "A", "C", "B"}, // and is itself stopped by rules, as near has an "A", too
	} {
		r := newRuled(t, mirrortest.Options{}, maildirLike(), "Sent", "A")
		far := r.servers[mirror.Far]
		far.CreateMailbox(box("A"), "")
		far.CreateMailbox(box("B"), "")
		r.deliver(mirror.Far, box("A"), letter(1), mirror.Flags{})
		r.deliver(mirror.Far, box("A"), append(letter(2), "More.\r\n"...), mirror.Flags{})
		for range 2 {
			r.sync(mirror.ExitDone)
		}
		r.rule(rule...)
		if len(rule) > 2 {
			r.servers[mirror.Near].CreateMailbox(box("A"), "")
		}
		far.Move(box("A"), 1, nametrans.Inbox)
		for range 2 {
			result := r.sync(mirror.ExitPartly)
			if slices.ContainsFunc(result.Problems, func(p mirror.Problem) bool { return strings.Contains(p.Reason, "missing") }) {
				t.Errorf("%v: got problems %v, but nothing is missing", rule, result.Problems)
			}
		}
		r.wantCounts(mirror.Near, map[string]int{"Sent": 2})
		r.rule("Sent", "A")
		if len(rule) > 2 {
			r.servers[mirror.Near].DeleteMailbox(box("A"))
		}
		for range 2 {
			r.sync(mirror.ExitDone)
		}
		r.wantCounts(mirror.Far, map[string]int{"INBOX": 1, "A": 1})
		r.wantCounts(mirror.Near, map[string]int{"INBOX": 1, "Sent": 1})
	}
}

// TestMovedOutOfStoppedAndCut: it waits also in the round that follows once an uncertain
// copy has settled, in which only that one's mailbox would be looked into.
func TestMovedOutOfStoppedAndCut(t *testing.T) {
	t.Parallel()
	for _, kind := range []mirrortest.Options{{}, maildirLike()} {
		r := newRuled(t, mirrortest.Options{}, kind)
		far, near := r.servers[mirror.Far], r.servers[mirror.Near]
		far.CreateMailbox(box("A"), "")
		r.deliver(mirror.Far, box("A"), letter(1), mirror.Flags{})
		r.sync(mirror.ExitDone)
		near.Move(box("A"), near.Messages(box("A"))[0].ID, nametrans.Inbox)
		r.deliver(mirror.Near, nametrans.Inbox, append(letter(2), "More.\r\n"...), mirror.Flags{})
		r.rule("Sent", "A")
		far.CutAppend(0, mirrortest.Fate{Never: true})
		if result := r.sync(mirror.ExitTemporary); result.Changed {
			t.Errorf("got %+v, want a cut", result.Summary)
		}
		for range 2 {
			r.sync(mirror.ExitPartly)
		}
		r.wantCounts(mirror.Far, map[string]int{"INBOX": 1, "A": 1})
	}
}
