package nametrans

import "testing"

func TestIMAP(t *testing.T) {
	t.Parallel()
	testCodec(t, IMAP{Delimiter: '/'}, []codecTest{
		{"INBOX", "INBOX"},
		{"INBOX/probe", "INBOX|probe"},
		{"Lists/go-nuts", "Lists|go-nuts"},
		{"Lists.go-nuts", "Lists.go-nuts"},
		{"[Gmail]/All Mail", "[Gmail]|All Mail"},
		{"[Gmail]/&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-", "[Gmail]|Отправленные"},
		{"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter|mail|台北|日本語"}, // RFC 3501 §5.1.3
		{"R&-D", "R&D"},
		{"50 Triage: Emergency", "50 Triage: Emergency"},
		{"cur/new/tmp", "cur|new|tmp"},
		{".hidden", ".hidden"},
		{`a\b"c%d*`, `a\b"c%d*`},
		{"Trash/inbox", "Trash|inbox"},
	}, []refusal{
		{"", ReasonEmptyComponent},
		{"/", ReasonEmptyComponent},
		{"x//y", ReasonEmptyComponent},
		{"Mail/", ReasonEmptyComponent},
		{"/etc/passwd", ReasonEmptyComponent},
		{"../../.ssh", ReasonDots},
		{"a/./b", ReasonDots},
		{"a&AAo-b", ReasonControl},
		{"a&AIU-b", ReasonControl},
		{"R&D", ReasonNotUTF7},
		{"x&AGE-y", ReasonNotUTF7},
		{"Entwürfe", ReasonNotUTF7},
		{"Inbox/probe", ReasonInboxSpelling},
	}, []refusal{
		{"AC/DC", ReasonDelimiter},
	})
}

func TestIMAPDot(t *testing.T) {
	t.Parallel()
	testCodec(t, IMAP{Delimiter: '.'}, []codecTest{
		{"Lists.go-nuts", "Lists|go-nuts"},
		{"AC/DC", "AC/DC"},
	}, []refusal{
		{".hidden", ReasonEmptyComponent},
	}, []refusal{
		{"example.org", ReasonDelimiter},
	})
}

// Courier and Cyrus without altnamespace keep everything below INBOX.
func TestIMAPPrefix(t *testing.T) {
	t.Parallel()
	testCodec(t, IMAP{Delimiter: '.', Prefix: "INBOX."}, []codecTest{
		{"INBOX", "INBOX"},
		{"INBOX.Trash", "Trash"},
		{"INBOX.Lists.go-nuts", "Lists|go-nuts"},
		{"INBOX.INBOX.probe", "INBOX|probe"},
	}, []refusal{
		{"INBOX.", ReasonEmptyComponent},
		{"INBOX.INBOX", ReasonShadowsInbox},
		{"INBOX.Inbox", ReasonShadowsInbox},
		{"INBOX.Inbox.probe", ReasonInboxSpelling},
		{"shared.team", ReasonNamespace},
		{"Trash", ReasonNamespace},
		{"inbox.Trash", ReasonNamespace},
		{"", ReasonNamespace},
	}, nil)
	testCodec(t, IMAP{Delimiter: '/', Prefix: "INBOX/"}, []codecTest{
		{"INBOX/probe/kid", "probe|kid"},
	}, nil, nil)
	testCodec(t, IMAP{Delimiter: '/', Prefix: "mail/"}, []codecTest{
		{"INBOX", "INBOX"},
		{"mail/INBOX/a", "INBOX|a"},
	}, []refusal{
		{"mail", ReasonNamespace},
		{"mail/inbox", ReasonShadowsInbox},
	}, nil)
}

func TestIMAPInboxInAnyCase(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"INBOX", "Inbox", "inbox", "iNbOx"} {
		for _, codec := range []IMAP{{}, {Delimiter: '/'}, {Delimiter: '.', Prefix: "INBOX."}} {
			if got, err := codec.Decode(raw); got != Inbox || err != nil {
				t.Errorf("%+v: Decode(%q): got %q, %v, want INBOX", codec, raw, got, err)
			}
		}
	}
}

func TestIMAPFlat(t *testing.T) {
	t.Parallel()
	testCodec(t, IMAP{}, []codecTest{
		{"Lists/go-nuts.x", "Lists/go-nuts.x"},
	}, []refusal{
		{"", ReasonEmptyComponent},
	}, []refusal{
		{"Lists|go-nuts", ReasonFlat},
	})
}

func TestIMAPUTF8(t *testing.T) {
	t.Parallel()
	testCodec(t, IMAP{Delimiter: '/', UTF8: true}, []codecTest{
		{"Entwürfe/R&D", "Entwürfe|R&D"},
		{"R&-D", "R&-D"},
	}, []refusal{
		{"Entw\xfcrfe", ReasonNotUTF8},
		{"a\u0085b", ReasonControl},
	}, nil)
}

// A delimiter within the alphabet of modified UTF-7 must not cut names up.
func TestIMAPOddDelimiter(t *testing.T) {
	t.Parallel()
	for _, delimiter := range []byte{'-', '+', ',', '&', 'A', '%', ' ', '\\', 0xfc} {
		codec := IMAP{Delimiter: delimiter}
		for _, text := range []string{"a|b", "R&D", "ä|ö", "Ä", "台北"} {
			name := named(text)
			raw, err := codec.Encode(name)
			if err != nil {
				checkNameError(t, err, name.String())
			} else if got, err := codec.Decode(raw); got != name || err != nil {
				t.Errorf("delimiter %q: Decode(%q): got %q, %v, want %q", delimiter, raw, got, err, name)
			}
		}
	}
	testCodec(t, IMAP{Delimiter: '-'}, nil, nil, []refusal{{"R&D", ReasonNotOneToOne}, {"ä", ReasonNotOneToOne}})
}

func TestIMAPWithListedRaw(t *testing.T) {
	t.Parallel()
	listed := IMAP{Delimiter: '/'}.WithListed([]string{
		"INBOX", "R&D", "R&D/Tom&Jerry", "x&AGE-y", "Entwürfe", "Gel&APY-scht", "Entw\xfcrfe", "a&b", "a&-b", "A&O-&",
	})
	testCodec(t, listed, []codecTest{
		{"R&D", "R&D"},
		{"R&D/Tom&Jerry", "R&D|Tom&Jerry"},
		{"R&D/new", "R&D|new"},
		{"x&AGE-y", "x&AGE-y"},
		{"Entwürfe", "Entwürfe"},
		{"Gel&APY-scht", "Gelöscht"},
		{"A&O-&", "A&O-&"},
		{"a&-b", "a&b"},
		{"Q&-A", "Q&A"},
	}, []refusal{
		{"a&b", ReasonNotUTF7}, // "a&-b" is read as that
		{"Entw\xfcrfe", ReasonNotUTF7},
		{"R&-D", ReasonNotOneToOne}, // came since: not the same as R&D
		{"Q&A", ReasonNotUTF7},
	}, nil)

	testCodec(t, listed.WithListed([]string{"R&D"}), []codecTest{{"R&D", "R&D"}}, nil, nil)
	testCodec(t, listed.WithListed([]string{"INBOX"}), []codecTest{{"R&-D", "R&D"}}, []refusal{{"R&D", ReasonNotUTF7}}, nil)
}

func TestIMAPWithListedInbox(t *testing.T) {
	t.Parallel()
	// mox lists INBOX and its children as Inbox.
	mox := IMAP{Delimiter: '/'}.WithListed([]string{"Inbox", "Inbox/a"})
	testCodec(t, mox.WithListed([]string{"Inbox"}), []codecTest{{"INBOX/a", "INBOX|a"}}, nil, nil)
	testCodec(t, mox, []codecTest{
		{"INBOX", "INBOX"},
		{"Inbox/a", "INBOX|a"},
		{"Inbox/new", "INBOX|new"},
	}, []refusal{
		{"INBOX/a", ReasonNotOneToOne},
		{"inbox/a", ReasonInboxSpelling},
	}, nil)
	// Two spellings are two mailboxes on a server that keeps them apart.
	testCodec(t, IMAP{Delimiter: '/'}.WithListed([]string{"Inbox/a", "iNBOX/a"}), []codecTest{
		{"INBOX/a", "INBOX|a"},
	}, []refusal{
		{"iNBOX/a", ReasonInboxSpelling},
		{"Inbox/a", ReasonInboxSpelling},
	}, nil)
	// What stands outside the namespace teaches nothing.
	testCodec(t, IMAP{Delimiter: '.', Prefix: "INBOX."}.WithListed([]string{"INBOX.a", "Inbox.a", "R&D"}), []codecTest{
		{"INBOX.INBOX.a", "INBOX|a"},
		{"INBOX.R&-D", "R&D"},
	}, nil, nil)
}

func FuzzIMAP(f *testing.F) {
	for _, p := range utf7Pairs {
		f.Add(p.text, p.wire, byte('/'), false)
	}
	f.Add("R&D", "R&-D", byte(0), false)
	f.Add("inbox/a", "INBOX/b", byte('/'), true)
	f.Add("INBOX.INBOX.ä", "INBOX.R&D", byte('.'), false)
	f.Fuzz(func(t *testing.T, s, listed string, delimiter byte, utf8 bool) {
		codec := IMAP{Delimiter: delimiter, UTF8: utf8}
		fuzzCodec(t, codec, s)
		fuzzCodec(t, codec.WithListed([]string{s, listed}), s)
		fuzzCodec(t, codec.WithListed([]string{s, listed}), listed)
		codec.Prefix = "INBOX" + string([]byte{delimiter})
		fuzzCodec(t, codec.WithListed([]string{listed, s}), s)
	})
}
