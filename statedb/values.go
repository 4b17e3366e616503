package statedb

import (
	"encoding/json"
	"time"

	"mailtwin/mirror"
)

// The rows of each table as values, and back. Both directions name the columns
// in the order of tables.go.

func sideValues(side mirror.Side, s mirror.SideRow) []any {
	return []any{num(side), text(s.Repository), text(s.Identity), blob(s.Trash), num(s.Bytes), text(s.Memory), yes(s.Quiet),
		num(int64(s.Pause / time.Second)), seconds(s.PauseUntil)}
}

func (r *row) sideRow(into *[2]mirror.SideRow) error {
	side := r.num()
	if side != int64(mirror.Far) && side != int64(mirror.Near) {
		return broken("there is a side %d", side)
	}
	into[side] = mirror.SideRow{
		Repository: r.text(), Identity: r.text(), Trash: r.name(), Bytes: mirror.BytesProbe(r.num()), Memory: r.text(), Quiet: r.yes(),
		Pause: time.Duration(r.num()) * time.Second, PauseUntil: r.seconds(),
	}
	return nil
}

func mailboxValues(id int64, m mirror.MailboxRow) []any {
	c := m.Checkpoint
	return []any{
		num(id), num(m.Side), blob(m.Name), blob(m.Origin), text(string(m.Role)), yes(m.Subscribed),
		num(c.UIDValidity), num(c.UIDNext), num(c.HighestModSeq), num(c.Messages), blob(c.Stamps), seconds(m.Compared), yes(m.AtRest),
	}
}

func (r *row) mailbox() (id int64, m mirror.MailboxRow) {
	id = r.num()
	m = mirror.MailboxRow{Side: mirror.Side(r.num()), Name: r.name(), Origin: r.name(), Role: mirror.Role(r.text()), Subscribed: r.yes()}
	m.Checkpoint = mirror.Checkpoint{
		UIDValidity: uint32(r.num()), UIDNext: r.uid(), HighestModSeq: uint64(r.num()),
		Messages: uint32(r.num()), Stamps: r.text(),
	}
	m.Compared, m.AtRest = r.seconds(), r.yes()
	return id, m
}

func messageValues(mailbox int64, m mirror.Message) []any {
	var p packed = make([]byte, 0, 160)
	i := &m.Identity
	p.num(m.Size)
	p.seconds(m.Date)
	for _, d := range [...]mirror.Digest{i.Header, i.Key, i.Body, i.Exact} {
		p.digest(d)
	}
	p.yes(i.Decisive)
	p.num(int64(i.Form))
	p.text(i.ObjectID)
	return []any{num(mailbox), num(m.UID), blob(m.Base), text(m.Flags.String()), []byte(p)}
}

func (r *row) message() mirror.Message {
	r.num() // the mailbox
	m := mirror.Message{Ref: mirror.Ref{UID: r.uid(), Base: r.text()}, Flags: r.flags()}
	u := r.unpack()
	m.Size, m.Date = u.num(), u.seconds()
	i := &m.Identity
	for _, d := range [...]*mirror.Digest{&i.Header, &i.Key, &i.Body, &i.Exact} {
		*d = u.digest()
	}
	i.Decisive, i.Form, i.ObjectID = u.yes(), mirror.Form(u.num()), u.text()
	return m
}

func recordValues(far, near int64, r mirror.Record) []any {
	var p packed = make([]byte, 0, 32)
	for _, f := range [...]mirror.Flags{r.Base[mirror.Far], r.Base[mirror.Near], r.Masked[mirror.Far], r.Masked[mirror.Near]} {
		p.flags(f)
	}
	p.num(int64(r.State[mirror.Far]))
	p.num(int64(r.State[mirror.Near]))
	p.yes(r.Altered)
	return []any{num(far), num(r.UID[mirror.Far]), num(near), num(r.UID[mirror.Near]), []byte(p)}
}

func (r *row) record(mailbox mirror.Name) mirror.Record {
	record := mirror.Record{Mailbox: mailbox}
	for _, side := range mirror.Sides {
		r.num() // the mailbox
		record.UID[side] = r.uid()
	}
	u := r.unpack()
	record.Base = [2]mirror.Flags{u.flags(), u.flags()}
	record.Masked = [2]mirror.Flags{u.flags(), u.flags()}
	record.State = [2]mirror.Confirmation{mirror.Confirmation(u.num()), mirror.Confirmation(u.num())}
	record.Altered = u.yes()
	return record
}

func intentValues(id int64, i *mirror.Intent) []any {
	var p packed = make([]byte, 0, 128)
	p.num(int64(i.Kind))
	p.num(int64(i.Source.UID))
	p.text(i.Source.Base)
	p.num(i.Size)
	p.seconds(i.Date)
	p.text(string(i.Target))
	p.num(int64(i.TargetUIDValidity))
	p.num(int64(i.TargetUIDNext))
	p.num(int64(i.Reserved.UID))
	p.text(i.Reserved.Base)
	p.yes(i.Accepted)
	p.seconds(i.Created)
	p.yes(i.Donated)
	return []any{num(id), num(i.Side), blob(i.Mailbox), []byte(p)}
}

func (r *row) intent() mirror.Intent {
	i := mirror.Intent{ID: r.num(), Side: mirror.Side(r.num()), Mailbox: r.name()}
	u := r.unpack()
	i.Kind = mirror.IntentKind(u.num())
	i.Source = mirror.Ref{UID: u.uid(), Base: u.text()}
	i.Size, i.Date, i.Target = u.num(), u.seconds(), u.name()
	i.TargetUIDValidity, i.TargetUIDNext = uint32(u.num()), u.uid()
	i.Reserved = mirror.Ref{UID: u.uid(), Base: u.text()}
	i.Accepted, i.Created, i.Donated = u.yes(), u.seconds(), u.yes()
	return i
}

func tombValues(mailbox int64, t mirror.Tomb) []any {
	return []any{num(mailbox), num(t.UID), seconds(t.Since)}
}

func (r *row) tomb(mailboxes map[int64]mirror.MailboxKey) mirror.Tomb {
	key := mailboxes[r.num()]
	return mirror.Tomb{Side: key.Side, Mailbox: key.Name, UID: r.uid(), Since: r.seconds()}
}

func quarantineValues(mailbox int64, q mirror.Quarantined) []any {
	return []any{num(mailbox), num(q.UID), text(q.Reason), seconds(q.Since), num(q.Tries), seconds(q.Next)}
}

func (r *row) quarantined(mailboxes map[int64]mirror.MailboxKey) mirror.Quarantined {
	key := mailboxes[r.num()]
	return mirror.Quarantined{
		Side: key.Side, Mailbox: key.Name, UID: r.uid(), Reason: r.text(),
		Since: r.seconds(), Tries: int(r.num()), Next: r.seconds(),
	}
}

// runText is the part of a run that is kept as JSON.
type runText struct {
	mirror.Summary
	Settings string `json:"settings"`
}

func runValues(id int64, run *mirror.RunRow) ([]any, error) {
	summary, err := json.Marshal(runText{run.Summary, run.Settings})
	if err != nil {
		return nil, err
	}
	return []any{num(id), seconds(run.Start), seconds(run.End), num(run.Exit), string(summary)}, nil
}

func (r *row) run() (mirror.RunRow, error) {
	r.num() // the id
	run := mirror.RunRow{Start: r.seconds(), End: r.seconds(), Exit: int(r.num())}
	var o runText
	if err := json.Unmarshal([]byte(r.text()), &o); err != nil {
		return mirror.RunRow{}, broken("the summary of a run: %v", err)
	}
	run.Summary, run.Settings = o.Summary, o.Settings
	return run, nil
}
