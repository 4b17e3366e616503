package imapside_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
	"mailtwin/nametrans"
)

func change(uid mirror.UID, add, remove string) mirror.FlagChange {
	return mirror.FlagChange{Ref: mirror.Ref{UID: uid}, Add: mirror.ParseFlags(add), Remove: mirror.ParseFlags(remove)}
}

// errorString names what err means, "" for nil.
func errorString(err error) string {
	var words []string
	for _, known := range []error{mirror.ErrNotDone, mirror.ErrRefused, mirror.ErrGone, mirror.ErrFlagRefused, mirror.ErrNoMailbox, mirror.ErrDenied} {
		if errors.Is(err, known) {
			words = append(words, " "+known.Error())
		}
	}
	if err != nil && words == nil {
		return " " + err.Error()
	}
	return strings.Join(words, ",")
}

func TestStore(t *testing.T) {
	for _, c := range []struct {
		name     string
		selected []string
		script   [][]imaptest.Step
		changes  []mirror.FlagChange
		want     string
	}{
		{"equal changes are one command", nil, [][]imaptest.Step{
			do(`UID STORE 1:2,4 +FLAGS (\Seen)`, `* 1 FETCH (UID 1 FLAGS (\Seen))`, `* 2 FETCH (UID 2 FLAGS (\Seen))`, `* 3 FETCH (FLAGS (\Seen \Recent) UID 4)`, "$tag OK ok"),
			do(`UID STORE 4 -FLAGS (\Draft)`, `* 3 FETCH (FLAGS (\Seen) UID 4)`, "$tag OK ok")},
			[]mirror.FlagChange{change(4, `\Seen`, `\Draft`), change(1, `\Seen`, ""), change(2, `\Seen`, "")},
			`4(\Seen); 1(\Seen); 2(\Seen)`},
		{"refused once, kept when asked again", nil, [][]imaptest.Step{
			do(`UID STORE 1 +FLAGS (\Seen)`, `* 1 FETCH (UID 1 FLAGS ())`, "$tag OK ok"),
			do(`UID STORE 1 +FLAGS (\Seen)`, `* 1 FETCH (UID 1 FLAGS (\Seen))`, "$tag OK ok")},
			[]mirror.FlagChange{change(1, `\Seen`, "")}, `1(\Seen)`},
		{"refused for good", nil, [][]imaptest.Step{
			do(`UID STORE 1 +FLAGS (\Seen odd)`, `* 1 FETCH (UID 1 FLAGS (\Seen))`, "$tag OK ok"),
			do(`UID STORE 1 +FLAGS (odd)`, `* 1 FETCH (UID 1 FLAGS (\Seen))`, "$tag OK ok")},
			[]mirror.FlagChange{change(1, `\Seen odd`, "")}, `1(\Seen) flag was refused`},
		{"NO for one flag does not take the others along", nil, [][]imaptest.Step{
			do(`UID STORE 1 +FLAGS (\Seen odd)`, "$tag NO no"),
			do(`UID FETCH 1 (UID FLAGS)`, `* 1 FETCH (UID 1 FLAGS ())`, "$tag OK ok"),
			do(`UID STORE 1 +FLAGS (\Seen)`, `* 1 FETCH (UID 1 FLAGS (\Seen))`, "$tag OK ok"),
			do(`UID STORE 1 +FLAGS (odd)`, "$tag NO no"),
			do(`UID FETCH 1 (UID FLAGS)`, `* 1 FETCH (UID 1 FLAGS (\Seen))`, "$tag OK ok")},
			[]mirror.FlagChange{change(1, `\Seen odd`, "")}, `1(\Seen) flag was refused`},
		{"NO, carried out in part", nil, [][]imaptest.Step{
			do(`UID STORE 1:2 +FLAGS (kw)`, `* 1 FETCH (UID 1 FLAGS (kw))`, "$tag NO too many"),
			do(`UID FETCH 1:2 (UID FLAGS)`, `* 1 FETCH (UID 1 FLAGS (kw))`, `* 2 FETCH (UID 2 FLAGS ())`, "$tag OK ok"),
			do(`UID STORE 2 +FLAGS (kw)`, "$tag NO too many"),
			do(`UID FETCH 2 (UID FLAGS)`, `* 2 FETCH (UID 2 FLAGS ())`, "$tag OK ok")},
			[]mirror.FlagChange{change(1, "kw", ""), change(2, "kw", "")}, `1(kw); 2() flag was refused`},
		{"no reply: asked for, or gone", nil, [][]imaptest.Step{
			do(`UID STORE 1:2 -FLAGS (\Seen)`, "$tag OK ok"),
			do(`UID FETCH 1:2 (UID FLAGS)`, `* 1 FETCH (UID 1 FLAGS (\Draft))`, "$tag OK ok")},
			[]mirror.FlagChange{change(1, "", `\Seen`), change(2, "", `\Seen`)}, `1(\Draft); 2() message is no longer there`},
		{"what is not stored is not sent", []string{`* OK [PERMANENTFLAGS (\Seen)] ok`}, [][]imaptest.Step{
			do(`UID STORE 1 +FLAGS (\Seen)`, `* 1 FETCH (UID 1 FLAGS (\Seen))`, "$tag OK ok"),
			do(`UID FETCH 2 (UID FLAGS)`, `* 2 FETCH (UID 2 FLAGS ())`, "$tag OK ok")},
			[]mirror.FlagChange{change(1, `\Seen kw`, ""), change(2, "kw", "")}, `1(\Seen) flag was refused; 2() flag was refused`},
		{"case does not matter", nil, [][]imaptest.Step{
			do(`UID STORE 1 +FLAGS (\Flagged $Forwarded)`, `* 1 FETCH (UID 1 FLAGS (\flagged $forwarded))`, "$tag OK ok")},
			[]mirror.FlagChange{change(1, `\Flagged $Forwarded`, "")}, `1(\Flagged $forwarded)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := open(t, connect(t, "", append([][]imaptest.Step{sel("4", "5", c.selected...)}, c.script...)...), mirror.Checkpoint{})
			results, err := m.Store(t.Context(), c.changes)
			var got []string
			for _, r := range results {
				got = append(got, fmt.Sprintf("%d(%s)%s", r.UID, r.Flags, errorString(r.Err)))
			}
			if all := strings.Join(got, "; "); err != nil || all != c.want {
				t.Errorf("got  %s, %v\nwant %s", all, err, c.want)
			}
		})
	}
}

const (
	markDeleted = `UID STORE 1:2 +FLAGS.SILENT (\Deleted)`
	expungeBoth = "UID EXPUNGE 1:2"
	searchBoth  = "UID SEARCH UID 1:2"
	flagsOfBoth = "UID FETCH 1:2 (UID FLAGS)"
)

func TestRemove(t *testing.T) {
	for _, c := range []struct {
		name   string
		caps   string
		script [][]imaptest.Step
		want   string
	}{
		{"UID EXPUNGE", "UIDPLUS", [][]imaptest.Step{do(markDeleted, "$tag OK ok"), do(expungeBoth, "* 1 EXPUNGE", "* 1 EXPUNGE", "$tag OK ok"),
			do(searchBoth, "* SEARCH", "$tag OK ok")}, "2; 1"},
		{"no UIDPLUS: pending", "", [][]imaptest.Step{do(markDeleted, "$tag OK ok"), do(searchBoth, "* SEARCH 1", "$tag OK ok"),
			do("UID FETCH 1 (UID FLAGS)", `* 1 FETCH (UID 1 FLAGS (\Deleted))`, "$tag OK ok")}, "2; 1 pending"},
		{"UID EXPUNGE refused: pending", "UIDPLUS", [][]imaptest.Step{do(markDeleted, "$tag OK ok"), do(expungeBoth, "$tag BAD no such command"),
			do(searchBoth, "* SEARCH 1 2", "$tag OK ok"), do(flagsOfBoth, `* 1 FETCH (UID 1 FLAGS (\Deleted))`, `* 2 FETCH (UID 2 FLAGS (\Deleted))`, "$tag OK ok")},
			"2 pending; 1 pending"},
		{"STORE refused", "UIDPLUS", [][]imaptest.Step{do(markDeleted, "$tag NO no"), do(expungeBoth, "$tag OK ok"),
			do(searchBoth, "* SEARCH 1", "$tag OK ok"), do("UID FETCH 1 (UID FLAGS)", `* 1 FETCH (UID 1 FLAGS (\Seen))`, "$tag OK ok")},
			"2; 1 not done, message was refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := open(t, connect(t, c.caps, append([][]imaptest.Step{sel("2", "3")}, c.script...)...), mirror.Checkpoint{})
			results, err := m.Remove(t.Context(), refs(2, 1), true)
			var got []string
			for _, r := range results {
				one := fmt.Sprint(r.UID)
				if r.Pending {
					one += " pending"
				}
				got = append(got, one+errorString(r.Err))
			}
			if all := strings.Join(got, "; "); err != nil || all != c.want {
				t.Errorf("got  %s, %v\nwant %s", all, err, c.want)
			}
		})
	}
}

// TestRemoveUnproved: a search that fails after the effect leaves it uncertain.
func TestRemoveUnproved(t *testing.T) {
	m := open(t, connect(t, "UIDPLUS", sel("2", "3"), do(markDeleted, "$tag OK ok"), do(expungeBoth, "$tag OK ok"), do(searchBoth, "$tag NO no")), mirror.Checkpoint{})
	if results, err := m.Remove(t.Context(), refs(1, 2), false); err == nil || errors.Is(err, mirror.ErrNotDone) {
		t.Errorf("got %v, %v; want an error that does not say what happened", results, err)
	}
}

func TestMove(t *testing.T) {
	const moveBoth, copyBoth = "UID MOVE 1:2 Target", "UID COPY 1:2 Target"
	for _, c := range []struct {
		name   string
		caps   string
		script [][]imaptest.Step
		want   string
		err    error
	}{
		{"MOVE, COPYUID untagged", "MOVE UIDPLUS", [][]imaptest.Step{
			do(moveBoth, "* OK [COPYUID 9 1:2 20:21] ok", "* 1 EXPUNGE", "* 1 EXPUNGE", "$tag OK ok")}, "2→21; 1→20", nil},
		{"MOVE, COPYUID tagged and reversed", "MOVE UIDPLUS", [][]imaptest.Step{
			do(moveBoth, "$tag OK [COPYUID 9 2,1 20:21] ok")}, "2→20; 1→21", nil},
		{"MOVE without COPYUID", "MOVE", [][]imaptest.Step{
			do(moveBoth, "$tag OK ok"), do(searchBoth, "* SEARCH", "$tag OK ok")}, "2→0; 1→0", nil},
		{"MOVE that kept one", "MOVE", [][]imaptest.Step{
			do(moveBoth, "$tag OK ok"), do(searchBoth, "* SEARCH 1", "$tag OK ok")}, "2→0; 1→0 message was refused", nil},
		{"MOVE, COPYUID of unequal lengths", "MOVE UIDPLUS", [][]imaptest.Step{
			do(moveBoth, "$tag OK [COPYUID 9 1:2 20] ok"), do(searchBoth, "* SEARCH", "$tag OK ok")}, "2→0; 1→0", nil},
		{"MOVE, COPYUID of messages that are not ours", "MOVE UIDPLUS", [][]imaptest.Step{
			do(moveBoth, "$tag OK [COPYUID 9 1,7 20:21] ok"), do(searchBoth, "* SEARCH", "$tag OK ok")}, "2→0; 1→0", nil},
		{"MOVE, COPYUID of another UIDVALIDITY", "MOVE UIDPLUS", [][]imaptest.Step{
			do(moveBoth, "$tag OK [COPYUID 8 1:2 20:21] ok"), do(searchBoth, "* SEARCH", "$tag OK ok")}, "2→0; 1→0", nil},
		{"MOVE, COPYUID below UIDNEXT", "MOVE UIDPLUS", [][]imaptest.Step{
			do(moveBoth, "$tag OK [COPYUID 9 1:2 4:5] ok"), do(searchBoth, "* SEARCH", "$tag OK ok")}, "2→0; 1→0", nil},
		{"MOVE, COPYUID of one that is not ours beside ours", "MOVE UIDPLUS", [][]imaptest.Step{
			do(moveBoth, "$tag OK [COPYUID 9 1:2,7 20:22] ok"), do(searchBoth, "* SEARCH", "$tag OK ok")}, "2→0; 1→0", nil},
		{"MOVE, COPYUID that names one twice", "MOVE UIDPLUS", [][]imaptest.Step{
			do(moveBoth, "$tag OK [COPYUID 9 1:2,1 20:22] ok"), do(searchBoth, "* SEARCH", "$tag OK ok")}, "2→0; 1→0", nil},
		{"MOVE, COPYUID from a server without UIDPLUS", "MOVE", [][]imaptest.Step{
			do(moveBoth, "$tag OK [COPYUID 9 1:2 20:21] ok"), do(searchBoth, "* SEARCH", "$tag OK ok")}, "2→0; 1→0", nil},
		{"MOVE, one was not there", "MOVE UIDPLUS", [][]imaptest.Step{
			do(moveBoth, "$tag OK [COPYUID 9 2 20] ok"), do("UID SEARCH UID 1", "* SEARCH", "$tag OK ok")}, "2→20; 1→0 message is no longer there", nil},
		{"MOVE refused half-way", "MOVE UIDPLUS", [][]imaptest.Step{
			do(moveBoth, "* OK [COPYUID 9 1 20] ok", "* 1 EXPUNGE", "$tag NO enough"), do("UID SEARCH UID 2", "* SEARCH 2", "$tag OK ok")},
			"2→0 not done, message was refused; 1→20", nil},
		{"MOVE, no target", "MOVE", [][]imaptest.Step{
			do(moveBoth, "$tag NO [TRYCREATE] no"), do(searchBoth, "* SEARCH 1 2", "$tag OK ok")},
			"2→0 not done, no such mailbox; 1→0 not done, no such mailbox", mirror.ErrNoMailbox},
		{"COPY and UID EXPUNGE", "UIDPLUS", [][]imaptest.Step{
			do(copyBoth, "$tag OK [COPYUID 9 1:2 20:21] ok"), do(markDeleted, "$tag OK ok"), do(expungeBoth, "$tag OK ok"), do(searchBoth, "* SEARCH", "$tag OK ok")},
			"2→21; 1→20", nil},
		{"COPY, the source is still shown", "UIDPLUS", [][]imaptest.Step{
			do(copyBoth, "$tag OK [COPYUID 9 1:2 20:21] ok"), do(markDeleted, "$tag OK ok"), do(expungeBoth, "$tag NO no"), do(searchBoth, "* SEARCH 1", "$tag OK ok"),
			do("UID FETCH 1 (UID FLAGS)", `* 1 FETCH (UID 1 FLAGS (\Deleted))`, "$tag OK ok")},
			"2→21; 1→20 pending", nil},
		{"COPY of one, the other is gone", "UIDPLUS", [][]imaptest.Step{
			do(copyBoth, "$tag OK [COPYUID 9 1 20] ok"), do(`UID STORE 1 +FLAGS.SILENT (\Deleted)`, "$tag OK ok"), do("UID EXPUNGE 1", "$tag OK ok"),
			do("UID SEARCH UID 1", "* SEARCH", "$tag OK ok")}, "2→0 message is no longer there; 1→20", nil},
		{"COPY, and nobody knows what became of the sources", "UIDPLUS", [][]imaptest.Step{
			do(copyBoth, "$tag OK [COPYUID 9 1:2 20:21] ok"), do(markDeleted, "$tag OK ok"), do(expungeBoth, "$tag OK ok"), do(searchBoth, "$tag NO no")},
			"", mirror.ErrDenied},
		{"COPY without COPYUID: the source stays as it is", "UIDPLUS", [][]imaptest.Step{
			do(copyBoth, "$tag OK ok")}, "2→0 pending; 1→0 pending", nil},
		{"COPY with an odd COPYUID: the source stays as it is", "UIDPLUS", [][]imaptest.Step{
			do(copyBoth, "$tag OK [COPYUID 9 1:2 20,20] ok")}, "2→0 pending; 1→0 pending", nil},
		{"COPY, COPYUID of one that is not ours: the source stays as it is", "UIDPLUS", [][]imaptest.Step{
			do(copyBoth, "$tag OK [COPYUID 9 1,7 20:21] ok")}, "2→0 pending; 1→0 pending", nil},
		{"COPY, COPYUID that names one twice: the source stays as it is", "UIDPLUS", [][]imaptest.Step{
			do(copyBoth, "$tag OK [COPYUID 9 1:2,1 20:22] ok")}, "2→0 pending; 1→0 pending", nil},
		{"COPY, COPYUID of another UIDVALIDITY: the source stays as it is", "UIDPLUS", [][]imaptest.Step{
			do(copyBoth, "$tag OK [COPYUID 8 1:2 20:21] ok")}, "2→0 pending; 1→0 pending", nil},
		{"COPY refused", "UIDPLUS", [][]imaptest.Step{
			do(copyBoth, "$tag NO no")}, "2→0 not done, message was refused; 1→0 not done, message was refused", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := nametrans.MustName("Target")
			selectTarget := do("SELECT Target", "* 0 EXISTS", "* OK [UIDVALIDITY 9] ok", "* OK [UIDNEXT 20] ok", "$tag OK [READ-WRITE] ok")
			r := connect(t, c.caps, append([][]imaptest.Step{selectTarget, sel("2", "3")}, c.script...)...)
			if _, err := r.Open(t.Context(), target, mirror.ReadWrite, mirror.Checkpoint{}); err != nil {
				t.Fatal(err)
			}
			m := open(t, r, mirror.Checkpoint{})
			results, err := m.Move(t.Context(), []mirror.Move{{Ref: mirror.Ref{UID: 2}}, {Ref: mirror.Ref{UID: 1}}}, target)
			var got []string
			for _, r := range results {
				one := fmt.Sprintf("%d→%d", r.From.UID, r.To.UID)
				if r.Pending {
					one += " pending"
				}
				got = append(got, one+errorString(r.Err))
			}
			if all := strings.Join(got, "; "); !errors.Is(err, c.err) || all != c.want {
				t.Errorf("got  %s, %v\nwant %s, %v", all, err, c.want, c.err)
			}
		})
	}
}

func TestMoveOntoItself(t *testing.T) {
	m := open(t, connect(t, "MOVE", sel("2", "3")), mirror.Checkpoint{})
	if _, err := m.Move(t.Context(), []mirror.Move{{Ref: mirror.Ref{UID: 2}}}, box); !errors.Is(err, mirror.ErrNotDone) {
		t.Errorf("got %v, want %v", err, mirror.ErrNotDone)
	}
}

// TestNothingWithoutLeave: nothing is changed where it was opened for reading,
// or where the server opens it for reading only.
func TestNothingWithoutLeave(t *testing.T) {
	examine := do("EXAMINE Box", "* 1 EXISTS", "* OK [UIDVALIDITY 7] ok", "* OK [UIDNEXT 2] ok", "* OK [PERMANENTFLAGS ()] none", "$tag OK ok")
	selectOnly := do("SELECT Box", "* 1 EXISTS", "* OK [UIDVALIDITY 7] ok", "* OK [UIDNEXT 2] ok", "$tag OK [READ-ONLY] ok")
	for _, c := range []struct {
		name   string
		access mirror.Access
		script []imaptest.Step
	}{
		{"opened for reading", mirror.ReadOnly, examine},
		{"READ-ONLY", mirror.ReadWrite, selectOnly},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := connect(t, "MOVE UIDPLUS", c.script)
			m, err := r.Open(t.Context(), box, c.access, mirror.Checkpoint{})
			if err != nil {
				t.Fatal(err)
			}
			_, storeErr := m.Store(t.Context(), []mirror.FlagChange{change(1, `\Seen`, "")})
			_, moveErr := m.Move(t.Context(), []mirror.Move{{Ref: mirror.Ref{UID: 1}}}, nametrans.Inbox)
			_, removeErr := m.Remove(t.Context(), refs(1), false)
			errs := map[string]error{"store": storeErr, "move": moveErr, "remove": removeErr}
			if c.access == mirror.ReadOnly {
				_, errs["append"] = m.Append(t.Context(), batch(incoming("", "body")))
			}
			for op, err := range errs {
				if !errors.Is(err, mirror.ErrDenied) {
					t.Errorf("%s: got %v, want %v", op, err, mirror.ErrDenied)
				}
			}
		})
	}
}

func TestCreate(t *testing.T) {
	child := nametrans.MustName("A", "B")
	for _, c := range []struct {
		name   string
		caps   string
		script [][]imaptest.Step
		make   mirror.Name
		role   mirror.Role
		want   error
	}{
		{"plain", "", [][]imaptest.Step{do("CREATE Box", "$tag OK ok")}, box, `\Sent`, nil},
		{"with its use", "CREATE-SPECIAL-USE", [][]imaptest.Step{do(`CREATE Box (USE (\Sent))`, "$tag OK ok")}, box, `\Sent`, nil},
		{"use refused", "CREATE-SPECIAL-USE", [][]imaptest.Step{do(`CREATE Box (USE (\Sent))`, "$tag NO [USEATTR] no"), do("CREATE Box", "$tag OK ok")}, box, `\Sent`, nil},
		{"INBOX", "", nil, nametrans.Inbox, "", nil},
		{"there already", "", [][]imaptest.Step{do("CREATE Box", "$tag NO [ALREADYEXISTS] is there"), do(`LIST "" "Box"`, `* LIST () "/" Box`, "$tag OK ok")}, box, "", nil},
		{"there already, in prose", "", [][]imaptest.Step{do("CREATE Box", "$tag NO Cannot create this folder"), do(`LIST "" "Box"`, `* LIST () "/" Box`, "$tag OK ok")}, box, "", nil},
		{"refused", "", [][]imaptest.Step{do("CREATE Box", "$tag NO [CANNOT] no"), do(`LIST "" "Box"`, `* LIST () "/" Boxes`, "$tag OK ok")}, box, "", mirror.ErrName},
		{"not allowed", "", [][]imaptest.Step{do("CREATE Box", "$tag NO [NOPERM] no"), do(`LIST "" "Box"`, "$tag OK ok")}, box, "", mirror.ErrDenied},
		{"parents first", "", [][]imaptest.Step{do("CREATE A/B", "$tag NO no parent"), do(`LIST "" "A/B"`, "$tag OK ok"), do(`LIST "" "A"`, "$tag OK ok"),
			do("CREATE A", "$tag OK ok"), do("CREATE A/B", "$tag OK ok")}, child, "", nil},
		{"a parent without messages serves", "", [][]imaptest.Step{do("CREATE A/B", "$tag NO no"), do(`LIST "" "A/B"`, "$tag OK ok"),
			do(`LIST "" "A"`, `* LIST (\Noselect) "/" A`, "$tag OK ok"), do("CREATE A/B", "$tag NO no")}, child, "", mirror.ErrName},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := connect(t, c.caps, c.script...)
			if err := r.Create(t.Context(), c.make, c.role); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestSubscribe(t *testing.T) {
	r := connect(t, "", do("SUBSCRIBE Box", "$tag OK ok"), do("UNSUBSCRIBE Box", "$tag NO [NONEXISTENT] no"))
	if err := r.Subscribe(t.Context(), box, true); err != nil {
		t.Error(err)
	}
	if err := r.Subscribe(t.Context(), box, false); !errors.Is(err, mirror.ErrNoMailbox) {
		t.Errorf("got %v, want %v", err, mirror.ErrNoMailbox)
	}
}
