package cli

import (
	"context"
	"io"
	"os"
	"strconv"

	"mailtwin/internal/config"
	"mailtwin/mirror"
)

type jsonMailbox struct {
	Type       string  `json:"type"`
	Name       string  `json:"name"`
	Role       string  `json:"role,omitempty"`
	Messages   *uint32 `json:"messages,omitempty"`
	Subscribed bool    `json:"subscribed"`
	NoSelect   bool    `json:"no_select,omitempty"`
}

type jsonRefused struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// mailboxes lists one repository and changes nothing in it. Names that cannot
// be mirrored are told as well (exit 3).
func (p *program) mailboxes(ctx context.Context, args []string) int {
	c, err := p.load()
	if err != nil {
		return p.failed(err)
	}
	end, err := c.Repository(args[0])
	if err != nil {
		return p.failed(err)
	}
	trace, closeTrace, err := p.openTrace()
	if err != nil {
		return p.failed(err)
	}
	defer closeTrace()
	listing, err := listing(ctx, end, trace(end.Name+" "))
	if err != nil {
		if stoppedBySignal(ctx) {
			err = &sayInterrupted
		}
		return p.failed(repositoryError(end, err))
	}
	p.tellMailboxes(listing.Mailboxes)
	exit := mirror.ExitDone
	for _, refused := range listing.Refused {
		exit = mirror.ExitPartly
		p.fail("", refusedName(end.Name, refused))
		p.object(jsonRefused{"refused", refused.Raw, refused.Err.Error()})
	}
	p.object(jsonSummary{Type: "summary", Exit: exit})
	return exit
}

// repositoryError says which repository an error is about.
func repositoryError(end config.Repository, err error) error {
	t := scene{ends: [2]config.Repository{end}}.explain(&mirror.Error{Op: "list mailboxes", Side: mirror.Far, Err: err})
	t.what = inRepository(end.Name, t.what)
	return t
}

// listing connects and lists. A Maildir that does not exist is an error here:
// on the first run of a pair it would be made, but nobody asked for that.
func listing(ctx context.Context, end config.Repository, trace io.Writer) (l mirror.Listing, err error) {
	if m := end.Maildir; m != nil {
		if _, err := os.Stat(m.Path); err != nil {
			return l, noMaildir(m.Path, err)
		}
	}
	repository, err := newRepository(end, "", "", trace)
	if err != nil {
		return l, err
	}
	// Whatever Close meets, nothing was changed.
	defer repository.Close()
	if _, err := repository.Connect(ctx, mirror.Visit{}); err != nil {
		return l, err
	}
	if l, err = repository.List(ctx, false); err != nil {
		return l, err
	}
	return l, countMessages(ctx, repository, l.Mailboxes)
}

// countMessages looks into the mailboxes whose size the listing did not tell:
// on a server without LIST-STATUS, and in a Maildir, which tells stamps only.
func countMessages(ctx context.Context, repository mirror.Repository, list []mirror.Listed) error {
	for i, m := range list {
		inMaildir := m.Status != nil && m.Status.Stamps != ""
		if m.NoSelect || m.Status != nil && !inMaildir {
			continue
		}
		handle, err := repository.Open(ctx, m.Name, mirror.ReadOnly, mirror.Checkpoint{})
		if mirror.ReachOf(err) <= mirror.ReachMailbox && err != nil {
			continue // its number stays unknown
		}
		if err != nil {
			return err
		}
		status := handle.Status()
		if inMaildir {
			view, err := handle.View(ctx, mirror.Known{})
			if err != nil {
				return err
			}
			status.Messages = uint32(view.Total)
		}
		list[i].Status = &status
	}
	return nil
}

func (p *program) tellMailboxes(list []mirror.Listed) {
	table := [][]string{mailboxColumns}
	for _, m := range list {
		row := []string{m.Name.String(), string(m.Role), "", ""}
		j := jsonMailbox{Type: "mailbox", Name: m.Name.String(), Role: string(m.Role), Subscribed: m.Subscribed, NoSelect: m.NoSelect}
		switch {
		case m.NoSelect:
			row[2] = noMailHere
		case m.Status == nil:
			row[2] = unknownNumber
		default:
			row[2] = strconv.Itoa(int(m.Status.Messages))
			j.Messages = &m.Status.Messages
		}
		if m.Subscribed {
			row[3] = yes
		}
		table = append(table, row)
		p.object(j)
	}
	for _, line := range columns(table) {
		p.result(line)
	}
}
