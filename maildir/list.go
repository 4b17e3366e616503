package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"mailtwin/mirror"
)

// listedBox is a directory that holds a Maildir.
type listedBox struct {
	raw    string // below the root, as the codec reads it
	status *mirror.Checkpoint
}

// tree is what is in a tree: its Maildirs, and what could be one and cannot be
// mirrored.
type tree struct {
	repo    *Repository
	boxes   []listedBox
	refused []mirror.RefusedName
}

// List implements mirror.Repository. It stats cur and new of each mailbox and
// reads no message's name. A directory that is not a Maildir is not listed.
func (r *Repository) List(ctx context.Context, _ bool) (mirror.Listing, error) {
	if r.root == nil {
		return mirror.Listing{}, nil
	}
	t, err := r.walk(ctx)
	if err != nil {
		return mirror.Listing{}, fmt.Errorf("list mailboxes: %w", reaching(err))
	}
	subscribed, err := r.readSubscriptions()
	if err != nil {
		return mirror.Listing{}, fmt.Errorf("list mailboxes: %w", reaching(err))
	}
	listing := mirror.Listing{Refused: t.refused}
	for _, box := range t.boxes {
		name, err := r.codec.Decode(box.raw)
		if err != nil {
			listing.Refused = append(listing.Refused, mirror.RefusedName{Raw: box.raw, Err: fmt.Errorf("%w: %w", mirror.ErrName, err)})
			continue
		}
		listing.Mailboxes = append(listing.Mailboxes, mirror.Listed{Name: name, Subscribed: subscribed.has(r.subscription(box.raw)), Status: box.status})
	}
	slices.SortFunc(listing.Mailboxes, func(a, b mirror.Listed) int { return strings.Compare(string(a.Name), string(b.Name)) })
	giveRoles(listing.Mailboxes)
	return listing, nil
}

// walk finds the Maildirs of the tree.
func (r *Repository) walk(ctx context.Context) (*tree, error) {
	t := &tree{repo: r}
	if r.opts.Layout == MaildirPP {
		return t, t.flat(ctx)
	}
	// A Maildir in the root itself, or beside the tree as a hidden directory,
	// belongs to another layout; its mail must not be passed over in silence.
	if status := r.statusOf(r.root, "."); status != nil {
		t.refuse(".", errors.New(`is a Maildir itself; is this a tree with layout = "maildir++"?`))
	}
	here, err := r.root.again()
	if err != nil {
		return nil, err
	}
	defer here.close()
	return t, t.nested(ctx, here, "")
}

func (t *tree) refuse(raw string, err error) {
	t.refused = append(t.refused, mirror.RefusedName{Raw: raw, Err: fmt.Errorf("%w: %q: %w", mirror.ErrName, raw, err)})
}

// nested walks the directory at raw below the root.
func (t *tree) nested(ctx context.Context, at *directory, raw string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := at.handle.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range entries {
		child := path.Join(raw, e.Name())
		switch {
		case isPart(e.Name()):
			if raw != "" && e.Name() == "cur" && isLink(e) {
				t.refuse(raw, fmt.Errorf("its cur %w", errSymlink))
			}
		case e.IsDir():
			if err := t.descend(ctx, at, e.Name(), child); err != nil {
				return err
			}
		case isLink(e) && e.Name()[0] != '.' && !isControlFile(e.Name()):
			t.refuse(child, errSymlink)
		}
	}
	return nil
}

// descend visits the directory called name, which may be a Maildir and may
// hold others.
func (t *tree) descend(ctx context.Context, at *directory, name, raw string) error {
	status := t.repo.statusOf(at, name)
	if status != nil {
		t.boxes = append(t.boxes, listedBox{raw, status})
	}
	if strings.HasPrefix(name, ".") {
		return nil
	}
	child, err := at.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.refuse(raw, err)
		return nil
	}
	defer child.close()
	return t.nested(ctx, child, raw)
}

// flat lists the directories of a Maildir++ tree.
func (t *tree) flat(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	root := t.repo.root
	if status := t.repo.statusOf(root, "."); status != nil {
		t.boxes = append(t.boxes, listedBox{".", status})
	}
	here, err := root.again()
	if err != nil {
		return err
	}
	defer here.close()
	entries, err := here.handle.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case isPart(e.Name()):
		case e.IsDir():
			if status := t.repo.statusOf(root, e.Name()); status != nil {
				t.boxes = append(t.boxes, listedBox{e.Name(), status})
			} else if cur, err := root.root.Lstat(path.Join(e.Name(), "cur")); err == nil && cur.Mode()&fs.ModeSymlink != 0 {
				t.refuse(e.Name(), fmt.Errorf("its cur %w", errSymlink))
			}
		case isLink(e) && e.Name()[0] == '.' && !isControlFile(e.Name()):
			t.refuse(e.Name(), errSymlink)
		}
	}
	return nil
}

// isPart reports whether name is one of the three directories of a Maildir.
func isPart(name string) bool { return name == "cur" || name == "new" || name == "tmp" }

func isLink(e fs.DirEntry) bool { return e.Type()&fs.ModeSymlink != 0 }

// isControlFile knows the files that mail programs and we keep beside mail.
// They are often links.
func isControlFile(name string) bool {
	return name == subscriptionsFile || name == identityFile || name == lockFile || isIndexFile(name)
}

// isIndexFile knows those of a mail program that say something of one mailbox.
func isIndexFile(name string) bool {
	return strings.HasPrefix(name, "dovecot") || strings.HasPrefix(name, "courierimap")
}

// statusOf returns the status of the Maildir in the directory called name, nil
// where there is none. Without new it cannot say, and the status is empty.
func (r *Repository) statusOf(at *directory, name string) *mirror.Checkpoint {
	cur, err := at.root.Lstat(path.Join(name, "cur"))
	if err != nil || !cur.IsDir() {
		return nil
	}
	status := &mirror.Checkpoint{UIDValidity: uidValidity}
	if fresh, err := at.root.Lstat(path.Join(name, "new")); err == nil && fresh.IsDir() {
		status.Stamps = stamps{cur: r.disk.stamp(cur), new: r.disk.stamp(fresh)}.String()
	}
	return status
}

// checkNames stops a first run on a tree whose directories are named in the
// encoding that was not chosen, unless the setting says which one it is.
func (r *Repository) checkNames() error {
	if r.opts.Names != "" {
		return nil
	}
	t, err := r.walk(context.Background())
	if err != nil {
		return err
	}
	for _, box := range t.boxes {
		meant, err := r.other.Decode(box.raw)
		if err != nil || isASCII(string(meant)) {
			continue
		}
		if read, err := r.codec.Decode(box.raw); err != nil || read != meant {
			return fmt.Errorf("%w: directory %q is %q; add the line names = %q", mirror.ErrNames, box.raw, meant.String(), r.opts.otherNames())
		}
	}
	return nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}
