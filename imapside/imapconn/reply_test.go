package imapconn_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/imapside/imapconn/imaptest"
)

// ask is a command of the table below: what it sends and how its answer looks.
type ask struct {
	line string
	do   func(c *imapconn.Conn, r *recorder) string
}

func answer(v any, err error) string { return fmt.Sprintf("%+v %v", v, err) }

var (
	noop = ask{"NOOP", func(c *imapconn.Conn, _ *recorder) string {
		return fmt.Sprint(c.Noop(bg()).Wait())
	}}
	list = ask{`LIST "" "*"`, func(c *imapconn.Conn, _ *recorder) string {
		data, err := c.List(bg(), "", "*", nil).Wait()
		return answer(data, err)
	}}
	listStatus = ask{`LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))`,
		func(c *imapconn.Conn, _ *recorder) string {
			data, err := c.List(bg(), "", "*", &imapconn.ListOptions{
				Subscribed: true, SpecialUse: true,
				Status: imapconn.StatusMessages | imapconn.StatusUIDNext | imapconn.StatusUIDValidity | imapconn.StatusHighestModSeq,
			}).Wait()
			s := ""
			for _, e := range data.Entries {
				s += fmt.Sprintf("%s %q %q", e.Name, e.Delim, e.Attrs)
				if e.Status != nil {
					s += fmt.Sprintf(" %d:%d/%d/%d/%d", e.Status.Has, e.Status.Messages, e.Status.UIDNext, e.Status.UIDValidity, e.Status.HighestModSeq)
				}
				s += "; "
			}
			return fmt.Sprintf("%sunread=%d %v", s, data.Unread, err)
		}}
	lsub = ask{`LSUB "" "*"`, func(c *imapconn.Conn, _ *recorder) string {
		data, err := c.Lsub(bg(), "", "*").Wait()
		return answer(data, err)
	}}
	status = ask{"STATUS INBOX (MESSAGES UIDNEXT)", func(c *imapconn.Conn, _ *recorder) string {
		data, err := c.Status(bg(), "inbox", imapconn.StatusMessages|imapconn.StatusUIDNext).Wait()
		return answer(data, err)
	}}
	selectInbox = ask{"SELECT INBOX", func(c *imapconn.Conn, _ *recorder) string {
		data, err := c.Select(bg(), "INBOX", nil).Wait()
		return answer(data, err)
	}}
	fetchFlags = ask{"UID FETCH 1:9 (UID FLAGS)", func(c *imapconn.Conn, r *recorder) string {
		data, err := c.UIDFetch(bg(), uids("1:9"), imapconn.FetchItems{Flags: true}, r.handler()).Wait()
		return answer(data, err)
	}}
	fetchAll = ask{"UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ EMAILID X-GM-MSGID)", func(c *imapconn.Conn, r *recorder) string {
		data, err := c.UIDFetch(bg(), uids("1:*"), imapconn.FetchItems{
			Flags: true, InternalDate: true, Size: true, ModSeq: true, EmailID: true, GmailMsgID: true,
		}, r.handler()).Wait()
		return answer(data, err)
	}}
	fetchBody = ask{"UID FETCH 1:9 (UID FLAGS BODY.PEEK[])", func(c *imapconn.Conn, r *recorder) string {
		data, err := c.UIDFetch(bg(), uids("1:9"), imapconn.FetchItems{
			Flags: true, Sections: []imapconn.Section{{Part: imapconn.PartAll}},
		}, r.handler()).Wait()
		return answer(data, err)
	}}
	fetchHeaders = ask{"UID FETCH 1:9 (UID BODY.PEEK[HEADER] BODY.PEEK[HEADER.FIELDS (Message-ID Date)])", func(c *imapconn.Conn, r *recorder) string {
		data, err := c.UIDFetch(bg(), uids("1:9"), imapconn.FetchItems{Sections: []imapconn.Section{
			{Part: imapconn.PartHeader}, {Part: imapconn.PartHeaderFields, Fields: []string{"Message-ID", "Date"}},
		}}, r.handler()).Wait()
		return answer(data, err)
	}}
	search = ask{"UID SEARCH RETURN (ALL) UID 1:99", func(c *imapconn.Conn, _ *recorder) string {
		data, err := c.UIDSearch(bg(), uids("1:99")).Wait()
		return answer(data, err)
	}}
	store = ask{`UID STORE 1:9 +FLAGS (\Seen $Forwarded)`, func(c *imapconn.Conn, r *recorder) string {
		data, err := c.UIDStore(bg(), uids("1:9"), imapconn.StoreAdd, []imap.Flag{imap.FlagSeen, "$Forwarded"},
			&imapconn.StoreOptions{Reply: r.handler().Message}).Wait()
		return answer(data, err)
	}}
	copyTo = ask{"UID COPY 1,3:5 Archive", func(c *imapconn.Conn, _ *recorder) string {
		data, err := c.UIDCopy(bg(), uids("1,3:5"), "Archive").Wait()
		return answer(data, err)
	}}
	moveTo = ask{"UID MOVE 1,3:5 Archive", func(c *imapconn.Conn, _ *recorder) string {
		data, err := c.UIDMove(bg(), uids("1,3:5"), "Archive").Wait()
		return answer(data, err)
	}}
	namespace = ask{"NAMESPACE", func(c *imapconn.Conn, _ *recorder) string {
		data, err := c.Namespace(bg()).Wait()
		return answer(data, err)
	}}
	id = ask{`ID ("name" "mailtwin" "version" "1")`, func(c *imapconn.Conn, _ *recorder) string {
		data, err := c.ID(bg(), map[string]string{"version": "1", "name": "mailtwin"}).Wait()
		return answer(data, err)
	}}
	enable = ask{"ENABLE CONDSTORE QRESYNC", func(c *imapconn.Conn, _ *recorder) string {
		data, err := c.Enable(bg(), imap.CapCondStore, imap.CapQResync).Wait()
		return answer(data, err) + fmt.Sprint(len(c.Enabled()))
	}}
	capability = ask{"CAPABILITY", func(c *imapconn.Conn, _ *recorder) string {
		err := c.Capability(bg()).Wait()
		caps, known := c.Caps()
		return fmt.Sprintf("%d %v %v %v %v", len(caps), known, caps.Has(imap.CapIMAP4rev1), caps.Has("AUTH=PLAIN"), err)
	}}
)

const noEntries = "{Entries:[] Unread:0} <nil>"
const noFetch = "{Arrived: Incomplete: Vanished:} <nil>"

// TestReplies feeds every response the connection understands, and those seen
// from real servers that break the grammar. The connection must survive each.
func TestReplies(t *testing.T) {
	tests := []struct {
		name  string
		ask   ask
		reply string // "$tag OK done" is added where it does not hold "$tag"
		want  string
		seen  string // handlers and events, one a line
		odd   string
	}{
		// Untagged data that nobody asked for.
		{name: "exists", ask: noop, reply: "* 23 EXISTS\r\n* 5 RECENT\r\n* 44 EXPUNGE\r\n", want: "<nil>", seen: "exists 23\nexpunge 44"},
		{name: "unasked fetch", ask: noop, reply: "* 7 FETCH (FLAGS (\\Seen kw) UID 12 MODSEQ (77))\r\n", want: "<nil>", seen: `fetch #7 uid=12 flags=["\\Seen" "kw"] modseq=77`},
		{name: "unasked fetch with a body", ask: noop, reply: "* 7 FETCH (UID 3 BODY[] {5}\r\n)\r\n(x FLAGS ())\r\n", want: "<nil>", seen: "fetch #7 uid=3 flags=[]", odd: "map[fetch-item:1]"},
		{name: "vanished", ask: noop, reply: "* VANISHED 41,43:116,118,120:4294967295\r\n", want: "<nil>", seen: "vanished 41,43:116,118,120:4294967295 false"},
		{name: "vanished earlier", ask: noop, reply: "* VANISHED (EARLIER) 9,1:3\r\n", want: "<nil>", seen: "vanished 1:3,9 true"},
		{name: "flags", ask: noop, reply: "* FLAGS (\\Seen kw)\r\n", want: "<nil>", seen: `flags ["\\Seen" "kw"]`},
		{name: "still here", ask: noop, reply: "* OK Still here\r\n", want: "<nil>", seen: `status OK [|] "Still here"`},
		{name: "alert", ask: noop, reply: "* OK [ALERT] disk full at {5}\r\n", want: "<nil>", seen: "alert \"disk full at {5}\"\nstatus OK [ALERT|] \"disk full at {5}\""},
		{name: "tagged highestmodseq", ask: noop, reply: "$tag OK [HIGHESTMODSEQ 12] Completed\r\n", want: "<nil>", seen: `status OK [HIGHESTMODSEQ|12] "Completed"`},
		{name: "unasked status", ask: noop, reply: "* STATUS a (MESSAGES 1)\r\n", want: "<nil>",
			seen: "mailbox-status {Mailbox:a Has:1 Messages:1 UIDNext:0 UIDValidity:0 Unseen:0 Deleted:0 Size:0 HighestModSeq:0 AppendLimit:0 MailboxID:}"},

		// Tagged answers.
		{name: "no", ask: noop, reply: "$tag NO [OVERQUOTA] Over quota, sorry\r\n", want: "NOOP: NO [OVERQUOTA] Over quota, sorry"},
		{name: "bad", ask: noop, reply: "$tag BAD what?\r\n", want: "NOOP: BAD what?"},
		{name: "no without text", ask: noop, reply: "$tag NO\r\n", want: "NOOP: NO"},
		{name: "code without text", ask: noop, reply: "* OK [HIGHESTMODSEQ 5]\r\n", want: "<nil>", seen: `status OK [HIGHESTMODSEQ|5] ""`},
		{name: "code with arguments", ask: noop, reply: "$tag NO [BADCHARSET (\"a]b\" utf-8)] no\r\n", want: `NOOP: NO [BADCHARSET ("a]b" utf-8)] no`},
		{name: "unclosed code", ask: noop, reply: "$tag NO [oops no end\r\n", want: "NOOP: NO [oops no end"},
		{name: "throttled", ask: noop, reply: "$tag NO Request is throttled. Suggested Backoff Time: 299961 milliseconds\r\n", want: "NOOP: NO Request is throttled. Suggested Backoff Time: 299961 milliseconds"},
		{name: "lower case", ask: noop, reply: "$tag ok fine\r\n", want: "<nil>"},
		{name: "bare line feeds", ask: noop, reply: "* 3 EXISTS\n$tag OK\n", want: "<nil>", seen: "exists 3"},

		// Broken, and survived.
		{name: "empty tag", ask: noop, reply: " BAD [Error offset=28]: expected CR\r\n* 1 EXISTS\r\n", want: "NOOP: BAD [ERROR offset=28] : expected CR", seen: "exists 1", odd: "map[tag:1]"},
		{name: "untagged bad first", ask: noop, reply: "* BAD syntax error\r\n$tag BAD really\r\n", want: "NOOP: BAD really", seen: `status BAD [|] "syntax error"`},
		{name: "unknown tag", ask: noop, reply: "x17 OK what\r\n", want: "<nil>", odd: "map[tag:1]"},
		{name: "unknown response", ask: noop, reply: "* XAPPLE {3}\r\n\"(x (a\r\n* 99 FOO bar\r\n", want: "<nil>", odd: "map[response:2]"},
		{name: "stray continuation", ask: noop, reply: "+ idling\r\n+\r\n+ \r\n", want: "<nil>", odd: "map[continuation:3]"},
		{name: "empty line", ask: noop, reply: "\r\n", want: "<nil>", odd: "map[empty-line:1]"},
		{name: "huge numbers", ask: noop, reply: "* 4294967296 EXISTS\r\n* 99999999999999999999999 EXPUNGE\r\n", want: "<nil>", odd: "map[syntax:2]"},
		{name: "negative number", ask: noop, reply: "* -1 EXISTS\r\n", want: "<nil>", odd: "map[response:1]"},
		{name: "broken code", ask: copyTo, reply: "$tag OK [COPYUID 11 a107 NO [SERVERBUG] oops\r\n", want: "{UIDValidity:0 Source: Target:} <nil>", odd: "map[code:1]"},

		// LIST, LSUB, STATUS.
		{name: "list", ask: list, reply: "* LIST (\\HasNoChildren) \"/\" INBOX\r\n* LIST () NIL \"a b\"\r\n* LIST (\\Noselect) \".\" {4}\r\nx\"y\\\r\n",
			want: `{Entries:[{Name:INBOX Delim:47 Attrs:[\HasNoChildren] Status:<nil>} {Name:a b Delim:0 Attrs:[] Status:<nil>} {Name:x"y\ Delim:46 Attrs:[\Noselect] Status:<nil>}] Unread:0} <nil>`},
		{name: "list escapes", ask: list, reply: "* LIST () \"\\\\\" \"a\\\\b\\\"c\"\r\n", want: `{Entries:[{Name:a\b"c Delim:92 Attrs:[] Status:<nil>}] Unread:0} <nil>`},
		{name: "list ampersand", ask: list, reply: "* LIST () \"/\" \"R&D\"\r\n* LIST () \"/\" R&D\r\n", want: `{Entries:[{Name:R&D Delim:47 Attrs:[] Status:<nil>} {Name:R&D Delim:47 Attrs:[] Status:<nil>}] Unread:0} <nil>`},
		{name: "list gmail", ask: list, reply: "* LIST (\\HasChildren \\Noselect) \"/\" [Gmail]/%x\r\n", want: `{Entries:[{Name:[Gmail]/%x Delim:47 Attrs:[\HasChildren \Noselect] Status:<nil>}] Unread:0} <nil>`},
		{name: "list utf8", ask: list, reply: "* LIST () \"/\" \"Entwürfe\"\r\n", want: `{Entries:[{Name:Entwürfe Delim:47 Attrs:[] Status:<nil>}] Unread:0} <nil>`},
		{name: "list extended data", ask: list, reply: "* LIST () \"/\" a (\"CHILDINFO\" (\"SUBSCRIBED\") OLDNAME (\"x\"))\r\n", want: `{Entries:[{Name:a Delim:47 Attrs:[] Status:<nil>}] Unread:0} <nil>`},
		{name: "list empty", ask: list, reply: "", want: noEntries},
		{name: "list long name", ask: list, reply: "* LIST () \"/\" " + strings.Repeat("x", 1001) + "\r\n* LIST () \"/\" a\r\n", want: `{Entries:[{Name:a Delim:47 Attrs:[] Status:<nil>}] Unread:1} <nil>`, odd: "map[syntax:1]"},
		{name: "list broken", ask: list, reply: "* LIST (\\A \"/\" a\r\n* LIST () // a\r\n* LIST ()\r\n", want: "{Entries:[] Unread:3} <nil>", odd: "map[syntax:3]"},
		{name: "lsub", ask: lsub, reply: "* LIST () \"/\" no\r\n* LSUB () \"/\" yes\r\n", want: `{Entries:[{Name:yes Delim:47 Attrs:[] Status:<nil>}] Unread:0} <nil>`},
		{name: "list status", ask: listStatus,
			reply: "* LIST (\\Subscribed) \"/\" Inbox\r\n* STATUS \"INBOX\" (MESSAGES 17 UIDNEXT 18 UIDVALIDITY 5 HIGHESTMODSEQ 9)\r\n* STATUS \"b\" (MESSAGES 1)\r\n* LIST (\\Trash) \"/\" \"b\"\r\n* LIST () \"/\" c\r\n",
			want:  `Inbox '/' ["\\Subscribed"] 71:17/18/5/9; b '/' ["\\Trash"] 1:1/0/0/0; c '/' []; unread=0 <nil>`},
		{name: "status", ask: status, reply: "* STATUS \"INBOX\" (UIDNEXT 9 MESSAGES 4 )\r\n", want: "{Mailbox:INBOX Has:3 Messages:4 UIDNext:9 UIDValidity:0 Unseen:0 Deleted:0 Size:0 HighestModSeq:0 AppendLimit:0 MailboxID:} <nil>"},
		{name: "status odd values", ask: status, reply: "* STATUS INBOX (MESSAGES NIL UIDNEXT -1 XFOO (a b) RECENT 3 APPENDLIMIT NIL MAILBOXID (F22) SIZE 99)\r\n", want: "{Mailbox:INBOX Has:288 Messages:0 UIDNext:0 UIDValidity:0 Unseen:0 Deleted:0 Size:99 HighestModSeq:0 AppendLimit:0 MailboxID:F22} <nil>", odd: "map[value:3]"},
		{name: "status courier", ask: status, reply: "* STATUS \"INBOX\" ()\r\n", want: "{Mailbox:INBOX Has:0 Messages:0 UIDNext:0 UIDValidity:0 Unseen:0 Deleted:0 Size:0 HighestModSeq:0 AppendLimit:0 MailboxID:} <nil>"},
		{name: "status missing", ask: status, reply: "", want: "{Mailbox: Has:0 Messages:0 UIDNext:0 UIDValidity:0 Unseen:0 Deleted:0 Size:0 HighestModSeq:0 AppendLimit:0 MailboxID:} STATUS: answered OK without the data asked for"},
		{name: "status out of range", ask: status, reply: "* STATUS INBOX (MESSAGES 4294967296)\r\n", want: "{Mailbox: Has:0 Messages:0 UIDNext:0 UIDValidity:0 Unseen:0 Deleted:0 Size:0 HighestModSeq:0 AppendLimit:0 MailboxID:} STATUS: answered OK without the data asked for", odd: "map[syntax:1]"},

		// SELECT.
		{name: "select", ask: selectInbox,
			reply: "* FLAGS (\\Seen kw]x)\r\n* 172 EXISTS\r\n* 1 RECENT\r\n* OK [UNSEEN 12] first\r\n* OK [UIDVALIDITY 3857529045] valid\r\n* OK [UIDNEXT 4392] next\r\n* OK [PERMANENTFLAGS (\\Deleted \\Seen kw]x \\*)] limited\r\n* OK [HIGHESTMODSEQ 715194045007]\r\n* OK [MAILBOXID (F2212ea87-6097-4256-9d51-71338625)] ok\r\n$tag OK [READ-WRITE] done\r\n",
			want:  `{ReadOnly:false HasExists:true Exists:172 UIDNext:4392 UIDValidity:3857529045 HighestModSeq:715194045007 NoModSeq:false Flags:[\Seen kw]x] HasPermanentFlags:true PermanentFlags:[\Deleted \Seen kw]x \*] MailboxID:F2212ea87-6097-4256-9d51-71338625 Vanished:} <nil>`},
		{name: "select read-only nomodseq", ask: selectInbox, reply: "* 0 EXISTS\r\n* OK [NOMODSEQ] no\r\n* OK [UIDVALIDITY 0] zero\r\n$tag OK [READ-ONLY]\r\n",
			want: `{ReadOnly:true HasExists:true Exists:0 UIDNext:0 UIDValidity:0 HighestModSeq:0 NoModSeq:true Flags:[] HasPermanentFlags:false PermanentFlags:[] MailboxID: Vanished:} <nil>`},
		{name: "select closed", ask: selectInbox, reply: "* 9 EXISTS\r\n* OK [UIDNEXT 10] old\r\n* OK [CLOSED] old\r\n* 2 EXISTS\r\n",
			want: `{ReadOnly:false HasExists:true Exists:2 UIDNext:0 UIDValidity:0 HighestModSeq:0 NoModSeq:false Flags:[] HasPermanentFlags:false PermanentFlags:[] MailboxID: Vanished:} <nil>`},
		{name: "select without exists", ask: selectInbox, reply: "",
			want: `{ReadOnly:false HasExists:false Exists:0 UIDNext:0 UIDValidity:0 HighestModSeq:0 NoModSeq:false Flags:[] HasPermanentFlags:false PermanentFlags:[] MailboxID: Vanished:} SELECT: answered OK without the data asked for`},

		// FETCH.
		{name: "fetch flags", ask: fetchFlags, reply: "* 1 FETCH (FLAGS (\\Seen) UID 3)\r\n* 2 FETCH (UID 4 FLAGS ())\r\n* 3 FETCH (UID 2 FLAGS NIL)\r\n",
			want: "{Arrived:2:4 Incomplete: Vanished:} <nil>", seen: "message #1 uid=3 flags=[\"\\\\Seen\"]\nmessage #2 uid=4 flags=[]\nmessage #3 uid=2 flags=[]"},
		{name: "fetch keyword with bracket", ask: fetchFlags, reply: "* 1 FETCH (UID 1 FLAGS (kw]x \"kw]y\" {2}\r\nz]))\r\n",
			want: "{Arrived:1 Incomplete: Vanished:} <nil>", seen: `message #1 uid=1 flags=["kw]x" "kw]y" "z]"]`},
		{name: "fetch blank before paren", ask: fetchFlags, reply: "* 1 FETCH (UID 5 )\r\n* 2 FETCH ( UID  6   FLAGS ( \\Seen ) )\r\n",
			want: "{Arrived:6 Incomplete:5 Vanished:} <nil>", seen: "message #1 uid=5\nmessage #2 uid=6 flags=[\"\\\\Seen\"]"},
		{name: "fetch in two replies", ask: fetchBody, reply: "* 1 FETCH (UID 5 BODY[] \"ab\")\r\n* 1 FETCH (UID 5 FLAGS (\\Seen) BODY[] NIL)\r\n",
			want: "{Arrived:5 Incomplete: Vanished:} <nil>",
			seen: "body #1 uid=5 part=0 size=2 nil=false \"ab\" err=<nil>\nmessage #1 uid=5 bodies=1\nbody #1 uid=5 flags=[\"\\\\Seen\"] part=0 size=0 nil=true \"\" err=<nil>\nmessage #1 uid=5 flags=[\"\\\\Seen\"]"},
		{name: "fetch body before uid", ask: fetchBody, reply: "* 4 FETCH (BODY[] {3}\r\nabc FLAGS () UID 7)\r\n", want: "{Arrived:7 Incomplete: Vanished:} <nil>",
			seen: "body #4 uid=0 part=0 size=3 nil=false \"abc\" err=<nil>\nmessage #4 uid=7 flags=[] bodies=1"},
		{name: "fetch body without uid", ask: fetchBody, reply: "* 4 FETCH (BODY[] {3}\r\nabc)\r\n", want: noFetch,
			seen: "body #4 uid=0 part=0 size=3 nil=false \"abc\" err=<nil>\nmessage #4 uid=0 bodies=1"},
		{name: "fetch body empty and literal8", ask: fetchBody, reply: "* 1 FETCH (UID 1 FLAGS () BODY[] {0}\r\n)\r\n* 2 FETCH (UID 2 FLAGS () BODY[]<0> ~{2}\r\n\x00\r)\r\n", want: "{Arrived:1:2 Incomplete: Vanished:} <nil>",
			seen: "body #1 uid=1 flags=[] part=0 size=0 nil=false \"\" err=<nil>\nmessage #1 uid=1 flags=[] bodies=1\nbody #2 uid=2 flags=[] part=0 size=2 nil=false \"\\x00\\r\" err=<nil>\nmessage #2 uid=2 flags=[] bodies=1"},
		{name: "fetch nil body", ask: fetchBody, reply: "* 1 FETCH (UID 1 FLAGS () BODY[] NIL)\r\n", want: "{Arrived: Incomplete:1 Vanished:} <nil>",
			seen: "body #1 uid=1 flags=[] part=0 size=0 nil=true \"\" err=<nil>\nmessage #1 uid=1 flags=[]"},
		{name: "fetch flags between bodies", ask: fetchBody, reply: "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 BODY[] \"x\" FLAGS ())\r\n* 8 FETCH (UID 77 BODY[] \"y\" FLAGS ())\r\n", want: "{Arrived:2 Incomplete: Vanished:} <nil>",
			seen: "fetch #1 uid=1 flags=[]\nbody #2 uid=2 part=0 size=1 nil=false \"x\" err=<nil>\nmessage #2 uid=2 flags=[] bodies=1\nfetch #8 uid=77 flags=[]", odd: "map[fetch-item:1]"},
		{name: "fetch headers", ask: fetchHeaders, reply: "* 1 FETCH (UID 1 BODY[HEADER] {4}\r\na:b\n BODY[HEADER.FIELDS (\"DATE\" message-id)] {2}\r\n\r\n)\r\n", want: "{Arrived:1 Incomplete: Vanished:} <nil>",
			seen: "body #1 uid=1 part=1 size=4 nil=false \"a:b\\n\" err=<nil>\nbody #1 uid=1 bodies=1 part=2 size=2 nil=false \"\\r\\n\" err=<nil>\nmessage #1 uid=1 bodies=2"},
		{name: "fetch wrong section", ask: fetchHeaders, reply: "* 1 FETCH (UID 1 BODY[HEADER] \"\" BODY[TEXT] {2}\r\n)))\r\n", want: "{Arrived: Incomplete:1 Vanished:} <nil>",
			seen: "body #1 uid=1 part=1 size=0 nil=false \"\" err=<nil>\nmessage #1 uid=1 bodies=1", odd: "map[fetch-item:1]"},
		{name: "fetch everything", ask: fetchAll, reply: "* 2 FETCH (UID 9 FLAGS (a) INTERNALDATE \" 1-Feb-2001 03:04:05 -0800\" RFC822.SIZE 488 MODSEQ (18446744073709551) EMAILID (M6d99ac3275bb4e) X-GM-MSGID 1278455344230334865)\r\n", want: "{Arrived:9 Incomplete: Vanished:} <nil>",
			seen: `message #2 uid=9 flags=["a"] date=2001-02-01T03:04:05-0800 size=488 modseq=18446744073709551 email=M6d99ac3275bb4e gm=1278455344230334865`},
		{name: "fetch nil values", ask: fetchAll, reply: "* 2 FETCH (UID 9 FLAGS () INTERNALDATE NIL RFC822.SIZE NIL MODSEQ NIL EMAILID NIL X-GM-MSGID NIL)\r\n* 3 FETCH (UID 10 FLAGS () RFC822.SIZE -1 INTERNALDATE \"soon\")\r\n", want: "{Arrived:9:10 Incomplete: Vanished:} <nil>",
			seen: "message #2 uid=9 flags=[]\nmessage #3 uid=10 flags=[]", odd: "map[date:2 size:2 value:3]"},
		{name: "fetch old date", ask: fetchAll, reply: "* 2 FETCH (UID 9 FLAGS () INTERNALDATE \"30-Dec-1899 00:00:00 +0000\")\r\n", want: "{Arrived:9 Incomplete: Vanished:} <nil>", seen: "message #2 uid=9 flags=[] date=1899-12-30T00:00:00+0000"},
		{name: "fetch unknown items", ask: fetchFlags, reply: "* 2 FETCH (X-GM-LABELS (+IMNews \"a b\" \\Inbox) BODYSTRUCTURE ((\"a\" (NIL)) \"b\") ENVELOPE (NIL) BODY[1.MIME]<0> {1}\r\n( UID 9 THREADID NIL FLAGS () BODY (\"TEXT\" \"PLAIN\"))\r\n", want: "{Arrived:9 Incomplete: Vanished:} <nil>",
			seen: "message #2 uid=9 flags=[]", odd: "map[fetch-item:6]"},
		{name: "fetch too many flags", ask: fetchFlags, reply: "* 1 FETCH (UID 1 FLAGS (" + strings.Repeat("k ", 257) + "))\r\n", want: "{Arrived: Incomplete:1 Vanished:} <nil>", seen: "message #1 uid=1", odd: "map[flags:1]"},
		{name: "fetch broken", ask: fetchFlags, reply: "* 1 FETCH (UID 0 FLAGS ())\r\n* 1 FETCH (UID 4294967296)\r\n* 1 FETCH UID 1\r\n* 0 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS (\"x)\r\n* 2 FETCH (UID 2 FLAGS ()\r\n", want: noFetch, odd: "map[syntax:6]"},
		{name: "fetch nested too deep", ask: fetchFlags, reply: "* 1 FETCH (UID 1 FLAGS () X " + strings.Repeat("(", 40) + strings.Repeat(")", 40) + ")\r\n", want: noFetch, odd: "map[fetch-item:1 syntax:1]"},
		{name: "fetch without uid", ask: fetchFlags, reply: "* 1 FETCH (FLAGS (a))\r\n", want: noFetch, seen: `fetch #1 uid=0 flags=["a"]`},

		// SEARCH.
		{name: "search", ask: search, reply: "* SEARCH 5 4 3 9\r\n", want: "3:5,9 <nil>"},
		{name: "search empty", ask: search, reply: "* SEARCH\r\n", want: " <nil>"},
		{name: "search empty with blank", ask: search, reply: "* SEARCH \r\n", want: " <nil>"},
		{name: "search twice", ask: search, reply: "* SEARCH 1 2\r\n* SEARCH 3 (MODSEQ 9)\r\n", want: "1:3 <nil>"},
		{name: "search missing", ask: search, reply: "", want: " UID SEARCH: answered OK without the data asked for"},
		{name: "search broken", ask: search, reply: "* SEARCH 1 2 x\r\n* SEARCH 3\r\n", want: "3 UID SEARCH: a reply could not be read", odd: "map[syntax:1]"},
		{name: "search zero", ask: search, reply: "* SEARCH 0\r\n", want: " UID SEARCH: a reply could not be read: answered OK without the data asked for", odd: "map[syntax:1]"},
		{name: "esearch", ask: search, reply: "* ESEARCH (TAG \"$1\") UID COUNT 4 ALL 1:4,8:6 MODSEQ 5\r\n", want: "1:4,6:8 <nil>"},
		{name: "esearch empty", ask: search, reply: "* ESEARCH (TAG \"$1\") UID\r\n", want: " <nil>"},
		{name: "esearch of another", ask: search, reply: "* ESEARCH (TAG \"a99\") UID ALL 5\r\n", want: " UID SEARCH: answered OK without the data asked for"},
		{name: "esearch without tag", ask: search, reply: "* ESEARCH UID ALL 5\r\n", want: "5 <nil>"},

		// STORE, COPY, MOVE.
		{name: "store", ask: store, reply: "* 1 FETCH (UID 2 FLAGS (\\Seen))\r\n* 2 FETCH (UID 12 FLAGS ())\r\n$tag OK [MODIFIED 7,9] conditional\r\n", want: "{Replied:2 Modified:7,9} <nil>",
			seen: "message #1 uid=2 flags=[\"\\\\Seen\"]\nfetch #2 uid=12 flags=[]"},
		{name: "copyuid", ask: copyTo, reply: "$tag OK [COPYUID 38505 304,319:320 3956:3958] Done\r\n", want: "{UIDValidity:38505 Source:304,319:320 Target:3956:3958} <nil>"},
		{name: "copyuid two fields", ask: copyTo, reply: "$tag OK [COPYUID 38505 304] Done\r\n", want: "{UIDValidity:0 Source: Target:} <nil>", odd: "map[code:1]"},
		{name: "no copyuid", ask: copyTo, reply: "", want: "{UIDValidity:0 Source: Target:} <nil>"},
		{name: "move untagged", ask: moveTo, reply: "* OK [COPYUID 432 1,3:5 10:13] Moved\r\n* 1 EXPUNGE\r\n", want: "{UIDValidity:432 Source:1,3:5 Target:10:13} <nil>", seen: "expunge 1"},
		{name: "move in steps", ask: moveTo, reply: "* OK [COPYUID 432 1 10]\r\n* OK [COPYUID 432 3:5 11:13]\r\n", want: "{UIDValidity:432 Source:1,3:5 Target:10,11:13} <nil>"},
		{name: "move said twice", ask: moveTo, reply: "* OK [COPYUID 432 1,3:5 10:13]\r\n$tag OK [COPYUID 432 1,3:5 10:13] x\r\n", want: "{UIDValidity:432 Source:1,3:5 Target:10:13} <nil>"},
		{name: "move refused half way", ask: moveTo, reply: "* OK [COPYUID 432 1 10]\r\n$tag NO rest failed\r\n", want: "{UIDValidity:432 Source:1 Target:10} UID MOVE: NO rest failed"},

		// The session.
		{name: "namespace", ask: namespace, reply: "* NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"#shared.\" \".\")(\"shared.\" NIL \"X\" (\"a\")))\r\n", want: "{Personal:[{Prefix:INBOX. Delim:46}] Other:[] Shared:[{Prefix:#shared. Delim:46} {Prefix:shared. Delim:0}]} <nil>"},
		{name: "namespace broken", ask: namespace, reply: "* NAMESPACE ((\"\" \"//\")) NIL NIL\r\n", want: "{Personal:[] Other:[] Shared:[]} NAMESPACE: a reply could not be read: answered OK without the data asked for", odd: "map[syntax:1]"},
		{name: "id", ask: id, reply: "* ID (\"Name\" \"Dovecot\" \"version\" NIL)\r\n", want: "map[name:Dovecot] <nil>"},
		{name: "id nil", ask: id, reply: "* ID NIL\r\n", want: "map[] <nil>"},
		{name: "enabled", ask: enable, reply: "* ENABLED CONDSTORE qresync\r\n", want: "[CONDSTORE QRESYNC] <nil>2"},
		{name: "enabled nothing", ask: enable, reply: "* ENABLED\r\n", want: "[] <nil>0"},
		{name: "capability", ask: capability, reply: "* CAPABILITY imap4rev1 auth=plain XFOO \r\n", want: "3 true true true <nil>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(tt.reply, "$tag") && !strings.HasPrefix(tt.reply, " BAD") {
				tt.reply += "$tag OK done\r\n"
			}
			var seen recorder
			c := open(t, imapconn.Options{Events: seen.events()},
				imaptest.Send(ready), imaptest.Expect(tt.ask.line), imaptest.Send(tt.reply),
				imaptest.Expect("NOOP"), imaptest.Send("$tag OK still there\r\n"))
			if got := tt.ask.do(c, &seen); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if err := c.Noop(bg()).Wait(); err != nil {
				t.Errorf("NOOP afterwards: got %v, want the connection usable", err)
			}
			if got := seen.lines(); got != tt.seen {
				t.Errorf("got handler and event calls\n%s\nwant\n%s", got, tt.seen)
			}
			if tt.odd == "" {
				tt.odd = "map[]"
			}
			if got := fmt.Sprint(c.Oddities()); got != tt.odd {
				t.Errorf("got oddities %s, want %s", got, tt.odd)
			}
		})
	}
}
