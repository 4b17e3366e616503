package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/internal/config"
	"mailtwin/mirror"
)

// A demo is one call of the demo: a server in this process, a Maildir below
// dir, and a pair of the two. Whatever it says it has checked.
type demo struct {
	*program
	dir    string
	server *demoServer
	client *demoClient
	tree   demoTree
	pair   config.Pair
	state  string
	last   *pairRun
}

// demo runs the main job on a small world of its own. Everything it writes is
// in the directory given, or in a temporary one.
func (p *program) demo(ctx context.Context, args []string) int {
	d := &demo{program: p}
	if err := d.makeDir(args); err != nil {
		return p.failed(err)
	}
	defer d.close()
	for _, step := range []func(context.Context) error{d.start, d.first, d.again, d.change, d.carry, d.quiet, d.compare} {
		if err := step(ctx); err != nil {
			if stoppedBySignal(ctx) {
				err = &sayInterrupted
			}
			return p.failed(demoFailed(err))
		}
	}
	for _, line := range demoPlaces(d.dir, d.tree.root, d.state, d.last.db.UndoDir()) {
		p.result(line)
	}
	p.object(jsonSummary{Type: "summary", Exit: mirror.ExitDone})
	return mirror.ExitDone
}

func (d *demo) close() {
	if d.client != nil {
		d.client.close()
	}
	if d.server != nil {
		d.server.stop()
	}
}

// makeDir makes the directory of the demo; one that is there must be empty.
func (d *demo) makeDir(args []string) (err error) {
	if len(args) == 0 {
		d.dir, err = os.MkdirTemp("", "mailtwin-demo-")
		if err != nil {
			return demoFailed(err)
		}
		return nil
	}
	if d.dir, err = filepath.Abs(args[0]); err != nil {
		return demoFailed(err)
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return demoNoDir(d.dir, bare(err))
	}
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return demoNoDir(d.dir, bare(err))
	}
	if len(entries) > 0 {
		return demoNoDir(d.dir, errNotEmpty)
	}
	return nil
}

// start fills the server and writes the configuration.
func (d *demo) start(context.Context) (err error) {
	if d.server, err = startDemoServer(); err != nil {
		return err
	}
	if d.client, err = d.server.client(); err != nil {
		return err
	}
	for _, mailbox := range demoMailboxes {
		if err := d.client.create(mailbox); err != nil {
			return err
		}
	}
	mail := demoMail()
	for _, m := range mail {
		if err := d.client.deliver(m); err != nil {
			return err
		}
	}
	d.step(demoServerUp(d.server.port(), len(mail), len(demoMailboxes)))
	return d.configure()
}

// demoConfig is the configuration of the demo.
func demoConfig(port int, mail string) string {
	return fmt.Sprintf(`# The demo's configuration. Its server ended with the demo.
[repository.server]
type = "imap"
host = "127.0.0.1"
port = %d
tls = "none"
user = %q
password = %q

[repository.here]
type = "maildir"
path = %q

[pair.demo]
far = "server"
near = "here"
`, port, demoUser, demoPassword, mail)
}

func (d *demo) configure() error {
	d.tree = demoTree{filepath.Join(d.dir, "mail")}
	d.state = filepath.Join(d.dir, "state")
	file := filepath.Join(d.dir, "config.toml")
	if err := os.WriteFile(file, []byte(demoConfig(d.server.port(), d.tree.root)), 0o600); err != nil {
		return err
	}
	c, err := config.Load(file)
	if err != nil {
		return err
	}
	d.pair = c.Pairs[0]
	return nil
}

// sync runs the pair and compares what was done with want.
func (d *demo) sync(ctx context.Context, want mirror.Summary, verbose bool) error {
	s := d.screen
	s.out, s.outTerminal, s.errTerminal = &indented{to: d.out}, true, false
	s.verbose = verbose && !s.quiet
	d.last = newPairRun(d.pair, d.state, d.line, s.options, &s, func(string) io.Writer { return nil }, time.Now)
	exit := d.last.do(ctx)
	got := d.last.result.Summary
	got.Octets, got.Fetched = want.Octets, want.Fetched
	if exit != mirror.ExitDone || got != want {
		return demoUnexpected(exit, moved(d.last.result.Summary), moved(want))
	}
	return nil
}

func (d *demo) first(ctx context.Context) error {
	d.step(demoFirst)
	want := mirror.Summary{}
	want.Created[mirror.Near] = len(demoMailboxes)
	want.Copied[mirror.Near] = len(demoMail())
	if err := d.sync(ctx, want, false); err != nil {
		return err
	}
	return d.compareSides()
}

func (d *demo) again(ctx context.Context) error {
	d.step(demoAgain)
	return d.sync(ctx, mirror.Summary{}, false)
}

// change does what other programs do meanwhile, on both sides.
func (d *demo) change(context.Context) error {
	d.step(demoChange)
	arrivals := []demoMessage{
		demoArrival("INBOX", "Running late", "Ten minutes. Order me a coffee?", 1),
		demoArrival("Lists/go-nuts", "Re: fsync of a directory on darwin", "F_FULLFSYNC, that is.", 2),
	}
	written := demoArrival("Entwürfe", "Packing list", "socks\ncharger\nthe book for Ben", 3)
	written.flags = draft
	// A removal is proved once the directory's stamps are old. Of several, the
	// one in the mailbox that is looked at first, by name, comes last, so that
	// one wait is enough for all.
	changes := []struct {
		side mirror.Side
		what string
		do   func() error
	}{
		{mirror.Far, demoNewMail, func() error { return d.client.deliver(arrivals[0]) }},
		{mirror.Far, demoNewList, func() error { return d.client.deliver(arrivals[1]) }},
		{mirror.Far, demoAnswered, func() error { return d.client.flag("旅行", imap.FlagAnswered) }},
		{mirror.Far, demoExpunged, func() error { return d.client.remove("Архив/2024") }},
		{mirror.Near, demoWritten, func() error { return d.tree.deliver(written) }},
		{mirror.Near, demoFlagged, func() error { return d.tree.flag("Projects/2026/Haus", 'F') }},
		{mirror.Near, demoMoved, func() error { return d.tree.move("Sent", "Архив/2024") }},
		{mirror.Near, demoUnlinked, func() error { return d.tree.remove("Lists/imap") }},
	}
	for _, c := range changes {
		if err := c.do(); err != nil {
			return err
		}
		d.result(demoChanged(c.side, c.what))
		d.object(jsonNote{Type: "step", Side: c.side.String(), Text: c.what})
	}
	return nil
}

// carry syncs what change did.
func (d *demo) carry(ctx context.Context) error {
	d.step(demoCarry)
	want := mirror.Summary{}
	want.Copied = [2]int{mirror.Far: 1, mirror.Near: 2}
	want.Flagged = [2]int{mirror.Far: 1, mirror.Near: 1}
	want.Removed = [2]int{mirror.Far: 1, mirror.Near: 1}
	want.Moved[mirror.Far] = 1
	return d.sync(ctx, want, true)
}

// quiet syncs until there is nothing to do.
func (d *demo) quiet(ctx context.Context) error {
	d.step(demoTrash)
	want := mirror.Summary{}
	want.Copied[mirror.Near] = 1
	if err := d.sync(ctx, want, true); err != nil {
		return err
	}
	return d.again(ctx)
}

func (d *demo) compare(context.Context) error {
	if err := d.compareSides(); err != nil {
		return err
	}
	far, err := d.client.mail()
	if err != nil {
		return err
	}
	n := 0
	for _, list := range far {
		n += len(list)
	}
	d.step(demoEqual(n, len(far)))
	return nil
}

// compareSides reads both sides with eyes other than ours.
func (d *demo) compareSides() error {
	far, err := d.client.mail()
	if err != nil {
		return err
	}
	near, err := d.tree.mail()
	if err != nil {
		return err
	}
	return differences(far, near)
}

// differences tells the first mailbox that is not the same on both sides:
// messages, their octets, flags and dates.
func differences(far, near map[string][]demoMessage) error {
	for name := range near {
		if _, there := far[name]; !there {
			return demoDiffers(name, 0, len(near[name]))
		}
	}
	for name, list := range far {
		rest := near[name]
		for _, m := range list {
			i := indexOf(rest, m)
			if i < 0 {
				return demoDiffers(name, len(list), len(near[name]))
			}
			rest = append(append([]demoMessage{}, rest[:i]...), rest[i+1:]...)
		}
		if _, there := near[name]; !there || len(rest) > 0 {
			return demoDiffers(name, len(list), len(near[name]))
		}
	}
	return nil
}

func indexOf(list []demoMessage, m demoMessage) int {
	for i, other := range list {
		if m.equal(other) {
			return i
		}
	}
	return -1
}

func (d *demo) step(text string) {
	if d.pair.Name != "" {
		d.result("")
	}
	d.result(text)
	d.object(jsonNote{Type: "step", Text: text})
}

// indented puts blanks before each line.
type indented struct{ to io.Writer }

func (w *indented) Write(text []byte) (int, error) {
	for line := range bytes.Lines(text) {
		if _, err := fmt.Fprintf(w.to, "    %s", line); err != nil {
			return 0, err
		}
	}
	return len(text), nil
}
