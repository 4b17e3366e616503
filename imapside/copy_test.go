package imapside_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
	"mailtwin/nametrans"
)

func TestCopy(t *testing.T) {
	const look, copyBoth = "UID FETCH 1:2 (UID FLAGS INTERNALDATE RFC822.SIZE)", "UID COPY 1:2 Target"
	fetched := func(uid int, flags string) string {
		return fmt.Sprintf(`* %d FETCH (UID %d FLAGS (%s) INTERNALDATE " 4-Mar-2021 05:06:07 +0000" RFC822.SIZE 40)`, uid, uid, flags)
	}
	both := do(look, fetched(1, `\Flagged`), fetched(2, `\Seen`), "$tag OK ok")
	again := do("SELECT Target", "* 2 EXISTS", "* OK [UIDVALIDITY 9] ok", "* OK [UIDNEXT 22] ok", "$tag OK [READ-WRITE] ok")
	for _, c := range []struct {
		name   string
		script [][]imaptest.Step
		want   string
		err    error
	}{
		{"flags as the donor's", [][]imaptest.Step{do(look, fetched(1, `\Seen`), fetched(2, `\Seen`), "$tag OK ok"),
			do(copyBoth, "$tag OK [COPYUID 9 1:2 20:21] ok")}, `2→21 (\Seen); 1→20 (\Seen)`, nil},
		{"what differs is stored", [][]imaptest.Step{both, do(copyBoth, "$tag OK [COPYUID 9 1:2 20:21] ok"), again,
			do(`UID STORE 20 +FLAGS (\Seen)`, `* 1 FETCH (UID 20 FLAGS (\Flagged \Seen))`, "$tag OK ok"),
			do(`UID STORE 20 -FLAGS (\Flagged)`, `* 1 FETCH (UID 20 FLAGS (\Seen))`, "$tag OK ok")}, `2→21 (\Seen); 1→20 (\Seen)`, nil},
		{"what stays is told", [][]imaptest.Step{both, do(copyBoth, "$tag OK [COPYUID 9 1:2 20:21] ok"), again,
			do(`UID STORE 20 +FLAGS (\Seen)`, `* 1 FETCH (UID 20 FLAGS (\Flagged \Seen))`, "$tag OK ok"),
			do(`UID STORE 20 -FLAGS (\Flagged)`, `* 1 FETCH (UID 20 FLAGS (\Flagged \Seen))`, "$tag OK ok"),
			do(`UID STORE 20 -FLAGS (\Flagged)`, `* 1 FETCH (UID 20 FLAGS (\Flagged \Seen))`, "$tag OK ok")}, `2→21 (\Seen); 1→20 (\Flagged \Seen)`, nil},
		{"one is gone", [][]imaptest.Step{do(look, fetched(2, `\Seen`), "$tag OK ok"), do("UID COPY 2 Target", "$tag OK [COPYUID 9 2 20] ok")},
			`2→20 (\Seen); 1→0 () not done, message is no longer there`, nil},
		{"one has another date", [][]imaptest.Step{do(look, fetched(2, `\Seen`), `* 1 FETCH (UID 1 FLAGS () INTERNALDATE " 4-Mar-2021 05:06:08 +0000" RFC822.SIZE 40)`, "$tag OK ok"),
			do("UID COPY 2 Target", "$tag OK [COPYUID 9 2 20] ok")}, `2→20 (\Seen); 1→0 () not done, message is no longer there`, nil},
		{"one has another size", [][]imaptest.Step{do(look, fetched(2, `\Seen`), `* 1 FETCH (UID 1 FLAGS () INTERNALDATE " 4-Mar-2021 05:06:07 +0000" RFC822.SIZE 41)`, "$tag OK ok"),
			do("UID COPY 2 Target", "$tag OK [COPYUID 9 2 20] ok")}, `2→20 (\Seen); 1→0 () not done, message is no longer there`, nil},
		{"one is marked \\Deleted", [][]imaptest.Step{do(look, fetched(2, `\Seen`), fetched(1, `\Seen \Deleted`), "$tag OK ok"),
			do("UID COPY 2 Target", "$tag OK [COPYUID 9 2 20] ok")}, `2→20 (\Seen); 1→0 () not done, message was refused`, nil},
		{"none is there", [][]imaptest.Step{do(look, "$tag OK ok")},
			`2→0 () not done, message is no longer there; 1→0 () not done, message is no longer there`, nil},
		{"refused", [][]imaptest.Step{both, do(copyBoth, "$tag NO no")}, `2→0 () not done, message was refused; 1→0 () not done, message was refused`, nil},
		{"no COPYUID, the donors are there: they may be copied", [][]imaptest.Step{both, do(copyBoth, "$tag OK ok"), do(searchBoth, "* SEARCH 1 2", "$tag OK ok")},
			`2→0 (); 1→0 ()`, nil},
		{"no COPYUID, the donors are gone: before COPY or behind it", [][]imaptest.Step{both, do(copyBoth, "$tag OK ok"), do(searchBoth, "* SEARCH", "$tag OK ok")},
			`2→0 () message is no longer there; 1→0 () message is no longer there`, nil},
		{"COPYUID of one, the other is gone", [][]imaptest.Step{do(look, fetched(1, `\Seen`), fetched(2, `\Seen`), "$tag OK ok"),
			do(copyBoth, "$tag OK [COPYUID 9 2 20] ok"), do("UID SEARCH UID 1", "* SEARCH", "$tag OK ok")}, `2→20 (\Seen); 1→0 () not done, message is no longer there`, nil},
		{"COPYUID of one, the other is there", [][]imaptest.Step{do(look, fetched(1, `\Seen`), fetched(2, `\Seen`), "$tag OK ok"),
			do(copyBoth, "$tag OK [COPYUID 9 2 20] ok"), do("UID SEARCH UID 1", "* SEARCH 1", "$tag OK ok")}, `2→20 (\Seen); 1→0 ()`, nil},
		{"COPYUID of another UIDVALIDITY", [][]imaptest.Step{both, do(copyBoth, "$tag OK [COPYUID 8 1:2 20:21] ok"), do(searchBoth, "* SEARCH 1 2", "$tag OK ok")},
			`2→0 (); 1→0 ()`, nil},
		{"COPYUID below UIDNEXT", [][]imaptest.Step{both, do(copyBoth, "$tag OK [COPYUID 9 1:2 4:5] ok"), do(searchBoth, "* SEARCH 1 2", "$tag OK ok")},
			`2→0 (); 1→0 ()`, nil},
		{"nobody knows what became of it", [][]imaptest.Step{both, do(copyBoth, "$tag OK ok"), do(searchBoth, "$tag NO no")}, "", mirror.ErrDenied},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := nametrans.MustName("Target")
			selectTarget := do("SELECT Target", "* 0 EXISTS", "* OK [UIDVALIDITY 9] ok", "* OK [UIDNEXT 20] ok", "$tag OK [READ-WRITE] ok")
			r := connect(t, "UIDPLUS", append([][]imaptest.Step{selectTarget, sel("2", "3")}, c.script...)...)
			if _, err := r.Open(t.Context(), target, mirror.ReadWrite, mirror.Checkpoint{}); err != nil {
				t.Fatal(err)
			}
			m := open(t, r, mirror.Checkpoint{})
			date := time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC)
			var copies []mirror.Copying
			for _, uid := range []mirror.UID{2, 1} {
				copies = append(copies, mirror.Copying{Donor: mirror.Message{Ref: mirror.Ref{UID: uid}, Date: date, Size: 40}, Flags: mirror.ParseFlags(`\Seen`), Date: date})
			}
			results, err := m.Copy(t.Context(), copies, target)
			var got []string
			for _, r := range results {
				got = append(got, fmt.Sprintf("%d→%d (%s)%s", r.From.UID, r.To.UID, r.Flags, errorString(r.Err)))
			}
			if all := strings.Join(got, "; "); !errors.Is(err, c.err) || all != c.want {
				t.Errorf("got  %s, %v\nwant %s, %v", all, err, c.want, c.err)
			}
			if errors.Is(err, mirror.ErrNotDone) {
				t.Errorf("got %v, want an error that does not say what happened", err)
			}
		})
	}
}

// TestCopyUntold: without UIDPLUS, or into a mailbox that was not opened, nobody could
// tell the copies.
func TestCopyUntold(t *testing.T) {
	target := nametrans.MustName("Target")
	selectTarget := do("SELECT Target", "* 0 EXISTS", "* OK [UIDVALIDITY 9] ok", "* OK [UIDNEXT 20] ok", "$tag OK [READ-WRITE] ok")
	r := connect(t, "", selectTarget, sel("2", "3"))
	if _, err := r.Open(t.Context(), target, mirror.ReadWrite, mirror.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	mailboxes := map[string]mirror.Mailbox{"no UIDPLUS": open(t, r, mirror.Checkpoint{}), "not opened": open(t, connect(t, "UIDPLUS", sel("2", "3")), mirror.Checkpoint{})}
	for name, m := range mailboxes {
		copies := []mirror.Copying{{Donor: mirror.Message{Ref: mirror.Ref{UID: 2}}}}
		if results, err := m.Copy(t.Context(), copies, target); !errors.Is(err, mirror.ErrNotDone) || len(results) != 0 {
			t.Errorf("%s: got %v, %v; want %v", name, results, err, mirror.ErrNotDone)
		}
	}
}
