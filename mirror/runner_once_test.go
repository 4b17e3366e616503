package mirror_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// onceKinds are pairs by the way from far to near.
var onceKinds = []struct {
	name      string
	far, near mirrortest.Options
}{
	{"IMAP to Maildir", mirrortest.Options{}, maildirLike()},
	{"IMAP with object ids to Maildir", mirrortest.Options{ObjectIDs: true}, maildirLike()},
	{"Maildir to IMAP", maildirLike(), mirrortest.Options{Gap: 3}},
	{"IMAP to IMAP", mirrortest.Options{}, mirrortest.Options{Gap: 3}},
	{"IMAP to IMAP with object ids", mirrortest.Options{}, mirrortest.Options{ObjectIDs: true, NoMove: true}},
	{"Maildir to Maildir", maildirLike(), maildirLike()},
}

// travelled is how many bodies were fetched from far, were appended to near, and were
// copied there.
func (p *pair) travelled() (fetched, appended, copied int) {
	return p.servers[mirror.Far].Count(mirrortest.OpFetch), p.servers[mirror.Near].Count(mirrortest.OpAppend), p.servers[mirror.Near].Count(mirrortest.OpCopy)
}

func (p *pair) wantTravelled(fetched, appended, copied int) {
	p.t.Helper()
	f, a, c := p.travelled()
	if f != fetched || a != appended || c != copied {
		p.t.Errorf("got %d bodies fetched, %d appended, %d copied; want %d, %d, %d", f, a, c, fetched, appended, copied)
	}
}

// oncePair is a pair in step with 5 letters in INBOX, two of them flagged, and an empty
// Archive.
func oncePair(t *testing.T, far, near mirrortest.Options) *pair {
	p := newPair(t, far, near)
	p.servers[mirror.Far].CreateMailbox(box("Archive"), "")
	for i := range 5 {
		f := mirror.Flags{}
		if i < 2 {
			f = flags(`\Flagged work`)
		}
		p.deliverFar(nametrans.Inbox, letter(i), f)
	}
	p.settle()
	p.forget()
	return p
}

// forget forgets what was asked of both sides.
func (p *pair) forget() {
	for _, s := range mirror.Sides {
		p.servers[s].ClearLog()
	}
}

// TestCopiedByAPerson: what was copied into another mailbox on far is copied on near,
// from what near has, and has far's flags.
func TestCopiedByAPerson(t *testing.T) {
	t.Parallel()
	for _, k := range onceKinds {
		t.Run(k.name, func(t *testing.T) {
			p := oncePair(t, k.far, k.near)
			far := p.servers[mirror.Far]
			for _, m := range far.Messages(nametrans.Inbox) {
				far.Copy(nametrans.Inbox, m.ID, box("Archive"))
			}
			in := far.Messages(box("Archive"))
			far.SetFlags(box("Archive"), in[0].ID, flags(`\Seen`))
			far.SetFlags(box("Archive"), in[3].ID, flags(`\Answered later`))
			want := p.dump(mirror.Far)
			r := p.sync(mirror.ExitDone)
			p.wantTravelled(0, 0, 5)
			if r.Summary.Copied[mirror.Near] != 5 || r.Summary.Octets[mirror.Near] != 0 || r.Summary.Saved[mirror.Near] < 5*100 {
				t.Errorf("got %+v, want 5 copied, no octet, and those that were saved", r.Summary)
			}
			if got := p.dump(mirror.Far); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("far changed: got %v, want %v", got, want)
			}
			p.alike()
			p.settle()
			p.alike()
			p.quiet()
		})
	}
}

// TestTwiceInOnePlan: what is new in two mailboxes travels once.
func TestTwiceInOnePlan(t *testing.T) {
	t.Parallel()
	for _, k := range onceKinds {
		t.Run(k.name, func(t *testing.T) {
			p := oncePair(t, k.far, k.near)
			for i := range 3 {
				p.deliverFar(nametrans.Inbox, letter(20+i), flags(`\Flagged`))
				p.deliverFar(box("Archive"), letter(20+i), flags(`\Seen`))
				if k.far.ObjectIDs {
					p.servers[mirror.Far].Remove(box("Archive"), last(p.servers[mirror.Far].Messages(box("Archive"))).ID)
					p.servers[mirror.Far].Copy(nametrans.Inbox, last(p.servers[mirror.Far].Messages(nametrans.Inbox)).ID, box("Archive"))
				}
			}
			p.sync(mirror.ExitDone)
			p.wantTravelled(3, 3, 3)
			p.alike()
			p.settle()
			p.quiet()
		})
	}
}

func last[T any](list []T) T { return list[len(list)-1] }

// TestNotTheSame: what only looks alike travels.
func TestNotTheSame(t *testing.T) {
	t.Parallel()
	// like has the size of letter(0) and another content.
	like := func(old, new string) []byte { return []byte(strings.Replace(string(letter(0)), old, new, 1)) }
	foreign := func(tag string) []byte { return []byte("X-TUID: " + tag + "\r\n" + string(letter(0))) }
	none := mirror.Flags{}
	for _, c := range []struct {
		name      string
		far, near mirrortest.Options
		change    func(p *pair)
		copied    int
	}{
		{"another header", mirrortest.Options{}, maildirLike(), func(p *pair) {
			p.deliverFar(box("Archive"), like("ann@", "bob@"), none)
		}, 0},
		{"another body in a file", maildirLike(), mirrortest.Options{}, func(p *pair) {
			p.deliverFar(box("Archive"), like("hello", "jello"), none)
		}, 0},
		{"no Received line", mirrortest.Options{}, maildirLike(), func(p *pair) {
			for _, name := range []mirror.Name{nametrans.Inbox, box("Archive")} {
				p.deliverFar(name, like("Received", "Receiver"), none)
			}
		}, 0},
		{"no Received line in a file", maildirLike(), mirrortest.Options{}, func(p *pair) {
			for _, name := range []mirror.Name{nametrans.Inbox, box("Archive")} {
				p.deliverFar(name, like("Received", "Receiver"), none)
			}
		}, 1},
		{"a line of another mirror", mirrortest.Options{}, maildirLike(), func(p *pair) {
			p.deliverFar(nametrans.Inbox, foreign("one"), none)
			p.deliverFar(box("Archive"), foreign("two"), none)
		}, 0},
		{"another date", mirrortest.Options{}, mirrortest.Options{}, func(p *pair) {
			p.servers[mirror.Far].Deliver(box("Archive"), letter(0), none, when.AddDate(0, 0, 1))
		}, 0},
		{"another date of one object", mirrortest.Options{ObjectIDs: true}, mirrortest.Options{}, func(p *pair) {
			p.servers[mirror.Far].CopyDated(nametrans.Inbox, p.servers[mirror.Far].Messages(nametrans.Inbox)[0].ID, box("Archive"), when.AddDate(0, 0, 1))
		}, 0},
		{"another date of one object, into a Maildir", mirrortest.Options{ObjectIDs: true}, maildirLike(), func(p *pair) {
			p.servers[mirror.Far].CopyDated(nametrans.Inbox, p.servers[mirror.Far].Messages(nametrans.Inbox)[0].ID, box("Archive"), when.AddDate(0, 0, 1))
		}, 1},
		{"drafts", mirrortest.Options{}, maildirLike(), func(p *pair) {
			p.servers[mirror.Far].CreateMailbox(box("Drafts"), imap.MailboxAttrDrafts)
			p.deliverFar(box("Drafts"), letter(0), none)
		}, 0},
		{"twins in the donor's mailbox", mirrortest.Options{}, maildirLike(), func(p *pair) {
			p.deliverFar(nametrans.Inbox, letter(0), none)
			p.deliverFar(box("Archive"), letter(0), none)
		}, 0},
		{"twins in the other mailbox", mirrortest.Options{}, maildirLike(), func(p *pair) {
			p.deliverFar(box("Archive"), letter(0), none)
			p.deliverFar(box("Archive"), letter(0), none)
		}, 0},
		{"twins of files", maildirLike(), mirrortest.Options{}, func(p *pair) {
			p.deliverFar(box("Archive"), letter(0), none)
			p.deliverFar(box("Archive"), letter(0), none)
		}, 1},
		{"a server that does not tell UIDs", mirrortest.Options{}, mirrortest.Options{NoUIDPlus: true}, func(p *pair) {
			p.deliverFar(box("Archive"), letter(0), none)
		}, 0},
		{"small", mirrortest.Options{}, maildirLike(), func(p *pair) {
			for _, name := range []mirror.Name{nametrans.Inbox, box("Archive")} {
				p.deliverFar(name, []byte("Received: a\r\nMessage-ID: <small@example.org>\r\n\r\nshort\r\n"), none)
			}
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := oncePair(t, c.far, c.near)
			c.change(p)
			p.settle()
			if n := p.servers[mirror.Near].Count(mirrortest.OpCopy); n != c.copied {
				t.Errorf("got %d copied on near, want %d", n, c.copied)
			}
			p.alike()
			p.quiet()
		})
	}
}

// TestDonorRefused: what the target does not copy travels in the same run.
func TestDonorRefused(t *testing.T) {
	t.Parallel()
	gone := fmt.Errorf("%w: %w", mirror.ErrNotDone, mirror.ErrGone)
	for _, c := range []struct {
		name string
		copy func(mirror.Name, []mirror.Copying) ([]mirror.Copied, error, bool)
	}{
		{"one by one", func(_ mirror.Name, list []mirror.Copying) (results []mirror.Copied, _ error, _ bool) {
			for _, c := range list {
				results = append(results, mirror.Copied{From: c.Donor.Ref, Err: gone})
			}
			return results, nil, true
		}},
		{"all together", func(mirror.Name, []mirror.Copying) ([]mirror.Copied, error, bool) { return nil, gone, true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := oncePair(t, mirrortest.Options{}, mirrortest.Options{Gap: 2})
			p.deliverFar(box("Archive"), letter(0), flags(`\Seen`))
			p.hook(mirror.Near, &hooks{copy: c.copy})
			r := p.sync(mirror.ExitDone)
			p.wantTravelled(1, 1, 0)
			if len(r.Problems) != 0 || r.Summary.Saved[mirror.Near] != 0 || r.Summary.Copied[mirror.Near] != 1 {
				t.Errorf("got %+v and problems %v, want one copied and none saved", r.Summary, r.Problems)
			}
			p.alike()
			p.wrap = nil
			p.settle()
			p.quiet()
		})
	}
}

// TestDonorNotMade: where the copy that was to be the donor failed, the others travel.
func TestDonorNotMade(t *testing.T) {
	t.Parallel()
	p := oncePair(t, mirrortest.Options{}, mirrortest.Options{})
	far := p.servers[mirror.Far]
	p.deliverFar(nametrans.Inbox, letter(30), mirror.Flags{})
	p.deliverFar(box("Archive"), letter(30), flags(`\Seen`))
	far.Hollow(nametrans.Inbox, last(far.Messages(nametrans.Inbox)).ID, 20)
	p.hook(mirror.Far, &hooks{identify: func(_ mirror.Name, list []mirror.Identified) ([]mirror.Identified, error) {
		for i := range list { // the header is whole
			list[i].Err, list[i].Identity = nil, mirror.IdentifyHeader(letter(30))
		}
		return list, nil
	}})
	p.hook(mirror.Near, &hooks{copy: func(_ mirror.Name, list []mirror.Copying) ([]mirror.Copied, error, bool) {
		t.Errorf("asked to copy %v", list)
		return nil, nil, false
	}})
	p.try()
	if n := len(p.servers[mirror.Near].Messages(box("Archive"))); n != 1 {
		t.Errorf("got %d messages in Archive, want the one that travelled", n)
	}
	p.checkState()
}

// TestRenumberedDonors: a UID that the state knows means another message once its mailbox
// was renumbered, which shows when it is opened.
func TestRenumberedDonors(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, mirrortest.Options{})
	near := p.servers[mirror.Near]
	p.servers[mirror.Far].CreateMailbox(box("Archive"), "")
	for i := range 5 {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
	}
	p.settle()
	p.forget()
	p.deliverFar(box("Archive"), letter(4), mirror.Flags{})
	p.hook(mirror.Near, &hooks{open: func(name mirror.Name) error {
		if name == nametrans.Inbox {
			near.Remove(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID)
			near.Renumber(nametrans.Inbox, 7)
			near.Deliver(nametrans.Inbox, letter(99), mirror.Flags{}, when)
		}
		return nil
	}})
	p.sync(mirror.ExitDone)
	if n := near.Count(mirrortest.OpCopy); n != 0 {
		t.Errorf("got %d copied, want none from a mailbox that was renumbered", n)
	}
	for _, m := range near.Messages(box("Archive")) {
		if string(m.Body) != string(letter(4)) {
			t.Errorf("got %q in Archive, want letter 4", m.Body)
		}
	}
}

// TestAlteredDonors: a pair whose messages differ is no donor, whatever object ids say: what
// made it a pair says nothing of a third message. What was sent to a server that changes
// bytes is one: its copy there is what the server makes of it.
func TestAlteredDonors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		objects  bool
		alter    func([]byte) []byte
		letter   int
		copies   int
		appended int
	}{
		{"headers", false, nil, 0, 0, 1},
		{"object ids", true, nil, 0, 0, 1},
		{"object ids on a server that changes bytes", true, addLine, 0, 0, 1},
		{"sent to a server that changes bytes", false, addLine, 1, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t, mirrortest.Options{ObjectIDs: c.objects}, mirrortest.Options{Alter: c.alter})
			p.servers[mirror.Far].CreateMailbox(box("Archive"), "")
			p.deliverFar(nametrans.Inbox, letter(0), mirror.Flags{})
			p.deliverNear(nametrans.Inbox, addLine(addLine(letter(0))), mirror.Flags{})
			p.deliverFar(nametrans.Inbox, letter(1), mirror.Flags{}) // by which the server is known
			p.settle()
			p.forget()
			far := p.servers[mirror.Far]
			far.Copy(nametrans.Inbox, far.Messages(nametrans.Inbox)[c.letter].ID, box("Archive"))
			p.sync(mirror.ExitDone)
			_, appended, copied := p.travelled()
			if appended != c.appended || copied != c.copies {
				t.Errorf("got %d appended and %d copied, want %d and %d", appended, copied, c.appended, c.copies)
			}
			p.settle()
			p.quiet()
		})
	}
}

// TestDonorsInADryRun: a plan says what would be copied from where, and nothing happens.
func TestDonorsInADryRun(t *testing.T) {
	t.Parallel()
	p := oncePair(t, mirrortest.Options{}, maildirLike())
	p.deliverFar(box("Archive"), letter(1), mirror.Flags{})
	p.dry = true
	r := p.sync(mirror.ExitDone)
	i := slices.IndexFunc(r.Plan.Actions, func(a mirror.Action) bool { return a.Kind == mirror.Copy })
	if i < 0 || r.Plan.Actions[i].Donor == nil || r.Plan.Actions[i].Donor.Mailbox != nametrans.Inbox {
		t.Errorf("got %+v, want a copy with a donor in INBOX", r.Plan.Actions)
	}
	p.wantTravelled(0, 0, 0)
}

// TestFlagsThatDoNotTravel: where flags do not go to the target, what an interrupted COPY
// took along would stay. Then a donor with other flags is none.
func TestFlagsThatDoNotTravel(t *testing.T) {
	t.Parallel()
	p := oncePair(t, mirrortest.Options{}, mirrortest.Options{})
	p.policy.Flags = mirror.None
	p.settle()
	p.forget()
	p.deliverFar(box("Archive"), letter(0), flags(`\Seen`)) // the donor is flagged
	p.deliverFar(box("Archive"), letter(3), mirror.Flags{})
	p.sync(mirror.ExitDone)
	p.wantTravelled(1, 1, 1)
	p.alike()
}

// TestCopyCut: a COPY that was cut, or answered without a UID, ends in one copy with
// the flags of its source, made by COPY or sent again.
func TestCopyCut(t *testing.T) {
	t.Parallel()
	cut := func([]mirror.Copying) ([]mirror.Copied, error, bool) { return nil, mirror.ErrCut, true }
	untold := func(list []mirror.Copying) ([]mirror.Copied, error, bool) {
		return []mirror.Copied{{From: list[0].Donor.Ref}}, nil, true
	}
	gone := func(list []mirror.Copying) ([]mirror.Copied, error, bool) {
		return []mirror.Copied{{From: list[0].Donor.Ref, Err: mirror.ErrGone}}, nil, true
	}
	for _, c := range []struct {
		name     string
		answer   func([]mirror.Copying) ([]mirror.Copied, error, bool)
		made     bool
		appended int
	}{
		{"cut before", cut, false, 1}, {"cut after", cut, true, 0}, {"untold", untold, true, 0}, {"untold and not made", untold, false, 0},
		{"the donor gone before", gone, false, 1}, {"the donor gone behind", gone, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := oncePair(t, mirrortest.Options{}, mirrortest.Options{Gap: 2})
			near := p.servers[mirror.Near]
			p.deliverFar(box("Archive"), letter(0), flags(`\Seen later`)) // the donor is flagged
			calls := 0
			p.hook(mirror.Near, &hooks{copy: func(_ mirror.Name, list []mirror.Copying) ([]mirror.Copied, error, bool) {
				if calls++; c.made {
					near.Copy(nametrans.Inbox, list[0].Donor.UID, box("Archive"))
				}
				return c.answer(list)
			}})
			want := p.dump(mirror.Far)
			if _, err := p.try(); err != nil && len(p.snapshot().Intents) != 1 {
				t.Errorf("got intents %+v after the cut, want one", p.snapshot().Intents)
			}
			p.wrap = nil
			if c.name == "untold and not made" { // it was accepted, so it is not sent again
				p.checkState()
				if n := p.count(mirror.Near, box("Archive")); n > 1 || calls != 1 {
					t.Errorf("got %d copies, %d calls, want one at most", n, calls)
				}
				return
			}
			p.sync(mirror.ExitDone)
			if n := near.Count(mirrortest.OpAppend); n != c.appended || calls != 1 || near.Count(mirrortest.OpCopy) != 0 {
				t.Errorf("got %d appended after %d calls, want %d after one", n, calls, c.appended)
			}
			p.settle()
			if got := p.dump(mirror.Far); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("far changed: got %v, want %v", got, want)
			}
			p.alike()
			p.quiet()
		})
	}
}

// TestCopyCutAndMoved: somebody moved the copy of a COPY that was cut, with the flags of
// its donor. Its source is moved there, and its flags are those of the source all the same.
func TestCopyCutAndMoved(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, mirrortest.Options{Gap: 2})
	near := p.servers[mirror.Near]
	for i, name := range []mirror.Name{nametrans.Inbox, box("Archive"), box("Later")} {
		if name != nametrans.Inbox {
			p.servers[mirror.Far].CreateMailbox(name, "")
		}
		p.deliverFar(name, letter(i), flags(`\Flagged work`))
	}
	p.settle()
	p.deliverFar(box("Archive"), letter(0), flags(`\Seen later`))
	p.hook(mirror.Near, &hooks{copy: func(_ mirror.Name, list []mirror.Copying) ([]mirror.Copied, error, bool) {
		near.Move(box("Archive"), near.Copy(nametrans.Inbox, list[0].Donor.UID, box("Archive")), box("Later"))
		return nil, mirror.ErrCut, true
	}})
	p.sync(mirror.ExitTemporary)
	p.wrap = nil
	p.settle()
	p.alike()
	i := slices.IndexFunc(p.servers[mirror.Far].Messages(box("Later")), func(m mirrortest.Held) bool { return string(m.Body) == string(letter(0)) })
	if i < 0 || !p.servers[mirror.Far].Messages(box("Later"))[i].Flags.Equal(flags(`\Seen later`)) {
		t.Errorf("got %v on far, want letter 0 in Later with the flags of its source", p.dump(mirror.Far))
	}
	p.quiet()
}

// TestFilesCopyOctets: from Maildir to Maildir a copy has the octets of its source, also
// where the pair that its donor is in has other line ends.
func TestFilesCopyOctets(t *testing.T) {
	t.Parallel()
	text := strings.Replace(string(letter(0)), "Received", "Receiver", 1) // it is paired by all octets
	for name, adopted := range map[string]string{"the same": string(fileOf([]byte(text))), "other line ends": text} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, maildirLike(), maildirLike())
			far, near := p.servers[mirror.Far], p.servers[mirror.Near]
			for _, s := range mirror.Sides {
				p.servers[s].CreateMailbox(box("Archive"), "")
			}
			p.deliverFar(nametrans.Inbox, []byte(text), mirror.Flags{})
			near.Deliver(nametrans.Inbox, []byte(adopted), mirror.Flags{}, when)
			if r := p.sync(mirror.ExitDone); r.Summary.Paired != 1 {
				t.Fatalf("got %+v, want one paired", r.Summary)
			}
			far.Copy(nametrans.Inbox, far.Messages(nametrans.Inbox)[0].ID, box("Archive"))
			p.sync(mirror.ExitDone)
			held := near.Messages(box("Archive"))
			if len(held) != 1 || string(held[0].Body) != string(fileOf([]byte(text))) {
				t.Errorf("got %v, want the octets of far", held)
			}
			if n := near.Count(mirrortest.OpCopy); n == 1 != (name == "the same") {
				t.Errorf("got %d copied", n)
			}
			p.quiet()
		})
	}
}

// TestDonorSentAgain: what was interrupted is sent again, whoever may have it: what
// becomes of it is known then.
func TestDonorSentAgain(t *testing.T) {
	t.Parallel()
	p := oncePair(t, mirrortest.Options{}, mirrortest.Options{})
	p.deliverFar(box("Archive"), letter(0), mirror.Flags{})
	p.hook(mirror.Near, &hooks{copy: func(mirror.Name, []mirror.Copying) ([]mirror.Copied, error, bool) { return nil, mirror.ErrCut, true }})
	p.sync(mirror.ExitTemporary)
	p.wrap = nil
	p.sync(mirror.ExitDone)
	p.wantTravelled(1, 1, 0)
}

// TestAdoptedDonor: a file with a line of another mirror in it is paired, but it has not
// the octets of its source.
func TestAdoptedDonor(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, maildirLike())
	far := p.servers[mirror.Far]
	far.CreateMailbox(box("Archive"), "")
	p.deliverFar(nametrans.Inbox, letter(0), mirror.Flags{})
	p.deliverNear(nametrans.Inbox, []byte("X-TUID: abc\r\n"+string(letter(0))), mirror.Flags{})
	if r := p.sync(mirror.ExitDone); r.Summary.Paired != 1 {
		t.Fatalf("got %+v, want one paired", r.Summary)
	}
	p.forget()
	far.Copy(nametrans.Inbox, far.Messages(nametrans.Inbox)[0].ID, box("Archive"))
	p.sync(mirror.ExitDone)
	p.wantTravelled(1, 1, 0)
	if held := p.servers[mirror.Near].Messages(box("Archive")); len(held) != 1 || string(held[0].Body) != string(fileOf(letter(0))) {
		t.Errorf("got %v, want letter 0 as it is on far", held)
	}
}

// TestDonorKnown: a copy that is not there, as far as is known, is not asked for.
func TestDonorKnown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(p *pair)
		exit   int
		calls  int
	}{
		{"there", func(*pair) {}, mirror.ExitDone, 1},
		{"gone in this round", func(p *pair) {
			near := p.servers[mirror.Near]
			near.Remove(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID)
		}, mirror.ExitDone, 0},
		{"marked \\Deleted", func(p *pair) {
			near := p.servers[mirror.Near]
			near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID, flags(`\Deleted`))
		}, mirror.ExitDone, 0},
		{"held", func(p *pair) {
			p.servers[mirror.Near].DropNext(1)
			p.deliverFar(nametrans.Inbox, letter(40), mirror.Flags{})
			p.sync(mirror.ExitDone)
			p.try()
			p.forget()
		}, mirror.ExitDone, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := oncePair(t, mirrortest.Options{}, mirrortest.Options{})
			c.change(p)
			copied := letter(0)
			if c.name == "held" {
				copied = letter(40)
			}
			p.deliverFar(box("Archive"), copied, mirror.Flags{})
			calls := 0
			p.hook(mirror.Near, &hooks{copy: func(mirror.Name, []mirror.Copying) ([]mirror.Copied, error, bool) {
				calls++
				return nil, nil, false
			}})
			p.sync(c.exit)
			if calls != c.calls || p.count(mirror.Near, box("Archive")) != 1 {
				t.Errorf("got %d calls and %d messages in Archive, want %d and one", calls, p.count(mirror.Near, box("Archive")), c.calls)
			}
		})
	}
}
