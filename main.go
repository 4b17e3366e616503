// Mailtwin keeps two mail repositories alike: IMAP and Maildir, IMAP and IMAP,
// Maildir and Maildir.
package main

import (
	"os"

	"mailtwin/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args))
}
