package mirror_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain gives random tests a seed of their own, so that a red run means a
// change and not a roll of the dice. Look further with -rapid.seed=N and
// -rapid.checks=N.
func TestMain(m *testing.M) {
	flag.Parse()
	if seed := flag.Lookup("rapid.seed"); seed != nil && seed.Value.String() == "0" {
		seed.Value.Set("1")
	}
	os.Exit(m.Run())
}
