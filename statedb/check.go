package statedb

import (
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// An invariant is a rule that holds between any two transactions; the package
// comment lists them by name. test returns what breaks it, at most a few.
type invariant struct {
	name string
	test func(*file) ([]string, error)
}

var invariants = []invariant{
	{"file", (*file).unsound},
	{"rows", (*file).damagedRows},
	{"record-mailbox", query(`
		SELECT 'far ' || r.far_mailbox || '/' || r.far_uid || ', near ' || r.near_mailbox || '/' || r.near_uid
		FROM record r LEFT JOIN mailbox f ON f.id = r.far_mailbox LEFT JOIN mailbox n ON n.id = r.near_mailbox
		WHERE f.side IS NOT 0 OR n.side IS NOT 1 OR f.name IS NOT n.name`)},
	{"record-masked", (*file).maskedWithoutBase},
	{"at-rest", (*file).notAtRest},
	{"message-base", query(`
		SELECT 'mailbox ' || mailbox || ': ' || hex(base) FROM message
		WHERE base IS NOT NULL GROUP BY mailbox, base HAVING count(*) > 1`)},
	{"intent-source", (*file).sourceless},
	{"tomb-record", query(`
		SELECT 'mailbox ' || mailbox || ' UID ' || uid FROM tomb t WHERE ` + inRecord)},
	{"quarantine-message", query(`
		SELECT 'mailbox ' || mailbox || ' UID ' || uid FROM quarantine t
		WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.mailbox = t.mailbox AND m.uid = t.uid)`)},
	{"quarantine-record", query(`
		SELECT 'mailbox ' || mailbox || ' UID ' || uid FROM quarantine t WHERE ` + inRecord)},
	{"tally-mailbox", query(`
		SELECT 'kind ' || kind || ' scope ' || scope FROM tally
		WHERE CASE WHEN kind IN (4, 5) THEN scope NOT IN (SELECT id FROM mailbox) ELSE scope <> 0 END`)},
}

// inRecord: the message of row t is in a record.
const inRecord = `
	EXISTS (SELECT 1 FROM record WHERE far_mailbox = t.mailbox AND far_uid = t.uid)
	OR EXISTS (SELECT 1 FROM record WHERE near_mailbox = t.mailbox AND near_uid = t.uid)`

// Check tests every invariant and returns those that are broken, joined, each
// with its name and what breaks it; nil when all hold. It reads everything.
func (d *DB) Check() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return errClosed
	case d.file == nil:
		return nil
	}
	return d.file.check()
}

func (f *file) check() error {
	var errs []error
	for _, i := range invariants {
		faults, err := i.test(f)
		if err != nil {
			errs = append(errs, fmt.Errorf("invariant %s: %w", i.name, explain("check", err)))
		} else if len(faults) > 0 {
			errs = append(errs, fmt.Errorf("invariant %s: %s", i.name, strings.Join(faults, "; ")))
		}
	}
	return errors.Join(errs...)
}

// query is an invariant that a query breaks by yielding rows.
func query(sql string) func(*file) ([]string, error) {
	return func(f *file) ([]string, error) { return f.texts(sql + " LIMIT 5") }
}

func (f *file) unsound() ([]string, error) {
	faults, err := f.texts("PRAGMA integrity_check(5)")
	if err != nil {
		return nil, err
	}
	if len(faults) == 1 && faults[0] == "ok" {
		faults = nil
	}
	dangling, err := f.texts(`SELECT "table" || ' refers to no ' || parent FROM pragma_foreign_key_check LIMIT 5`)
	return append(faults, dangling...), err
}

func (f *file) damagedRows() (faults []string, err error) {
	skip := func(*row) error { return nil }
	tables := []*table{metaTable, sideTable, mailboxTable, intentTable, tombTable, quarantineTable, runTable}
	for _, t := range tables {
		if err := f.each(t, 0, skip); err != nil {
			faults = append(faults, err.Error())
		}
	}
	for key, id := range f.ids {
		for _, t := range []*table{messageTable, recordTable} {
			if err := f.each(t, id, skip); err != nil {
				faults = append(faults, fmt.Sprintf("%s mailbox %q: %v", key.Side, key.Name, err))
			}
		}
	}
	return faults, nil
}

func (f *file) maskedWithoutBase() (faults []string, err error) {
	for key, id := range f.ids {
		if key.Side != mirror.Far {
			continue
		}
		err := f.each(recordTable, id, func(r *row) error {
			record := r.record(key.Name)
			for _, side := range mirror.Sides {
				if !record.Masked[side].Minus(record.Base[side]).Empty() {
					faults = append(faults, fmt.Sprintf("%q far %d %s", key.Name, record.UID[mirror.Far], side))
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return faults, nil
}

func (f *file) notAtRest() (faults []string, err error) {
	var resting []mirror.MailboxRow
	err = f.each(mailboxTable, 0, func(r *row) error {
		if _, m := r.mailbox(); m.AtRest {
			resting = append(resting, m)
		}
		return nil
	})
	for _, m := range resting {
		if err == nil {
			err = f.eachRestless(m, func(r mirror.Record) {
				faults = append(faults, fmt.Sprintf("%s mailbox %q UID %d", m.Side, m.Name, r.UID[m.Side]))
			})
		}
	}
	return faults, err
}

// sourceless returns the intents of a Maildir's message that is not there.
func (f *file) sourceless() (faults []string, err error) {
	var intents []mirror.Intent
	err = f.each(intentTable, 0, func(r *row) error {
		if in := r.intent(); in.Source.Base != "" && in.Kind != mirror.GhostIntent {
			intents = append(intents, in)
		}
		return nil
	})
	for _, in := range intents {
		if err == nil {
			err = f.sourceOf(in, func() { faults = append(faults, fmt.Sprintf("intent %d", in.ID)) })
		}
	}
	return faults, err
}

// sourceOf calls missing if the source of an intent is not there.
func (f *file) sourceOf(in mirror.Intent, missing func()) error {
	found := false
	if id, ok := f.ids[mirror.MailboxKey{Side: in.Side, Name: in.Mailbox}]; ok {
		err := f.eachIn(messageTable, in.Side, id, imap.UIDSetNum(in.Source.UID), func(*row) error { found = true; return nil })
		if err != nil {
			return err
		}
	}
	if !found {
		missing()
	}
	return nil
}

// eachRestless calls use with each record of a mailbox that is not at rest on its
// side.
func (f *file) eachRestless(m mirror.MailboxRow, use func(mirror.Record)) error {
	far, ok := f.ids[mirror.MailboxKey{Side: mirror.Far, Name: m.Name}]
	if !ok {
		return nil // then there is no record
	}
	flags := map[mirror.UID]mirror.Flags{}
	err := f.each(messageTable, f.ids[mirror.MailboxKey{Side: m.Side, Name: m.Name}], func(r *row) error {
		message := r.message()
		flags[message.UID] = message.Flags
		return nil
	})
	if err != nil {
		return err
	}
	return f.each(recordTable, far, func(r *row) error {
		if record := r.record(m.Name); !record.AtRest(m.Side, flags[record.UID[m.Side]], m.Checkpoint.UIDNext) {
			use(record)
		}
		return nil
	})
}
