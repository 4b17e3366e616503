// Package imapside is mirror.Repository over one IMAP account (RFC 3501,
// RFC 9051). It reports what the server shows and carries out what it is told;
// it decides nothing. The wire itself is package imapconn.
//
// Invariants:
//
//   - A mailbox opened for reading is only ever EXAMINEd.
//   - No plain EXPUNGE, no CLOSE, no STORE without + or -. UID EXPUNGE names
//     exactly the messages to remove.
//   - Bodies are asked for with BODY.PEEK[] and streamed.
//   - A tagged OK is not evidence. A message counts as gone only where the
//     server listed every other one; an UID counts as a copy's only where
//     APPENDUID or COPYUID passes every check; a flag counts as stored only
//     where a FETCH reply shows it.
//   - Every message is named by its UID. Sequence numbers are never sent.
//   - One connection, one selected mailbox. A lost connection is ErrCut and
//     final; it is not made again.
package imapside
