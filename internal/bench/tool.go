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

// A tool keeps an account and a Maildir alike, or two accounts.
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

// A site is where a tool works: one account, and one Maildir or another account.
type site struct {
	dir string // configuration, state and mail
	endpoint
	other endpoint // where the kind wants two servers
	kind  kind
}

func (s *site) mail() string            { return filepath.Join(s.dir, "Mail") }
func (s *site) state() string           { return filepath.Join(s.dir, "state") }
func (s *site) config() string          { return filepath.Join(s.dir, "config") }
func (s *site) write(text string) error { return os.WriteFile(s.config(), []byte(text), 0o600) }

// choose is one of two texts, as the connection is with TLS or not.
func (e endpoint) choose(tls, no string) string {
	if e.TLS {
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

// tools are all that can be compared, ours first.
func tools() []tool { return []tool{mailtwin(), mbsync(), bare(), offlineIMAP()} }

func mailtwin() tool {
	return tool{
		name: "mailtwin", version: []string{"version"},
		note: "`sync`, two-way, nested layout, default settings",
		configure: func(s *site) error {
			near := fmt.Sprintf("[repository.near]\ntype = \"maildir\"\npath = %q\n", s.mail())
			if s.kind.twoServers() {
				near = s.other.mailtwin("near")
			}
			return s.write(s.mailtwin("far") + near + "[pair.bench]\nfar = \"far\"\nnear = \"near\"\n")
		},
		arguments: func(s *site) []string { return []string{"--config", s.config(), "sync"} },
	}
}

// mailtwin is the account as a repository.
func (e endpoint) mailtwin(name string) string {
	return fmt.Sprintf(`[repository.%s]
type = "imap"
host = "127.0.0.1"
port = %d
%s
user = %q
password = %q

`, name, e.Port, e.choose(`tls = "implicit"`+"\n"+`tls_fingerprint = "sha256:`+e.Fingerprint+`"`, `tls = "none"`), e.User, e.Password)
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
			near := fmt.Sprintf("MaildirStore near\nPath %q\nInbox %q\nSubFolders Verbatim\n", s.mail()+"/", filepath.Join(s.mail(), "INBOX"))
			if s.kind.twoServers() {
				near = s.other.mbsync("near")
			}
			return s.write(s.mbsync("far") + near + fmt.Sprintf(`
Channel bench
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
Sync All
SyncState %q
`, s.state()+"/"))
		},
		arguments: func(s *site) []string { return []string{"-c", s.config(), "-q", "bench"} },
	}
}

// mbsync is the account as a store.
func (e endpoint) mbsync(name string) string {
	return fmt.Sprintf(`IMAPAccount %[1]s
Host localhost
Port %[2]d
User %[3]s
Pass %[4]q
AuthMechs LOGIN
%[5]s

IMAPStore %[1]s
Account %[1]s

`, name, e.Port, e.User, e.Password, e.choose("SSLType IMAPS\nCertificateFile "+e.CertFile, "SSLType None"))
}

// can reports whether the tool does a kind of job.
func (t tool) can(k kind) bool { return t.does == nil || slices.Contains(t.does, k) }
