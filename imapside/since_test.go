package imapside_test

import (
	"testing"

	"mailtwin/mirror"
)

// named are KnownRows of which nobody should need all.
type named struct {
	mirror.KnownList
	t *testing.T
}

func (n named) All() ([]mirror.KnownMessage, error) {
	n.t.Error("all of the known messages were asked for")
	return n.KnownList, nil
}

// TestReadsOnlyWhatIsNamed: where the server names what came, changed and went, no
// more of the known messages is read than that.
func TestReadsOnlyWhatIsNamed(t *testing.T) {
	rows, _ := known("", numbered(1, 5000)...).All()
	listed := checkpoint(5003, 5000, 12)
	e := expected(box, checkpoint(5001, 5000, 10), listed)
	e.View = &mirror.Known{Rows: named{rows, t}}
	r := foresight(t, "CONDSTORE QRESYNC",
		do("SELECT Box", append(selected("5000", "5003", "12"), "$tag OK [READ-WRITE] ok")...),
		do(fetchAll+" (CHANGEDSINCE 10 VANISHED)", "* VANISHED (EARLIER) 7:8",
			"* 3 FETCH (UID 3 FLAGS (\\Seen) RFC822.SIZE 5 "+dated+")", "* 4 FETCH (UID 4 FLAGS () RFC822.SIZE 5 "+dated+")",
			"* 4999 FETCH (UID 5001 FLAGS () RFC822.SIZE 5 "+dated+")", "* 5000 FETCH (UID 5002 FLAGS () RFC822.SIZE 5 "+dated+")", "$tag OK ok"))
	r.Expect(t.Context(), []mirror.Expected{e})
	v := openExpected(t, r, e)
	if got, want := shows(v), `new 5001, new 5002, changed 3\Seen, gone 7, gone 8`; got != want || v.Total != 5000 {
		t.Errorf("got %s of %d, want %s of 5000", got, v.Total, want)
	}
}

// TestOursCameSince: where a copy of ours came since the checkpoint, UIDNEXT as the state
// knows it does not prove that nothing else came and went.
func TestOursCameSince(t *testing.T) {
	raised := checkpoint(13, 0, 13) // by our copy 12, so that no number goes with it
	r := foresight(t, "CONDSTORE",
		do("SELECT Box", append(selected("4", "13", "18"), "$tag OK [READ-WRITE] ok")...), // 8 10 11 12 are there
		do(fetchAll+" (CHANGEDSINCE 13)", "* 4 FETCH (UID 12 FLAGS () RFC822.SIZE 5 "+dated+")", "$tag OK ok"),
		do("UID SEARCH UID 1:*", "* SEARCH 8 10 11 12", "$tag OK ok"),
		do("SELECT Box", append(selected("4", "13", "18"), "$tag OK [READ-WRITE] ok")...),
		do("UID FETCH 1:12 (UID FLAGS)", "* 1 FETCH (UID 8 FLAGS ())", "* 2 FETCH (UID 10 FLAGS ())", "* 3 FETCH (UID 11 FLAGS ())", "* 4 FETCH (UID 12 FLAGS ())", "$tag OK ok"),
		do("UID FETCH 13:* (UID FLAGS INTERNALDATE RFC822.SIZE)", "$tag OK ok"),
		do("UID FETCH 11 (UID FLAGS INTERNALDATE RFC822.SIZE)", "* 3 FETCH (UID 11 FLAGS () RFC822.SIZE 5 "+dated+")", "$tag OK ok"))
	e := expected(box, raised, mirror.Checkpoint{}, 4, 8, 10, 12, 2)
	rows := known("", 4, 8, 10, 12)
	e.View = &rows
	if got := shows(openExpected(t, r, e)); got != "new 11, gone 4" {
		t.Errorf("got %s, want new 11, gone 4", got)
	}
}
