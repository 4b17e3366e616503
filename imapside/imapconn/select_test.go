package imapconn_test

import (
	"errors"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/imapside/imapconn/imaptest"
)

// TestBehindFailedSelect: after BAD another mailbox may still be open, so what
// was meant for the new one must not reach the old.
func TestBehindFailedSelect(t *testing.T) {
	for _, answer := range []string{"NO", "BAD"} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			var r recorder
			c := open(t, imapconn.Options{}, imaptest.Send("* PREAUTH hi\r\n"),
				imaptest.Expect("SELECT b"), imaptest.Expect("UID FETCH 1:2 (UID FLAGS)"),
				imaptest.Send("$1 "+answer+" not now\r\n* 1 FETCH (UID 1 FLAGS (old))\r\n$2 OK\r\n"),
				imaptest.Expect("NOOP"), imaptest.Send("$tag OK\r\n"))
			c.Hold()
			sel := c.Select(bg(), "b", nil)
			fetch := c.UIDFetch(bg(), uids("1:2"), imapconn.FetchItems{Flags: true}, r.handler())
			store := c.UIDStore(bg(), uids("1:2"), imapconn.StoreAdd, []imap.Flag{imap.FlagDeleted}, nil)
			expunge := c.UIDExpunge(bg(), uids("1:2"))
			c.Release()
			var status *imapconn.StatusError
			if err := sel.Command.Wait(); !errors.As(err, &status) {
				t.Errorf("SELECT: got %v, want %s", err, answer)
			}
			if err := fetch.Command.Wait(); !errors.Is(err, imapconn.ErrNotSelected) {
				t.Errorf("FETCH: got %v, want ErrNotSelected", err)
			}
			for _, cmd := range []*imapconn.Command{store.Command, expunge} {
				if err := cmd.Wait(); !errors.Is(err, imapconn.ErrNotSelected) || !errors.Is(err, imapconn.ErrNotSent) {
					t.Errorf("%s: got %v, want ErrNotSelected and ErrNotSent", cmd.Name(), err)
				}
			}
			if err := c.UIDExpunge(bg(), uids("3")).Wait(); !errors.Is(err, imapconn.ErrNotSelected) {
				t.Errorf("later: got %v, want ErrNotSelected", err)
			}
			if r.lines() != "" {
				t.Errorf("the old mailbox's replies were delivered: %s", r.lines())
			}
			if err := c.Noop(bg()).Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBehindSelect: reading goes out with the SELECT, changing behind it.
func TestBehindSelect(t *testing.T) {
	t.Parallel()
	var r recorder
	c := open(t, imapconn.Options{}, imaptest.Send("* PREAUTH hi\r\n"),
		imaptest.Expect("EXAMINE b"), imaptest.Expect("UID FETCH 1:2 (UID FLAGS)"),
		imaptest.Send("* 2 EXISTS\r\n$1 OK\r\n* 1 FETCH (UID 1 FLAGS (new))\r\n$2 OK\r\n"),
		imaptest.Expect(`UID STORE 1:2 -FLAGS.SILENT (\Deleted)`), imaptest.Send("$tag OK\r\n"),
		imaptest.Expect("UNSELECT"), imaptest.Send("$tag OK\r\n"), imaptest.Stall())
	c.Hold()
	sel := c.Select(bg(), "b", &imapconn.SelectOptions{ReadOnly: true})
	fetch := c.UIDFetch(bg(), uids("1:2"), imapconn.FetchItems{Flags: true}, r.handler())
	store := c.UIDStore(bg(), uids("1:2"), imapconn.StoreRemove, []imap.Flag{imap.FlagDeleted}, &imapconn.StoreOptions{Silent: true})
	c.Release()
	if err := errors.Join(sel.Command.Wait(), fetch.Command.Wait(), store.Command.Wait(), c.Unselect(bg()).Wait()); err != nil {
		t.Error(err)
	}
	if r.lines() != `message #1 uid=1 flags=["new"]` {
		t.Errorf("got %s", r.lines())
	}
	if err := c.UIDExpunge(bg(), uids("3")).Wait(); !errors.Is(err, imapconn.ErrNotSelected) {
		t.Errorf("behind UNSELECT: got %v, want ErrNotSelected", err)
	}
}

// TestQResync: changes and departures belong to the SELECT.
func TestQResync(t *testing.T) {
	t.Parallel()
	var changed, seen recorder
	c := open(t, imapconn.Options{Events: seen.events()}, imaptest.Send("* PREAUTH hi\r\n"),
		imaptest.Expect("SELECT b (QRESYNC (67890007 20050715194045000 41:211))"),
		imaptest.Send("* 3 EXISTS\r\n* VANISHED (EARLIER) 41,43:116\r\n* 2 FETCH (UID 120 FLAGS (\\Seen) MODSEQ (9))\r\n* VANISHED 7\r\n$tag OK\r\n"),
		imaptest.Expect("UID FETCH 1:300 (UID FLAGS) (CHANGEDSINCE 9 VANISHED)"),
		imaptest.Send("* VANISHED (EARLIER) 5\r\n* 2 FETCH (UID 121 FLAGS () MODSEQ (10))\r\n$tag OK\r\n"),
		imaptest.Expect("SELECT b (QRESYNC (1 2))"),
		imaptest.Send("* 3 EXISTS\r\n* VANISHED (EARLIER) 41,,43\r\n$tag OK\r\n"))
	data, err := c.Select(bg(), "b", &imapconn.SelectOptions{
		QResync: &imapconn.QResync{UIDValidity: 67890007, ModSeq: 20050715194045000, KnownUIDs: uids("41:211")},
		Changed: changed.handler().Message,
	}).Wait()
	if err != nil || data.Vanished.String() != "41,43:116" {
		t.Errorf("SELECT: got vanished %v, %v", data.Vanished, err)
	}
	fetch, err := c.UIDFetch(bg(), uids("1:300"), imapconn.FetchItems{Flags: true, ChangedSince: 9, Vanished: true}, changed.handler()).Wait()
	if err != nil || fetch.Vanished.String() != "5" || fetch.Arrived.String() != "121" {
		t.Errorf("FETCH: got %v, %v", fetch, err)
	}
	if _, err := c.Select(bg(), "b", &imapconn.SelectOptions{QResync: &imapconn.QResync{UIDValidity: 1, ModSeq: 2}}).Wait(); !errors.Is(err, imapconn.ErrMalformed) {
		t.Errorf("with an unreadable VANISHED: got %v, want ErrMalformed", err)
	}
	if got, want := changed.lines(), "message #2 uid=120 flags=[\"\\\\Seen\"] modseq=9\nmessage #2 uid=121 flags=[] modseq=10"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := seen.lines(); got != "vanished 7 false" {
		t.Errorf("events: got %s", got)
	}
}

// TestArguments: what is refused before it is sent.
func TestArguments(t *testing.T) {
	t.Parallel()
	c := open(t, imapconn.Options{}, imaptest.Send("* PREAUTH hi\r\n"), imaptest.ExpectEnd())
	defer c.Close()
	var none imapconn.FetchHandler
	huge := make(imap.UIDSet, 0, 20_000)
	for uid := imap.UID(1); uid < 40_000; uid += 2 {
		huge = append(huge, imap.UIDRange{Start: uid, Stop: uid})
	}
	for name, cmd := range map[string]*imapconn.Command{
		"empty set":       c.UIDFetch(bg(), nil, imapconn.FetchItems{}, none).Command,
		"dynamic COPY":    c.UIDCopy(bg(), uids("1:*"), "x").Command,
		"dynamic STORE":   c.UIDStore(bg(), uids("1:*"), imapconn.StoreAdd, []imap.Flag{"a"}, nil).Command,
		"dynamic EXPUNGE": c.UIDExpunge(bg(), uids("1:*")),
		"saved search":    c.UIDSearch(bg(), imap.SearchRes()).Command,
		"no flags":        c.UIDStore(bg(), uids("1"), imapconn.StoreAdd, nil, nil).Command,
		"flag injection":  c.UIDStore(bg(), uids("1"), imapconn.StoreAdd, []imap.Flag{"a) (b"}, nil).Command,
		"no operation":    c.UIDStore(bg(), uids("1"), 7, []imap.Flag{"a"}, nil).Command,
		"no field":        c.UIDFetch(bg(), uids("1"), imapconn.FetchItems{Sections: []imapconn.Section{{Part: imapconn.PartHeaderFields}}}, none).Command,
		"field injection": c.UIDFetch(bg(), uids("1"), imapconn.FetchItems{Sections: []imapconn.Section{{Part: imapconn.PartHeaderFields, Fields: []string{"a)] b"}}}}, none).Command,
		"vanished alone":  c.UIDFetch(bg(), uids("1"), imapconn.FetchItems{Vanished: true}, none).Command,
		"modseq 0":        c.Select(bg(), "x", &imapconn.SelectOptions{QResync: &imapconn.QResync{UIDValidity: 1}}).Command,
		"no items":        c.Status(bg(), "x", 0).Command,
		"pattern":         c.List(bg(), "", "a\r\nb", nil).Command,
		"no capability":   c.Enable(bg()).Command,
		"attribute":       c.Create(bg(), "x", `\Trash) (`),
		"line end":        c.Delete(bg(), "a\nb"),
		"long line":       c.UIDSearch(bg(), huge).Command,
	} {
		if err := cmd.Wait(); !errors.Is(err, imapconn.ErrArgument) || !errors.Is(err, imapconn.ErrNotSent) {
			t.Errorf("%s: got %v, want ErrArgument and ErrNotSent", name, err)
		}
	}
}

// TestMailboxCommands: how names and attributes look on the wire.
func TestMailboxCommands(t *testing.T) {
	t.Parallel()
	ok := imaptest.Send("$tag OK\r\n")
	c := open(t, imapconn.Options{}, imaptest.Send("* PREAUTH hi\r\n"),
		imaptest.Expect("CREATE Lists/go-nuts"), ok,
		imaptest.Expect(`CREATE Trash (USE (\Trash \Junk))`), ok,
		imaptest.Expect(`DELETE "NIL"`), ok,
		imaptest.Expect(`SUBSCRIBE INBOX`), ok,
		imaptest.Expect(`UNSUBSCRIBE ""`), ok,
		imaptest.Expect(`SUBSCRIBE "[Gmail]/a b\\c"`), ok,
		imaptest.Expect("UID FETCH 1,3:5,9:* (UID)"), ok,
		imaptest.Expect("ID NIL"), ok,
		imaptest.Expect("ID ()"), ok,
	)
	for _, cmd := range []*imapconn.Command{
		c.Create(bg(), "Lists/go-nuts"),
		c.Create(bg(), "Trash", imap.MailboxAttrTrash, imap.MailboxAttrJunk),
		c.Delete(bg(), "NIL"),
		c.Subscribe(bg(), "inbox"),
		c.Unsubscribe(bg(), ""),
		c.Subscribe(bg(), `[Gmail]/a b\c`),
		c.UIDFetch(bg(), uids("9:*,5:4,3,1"), imapconn.FetchItems{}, imapconn.FetchHandler{}).Command,
		c.ID(bg(), nil).Command,
		c.ID(bg(), map[string]string{}).Command,
	} {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", cmd.Name(), err)
		}
	}
}
