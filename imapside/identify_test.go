package imapside_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
)

const askHeaders = "UID FETCH 1:5 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])"

// header is the header section of message uid, and its FETCH reply.
func header(uid mirror.UID) (section, reply string) {
	section = fmt.Sprintf("Message-ID: <%d@example.org>\r\nReceived: x\r\n\r\n", uid)
	return section, fmt.Sprintf("* %d FETCH (UID %d RFC822.SIZE 123 INTERNALDATE \"05-Jan-2020 01:02:03 +0000\" BODY[HEADER] {%d}\r\n%s)", uid, uid, len(section), section)
}

// checkHeaders wants found to be exactly uids, each with all that its reply
// said.
func checkHeaders(t *testing.T, found []mirror.Identified, uids ...mirror.UID) {
	t.Helper()
	if len(found) != len(uids) {
		t.Fatalf("got %+v, want %v", found, uids)
	}
	for i, uid := range uids {
		section, _ := header(uid)
		if f := found[i]; f.UID != uid || f.Err != nil || f.Size != 123 || f.Date.Year() != 2020 || f.Identity != mirror.IdentifyHeader([]byte(section)) {
			t.Errorf("got %+v, want message %d", f, uid)
		}
	}
}

// TestIdentifyCut: of five messages two were answered in full when the
// connection was lost. They stand in the result; one of whose section there are
// some octets or none does not.
func TestIdentifyCut(t *testing.T) {
	_, one := header(1)
	_, two := header(2)
	_, three := header(3)
	_, four := header(4)
	const noSection = `* 2 FETCH (UID 2 RFC822.SIZE 123 INTERNALDATE "05-Jan-2020 01:02:03 +0000")`
	const onlySection = "* 5 FETCH (UID 5 BODY[HEADER] {4}\r\na: b)"
	for _, c := range []struct {
		name string
		end  []imaptest.Step
	}{
		{"in a literal", []imaptest.Step{imaptest.Send(three[:len(three)-20]), imaptest.Close()}},
		{"in a literal of which the date is known", []imaptest.Step{imaptest.Send(two[:len(two)-20]), imaptest.Close()}},
		{"before a section", []imaptest.Step{imaptest.Send(three[:40]), imaptest.Close()}},
		{"behind a literal", []imaptest.Step{imaptest.Send(three[:len(three)-1]), imaptest.Close()}},
		{"between replies", []imaptest.Step{imaptest.Close()}},
		{"BYE", []imaptest.Step{send("* BYE shutting down"), imaptest.Close()}},
		{"no date yet", []imaptest.Step{send(onlySection), imaptest.Close()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := open(t, connectLost(t, "", sel("5", "6"), do(askHeaders, one, noSection, four), c.end), mirror.Checkpoint{})
			found, err := m.Identify(t.Context(), refs(1, 2, 3, 4, 5), mirror.Headers)
			if !errors.Is(err, mirror.ErrCut) {
				t.Errorf("got %v, want %v", err, mirror.ErrCut)
			}
			checkHeaders(t, found, 1, 4)
		})
	}
}

// TestIdentifyCancelled: with a context that ended nothing is in the result,
// because an answer may be about to change what was read.
func TestIdentifyCancelled(t *testing.T) {
	_, one := header(1)
	_, two := header(2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := open(t, connectLost(t, "", sel("5", "6"), do(askHeaders, one, two), []imaptest.Step{
		send("* 5 EXISTS"), // is read only when both replies were
		imaptest.Do(cancel), imaptest.ExpectEnd()}), mirror.Checkpoint{})
	found, err := m.Identify(ctx, refs(1, 2, 3, 4, 5), mirror.Headers)
	if !errors.Is(err, context.Canceled) || len(found) > 0 {
		t.Errorf("got %+v, %v; want nothing and %v", found, err, context.Canceled)
	}
}
