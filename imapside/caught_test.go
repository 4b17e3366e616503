package imapside_test

import (
	"strings"
	"testing"
	"time"

	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
)

// TestCaught: what a full look shows is held against what the server tells to have
// changed.
func TestCaught(t *testing.T) {
	at := checkpoint(4, 3, 90)
	full := known("", 1, 2, 3)
	full.Full = true
	showing := steps(selSince("3", "4", "95"),
		do(flagsOf, `* 1 FETCH (UID 1 FLAGS ())`, `* 2 FETCH (UID 2 FLAGS (\Seen))`, `* 3 FETCH (UID 3 FLAGS (old))`, "$tag OK done"),
		do(newAbove, "$tag OK done"), do("NOOP", "$tag OK ok"))
	const still, named = "UID FETCH 2:3 (UID FLAGS)", "UID FETCH 2:3 (UID FLAGS) (CHANGEDSINCE 90)"
	both := []string{`* 2 FETCH (UID 2 FLAGS (\Seen))`, `* 3 FETCH (UID 3 FLAGS (old))`, "$tag OK done"}
	for _, c := range []struct {
		name   string
		script []imaptest.Step
		lie    string
	}{
		{"all are named", steps(showing, do(named,
			`* 2 FETCH (UID 2 FLAGS (\Seen) MODSEQ (91))`, `* 3 FETCH (UID 3 FLAGS (old) MODSEQ (95))`, "$tag OK done"), do(still, both...)), ""},
		{"one is not named", steps(showing, do(named,
			`* 2 FETCH (UID 2 FLAGS (\Seen) MODSEQ (91))`, "$tag OK done"), do(still, both...)), "message 3"},
		{"none is named", steps(showing, do(named, "$tag OK done"), do(still, both...)), "message 2"},
		{"what changed back meanwhile need not be named", steps(showing, do(named, "$tag OK done"),
			do(still, `* 2 FETCH (UID 2 FLAGS ())`, "$tag OK done")), ""},
		{"nor what was expunged", steps(showing, do(named, "$tag OK done"), do(still, "$tag OK done")), ""},
		{"refused: nothing is proved", steps(showing, do(named, "$tag NO no")), ""},
		{"nor here", steps(showing, do(named, "$tag OK done"), do(still, "$tag NO no")), ""},
		{"nothing is asked where nothing differs", steps(selSince("3", "4", "95"),
			do(flagsOf, `* 1 FETCH (UID 1 FLAGS ())`, `* 2 FETCH (UID 2 FLAGS ())`, `* 3 FETCH (UID 3 FLAGS ())`, "$tag OK done"),
			do(newAbove, "$tag OK done")), ""},
		{"nor where HIGHESTMODSEQ fell", steps(selSince("3", "4", "80"),
			do(flagsOf, `* 1 FETCH (UID 1 FLAGS ())`, `* 2 FETCH (UID 2 FLAGS (\Seen))`, `* 3 FETCH (UID 3 FLAGS ())`, "$tag OK done"),
			do(newAbove, "$tag OK done")), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := connect(t, "CONDSTORE", c.script)
			v, err := open(t, r, at).View(t.Context(), full)
			if err != nil {
				t.Fatal(err)
			}
			if (v.Caught != "") != (c.lie != "") || !strings.Contains(v.Caught, c.lie) {
				t.Errorf("got caught %q, want %q", v.Caught, c.lie)
			}
			if got := strings.Contains(r.Memory(), `"untrue":true`); got != (c.lie != "") {
				t.Errorf("got memory %s", r.Memory())
			}
			if !v.Full {
				t.Error("got a view that is not full")
			}
		})
	}
}

// TestUntrue: who was caught has no mod-sequences from the next visit on.
func TestUntrue(t *testing.T) {
	memory := learned(t, stepByStep)
	memory = strings.TrimSuffix(memory, "}") + `,"untrue":true}`
	r, err := visit(t, memory, steps(hello, burst([]string{plain, "NOOP", "NAMESPACE", listBoth},
		append([]string{"$1 OK [CAPABILITY " + capsAfter + " CONDSTORE] in", "$2 OK ok", spaceLine, "$3 OK ok"}, append(boxListed, "$4 OK ok")...)...),
		do("SELECT Box", "* 1 EXISTS", "* OK [UIDVALIDITY 7] ok", "* OK [UIDNEXT 2] ok", "* OK [HIGHESTMODSEQ 95] ok", "$tag OK [READ-WRITE] ok"), bye))
	if err != nil {
		t.Fatal(err)
	}
	listed(t, r, false)
	if got := open(t, r, checkpoint(2, 1, 90)).Status(); got != checkpoint(2, 1, 0) {
		t.Errorf("got %+v, want no HIGHESTMODSEQ", got)
	}
	if got := r.Memory(); !strings.Contains(got, `"untrue":true`) {
		t.Errorf("got memory %s", got)
	}
}

// TestRecheck: a server that tells what changed is believed for longer.
func TestRecheck(t *testing.T) {
	for caps, want := range map[string]time.Duration{"CONDSTORE": 24 * time.Hour, "": time.Hour} {
		r := play(t, steps(signIn(caps)[:3], bye)...)
		if traits, err := r.Connect(t.Context(), mirror.Visit{}); err != nil || traits.Recheck != want {
			t.Errorf("%q: got %v, %v; want %v", caps, traits.Recheck, err, want)
		}
	}
}
