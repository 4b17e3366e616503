package imapconn_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"mailtwin/imapside/imapconn"
	"mailtwin/imapside/imapconn/imaptest"
)

// many are the steps of a server that takes APPEND of three messages, and answers.
func many(answer string) []imaptest.Step {
	return []imaptest.Step{
		imaptest.Send("* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+ MULTIAPPEND] hi\r\n"),
		imaptest.Expect("APPEND Box {3+}"), imaptest.ExpectOctets("abc"), imaptest.ExpectLine(` (\Seen) {2+}`), imaptest.ExpectOctets("de"),
		imaptest.ExpectLine(" {1+}"), imaptest.ExpectOctets("f"), imaptest.ExpectLine(""), imaptest.Send(answer),
	}
}

func TestAppendMany(t *testing.T) {
	for _, c := range []struct{ answer, want string }{
		{"$tag OK [APPENDUID 7 4:6] ok\r\n", "{UIDValidity:7 UIDs:[4 5 6]} <nil>"},
		{"$tag OK [APPENDUID 7 4,6,9:10] ok\r\n", "{UIDValidity:7 UIDs:[4 6 9 10]} <nil>"},
		{"$tag OK [APPENDUID 7 6,4,5] ok\r\n", "{UIDValidity:0 UIDs:[]} <nil>"},
		{"$tag OK [APPENDUID 7 4:4000000000] ok\r\n", "{UIDValidity:0 UIDs:[]} <nil>"},
		{"$tag OK ok\r\n", "{UIDValidity:0 UIDs:[]} <nil>"},
		{"$tag NO [OVERQUOTA] full\r\n", "{UIDValidity:0 UIDs:[]} APPEND: NO [OVERQUOTA] full"},
	} {
		t.Run(c.answer, func(t *testing.T) {
			conn := open(t, imapconn.Options{}, many(c.answer)...)
			a := conn.AppendMany(t.Context(), "Box", message("abc"))
			seen := message("de")
			seen.Flags = append(seen.Flags, `\Seen`)
			if err := errors.Join(a.Add(seen), a.Add(message("f"))); err != nil {
				t.Fatal(err)
			}
			a.End()
			data, err := a.Wait()
			if got := fmt.Sprintf("%+v %v", data, err); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestAppendManyRefuses: what cannot be written is left out, and the others go on.
func TestAppendManyRefuses(t *testing.T) {
	conn := open(t, imapconn.Options{},
		imaptest.Send("* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+ MULTIAPPEND] hi\r\n"),
		imaptest.Expect("APPEND Box {3+}"), imaptest.ExpectOctets("abc"), imaptest.ExpectLine(" {1+}"), imaptest.ExpectOctets("f"), imaptest.ExpectLine(""),
		imaptest.Send("$tag OK [APPENDUID 7 4:5] ok\r\n"),
	)
	a := conn.AppendMany(t.Context(), "Box", message("abc"))
	bad := message("de")
	bad.Flags = append(bad.Flags, "two words")
	if err := a.Add(bad); err == nil {
		t.Error("got no error for a flag that is no atom")
	}
	if err := a.Add(message("f")); err != nil {
		t.Error(err)
	}
	a.End()
	if data, err := a.Wait(); err != nil || len(data.UIDs) != 2 {
		t.Errorf("got %+v, %v; want two UIDs", data, err)
	}
}

// TestAppendManyAnsweredEarly: the line is ended, and nothing more is read.
func TestAppendManyAnsweredEarly(t *testing.T) {
	conn := open(t, imapconn.Options{},
		imaptest.Send("* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+ MULTIAPPEND] hi\r\n"),
		imaptest.Expect("APPEND Box {3+}"), imaptest.ExpectOctets("abc"), imaptest.Send("$tag NO [OVERQUOTA] full\r\n"), imaptest.ExpectLine(""),
		imaptest.Expect("NOOP"), imaptest.Send("$tag OK ok\r\n"),
	)
	a := conn.AppendMany(t.Context(), "Box", message("abc"))
	<-a.Done()
	if err := a.Add(message("f")); err != nil {
		t.Error(err)
	}
	a.End()
	if _, err := a.Wait(); err == nil {
		t.Error("got no error")
	}
	if err := conn.Noop(t.Context()).Wait(); err != nil {
		t.Errorf("the connection is of no use: %v", err)
	}
}

// TestAppendManyOKEarly: what was not written yet is not stored, whatever the server
// says.
func TestAppendManyOKEarly(t *testing.T) {
	conn := open(t, imapconn.Options{},
		imaptest.Send("* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+ MULTIAPPEND] hi\r\n"),
		imaptest.Expect("APPEND Box {3+}"), imaptest.ExpectOctets("abc"), imaptest.Send("$tag OK [APPENDUID 7 4] ok\r\n"), imaptest.ExpectLine(""),
	)
	a := conn.AppendMany(t.Context(), "Box", message("abc"))
	<-a.Done()
	a.End()
	if data, err := a.Wait(); !errors.Is(err, imapconn.ErrUncertain) || len(data.UIDs) > 0 {
		t.Errorf("got %+v, %v; want %v", data, err, imapconn.ErrUncertain)
	}
	<-conn.Done() // the server has the line's end
}

// TestAppendManyBroken: the server never sees the end of a command with a body that
// is not what was announced.
func TestAppendManyBroken(t *testing.T) {
	for name, last := range map[string]imapconn.AppendMessage{
		"short": {Size: 4, Body: strings.NewReader("def")},
		"long":  {Size: 2, Body: strings.NewReader("def")},
	} {
		t.Run(name, func(t *testing.T) {
			var got lockedBuffer
			conn := open(t, imapconn.Options{}, imaptest.Send("* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+ MULTIAPPEND] hi\r\n"), imaptest.Record(&got))
			a := conn.AppendMany(t.Context(), "Box", message("abc"))
			if err := a.Add(last); err != nil {
				t.Fatal(err)
			}
			a.End()
			if _, err := a.Wait(); !errors.Is(err, imapconn.ErrBody) {
				t.Errorf("got %v, want %v", err, imapconn.ErrBody)
			}
			<-conn.Done()
			if s := got.String(); strings.Count(s, "\r\n") > strings.Count(s, "+}\r\n") {
				t.Errorf("the server saw the command's end: %q", s)
			}
		})
	}
}

// TestAppendManyCanceled: a command whose line is open cannot be left.
func TestAppendManyCanceled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		conn := open(t, imapconn.Options{},
			imaptest.Send("* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+ MULTIAPPEND] hi\r\n"),
			imaptest.Expect("APPEND Box {3+}"), imaptest.ExpectOctets("abc"), imaptest.ExpectEnd(),
		)
		ctx, cancel := context.WithCancel(t.Context())
		a := conn.AppendMany(ctx, "Box", message("abc"))
		synctest.Wait()
		cancel()
		if _, err := a.Wait(); !errors.Is(err, imapconn.ErrUncertain) {
			t.Errorf("got %v, want %v", err, imapconn.ErrUncertain)
		}
		if err := conn.Noop(t.Context()).Wait(); err == nil {
			t.Error("the connection is still used")
		}
	})
}
