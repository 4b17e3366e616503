package mirror_test

import (
	"context"
	"slices"
	"strings"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// elsewhereRules lead back from what an elsewhere shows.
var elsewhereRules = must(nametrans.NewRules([]nametrans.RuleText{{Near: "*", Far: "Else/where/*"}, {Near: "Archive", Far: "Kept"}}))

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// elsewhere is a repository that has other names for its mailboxes than those who look
// at it in a test.
type elsewhere struct{ mirror.Repository }

func outside(name mirror.Name) mirror.Name {
	switch name {
	case nametrans.Inbox:
		return name
	case "Archive":
		return "Kept"
	}
	return "Else\x00where\x00" + name
}

func inside(name mirror.Name) mirror.Name {
	if name == "Kept" {
		return "Archive"
	}
	rest, ok := strings.CutPrefix(string(name), "Else\x00where\x00")
	if !ok && name != nametrans.Inbox {
		panic("asked for a name that is not its own: " + name.String())
	}
	return mirror.Name(rest)
}

func (r elsewhere) List(ctx context.Context, brief bool) (mirror.Listing, error) {
	l, err := r.Repository.List(ctx, brief)
	l.Mailboxes = slices.Clone(l.Mailboxes)
	for i := range l.Mailboxes {
		l.Mailboxes[i].Name = outside(l.Mailboxes[i].Name)
	}
	slices.SortFunc(l.Mailboxes, func(a, b mirror.Listed) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return l, err
}

func (r elsewhere) Expect(ctx context.Context, calls []mirror.Expected) {
	calls = slices.Clone(calls)
	for i := range calls {
		calls[i].Name = inside(calls[i].Name)
	}
	r.Repository.Expect(ctx, calls)
}

func (r elsewhere) Create(ctx context.Context, name mirror.Name, role mirror.Role) error {
	return r.Repository.Create(ctx, inside(name), role)
}

func (r elsewhere) Rename(ctx context.Context, from, to mirror.Name) error {
	return r.Repository.Rename(ctx, inside(from), inside(to))
}

func (r elsewhere) Delete(ctx context.Context, name mirror.Name) error {
	return r.Repository.Delete(ctx, inside(name))
}

func (r elsewhere) Subscribe(ctx context.Context, name mirror.Name, on bool) error {
	return r.Repository.Subscribe(ctx, inside(name), on)
}

func (r elsewhere) Open(ctx context.Context, name mirror.Name, access mirror.Access, known mirror.Checkpoint) (mirror.Mailbox, error) {
	m, err := r.Repository.Open(ctx, inside(name), access, known)
	if err != nil {
		return nil, err
	}
	return elsewhereMailbox{m}, nil
}

type elsewhereMailbox struct{ mirror.Mailbox }

func (m elsewhereMailbox) Move(ctx context.Context, moves []mirror.Move, target mirror.Name) ([]mirror.Moved, error) {
	return m.Mailbox.Move(ctx, moves, inside(target))
}

func (m elsewhereMailbox) Copy(ctx context.Context, copies []mirror.Copying, target mirror.Name) ([]mirror.Copied, error) {
	return m.Mailbox.Copy(ctx, copies, inside(target))
}
