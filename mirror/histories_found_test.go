package mirror_test

// foundHistories are histories that failed once, shrunk.
var foundHistories = []struct{ kind, script string }{
	// What an interrupted move left was taken for new mail once the move had lost
	// its reason, and our mark of \Deleted for a person's.
	{"bare IMAP and bare IMAP", `deliver far Lists/go 3
rest
move near 2 Entwürfe
crash inside 7
copy near 7 Lists/go`},
	// The next version of a draft was taken for a late copy of the one before.
	{"IMAP and Maildir", `deliver near INBOX 4
crash after 2
rest
edit far 3`},
	// A record of this plan was bound anew in this plan.
	{"Maildir and Maildir", `deliver far Entwürfe 27
lose
deliver far INBOX 30
cut near 0 50s
rebase far 0`},
	// A source was renamed while its copy was on its way, and sent again.
	{"Maildir and stale IMAP", `deliver far INBOX 3
cut near 0 1s
rebase far 0`},
	{"Maildir and stale IMAP", `deliver far Entwürfe 27
lose
deliver far INBOX 30
cut near 0 50s
rebase far 0`},
	// A message that could not be read was no reason to wait.
	{"Maildir and Maildir", `deliver near Entwürfe 13
rest
during far 6 rebase far 7
lose`},
	// An edited draft was taken for the copy that had been announced.
	{"Maildir and stale IMAP", `deliver far INBOX 3
cut far 0 never
edit near 8`},
	// A copy was moved away before its record was written.
	{"changing IMAP and Maildir", `deliver near INBOX 3
crash before 4
move far 5 Archive`},
	{"bare IMAP and bare IMAP", `deliver near INBOX 3
during far 13 move far 0 Lists/go`},
	{"bare IMAP and Maildir", `deliver near INBOX 3
during far 13 move far 0 Archive`},
	// A server that changes mail hid that a message was moved.
	{"changing IMAP and Maildir", `deliver near INBOX 3
rest
flags near 9 \Draft
move far 4 Archive`},
	// Renamed on one side, moved on the other.
	{"Maildir and Maildir", `deliver far INBOX 3
rest
rebase near 8
move far 0 Archive`},
	// Flags taken away before a move counted as refused after it.
	{"Maildir and stale IMAP", `deliver far INBOX 3
rest
during far 1 keyword far 6 $Forwarded work
rest
move far 0 Archive
flags near 1 \Seen`},
	// A message moved while the mailboxes were read.
	{"keeping", `deliver far INBOX 3
rest
flags far 2 \Seen
during far 2 move far 7 Entwürfe`},
	// A pair of two versions was sent again to a server that tells no UID.
	{"bare IMAP and Maildir", `deliver far INBOX 3
rest
edit near 4
lose
rest
flags near 4 \Flagged
remove far 7`},
	// What the first run may not remove, no later one did.
	{"strict mirror of a Maildir", `lose
deliver far INBOX 3`},
	// Renamed on one side, moved on the other to a mailbox whose name comes first.
	{"IMAP with few flags and Maildir", `deliver far Archive 3
rest
rebase near 5
move far 1 INBOX`},
	// What was being sent again lost its source: its record was made twice.
	{"mirror of a Maildir to bare IMAP", `deliver near INBOX 3
rest
move far 0 Archive
crash before 4
remove near 5`},
	// A late copy was not known any more once its mailbox was renumbered.
	{"bare IMAP and Maildir", `during near 1 deliver far Archive 3
cut far 0 110s
cut far 3 50s
renumber far Archive`},
	// A late copy whose source was gone was named to nobody.
	{"copy from Maildir to bare IMAP", `deliver near INBOX 3
cut far 0 70s
cut far 0 50s
edit near 8`},
	// Flags taken from a copy that no listing had shown count as refused there.
	{"IMAP and Maildir", `deliver near INBOX 3
flags near 0 \Seen
crash before 5
flags far 0 \Flagged`},
	// Twice cut off and paused: it goes once the pause is over.
	{"IMAP and Maildir", `deliver near INBOX 3
cut far 0 never
cut far 0 never`},
	// Of three that a server changed, one was there less often than sent.
	{"changing IMAP and Maildir", `deliver near INBOX 3
cut far 2 70s
lose
copy near 1 INBOX`},
	// The next version of a letter was paired with a late copy of the one before.
	{"copy from Maildir to bare IMAP", `deliver near INBOX 3
cut far 0 110s
cut far 3 50s
edit near 8`},
	// The flags of a version travelled to the next one.
	{"mirror of a Maildir to bare IMAP", `deliver near INBOX 3
flags near 0 \Deleted
crash after 3
edit far 0`},
	{"forgetful IMAP and Maildir", `rest
rest
deliver far INBOX 3
crash before 1
rest
rest
renamebox far Lists/go Neu
during near 4 rebase near 1
crash inside 3
edit far 2
during far 9 rewind near INBOX
rest
move near 7 Neu
flags near 4 \Deleted`},
	// What a window hides was sent again after the state was lost.
	{"windowed IMAP and Maildir", `deliver far INBOX 3
cut far 0 never
rest
rest
rest
rest
rest
during far 1 deliver far INBOX 3
rest
cut far 0 never
during far 8 deliver near INBOX 3
deliver near INBOX 4
deliver near Lists/go 4
old 1
deliver near INBOX 6
rest
flags near 1 
lose`},
	// The row of a source that is gone stayed once its copy was found, and was taken
	// for a message that cannot be read.
	{"Maildir and stale IMAP", `cut far 0 never
crash before 1
deliver far Archive 3
crash before 3
rebase far 0
deliver near Archive 5
remove near 7
during near 11 deliver far Archive 6
copy far 1 Lists/go`},
	// A mark of ours came to another mailbox by a rename.
	{"bare IMAP and bare IMAP", `deliver far Archive 3
crash before 6
remove far 0
rest
renamebox near Archive Neu`},
	// Renamed and moved where only headers had been read.
	{"bare IMAP and Maildir", `deliver near INBOX 3
rest
move far 0 Archive
rebase near 0`},
	// Our own removal of one was taken for the move of its twin, which nobody had seen.
	{"IMAP that drops what it holds and Maildir", `deliver near Archive 3
deliver far INBOX 4
copy near 0 Archive
rest
remove near 9`},
	// The source of a copy left in the middle of a run; nobody can tell which of its
	// twins it is.
	{"bare IMAP and bare IMAP", `during far 20 move far 0 Lists/go
deliver far INBOX 3
deliver far Lists/go 3`},
	// The copy of a source that was renamed was moved before anybody had seen it.
	{"Maildir and Maildir", `deliver far Archive 3
crash before 4
rebase far 0
move near 0 INBOX`},
	{"changing IMAP and Maildir", `deliver near INBOX 3
crash before 4
move near 0 Archive`},
	// A mailbox was renumbered in the middle of a run that removes extras.
	{"strict mirror of a Maildir", `deliver far INBOX 3
cut far 0 never
rest
deliver far Lists/go 3
flags far 0 \Seen
copy near 0 Neu
rewind near INBOX
crash inside 15
rest
crash inside 1
deliver near Lists/go 30
rest
cut near 3 0s
rewind far Lists/go
rebase far 0
cut near 1 70s
rest
crash before 8
cut near 3 0s
edit near 9`},
	// Two versions of a letter, and the state lost.
	{"IMAP and IMAP", `crash before 1
remove far 0
crash before 1
cut far 0 never
deliver far INBOX 4
rest
rebase near 9
during far 23 move near 0 Entwürfe
move far 3 Archive
renamebox near INBOX INBOX
cut far 1 never
crash after 5
rest
rest
lose
edit far 5
rest
crash before 1
cut far 3 0s
move near 2 Entwürfe`},
	{"windowed IMAP and Maildir", `deliver far INBOX 3
rest
lose
during near 1 edit far 1
cut far 0 never
during far 1 flags far 0 \Seen
crash before 30
remove far 7
rest`},
	// What was renamed and is to be sent again was cut off: it has a record.
	{"mirror of a Maildir to bare IMAP", `deliver near INBOX 3
rest
move far 0 Archive
rebase near 0
cut far 0 never`},
	// Renamed here and moved there, where the server changed what it stored.
	{"changing IMAP and Maildir", `deliver near INBOX 3
rest
move far 0 Archive
rebase near 0`},
	// A flag that no run reads until the mailbox is compared.
	{"IMAP without mod-sequences and Maildir", `deliver far INBOX 3
deliver far INBOX 4
rest
flags far 0 \Seen`},
	// The same of a message that only the other side was read of.
	{"Maildir and Maildir", `rewind far INBOX
during far 1 flags far 0 \Seen
deliver near INBOX 3
crash before 1
cut far 0 never
during far 1 renumber far INBOX
rebase far 0
crash before 1
deliver far Entwürfe 26
deliver far Lists/go 6
edit far 1
edit far 5
rest
move near 9 Archive
rest
move far 1 INBOX
renumber far Lists/go
move far 3 Entwürfe
rebase near 6`},
	// The server finished a copy late whose source was renamed, or moved, meanwhile.
	{"bare IMAP and Maildir", `deliver near INBOX 3
cut far 0 70s
rebase near 0`},
	{"bare IMAP and Maildir", `deliver near INBOX 3
cut far 0 70s
move near 0 Archive`},
	// The same, where that was after the copy had been sent again: a ghost follows its
	// source.
	{"IMAP without mod-sequences and Maildir", `deliver near INBOX 3
cut far 0 70s
rest
rebase near 0`},
	{"IMAP without mod-sequences and Maildir", `deliver near INBOX 3
cut far 0 70s
rest
move near 0 Archive`},
	{"IMAP without mod-sequences and Maildir", `deliver near INBOX 3
cut far 0 70s
rest
move far 0 Archive`},
	// Both at once.
	{"IMAP without mod-sequences and Maildir", `deliver near INBOX 3
cut far 0 70s
rest
move far 0 Archive
rebase near 0`},
	// Paired after a crash, by Message-ID, Date and From, with a header that tells it
	// from nothing: when it was renamed, nobody could tell what it was.
	{"changing IMAP and Maildir", `deliver near INBOX 4
crash before 4
rest
rebase near 0`},
	// The copy of a draft that was edited while the server did not say the UID was taken
	// for the next version.
	{"bare IMAP and bare IMAP", `deliver far INBOX 3
during far 15 deliver far Archive 3
during far 14 edit far 0
rest
remove near 1
crash before 18`},
	// Our own copy, of which no UID was told, was taken for its equal twin that had been
	// moved away.
	{"bare IMAP and bare IMAP", `deliver far INBOX 3
deliver far INBOX 3
rest
deliver far INBOX 3
move near 0 Archive`},
	// What an interrupted copy had made was moved while the next run looked, and the copy
	// was sent again.
	{"Maildir and stale IMAP", `deliver far INBOX 3
deliver near Archive 3
deliver far INBOX 3
cut far 0 0s
during far 2 move far 0 Lists/go`},
	// A flag that a person had taken away before the message was moved was taken for one
	// that the server had refused.
	{"IMAP without mod-sequences and Maildir", `renumber far INBOX
deliver far INBOX 3
flags far 0 \Seen
rest
deliver far Entwürfe 3
move far 1 Archive
rest
flags far 0 \Seen
move far 1 Archive
crash inside 13
flags far 0 
crash after 2
flags far 3 \Seen
deliver far Lists/go 17
move near 2 INBOX
keyword near 6 work`},
	// A message that was being sent again got a new name and had its copy reclaimed in one
	// plan: the state refused both, and so did every run behind it.
	{"mirror of a Maildir to bare IMAP", `deliver near INBOX 3
rest
remove far 1
deliver near Lists/go 3
cut far 1 0s
rest
rest
old 3
deliver near Archive 22
copy near 4 INBOX
edit near 5`},
	// What a window of no known size hides was sent again after a renumbering.
	{"windowed IMAP and Maildir", `deliver far INBOX 3
deliver far INBOX 3
deliver far INBOX 6
deliver far INBOX 14
renumber far INBOX`},
	// A twin that was moved was taken for the copy that had been announced, and the one it
	// was taken from for removed.
	{"IMAP that drops what it holds and Maildir", `deliver near Lists/go 3
copy near 0 Lists/go
copy near 0 INBOX
rest
move far 0 Lists/go`},
}
