package imapside_test

import (
	"context"
	"runtime/debug"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // thousands of short sessions, each with its buffers
	goleak.VerifyTestMain(m)
}

// password answers with one password for ever.
func password(secret string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return secret, nil }
}
