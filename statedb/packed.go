package statedb

import (
	"encoding/binary"
	"time"

	"mailtwin/mirror"
)

// A packed is the columns of a row that no statement asks for, one after another in
// one blob: the driver takes several times as long for each of them alone. Numbers are
// varints, everything else stands behind its length; what is not known has length 0.
// The row's checksum covers it.
type packed []byte

func (p *packed) num(n int64) { *p = binary.AppendVarint(*p, n) }

func (p *packed) yes(b bool) {
	if b {
		p.num(1)
	} else {
		p.num(0)
	}
}

func (p *packed) text(s string) { *p = append(binary.AppendUvarint(*p, uint64(len(s))), s...) }

func (p *packed) flags(f mirror.Flags) { p.text(f.String()) }

func (p *packed) digest(d mirror.Digest) {
	if d.Known() {
		*p = append(append(*p, byte(len(d))), d[:]...)
	} else {
		*p = append(*p, 0)
	}
}

func (p *packed) seconds(t time.Time) {
	if t.IsZero() {
		p.yes(false)
	} else {
		p.yes(true)
		p.num(t.Unix())
	}
}

// An unpacked gives back what was packed, in the same order, and zero values behind
// its end.
type unpacked struct {
	rest   []byte
	parsed parsedFlags
}

func (u *unpacked) num() int64 {
	n, size := binary.Varint(u.rest)
	u.skip(size)
	return n
}

func (u *unpacked) yes() bool { return u.num() != 0 }

func (u *unpacked) uid() mirror.UID { return mirror.UID(u.num()) }

// octets are valid as long as the row is.
func (u *unpacked) octets() []byte {
	n, size := binary.Uvarint(u.rest)
	u.skip(size)
	n = min(n, uint64(len(u.rest)))
	b := u.rest[:n]
	u.rest = u.rest[n:]
	return b
}

func (u *unpacked) skip(size int) {
	if size <= 0 {
		size = len(u.rest)
	}
	u.rest = u.rest[size:]
}

func (u *unpacked) text() string { return string(u.octets()) }

func (u *unpacked) name() mirror.Name { return mirror.Name(u.octets()) }

func (u *unpacked) flags() mirror.Flags { return u.parsed.of(u.octets()) }

func (u *unpacked) digest() (d mirror.Digest) {
	copy(d[:], u.octets())
	return d
}

func (u *unpacked) seconds() time.Time {
	if !u.yes() {
		return time.Time{}
	}
	return time.Unix(u.num(), 0).UTC()
}
