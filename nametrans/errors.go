package nametrans

import "fmt"

// A NameError says that one mailbox name cannot be used. It concerns that
// mailbox only: the others of its repository are untouched.
type NameError struct {
	Raw    string // as the repository or the other side spells it; any bytes
	Reason Reason
}

// Error escapes control and bidirectional characters of the name.
func (e *NameError) Error() string {
	return fmt.Sprintf("mailbox %q: %s", e.Raw, e.Reason)
}

// A Reason is why a mailbox name is refused, in words that may follow the
// name and a colon.
type Reason string

// Reasons that hold for every repository.
const (
	ReasonEmpty          Reason = "the name is empty"
	ReasonEmptyComponent Reason = "a part of the name is empty"
	ReasonDots           Reason = `a part of the name is "." or ".."`
	ReasonNotUTF8        Reason = "the name is not UTF-8"
	ReasonControl        Reason = "the name holds a control character"
	ReasonInboxSpelling  Reason = "its first part must be spelled INBOX here"
)

// Reasons that depend on how a repository writes names.
const (
	ReasonDelimiter    Reason = "a part of the name holds the hierarchy delimiter of this repository"
	ReasonFlat         Reason = "this repository has no hierarchy"
	ReasonSlash        Reason = `a part of the name holds a "/", which no directory can`
	ReasonNotUTF7      Reason = "the name is not modified UTF-7"
	ReasonNamespace    Reason = "the name is outside the personal namespace"
	ReasonShadowsInbox Reason = "the name would be taken for INBOX"
	ReasonEscape       Reason = "the name is not escaped as this Maildir's names are"
	ReasonReserved     Reason = "the name is not that of a Maildir++ mailbox"
	ReasonTooLong      Reason = "the name is too long for a file system (255 octets)"
	ReasonNotOneToOne  Reason = "the name does not survive being written and read back"
)

// Reasons why Rules stop mailboxes, besides those of a Collision.
const (
	ReasonShared    Reason = "the rules make one mailbox of these"
	ReasonNoReturn  Reason = "the rules give it a name on the other side that does not lead back to it"
	ReasonSpelling  Reason = "a rule names it in other letters (case, or how accents are encoded) than its side does"
	ReasonRoleTwice Reason = "a rule asks for the mailbox with a special use, and a side lists several with it"
	ReasonTwoRules  Reason = "two rules about special uses stand for one mailbox and lead to different ones"
	ReasonNoName    Reason = "the rules make a name of it that no mailbox can have"
)
