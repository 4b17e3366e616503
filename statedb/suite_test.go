package statedb

import (
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
)

func TestStateSuite(t *testing.T) {
	t.Parallel()
	mirrortest.StateSuite(t, func(t *testing.T) (mirror.State, func() mirror.State) {
		dir := t.TempDir()
		d := open(t, dir, Options{})
		return d, func() mirror.State {
			closeDB(t, d)
			d = open(t, dir, Options{})
			return d
		}
	})
}
