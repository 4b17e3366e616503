package mirrortest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"iter"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// letter is one message to send.
type letter struct {
	body  []byte
	form  mirror.Form
	flags mirror.Flags
}

// travel returns the octets that go over IMAP.
func (l letter) travel() []byte {
	if l.form == mirror.LF {
		return bytes.ReplaceAll(l.body, []byte("\n"), []byte("\r\n"))
	}
	return l.body
}

// append sends letters and returns the results, one for each, without errors.
func (b *suiteMailbox) append(t *testing.T, letters ...letter) []mirror.Appended {
	t.Helper()
	results, err := b.Append(t.Context(), b.batch(letters))
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	if len(results) != len(letters) {
		t.Fatalf("append: got %d results, want %d", len(results), len(letters))
	}
	for i, r := range results {
		if r.Err != nil {
			t.Fatalf("append: message %d: %v", i, r.Err)
		}
		if want := sourceOf(i); r.Source != want {
			t.Errorf("append: result %d: got source %v, want %v", i, r.Source, want)
		}
	}
	return results
}

func sourceOf(i int) mirror.Ref { return mirror.Ref{UID: imap.UID(7001 + i), Base: "source"} }

func (b *suiteMailbox) batch(letters []letter) iter.Seq[mirror.Incoming] {
	reserved := b.Reserve(len(letters))
	return func(yield func(mirror.Incoming) bool) {
		for i, l := range letters {
			in := mirror.Incoming{Source: sourceOf(i), Reserved: reserved[i], Flags: l.flags, Date: suiteDate, Body: mirror.Body{
				Ref: sourceOf(i), Reader: bytes.NewReader(l.body), Octets: int64(len(l.body)), Size: int64(len(l.travel())), Form: l.form}}
			if !yield(in) {
				return
			}
		}
	}
}

// fill puts n letters into a new mailbox and views them, in ascending UID.
func (d *desk) fill(t *testing.T, name mirror.Name, n int) (*suiteMailbox, []mirror.Message) {
	t.Helper()
	b := d.make(t, name)
	b.view(t)
	var letters []letter
	for i := range n {
		letters = append(letters, letter{body: suiteLetter(i)})
	}
	b.append(t, letters...)
	list := b.view(t).New
	if len(list) != n {
		t.Fatalf("got %d messages after %d were appended", len(list), n)
	}
	return b, list
}

func suiteLetter(i int) []byte { return Letter("suite"+string(rune('a'+i)), "text") }

// read fetches one message's travelling octets and checks its lengths.
func (b *suiteMailbox) read(t *testing.T, ref mirror.Ref) (body []byte, form mirror.Form) {
	t.Helper()
	times := 0
	err := b.Fetch(t.Context(), []mirror.Ref{ref}, func(m mirror.Body) error {
		times++
		raw, err := io.ReadAll(m.Reader)
		if err != nil {
			return err
		}
		if m.Ref != ref || int64(len(raw)) != m.Octets {
			t.Errorf("fetch: got %v with %d of %d octets, want %v", m.Ref, len(raw), m.Octets, ref)
		}
		m.Reader = bytes.NewReader(raw)
		form = m.Form
		body, err = io.ReadAll(m.Travel())
		if int64(len(body)) != m.Size {
			t.Errorf("fetch: got size %d, want %d", m.Size, len(body))
		}
		return err
	})
	if err != nil || times != 1 {
		t.Fatalf("fetch %v: got it %d times, %v; want once", ref, times, err)
	}
	return body, form
}

func refsOf(list []mirror.Message) []mirror.Ref {
	var refs []mirror.Ref
	for _, m := range list {
		refs = append(refs, m.Ref)
	}
	return refs
}

// nowhere names a message that is not there.
func nowhere() mirror.Ref {
	return mirror.Ref{UID: 4_000_000_000, Base: "1.nowhere.example"}
}

// byDigest finds a message by what it says.
func (b *suiteMailbox) byDigest(t *testing.T, body []byte) mirror.Message {
	t.Helper()
	found, err := b.Identify(t.Context(), refsOfKnown(b.known()), mirror.Bodies)
	if err != nil {
		t.Fatalf("identify: %v", err)
	}
	for _, f := range found {
		if f.Err == nil && f.Identity.Body == mirror.Digest(sha256.Sum256(body)) {
			return b.messages[f.UID]
		}
	}
	t.Fatalf("no message is %q", body)
	return mirror.Message{}
}

// cancelled is a context that is over.
func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
