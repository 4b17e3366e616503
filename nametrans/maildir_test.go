package nametrans

import (
	"strings"
	"testing"
)

func TestNested(t *testing.T) {
	t.Parallel()
	testCodec(t, Nested{}, []codecTest{
		{"INBOX", "INBOX"},
		{"INBOX/probe", "INBOX|probe"},
		{"Lists/go-nuts", "Lists|go-nuts"},
		{"Entwürfe", "Entwürfe"},
		{"[Gmail]/All Mail", "[Gmail]|All Mail"},
		{"50 Triage: Emergency", "50 Triage: Emergency"},
		{"AC%2FDC", "AC/DC"},
		{"100%25", "100%"},
		{"%252F", "%2F"},
		{"%2Ehidden/%2Egit", ".hidden|.git"},
		{"%2E..", "..."},
		{"a.b", "a.b"},
		{"%63ur/%6Eew/%74mp", "cur|new|tmp"},
		{"Cur/news/tmp2", "Cur|news|tmp2"},
		{"Entw&APw-rfe", "Entw&APw-rfe"},
		{"R&D", "R&D"},
		{`a\b`, `a\b`},
		{"Lists/Inbox", "Lists|Inbox"},
	}, []refusal{
		{"", ReasonEmptyComponent},
		{"a//b", ReasonEmptyComponent},
		{"/a", ReasonEmptyComponent},
		{"a/", ReasonEmptyComponent},
		{".", ReasonEscape},
		{"a/../b", ReasonEscape},
		{".mailtwin-id", ReasonEscape},
		{"cur", ReasonEscape},
		{"Lists/new", ReasonEscape},
		{"100%", ReasonEscape},
		{"100%2", ReasonEscape},
		{"100%zz", ReasonEscape},
		{"AC%2fDC", ReasonEscape},
		{"%41", ReasonEscape},
		{"%63u%72", ReasonEscape},
		{"%2E", ReasonDots},
		{"%00", ReasonEscape},
		{"a\nb", ReasonControl},
		{"Entw\xfcrfe", ReasonNotUTF8},
		{"Inbox", ReasonInboxSpelling},
		{"inbox/probe", ReasonInboxSpelling},
	}, []refusal{
		{strings.Repeat("ä", 128), ReasonTooLong},
		{"a|" + strings.Repeat("/", 86), ReasonTooLong},
	})
}

func TestNestedLongest(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("x", 255)
	testCodec(t, Nested{}, []codecTest{{longest + "/" + longest, longest + "|" + longest}}, nil, nil)
}

func TestNestedUTF7(t *testing.T) {
	t.Parallel()
	testCodec(t, Nested{UTF7: true}, []codecTest{
		{"INBOX", "INBOX"},
		{"Entw&APw-rfe/R&-D", "Entwürfe|R&D"},
		{"AC%2FDC", "AC/DC"},
		{"100%25 &AOQ-", "100% ä"},
		{"%2E&AOQ-", ".ä"},
		{"%6Eew", "new"},
	}, []refusal{
		{"Entwürfe", ReasonNotUTF7},
		{"R&D", ReasonNotUTF7},
		{"..", ReasonEscape},
		{"a&AAo-b", ReasonControl},
	}, []refusal{
		{strings.Repeat("ä", 100), ReasonTooLong},
	})
}

func TestMaildirPP(t *testing.T) {
	t.Parallel()
	testCodec(t, MaildirPP{}, []codecTest{
		{".", "INBOX"},
		{".INBOX.probe", "INBOX|probe"},
		{".Lists.go-nuts", "Lists|go-nuts"},
		{".Entw&APw-rfe", "Entwürfe"},
		{".&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-", "Отправленные"},
		{".R&-D", "R&D"},
		{".cur.new", "cur|new"},
		{".100%", "100%"},
	}, []refusal{
		{"", ReasonReserved},
		{"Lists", ReasonReserved},
		{"cur", ReasonReserved},
		{"..", ReasonEmptyComponent},
		{"..Lists", ReasonEmptyComponent},
		{".Lists.", ReasonEmptyComponent},
		{".Lists..a", ReasonEmptyComponent},
		{".INBOX", ReasonShadowsInbox},
		{".Inbox", ReasonShadowsInbox},
		{".Inbox.probe", ReasonInboxSpelling},
		{".R&D", ReasonNotUTF7},
		{".Entwürfe", ReasonNotUTF7},
		{".a/b", ReasonSlash},
	}, []refusal{
		{"example.org", ReasonDelimiter},
		{"Lists|...", ReasonDelimiter},
		{"AC/DC", ReasonSlash},
		{strings.Repeat("x", 200) + "|" + strings.Repeat("y", 54), ReasonTooLong},
	})
}

func TestMaildirPPUTF8(t *testing.T) {
	t.Parallel()
	testCodec(t, MaildirPP{UTF8: true}, []codecTest{
		{".Entwürfe", "Entwürfe"},
		{".R&D.Entw&APw-rfe", "R&D|Entw&APw-rfe"},
	}, []refusal{
		{".Entw\xfcrfe", ReasonNotUTF8},
		{".INBOX", ReasonShadowsInbox},
	}, nil)
}

func fuzzMaildir(f *testing.F, codecs ...Codec) {
	for _, p := range utf7Pairs {
		f.Add(p.text)
		f.Add("." + p.wire)
	}
	for _, s := range []string{".", "..", "cur", "%63ur", "100%", "AC%2FDC/.x", "inbox/a", ".INBOX", ".a..b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, codec := range codecs {
			fuzzCodec(t, codec, s)
		}
	})
}

func FuzzNested(f *testing.F)    { fuzzMaildir(f, Nested{}, Nested{UTF7: true}) }
func FuzzMaildirPP(f *testing.F) { fuzzMaildir(f, MaildirPP{}, MaildirPP{UTF8: true}) }
