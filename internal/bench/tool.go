package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A tool keeps an account and a Maildir alike.
type tool struct {
	name string
	// note says on a line of the report how it is run.
	note string
	// binary is the program, empty where it is built here.
	binary string
	// version is the command that prints it.
	version []string
	// does are the kinds of job it can do; nil is all of them.
	does []kind
	// once says that it is too slow to be measured more than once.
	once bool
	// plain says that it keeps no flags, and no state between runs.
	plain bool
	// configure writes what it reads, in s.dir.
	configure func(s *site) error
	// arguments are those of one run. No secret is among them.
	arguments func(s *site) []string
}

// A site is where a tool works: one account, one Maildir.
type site struct {
	dir string // configuration, state and mail
	endpoint
	kind kind
}

func (s *site) mail() string            { return filepath.Join(s.dir, "Mail") }
func (s *site) state() string           { return filepath.Join(s.dir, "state") }
func (s *site) config() string          { return filepath.Join(s.dir, "config") }
func (s *site) write(text string) error { return os.WriteFile(s.config(), []byte(text), 0o600) }
func (s *site) choose(tls, no string) string {
	if s.TLS {
		return tls
	}
	return no
}

// command is one run of the tool.
func (t tool) command(l *lab, s *site) *exec.Cmd {
	path := t.path(l)
	cmd := exec.Command(path, t.arguments(s)...)
	cmd.Dir = s.dir
	cmd.Env = []string{"HOME=" + s.dir, "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "MAILTWIN_STATE=" + s.state()}
	return cmd
}

func (t tool) path(l *lab) string {
	switch t.name {
	case "mailtwin":
		return l.program
	case "bare":
		return l.self
	}
	return t.binary
}

// missing says that a tool is not installed, nil when it is.
func (t tool) missing() error {
	if t.binary == "" {
		return nil
	}
	if _, err := os.Stat(t.binary); err != nil {
		return fmt.Errorf("%s is not installed (%s)", t.name, t.binary)
	}
	return nil
}

// describe is the tool's name and version.
func (t tool) describe(ctx context.Context, l *lab) (string, error) {
	if t.version == nil {
		return t.name, nil
	}
	out, err := exec.CommandContext(ctx, t.path(l), t.version...).Output()
	if err != nil {
		return "", fmt.Errorf("%s: version: %w", t.name, err)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if !strings.Contains(strings.ToLower(line), t.name) {
		line = t.name + " " + line
	}
	return line, nil
}

// tools are all that can be compared, ours first. imapsync copies between
// servers only, and no job here is one.
func tools() []tool { return []tool{mailtwin(), mbsync(), bare(), offlineIMAP()} }

func mailtwin() tool {
	return tool{
		name: "mailtwin", version: []string{"version"},
		note: "`sync`, two-way, nested layout, default settings",
		configure: func(s *site) error {
			return s.write(fmt.Sprintf(`[repository.far]
type = "imap"
host = "127.0.0.1"
port = %d
%s
user = %q
password = %q

[repository.near]
type = "maildir"
path = %q

[pair.bench]
far = "far"
near = "near"
`, s.Port, s.choose(`tls = "implicit"`+"\n"+`tls_fingerprint = "sha256:`+s.Fingerprint+`"`, `tls = "none"`), s.User, s.Password, s.mail()))
		},
		arguments: func(s *site) []string { return []string{"--config", s.config(), "sync"} },
	}
}

// mbsync checks the name in a certificate, and takes no address for one.
func mbsync() tool {
	return tool{
		name: "mbsync", binary: "/usr/bin/mbsync", version: []string{"--version"},
		note: "`Sync All`, `Expunge Both`, `Create Both`, `SubFolders Verbatim`, the state beside the mail, everything else as by default",
		configure: func(s *site) error {
			for _, dir := range []string{s.mail(), s.state()} {
				if err := os.MkdirAll(dir, 0o700); err != nil {
					return err
				}
			}
			return s.write(fmt.Sprintf(`IMAPAccount bench
Host localhost
Port %d
User %s
Pass %q
AuthMechs LOGIN
%s

IMAPStore far
Account bench

MaildirStore near
Path %q
Inbox %q
SubFolders Verbatim

Channel bench
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
Sync All
SyncState %q
`, s.Port, s.User, s.Password, s.choose("SSLType IMAPS\nCertificateFile "+s.CertFile, "SSLType None"),
				s.mail()+"/", filepath.Join(s.mail(), "INBOX"), s.state()+"/"))
		},
		arguments: func(s *site) []string { return []string{"-c", s.config(), "-q", "bench"} },
	}
}

// can reports whether the tool does a kind of job.
func (t tool) can(k kind) bool { return t.does == nil || slices.Contains(t.does, k) }
