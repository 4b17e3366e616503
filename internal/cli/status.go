package cli

import (
	"context"
	"path/filepath"
	"time"

	"mailtwin/internal/config"
	"mailtwin/mirror"
	"mailtwin/statedb"
)

// A pairStatus is what the state of a pair tells.
type pairStatus struct {
	pair       config.Pair
	dir, undo  string
	records    int
	last       *mirror.RunRow
	fresh      bool
	quarantine []mirror.Quarantined
	tombs      []mirror.Tomb
	intents    []mirror.Intent // without ghosts
	held       int
	files      fileNames
}

// status tells the state of the named pairs. It reads the state only: no
// network, no lock, nothing written.
func (p *program) status(ctx context.Context, names []string) int {
	pairs, stateDir, err := p.pairs(names)
	if err != nil {
		return p.failed(err)
	}
	exit := mirror.ExitDone
	for _, pair := range pairs {
		if ctx.Err() != nil {
			return p.failed(&sayInterrupted)
		}
		if err := p.statusOf(pair, stateDir); err != nil {
			t := scene{pair: pair.Name, state: filepath.Join(stateDir, pair.Name)}.explain(err)
			p.fail(pair.Name, t)
			exit = graver(exit, t.exit)
		}
	}
	p.object(jsonSummary{Type: "summary", Pairs: len(pairs), Exit: exit})
	return exit
}

func (p *program) statusOf(pair config.Pair, stateDir string) (err error) {
	db, err := statedb.Open(stateDir, pair.Name, statedb.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := db.Close(); err == nil {
			err = closeErr
		}
	}()
	s := pairStatus{pair: pair, undo: db.UndoDir(), dir: filepath.Dir(db.UndoDir())}
	s.files = fileNames{db: db, ends: [2]config.Repository{pair.Far, pair.Near}}
	if err := s.read(db); err != nil {
		return err
	}
	for _, line := range s.words(p.now()) {
		p.result(line)
	}
	p.object(s.object())
	return nil
}

func (s *pairStatus) read(db *statedb.DB) error {
	snapshot, err := db.Load()
	if err != nil {
		return err
	}
	counts, err := db.Counts()
	if err != nil {
		return err
	}
	s.fresh, s.last, s.quarantine, s.tombs = snapshot.Fresh, snapshot.LastRun, snapshot.Quarantine, snapshot.Tombs
	for _, in := range snapshot.Intents {
		if in.Kind != mirror.GhostIntent {
			s.intents = append(s.intents, in)
		}
	}
	restless := map[mirror.Name]bool{} // elsewhere nothing is held
	for _, row := range snapshot.Mailboxes {
		restless[row.Name] = restless[row.Name] || !row.AtRest
	}
	for name, n := range counts {
		s.records += n
		if !restless[name] {
			continue
		}
		records, err := db.Records(name)
		if err != nil {
			return err
		}
		for _, r := range records {
			if r.State[mirror.Far] == mirror.Held || r.State[mirror.Near] == mirror.Held {
				s.held++
			}
		}
	}
	return nil
}

// ref names a quarantined message.
func (s *pairStatus) ref(q mirror.Quarantined) string {
	return s.files.ref(q.Side, q.Mailbox, q.UID)
}

type jsonStatus struct {
	Type       string            `json:"type"`
	Pair       string            `json:"pair"`
	State      string            `json:"state"`
	Undo       string            `json:"undo"`
	Records    int               `json:"records"`
	LastRun    *jsonRun          `json:"last_run,omitempty"`
	Quarantine []jsonQuarantined `json:"quarantine"`
	Pending    int               `json:"pending"`
	Open       int               `json:"open"`
	Held       int               `json:"held"`
}

type jsonRun struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Exit  int       `json:"exit"`
	Far   *jsonSide `json:"far"`
	Near  *jsonSide `json:"near"`
}

type jsonQuarantined struct {
	Side    string     `json:"side"`
	Mailbox string     `json:"mailbox"`
	UID     uint32     `json:"uid"`
	File    string     `json:"file,omitempty"`
	Reason  string     `json:"reason"`
	Since   time.Time  `json:"since"`
	Tries   int        `json:"tries"`
	Next    *time.Time `json:"next,omitempty"`
}

func (s *pairStatus) object() jsonStatus {
	j := jsonStatus{Type: "status", Pair: s.pair.Name, State: s.dir, Undo: s.undo, Records: s.records,
		Quarantine: []jsonQuarantined{}, Pending: len(s.tombs), Open: len(s.intents), Held: s.held}
	if s.last != nil {
		j.LastRun = &jsonRun{s.last.Start, s.last.End, s.last.Exit, newJSONSide(s.last.Summary, mirror.Far), newJSONSide(s.last.Summary, mirror.Near)}
	}
	for _, q := range s.quarantine {
		entry := jsonQuarantined{q.Side.String(), q.Mailbox.String(), uint32(q.UID), s.files.name(q.Side, q.Mailbox, q.UID), q.Reason, q.Since, q.Tries, nil}
		if !q.Next.IsZero() {
			entry.Next = &q.Next
		}
		j.Quarantine = append(j.Quarantine, entry)
	}
	return j
}
