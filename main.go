// Mailtwin keeps two mail repositories alike: IMAP and Maildir, IMAP and IMAP,
// Maildir and Maildir.
package main

import (
	"os"
	"runtime/debug"

	"mailtwin/internal/cli"
)

func main() {
	// A run waits for others most of the time: memory is dearer to its user than
	// the collector's work.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(40)
	}
	os.Exit(cli.Main(os.Args))
}
