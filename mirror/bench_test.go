package mirror

import (
	"testing"
	"time"
)

// BenchmarkMakePlan plans for a mailbox of 10,000 records in which one in a hundred
// messages has another flag, and for one of 10,000 messages that are all new.
func BenchmarkMakePlan(b *testing.B) {
	const n = 10000
	message := func(uid int) Message {
		return Message{Ref: Ref{UID: UID(uid)}, Size: int64(1000 + uid), Date: time.Unix(int64(1700000000+uid), 0)}
	}
	for _, c := range []struct {
		name string
		fill func(box *MailboxInput)
	}{
		{"records", func(box *MailboxInput) {
			for i := 1; i <= n; i++ {
				r := RecordInput{Record: Record{Mailbox: box.Name, UID: [2]UID{UID(i), UID(i)}}}
				for _, s := range Sides {
					r.Seen[s] = Sighting{Sight: Present, Message: message(i)}
				}
				if i%100 == 0 {
					r.Seen[Far].Message.Flags = MakeFlags(`\Seen`)
				}
				box.Records = append(box.Records, r)
			}
		}},
		{"new", func(box *MailboxInput) {
			for i := 1; i <= n; i++ {
				box.Unpaired[Far] = append(box.Unpaired[Far], message(i))
			}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			in := Input{Policy: NewPolicy(TwoWay, 0)}
			box := MailboxInput{Name: "box", Total: n}
			for _, s := range Sides {
				box.Sides[s] = MailboxSide{Known: true, Exists: true, Keeps: AllFlags()}
				in.Sides[s] = SideInput{Traits: Traits{Numbers: true, UIDPlus: true}, Known: 1, Listed: 1, Records: n, Shown: n}
			}
			c.fill(&box)
			in.Mailboxes = []MailboxInput{box}
			b.ReportAllocs()
			for b.Loop() {
				if plan, needs := MakePlan(in); len(needs) > 0 || len(plan.Actions) == 0 {
					b.Fatalf("got %d actions and %d needs, want actions and no needs", len(plan.Actions), len(needs))
				}
			}
		})
	}
}
