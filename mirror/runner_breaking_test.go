package mirror_test

import (
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// breaksAt is a server that ends the connection whenever a message is read.
func breaksAt(id mirror.UID) *hooks {
	return &hooks{
		fetch: func(b mirror.Body) (mirror.Body, error) {
			if b.UID == id {
				return b, mirror.ErrCut
			}
			return b, nil
		},
		identify: func(_ mirror.Name, list []mirror.Identified) ([]mirror.Identified, error) {
			for i, m := range list {
				if m.UID == id {
					return list[:i], mirror.ErrCut
				}
			}
			return list, nil
		},
	}
}

// TestServerBreaksOff: a message at which the server ends the connection every
// time blocks only itself, whether it is to be copied or to be compared.
func TestServerBreaksOff(t *testing.T) {
	t.Parallel()
	for _, compared := range []bool{false, true} {
		p := inStep(t, 2, mirrortest.Options{}, maildirLike())
		id := p.servers[mirror.Far].Deliver(nametrans.Inbox, letter(10), mirror.Flags{}, when)
		p.deliverFar(nametrans.Inbox, letter(11), mirror.Flags{})
		if compared {
			p.servers[mirror.Near].Deliver(nametrans.Inbox, fileOf(letter(13)), mirror.Flags{}, when.Add(time.Hour))
		}
		p.hook(mirror.Far, breaksAt(id))
		p.sync(mirror.ExitTemporary)
		p.sync(mirror.ExitTemporary)
		p.sync(mirror.ExitDone)
		want := 3
		if compared {
			want = 4
		}
		if got := p.count(mirror.Near, nametrans.Inbox); got != want {
			t.Errorf("compared %v: near holds %d messages, want all %d but the broken one", compared, got, want)
		}
		p.quiet()
		p.wrap = nil
		p.clock.now = p.clock.now.AddDate(0, 0, 8)
		p.settle()
		p.alike()
	}
}
