package acceptance

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
)

// A dialogue is what a trace shows of one side, in order.
type dialogue struct {
	commands []*spoken
	// bodies are the octets of message text that the side sent.
	bodies int64
}

// spoken is a command of a trace.
type spoken struct {
	words string // without its tag
	// literals are the sizes of what was sent along.
	literals []int64
	// code is the response code of its OK.
	code string
}

var (
	commandLine = regexp.MustCompile(`^C: (a\d+) (.*)$`)
	literalSize = regexp.MustCompile(`\{(\d+) octets\}`)
	bodySize    = regexp.MustCompile(`BODY\[\](?:<\d+>)? \{(\d+) octets\}`)
	okLine      = regexp.MustCompile(`^S: (a\d+) OK (?:\[([^\]]*)\])?`)
)

// dialogueOf reads one side's part of a trace of the pair mail. Connections follow
// one another: tags begin anew with each.
func dialogueOf(t testing.TB, trace []byte, side string) *dialogue {
	t.Helper()
	d, byTag := &dialogue{}, map[string]*spoken{}
	for line := range strings.Lines(string(trace)) {
		line, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "mail "+side+" ")
		if !found {
			continue
		}
		if said := commandLine.FindStringSubmatch(line); said != nil {
			byTag[said[1]] = &spoken{words: said[2]}
			d.commands = append(d.commands, byTag[said[1]])
		}
		if strings.HasPrefix(line, "C: ") { // a literal ends a line, and the command goes on in the next one
			for _, size := range literalSize.FindAllStringSubmatch(line, -1) {
				last := d.commands[len(d.commands)-1]
				last.literals = append(last.literals, number(t, size[1]))
			}
		}
		for _, size := range bodySize.FindAllStringSubmatch(line, -1) {
			d.bodies += number(t, size[1])
		}
		if answer := okLine.FindStringSubmatch(line); answer != nil && byTag[answer[1]] != nil {
			byTag[answer[1]].code = answer[2]
		}
	}
	return d
}

func number(t testing.TB, digits string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// name is the command's name: "UID FETCH".
func (s *spoken) name() string {
	words := strings.Fields(s.words)
	if words[0] == "UID" {
		return "UID " + words[1]
	}
	return words[0]
}

// announced counts the UIDs of an APPENDUID (RFC 4315 §3).
func (s *spoken) announced(t testing.TB) (n int) {
	t.Helper()
	words := strings.Fields(s.code)
	if len(words) != 3 || words[0] != "APPENDUID" {
		return 0
	}
	for part := range strings.SplitSeq(words[2], ",") {
		first, last, several := strings.Cut(part, ":")
		if !several {
			last = first
		}
		n += int(number(t, last) - number(t, first) + 1)
	}
	return n
}

// uploads tells what is wrong with the dialogue of a target that n messages, of so
// many octets together, were sent to: each is to go once, in an APPEND or a share of
// one, is announced, and then nothing more is asked about it in this run.
func (d *dialogue) uploads(t testing.TB, n int, octets int64) (wrong []string) {
	t.Helper()
	sent, announced, size := 0, 0, int64(0)
	for _, command := range d.commands {
		switch name := command.name(); {
		case name == "APPEND":
			sent += len(command.literals)
			announced += command.announced(t)
			for _, one := range command.literals {
				size += one
			}
			if got := command.announced(t); got != len(command.literals) {
				wrong = append(wrong, fmt.Sprintf("%d messages sent, %d announced: %s %s", len(command.literals), got, command.words, command.code))
			}
		case sent > 0 && name != "LOGOUT" && name != "SELECT": // which is where the next ones are sent
			wrong = append(wrong, "behind an upload: "+command.words)
		}
	}
	if sent != n || announced != n || size != octets {
		wrong = append(wrong, fmt.Sprintf("%d messages sent, %d announced, %d octets; want %d, and %d octets", sent, announced, size, n, octets))
	}
	return wrong
}

// traced runs the program and returns both sides of its trace.
func (w *twins) traced() (trace []byte) {
	w.t.Helper()
	path := filepath.Join(w.dir, "trace")
	w.want(0, "sync", "--trace", path)
	trace, err := os.ReadFile(path)
	w.must(err)
	w.must(os.Remove(path))
	return trace
}

// TestUploadDialogue reads from the trace what was said to the target of copies.
func TestUploadDialogue(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewSource(*seed))
	w := newTwins(t)
	w.fillFar(r, 200)
	first := w.traced() // with the probe whether the server keeps bytes
	w.settle()
	old := len(w.due)
	c := w.ends[far].dial()
	for i := range 90 {
		w.deliver(c, w.ends[far], migrated[i%3], corpusFlags[i%len(corpusFlags)]...)()
	}
	octets := int64(0)
	for n := old; n < len(w.due); n++ {
		octets += int64(len(letter(someRand(), n)))
	}
	trace := w.traced()
	w.alike("the traced run")
	for _, wrong := range dialogueOf(t, trace, "near").uploads(t, 90, octets) {
		t.Error(wrong)
	}
	if got := dialogueOf(t, trace, "far").bodies; got != octets {
		t.Errorf("the source sent %d octets of text, want %d", got, octets)
	}
	if !writing.Match(trace) {
		t.Error("nothing that writes is found in the trace of an upload")
	}
	doctored(t, trace, octets)
	t.Logf("the first run: %s", counted(dialogueOf(t, first, "near")))
	t.Logf("the traced run: %s", counted(dialogueOf(t, trace, "near")))
}

// doctored puts what must not be said into a trace, and looks whether it is found.
func doctored(t *testing.T, trace []byte, octets int64) {
	t.Helper()
	end := bytes.LastIndex(trace, []byte("mail near C: ")) // its LOGOUT
	for _, words := range []string{
		"UID FETCH 301 (UID FLAGS)", "UID FETCH 301 (UID BODY.PEEK[])", "UID SEARCH HEADER X-Helper 7",
		`UID STORE 301 +FLAGS (\Deleted)`, "UID EXPUNGE 301", "NOOP",
	} {
		with := slices.Concat(trace[:end], []byte("mail near C: a999 "+words+"\n"), trace[end:])
		if wrong := dialogueOf(t, with, "near").uploads(t, 90, octets); !slices.Equal(wrong, []string{"behind an upload: " + words}) {
			t.Errorf("with %s: got %q", words, wrong)
		}
	}
	twice := regexp.MustCompile(`mail near C: a\d+ APPEND INBOX [^\n]*\n`).Find(trace)
	again := bytes.Replace(twice, []byte("C: a"), []byte("C: a99"), 1)
	if wrong := dialogueOf(t, bytes.Replace(trace, twice, slices.Concat(again, twice), 1), "near").uploads(t, 90, octets); len(wrong) == 0 {
		t.Error("a message that is sent twice is not found")
	}
	silent := regexp.MustCompile(`\[APPENDUID [^\]]*\] `).ReplaceAll(trace, nil)
	if wrong := dialogueOf(t, silent, "near").uploads(t, 90, octets); len(wrong) == 0 {
		t.Error("uploads that are not announced are not found")
	}
}

// counted tells how often each command was given.
func counted(d *dialogue) string {
	counts := map[string]int{}
	for _, command := range d.commands {
		counts[command.name()]++
	}
	return fmt.Sprint(counts)
}

// TestMovesCarryNoBody moves messages on both sides, and reads from the trace that
// no text of any message went over either wire. Drafts are left out: they change under
// one Message-ID, so that more than a header is compared there.
func TestMovesCarryNoBody(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewSource(*seed))
	w := newTwins(t)
	w.fillFar(r, 300)
	w.want(0, "sync")
	w.settle()
	for i, a := range w.ends {
		h := a.hand()
		for n := i; n < 80; n += 2 {
			if w.due[n].mailbox != "Drafts" {
				w.moveTo(r, h, n, "Drafts")
			}
		}
	}
	trace := w.traced()
	w.alike("the traced run")
	for _, side := range sideNames {
		d := dialogueOf(t, trace, side)
		if d.bodies > 0 {
			t.Errorf("%s sent %d octets of text", side, d.bodies)
		}
		moved := 0
		for _, command := range d.commands {
			switch name := command.name(); {
			case name == "APPEND" || strings.Contains(command.words, "BODY.PEEK[]") || strings.Contains(command.words, "BODY.PEEK[TEXT]"):
				t.Errorf("%s: %s", side, command.words)
			case name == "UID MOVE":
				moved++
			}
		}
		t.Logf("%s: %s", side, counted(d))
		if moved == 0 {
			t.Errorf("%s: no move in the trace", side)
		}
	}
	// What is looked for above is found where bodies do travel.
	c := w.ends[far].dial()
	w.deliver(c, w.ends[far], "INBOX", imap.FlagSeen)()
	if d := dialogueOf(t, w.traced(), "far"); d.bodies == 0 {
		t.Error("no octet of text is found where a message was copied")
	}
}
