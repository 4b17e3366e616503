package statedb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"mailtwin/mirror"
)

const (
	applicationID = 0x6d74776e // "mtwn"
	schemaVersion = 2
)

// headerFields are fields of the file's header that always have this value in a
// file of ours (https://www.sqlite.org/fileformat2.html §1.3). SQLite would
// believe most of them, or take the file for one that cannot be written.
var headerFields = []headerField{
	{16, "\x10\x00", "its header says another page size"},
	{18, "\x02\x02", "its header does not say WAL"},
	{44, "\x00\x00\x00\x04", "its header says another schema format"},
	{52, "\x00\x00\x00\x00", "its header says auto-vacuum"},
	{56, "\x00\x00\x00\x01", "its header does not say UTF-8"},
	{64, "\x00\x00\x00\x00", "its header says incremental vacuum"},
}

// oursFields are those that a newer schema has too.
var oursFields = []headerField{
	{0, "SQLite format 3\x00", "it is no SQLite file"},
	{68, "mtwn", "it is another program's file"},
}

type headerField struct {
	offset int
	want   string
	fault  string
}

// checkHeader looks at the header of a state file without SQLite, which might
// write to it. The file's log must be empty. A newer schema is
// mirror.ErrStateNewer; what is no file of ours is mirror.ErrStateBroken.
func checkHeader(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open state: %w", err)
	}
	defer f.Close()
	header := make([]byte, 100)
	switch _, err := io.ReadFull(f, header); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return broken("%q is cut short", path)
	case err != nil:
		return fmt.Errorf("read state: %w", err)
	}
	if err := checkFields(path, header, oursFields); err != nil {
		return err
	}
	switch version := binary.BigEndian.Uint32(header[60:]); {
	case version > schemaVersion:
		return fmt.Errorf("%w: %q has schema %d, known is %d", mirror.ErrStateNewer, path, version, schemaVersion)
	case version < schemaVersion:
		return broken("%q has schema %d, which no release wrote", path, version)
	}
	if err := checkFields(path, header, headerFields); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	return checkSize(path, header, info.Size())
}

// checkSize compares the size of the file with the one in its header: without
// a log the file has all of its pages. Where the header's two counters differ
// SQLite would take whatever is there for the whole (§1.3.7).
func checkSize(path string, header []byte, size int64) error {
	pageSize := int64(binary.BigEndian.Uint16(header[16:]))
	pages := int64(binary.BigEndian.Uint32(header[28:]))
	switch {
	case !bytes.Equal(header[24:28], header[92:96]):
		return broken("%q: its header does not say its size", path)
	case pages == 0 || size < pages*pageSize:
		return broken("%q has %d octets, want %d pages of %d", path, size, pages, pageSize)
	}
	return nil
}

func checkFields(path string, header []byte, fields []headerField) error {
	for _, field := range fields {
		if !bytes.HasPrefix(header[field.offset:], []byte(field.want)) {
			return broken("%q: %s", path, field.fault)
		}
	}
	return nil
}
