package imapside

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// noUIDValidity stands for the UIDVALIDITY of a server that has none, or says
// 0 (QQ, iCloud). Mod-sequences of such a mailbox are not trusted.
const noUIDValidity = 1

// selection is the mailbox that is selected.
type selection struct {
	wire     string
	readOnly bool
	// used says that something was asked since SELECT: a server whose view of
	// the selected mailbox goes stale (WildDuck) needs a NOOP then, and a new
	// listing needs a new SELECT.
	used bool
}

// enter makes m the selected mailbox, for writing where write is set. After it
// returned nil the commands that the caller queues next act on m.
func (m *mailbox) enter(ctx context.Context, write bool) error {
	if write && m.access == mirror.ReadOnly {
		return errReadOnly
	}
	m.repo.forget()
	if !m.selected() && !m.entered() {
		if err := m.sel(ctx); err != nil {
			return err
		}
	}
	at := m.repo.at
	if write && m.data.ReadOnly {
		return fmt.Errorf("%w: the server opens it for reading only", mirror.ErrDenied)
	}
	if at.used {
		// The answer matters to nobody but the server; a lost connection shows
		// in the next command.
		m.repo.conn.Noop(ctx)
	}
	at.used = true
	return nil
}

// selected reports whether m is the selected mailbox, in its own way.
func (m *mailbox) selected() bool {
	at := m.repo.at
	return at != nil && at.wire == m.wire && at.readOnly == (m.access == mirror.ReadOnly)
}

// depart notes that a SELECT was sent whose outcome nobody has looked at.
func (r *Repository) depart() { r.at, r.last, r.early = nil, nil, nil }

// earlySelect is a SELECT that was sent behind the last command in the mailbox
// before.
type earlySelect struct {
	wire     string
	access   mirror.Access
	selected *imapconn.DataCommand[imapconn.SelectData]
}

// turnTo notes that the changes which were announced come to wire.
func (r *Repository) turnTo(wire string) {
	if i := slices.Index(r.changes, wire); i >= 0 {
		r.changes = r.changes[i+1:]
	}
}

// selectNext selects the mailbox that is changed next, behind what was queued for
// this one: nothing more is to be asked of it, unless something goes wrong.
func (m *mailbox) selectNext(ctx context.Context) {
	r := m.repo
	if len(r.changes) == 0 || r.changes[0] == m.wire {
		return
	}
	early := &earlySelect{wire: r.changes[0]}
	if next := r.opened[early.wire]; next != nil {
		early.access = next.access
	} else if next := r.ahead[early.wire]; next != nil {
		early.access = next.Access
	} else {
		return
	}
	early.selected = r.conn.Select(ctx, early.wire, r.selectOptions(early.access))
	r.depart()
	r.early = early
}

// back makes m the selected mailbox again where the next one was selected early.
func (m *mailbox) back(ctx context.Context) error {
	if m.selected() {
		return nil
	}
	return m.enter(ctx, true)
}

// entered makes m the selected mailbox if it was selected early, and still is what
// it was.
func (m *mailbox) entered() bool {
	early := m.repo.early
	if early == nil || early.wire != m.wire || early.access != m.access {
		return false
	}
	data, err := early.selected.Wait()
	if err != nil || validityOf(data) != m.status.UIDValidity {
		return false
	}
	m.repo.depart()
	m.repo.at = &selection{wire: m.wire, readOnly: m.access == mirror.ReadOnly}
	m.tell(corrected(data))
	return true
}

// renew selects m anew unless nothing was asked since it was selected.
func (m *mailbox) renew(ctx context.Context) error {
	if !m.selected() || m.repo.at.used {
		return m.sel(ctx)
	}
	return nil
}

// sel sends SELECT, or EXAMINE for reading. It fails with ErrRenumbered when
// UIDVALIDITY is not what Open saw.
func (m *mailbox) sel(ctx context.Context) error {
	r := m.repo
	r.forget()
	r.depart()
	data, err := r.conn.Select(ctx, m.wire, r.selectOptions(m.access)).Wait()
	if err != nil {
		return m.repo.missing(ctx, m.wire, "select mailbox", err)
	}
	data = corrected(data)
	if m.status.UIDValidity != 0 && data.UIDValidity != m.status.UIDValidity {
		return fmt.Errorf("%w: from %d to %d", mirror.ErrRenumbered, m.status.UIDValidity, data.UIDValidity)
	}
	r.at = &selection{wire: m.wire, readOnly: m.access == mirror.ReadOnly}
	m.tell(data)
	return nil
}

// corrected is what SELECT said with a UIDVALIDITY, whatever the server has.
func corrected(data imapconn.SelectData) imapconn.SelectData {
	if data.UIDValidity == 0 {
		data.UIDValidity, data.HighestModSeq = noUIDValidity, 0
	}
	return data
}

// validityOf is the UIDVALIDITY that SELECT said.
func validityOf(data imapconn.SelectData) uint32 { return corrected(data).UIDValidity }

// selectOptions are those of a plain SELECT, or EXAMINE for reading.
func (r *Repository) selectOptions(access mirror.Access) *imapconn.SelectOptions {
	return &imapconn.SelectOptions{ReadOnly: access == mirror.ReadOnly, CondStore: r.condStore() && !r.enabled(imap.CapCondStore) && !r.enabled(imap.CapQResync)}
}

// enabled reports whether the server confirmed an extension.
func (r *Repository) enabled(extension imap.Cap) bool {
	_, ok := r.conn.Enabled()[extension]
	return ok
}

// tell keeps what SELECT said.
func (m *mailbox) tell(data imapconn.SelectData) {
	m.data = data
	m.keeps = storable(data, m.access == mirror.ReadOnly)
}

// missing is the error of a command on a mailbox that was refused, which says whether the
// mailbox exists: many servers refuse what is missing and what is forbidden in the same
// words.
func (r *Repository) missing(ctx context.Context, wire, op string, err error) error {
	status := refused(err)
	_, telling := codeErrors[statusCode(status)]
	if status != nil && !telling && temporary(status) == nil {
		exists, selectable, lookErr := r.lookUp(ctx, wire)
		if lookErr != nil {
			return lookErr
		}
		if !exists || !selectable {
			return failure(op, err, mirror.ErrNoMailbox)
		}
	}
	return failure(op, err, mirror.ErrDenied)
}

func statusCode(status *imapconn.StatusError) imap.ResponseCode {
	if status == nil {
		return ""
	}
	return status.Code
}

// storable reads PERMANENTFLAGS (RFC 9051 §7.1); without it every flag can be
// stored. An EXAMINE that answers an empty list speaks of this session only
// (Dovecot), so it says nothing.
//
// \* lets new flags be made. A server that lists it together with only those
// system flags that are in use (go-imap's) is read as keeping the others too;
// one that defines a system flag in FLAGS and leaves it out here does not.
func storable(data imapconn.SelectData, readOnly bool) mirror.Storable {
	if !data.HasPermanentFlags || (readOnly && len(data.PermanentFlags) == 0) {
		return mirror.AllFlags()
	}
	isAny := func(flag imap.Flag) bool { return flag == imap.FlagWildcard }
	listed := mirror.MakeFlags(slices.DeleteFunc(slices.Clone(data.PermanentFlags), isAny)...)
	if !slices.ContainsFunc(data.PermanentFlags, isAny) {
		return mirror.Storable{Flags: listed}
	}
	undefined := mirror.AllFlags().Flags.Minus(mirror.MakeFlags(data.Flags...))
	return mirror.Storable{Flags: listed.Union(undefined), Any: true}
}

// sendable returns the flags of f that IMAP can write in a command: system
// flags, and keywords that are atoms (RFC 9051 §9).
func sendable(f mirror.Flags) mirror.Flags {
	var list []imap.Flag
	for flag := range f.All() {
		if mirror.AllFlags().Flags.Has(flag) || isAtom(string(flag)) {
			list = append(list, flag)
		}
	}
	return mirror.MakeFlags(list...)
}

func isAtom(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`(){%*"\]`, c)
	})
}
