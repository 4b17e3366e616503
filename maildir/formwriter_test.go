package maildir

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"mailtwin/mirror"
)

func TestFormWriter(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789\r\n", 3*flushAt/10)
	for _, c := range []struct {
		name, wire, file string
		form             mirror.Form
	}{
		{"CRLF", "a\r\nb\r\n", "a\nb\n", mirror.LF},
		{"no line end", "ab", "ab", mirror.LF},
		{"lone CR", "a\rb\r\nc\r", "a\rb\nc\r", mirror.LF},
		{"CR before CRLF", "a\r\r\nb\r\n", "a\r\r\nb\r\n", mirror.AsIs},
		{"bare LF first", "\na\r\n", "\na\r\n", mirror.AsIs},
		{"bare LF last", "a\r\nb\n", "a\r\nb\n", mirror.AsIs},
		{"bare LF after a lone CR and text", "a\rb\nc\r\n", "a\rb\nc\r\n", mirror.AsIs},
		{"LF LF", "a\r\n\nb", "a\r\n\nb", mirror.AsIs},
		{"bare LF late", long + "x\n" + long, long + "x\n" + long, mirror.AsIs},
		{"long", long, strings.ReplaceAll(long, "\r\n", "\n"), mirror.LF},
		// No file can say that its LFs are to stay: it reads as LF form.
		{"bare LF only", "a\nb\n", "a\nb\n", mirror.LF},
	} {
		for _, step := range []int{1, 7, 1 << 20} {
			if got, form := written(t, []byte(c.wire), step); string(got) != c.file || form != c.form {
				t.Errorf("%s, %d at once: got %.40q form %d, want %.40q form %d", c.name, step, got, form, c.file, c.form)
			}
		}
	}
}

// written returns the file that wire makes when it comes step octets at once.
func written(t testing.TB, wire []byte, step int) ([]byte, mirror.Form) {
	t.Helper()
	f := &memoryFile{}
	w := newFormWriter(f, mirror.Wire)
	for rest := wire; len(rest) > 0; {
		n := min(step, len(rest))
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	form, err := w.finish()
	if err != nil {
		t.Fatal(err)
	}
	return f.text, form
}

// memoryFile is a file in memory.
type memoryFile struct{ text []byte }

func (f *memoryFile) WriteAt(p []byte, off int64) (int, error) {
	if end := int(off) + len(p); end > len(f.text) {
		f.text = append(f.text, make([]byte, end-len(f.text))...)
	}
	return copy(f.text[off:], p), nil
}

func (f *memoryFile) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(f.text).ReadAt(p, off)
}

func (*memoryFile) Sync() error  { return nil }
func (*memoryFile) Close() error { return nil }

// readable is octets in memory as a source.
type readable struct{ *bytes.Reader }

func (readable) Close() error { return nil }

// FuzzRoundTrip: what came over the wire goes over the wire again, octet by
// octet, unless it has bare LFs and no CRLF at all.
func FuzzRoundTrip(f *testing.F) {
	for _, seed := range []string{"a\r\nb\r\n", "a\n\r\n", "\r\r\n", "a\r", "\r\n\r\n\n", "a\x00\r\n", ""} {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, wire []byte, step int) {
		text, form := written(t, wire, max(1, step%64))
		body, err := formOf(readable{bytes.NewReader(text)}, int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		if body.Form != form {
			t.Fatalf("got form %d when read and %d when written", body.Form, form)
		}
		back, err := io.ReadAll(body.Travel())
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(back)) != body.Size {
			t.Fatalf("got size %d, want %d", body.Size, len(back))
		}
		want := wire
		if !bytes.Contains(wire, []byte("\r\n")) {
			want = bytes.ReplaceAll(wire, []byte("\n"), []byte("\r\n"))
		}
		if !bytes.Equal(back, want) {
			t.Fatalf("got %q, want %q", back, want)
		}
		if body.NUL != (bytes.IndexByte(wire, 0) >= 0) {
			t.Fatalf("got NUL %v of %q", body.NUL, wire)
		}
	})
}
