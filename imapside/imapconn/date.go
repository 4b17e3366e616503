package imapconn

import (
	"bytes"
	"time"
)

// zones keeps one time.Location an offset: a mailbox has few.
type zones map[int]*time.Location

func (z *zones) at(offset int) *time.Location {
	if offset == 0 {
		return time.UTC
	}
	if loc, ok := (*z)[offset]; ok {
		return loc
	}
	if *z == nil || len(*z) >= 256 {
		*z = make(zones)
	}
	loc := time.FixedZone("", offset)
	(*z)[offset] = loc
	return loc
}

// dateTime parses INTERNALDATE: " 1-Feb-2001 03:04:05 -0800" (RFC 9051 §9),
// with one or two digits for the day and with or without the leading blank.
func (z *zones) dateTime(b []byte) (time.Time, bool) {
	f := dateFields{b: bytes.TrimLeft(b, " "), ok: true}
	day := f.digits(1, 2, '-')
	month := f.month()
	year := f.digits(4, 4, ' ')
	hour := f.digits(1, 2, ':')
	minute := f.digits(2, 2, ':')
	second := f.digits(2, 2, ' ')
	offset := f.zone()
	if !f.ok || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, false
	}
	t := time.Date(year, month, day, hour, minute, second, 0, z.at(offset))
	if t.Day() != day && second < 60 {
		return time.Time{}, false // 31-Feb
	}
	return t, true
}

type dateFields struct {
	b  []byte
	ok bool
}

// digits takes least to most digits and the octet behind them.
func (f *dateFields) digits(least, most int, end byte) int {
	n, i := 0, 0
	for i < len(f.b) && i < most && f.b[i] >= '0' && f.b[i] <= '9' {
		n = n*10 + int(f.b[i]-'0')
		i++
	}
	if i < least || i >= len(f.b) || f.b[i] != end {
		f.ok = false
		return 0
	}
	f.b = f.b[i+1:]
	return n
}

func (f *dateFields) month() time.Month {
	const names = "janfebmaraprmayjunjulaugsepoctnovdec"
	if !f.ok || len(f.b) < 4 || f.b[3] != '-' {
		f.ok = false
		return 0
	}
	for i := 0; i < len(names); i += 3 {
		if f.b[0]|0x20 == names[i] && f.b[1]|0x20 == names[i+1] && f.b[2]|0x20 == names[i+2] {
			f.b = f.b[4:]
			return time.Month(i/3 + 1)
		}
	}
	f.ok = false
	return 0
}

// zone takes "+hhmm", seconds east of Greenwich. What follows is ignored.
func (f *dateFields) zone() int {
	if !f.ok || len(f.b) < 5 || f.b[0] != '+' && f.b[0] != '-' {
		f.ok = false
		return 0
	}
	n := 0
	for _, d := range f.b[1:5] {
		if d < '0' || d > '9' {
			f.ok = false
			return 0
		}
		n = n*10 + int(d-'0')
	}
	offset := (n/100*60 + n%100) * 60
	if f.b[0] == '-' {
		return -offset
	}
	return offset
}
