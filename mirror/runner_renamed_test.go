package mirror_test

import (
	"bytes"
	"testing"
	"testing/synctest"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
)

// sameSize is what a server does that changes octets and keeps their number.
func sameSize(body []byte) []byte {
	return bytes.Replace(body, []byte("\r\nSubject:"), []byte("\r\nSUBJECT:"), 1)
}

// TestRenamedAfterCrash: a file that was renamed before its copy was recorded is paired
// with that copy on a server that changes what it stores, also where the size stays.
func TestRenamedAfterCrash(t *testing.T) {
	for _, alter := range []func([]byte) []byte{sameSize, addLine} {
		synctest.Test(t, func(t *testing.T) {
			two := mirror.NewPolicy(mirror.TwoWay, 0)
			kind := historyKind{name: "renamed after a crash", far: mirrortest.Options{Alter: alter}, near: maildirLike(), policy: two, inexact: true}
			h := newHistory(t, kind)
			h.play([]string{"deliver near INBOX 4", "crash before 4", "rebase near 0"})
			if got := len(h.servers[mirror.Far].Messages(box("INBOX"))); got != 4 {
				t.Errorf("far INBOX holds %d messages, want 4", got)
			}
		})
	}
}
