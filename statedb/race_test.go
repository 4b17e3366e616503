//go:build race

package statedb

import "flag"

// SQLite is about thirty times as slow here. The command line goes before.
func init() {
	if err := flag.Set("rapid.checks", "8"); err != nil {
		panic(err)
	}
}
