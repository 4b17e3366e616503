package maildir

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"mailtwin/internal/proof"
)

// TestPowerLossInRecovery kills the process or cuts the power at every call
// that changes the disk, and cuts the power again at some call of the run that
// recovers. What a killed process left unsynced is still unsynced then.
func TestPowerLossInRecovery(t *testing.T) {
	t.Parallel()
	u := &suite{layer: "power loss"}
	u.each(t, func(t *testing.T, s scene, kind pairKind) {
		want := s.undisturbed(t, kind)
		p := s.prepare(t, kind)
		snapshots := p.recorded()
		for i := 0; i < len(snapshots); i += recrashApart() {
			at := snapshots[i]
			for _, first := range []string{"killed", "power cut"} {
				left := at.ledger.killed()
				if first == "power cut" {
					left = at.ledger.afterPowerLoss(uint64(i))
				}
				p.again(u, at, left, want, fmt.Sprintf("%s at %d of %d: %s, done: %v", first, i, len(snapshots), at.op, at.done))
			}
			if t.Failed() {
				return
			}
		}
	})
}

// recrashApart thins the cases out: CI tries every third. It is odd, since every
// second snapshot is of the moment before a call.
func recrashApart() int { return 3 * proof.Stride() }

// again resumes and cuts the power at a call of that run.
func (p *twinPair) again(u *suite, at snapshot, left *ledger, want outcome, words string) {
	p.Helper()
	second := p.resume(at, left)
	defer second.close()
	snapshots := second.recordedOver(left)
	if len(snapshots) == 0 {
		return // nothing was left to do
	}
	rng := rand.New(rand.NewPCG(uint64(len(snapshots)), 3))
	for _, seed := range []uint64{0, 2 + rng.Uint64N(1000)} {
		// The last moment shows what a run took for durable that was not.
		i := len(snapshots) - 1
		if seed > 0 {
			i = rng.IntN(len(snapshots))
		}
		cut := snapshots[i]
		third := second.resume(cut, cut.ledger.afterPowerLoss(seed))
		u.recover(third, want, fmt.Sprintf("%s; power cut at %d of %d, seed %d: %s, done: %v", words, i, len(snapshots), seed, cut.op, cut.done))
		third.close()
	}
}
