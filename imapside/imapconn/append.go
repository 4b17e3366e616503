package imapconn

import (
	"context"
	"io"
	"time"

	"github.com/emersion/go-imap/v2"
)

// AppendMessage is a message to upload.
type AppendMessage struct {
	Flags        []imap.Flag // atoms, without \Recent
	InternalDate time.Time   // zero: the server takes the time of arrival
	Size         int64       // octets of Body, exactly; Read past them must give io.EOF
	Body         io.Reader   // read from the writing goroutine, until Wait returns at the latest
}

// AppendData is what APPENDUID said (RFC 4315 §3), zero where it was not sent.
type AppendData struct {
	UIDValidity uint32
	UID         imap.UID
}

// Append uploads a message (RFC 9051 §6.3.12). The body goes as a
// non-synchronising literal as far as LITERAL+ and LITERAL- allow (RFC 7888),
// else after the server's continuation.
//
// A body that ends early, is longer than Size or fails to read closes the
// connection at once (ErrBody): the server must not take what follows for
// message text. After ErrUncertain the message may be there or may still
// appear; after a *StatusError it is not.
func (c *Conn) Append(ctx context.Context, mailbox string, msg AppendMessage) *DataCommand[AppendData] {
	e := new(encoder).raw("APPEND ").mailbox(mailbox).message(msg)
	collect := &appendCollector{}
	cmd := c.enqueue(ctx, &Command{name: "APPEND", collect: collect}, e)
	return &DataCommand[AppendData]{cmd, &collect.data}
}

// message encodes what APPEND says of one message, with a space in front.
func (e *encoder) message(msg AppendMessage) *encoder {
	e.raw(" ")
	if len(msg.Flags) > 0 {
		e.flagList(msg.Flags).raw(" ")
	}
	if !msg.InternalDate.IsZero() {
		e.dateTime(msg.InternalDate).raw(" ")
	}
	return e.body(msg.Body, msg.Size)
}

type appendCollector struct{ data AppendData }

func (a *appendCollector) complete(st *statusLine) error {
	if st.Code == "APPENDUID" && st.codeRead && rawCount(st.target) == 1 {
		a.data = AppendData{UIDValidity: uint32(st.codeNum), UID: st.target[0].Start}
	}
	return nil
}
