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
