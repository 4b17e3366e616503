package maildir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// twinPair is a pair under test: a server in memory on far, a Maildir in a
// directory on near, and a state.
type twinPair struct {
	testing.TB
	kind   pairKind
	clock  *clock
	server *mirrortest.Server
	state  mirror.State
	dir    string // holds mail and undo
	disk   disk
	// policy is two-way with a settle time of a minute.
	policy mirror.Policy
	// remote, where set, stands before the server.
	remote func(mirror.Repository) mirror.Repository
	// spareTrash: a move that was carried out as a removal and a copy may have
	// left a copy in the trash too.
	spareTrash bool
	// lingers: a mailbox that was removed just before the power went may be back, empty.
	lingers bool
	full    bool // runs compare everything
}

// pairKind is what kind of server and Maildir a pair has.
type pairKind struct {
	name   string
	far    mirrortest.Options
	layout Layout
	// apart: the undo store is on another file system.
	apart bool
}

func pairKinds() []pairKind {
	bare := mirrortest.Options{NoUIDPlus: true, NoMove: true, NoModSeq: true, NoListStatus: true}
	return []pairKind{
		{name: "modern, nested", far: mirrortest.Options{ObjectIDs: true}, layout: Nested},
		{name: "bare, nested", far: bare, layout: Nested},
		{name: "modern, Maildir++", layout: MaildirPP},
		{name: "modern, undo store apart", layout: Nested, apart: true},
	}
}

func newTwinPair(t testing.TB, kind pairKind, dir string) *twinPair {
	p := &twinPair{TB: t, kind: kind, clock: &clock{}, state: mirrortest.NewState(), dir: dir, policy: mirror.NewPolicy(mirror.TwoWay, 0)}
	p.policy.Settle = time.Minute
	p.server = mirrortest.NewServer(p.farOptions())
	p.disk = p.quick()
	return p
}

func (p *twinPair) farOptions() mirrortest.Options {
	options := p.kind.far
	options.Now = p.clock.Now
	return options
}

func (p *twinPair) quick() quickDisk {
	if p.kind.apart {
		return quickDisk{apart: p.undoPath()}
	}
	return quickDisk{}
}

func (p *twinPair) mailPath() string { return filepath.Join(p.dir, "mail") }
func (p *twinPair) undoPath() string { return filepath.Join(p.dir, "undo") }

// near is a repository for one run.
func (p *twinPair) near() *Repository {
	r, err := New(Options{Path: p.mailPath(), Layout: p.kind.layout, Undo: p.undoPath(), Label: "work/laptop", Now: p.clock.Now, Sleep: p.clock.Sleep})
	if err != nil {
		p.Fatal(err)
	}
	r.disk = p.disk
	return r
}

// try runs once.
func (p *twinPair) try(ctx context.Context) (mirror.Result, error) {
	r := &mirror.Runner{Names: [2]string{"server", "laptop"}, State: p.state, Policy: p.policy, Full: p.full,
		Now: p.clock.Now, Sleep: p.clock.Sleep}
	r.Repositories = [2]mirror.Repository{mirror.Far: p.server.Repository(), mirror.Near: p.near()}
	if p.remote != nil {
		r.Repositories[mirror.Far] = p.remote(r.Repositories[mirror.Far])
	}
	return r.Run(ctx)
}

// restingRuns is how many runs a pair may need to come to rest: one to recover,
// one to confirm, one for what was left to the next, one in which nothing
// happens.
const restingRuns = 5

// rest runs until a run ends with 0 and changes nothing.
func (p *twinPair) rest() error {
	for i := range restingRuns {
		result, err := p.try(p.Context())
		exit := mirror.Exit(result, err)
		if exit == mirror.ExitDone && !result.Changed && i > 0 {
			return p.checkState()
		}
		if exit == mirror.ExitStopped {
			return fmt.Errorf("run %d was stopped by a rail: %v %v", i+1, err, result.Plan.Stops)
		}
		if i == restingRuns-1 {
			return fmt.Errorf("no rest in %d runs: exit %d (%v, problems %v), changed %v", restingRuns, exit, err, result.Problems, result.Changed)
		}
		p.clock.Sleep(p.Context(), 7*time.Hour) // what waits to be tried again is due
	}
	return nil
}

func (p *twinPair) checkState() error {
	if s, ok := p.state.(interface{ Check() error }); ok {
		return s.Check()
	}
	return nil
}

// mustRest is rest for the preparation of a case.
func (p *twinPair) mustRest() {
	p.Helper()
	if err := p.rest(); err != nil {
		p.Fatal(err)
	}
}

type mailDump map[mirror.Name][]mirrortest.Entry

// farDump is what the server shows to people.
func (p *twinPair) farDump() mailDump {
	all := mailDump(p.server.Dump())
	for name, list := range all {
		if p.kind.far.NoUIDPlus {
			all[name] = slices.DeleteFunc(list, func(e mirrortest.Entry) bool { return strings.Contains(e.Flags, `\deleted`) })
		}
	}
	return all
}

// nearDump reads the Maildir as another program would: every file in cur and
// new is a message.
func (p *twinPair) nearDump() mailDump {
	all := mailDump{}
	codec := p.near().codec
	p.eachMaildir(func(raw, path string) {
		name, err := codec.Decode(raw)
		if err != nil {
			p.Fatal(err)
		}
		list := []mirrortest.Entry{}
		text, err := os.ReadFile(filepath.Join(path, keywordsFile))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			p.Fatal(err)
		}
		keys := parseKeywords(text)
		for _, part := range []string{"new", "cur"} {
			for _, f := range p.readDir(filepath.Join(path, part)) {
				flags, _ := keys.flags(place{part == "new", f.name}.parse().letters)
				list = append(list, mirrortest.NewEntry(bytes.ReplaceAll(f.text, []byte("\n"), []byte("\r\n")), flags, f.date))
			}
		}
		mirrortest.SortEntries(list)
		all[name] = list
	})
	return all
}

// eachMaildir calls visit with every directory of the tree that holds a cur.
func (p *twinPair) eachMaildir(visit func(raw, path string)) {
	filepath.WalkDir(p.mailPath(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "cur" {
			raw, _ := filepath.Rel(p.mailPath(), filepath.Dir(path))
			visit(raw, filepath.Dir(path))
			return fs.SkipDir
		}
		return nil
	})
}

// diskFile is a file as it stands on the disk.
type diskFile struct {
	name string
	text []byte
	date time.Time
}

func (p *twinPair) readDir(dir string) (list []diskFile) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		info, statErr := e.Info()
		if err = errors.Join(err, statErr); err != nil {
			p.Fatal(err)
		}
		list = append(list, diskFile{e.Name(), text, info.ModTime()})
	}
	return list
}

// undone are the messages in the undo store, as they travel.
func (p *twinPair) undone() map[mirror.Digest]bool {
	set := map[mirror.Digest]bool{}
	filepath.WalkDir(p.undoPath(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, undoMessage) {
			text, err := os.ReadFile(path)
			if err != nil {
				p.Fatal(err)
			}
			set[mirrortest.NewEntry(bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), mirror.Flags{}, time.Time{}).Digest] = true
		}
		return nil
	})
	return set
}

// verdict is what a case made of the mail.
type verdict struct {
	lost, doubled, changed int
	text                   []string
	spareTrash, lingers    bool
}

// compare holds what a side has against what it must have.
func (v *verdict) compare(side string, got, want mailDump) {
	for _, name := range slices.Sorted(maps.Keys(union(got, want))) {
		g, w := got[name], want[name]
		if slices.Equal(g, w) && ((g == nil) == (w == nil) || v.lingers) {
			continue
		}
		have, need := countDigests(g), countDigests(w)
		if v.spareTrash && name == trash && within(need, have) {
			continue
		}
		for d := range need {
			v.lost += max(0, need[d]-have[d])
		}
		for d := range have {
			v.doubled += max(0, have[d]-need[d])
		}
		v.changed++
		v.text = append(v.text, fmt.Sprintf("%s %q:\n got %v\nwant %v", side, name.String(), g, w))
	}
}

// within reports whether have holds everything of need.
func within(need, have map[mirror.Digest]int) bool {
	for d, n := range need {
		if have[d] < n {
			return false
		}
	}
	return true
}

func union(a, b mailDump) mailDump {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func countDigests(list []mirrortest.Entry) map[mirror.Digest]int {
	n := map[mirror.Digest]int{}
	for _, e := range list {
		n[e.Digest]++
	}
	return n
}

// outcome is what must be there in the end.
type outcome struct {
	far, near mailDump
	undone    map[mirror.Digest]bool
}

func (p *twinPair) outcome() outcome { return outcome{p.farDump(), p.nearDump(), p.undone()} }

// judge compares what is there with what must be.
func (p *twinPair) judge(want outcome) *verdict {
	v := &verdict{spareTrash: p.spareTrash, lingers: p.lingers}
	v.compare("far", p.farDump(), want.far)
	v.compare("near", p.nearDump(), want.near)
	undone := p.undone()
	for d := range want.undone {
		if !undone[d] {
			v.lost++
			v.text = append(v.text, fmt.Sprintf("the undo store lacks %x", d[:4]))
		}
	}
	return v
}

// cloneServer makes a server of the same mail, UIDs and UIDVALIDITYs. Its
// mod-sequences are higher, as if another client had been at work.
func (p *twinPair) cloneServer(options mirrortest.Options) *mirrortest.Server {
	c := mirrortest.NewServer(options)
	roles := p.roles()
	var highest uint64
	names := slices.Sorted(maps.Keys(p.server.Dump()))
	for _, name := range names {
		highest = max(highest, p.server.Checkpoint(name).HighestModSeq)
	}
	filler := func(name mirror.Name) mirror.UID {
		id := c.Deliver(name, []byte("filler"), mirror.Flags{}, time.Unix(1, 0))
		c.Remove(name, id)
		return id
	}
	for c.Checkpoint(nametrans.Inbox).HighestModSeq < highest {
		filler(nametrans.Inbox)
	}
	for _, name := range names {
		c.CreateMailbox(name, roles[name])
		was := p.server.Checkpoint(name)
		c.Renumber(name, was.UIDValidity)
		for _, m := range p.server.Messages(name) {
			for c.Checkpoint(name).UIDNext < m.ID {
				filler(name)
			}
			c.Deliver(name, m.Body, m.Flags, m.Date)
		}
		for c.Checkpoint(name).UIDNext < was.UIDNext {
			filler(name)
		}
	}
	return c
}

func (p *twinPair) roles() map[mirror.Name]mirror.Role {
	roles := map[mirror.Name]mirror.Role{}
	session := p.server.Repository()
	_, err := session.Connect(context.Background(), mirror.Visit{})
	if err != nil {
		p.Fatal(err)
	}
	listing, err := session.List(context.Background(), false)
	if err != nil {
		p.Fatal(err)
	}
	for _, m := range listing.Mailboxes {
		roles[m.Name] = m.Role
	}
	return roles
}
