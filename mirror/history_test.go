package mirror_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"mailtwin/internal/proof"
	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// A history is a pair to which anything may happen, for a while: people and
// other programs work on both sides, runs are killed, cut and disturbed, states
// are lost. Then it is left alone until it rests, and judged by the design's
// promises (judge_test.go). Each step is a line of text (steps_test.go), so
// that a history that failed can be kept: see histories_found_test.go.
//
// Time is that of a testing/synctest bubble.

// historyKind is a kind of pair.
type historyKind struct {
	name      string
	far, near mirrortest.Options
	policy    mirror.Policy
	// inexact: a side changes messages, so that octets are not compared.
	inexact bool
	// elsewhere: far's mailboxes have other names.
	elsewhere bool
}

func bareIMAP() mirrortest.Options {
	return mirrortest.Options{NoUIDPlus: true, NoMove: true, NoModSeq: true, NoListStatus: true}
}

func historyKinds() []historyKind {
	two := mirror.NewPolicy(mirror.TwoWay, 0)
	with := func(change func(*mirror.Policy)) mirror.Policy {
		p := two
		change(&p)
		return p
	}
	extra := mirror.NewPolicy(mirror.OneWayMirror, mirror.Far)
	extra.RemoveExtra = true
	few := mirror.Storable{Flags: flags(`\Answered \Flagged \Deleted \Seen`)}
	return []historyKind{
		{name: "IMAP and Maildir", far: mirrortest.Options{Gap: 2}, near: maildirLike(), policy: two},
		{name: "IMAP and Maildir of other names", far: mirrortest.Options{Gap: 2}, near: maildirLike(), policy: two, elsewhere: true},
		{name: "bare IMAP and Maildir", far: bareIMAP(), near: maildirLike(), policy: two},
		{name: "IMAP without MOVE and Maildir", far: mirrortest.Options{NoMove: true, NoModSeq: true}, near: maildirLike(), policy: two},
		{name: "IMAP and IMAP", far: mirrortest.Options{ObjectIDs: true}, near: mirrortest.Options{Gap: 5, NoMove: true}, policy: two},
		{name: "bare IMAP and bare IMAP", far: bareIMAP(), near: bareIMAP(), policy: two},
		{name: "Maildir and stale IMAP", far: maildirLike(), near: mirrortest.Options{Stale: true}, policy: two},
		{name: "Maildir and Maildir", far: maildirLike(), near: maildirLike(), policy: two},
		{name: "forgetful IMAP and Maildir", far: mirrortest.Options{Forgets: flags("work"), NoModSeq: true}, near: maildirLike(), policy: two},
		{name: "IMAP with few flags and Maildir", far: mirrortest.Options{Keeps: &few}, near: maildirLike(), policy: two},
		{name: "changing IMAP and Maildir", far: mirrortest.Options{Alter: addLine}, near: maildirLike(), policy: two, inexact: true},
		{name: "IMAP that drops what it holds and Maildir", far: mirrortest.Options{DropsHeld: true}, near: maildirLike(), policy: two},
		{name: "IMAP without mod-sequences and Maildir", far: mirrortest.Options{NoModSeq: true, Newest: 1}, near: maildirLike(), policy: two},
		{name: "windowed IMAP and Maildir", far: mirrortest.Options{Window: 6}, near: maildirLike(), policy: two},
		{name: "expunging", far: mirrortest.Options{NoMove: true}, near: maildirLike(),
			policy: with(func(p *mirror.Policy) { p.Deletions = mirror.DeleteForGood })},
		{name: "removing mailboxes", far: mirrortest.Options{NoRename: true}, near: maildirLike(), policy: with(func(p *mirror.Policy) { p.Remove = mirror.Both })},
		{name: "keeping", near: maildirLike(), policy: with(func(p *mirror.Policy) { p.Deletions = mirror.DeleteNothing })},
		{name: "archive", near: maildirLike(), policy: with(func(p *mirror.Policy) { p.Gone = mirror.None })},
		{name: "mirror of IMAP", near: maildirLike(), policy: mirror.NewPolicy(mirror.OneWayMirror, mirror.Near)},
		{name: "strict mirror of a Maildir", near: maildirLike(), policy: extra},
		{name: "mirror of a Maildir to bare IMAP", far: bareIMAP(), near: maildirLike(), policy: mirror.NewPolicy(mirror.OneWayMirror, mirror.Far)},
		{name: "copy from IMAP to IMAP", far: mirrortest.Options{Gap: 1}, near: mirrortest.Options{NoMove: true}, policy: mirror.NewPolicy(mirror.OneWayCopy, mirror.Near)},
		{name: "copy from Maildir to bare IMAP", far: bareIMAP(), near: maildirLike(), policy: mirror.NewPolicy(mirror.OneWayCopy, mirror.Far)},
	}
}

// addLine changes every body, as some servers do.
func addLine(body []byte) []byte { return append([]byte("X-Server: seen\r\n"), body...) }

var historyFile = flag.String("history", "", "a history for TestPlayHistory")

// places are the mailboxes that every history begins with.
var places = []mirror.Name{nametrans.Inbox, box("Archive"), box("Lists", "go"), box("Entwürfe")}

// pinned letters stay where they are, so that no side ever looks emptied.
const pinned = 3

// historiesInCI is the least that CI plays of histories, of all kinds together.
const historiesInCI = 10000

func TestRandomHistories(t *testing.T) {
	for _, kind := range historyKinds() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			cases := 0
			rapid.Check(t, func(rt *rapid.T) {
				cases++
				script := drawScript(rt)
				rapid.SyncTest(rt, func(rt *rapid.T) { newHistory(rt, kind).play(script) })
			})
			proof.Note(proof.Tally{Layer: "histories", Cases: cases})
		})
	}
}

// TestPlayHistory plays the history of a file, to look into it:
//
//	go test ./mirror -run TestPlayHistory -history FILE
//
// The first line of the file names the kind of pair.
func TestPlayHistory(t *testing.T) {
	if *historyFile == "" {
		t.Skip("no -history FILE is given")
	}
	text, err := os.ReadFile(*historyFile)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for _, kind := range historyKinds() {
		if kind.name == lines[0] {
			synctest.Test(t, func(t *testing.T) {
				h := newHistory(t, kind)
				h.play(lines[1:])
				t.Log(strings.Join(h.told, "\n"))
			})
			return
		}
	}
	t.Fatalf("there is no kind %q", lines[0])
}

// TestFoundHistories plays every history again that ever failed.
func TestFoundHistories(t *testing.T) {
	kinds := map[string]historyKind{}
	for _, kind := range historyKinds() {
		kinds[kind.name] = kind
	}
	for i, found := range foundHistories {
		kind, ok := kinds[found.kind]
		if !ok {
			t.Fatalf("history %d: there is no kind %q", i, found.kind)
		}
		t.Run(fmt.Sprintf("%d %s", i, found.kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newHistory(t, kind).play(strings.Split(found.script, "\n")) })
		})
	}
}

// newHistory is a pair in step that holds the pinned letters.
func newHistory(t tester, kind historyKind) *history {
	h := &history{pair: newPair(t, kind.far, kind.near), kind: kind, letters: map[string]*facts{}}
	h.elsewhere = kind.elsewhere
	h.clock.real = true
	h.report = func(e mirror.Event) {
		if a := e.Action; e.Kind == mirror.Done {
			h.tell("  %v %v %q -> %q, UIDs %v, message %d %s", a.Kind, a.Side, a.Mailbox, a.Target, a.UID, a.Message.UID, a.Reason)
		}
	}
	for _, s := range mirror.Sides {
		h.options[s].Now = nil
		h.servers[s] = mirrortest.NewServer(h.options[s])
	}
	h.policy = kind.policy
	h.policy.Settle = time.Minute
	source := mirror.Far
	if h.policy.Mode != mirror.TwoWay {
		source = h.policy.Target.Other()
	}
	for _, place := range places {
		h.servers[source].CreateMailbox(place, "")
	}
	for _, s := range mirror.Sides {
		if !h.options[s].Maildir {
			h.servers[s].CreateMailbox(box("Trash"), `\Trash`)
		}
	}
	for n := range pinned {
		h.step(fmt.Sprintf("deliver %s INBOX %d", source, n))
	}
	h.rest()
	return h
}

// play carries a script out, line by line, and judges what is there then.
func (h *history) play(script []string) {
	h.script = script
	for _, line := range script {
		h.step(line)
	}
	h.rest()
	h.outwait()
	h.judge()
}

// fail ends the history with all that is needed to play it again.
func (h *history) fail(format string, args ...any) {
	h.t.Helper()
	for _, s := range mirror.Sides {
		for _, c := range h.copies(s) {
			h.tell("%v %q holds %s as %d %s %v", s, c.mailbox, c.key, c.held.ID, c.held.Base, c.held.Flags)
		}
	}
	h.t.Fatalf("%s\n%s: the history, to be played again:\n%s\nwhat happened:\n%s", fmt.Sprintf(format, args...), h.kind.name,
		strings.Join(h.script, "\n"), strings.Join(h.told, "\n"))
}

// drawScript makes up a history.
func drawScript(rt *rapid.T) []string {
	return rapid.SliceOfN(rapid.Custom(drawStep), 1, 20).Draw(rt, "script")
}

// lastLetter is the highest number of a letter. One that was delivered before
// gets a twin.
const lastLetter = 30

func drawStep(rt *rapid.T) string {
	return drawStepOf(rt, rapid.SampledFrom(stepWords).Draw(rt, "what"))
}

func drawStepOf(rt *rapid.T, what string) string {
	switch what {
	case "rest", "lose":
		return what
	case "old":
		return fmt.Sprintf("old %d", rapid.IntRange(1, 6).Draw(rt, "runs ago"))
	case "wait":
		return fmt.Sprintf("wait %dm", rapid.SampledFrom([]int{1, 30, 90, 600, 20000}).Draw(rt, "minutes"))
	case "crash":
		return fmt.Sprintf("crash %v %d", rapid.SampledFrom(mirrortest.Points[:]).Draw(rt, "point"), rapid.IntRange(1, 30).Draw(rt, "effect"))
	case "cut":
		return fmt.Sprintf("cut %s %d %s", drawSide(rt), rapid.IntRange(0, 3).Draw(rt, "skip"),
			rapid.SampledFrom([]string{"never", "0s", "1s", "30s", "50s", "70s", "110s"}).Draw(rt, "fate"))
	case "during":
		return fmt.Sprintf("during %s %d %s", drawSide(rt), rapid.IntRange(1, 25).Draw(rt, "call"), drawHand(rt))
	}
	return drawHandOf(rt, what)
}

// stepWords are the steps to choose from, the usual ones more often.
var stepWords = append([]string{"rest", "rest", "crash", "crash", "cut", "cut", "during", "during", "during", "lose", "old", "wait"}, handWords...)

// handWords are what people and other programs do.
var handWords = []string{
	"deliver", "deliver", "deliver", "deliver", "flags", "flags", "keyword", "move", "move", "remove", "remove", "copy", "rebase",
	"edit", "makebox", "dropbox", "renamebox", "renumber", "rewind",
}

func drawSide(rt *rapid.T) mirror.Side {
	return mirror.Side(rapid.IntRange(0, 1).Draw(rt, "side"))
}

func drawPlace(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"INBOX", "Archive", "Lists/go", "Entwürfe", "Neu"}).Draw(rt, "mailbox")
}

func drawHand(rt *rapid.T) string {
	return drawHandOf(rt, rapid.SampledFrom(handWords).Draw(rt, "hand"))
}

func drawHandOf(rt *rapid.T, what string) string {
	line := fmt.Sprintf("%s %s", what, drawSide(rt))
	switch what {
	case "deliver":
		return fmt.Sprintf("%s %s %d", line, drawPlace(rt), rapid.IntRange(pinned, lastLetter).Draw(rt, "letter"))
	case "renumber", "rewind", "makebox", "dropbox":
		return line + " " + drawPlace(rt)
	case "renamebox":
		return line + " " + drawPlace(rt) + " " + drawPlace(rt)
	}
	line += fmt.Sprintf(" %d", rapid.IntRange(0, 9).Draw(rt, "message"))
	switch what {
	case "move", "copy":
		line += " " + drawPlace(rt)
	case "flags":
		line += " " + rapid.SampledFrom([]string{`\Seen`, `\Flagged`, `\Answered \Seen`, `\Deleted`, `\Draft`, ``}).Draw(rt, "flags")
	case "keyword":
		line += " " + rapid.SampledFrom([]string{"work", "$Forwarded work", "later"}).Draw(rt, "keyword")
	}
	return line
}
