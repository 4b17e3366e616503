package imapside_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
)

// listingString writes a listing as one line.
func listingString(l mirror.Listing) string {
	var parts []string
	for _, m := range l.Mailboxes {
		one := m.Name.String()
		if m.Role != "" {
			one += " " + string(m.Role)
		}
		if m.Subscribed {
			one += " sub"
		}
		if m.NoSelect {
			one += " noselect"
		}
		if s := m.Status; s != nil {
			one += fmt.Sprintf(" %d:%d/%d", s.UIDValidity, s.UIDNext, s.Messages)
			if s.HighestModSeq != 0 {
				one += fmt.Sprintf(" @%d", s.HighestModSeq)
			}
		}
		parts = append(parts, one)
	}
	for _, r := range l.Refused {
		parts = append(parts, fmt.Sprintf("refused %q", r.Raw))
	}
	return strings.Join(parts, ", ")
}

const (
	listStatus  = "LIST-EXTENDED LIST-STATUS SPECIAL-USE"
	listAll     = `LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY))`
	listAllSeq  = `LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))`
	statusItems = " (MESSAGES UIDNEXT UIDVALIDITY)"
)

func TestList(t *testing.T) {
	for _, c := range []struct {
		name   string
		caps   string
		script [][]imaptest.Step
		want   string
	}{
		{"one turn", listStatus + " CONDSTORE", [][]imaptest.Step{do(listAllSeq,
			`* LIST (\Subscribed \HasNoChildren) "/" INBOX`, "* STATUS INBOX (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7 HIGHESTMODSEQ 55)",
			`* LIST (\Sent) "/" "Out box"`, `* STATUS "Out box" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 8 HIGHESTMODSEQ 1)`,
			`* LIST (\NonExistent) "/" Lists`,
			`* LIST () "/" Lists/go-nuts`, "$tag OK ok")},
			`INBOX sub 7:9/3 @55, Lists noselect, Lists/go-nuts, Out box \Sent 8:1/0 @1`},
		{"LIST, LSUB and STATUS for each", "", [][]imaptest.Step{
			do(`LIST "" "*"`, `* LIST () "/" INBOX`, `* LIST (\Noselect) "/" A`, `* LIST () "/" A/B`, `* LIST () "/" C`, "$tag OK ok"),
			do(`LSUB "" "*"`, `* LSUB () "/" A/B`, `* LSUB () "/" Forgotten`, "$tag OK ok"),
			do("STATUS INBOX"+statusItems, "* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3)", "$tag OK ok"),
			do("STATUS A/B"+statusItems, "$tag NO no"),
			do("STATUS C"+statusItems, "$tag OK ok")},
			"A noselect, A/B sub, C, INBOX 3:2/1"},
		{"special uses by XLIST", "XLIST", [][]imaptest.Step{
			do(`LIST "" "*"`, `* LIST () "/" INBOX`, `* LIST () "/" "Poczta/Spam"`, `* LIST () "/" "Poczta/Starsze"`, `* LIST () "/" "Poczta/Wszystko"`, "$tag OK ok"),
			do(`LSUB "" "*"`, "$tag OK ok"),
			do(`XLIST "" "*"`, `* XLIST (\HasNoChildren \Inbox) "/" INBOX`, `* XLIST (\HasNoChildren \Spam) "/" "Poczta/Spam"`, `* XLIST (\HasNoChildren \Trash) "/" "Poczta/Starsze"`,
				`* XLIST (\AllMail) "/" "Poczta/Wszystko"`, "$tag OK ok"),
			do("STATUS INBOX"+statusItems, "$tag NO no"), do("STATUS Poczta/Spam"+statusItems, "$tag NO no"),
			do("STATUS Poczta/Starsze"+statusItems, "$tag NO no"), do("STATUS Poczta/Wszystko"+statusItems, "$tag NO no")},
			`INBOX, Poczta/Spam \Junk, Poczta/Starsze \Trash, Poczta/Wszystko \All`},
		{"XLIST refused", "XLIST", [][]imaptest.Step{
			do(`LIST "" "*"`, `* LIST () "/" "Kosz"`, "$tag OK ok"), do(`LSUB "" "*"`, "$tag OK ok"), do(`XLIST "" "*"`, "$tag BAD what"),
			do("STATUS Kosz"+statusItems, "$tag NO no")},
			`Kosz \Trash`},
		{"UIDVALIDITY 0, and half a STATUS", listStatus, [][]imaptest.Step{do(listAll,
			`* LIST () "/" A`, "* STATUS A (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 0)", `* LIST () "/" B`, "* STATUS B ()", "$tag OK ok")},
			"A 1:2/1, B 0:0/0"},
		{"INBOX in any case, twice", listStatus, [][]imaptest.Step{do(listAll,
			`* LIST () "/" Inbox`, `* LIST (\Subscribed) "/" INBOX`, "* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3)", "$tag OK ok")},
			"INBOX sub 3:2/1"},
		{"names that cannot be kept", listStatus, [][]imaptest.Step{do(listAll,
			`* LIST () "/" "a//b"`, `* LIST (\Noselect) "/" "c//"`, `* LIST () "/" "&AMQ-"`, `* LIST () "/" ".."`, `* LIST () "/" "R&D"`, "$tag OK ok")},
			`R&D, Ä, refused "a//b", refused ".."`},
		{"a role for one", listStatus, [][]imaptest.Step{do(listAll,
			`* LIST (\Trash) "/" Bin`, `* LIST (\Trash) "/" Bin2`, `* LIST () "/" Trash`, `* LIST () "/" "Sent Items"`, `* LIST () "/" Sent`,
			`* LIST () "/" "Entw&APw-rfe"`, `* LIST () "/" "a/Spam"`, `* LIST () "/" "INBOX/Junk"`, `* LIST (\All) "/" All`, "$tag OK ok")},
			`All \All, Bin \Trash, Bin2, Entwürfe \Drafts, INBOX/Junk \Junk, Sent \Sent, Sent Items, Trash, a/Spam`},
		{"RETURN refused although advertised", listStatus, [][]imaptest.Step{
			do(listAll, "$tag BAD what"), do(`LIST "" "*"`, `* LIST () "/" A`, "$tag OK ok"), do(`LSUB "" "*"`, "$tag OK ok"),
			do("STATUS A"+statusItems, "* STATUS A (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3)", "$tag OK ok")},
			"A 3:2/1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			listing, err := connect(t, c.caps, c.script...).List(t.Context(), false)
			if got := listingString(listing); err != nil || got != c.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, c.want)
			}
			for _, r := range listing.Refused {
				if !errors.Is(r.Err, mirror.ErrName) {
					t.Errorf("refused %q: got %v, want %v", r.Raw, r.Err, mirror.ErrName)
				}
			}
		})
	}
}

func TestListErrors(t *testing.T) {
	r := connect(t, "", do(`LIST "" "*"`, "$tag OK ok"), do(`LSUB "" "*"`, "$tag NO no"))
	if l, err := r.List(t.Context(), false); err == nil {
		t.Errorf("got %+v without the subscriptions, want an error", l)
	}
	r = connectLost(t, "", []imaptest.Step{imaptest.Expect(`LIST "" "*"`), send(`* LIST () "/" A`), imaptest.Close()})
	if l, err := r.List(t.Context(), false); !errors.Is(err, mirror.ErrCut) {
		t.Errorf("got %+v, %v; want %v", l, err, mirror.ErrCut)
	}
}

// TestNamespaces: only the personal namespace is listed, its prefix is no part
// of names, and names go out as they came in.
func TestNamespaces(t *testing.T) {
	const caps = "NAMESPACE " + listStatus
	for _, c := range []struct {
		name      string
		namespace string
		listed    []string
		want      string
		wire      string // of Box
	}{
		{"everything below INBOX", `(("INBOX." ".")) (("user." ".")) (("" "."))`,
			[]string{`* LIST () "." INBOX`, `* LIST () "." INBOX.Box`, `* LIST () "." user.bob`, `* LIST () "." news`}, "Box, INBOX", "INBOX.Box"},
		{"others below a prefix", `(("" "/")) (("Other Users/" "/")) (("Shared/" "/"))`,
			[]string{`* LIST () "/" Box`, `* LIST () "/" "Other Users/bob"`, `* LIST (\Noselect) "/" Shared`, `* LIST () "/" Shared/x`, `* LIST () "/" Shared2`}, "Box, Shared2", "Box"},
		{"outside of every namespace", `(("mail/" "/")) NIL NIL`,
			[]string{`* LIST (\Noselect) "/" mail`, `* LIST () "/" mail/Box`, `* LIST () "/" stray`}, `Box, refused "stray"`, "mail/Box"},
		{"no delimiter", `(("" NIL)) NIL NIL`,
			[]string{`* LIST () NIL Box`}, "Box", "Box"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			login := signIn(caps)[:3] // without LIST "" ""
			r := play(t, steps(login,
				do("NAMESPACE", "* NAMESPACE "+c.namespace, "$tag OK ok"),
				do(listAll, append(c.listed, "$tag OK ok")...),
				do("SELECT "+c.wire, "$tag NO [NONEXISTENT] no"), bye)...)
			if _, err := r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite}); err != nil {
				t.Fatal(err)
			}
			listing, err := r.List(t.Context(), false)
			if got := listingString(listing); err != nil || got != c.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, c.want)
			}
			if _, err := r.Open(t.Context(), box, mirror.ReadWrite, mirror.Checkpoint{}); !errors.Is(err, mirror.ErrNoMailbox) {
				t.Errorf("got %v, want %v", err, mirror.ErrNoMailbox)
			}
		})
	}
}
