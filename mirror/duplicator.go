package mirror

import "time"

// Copying is one message of which a copy is made in another mailbox of its side.
type Copying struct {
	// Donor is the message as the state knows it. What is there now must be it as far
	// as the side can tell without its body travelling: a server's message has its
	// date and its size, unless that is 0, which is not known; a file its octets.
	Donor    Message
	Reserved Ref // from the target's Reserve
	// Flags are those that the copy shall have, whatever the donor has.
	Flags Flags
	// Date is the INTERNALDATE of the copy. On a side that numbers messages itself it
	// is the donor's.
	Date time.Time
}

// Copied is one result of Mailbox.Copy. Without an error the copy is there, To, with
// Flags: what is missing of those that were asked for was refused, and what is there
// beyond them could not be taken away. To.UID is 0 where the server may have made the
// copy and did not tell its UID.
type Copied struct {
	From, To Ref
	Flags    Flags
	Err      error
}
