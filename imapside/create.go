package imapside

import (
	"context"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// Create makes a mailbox, with its special use where the server has
// CREATE-SPECIAL-USE (RFC 6154 §3). Where the server refuses, missing parents
// are made first, then the refusal counts unless LIST shows the mailbox: what
// is there already is no error.
func (r *Repository) Create(ctx context.Context, name mirror.Name, role mirror.Role) error {
	if err := r.writable(ctx); err != nil {
		return err
	}
	if name == nametrans.Inbox {
		return nil // always there (RFC 9051 §5.1)
	}
	wire, err := r.spell(name)
	if err != nil {
		return err
	}
	refusal, err := r.create(ctx, wire, role)
	if err != nil || refusal == nil {
		return err
	}
	exists, selectable, err := r.lookUp(ctx, wire)
	if err != nil {
		return err
	}
	if exists && selectable {
		return nil
	}
	if parent := name.Parent(); parent != "" && !exists {
		if err := r.createParent(ctx, parent); err != nil {
			return err
		}
		if refusal, err = r.create(ctx, wire, role); err != nil || refusal == nil {
			return err
		}
	}
	return failure("create mailbox", refusal, mirror.ErrName)
}

// createParent makes a mailbox that others are to be below. One that holds no
// messages of its own (\Noselect) serves.
func (r *Repository) createParent(ctx context.Context, name mirror.Name) error {
	wire, err := r.spell(name)
	if err != nil {
		return err
	}
	exists, _, err := r.lookUp(ctx, wire)
	if err != nil || exists {
		return err
	}
	return r.Create(ctx, name, "")
}

// create sends CREATE, and once more without the special use where that may be
// what is refused. err is an error of the side.
func (r *Repository) create(ctx context.Context, wire string, role mirror.Role) (refusal, err error) {
	use := r.use(role)
	command := r.creating[wire]
	if command == nil {
		command = r.conn.Create(ctx, wire, use...)
	}
	delete(r.creating, wire)
	failed := command.Wait()
	if status := refused(failed); len(use) > 0 && status != nil && status.Code != imap.ResponseCodeAlreadyExists {
		failed = r.conn.Create(ctx, wire).Wait()
	}
	if status := refused(failed); status != nil && temporary(status) == nil {
		return failed, nil
	}
	return nil, failure("create mailbox", failed, mirror.ErrName)
}

// use is the special use to make a mailbox with, as far as the server takes it.
func (r *Repository) use(role mirror.Role) []imap.MailboxAttr {
	if role == "" || !r.caps.Has(imap.CapCreateSpecialUse) {
		return nil
	}
	return []imap.MailboxAttr{role}
}

// createAhead sends what Create and Subscribe will send first.
func (r *Repository) createAhead(ctx context.Context, wire string, call mirror.Expected) {
	if r.access == mirror.ReadOnly || call.Name == nametrans.Inbox || r.creating[wire] != nil {
		return
	}
	r.creating[wire] = r.conn.Create(ctx, wire, r.use(call.Role)...)
	if call.Subscribed {
		r.subscribing[wire] = r.conn.Subscribe(ctx, wire)
	}
}

// Subscribe implements mirror.Repository.
func (r *Repository) Subscribe(ctx context.Context, name mirror.Name, on bool) error {
	if err := r.writable(ctx); err != nil {
		return err
	}
	wire, err := r.spell(name)
	if err != nil {
		return err
	}
	if command := r.subscribing[wire]; on && command != nil {
		delete(r.subscribing, wire)
		if command.Wait() == nil { // else it may have come too early
			return nil
		}
	}
	subscribe := (*imapconn.Conn).Subscribe
	op := "subscribe mailbox"
	if !on {
		subscribe, op = (*imapconn.Conn).Unsubscribe, "unsubscribe mailbox"
	}
	return failure(op, subscribe(r.conn, ctx, wire).Wait(), mirror.ErrDenied)
}

// writable says why nothing may be changed, nil where it may.
func (r *Repository) writable(ctx context.Context) error {
	if r.conn != nil && r.access == mirror.ReadOnly {
		return fmt.Errorf("%w: connected for reading only", mirror.ErrDenied)
	}
	return r.attend(ctx)
}
