package mirrortest

import (
	"bytes"
	"fmt"

	"mailtwin/mirror"
)

// form is how the message's line ends are kept.
func (m *message) form(maildir bool) mirror.Form {
	switch {
	case !maildir:
		return mirror.Wire
	case bytes.Contains(m.body, []byte("\r\n")):
		return mirror.AsIs
	}
	return mirror.LF
}

// travel returns the message's octets as they go over IMAP.
func (m *message) travel(maildir bool) []byte {
	if m.form(maildir) == mirror.LF {
		return bytes.ReplaceAll(m.body, []byte("\n"), []byte("\r\n"))
	}
	return m.body
}

// toFile returns how a Maildir keeps a body that came over IMAP: with LF line
// ends, where turning them back gives the same octets; else as received.
func toFile(body []byte) []byte {
	file := bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	m := message{body: file}
	if bytes.Equal(m.travel(true), body) {
		return file
	}
	return body
}

// The following are for Options.Alter: what servers do to messages. They take
// and return travelling octets.

// AddHeader returns an alteration that puts line, without its line end, above
// the message.
func AddHeader(line string) func([]byte) []byte {
	return func(body []byte) []byte { return append([]byte(line+"\r\n"), body...) }
}

// MendLines turns every bare LF into CRLF.
func MendLines(body []byte) []byte {
	body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))
}

// MoveEpilogue puts what follows the last line that begins and ends with "--"
// above that line, as servers do that write MIME structures anew.
func MoveEpilogue(body []byte) []byte {
	lines := bytes.SplitAfter(body, []byte("\r\n"))
	for i := len(lines) - 1; i >= 0; i-- {
		line := bytes.TrimRight(lines[i], "\r\n")
		if len(line) > 4 && bytes.HasPrefix(line, []byte("--")) && bytes.HasSuffix(line, []byte("--")) {
			moved := append([][]byte{}, lines[:i]...)
			moved = append(moved, lines[i+1:]...)
			moved = append(moved, lines[i])
			return bytes.Join(moved, nil)
		}
	}
	return body
}

// Letter returns a small message with CRLF line ends whose header is decisive:
// it holds Message-ID and Received. Different ids give different messages.
func Letter(id, text string) []byte {
	return []byte(fmt.Sprintf("Received: from a by b; Mon, 1 Jan 2024 10:00:00 +0000\r\n"+
		"Message-ID: <%s@example.org>\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\nFrom: ann@example.org\r\nSubject: %s\r\n\r\n%s\r\n", id, id, text))
}
