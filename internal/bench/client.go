package main

import (
	"context"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
)

// An endpoint is where and how an account is reached.
type endpoint struct {
	Port           int
	TLS            bool
	CertFile       string
	Fingerprint    string // SHA-256 in hex
	User, Password string
}

// open connects and signs in.
func (e endpoint) open(ctx context.Context) (*imapconn.Conn, error) {
	opts := imapconn.Options{TLS: imapconn.TLSNone, AllowClear: true}
	if e.TLS {
		opts = imapconn.Options{Fingerprint: "sha256:" + e.Fingerprint}
	}
	conn, err := imapconn.Dial(ctx, fmt.Sprintf("127.0.0.1:%d", e.Port), opts)
	if err != nil {
		return nil, err
	}
	if err := conn.Login(ctx, e.User, e.Password).Wait(); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// statusItems are what tells whether a mailbox changed.
const statusItems = imapconn.StatusMessages | imapconn.StatusUIDNext | imapconn.StatusUIDValidity | imapconn.StatusHighestModSeq

// listAll lists all mailboxes with their status, in one turn.
func listAll(ctx context.Context, conn *imapconn.Conn) ([]imapconn.ListEntry, error) {
	data, err := conn.List(ctx, "", "*", &imapconn.ListOptions{Status: statusItems}).Wait()
	switch {
	case err != nil:
		return nil, err
	case data.Unread > 0:
		return nil, fmt.Errorf("LIST: %d replies could not be read", data.Unread)
	}
	return data.Entries, nil
}

// allUIDs is every UID.
var allUIDs = imap.UIDSet{{Start: 1, Stop: 0}}

// logout ends a session and returns what was wrong with its end.
func logout(ctx context.Context, conn *imapconn.Conn) error {
	defer conn.Close()
	return conn.Logout(ctx).Wait()
}
