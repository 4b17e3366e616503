package acceptance

import (
	"fmt"
	"math/rand"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// corpusMailboxes are twenty names: nested, with blanks, in several scripts.
var corpusMailboxes = []string{
	"INBOX", "Sent", "Drafts", "Archive", "Archive/2019", "Archive/2020", "Archive/2020/Q1", "Lists", "Lists/go-nuts",
	"Lists/imap-protocol", "Entwürfe", "Gelöschte Ideen", "旅行", "旅行/京都", "Архив", "Архив/2024", "R&D", "50% off",
	"Receipts (paid)", "a very long name with many words in it, to see how far they carry",
}

// letter makes one message of a corpus.
func letter(r *rand.Rand, n int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Received: from mx%d.example.org by mail.example.org; Thu, 4 Mar 2021 05:06:%02d +0000\r\n", n%5, n%60)
	fmt.Fprintf(&b, "Message-ID: <%d.%d@example.org>\r\nDate: Thu, 4 Mar 2021 05:%02d:%02d +0000\r\n", n, r.Int63(), n/60%60, n%60)
	fmt.Fprintf(&b, "From: ann@example.org\r\nTo: bob@example.net\r\nSubject: =?utf-8?q?letter_%d_=C3=BC?=\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n", n)
	size := 50 + r.Intn(1200)
	if n%40 == 0 {
		size = 20000 + r.Intn(200000)
	}
	for b.Len() < size {
		fmt.Fprintf(&b, "line %d of letter %d, grün\r\n", r.Intn(1000), n)
	}
	switch n % 11 {
	case 3:
		b.WriteString("no line end at the end")
	case 5:
		b.WriteString(".\r\n..\r\nFrom here\r\n\r\n\r\n")
	}
	return []byte(b.String())
}

var corpusFlags = [][]imap.Flag{nil, {imap.FlagSeen}, {imap.FlagSeen, imap.FlagAnswered}, {imap.FlagFlagged, "work"}, {imap.FlagSeen, "$Forwarded", "NonJunk"}, {imap.FlagDraft}}

// fill puts n messages into the server's mailboxes, by an independent client.
func (s *setup) fill(r *rand.Rand, n int) {
	s.t.Helper()
	c := s.dial()
	defer c.Close()
	for _, name := range corpusMailboxes {
		if name != "INBOX" {
			if err := c.Create(name, nil).Wait(); err != nil {
				s.t.Fatalf("create %q: %v", name, err)
			}
		}
	}
	for i := range n {
		// Few in most mailboxes, many in some.
		at := r.Intn(len(corpusMailboxes)) * r.Intn(len(corpusMailboxes)) / len(corpusMailboxes)
		s.append(c, corpusMailboxes[at], letter(r, i), corpusFlags[r.Intn(len(corpusFlags))], someDate(r))
	}
}

// someDate is a whole second of the last twenty years.
func someDate(r *rand.Rand) time.Time {
	return time.Unix(1100000000+r.Int63n(600000000), 0)
}

func (s *setup) append(c *imapclient.Client, mailbox string, body []byte, flags []imap.Flag, date time.Time) {
	s.t.Helper()
	cmd := c.Append(mailbox, int64(len(body)), &imap.AppendOptions{Flags: flags, Time: date})
	if _, err := cmd.Write(body); err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Close(); err != nil {
		s.t.Fatal(err)
	}
	if _, err := cmd.Wait(); err != nil {
		s.t.Fatalf("append to %q: %v", mailbox, err)
	}
}

// someRand is a source for letters whose content does not matter; they differ
// by their number.
func someRand() *rand.Rand { return rand.New(rand.NewSource(1)) }
