package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"mailtwin/mirror"
)

const (
	subscriptionsFile = "subscriptions"
	// subscriptionsLock is where Dovecot writes the next subscriptionsFile,
	// and so its lock.
	subscriptionsLock = "subscriptions.lock"
	// subscriptionsHeader begins a file of version 2.
	subscriptionsHeader = "V\t2\n\n"
)

// subscriptions is Dovecot's file: a line a mailbox, as its directory is
// spelled. Version 1 writes the hierarchy delimiter as it is; version 2 writes
// a tab between components, which are escaped. Lines that name no mailbox here
// stay as they are.
type subscriptions struct {
	old   bool // version 1
	lines []string
}

func parseSubscriptions(text string) subscriptions {
	rest, v2 := strings.CutPrefix(text, subscriptionsHeader)
	s := subscriptions{old: !v2 && text != ""}
	for line := range strings.Lines(rest) {
		s.lines = append(s.lines, strings.TrimSuffix(line, "\n"))
	}
	return s
}

func (s subscriptions) String() string {
	var out strings.Builder
	if !s.old {
		out.WriteString(subscriptionsHeader)
	}
	for _, line := range s.lines {
		out.WriteString(line + "\n")
	}
	return out.String()
}

// subscribedName is a mailbox as it stands in the file.
type subscribedName struct {
	components []string
	delimiter  string
}

// subscription returns the name in the file of the mailbox in directory raw.
func (r *Repository) subscription(raw string) subscribedName {
	if r.opts.Layout != MaildirPP {
		return subscribedName{strings.Split(raw, "/"), "/"}
	}
	if raw == "." {
		return subscribedName{[]string{"INBOX"}, "."}
	}
	return subscribedName{strings.Split(strings.TrimPrefix(raw, "."), "."), "."}
}

// tabEscaper writes what would end a component or a line (Dovecot's
// str_tabescape).
var tabEscaper = strings.NewReplacer("\x01", "\x011", "\t", "\x01t", "\n", "\x01n", "\r", "\x01r", "\x00", "\x010")

// line returns the line of a name.
func (s subscriptions) line(name subscribedName) string {
	if s.old {
		return strings.Join(name.components, name.delimiter)
	}
	escaped := make([]string, len(name.components))
	for i, c := range name.components {
		escaped[i] = tabEscaper.Replace(c)
	}
	return strings.Join(escaped, "\t")
}

func (s subscriptions) has(name subscribedName) bool { return slices.Contains(s.lines, s.line(name)) }

// with returns s with a name set or cleared.
func (s subscriptions) with(name subscribedName, on bool) subscriptions {
	line := s.line(name)
	if !on {
		s.lines = slices.DeleteFunc(slices.Clone(s.lines), func(l string) bool { return l == line })
	} else if !s.has(name) {
		s.lines = append(slices.Clone(s.lines), line)
	}
	return s
}

// readSubscriptions reads the file; a missing one is empty.
func (r *Repository) readSubscriptions() (subscriptions, error) {
	text, err := r.root.readFile(subscriptionsFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return subscriptions{}, fmt.Errorf("read %s: %w", subscriptionsFile, err)
	}
	return parseSubscriptions(string(text)), nil
}

// Subscribe implements mirror.Repository. The file is replaced as a whole,
// under the lock that Dovecot takes.
func (r *Repository) Subscribe(ctx context.Context, name mirror.Name, on bool) error {
	if err := r.writable(); err != nil {
		return err
	}
	raw, err := r.codec.Encode(name)
	if err != nil {
		return fmt.Errorf("subscribe: %w: %w", mirror.ErrName, err)
	}
	if err := r.subscribe(ctx, r.subscription(raw), on); err != nil {
		return fmt.Errorf("subscribe: %w", reaching(err))
	}
	return nil
}

func (r *Repository) subscribe(ctx context.Context, name subscribedName, on bool) error {
	lock, err := r.dotlock(ctx, r.root, subscriptionsLock)
	if err != nil {
		return err
	}
	defer lock.release()
	now, err := r.readSubscriptions()
	if err != nil || now.has(name) == on {
		return err
	}
	if _, err := lock.file.WriteAt([]byte(now.with(name, on).String()), 0); err != nil {
		return err
	}
	if err := lock.file.Sync(); err != nil {
		return err
	}
	lock.file.Close() // Windows renames no open file
	if err := r.disk.replace(r.root, subscriptionsLock, subscriptionsFile); err != nil {
		return err
	}
	return r.disk.sync(r.root)
}
