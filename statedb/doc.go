// Package statedb keeps the state of a pair in one SQLite file: mirror.State.
//
// # On disk
//
// Below the state directory each pair has a directory of its own, mode 0700,
// named after the pair with every octet but letters, digits, "-", "_" and inner
// dots as %XX:
//
//	state.db         the state (schema.sql); -wal and -shm beside it during a run
//	state.db.broken-TIME   a state that was damaged and set aside
//	lock             locked during a run, holds the process id
//	undo/            the undo store, made by whoever first needs it
//
// # What is durable when
//
// The file is in WAL mode with synchronous=FULL: when Commit returns nil, all
// of its changes survive a kill and a power cut; when it returns an error, none
// of them shows. A state file appears under its name complete, by a rename. The
// write-ahead log is folded into the file when it is longer than 4 MiB and than
// half the file; Close folds and removes it. So a log with content, found at
// Open, is the mark of an unclean close: then, and only then, the file is read
// through (quick_check). No marker is written: a run that finds nothing writes
// no row and leaves the file as it is.
//
// Two damages cannot be noticed: a log that lost its end reads as a commit that
// never happened, and a file replaced by an older copy of itself is that copy.
// What is read in part is checked in part, see Known, MessagesIn and RecordsIn.
// And one commit may show that returned an error: when the disk failed to sync it
// and the process ended before the next. Whoever saw the error looks again.
//
// # Invariants
//
// (*DB).Check tests them one by one; the names are those of its errors.
//
//   - file: SQLite finds the file sound, every index matches its table, and
//     every reference leads to a row.
//   - rows: every row matches its checksum, and every table, or mailbox's part
//     of it, has the rows that its tally says: no row was damaged, none lost.
//   - record-mailbox: a record pairs a message on the far side with one on the
//     near side in the mailbox of the same name. (That both messages exist and
//     are in no other record is kept by the tables' keys.)
//   - record-masked: a record's masked flags are part of its base.
//   - at-rest: every record of a mailbox that is marked so is at rest on its side,
//     as mirror.Record.AtRest has it.
//   - message-base: no two messages of a mailbox have the same base name.
//   - intent-source: the source of an intent exists where the state numbers the
//     messages (its reference has a base name). A ghost outlives its source.
//   - tomb-record: a message with a tomb is in no record.
//   - quarantine-message: a quarantined message exists.
//   - quarantine-record: a quarantined message is in no record.
//   - tally-mailbox: a tally belongs to a mailbox that is there.
package statedb
