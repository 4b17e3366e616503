package maildir

import (
	"fmt"
	"io/fs"
	"time"
)

// settleAge is how old the newest stamp must be before equal stamps prove that
// nothing happened in between: no file system keeps times coarser than this.
const settleAge = 2 * time.Second

// stamp is the mark that a change leaves on a directory. Times are nanoseconds
// since 1970; changed and inode are 0 where the system has none.
type stamp struct {
	modified, changed int64
	inode             uint64
}

// stamps are the marks of a mailbox: equal ones, old enough, mean that no name
// in it came, went or changed.
type stamps struct {
	cur, new stamp
}

func stampOf(info fs.FileInfo) stamp {
	changed, inode := changeOf(info)
	return stamp{info.ModTime().UnixNano(), changed, inode}
}

// String is the form kept in mirror.Checkpoint.Stamps.
func (s stamps) String() string {
	return fmt.Sprintf("%d.%d.%d/%d.%d.%d", s.cur.modified, s.cur.changed, s.cur.inode,
		s.new.modified, s.new.changed, s.new.inode)
}

// oldAt is the moment from which the stamps are old enough.
func (s stamps) oldAt() time.Time {
	newest := max(s.cur.modified, s.cur.changed, s.new.modified, s.new.changed)
	return time.Unix(0, newest).Add(settleAge)
}
