package maildir

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"mailtwin/nametrans"
)

// Layout says where the mailboxes of a tree are; "" is Nested.
type Layout string

// The layouts.
const (
	// Nested: path/INBOX/cur, path/Lists/go-nuts/cur.
	Nested Layout = "nested"
	// MaildirPP is Maildir++: path/cur is INBOX, path/.Lists.go-nuts/cur.
	MaildirPP Layout = "maildir++"
)

// Names is the encoding of mailbox names in directory names. "" is the usual
// one of the layout: UTF-8 in Nested, modified UTF-7 in MaildirPP.
type Names string

// The encodings.
const (
	UTF8 Names = "utf-8"
	UTF7 Names = "utf-7"
)

// Options describe a Maildir tree.
type Options struct {
	// Path is the root of the tree.
	Path   string
	Layout Layout
	Names  Names
	// Undo is the directory of the undo store, outside the tree; it is made
	// (0700) when it is first needed. "" means that there is none, and
	// Traits.Undo is false.
	Undo string
	// Label names the pair and repository in the undo store's entries.
	Label string
	// Now and Sleep are the clock; nil is the real one. Sleep returns early
	// with the context's error.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
}

// codec returns the codec that the options ask for and the one that writes
// names in the other encoding.
func (o Options) codec() (chosen, other nametrans.Codec, err error) {
	names := o.Names
	switch {
	case o.Layout == MaildirPP && names == "":
		names = UTF7
	case names == "":
		names = UTF8
	}
	if names != UTF8 && names != UTF7 {
		return nil, nil, fmt.Errorf("names %q: neither %q nor %q", names, UTF8, UTF7)
	}
	switch o.Layout {
	case Nested, "":
		return nametrans.Nested{UTF7: names == UTF7}, nametrans.Nested{UTF7: names != UTF7}, nil
	case MaildirPP:
		return nametrans.MaildirPP{UTF8: names == UTF8}, nametrans.MaildirPP{UTF8: names != UTF8}, nil
	}
	return nil, nil, fmt.Errorf("layout %q: neither %q nor %q", o.Layout, Nested, MaildirPP)
}

// otherNames is the encoding that is not the layout's usual one.
func (o Options) otherNames() Names {
	if o.Layout == MaildirPP {
		return UTF8
	}
	return UTF7
}

// checkUndo refuses an undo store inside the tree, where it would be mail.
func (o Options) checkUndo() error {
	if o.Undo == "" {
		return nil
	}
	root, err := filepath.Abs(o.Path)
	if err != nil {
		return err
	}
	undo, err := filepath.Abs(o.Undo)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(root, undo)
	if err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return fmt.Errorf("undo store %q lies inside the Maildir %q", o.Undo, o.Path)
	}
	return nil
}

// sleep waits for d on the real clock.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
