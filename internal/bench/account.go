package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mailtwin/imapside/imapconn"
)

// An account is one user's mail on a server.
type account struct {
	at   *post
	user string
}

// endpoint is the way to the account past the proxies.
func (a account) endpoint() endpoint {
	s := a.at.server
	return endpoint{Port: s.Port, CertFile: s.CertFile, Fingerprint: s.Fingerprint, User: a.user, Password: s.Password}
}

// by is the way to the account through a proxy.
func (a account) by(p *proxy, tls bool) endpoint {
	e := a.endpoint()
	e.Port, e.TLS = p.port, tls
	return e
}

// fill puts the mail of a shape straight onto the server's disk, under names as
// Dovecot gives them: with both sizes, so that it need not read the messages.
func (a account) fill(s shape) error {
	for i := range s.mailboxes {
		for _, sub := range []string{"", "cur", "new", "tmp"} {
			if err := a.at.server.MakeDir(filepath.Join(a.dir(mailboxName(i)), sub)); err != nil {
				return err
			}
		}
	}
	return s.eachLetter(func(mailbox string, n int, body []byte) error {
		file, wire := localForm(body), len(body)
		name := fmt.Sprintf("%d.M%dP1.bench,S=%d,W=%d:2,%s", letterDate(n).Unix(), n, len(file), wire, letterFlags(n))
		return a.at.server.WriteMail(filepath.Join(a.dir(mailbox), "cur", name), file, letterDate(n))
	})
}

// dir is where Dovecot keeps a mailbox.
func (a account) dir(mailbox string) string {
	root := a.at.server.MailDir(a.user)
	if mailbox == "INBOX" {
		return root
	}
	return filepath.Join(root, "."+mailbox)
}

// restore makes the account what another one was when it was last used; with
// none it is empty. Nobody may be signed in to either.
func (a account) restore(ctx context.Context, from *account) error {
	if err := a.remove(); err != nil {
		return err
	}
	if from != nil {
		if err := clone(from.dir("INBOX"), a.dir("INBOX")); err != nil {
			return err
		}
	}
	return a.index(ctx)
}

func (a account) remove() error { return os.RemoveAll(a.dir("INBOX")) }

// index makes Dovecot look at every mailbox, so that its indexes are there and
// no tool is the first to pay for them.
func (a account) index(ctx context.Context) error {
	conn, err := a.endpoint().open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	entries, err := listAll(ctx, conn)
	if err != nil {
		return err
	}
	var selects []*imapconn.DataCommand[imapconn.SelectData]
	for _, entry := range entries {
		selects = append(selects, conn.Select(ctx, entry.Name, &imapconn.SelectOptions{CondStore: true}))
	}
	for _, cmd := range selects {
		if _, err := cmd.Wait(); err != nil {
			return err
		}
	}
	if err := conn.Unselect(ctx).Wait(); err != nil {
		return err
	}
	if _, err := listAll(ctx, conn); err != nil {
		return err
	}
	return logout(ctx, conn)
}

// look counts what the account holds, with the flags of each message.
func (a account) look(ctx context.Context) (census, error) {
	conn, err := a.endpoint().open(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	entries, err := listAll(ctx, conn)
	if err != nil {
		return nil, err
	}
	c := census{}
	for _, entry := range entries {
		sum, err := lookInto(ctx, conn, entry)
		if err != nil {
			return nil, fmt.Errorf("mailbox %s: %w", entry.Name, err)
		}
		c[entry.Name] = sum
	}
	return c, logout(ctx, conn)
}

func lookInto(ctx context.Context, conn *imapconn.Conn, entry imapconn.ListEntry) (sum tally, err error) {
	if _, err := conn.Select(ctx, entry.Name, &imapconn.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		return sum, err
	}
	_, err = conn.UIDFetch(ctx, allUIDs, imapconn.FetchItems{Flags: true, Size: true}, imapconn.FetchHandler{
		Message: func(m *imapconn.FetchMessage) error {
			sum.add(m.Size, wireFlags(m.Flags))
			return nil
		}}).Wait()
	if err == nil && (entry.Status == nil || int(entry.Status.Messages) != sum.Messages) {
		err = errors.New("STATUS and FETCH tell different numbers of messages")
	}
	return sum, err
}

// stamp is equal before and after a run that changed nothing on the server.
func (a account) stamp(ctx context.Context) (string, error) {
	conn, err := a.endpoint().open(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	entries, err := listAll(ctx, conn)
	if err != nil {
		return "", err
	}
	var lines []string
	for _, entry := range entries {
		if entry.Status == nil {
			return "", fmt.Errorf("mailbox %s: no STATUS", entry.Name)
		}
		lines = append(lines, fmt.Sprintf("%s %+v", entry.Name, *entry.Status))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), logout(ctx, conn)
}
