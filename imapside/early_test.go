package imapside_test

import (
	"errors"
	"testing"

	"mailtwin/imapside"
	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
)

// changing announces that messages of Box, then of Other are changed.
func changing() []mirror.Expected {
	return []mirror.Expected{{Name: box, Changes: true}, {Name: other, Changes: true}}
}

// seen marks UID 1.
var seen = []mirror.FlagChange{{Ref: mirror.Ref{UID: 1}, Add: mirror.MakeFlags(`\Seen`)}}

const markSeen = `UID STORE 1 +FLAGS (\Seen)`

// TestSelectEarly: the mailbox that is changed next is selected behind the last
// command in the one before, and not once more.
func TestSelectEarly(t *testing.T) {
	together := []imaptest.Step{imaptest.Expect(markSeen), imaptest.Expect("SELECT Other"),
		send(`* 1 FETCH (UID 1 FLAGS (\Seen))`, "$6 OK ok", "* 3 EXISTS", "* OK [UIDVALIDITY 7] ok", "* OK [UIDNEXT 9] ok", "$7 OK [READ-WRITE] ok")}
	r, inBox, inOther := twoOpen(t, "", selecting("Box", "7"), together, do(markSeen, `* 1 FETCH (UID 1 FLAGS (\Seen))`, "$tag OK ok"), bye)
	r.Expect(t.Context(), changing())
	for _, m := range []mirror.Mailbox{inBox, inOther} {
		if stored, err := m.Store(t.Context(), seen); err != nil || len(stored) != 1 || stored[0].Err != nil || !stored[0].Flags.Has(`\Seen`) {
			t.Errorf("got %+v, %v; want it stored", stored, err)
		}
	}
}

// TestSelectEarlyAndBack: where there is more to ask, the mailbox is selected again
// first.
func TestSelectEarlyAndBack(t *testing.T) {
	together := []imaptest.Step{imaptest.Expect(markSeen), imaptest.Expect("SELECT Other"),
		send("$6 NO no", "* 3 EXISTS", "* OK [UIDVALIDITY 7] ok", "* OK [UIDNEXT 9] ok", "$7 OK [READ-WRITE] ok")}
	r, inBox, _ := twoOpen(t, "", selecting("Box", "7"), together, selecting("Box", "7"),
		do("UID FETCH 1 (UID FLAGS)", `* 1 FETCH (UID 1 FLAGS (\Seen))`, "$tag OK ok"), bye)
	r.Expect(t.Context(), changing())
	if stored, err := inBox.Store(t.Context(), seen); err != nil || len(stored) != 1 || stored[0].Err != nil {
		t.Errorf("got %+v, %v; want it stored in spite of NO", stored, err)
	}
}

// TestSelectEarlyRenumbered: nothing is changed in a mailbox whose UIDs mean
// something else by now.
func TestSelectEarlyRenumbered(t *testing.T) {
	together := []imaptest.Step{imaptest.Expect(markSeen), imaptest.Expect("SELECT Other"),
		send(`* 1 FETCH (UID 1 FLAGS (\Seen))`, "$6 OK ok", "* 3 EXISTS", "* OK [UIDVALIDITY 8] ok", "* OK [UIDNEXT 9] ok", "$7 OK [READ-WRITE] ok")}
	r, inBox, inOther := twoOpen(t, "", selecting("Box", "7"), together, selecting("Other", "8"), bye)
	r.Expect(t.Context(), changing())
	if _, err := inBox.Store(t.Context(), seen); err != nil {
		t.Fatal(err)
	}
	if _, err := inOther.Store(t.Context(), seen); !errors.Is(err, mirror.ErrRenumbered) {
		t.Errorf("got %v, want ErrRenumbered", err)
	}
}

// TestSelectEarlyIsForgotten: what was selected early does not show what was stored
// there since, nor what else was announced. It is selected again.
func TestSelectEarlyIsForgotten(t *testing.T) {
	together := []imaptest.Step{imaptest.Expect(markSeen), imaptest.Expect("SELECT Other"),
		send(`* 1 FETCH (UID 1 FLAGS (\Seen))`, "$6 OK ok", "* 3 EXISTS", "* OK [UIDVALIDITY 7] ok", "* OK [UIDNEXT 9] ok", "$7 OK [READ-WRITE] ok")}
	mark := do(markSeen, `* 1 FETCH (UID 1 FLAGS (\Seen))`, "$tag OK ok")
	for name, c := range map[string]struct {
		script []imaptest.Step
		first  func(r *imapside.Repository, inOther mirror.Mailbox) error
	}{
		"Append": {uploadTo("Other", "", "body", "$tag OK ok"), func(_ *imapside.Repository, inOther mirror.Mailbox) error {
			_, err := inOther.Append(t.Context(), batch(incoming("", "body")))
			return err
		}},
		"Expect": {nil, func(r *imapside.Repository, _ mirror.Mailbox) error { r.Expect(t.Context(), nil); return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			r, inBox, inOther := twoOpen(t, "LITERAL+", selecting("Box", "7"), together, c.script, selecting("Other", "7"), mark, bye)
			r.Expect(t.Context(), changing())
			if _, err := inBox.Store(t.Context(), seen); err != nil {
				t.Fatal(err)
			}
			if err := c.first(r, inOther); err != nil {
				t.Fatal(err)
			}
			if stored, err := inOther.Store(t.Context(), seen); err != nil || len(stored) != 1 || stored[0].Err != nil {
				t.Errorf("got %+v, %v; want it stored", stored, err)
			}
		})
	}
}

// TestOpenAhead: mailboxes that are going to be opened are selected in one turn.
func TestOpenAhead(t *testing.T) {
	both := []imaptest.Step{imaptest.Expect("SELECT Box"), imaptest.Expect("SELECT Other"),
		send("* 3 EXISTS", "* OK [UIDVALIDITY 7] ok", "* OK [UIDNEXT 9] ok", "$3 OK [READ-WRITE] ok",
			"* 3 EXISTS", "* OK [UIDVALIDITY 8] ok", "* OK [UIDNEXT 5] ok", "$4 OK [READ-WRITE] ok")}
	r := play(t, steps(signIn(""), both, bye)...)
	if _, err := r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite}); err != nil {
		t.Fatal(err)
	}
	listed := &mirror.Checkpoint{UIDValidity: 7, UIDNext: 9, Messages: 3}
	r.Expect(t.Context(), []mirror.Expected{{Name: box, Access: mirror.ReadWrite, Listed: listed}, {Name: other, Access: mirror.ReadWrite, Listed: listed}})
	for _, c := range []struct {
		name mirror.Name
		want mirror.Checkpoint
	}{{box, mirror.Checkpoint{UIDValidity: 7, UIDNext: 9, Messages: 3}}, {other, mirror.Checkpoint{UIDValidity: 8, UIDNext: 5, Messages: 3}}} {
		m, err := r.Open(t.Context(), c.name, mirror.ReadWrite, mirror.Checkpoint{})
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Status(); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestCreateAhead: mailboxes are made in one turn; what was refused is looked into
// as ever, and subscribed to once it is there.
func TestCreateAhead(t *testing.T) {
	together := []imaptest.Step{imaptest.Expect("CREATE Box"), imaptest.Expect("SUBSCRIBE Box"), imaptest.Expect("CREATE Other"), imaptest.Expect("SUBSCRIBE Other"),
		send("$3 NO is there", "$4 NO not yet", "$5 OK ok", "$6 OK ok")}
	r := connect(t, "", together, do(`LIST "" "Box"`, `* LIST () "/" Box`, "$tag OK ok"), do("SUBSCRIBE Box", "$tag OK ok"))
	r.Expect(t.Context(), []mirror.Expected{{Name: box, Create: true, Subscribed: true}, {Name: other, Create: true, Subscribed: true}})
	for _, name := range []mirror.Name{box, other} {
		if err := r.Create(t.Context(), name, ""); err != nil {
			t.Errorf("create %s: %v", name, err)
		}
		if err := r.Subscribe(t.Context(), name, true); err != nil {
			t.Errorf("subscribe to %s: %v", name, err)
		}
	}
}
