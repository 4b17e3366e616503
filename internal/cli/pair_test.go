package cli

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailtwin/internal/config"
	"mailtwin/mirror"
)

func TestAskOnce(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	ask := askOnce(&config.IMAP{PasswordCommand: []string{"sh", "-c", `echo x >>"$0"; echo s3cret`, log}})
	for range 2 {
		if got, err := ask(context.Background()); err != nil || got != "s3cret" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if calls, err := os.ReadFile(log); err != nil || string(calls) != "x\n" {
		t.Errorf("got calls %q, %v, want one", calls, err)
	}
}

func TestPolicyOf(t *testing.T) {
	t.Parallel()
	both := config.Pair{Mode: config.ModeTwoWay, Settle: time.Minute, Extra: config.ExtraKeep, Deletions: config.DeletionsTrash,
		New: config.TravelBoth, Flags: config.TravelBoth, Gone: config.TravelBoth, Create: config.TravelBoth}
	if got, want := policyOf(both), mirror.NewPolicy(mirror.TwoWay, mirror.Near); got != want {
		t.Errorf("two-way: got %+v, want %+v", got, want)
	}
	far := config.Pair{Mode: config.ModeMirror, Direction: config.NearToFar, Settle: time.Minute, Extra: config.ExtraRemove, Deletions: config.DeletionsExpunge,
		New: config.TravelToFar, Flags: config.TravelToFar, Gone: config.TravelToFar, Create: config.TravelNone}
	want := mirror.NewPolicy(mirror.OneWayMirror, mirror.Far)
	want.Create, want.RemoveExtra, want.Deletions = mirror.None, true, mirror.DeleteForGood
	if got := policyOf(far); got != want {
		t.Errorf("mirror: got %+v, want %+v", got, want)
	}
	near := config.Pair{Mode: config.ModeCopy, Direction: config.FarToNear, Settle: time.Minute, Extra: config.ExtraKeep, Deletions: config.DeletionsKeep,
		New: config.TravelToNear, Flags: config.TravelNone, Gone: config.TravelNone, Create: config.TravelToNear}
	want = mirror.NewPolicy(mirror.OneWayCopy, mirror.Near)
	want.Deletions = mirror.DeleteNothing
	if got := policyOf(near); got != want {
		t.Errorf("copy: got %+v, want %+v", got, want)
	}
}
