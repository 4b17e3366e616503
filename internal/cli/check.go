package cli

import (
	"context"
	"strings"
	"time"

	"mailtwin/internal/config"
	"mailtwin/mirror"
)

type jsonPair struct {
	Type       string   `json:"type"`
	Name       string   `json:"name"`
	Far        jsonEnd  `json:"far"`
	Near       jsonEnd  `json:"near"`
	Mode       string   `json:"mode"`
	Direction  string   `json:"direction,omitempty"`
	Mailboxes  []string `json:"mailboxes"`
	Subscribed bool     `json:"subscribed,omitempty"`
	MaxAge     string   `json:"max_age,omitempty"`
	Since      string   `json:"since,omitempty"`
	Before     string   `json:"before,omitempty"`
	MaxSize    int64    `json:"max_size,omitempty"`
	Search     string   `json:"search,omitempty"`
	Prune      bool     `json:"prune,omitempty"`
	Last       int      `json:"last,omitempty"`
	Nametrans  []string `json:"nametrans,omitempty"`
	Deletions  string   `json:"deletions"`
	Settle     string   `json:"settle"`
	Extra      string   `json:"extra"`
	New        string   `json:"new"`
	Flags      string   `json:"flags"`
	Gone       string   `json:"gone"`
	Create     string   `json:"create"`
	Remove     string   `json:"remove"`
}

type jsonEnd struct {
	Repository string `json:"repository"`
	Type       string `json:"type"`
	Host       string `json:"host,omitempty"`
	Port       int    `json:"port,omitempty"`
	TLS        string `json:"tls,omitempty"`
	User       string `json:"user,omitempty"`
	Path       string `json:"path,omitempty"`
	Layout     string `json:"layout,omitempty"`
	Names      string `json:"names,omitempty"`
}

// configCheck reads the configuration and shows the pairs as understood. It
// runs no password command and opens no connection.
func (p *program) configCheck(context.Context, []string) int {
	c, err := p.load()
	if err != nil {
		return p.failed(err)
	}
	pairs, err := c.Select(nil)
	if err != nil {
		return p.failed(err)
	}
	p.result(configRead(c.File, len(pairs)))
	for _, pair := range pairs {
		for _, line := range pairWords(pair) {
			p.result(line)
		}
		p.object(newJSONPair(pair))
	}
	p.object(jsonSummary{Type: "summary", Pairs: len(pairs), Exit: mirror.ExitDone})
	return mirror.ExitDone
}

func newJSONPair(p config.Pair) jsonPair {
	j := jsonPair{Type: "pair", Name: p.Name, Far: newJSONEnd(p.Far), Near: newJSONEnd(p.Near), Mode: string(p.Mode), Direction: string(p.Direction),
		Mailboxes: p.Patterns, Subscribed: p.Subscribed, MaxSize: p.Window.MaxSize, Last: p.Window.Last, Search: p.Search.Text, Prune: p.Prune,
		Deletions: string(p.Deletions), Settle: p.Settle.String(), Extra: string(p.Extra),
		New: string(p.New), Flags: string(p.Flags), Gone: string(p.Gone), Create: string(p.Create), Remove: string(p.Remove)}
	if p.Window.MaxAge > 0 {
		j.MaxAge = p.Window.MaxAge.String()
	}
	if !p.Rules.Empty() {
		j.Nametrans = strings.Split(p.Rules.String(), "\n")
	}
	for day, into := range map[time.Time]*string{p.Window.Since: &j.Since, p.Window.Before: &j.Before} {
		if !day.IsZero() {
			*into = day.Format(time.DateOnly)
		}
	}
	return j
}

func newJSONEnd(end config.Repository) jsonEnd {
	if m := end.Maildir; m != nil {
		return jsonEnd{Repository: end.Name, Type: "maildir", Path: m.Path, Layout: string(m.Layout), Names: string(m.Names)}
	}
	a := end.IMAP
	return jsonEnd{Repository: end.Name, Type: "imap", Host: a.Host, Port: a.Port, TLS: string(a.TLS), User: a.User}
}

// travels lists where each kind of change travels, as the file would say it.
func travels(p config.Pair) string {
	return strings.Join([]string{"new " + string(p.New), "flags " + string(p.Flags), "gone " + string(p.Gone), "create " + string(p.Create), "remove " + string(p.Remove)}, ", ")
}
