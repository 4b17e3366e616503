// Package mirrortest holds what the tests of mailtwin share: a mail store in
// memory that behaves as IMAP servers or a Maildir do (Server), the state in
// memory (State), wrappers that stop everything at the k-th effect (Fault),
// and the conformance suites that every mirror.Repository and every
// mirror.State must pass.
//
// Nothing here sleeps or starts a goroutine. Time comes from Options.Now, so
// tests run inside testing/synctest bubbles as well as outside.
package mirrortest
