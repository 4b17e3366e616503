package mirrortest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// suiteBodies are messages that mail stores trip over, as they travel.
var suiteBodies = []struct {
	name string
	body []byte
}{
	{"plain", Letter("plain", "text")},
	{"header only", []byte("Subject: nothing\r\n\r\n")},
	{"no end of header", []byte("Subject: nothing\r\n")},
	{"no line end", []byte("Subject: a\r\n\r\nno line end")},
	{"dots and From", []byte("Subject: a\r\n\r\n.\r\n..\r\nFrom here\r\n>From there\r\n")},
	{"blank lines", []byte("Subject: a\r\n\r\n\r\n\r\n \r\n\t\r\n\r\n")},
	{"8-bit", []byte("Subject: na\xefve\r\n\r\n\x80\xff \xc3\xa9\r\n")},
	{"folded header", []byte("Subject: a\r\n b\r\n\tc\r\nX-Empty:\r\n\r\ntext\r\n")},
	{"long line", []byte("Subject: a\r\n\r\n" + strings.Repeat("x", 9000) + "\r\n")},
	{"large", []byte("Subject: a\r\n\r\n" + strings.Repeat("sixteen octets.\r\n", 30000))},
	{"lone CR", []byte("Subject: a\r\n\r\nb\rc\r\n")},
	{"CR before CRLF", []byte("Subject: a\r\n\r\nb\r\r\nc\r\n")},
	{"bare LF", []byte("Subject: a\r\n\r\nb\nc\r\n")},
	{"CR at the end", []byte("Subject: a\r\n\r\nb\r\n\r")},
}

// testBodies: what was sent is what comes back, in view, identity and octets.
func testBodies(t *testing.T, d *desk) {
	b := d.make(t, suiteBox)
	b.view(t)
	flags := mirror.MakeFlags(imap.FlagSeen, imap.FlagFlagged)
	for _, c := range suiteBodies {
		t.Run(c.name, func(t *testing.T) {
			result := b.append(t, letter{body: c.body, flags: flags})[0]
			v := b.view(t)
			if len(v.New) != 1 {
				t.Fatalf("got %d new messages, want 1", len(v.New))
			}
			m := v.New[0]
			if result.Target.UID != 0 && result.Target != m.Ref {
				t.Errorf("append announced %v, and the view shows %v", result.Target, m.Ref)
			}
			if !m.Flags.Equal(flags) || !result.Flags.Equal(flags) {
				t.Errorf("got flags %s, announced as %s, want %s", m.Flags, result.Flags, flags)
			}
			if !m.Date.Equal(suiteDate) {
				t.Errorf("got INTERNALDATE %v, want %v", m.Date, suiteDate)
			}
			d.checkBody(t, b, m, result, c.body)
		})
	}
}

// checkBody compares the octets and the identity of a stored message.
func (d *desk) checkBody(t *testing.T, b *suiteMailbox, m mirror.Message, result mirror.Appended, sent []byte) {
	t.Helper()
	got, form := b.read(t, m.Ref)
	if form != result.Form {
		t.Errorf("got form %d, announced as %d", form, result.Form)
	}
	altered := d.Alters != nil && d.Alters(sent)
	if !altered && !bytes.Equal(got, sent) {
		t.Errorf("got octets %.200q, want %.200q", got, sent)
	}
	if !altered && !d.Lies && m.Size != int64(len(sent)) {
		t.Errorf("got size %d, want %d", m.Size, len(sent))
	}
	hasher := mirror.NewHasher(mirror.Wire)
	hasher.Write(got)
	want := hasher.Sum()
	for _, depth := range []mirror.Depth{mirror.Headers, mirror.Bodies} {
		found := b.identify(t, m.Ref, depth)
		if found.Identity.Header != want.Header || found.Identity.Key != want.Key || found.Identity.Decisive != want.Decisive {
			t.Errorf("depth %d: got header %x, key %x, decisive %v; want %x, %x, %v", depth, found.Identity.Header[:4], found.Identity.Key[:4],
				found.Identity.Decisive, want.Header[:4], want.Key[:4], want.Decisive)
		}
		if depth == mirror.Headers {
			continue
		}
		if found.Identity.Body != want.Body || found.Identity.Exact != want.Exact || found.Identity.Form != form {
			t.Errorf("got body %x, exact %x, form %d; want %x, %x, %d", found.Identity.Body[:4], found.Identity.Exact[:4],
				found.Identity.Form, want.Body[:4], want.Exact[:4], form)
		}
		if found.Size != hasher.Size() {
			t.Errorf("identify: got size %d, want %d", found.Size, hasher.Size())
		}
	}
}

// identify returns what Identify says of one message.
func (b *suiteMailbox) identify(t *testing.T, ref mirror.Ref, depth mirror.Depth) mirror.Identified {
	t.Helper()
	found, err := b.Identify(t.Context(), []mirror.Ref{ref}, depth)
	if err != nil || len(found) != 1 {
		t.Fatalf("identify %v: got %d results and %v, want one", ref, len(found), err)
	}
	if found[0].Err != nil || found[0].Ref != ref {
		t.Fatalf("identify %v: got %v and %v", ref, found[0].Ref, found[0].Err)
	}
	return found[0]
}

// testForms: messages from a Maildir arrive as they travel; between Maildirs
// the file itself is copied.
func testForms(t *testing.T, d *desk) {
	b := d.make(t, suiteBox)
	b.view(t)
	for name, l := range map[string]letter{
		"LF":           {body: []byte("Subject: a\n\nb\n"), form: mirror.LF},
		"LF, lone CR":  {body: []byte("Subject: a\n\nb\rc\n"), form: mirror.LF},
		"LF, no end":   {body: []byte("Subject: a\n\nb"), form: mirror.LF},
		"CRLF file":    {body: []byte("Subject: a\r\n\r\nb\r\n"), form: mirror.AsIs},
		"mixed file":   {body: []byte("Subject: a\r\n\r\nb\nc\r\n"), form: mirror.AsIs},
		"header is LF": {body: []byte("Subject: a\n\nb\r\n"), form: mirror.AsIs},
	} {
		t.Run(name, func(t *testing.T) {
			result := b.append(t, l)[0]
			m := b.view(t).New[0]
			d.checkBody(t, b, m, result, l.travel())
			if !d.traits.Numbers && result.Form != l.form {
				t.Errorf("got form %d, want the file's own, %d", result.Form, l.form)
			}
		})
	}
}

// testBatch: results stand in the order of the batch, UIDs follow it.
func testBatch(t *testing.T, d *desk) {
	b := d.make(t, suiteBox)
	b.view(t)
	sets := []mirror.Flags{{}, mirror.MakeFlags(imap.FlagSeen), mirror.MakeFlags(imap.FlagDraft, imap.FlagAnswered),
		mirror.MakeFlags(imap.FlagDeleted), {}}
	var letters []letter
	for i, flags := range sets {
		letters = append(letters, letter{body: suiteLetter(i), flags: flags})
	}
	results := b.append(t, letters...)
	list := b.view(t).New
	if len(list) != len(letters) {
		t.Fatalf("got %d messages, want %d", len(list), len(letters))
	}
	for i, m := range list {
		if r := results[i].Target; r.UID != 0 && r != m.Ref {
			t.Errorf("message %d: announced as %v, shown as %v", i, r, m.Ref)
		}
		if !m.Flags.Equal(sets[i]) {
			t.Errorf("message %d: got flags %s, want %s", i, m.Flags, sets[i])
		}
		if got := b.byDigest(t, letters[i].body); got.Ref != m.Ref {
			t.Errorf("message %d is %v, want %v: UIDs follow the batch", i, got.Ref, m.Ref)
		}
	}
	refs := refsOf(list)
	slices.Reverse(refs)
	var got []mirror.Ref
	err := b.Fetch(t.Context(), refs, func(m mirror.Body) error {
		got = append(got, m.Ref)
		return nil // the body is left unread
	})
	slices.SortFunc(got, byUID)
	if want := refsOf(list); err != nil || !slices.Equal(got, want) {
		t.Errorf("fetch: got %v, %v; want %v, each once", got, err, want)
	}
}

func testReserve(t *testing.T, d *desk) {
	b := d.make(t, suiteBox)
	b.view(t)
	seen := map[mirror.Ref]bool{}
	bases := map[string]bool{}
	for range 3 {
		for _, ref := range b.Reserve(4) {
			switch {
			case d.traits.Numbers && ref != mirror.Ref{}:
				t.Errorf("got %v reserved by a repository that numbers, want nothing", ref)
			case !d.traits.Numbers && (ref.UID == 0 || ref.Base == "" || seen[ref] || bases[ref.Base]):
				t.Errorf("got %v reserved; it is incomplete or was given before", ref)
			}
			seen[ref], bases[ref.Base] = true, true
		}
	}
	if d.traits.Numbers {
		return
	}
	reserved := mirror.Ref{}
	results, err := b.Append(t.Context(), func(yield func(mirror.Incoming) bool) {
		for in := range b.batch([]letter{{body: suiteLetter(0)}}) {
			reserved = in.Reserved
			yield(in)
		}
	})
	if err != nil || len(results) != 1 || results[0].Err != nil || results[0].Target != reserved {
		t.Fatalf("got %+v, %v; want the reserved %v", results, err, reserved)
	}
	if list := b.view(t).New; len(list) != 1 || list[0].Ref != reserved {
		t.Errorf("got %v in the view, want %v", list, reserved)
	}
}

// testShortBody: a message that ends before its announced length is not
// stored, and says so.
func testShortBody(t *testing.T, d *desk) {
	d.create(t, suiteBox)
	broken := errors.New("source broke")
	for name, reader := range map[string]*shortReader{"ends": {}, "breaks": {err: broken}} {
		t.Run(name, func(t *testing.T) {
			r, _ := d.connect(t, d.traits.Identity, mirror.ReadWrite)
			b := d.openKnown(t, r, suiteBox, mirror.ReadWrite, nil)
			b.view(t)
			body := suiteLetter(0)
			reader.left = body[:len(body)/2]
			results, err := b.Append(t.Context(), func(yield func(mirror.Incoming) bool) {
				for in := range b.batch([]letter{{body: body}}) {
					in.Body.Reader = reader
					yield(in)
				}
			})
			if err == nil && (len(results) != 1 || results[0].Err == nil) {
				t.Errorf("got %+v and no error for half a message", results)
			}
			fresh, _ := d.connect(t, d.traits.Identity, mirror.ReadWrite)
			if v := d.openKnown(t, fresh, suiteBox, mirror.ReadWrite, nil).view(t); v.Total != 0 {
				t.Errorf("got %d messages, want none: half a message was stored", v.Total)
			}
		})
	}
}

// shortReader gives what is left and then err, or io.EOF.
type shortReader struct {
	left []byte
	err  error
}

func (r *shortReader) Read(p []byte) (int, error) {
	n, err := bytes.NewReader(r.left).Read(p)
	r.left = r.left[n:]
	if err != nil && r.err != nil {
		err = r.err
	}
	return n, err
}

// testMissingMessages: a message that is not there is left out, and the others
// are not.
func testMissingMessages(t *testing.T, d *desk) {
	b, list := d.fill(t, suiteBox, 2)
	refs := []mirror.Ref{list[0].Ref, nowhere(), list[1].Ref}
	want := refsOf(list)
	for _, depth := range []mirror.Depth{mirror.Headers, mirror.Bodies} {
		found, err := b.Identify(t.Context(), refs, depth)
		var got []mirror.Ref
		for _, f := range found {
			got = append(got, f.Ref)
		}
		slices.SortFunc(got, byUID)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("identify at depth %d: got %v, %v; want %v", depth, got, err, want)
		}
	}
	var got []mirror.Ref
	err := b.Fetch(t.Context(), refs, func(m mirror.Body) error { got = append(got, m.Ref); return nil })
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("fetch: got %v, %v; want %v", got, err, want)
	}
	if err := b.Fetch(t.Context(), []mirror.Ref{nowhere()}, func(mirror.Body) error { return errors.New("called") }); err != nil {
		t.Errorf("fetch of a missing message alone: %v", err)
	}
}

// testSinkError: an error of the sink comes back, and the mailbox is of use
// after it.
func testSinkError(t *testing.T, d *desk) {
	b, list := d.fill(t, suiteBox, 3)
	full := errors.New("the sink is full")
	calls := 0
	err := b.Fetch(t.Context(), refsOf(list), func(m mirror.Body) error {
		calls++
		if calls == 2 {
			m.Reader.Read(make([]byte, 1)) // some of it is read
			return full
		}
		return nil
	})
	if !errors.Is(err, full) || calls != 2 {
		t.Errorf("got %v after %d calls, want %v after 2", err, calls, full)
	}
	if body, _ := b.read(t, list[2].Ref); !bytes.Equal(body, suiteLetter(2)) {
		t.Errorf("got %q after a sink's error, want the third letter", body)
	}
}

// testReadingMarksNothing: neither reading nor looking sets a flag.
func testReadingMarksNothing(t *testing.T, d *desk) {
	b := d.make(t, suiteBox)
	d.Deliver(t, suiteBox, suiteLetter(0), mirror.Flags{}, suiteDate)
	for range 2 {
		for _, m := range b.view(t).New {
			if !m.Flags.Empty() {
				t.Errorf("got flags %s on a message that nobody read", m.Flags)
			}
		}
		for _, k := range b.known() {
			b.read(t, k.Ref)
			b.identify(t, k.Ref, mirror.Headers)
			b.identify(t, k.Ref, mirror.Bodies)
		}
	}
	if v := b.view(t); len(v.Changed) != 0 || v.Total != 1 {
		t.Errorf("got %v changed by reading, of %d messages", v.Changed, v.Total)
	}
}
