// Package maildir is a mirror.Repository over a tree of Maildirs.
//
// On disk a mailbox is a directory with cur, new and tmp. A message is one
// file; its name is a base, which identifies it, and after ":2," the letters
// of its flags. Other programs rename, move, flag and remove files at any
// moment: each such race is an ordinary case here.
//
// Invariants:
//
//   - No file is ever overwritten: every rename of a message refuses a name
//     that is taken.
//   - A message is in cur or new only after its octets are durable, and a
//     result without an error is given only after the directory is.
//   - A message is reported gone only after two passes between equal stamps
//     that were at least two seconds old; mirror.Mailbox.Absent makes the
//     second proof with passes of its own.
//   - Nothing outside the root (and the undo store) is touched, and no symbolic
//     link inside it is followed.
//   - No letter of dovecot-keywords gets another meaning, and letters that mean
//     nothing to us stay in the file name.
//   - .mailtwin-id is written once and never again.
package maildir
