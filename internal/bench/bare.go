package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mailtwin/imapside/imapconn"
)

// bareWord is the hidden command with which this program runs itself as the
// bare client, so that it is a process like the others.
const bareWord = "bare"

// bare is the limit: what one connection takes, everything pipelined, without
// state, without a look at what is there and without fsync.
func bare() tool {
	return tool{
		name: "bare", plain: true, does: []kind{download, noop, upload},
		note: "one connection of our own IMAP client, nothing remembered, no fsync. No-op: LOGIN, LIST with STATUS, LOGOUT, one after the other. " +
			"Download: EXAMINE and FETCH of all mailboxes at once, into files. Upload: CREATE and APPEND, pipelined",
		configure: func(s *site) error {
			text, err := json.Marshal(bareJob{s.endpoint, s.kind, s.mail()})
			if err != nil {
				return err
			}
			return s.write(string(text))
		},
		arguments: func(s *site) []string { return []string{bareWord, s.config()} },
	}
}

// bareJob is the configuration of the bare client.
type bareJob struct {
	Endpoint endpoint
	Kind     kind
	Mail     string // a nested Maildir
}

// runBare is the bare client's process.
func runBare(ctx context.Context, config string) error {
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	var job bareJob
	if err := json.Unmarshal(text, &job); err != nil {
		return fmt.Errorf("%s: %w", config, err)
	}
	conn, err := job.Endpoint.open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := job.do(ctx, conn); err != nil {
		return err
	}
	return logout(ctx, conn)
}

func (b bareJob) do(ctx context.Context, conn *imapconn.Conn) error {
	switch b.Kind {
	case noop:
		_, err := listAll(ctx, conn)
		return err
	case download:
		return b.download(ctx, conn)
	case upload:
		return b.upload(ctx, conn)
	}
	return fmt.Errorf("the bare client does no %s", b.Kind)
}

// download asks for everything at once, after one turn for the names.
func (b bareJob) download(ctx context.Context, conn *imapconn.Conn) error {
	entries, err := listAll(ctx, conn)
	if err != nil {
		return err
	}
	var fetches []*imapconn.DataCommand[imapconn.FetchData]
	for _, entry := range entries {
		dir, err := makeMaildir(b.Mail, entry.Name)
		if err != nil {
			return err
		}
		conn.Select(ctx, entry.Name, &imapconn.SelectOptions{ReadOnly: true})
		items := imapconn.FetchItems{Flags: true, InternalDate: true, Sections: []imapconn.Section{{Part: imapconn.PartAll}}}
		fetches = append(fetches, conn.UIDFetch(ctx, allUIDs, items, imapconn.FetchHandler{Body: (&bareWriter{dir: dir}).body}))
	}
	for _, cmd := range fetches {
		if _, err := cmd.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// makeMaildir makes the three directories of a mailbox and returns its cur.
func makeMaildir(root, mailbox string) (cur string, err error) {
	for _, sub := range []string{"tmp", "new", "cur"} {
		cur = filepath.Join(root, mailbox, sub)
		if err := os.MkdirAll(cur, 0o700); err != nil {
			return "", err
		}
	}
	return cur, nil
}

// A bareWriter writes bodies into files of one directory.
type bareWriter struct {
	dir    string
	buffer [chunkSize]byte
}

func (w *bareWriter) body(m *imapconn.FetchMessage, body *imapconn.FetchBody) error {
	name := fmt.Sprintf("%d.%d.bare:2,%s", m.InternalDate.Unix(), m.SeqNum, wireFlags(m.Flags))
	file, err := os.OpenFile(filepath.Join(w.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	// Without the wrapping os.File would take a buffer of its own each time.
	if _, err := io.CopyBuffer(struct{ io.Writer }{file}, body, w.buffer[:]); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// bareDepth is how many uploads are under way, so that memory stays bounded.
const bareDepth = 64

// upload sends every message of the Maildir, and does not wait for an answer
// before the next ones are on their way.
func (b bareJob) upload(ctx context.Context, conn *imapconn.Conn) error {
	var last string
	var sent []*imapconn.DataCommand[imapconn.AppendData]
	wait := func() error {
		_, err := sent[0].Wait()
		sent = sent[1:]
		return err
	}
	err := eachFile(b.Mail, func(mailbox, path string, entry fs.DirEntry) error {
		if mailbox != last && mailbox != "INBOX" {
			conn.Create(ctx, mailbox) // an APPEND that follows a failed one fails too
		}
		last = mailbox
		cmd, err := send(ctx, conn, mailbox, path, entry)
		if err != nil {
			return err
		}
		if sent = append(sent, cmd); len(sent) < bareDepth {
			return nil
		}
		return wait()
	})
	for err == nil && len(sent) > 0 {
		err = wait()
	}
	return err
}

// send queues the upload of one file.
func send(ctx context.Context, conn *imapconn.Conn, mailbox, path string, entry fs.DirEntry) (*imapconn.DataCommand[imapconn.AppendData], error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	info, err := entry.Info()
	if err != nil {
		return nil, err
	}
	body := wireForm(file)
	_, letters, _ := strings.Cut(entry.Name(), ":2,")
	return conn.Append(ctx, mailbox, imapconn.AppendMessage{Flags: letterWords(letters), InternalDate: info.ModTime(),
		Size: int64(len(body)), Body: bytes.NewReader(body)}), nil
}

// wireForm is a message in LF form as it is sent.
func wireForm(file []byte) []byte { return bytes.ReplaceAll(file, []byte("\n"), []byte("\r\n")) }
