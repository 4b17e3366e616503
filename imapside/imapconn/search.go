package imapconn

import (
	"context"

	"github.com/emersion/go-imap/v2"
)

// UIDSearch returns those of uids that exist (RFC 9051 §6.4.4), sorted, as
// ranges. uids may be dynamic. ESEARCH (RFC 4731) is used where advertised. It
// always names a set, because iCloud answers bogus UIDs otherwise.
//
// OK without SEARCH or ESEARCH is ErrNoData, an unreadable one ErrMalformed:
// an empty result without an error means that none exists.
func (c *Conn) UIDSearch(ctx context.Context, uids imap.UIDSet) *DataCommand[imap.UIDSet] {
	return nil
}
