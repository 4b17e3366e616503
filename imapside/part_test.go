package imapside_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// numbered are the UIDs from first to last.
func numbered(first, last imap.UID) (uids []imap.UID) {
	for uid := first; uid <= last; uid++ {
		uids = append(uids, uid)
	}
	return uids
}

// flagsAre are FETCH replies for uids, without flags but for the last one's.
func flagsAre(last string, uids ...imap.UID) (lines []string) {
	for i, uid := range uids {
		flags := ""
		if i == len(uids)-1 {
			flags = last
		}
		lines = append(lines, fmt.Sprintf("* %d FETCH (UID %d FLAGS (%s))", uid, uid, flags))
	}
	return lines
}

// TestNewest: without mod-sequences, the flags of old messages are as they were, and
// what came and what went is seen all the same.
func TestNewest(t *testing.T) {
	const newestFlags, above, search = "UID FETCH 201:1200 (UID FLAGS)", "UID FETCH 1201:* (UID FLAGS INTERNALDATE RFC822.SIZE)", "UID SEARCH UID 1:*"
	at := checkpoint(1201, 1200, 0)
	newest := func(lines ...string) []imaptest.Step {
		return do(newestFlags, append(lines, "$tag OK done")...)
	}
	fully := func(lines ...string) []imaptest.Step {
		return steps(do("UID FETCH 1:1200 (UID FLAGS)", append(lines, "$tag OK done")...), do(above, "$tag OK done"))
	}
	without := func(gone imap.UID) []imap.UID {
		return slices.DeleteFunc(numbered(1, 1200), func(uid imap.UID) bool { return uid == gone })
	}
	nothing := do(above, "$tag OK done")
	whole := known("", numbered(1, 1200)...)
	full := whole
	full.Full = true
	for _, c := range []struct {
		name   string
		script []imaptest.Step
		known  mirror.Known
		want   string
		full   bool
	}{
		{"a flag of a new one", steps(sel("1200", "1201"), newest(flagsAre(`\Seen`, numbered(201, 1200)...)...), nothing),
			whole, `changed 1200(\Seen), total 1200; 7:1201`, false},
		{"one came: the UIDs are listed", steps(sel("1201", "1202"), newest(flagsAre("", numbered(201, 1200)...)...),
			do(above, "* 1201 FETCH (UID 1201 FLAGS () RFC822.SIZE 5)", "$tag OK done"),
			do(search, searched(numbered(1, 1201)), "$tag OK done")),
			whole, "new 1201() 5, total 1201; 7:1202", false},
		{"an old one went: the UIDs are listed", steps(sel("1199", "1201"), newest(flagsAre("", numbered(201, 1200)...)...), nothing,
			do(search, searched(without(9)), "$tag OK done")),
			whole, "gone 9, total 1199; 7:1201", false},
		{"an old one went and one came", steps(sel("1200", "1202"), newest(flagsAre("", numbered(201, 1200)...)...),
			do(above, "* 1200 FETCH (UID 1201 FLAGS () RFC822.SIZE 5)", "$tag OK done"),
			do(search, searched(append(without(9), 1201)), "$tag OK done")),
			whole, "new 1201() 5, gone 9, total 1200; 7:1202", false},
		{"a new one went: it is in no list", steps(sel("1199", "1201"), newest(flagsAre("", numbered(201, 1199)...)...), nothing,
			do(search, searched(without(1200)), "$tag OK done")),
			whole, "gone 1200, total 1199; 7:1201", false},
		{"a new one is left out: full look", steps(sel("1200", "1201"), newest(flagsAre("", numbered(201, 1199)...)...), nothing,
			sel("1200", "1201"), fully(flagsAre(`\Seen`, numbered(1, 1200)...)...)),
			whole, `changed 1200(\Seen), total 1200; 7:1201`, true},
		{"one that nobody knew: full look", steps(sel("1200", "1201"),
			do("UID FETCH 200:1200 (UID FLAGS)", append(flagsAre("", numbered(200, 1200)...), "$tag OK done")...), nothing,
			sel("1200", "1201"), fully(flagsAre("", numbered(1, 1200)...)...),
			do("UID FETCH 700 (UID FLAGS INTERNALDATE RFC822.SIZE)", "* 700 FETCH (UID 700 FLAGS () RFC822.SIZE 5)", "$tag OK done")),
			known("", slices.Concat(numbered(1, 699), numbered(701, 1200))...), "new 700() 5, total 1200; 7:1201", true},
		{"refused: full look", steps(sel("1200", "1201"), do(newestFlags, "$tag NO no"), nothing,
			sel("1200", "1201"), fully(flagsAre("", numbered(1, 1200)...)...)),
			whole, "total 1200; 7:1201", true},
		{"Full: full look", steps(sel("1200", "1201"), fully(flagsAre(`\Seen`, numbered(1, 1200)...)...)),
			full, `changed 1200(\Seen), total 1200; 7:1201`, true},
		{"no more than the newest: full look", steps(sel("1000", "1201"),
			fully(flagsAre("", numbered(201, 1200)...)...)),
			known("", numbered(201, 1200)...), "total 1000; 7:1201", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v, err := open(t, connect(t, "", c.script), at).View(t.Context(), c.known)
			if err != nil {
				t.Fatal(err)
			}
			if got := viewString(v); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if v.Full != c.full {
				t.Errorf("got full %t, want %t", v.Full, c.full)
			}
		})
	}
}

// searched is a SEARCH reply.
func searched(uids []imap.UID) string {
	line := "* SEARCH"
	for _, uid := range uids {
		line += fmt.Sprintf(" %d", uid)
	}
	return line
}

// TestNewestAhead: this look, too, is asked of all mailboxes in one turn, with the
// list of UIDs where the listing shows that it will be wanted.
func TestNewestAhead(t *testing.T) {
	const newestFlags, above = "UID FETCH 201:1200 (UID FLAGS)", "UID FETCH 1201:* (UID FLAGS INTERNALDATE RFC822.SIZE)"
	other := nametrans.MustName("Other")
	before := checkpoint(1201, 1200, 0)
	views := []mirror.Expected{
		expected(box, before, before, numbered(1, 1200)...),
		expected(other, before, checkpoint(1201, 1199, 0), numbered(1, 1200)...),
	}
	selected := func(exists string) []string {
		return []string{"* " + exists + " EXISTS", "* OK [UIDVALIDITY 7] ok", "* OK [UIDNEXT 1201] ok"}
	}
	answer := slices.Concat(selected("1200"), []string{"$3 OK [READ-WRITE] ok"}, flagsAre("", numbered(201, 1200)...), []string{"$4 OK ok", "$5 OK ok"},
		selected("1199"), []string{"$6 OK [READ-WRITE] ok"}, flagsAre("", numbered(201, 1200)...), []string{"$7 OK ok", "$8 OK ok", searched(numbered(2, 1200)), "$9 OK ok"})
	r := connect(t, "", []imaptest.Step{imaptest.Expect("SELECT Box"), imaptest.Expect(newestFlags), imaptest.Expect(above),
		imaptest.Expect("SELECT Other"), imaptest.Expect(newestFlags), imaptest.Expect(above), imaptest.Expect("UID SEARCH UID 1:*"), send(answer...)})
	r.Expect(t.Context(), views)
	for i, want := range []string{"", "gone 1"} {
		if v := openExpected(t, r, views[i]); shows(v) != want || v.Full {
			t.Errorf("%s: got %s, full %t; want %s", views[i].Name.String(), shows(v), v.Full, want)
		}
	}
}
