package main

import (
	"fmt"
	"os"
)

// offlineIMAP takes minutes where the others take seconds. Like mbsync it wants
// a name in a certificate.
func offlineIMAP() tool {
	return tool{
		name: "offlineimap", binary: "/usr/bin/offlineimap", version: []string{"--version"}, once: true,
		does: []kind{download, upload, noop, incremental, moves},
		note: "one run (`-o`), `ui = quiet`, everything else as by default; measured once",
		configure: func(s *site) error {
			if err := os.MkdirAll(s.mail(), 0o700); err != nil {
				return err
			}
			return s.write(fmt.Sprintf(`[general]
accounts = bench
metadata = %s

[Account bench]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = %s
sep = /

[Repository far]
type = IMAP
remotehost = localhost
remoteport = %d
remoteuser = %s
remotepass = %s
auth_mechanisms = PLAIN
starttls = no
%s
`, s.state(), s.mail(), s.Port, s.User, s.Password, s.choose("ssl = yes\nsslcacertfile = "+s.CertFile, "ssl = no")))
		},
		arguments: func(s *site) []string { return []string{"-o", "-u", "quiet", "-c", s.config()} },
	}
}
