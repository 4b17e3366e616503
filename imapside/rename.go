package imapside

import (
	"context"
	"errors"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// errInbox is the error of what would take INBOX away.
var errInbox = fmt.Errorf("%w: INBOX is always there", mirror.ErrName)

// Rename implements mirror.Repository with RENAME. INBOX is never renamed: that would
// only move its messages (RFC 9051 §6.3.6).
func (r *Repository) Rename(ctx context.Context, from, to mirror.Name) error {
	if err := r.writable(ctx); err != nil {
		return err
	}
	if from == nametrans.Inbox || to == nametrans.Inbox {
		return errInbox
	}
	old, err := r.spell(from)
	if err != nil {
		return err
	}
	wire, err := r.spell(to)
	if err != nil {
		return err
	}
	if err := r.leave(ctx); err != nil {
		return err
	}
	delete(r.opened, old)
	return failure("rename mailbox", r.conn.Rename(ctx, old, wire).Wait(), mirror.ErrDenied)
}

// Delete implements mirror.Repository. No command deletes a mailbox only if it is empty:
// an EXAMINE just before shows that it is.
func (r *Repository) Delete(ctx context.Context, name mirror.Name) error {
	if err := r.writable(ctx); err != nil {
		return err
	}
	if name == nametrans.Inbox {
		return errInbox
	}
	wire, err := r.spell(name)
	if err != nil {
		return err
	}
	r.depart()
	delete(r.opened, wire)
	shown, err := r.conn.Select(ctx, wire, &imapconn.SelectOptions{ReadOnly: true}).Wait()
	if err == nil {
		if shown.Exists > 0 {
			return fmt.Errorf("%w: %d", mirror.ErrNotEmpty, shown.Exists)
		}
		if err = r.leave(ctx); err != nil {
			return err
		}
		err = r.conn.Delete(ctx, wire).Wait()
	}
	if err == nil {
		return nil
	}
	if err := r.missing(ctx, wire, "delete mailbox", err); !errors.Is(err, mirror.ErrNoMailbox) {
		return err
	}
	return nil
}

// leave has no mailbox selected any more that may be renamed or deleted: some servers
// close the connection then. A server without UNSELECT is sent to INBOX; CLOSE would
// expunge.
func (r *Repository) leave(ctx context.Context) error {
	r.depart()
	if r.caps.Has(imap.CapUnselect) || r.caps.Has(imap.CapIMAP4rev2) {
		r.conn.Unselect(ctx)
		return nil
	}
	_, err := r.conn.Select(ctx, string(nametrans.Inbox), &imapconn.SelectOptions{ReadOnly: true}).Wait()
	return failure("leave mailbox", err, mirror.ErrDenied)
}
