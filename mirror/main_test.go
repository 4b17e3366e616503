package mirror_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"mailtwin/internal/proof"
)

// TestMain gives random tests a seed of their own, so that a red run means a
// change and not a roll of the dice, and the number of cases that -proof.times
// asks for. Look further with -rapid.seed=N and -rapid.checks=N.
func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	kinds := len(historyKinds())
	perKind := (historiesInCI + kinds - 1) / kinds // rounded up: at least historiesInCI in all
	for name, value := range map[string]string{
		"rapid.seed": "1", "rapid.checks": fmt.Sprint(proof.Times(perKind, 10)),
	} {
		if !given[name] {
			flag.Set(name, value)
		}
	}
	os.Exit(m.Run())
}
