package statedb

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"mailtwin/mirror"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum returns the CRC-32C of a row's columns without crc, in the table's
// order: each as its type, its length where that varies, and its octets. A
// value of a type that no column has, as damage can make one, sums to -1, which
// no row carries.
func (t *table) checksum(values []any) int64 {
	b := binary.AppendVarint(make([]byte, 0, 256), t.kind)
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, 'n')
		case int64:
			b = binary.AppendVarint(append(b, 'i'), v)
		case string:
			b = append(binary.AppendUvarint(append(b, 't'), uint64(len(v))), v...)
		case []byte:
			b = append(binary.AppendUvarint(append(b, 'b'), uint64(len(v))), v...)
		default:
			return -1
		}
	}
	return int64(crc32.Checksum(b, castagnoli))
}

// The values that go into columns. Empty and unknown are NULL.

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func blob[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func num[N ~uint8 | ~uint32 | ~uint64 | ~int | ~int64](n N) any { return int64(n) }

func yes(b bool) any {
	if b {
		return int64(1)
	}
	return int64(0)
}

func seconds(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Unix()
}

// A row is what was read of a table's row, its checksum already compared. Its
// methods give the columns one after another; as the checksum covers the types,
// a column holds what was once written.
type row struct {
	values []any
	next   int
	parsed parsedFlags
}

func (r *row) value() any {
	if r.next == len(r.values) {
		return nil
	}
	r.next++
	return r.values[r.next-1]
}

func (r *row) num() int64 {
	n, _ := r.value().(int64)
	return n
}

func (r *row) uid() mirror.UID { return mirror.UID(r.num()) }

func (r *row) yes() bool { return r.num() != 0 }

// text reads a text or a blob.
func (r *row) text() string {
	switch v := r.value().(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

func (r *row) name() mirror.Name { return mirror.Name(r.text()) }

func (r *row) flags() mirror.Flags { return r.parsed.of([]byte(r.text())) }

func (r *row) seconds() time.Time {
	n, ok := r.value().(int64)
	if !ok {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// unpack reads the packed columns.
func (r *row) unpack() unpacked {
	b, _ := r.value().([]byte)
	return unpacked{b, r.parsed}
}

// parsedFlags are the sets of flags read so far, which are few.
type parsedFlags map[string]mirror.Flags

// of returns the set that text is, with the keywords of the one before it.
func (p parsedFlags) of(text []byte) mirror.Flags {
	if len(text) == 0 {
		return mirror.Flags{}
	}
	f, ok := p[string(text)] // without a copy
	if !ok {
		f = mirror.ParseFlags(string(text))
		p[string(text)] = f
	}
	return f
}
