package mirror

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

const letter = "Received: from mx.example.org\r\nMessage-ID: <1@example.org>\r\nDate: Thu, 4 Mar 2021 05:06:07 +0000\r\nFrom: ann@example.org\r\nSubject: hello\r\n\r\nhello\r\n.\r\n"

func hashOf(form Form, chunks ...string) Identity {
	h := NewHasher(form)
	for _, c := range chunks {
		h.Write([]byte(c))
	}
	return h.Sum()
}

func lf(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// octets draws text that is rich in line ends, foreign lines and folding.
var octets = rapid.Custom(func(t *rapid.T) string {
	pieces := rapid.SliceOfN(rapid.SampledFrom([]string{"\r", "\n", "\r\n", "\r\n", "\r\n\r\n", "\n\n", " ", "\t", "a", "Subject: x", "X-TUID: abc", "x-offlineimap: 1-2",
		"X-TUIDs: no", "Message-ID: <1@x>", "message-id:<2@x>", "Received: y", "Date: z", ":", "\x00", "\xff"}), 0, 30).Draw(t, "octets")
	return strings.Join(pieces, "")
})

// canonicalOf is the plain definition: every LF that no CR precedes is CRLF.
func canonicalOf(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] == '\n' && (i == 0 || s[i-1] != '\r') {
			b.WriteByte('\r')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// withoutForeign takes the foreign lines out of the header of canonical text.
func withoutForeign(s string) string {
	header, body := s, ""
	if strings.HasPrefix(s, "\r\n") {
		header, body = "", s
	} else if i := strings.Index(s, "\r\n\r\n"); i >= 0 {
		header, body = s[:i+2], s[i+2:]
	}
	var b strings.Builder
	skip := false
	for line := range strings.Lines(header) {
		if line[0] != ' ' && line[0] != '\t' {
			name, _, found := strings.Cut(line, ":")
			skip = found && (strings.EqualFold(name, "X-TUID") || strings.EqualFold(name, "X-OfflineIMAP"))
		}
		if !skip {
			b.WriteString(line)
		}
	}
	return b.String() + body
}

// checkHasher compares a hasher that is fed in chunks with the definitions.
func checkHasher(t failer, text string, form Form, cuts []int) {
	t.Helper()
	h := NewHasher(form)
	rest := text
	for _, n := range cuts {
		n = min(n, len(rest))
		h.Write([]byte(rest[:n]))
		rest = rest[n:]
	}
	h.Write([]byte(rest))
	got := h.Sum()
	if one := hashOf(form, text); got != one {
		t.Fatalf("%q in chunks %v: got %+v, in one write %+v", text, cuts, got, one)
	}
	canonical := canonicalOf(text)
	if want := Digest(sha256.Sum256([]byte(withoutForeign(canonical)))); got.Body != want {
		t.Fatalf("%q: got body %x, want %x", text, got.Body[:4], want[:4])
	}
	travels := text
	if form == LF {
		travels = canonical
	}
	if want := Digest(sha256.Sum256([]byte(travels))); got.Exact != want {
		t.Fatalf("%q: got exact %x, want %x", text, got.Exact[:4], want[:4])
	}
	crlf := strings.Count(text, "\r\n")
	if h.Size() != int64(len(canonical)) || h.Octets() != int64(len(text)) || h.CRLFs() != crlf || h.BareLFs() != strings.Count(text, "\n")-crlf ||
		h.NUL() != strings.Contains(text, "\x00") || got.Form != form {
		t.Fatalf("%q: got size %d, octets %d, %d CRLFs, %d bare LFs, NUL %v, form %v", text, h.Size(), h.Octets(), h.CRLFs(), h.BareLFs(), h.NUL(), got.Form)
	}
}

func TestHasher(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := octets.Draw(t, "text")
		form := rapid.SampledFrom([]Form{Wire, LF, AsIs}).Draw(t, "form")
		if form == LF {
			text = lf(text) // LF form has no CRLF
		}
		checkHasher(t, text, form, rapid.SliceOf(rapid.IntRange(0, 5)).Draw(t, "cuts"))
	})
}

func FuzzHasher(f *testing.F) {
	f.Add([]byte(letter), uint8(0), []byte{1, 2, 3})
	f.Add([]byte("X-TUID: a\r\n b\r\nA: b\r\n\r\r\nC: d\r\n\r\nX-TUID: body\r\n"), uint8(2), []byte{9})
	f.Add([]byte("a\rb\n\nc\r"), uint8(1), []byte{1})
	f.Fuzz(func(t *testing.T, text []byte, form uint8, chunks []byte) {
		s, kind := string(text), Form(form%3)
		if kind == LF {
			s = strings.ReplaceAll(s, "\r\n", "\n")
			if strings.Contains(s, "\r\n") {
				return
			}
		}
		cuts := make([]int, len(chunks))
		for i, c := range chunks {
			cuts[i] = int(c)
		}
		checkHasher(t, s, kind, cuts)
	})
}

// TestLineEndsDoNotMatter: LF form, its travelling form and a mixture of both
// are one message; bare CR is part of the content.
func TestLineEndsDoNotMatter(t *testing.T) {
	t.Parallel()
	wire, file := hashOf(Wire, letter), hashOf(LF, lf(letter))
	file.Form = Wire
	if wire != file {
		t.Errorf("got %+v for LF form, want %+v", file, wire)
	}
	mixed := hashOf(AsIs, strings.Replace(letter, "hello\r\n.", "hello\n.", 1))
	if mixed.Body != wire.Body || mixed.Exact == wire.Exact {
		t.Error("a bare LF: want the same body and another exact digest")
	}
	for _, other := range []string{strings.Replace(letter, "hello\r\n.", "hello\r\r\n.", 1), strings.Replace(letter, "hello\r\n.", "hel\rlo\r\n.", 1),
		strings.Replace(letter, "Subject: hello", "Subject: hello\r", 1), letter + "\r\n"} {
		if got := hashOf(Wire, other); got.Body == wire.Body {
			t.Errorf("%q: got the body digest of the message without that", other)
		}
	}
	if !wire.Decisive || !wire.Header.Known() || !wire.Key.Known() {
		t.Errorf("got %+v, want a decisive header and a key", wire)
	}
}

// TestForeignLines: what mbsync and OfflineIMAP add to a header counts neither
// in the header digest nor in the body digest, but is there for verifying.
func TestForeignLines(t *testing.T) {
	t.Parallel()
	plain := hashOf(Wire, letter)
	for _, line := range []string{"X-TUID: abc\r\n", "x-tuid: abc\r\n", "X-OfflineIMAP: 1-2\r\n", "X-OfflineIMAP: 1\r\n\tfolded\r\n"} {
		for _, at := range []string{"Received", "Subject", "From"} {
			text := strings.Replace(letter, at, line+at, 1)
			got := hashOf(Wire, text)
			if got.Header != plain.Header || got.Key != plain.Key || got.Body != plain.Body || !got.Decisive {
				t.Errorf("%q before %s: got another identity", line, at)
			}
			if got.Exact == plain.Exact {
				t.Errorf("%q before %s: got the same exact digest", line, at)
			}
		}
	}
	for _, line := range []string{"X-TUID\r\n", "X-TUID-2: abc\r\n", " X-TUID: folded\r\n", "X-Other: X-TUID: 1\r\n"} {
		if got := hashOf(Wire, strings.Replace(letter, "Subject", line+"Subject", 1)); got.Header == plain.Header || got.Body == plain.Body {
			t.Errorf("%q: got the identity without it, want it to count", line)
		}
	}
	if got := hashOf(Wire, letter+"X-TUID: abc\r\n"); got.Body == plain.Body {
		t.Error("a line of the body was taken for a foreign one")
	}
}

// TestKey: Message-ID, Date and From in any spacing, folding, order and case of
// the names are one key; anything else is another.
func TestKey(t *testing.T) {
	t.Parallel()
	want := IdentifyHeader([]byte("Message-ID: <1@x>\r\nDate: Thu, 4 Mar 2021 05:06:07 +0000\r\nFrom: Ann <ann@x>\r\n")).Key
	for _, same := range []string{
		"message-id:<1@x>\nDATE:Thu, 4 Mar 2021 05:06:07 +0000\nfrom:Ann <ann@x>\n",
		"From: Ann\r\n <ann@x>\r\nDate:  Thu,  4 Mar 2021\r\n\t05:06:07 +0000 \r\nMessage-ID:\r\n <1@x>\r\n",
		"Subject: x\r\nMessage-Id :  <1@x>  \r\nDate\t: Thu, 4 Mar 2021 05:06:07 +0000\r\nFrom: Ann  <ann@x>\r\nX-TUID: 1\r\n\r\nMessage-ID: <2@x>\r\n",
		"no colon\r\n folded\r\nMessage-ID: <1@x>\r\nMessage-ID: <2@x>\r\nDate: Thu, 4 Mar 2021 05:06:07 +0000\r\nFrom: Ann <ann@x>",
	} {
		if got := IdentifyHeader([]byte(same)).Key; got != want {
			t.Errorf("%q: got another key", same)
		}
	}
	for _, other := range []string{
		"Message-ID: <2@x>\r\nDate: Thu, 4 Mar 2021 05:06:07 +0000\r\nFrom: Ann <ann@x>\r\n",
		"Message-ID: <1@x>\r\nDate: Thu, 4 Mar 2021 05:06:08 +0000\r\nFrom: Ann <ann@x>\r\n",
		"Message-ID: <1@x>\r\nDate: Thu, 4 Mar 2021 05:06:07 +0000\r\nFrom: Ben <ann@x>\r\n",
		"Message-ID: <1@x>\r\nFrom: Ann <ann@x>\r\n",
	} {
		if got := IdentifyHeader([]byte(other)).Key; got == want || !got.Known() {
			t.Errorf("%q: got key known %v, equal %v; want another one", other, got.Known(), got == want)
		}
	}
	for _, none := range []string{"", "\r\n", "Date: x\r\nFrom: y\r\n", "Message-ID: \r\nFrom: y\r\n", "Message-ID:\r\n \r\nFrom: y\r\n"} {
		if id := IdentifyHeader([]byte(none)); id.Key.Known() || id.Decisive {
			t.Errorf("%q: got a key, want none without Message-ID", none)
		}
	}
}

func TestDecisive(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"Message-ID: <1@x>\r\nReceived: y\r\n": true, "Message-ID: <1@x>\r\n": false, "Received: y\r\n": false,
		"message-id: <1@x>\nRECEIVED: y\n\n": true, "Message-ID: <1@x>\r\n\r\nReceived: y\r\n": false, "Message-ID: <1@x>\r\nReceived: \r\n": false,
	} {
		if got := IdentifyHeader([]byte(header)).Decisive; got != want {
			t.Errorf("%q: got %v, want %v", header, got, want)
		}
	}
}

// FuzzIdentifyHeader: a header alone and at the head of a message say the same,
// with any line ends.
func FuzzIdentifyHeader(f *testing.F) {
	f.Add("Message-ID: <1@x>\nReceived: y\n folded\nX-TUID: 1\n")
	f.Add("A: b\n\r\nC: d\n")
	f.Fuzz(func(t *testing.T, header string) {
		header = strings.TrimLeft(strings.ReplaceAll(header, "\r\n", "\n"), "\n")
		for strings.Contains(header, "\n\n") {
			header = strings.ReplaceAll(header, "\n\n", "\n")
		}
		header = strings.TrimSuffix(header, "\n")
		if header == "" {
			return
		}
		header += "\n"
		if strings.Contains(header, "\r\n") {
			return // LF form has no CRLF
		}
		want := IdentifyHeader([]byte(header))
		for _, got := range []Identity{
			IdentifyHeader([]byte(strings.ReplaceAll(header, "\n", "\r\n"))), IdentifyHeader([]byte(header + "\n")),
			IdentifyHeader([]byte("X-TUID: 1\n" + header)), hashOf(LF, header), hashOf(LF, header+"\nbody\n"),
			hashOf(Wire, strings.ReplaceAll(header+"\nbody\n", "\n", "\r\n")),
		} {
			if header[0] == ' ' || header[0] == '\t' {
				continue // would be folded into the foreign line
			}
			if got.Header != want.Header || got.Key != want.Key || got.Decisive != want.Decisive {
				t.Fatalf("%q: got %+v, want %+v", header, got, want)
			}
		}
	})
}

// TestHeaderLimit: around the limit, the identity does not depend on the size of
// the chunks, and a longer header does not decide.
func TestHeaderLimit(t *testing.T) {
	t.Parallel()
	start := "Message-ID: <1@x>\r\nReceived: y\r\nX-Long: "
	for _, over := range []int{-3, -2, -1, 0, 1, 2, 3, 4, 5, 100000} {
		fill := maxHeader + over - len(start) - len("\r\n")
		header := start + strings.Repeat("a", fill) + "\r\n"
		for _, end := range []string{"\r\n", "\r\nbody\r\n", ""} {
			text := header + end
			want := hashOf(Wire, text)
			if want.Decisive != (over <= 0) {
				t.Errorf("header of maxHeader%+d octets, then %q: got decisive %v", over, end, want.Decisive)
			}
			for _, size := range []int{1021, 4096, maxHeader, maxHeader + 1} {
				if got := chunked(text, size, size); got != want {
					t.Errorf("header of maxHeader%+d octets, then %q, chunks of %d: got %+v, want %+v", over, end, size, got, want)
				}
			}
			if got := chunked(text, maxHeader-8, 1); over < 100 && got != want {
				t.Errorf("header of maxHeader%+d octets, then %q, octet by octet: got %+v, want %+v", over, end, got, want)
			}
			if want.Exact != Digest(sha256.Sum256([]byte(text))) {
				t.Errorf("header of maxHeader%+d octets: got a wrong exact digest", over)
			}
		}
	}
	long := start + strings.Repeat("a", maxHeader)
	if a, b := hashOf(Wire, long+"1\r\n\r\nx"), hashOf(Wire, long+"2\r\n\r\nx"); a.Body == b.Body {
		t.Error("a difference beyond the limit does not show in the body digest")
	}
}

// chunked hashes text in a first chunk and then in chunks of size octets.
func chunked(text string, first, size int) Identity {
	h := NewHasher(Wire)
	for n := min(first, len(text)); len(text) > 0; n = min(size, len(text)) {
		h.Write([]byte(text[:n]))
		text = text[n:]
	}
	return h.Sum()
}

// readAllBy reads r with a buffer of n octets.
func readAllBy(r io.Reader, n int) (string, error) {
	var b strings.Builder
	buf := make([]byte, n)
	for empty := 0; empty < 100; {
		k, err := r.Read(buf)
		b.Write(buf[:k])
		if err == io.EOF {
			return b.String(), nil
		} else if err != nil {
			return b.String(), err
		}
		if k == 0 {
			empty++
		} else {
			empty = 0
		}
	}
	return b.String(), errors.New("reads give nothing for ever")
}

func FuzzTravel(f *testing.F) {
	f.Add([]byte(lf(letter)), uint8(1))
	f.Add([]byte("\n\n\n"), uint8(2))
	f.Add(bytes.Repeat([]byte("a\n"), 700), uint8(255))
	f.Fuzz(func(t *testing.T, text []byte, buffer uint8) {
		want := strings.ReplaceAll(string(text), "\n", "\r\n")
		sources := map[string]io.Reader{
			"whole": bytes.NewReader(text), "octet by octet": iotest.OneByteReader(bytes.NewReader(text)),
			"halves": iotest.HalfReader(bytes.NewReader(text)), "end with data": iotest.DataErrReader(bytes.NewReader(text)),
		}
		for name, source := range sources {
			for _, n := range []int{int(buffer) + 1, 40000} {
				got, err := readAllBy(Body{Reader: source, Form: LF}.Travel(), n)
				if err != nil || got != want {
					t.Fatalf("%s, read by %d: got %d octets, %v; want %d", name, n, len(got), err, len(want))
				}
				if s, ok := source.(io.Seeker); !ok || n == 40000 {
					break
				} else if _, err := s.Seek(0, io.SeekStart); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, form := range []Form{Wire, AsIs} {
			if got, err := readAllBy(Body{Reader: bytes.NewReader(text), Form: form}.Travel(), 100); err != nil || got != string(text) {
				t.Fatalf("form %d: got %q, %v; want it unchanged", form, got, err)
			}
		}
	})
}

// TestTravelError: what was read before an error arrives, then the error.
func TestTravelError(t *testing.T) {
	t.Parallel()
	cut := errors.New("cut")
	for _, n := range []int{1, 2, 3, 100} {
		source := io.MultiReader(strings.NewReader("a\nb\n"), iotest.ErrReader(cut))
		got, err := readAllBy(Body{Reader: source, Form: LF}.Travel(), n)
		if got != "a\r\nb\r\n" || !errors.Is(err, cut) {
			t.Errorf("read by %d: got %q, %v; want all of it and the error", n, got, err)
		}
	}
}
