package imapside_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside"
	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
	"mailtwin/nametrans"
)

const (
	testUser     = "ann"
	testPassword = "secret"
)

// play is an account whose server follows steps from the greeting on.
func play(t *testing.T, steps ...imaptest.Step) *imapside.Repository {
	t.Helper()
	nc := imaptest.Pipe(t, imaptest.Script{Steps: steps})
	dialed := false
	r := imapside.New(imapside.Options{
		Host: "imap.example.org", TLS: imapside.Clear, User: testUser, Password: password(testPassword),
		Dial: func(context.Context, string, string) (net.Conn, error) {
			if dialed {
				t.Error("connected twice")
			}
			dialed = true
			return nc, nil
		},
	})
	t.Cleanup(func() { r.Close() })
	return r
}

// bye answers the LOGOUT of Close.
var bye = do("LOGOUT", "* BYE bye", "$tag OK bye")

// do expects a command and sends lines.
func do(command string, lines ...string) []imaptest.Step {
	return []imaptest.Step{imaptest.Expect(command), send(lines...)}
}

func send(lines ...string) imaptest.Step {
	return imaptest.Send(strings.Join(lines, "\r\n") + "\r\n")
}

func steps(lists ...[]imaptest.Step) []imaptest.Step {
	var all []imaptest.Step
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// signIn greets, takes LOGIN and says that the delimiter is "/".
func signIn(caps string) []imaptest.Step {
	return steps(
		[]imaptest.Step{send("* OK [CAPABILITY IMAP4rev1 " + caps + "] ready")},
		do("LOGIN "+testUser+" "+testPassword, "$tag OK [CAPABILITY IMAP4rev1 "+caps+"] in"),
		do(`LIST "" ""`, `* LIST (\Noselect) "/" ""`, "$tag OK done"),
	)
}

// connect returns an account that is signed in to a server with caps (none of
// NAMESPACE, ID and ENABLE), which then follows the script and expects LOGOUT.
func connect(t *testing.T, caps string, script ...[]imaptest.Step) *imapside.Repository {
	t.Helper()
	r := play(t, steps(signIn(caps), steps(script...), bye)...)
	if _, err := r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite}); err != nil {
		t.Fatal(err)
	}
	return r
}

// connectLost is connect for a script after which the connection is lost, or
// closed by us.
func connectLost(t *testing.T, caps string, script ...[]imaptest.Step) *imapside.Repository {
	t.Helper()
	r := play(t, steps(signIn(caps), steps(script...))...)
	if _, err := r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite}); err != nil {
		t.Fatal(err)
	}
	return r
}

// box is the mailbox that most scripts use.
var box = nametrans.MustName("Box")

// sel answers SELECT Box with UIDVALIDITY 7, messages and a UIDNEXT, and
// lines before the tagged OK.
func sel(exists, uidNext string, lines ...string) []imaptest.Step {
	answer := []string{`* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)`, "* " + exists + " EXISTS", "* OK [UIDVALIDITY 7] ok", "* OK [UIDNEXT " + uidNext + "] ok"}
	return do("SELECT Box", append(append(answer, lines...), "$tag OK [READ-WRITE] selected")...)
}

func open(t *testing.T, r *imapside.Repository, known mirror.Checkpoint) mirror.Mailbox {
	t.Helper()
	m, err := r.Open(t.Context(), box, mirror.ReadWrite, known)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// refs names messages by UID.
func refs(uids ...imap.UID) []mirror.Ref {
	var list []mirror.Ref
	for _, uid := range uids {
		list = append(list, mirror.Ref{UID: uid})
	}
	return list
}

// known is a state that holds uids with the flags given.
func known(flags string, uids ...imap.UID) mirror.Known {
	var list mirror.KnownList
	for _, ref := range refs(uids...) {
		list = append(list, mirror.KnownMessage{Ref: ref, Flags: mirror.ParseFlags(flags)})
	}
	return mirror.Known{Rows: list}
}
