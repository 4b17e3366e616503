package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
)

// changeServer adds, flags and removes messages on the server, as another
// client would, spread over all mailboxes.
func (s *stage) changeServer(ctx context.Context) error {
	conn, err := s.account.endpoint().open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	c := s.job.change
	list := sizes(uint64(seed+s.round), c.added, c.mean)
	next := 0
	for i := range s.job.shape.mailboxes {
		uids, err := selectUIDs(ctx, conn, mailboxName(i))
		if err != nil {
			return err
		}
		removed, flagged := share(c.removed, i, s.job.shape.mailboxes), share(c.flagged, i, s.job.shape.mailboxes)
		if err := s.alter(ctx, conn, uids, removed, flagged); err != nil {
			return fmt.Errorf("mailbox %s: %w", mailboxName(i), err)
		}
		for range share(c.added, i, s.job.shape.mailboxes) {
			if err := s.addLetter(ctx, conn, mailboxName(i), next, list[next]); err != nil {
				return err
			}
			next++
		}
	}
	return logout(ctx, conn)
}

// share is the i-th of n parts of a total; they differ by one at most.
func share(total, i, n int) int { return total*(i+1)/n - total*i/n }

// selectUIDs selects a mailbox and returns its UIDs without \Flagged, in order.
func selectUIDs(ctx context.Context, conn *imapconn.Conn, mailbox string) (uids []imap.UID, err error) {
	if _, err := conn.Select(ctx, mailbox, nil).Wait(); err != nil {
		return nil, err
	}
	_, err = conn.UIDFetch(ctx, allUIDs, imapconn.FetchItems{Flags: true}, imapconn.FetchHandler{
		Message: func(m *imapconn.FetchMessage) error {
			if !slices.Contains(m.Flags, imap.FlagFlagged) {
				uids = append(uids, m.UID)
			}
			return nil
		}}).Wait()
	return uids, err
}

// alter removes the first of uids and flags some of the others.
func (s *stage) alter(ctx context.Context, conn *imapconn.Conn, uids []imap.UID, removed, flagged int) error {
	if len(uids) < removed+flagged {
		return errors.New("too few messages are left to be changed")
	}
	gone, marked := imap.UIDSetNum(uids[:removed]...), imap.UIDSetNum(uids[len(uids)-flagged:]...)
	if flagged > 0 {
		if _, err := conn.UIDStore(ctx, marked, imapconn.StoreAdd, []imap.Flag{imap.FlagFlagged}, nil).Wait(); err != nil {
			return err
		}
	}
	if removed == 0 {
		return nil
	}
	if _, err := conn.UIDStore(ctx, gone, imapconn.StoreAdd, []imap.Flag{imap.FlagDeleted}, nil).Wait(); err != nil {
		return err
	}
	return conn.UIDExpunge(ctx, gone).Wait()
}

// addLetter appends a message that was not there before.
func (s *stage) addLetter(ctx context.Context, conn *imapconn.Conn, mailbox string, n, size int) error {
	body := letter(uint64(seed+s.round), n, size)
	_, err := conn.Append(ctx, mailbox, imapconn.AppendMessage{InternalDate: letterDate(n), Size: int64(len(body)), Body: bytes.NewReader(body)}).Wait()
	return err
}

// moveLocal renames messages of each mailbox into the next, as a mail program
// does: with the part of the name that a tool made for itself (",U=…") left out.
func (s *stage) moveLocal() error {
	mailboxes := s.job.shape.mailboxes
	byMailbox := map[string][]string{}
	err := eachFile(s.mail(), func(mailbox, path string, _ fs.DirEntry) error {
		byMailbox[mailbox] = append(byMailbox[mailbox], path)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range mailboxes {
		from, to := mailboxName(i), mailboxName((i+1)%mailboxes)
		count := share(s.job.change.moved, i, mailboxes)
		if len(byMailbox[from]) < count {
			return fmt.Errorf("mailbox %s: too few messages to be moved", from)
		}
		for _, path := range byMailbox[from][:count] {
			if err := os.Rename(path, filepath.Join(s.mail(), to, "cur", movedName(path))); err != nil {
				return err
			}
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
