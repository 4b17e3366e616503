package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// sight is what passes over a mailbox showed.
type sight struct {
	*pass
	// proved says that what two passes between equal old stamps did not show
	// is not there. Only then does missing mean gone.
	proved  bool
	missing []mirror.Ref
}

// maxWait bounds the wait for stamps that a clock ahead of ours wrote.
const maxWait = 2*settleAge + time.Second

// View implements mirror.Mailbox. Its Checkpoint has stamps only if they were
// old enough to show every later change. Known keywords of a message whose file
// has a letter that dovecot-keywords does not explain count as still there.
func (m *Mailbox) View(ctx context.Context, known mirror.Known) (mirror.View, error) {
	if known.Search != nil {
		return mirror.View{}, fmt.Errorf("view mailbox: %w: a Maildir cannot search", mirror.ErrSearch)
	}
	b, err := m.repo.openBox(m.name, m.access)
	if err != nil {
		return mirror.View{}, fmt.Errorf("view mailbox: %w", err)
	}
	defer b.close()
	messages, err := known.All()
	if err != nil {
		return mirror.View{}, err
	}
	refs := make([]mirror.Ref, len(messages))
	for i, k := range messages {
		refs[i] = k.Ref
	}
	seen, err := m.look(ctx, b, refs)
	if err != nil {
		return mirror.View{}, fmt.Errorf("view mailbox: %w", reaching(err))
	}
	if m.keys, err = readKeywords(b.dir); err != nil {
		return mirror.View{}, err
	}
	strays, err := m.rebase(b, seen.strays)
	if err != nil {
		return mirror.View{}, err
	}
	links, err := m.unlinkTwins(b, seen.pass)
	if err != nil {
		return mirror.View{}, err
	}
	v := mirror.View{Full: true, Keeps: m.keys.storable(seen.used), Checkpoint: mirror.Checkpoint{UIDValidity: uidValidity}}
	if seen.settled() && !strays && !links {
		v.Checkpoint.Stamps = seen.before.String()
	}
	if seen.proved {
		v.Gone = seen.missing
	} else {
		v.Unknown = seen.missing
	}
	v.Changed = m.changed(messages, seen.pass)
	if v.New, err = m.fresh(ctx, b, messages, &v.Checkpoint); err != nil {
		return mirror.View{}, err
	}
	if len(v.New)+len(v.Changed)+len(v.Gone)+len(v.Unknown) > 0 || strays || links {
		if err := m.keepNames(b); err != nil {
			return mirror.View{}, err
		}
	}
	v.Total = shown(messages, seen.pass) + len(v.New)
	v.Checkpoint.UIDNext, v.Checkpoint.Messages = m.numbers.uidNext(), uint32(v.Total)
	m.status = v.Checkpoint
	return v, nil
}

// look reads the names until they show every ref, or until two passes between
// equal old stamps prove that some are not there, or until this run may not
// wait any longer.
func (m *Mailbox) look(ctx context.Context, b *box, refs []mirror.Ref) (sight, error) {
	first, err := m.pass(ctx, b)
	if err != nil {
		return sight{}, err
	}
	if len(first.missing(refs)) > 0 && !first.settled() {
		waited, err := m.waitOnce(ctx, b)
		if err != nil {
			return sight{}, err
		}
		if waited {
			if first, err = m.pass(ctx, b); err != nil {
				return sight{}, err
			}
		}
	}
	lost := first.missing(refs)
	if len(lost) == 0 || !first.settled() {
		return sight{pass: first, missing: lost}, nil
	}
	second, err := m.pass(ctx, b)
	if err != nil {
		return sight{}, err
	}
	if !second.settled() || first.before != second.before {
		return sight{pass: second, missing: second.missing(refs)}, nil
	}
	return sight{pass: second, proved: true, missing: second.missing(lost)}, nil
}

// pass reads the names and remembers them.
func (m *Mailbox) pass(ctx context.Context, b *box) (*pass, error) {
	p, err := m.repo.read(ctx, b)
	if err == nil {
		m.last = p
	}
	return p, err
}

// missing returns those of refs that the pass does not show.
func (p *pass) missing(refs []mirror.Ref) []mirror.Ref {
	var list []mirror.Ref
	for _, ref := range refs {
		if _, found := p.entries[ref.Base]; !found {
			list = append(list, ref)
		}
	}
	return list
}

// waitOnce waits until the stamps of the mailbox are old enough, unless they are
// younger than the run's last wait. What changed before it thus grows old in
// one wait, in all mailboxes, and what never rests is not waited for again.
// Changes of our own end: each lot of them allows their mailbox one more wait.
func (m *Mailbox) waitOnce(ctx context.Context, b *box) (bool, error) {
	now, err := b.stamps()
	if err != nil {
		return false, err
	}
	r := m.repo
	if !r.mayWait(m.name, now.oldAt().Add(-settleAge)) {
		return false, nil
	}
	return true, r.sleep(ctx, min(max(now.oldAt().Sub(r.now()), 0), maxWait))
}

// mayWait reports whether a mailbox that last changed then is worth a wait.
func (r *Repository) mayWait(name mirror.Name, changed time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waited.IsZero() || r.ours[name] {
		delete(r.ours, name)
		r.waited = r.now()
		return true
	}
	return !changed.After(r.waited)
}

// changes notes that this run changes the names of a mailbox.
func (r *Repository) changes(name mirror.Name) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ours[name] = true
}

// Absent implements mirror.Mailbox: passes of its own, between equal stamps at
// least two seconds old. Refs of which they prove nothing are not returned.
func (m *Mailbox) Absent(ctx context.Context, refs []mirror.Ref) ([]mirror.Ref, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	b, err := m.repo.openBox(m.name, m.access)
	if err != nil {
		return nil, fmt.Errorf("look for messages again: %w", err)
	}
	defer b.close()
	s, err := m.look(ctx, b, refs)
	if err != nil {
		return nil, fmt.Errorf("look for messages again: %w", reaching(err))
	}
	if !s.proved {
		return nil, nil
	}
	return s.missing, nil
}

// changed returns the known messages whose flags are others now.
func (m *Mailbox) changed(known []mirror.KnownMessage, p *pass) []mirror.KnownMessage {
	var list []mirror.KnownMessage
	for _, k := range known {
		e, found := p.entries[k.Base]
		if !found {
			continue
		}
		flags, unknown := m.flagsOf(e.place)
		if unknown {
			flags = flags.Union(keywordsOf(k.Flags))
		}
		if !flags.Equal(k.Flags) {
			list = append(list, mirror.KnownMessage{Ref: k.Ref, Flags: flags})
		}
	}
	return list
}

// flagsOf reads the flags from a name. unknown is that of keywords.flags.
func (m *Mailbox) flagsOf(at place) (flags mirror.Flags, unknown bool) {
	return m.keys.flags(at.parse().letters)
}

// keywordsOf returns the keywords among flags that are kept as lower-case
// letters.
func keywordsOf(flags mirror.Flags) mirror.Flags {
	var system []imap.Flag
	for _, s := range systemLetters {
		system = append(system, s.flag)
	}
	return flags.Minus(mirror.MakeFlags(system...))
}

// arrival is a file that the state does not know.
type arrival struct {
	base string
	at   place
	size int64
	date time.Time
}

// fresh opens the files that are not known, and numbers them in the order of
// their dates and names. A file that was renamed since the pass is looked up
// once more; one that is not there then is left out, and the checkpoint loses
// its stamps.
func (m *Mailbox) fresh(ctx context.Context, b *box, known []mirror.KnownMessage, c *mirror.Checkpoint) ([]mirror.Message, error) {
	var list []arrival
	find := m.finder(ctx, b)
	for _, base := range m.last.unknown(known) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var a arrival
		err := find.act(base, 1, func(e entry) (err error) {
			a, err = m.measure(b, base, e.place)
			return err
		})
		switch {
		case errors.Is(err, mirror.ErrGone):
			c.Stamps = ""
		case errors.Is(err, errNotRegular):
		case err != nil:
			return nil, err
		default:
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(x, y arrival) int {
		if c := x.date.Compare(y.date); c != 0 {
			return c
		}
		return strings.Compare(x.base, y.base)
	})
	return m.numbered(list), nil
}

// unknown returns the bases in p that are not known.
func (p *pass) unknown(known []mirror.KnownMessage) []string {
	var list []string
	bases := make(map[string]struct{}, len(known))
	for _, k := range known {
		bases[k.Base] = struct{}{}
	}
	for base := range p.entries {
		if _, found := bases[base]; !found {
			list = append(list, base)
		}
	}
	return list
}

// measure reads a file's size with CRLF line ends and its date. Of a file that
// cannot be read, only the date is known.
func (m *Mailbox) measure(b *box, base string, at place) (arrival, error) {
	a := arrival{base: base, at: at}
	body, info, err := m.openBody(b, at)
	if info != nil {
		a.date = info.ModTime()
	}
	if err == nil {
		a.size = body.Size
		body.close()
	} else if info != nil && !errors.Is(err, errNotRegular) && !errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return a, err
}

func (m *Mailbox) numbered(list []arrival) []mirror.Message {
	var messages []mirror.Message
	for _, a := range list {
		flags, _ := m.flagsOf(a.at)
		messages = append(messages, mirror.Message{
			Ref:   mirror.Ref{UID: m.numbers.number(a.base), Base: a.base},
			Flags: flags, Size: a.size, Date: a.date.Truncate(time.Second)})
	}
	slices.SortFunc(messages, func(x, y mirror.Message) int { return int(int64(x.UID) - int64(y.UID)) })
	return messages
}

// rebase gives a base of its own to each file whose base is another message's,
// and reports whether there was one. Opened for reading only, the mailbox does
// not show such files.
func (m *Mailbox) rebase(b *box, strays []place) (bool, error) {
	if m.access != mirror.ReadWrite {
		return len(strays) > 0, nil
	}
	for _, at := range strays {
		n := at.parse()
		n.base = newBase(m.repo.now())
		to := n.place(at.inNew)
		m.repo.changes(m.name)
		err := m.repo.disk.rename(b.part(at.inNew), at.name, b.part(to.inNew), to.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // renamed by somebody else
		}
		if err != nil {
			return true, fmt.Errorf("rename a message whose name is another's: %w", reaching(err))
		}
		m.last.entries[n.base] = entry{place: to}
	}
	return len(strays) > 0, nil
}

// unlinkTwins takes second names of one file away, and reports whether there
// was one. Only a pass that nothing changed during tells them from the two
// names of a file that was renamed meanwhile.
func (m *Mailbox) unlinkTwins(b *box, p *pass) (bool, error) {
	if m.access != mirror.ReadWrite || !p.settled() {
		return len(p.links) > 0, nil
	}
	for _, at := range p.links {
		m.repo.changes(m.name)
		err := m.repo.disk.remove(b.part(at.inNew), at.name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return true, fmt.Errorf("remove a second name of a message: %w", reaching(err))
		}
		base := at.parse().base
		e := m.last.entries[base]
		e.twins = slices.DeleteFunc(slices.Clone(e.twins), func(twin place) bool { return twin == at })
		m.last.entries[base] = e
	}
	return len(p.links) > 0, nil
}

// keepNames makes durable what the names show before the state learns of it: a
// message that was delivered or moved by a program that syncs nothing, or by a
// run of ours that was killed, would else look removed after a power cut. An
// error reaches the side: on a disk that loses names nothing can be decided.
func (m *Mailbox) keepNames(b *box) error {
	if err := m.repo.keepUndo(); err != nil {
		return fmt.Errorf("view mailbox: %w", err)
	}
	for _, d := range []*directory{b.cur, b.new} {
		if d == nil {
			continue
		}
		if err := m.repo.disk.sync(d); err != nil {
			return fmt.Errorf("view mailbox: sync names: %w", err)
		}
	}
	return nil
}

// shown counts the known messages that a pass shows.
func shown(known []mirror.KnownMessage, p *pass) (total int) {
	for _, k := range known {
		if _, found := p.entries[k.Base]; found {
			total++
		}
	}
	return total
}
