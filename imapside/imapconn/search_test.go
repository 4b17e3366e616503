package imapconn_test

import (
	"errors"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/imapside/imapconn/imaptest"
)

// TestSearchCriteria: how criteria look on the wire, and what is found.
func TestSearchCriteria(t *testing.T) {
	t.Parallel()
	found := imaptest.Send("* ESEARCH (TAG \"$1\") UID ALL 4\r\n$1 OK\r\n")
	plus := imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapLiteralPlus: {}}
	for _, c := range []struct {
		name, criteria string
		caps           imap.CapSet
		steps          []imaptest.Step
	}{
		{"none", "", nil, []imaptest.Step{imaptest.Expect("UID SEARCH UID 4:5")}},
		{"keys", "NOT KEYWORD $Junk OR (SEEN DRAFT) LARGER 10", nil,
			[]imaptest.Step{imaptest.Expect("UID SEARCH UID 4:5 (NOT KEYWORD $Junk OR (SEEN DRAFT) LARGER 10)")}},
		{"strings", `FROM "a \"b\" \\c (d" HEADER "List-Id" ""`, nil,
			[]imaptest.Step{imaptest.Expect(`UID SEARCH UID 4:5 (FROM "a \"b\" \\c (d" HEADER "List-Id" "")`)}},
		{"letters beyond ASCII", `SUBJECT "grüße" SEEN`, plus, []imaptest.Step{
			imaptest.Expect("UID SEARCH CHARSET UTF-8 UID 4:5 (SUBJECT {7+}"), imaptest.ExpectOctets("grüße"), imaptest.ExpectLine(" SEEN)")}},
		{"where literals wait", `SUBJECT "ü"`, imap.CapSet{imap.CapIMAP4rev1: {}}, []imaptest.Step{
			imaptest.Expect("UID SEARCH CHARSET UTF-8 UID 4:5 (SUBJECT {2}"), imaptest.Send("+ go on\r\n"), imaptest.ExpectOctets("ü"), imaptest.ExpectLine(")")}},
		{"with ESEARCH", "SEEN", imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapESearch: {}},
			[]imaptest.Step{imaptest.Expect("UID SEARCH RETURN (ALL) UID 4:5 (SEEN)")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			greeting := "* PREAUTH hi\r\n"
			if c.caps != nil {
				greeting = "* PREAUTH [CAPABILITY"
				for name := range c.caps {
					greeting += " " + string(name)
				}
				greeting += "] hi\r\n"
			}
			conn := open(t, imapconn.Options{}, append(append([]imaptest.Step{imaptest.Send(greeting)}, c.steps...), found)...)
			defer conn.Close()
			set, err := conn.UIDSearchFor(bg(), uids("4:5"), c.criteria).Wait()
			if err != nil || set.String() != "4" {
				t.Errorf("got %v, %v; want 4", set, err)
			}
		})
	}
}

// TestSearchCriteriaRefused: what could end the command, or its list, is not sent.
func TestSearchCriteriaRefused(t *testing.T) {
	t.Parallel()
	c := open(t, imapconn.Options{}, imaptest.Send("* PREAUTH hi\r\n"), imaptest.ExpectEnd())
	defer c.Close()
	for _, criteria := range []string{"SEEN\r\na1 DELETE INBOX", "FROM \"a\r\nb\"", "FROM \"a\nb\"", "FROM {1}", "FROM }", `FROM "open`, `FROM "open\`, "FROM \"\x00\"",
		"SEEN) UID 9 (SEEN", "SEEN)", "(SEEN", `((FROM ")"`, "FROM ü", "SEEN\x7f"} {
		if _, err := c.UIDSearchFor(bg(), uids("4:5"), criteria).Wait(); !errors.Is(err, imapconn.ErrArgument) || !errors.Is(err, imapconn.ErrNotSent) {
			t.Errorf("%q: got %v, want ErrArgument and ErrNotSent", criteria, err)
		}
	}
}
