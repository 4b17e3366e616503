package maildir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"mailtwin/mirror"
)

// Fetch implements mirror.Mailbox. A file that is there and cannot be read is
// given to sink with a Reader that fails, so that the error concerns that
// message alone.
func (m *Mailbox) Fetch(ctx context.Context, refs []mirror.Ref, sink func(mirror.Body) error) error {
	b, err := m.repo.openBox(m.name, m.access)
	if err != nil {
		return fmt.Errorf("fetch messages: %w", err)
	}
	defer b.close()
	find := m.finder(ctx, b)
	for _, ref := range refs {
		if err := ctx.Err(); err != nil {
			return err
		}
		body, err := m.find(find, ref)
		if errors.Is(err, mirror.ErrGone) {
			continue
		}
		if err != nil {
			return fmt.Errorf("fetch messages: %w", err)
		}
		err = sink(body.Body)
		body.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// find opens the body of ref. A body that cannot be read is no error.
func (m *Mailbox) find(find *finder, ref mirror.Ref) (body *openedBody, err error) {
	err = find.act(ref.Base, 1, func(e entry) error {
		opened, info, err := m.openBody(find.box, e.place)
		if err != nil && info != nil && !errors.Is(err, fs.ErrNotExist) {
			opened = &openedBody{Body: mirror.Body{Octets: info.Size(), Size: info.Size(), Form: mirror.AsIs,
				Reader: brokenReader{fmt.Errorf("read %q: %w", e.name, err)}}}
			err = nil
		}
		body = opened
		return err
	})
	if err != nil {
		return nil, err
	}
	body.Ref = ref
	return body, nil
}

// Identify implements mirror.Mailbox. Headers reads no more of a file than its
// header section and leaves Size and Form unknown.
func (m *Mailbox) Identify(ctx context.Context, refs []mirror.Ref, depth mirror.Depth) ([]mirror.Identified, error) {
	b, err := m.repo.openBox(m.name, m.access)
	if err != nil {
		return nil, fmt.Errorf("identify messages: %w", err)
	}
	defer b.close()
	find := m.finder(ctx, b)
	var list []mirror.Identified
	for _, ref := range refs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		id := mirror.Identified{Ref: ref}
		seen := false
		err := find.act(ref.Base, 1, func(e entry) (err error) {
			seen, err = m.identify(find.box, e.place, depth, &id)
			return err
		})
		switch {
		case errors.Is(err, mirror.ErrGone):
		case err == nil, seen:
			id.Err = err
			list = append(list, id)
		default:
			return nil, fmt.Errorf("identify messages: %w", reaching(err))
		}
	}
	return list, nil
}

// identify fills id from the file at a place. seen says that the file was
// there, so that an error is its own.
func (m *Mailbox) identify(b *box, at place, depth mirror.Depth, id *mirror.Identified) (seen bool, err error) {
	f, info, err := m.repo.disk.open(b.part(at.inNew), at.name)
	if err != nil {
		return info != nil, err
	}
	defer f.Close()
	id.Date = info.ModTime().Truncate(time.Second)
	if depth == mirror.Headers {
		id.Identity, err = identifyHeader(&exactReader{source: f, size: info.Size()})
		return true, err
	}
	body, err := formOf(f, info.Size())
	if err != nil {
		return true, err
	}
	hasher := mirror.NewHasher(body.Form)
	if _, err := io.Copy(hasher, body.Reader); err != nil {
		return true, err
	}
	id.Identity, id.Size = hasher.Sum(), hasher.Size()
	return true, nil
}

// maxHeader bounds what is read of a header section, in octets. It is more
// than a mirror.Hasher looks at.
const maxHeader = 2 << 20

// identifyHeader reads f as far as its header section goes.
func identifyHeader(f io.Reader) (mirror.Identity, error) {
	var text []byte
	chunk := make([]byte, 8<<10)
	for !headerEnds(text) && len(text) < maxHeader {
		n, err := f.Read(chunk)
		text = append(text, chunk[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			return mirror.Identity{}, err
		}
	}
	hasher := mirror.NewHasher(mirror.LF)
	hasher.Write(text)
	whole := hasher.Sum()
	return mirror.Identity{Header: whole.Header, Key: whole.Key, Decisive: whole.Decisive, Foreign: whole.Foreign}, nil
}

// headerEnds reports whether text holds an empty line.
func headerEnds(text []byte) bool {
	return bytes.Contains(text, []byte("\n\n")) || bytes.Contains(text, []byte("\n\r\n")) ||
		bytes.HasPrefix(text, []byte("\n")) || bytes.HasPrefix(text, []byte("\r\n"))
}
