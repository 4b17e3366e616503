package imapside_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// password answers with one password for ever.
func password(secret string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return secret, nil }
}
