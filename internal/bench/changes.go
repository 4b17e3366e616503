package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
)

// changeServer adds, flags and removes messages on the server, as another
// client would, spread over all mailboxes. What one round flags loses its flag
// in the next.
func (s *stage) changeServer(ctx context.Context) error {
	conn, err := s.account.endpoint().open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	c, n := s.job.change, s.job.shape.mailboxes
	list := sizes(uint64(seed+s.round), c.added, c.mean)
	next := 0
	for i := range n {
		name := mailboxName(i)
		if err := s.alter(ctx, conn, name, share(c.removed, i, n), share(c.flagged, i, n)); err != nil {
			return fmt.Errorf("mailbox %s: %w", name, err)
		}
		for range share(c.added, i, n) {
			if err := s.addLetter(ctx, conn, name, next, list[next]); err != nil {
				return fmt.Errorf("mailbox %s: %w", name, err)
			}
			next++
		}
	}
	return logout(ctx, conn)
}

// share is the i-th of n parts of a total; they differ by one at most.
func share(total, i, n int) int { return total*(i+1)/n - total*i/n }

// alter removes the first messages of a mailbox and changes a flag of its last.
func (s *stage) alter(ctx context.Context, conn *imapconn.Conn, mailbox string, removed, flagged int) error {
	if removed+flagged == 0 {
		return nil
	}
	plain, marked, err := selectUIDs(ctx, conn, mailbox)
	if err != nil {
		return err
	}
	if len(plain) < removed {
		return errors.New("too few messages are left to be removed")
	}
	gone, rest := plain[:removed], plain[removed:]
	op := imapconn.StoreAdd
	if s.round%2 == 0 {
		op, rest = imapconn.StoreRemove, marked
	}
	if len(rest) < flagged {
		return errors.New("too few messages are left whose flags can be changed")
	}
	if err := store(ctx, conn, rest[len(rest)-flagged:], op, imap.FlagFlagged); err != nil {
		return err
	}
	if err := store(ctx, conn, gone, imapconn.StoreAdd, imap.FlagDeleted); err != nil || removed == 0 {
		return err
	}
	return conn.UIDExpunge(ctx, imap.UIDSetNum(gone...)).Wait()
}

// selectUIDs selects a mailbox and returns its UIDs in order, those with
// \Flagged by themselves.
func selectUIDs(ctx context.Context, conn *imapconn.Conn, mailbox string) (plain, marked []imap.UID, err error) {
	if _, err := conn.Select(ctx, mailbox, nil).Wait(); err != nil {
		return nil, nil, err
	}
	_, err = conn.UIDFetch(ctx, allUIDs, imapconn.FetchItems{Flags: true}, imapconn.FetchHandler{
		Message: func(m *imapconn.FetchMessage) error {
			if slices.Contains(m.Flags, imap.FlagFlagged) {
				marked = append(marked, m.UID)
			} else {
				plain = append(plain, m.UID)
			}
			return nil
		}}).Wait()
	return plain, marked, err
}

func store(ctx context.Context, conn *imapconn.Conn, uids []imap.UID, op imapconn.StoreOp, flag imap.Flag) error {
	if len(uids) == 0 {
		return nil
	}
	_, err := conn.UIDStore(ctx, imap.UIDSetNum(uids...), op, []imap.Flag{flag}, nil).Wait()
	return err
}

// addLetter appends a message that was not there before.
func (s *stage) addLetter(ctx context.Context, conn *imapconn.Conn, mailbox string, n, size int) error {
	body := letter(uint64(seed+s.round), n, size)
	_, err := conn.Append(ctx, mailbox, imapconn.AppendMessage{InternalDate: letterDate(n), Size: int64(len(body)), Body: bytes.NewReader(body)}).Wait()
	return err
}

// moveLocal renames messages, as a mail program does: with the part of the name
// that a tool made for itself (",U=…") left out. Every second mailbox gives some
// to the one after it, and gets as many in the next round: so the numbers in
// each mailbox tell whether the moves were carried over.
func (s *stage) moveLocal() error {
	byMailbox := map[string][]string{}
	err := eachFile(s.mail(), func(mailbox, path string, _ fs.DirEntry) error {
		byMailbox[mailbox] = append(byMailbox[mailbox], path)
		return nil
	})
	if err != nil {
		return err
	}
	pairs := s.job.shape.mailboxes / 2
	if pairs == 0 {
		return errors.New("it takes two mailboxes to move messages")
	}
	for i := range pairs {
		from, to := mailboxName(2*i), mailboxName(2*i+1)
		if s.round%2 == 0 {
			from, to = to, from
		}
		if err := s.moveSome(byMailbox[from], to, share(s.job.change.moved, i, pairs)); err != nil {
			return fmt.Errorf("mailbox %s: %w", from, err)
		}
	}
	return nil
}

// moveSome moves some of the files, others in each round, to a mailbox.
func (s *stage) moveSome(files []string, to string, count int) error {
	if len(files) < count {
		return errors.New("too few messages are left to be moved")
	}
	r := rand.New(rand.NewPCG(seed, uint64(s.round)))
	for _, n := range r.Perm(len(files))[:count] {
		if err := os.Rename(files[n], filepath.Join(s.mail(), to, "cur", movedName(files[n]))); err != nil {
			return err
		}
	}
	return nil
}

// movedName is the name of a file in the mailbox to which it is moved.
func movedName(path string) string {
	base, info, _ := strings.Cut(filepath.Base(path), ":2,")
	base, _, _ = strings.Cut(base, ",")
	return base + ":2," + info
}
