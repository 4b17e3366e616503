// Package servers starts real IMAP servers for tests and benchmarks. They
// listen on the loopback address only, keep everything in a directory of their
// own, and are ended by their process id.
package servers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Options of a Dovecot. The zero value is a Maildir server with "/" as
// hierarchy delimiter and every capability.
type Options struct {
	// Separator is the hierarchy delimiter; "" is "/".
	Separator string
	// Prefix is the personal namespace, for example "INBOX.".
	Prefix string
	// Capability, where not empty, is advertised after sign-in instead of
	// everything the server can do.
	Capability string
	// Extra is put at the end of the configuration.
	Extra string
}

// Dovecot is a running server. Any user may sign in with Password.
type Dovecot struct {
	Host    string
	Port    int // in clear
	TLSPort int
	// CertFile is the self-signed certificate, Fingerprint its SHA-256 in hex.
	CertFile    string
	Fingerprint string
	Password    string

	dir string
	cmd *exec.Cmd
	end chan struct{} // closed when the process has ended
}

// ErrMissing says that Dovecot is not installed.
var ErrMissing = errors.New("Dovecot is not installed; on Debian: apt-get install dovecot-imapd")

// binaries are where Debian, and others, put it.
var binaries = []string{"/usr/sbin/dovecot", "/usr/local/sbin/dovecot", "/opt/homebrew/sbin/dovecot"}

func findBinary() (string, error) {
	for _, path := range binaries {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", ErrMissing
}

// StartDovecot starts a private server and waits until it answers. Stop must
// be called; ErrMissing where it is not installed.
func StartDovecot(ctx context.Context, opts Options) (*Dovecot, error) {
	binary, err := findBinary()
	if err != nil {
		return nil, err
	}
	var last error
	for range 10 { // a free port may be taken by somebody else before we use it
		d, err := start(ctx, binary, opts)
		if err == nil {
			return d, nil
		}
		last = err
	}
	return nil, fmt.Errorf("start Dovecot: %w", last)
}

func start(ctx context.Context, binary string, opts Options) (*Dovecot, error) {
	// A short path of our own: Dovecot's sockets must fit into 108 octets.
	dir, err := os.MkdirTemp("", "mtdc")
	if err != nil {
		return nil, err
	}
	d := &Dovecot{Host: "127.0.0.1", Password: "pass", dir: dir, end: make(chan struct{})}
	if err := d.prepare(opts); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	d.cmd = exec.Command(binary, "-F", "-c", filepath.Join(dir, "dovecot.conf"))
	d.cmd.SysProcAttr = diesWithParent()
	if err := d.cmd.Start(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	go func() {
		_ = d.cmd.Wait() // how it ended is in its log
		close(d.end)
	}()
	if err := d.waitReady(ctx); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "dovecot.log"))
		d.Stop()
		return nil, fmt.Errorf("%w; its log: %s", err, strings.TrimSpace(string(log)))
	}
	return d, nil
}

// prepare makes directories, certificate and configuration.
func (d *Dovecot) prepare(opts Options) (err error) {
	for _, sub := range []string{"run", "state", "mail", "home"} {
		if err := os.Mkdir(filepath.Join(d.dir, sub), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(d.dir, 0o755); err != nil {
		return err
	}
	if d.Port, d.TLSPort, err = freePorts(); err != nil {
		return err
	}
	d.CertFile = filepath.Join(d.dir, "cert.pem")
	if d.Fingerprint, err = writeCertificate(d.CertFile, filepath.Join(d.dir, "key.pem")); err != nil {
		return err
	}
	who, err := d.runAs()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.dir, "dovecot.conf"), []byte(d.config(opts, who)), 0o644)
}

// identity is whom the server's parts run as.
type identity struct{ mail, mailGroup, internal, internalGroup, login string }

// runAs chooses Debian's accounts for root, and the caller's own otherwise.
func (d *Dovecot) runAs() (identity, error) {
	if os.Geteuid() != 0 {
		me, err := user.Current()
		if err != nil {
			return identity{}, err
		}
		group, err := user.LookupGroupId(me.Gid)
		if err != nil {
			return identity{}, err
		}
		return identity{me.Username, group.Name, me.Username, group.Name, me.Username}, nil
	}
	uid, gid, err := mailAccount()
	if err != nil {
		return identity{}, err
	}
	for _, sub := range []string{"mail", "home"} {
		if err := os.Chown(filepath.Join(d.dir, sub), uid, gid); err != nil {
			return identity{}, err
		}
	}
	return identity{"mail", "mail", "dovecot", "dovecot", "dovenull"}, nil
}

// mailAccount is Debian's account for mail.
func mailAccount() (uid, gid int, err error) {
	mail, err := user.Lookup("mail")
	if err != nil {
		return 0, 0, err
	}
	if uid, err = strconv.Atoi(mail.Uid); err != nil {
		return 0, 0, err
	}
	gid, err = strconv.Atoi(mail.Gid)
	return uid, gid, err
}

// freePorts asks the system for two ports that nobody uses.
func freePorts() (a, b int, err error) {
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, err
	}
	defer first.Close()
	second, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, err
	}
	defer second.Close()
	return first.Addr().(*net.TCPAddr).Port, second.Addr().(*net.TCPAddr).Port, nil
}

// waitReady returns once the server greets. Another's greeting on our port is
// an error: that server may end at any time, and ours never gets the port.
func (d *Dovecot) waitReady(ctx context.Context) error {
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		if line, err := d.greeting(); err == nil {
			if strings.Contains(line, d.greets()) {
				return nil
			}
			return fmt.Errorf("somebody else has its port: %q", line)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.end:
			return errors.New("it ended at once")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return errors.New("it does not answer")
}

// greets is what this server, and no other, says first.
func (d *Dovecot) greets() string { return filepath.Base(d.dir) + " ready." }

func (d *Dovecot) greeting() (string, error) {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(d.Host, strconv.Itoa(d.Port)), time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(3 * time.Second))
	return bufio.NewReader(conn).ReadString('\n')
}

// MailDir is where the mail of a user lies: a Maildir++ tree.
func (d *Dovecot) MailDir(username string) string { return filepath.Join(d.dir, "mail", username) }

// MakeDir makes a directory that the server may write to; one that is there is
// left as it is.
func (d *Dovecot) MakeDir(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	return d.own(path)
}

// WriteMail puts a message into a Maildir of the server's, as a delivery agent
// does: it is a file of the server's own before it has its name.
func (d *Dovecot) WriteMail(path string, body []byte, date time.Time) error {
	under := filepath.Join(filepath.Dir(path), "..", "tmp", filepath.Base(path))
	if err := os.WriteFile(under, body, 0o600); err != nil {
		return err
	}
	if err := d.own(under); err != nil {
		return err
	}
	if err := os.Chtimes(under, date, date); err != nil {
		return err
	}
	return os.Rename(under, path)
}

// SetUIDValidity gives a mailbox of a user another UIDVALIDITY, as an administrator does.
// Sessions that have it selected are told that they are over.
func (d *Dovecot) SetUIDValidity(username, mailbox string, validity uint32) error {
	cmd := exec.Command("doveadm", "-c", filepath.Join(d.dir, "dovecot.conf"), "mailbox", "update", "-u", username,
		"--uid-validity", fmt.Sprint(validity), mailbox)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("doveadm: %w: %s", err, out)
	}
	return nil
}

// own gives a file to the account that the server reads mail with.
func (d *Dovecot) own(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := mailAccount()
	if err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}

// Version is the server's version as its program prints it.
func (d *Dovecot) Version(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, d.cmd.Path, "--version").Output()
	return strings.TrimSpace(string(out)), err
}

// Log returns what the server wrote so far.
func (d *Dovecot) Log() string {
	log, _ := os.ReadFile(filepath.Join(d.dir, "dovecot.log"))
	return string(log)
}

// Stop ends the server and removes everything it kept.
func (d *Dovecot) Stop() {
	d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.end:
	case <-time.After(10 * time.Second):
		d.cmd.Process.Kill()
		<-d.end
	}
	os.RemoveAll(d.dir)
}

// config is what Debian 12's Dovecot 2.3 wants.
func (d *Dovecot) config(opts Options, who identity) string {
	separator := opts.Separator
	if separator == "" {
		separator = "/"
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("base_dir = %s/run\nstate_dir = %s/state\nlog_path = %s/dovecot.log", d.dir, d.dir, d.dir)
	line("login_greeting = %s", d.greets())
	line("instance_name = mailtwin-test-%d\nprotocols = imap\nlisten = 127.0.0.1", d.Port)
	line("default_internal_user = %s\ndefault_internal_group = %s\ndefault_login_user = %s", who.internal, who.internalGroup, who.login)
	line("mail_uid = %s\nmail_gid = %s\nfirst_valid_uid = 1\nfirst_valid_gid = 1", who.mail, who.mailGroup)
	line("mail_location = maildir:%s/mail/%%u", d.dir)
	line("disable_plaintext_auth = no\nauth_mechanisms = plain login\nauth_failure_delay = 0")
	line("ssl = yes\nssl_cert = <%s\nssl_key = <%s", d.CertFile, filepath.Join(d.dir, "key.pem"))
	line("mail_max_userip_connections = 500\ndefault_process_limit = 500\ndefault_client_limit = 20000")
	line("passdb {\n  driver = static\n  args = password=%s\n}", d.Password)
	line("userdb {\n  driver = static\n  args = uid=%s gid=%s home=%s/home/%%u\n}", who.mail, who.mailGroup, d.dir)
	line("namespace inbox {\n  inbox = yes\n  separator = %s\n  prefix = %s", separator, opts.Prefix)
	line("  mailbox Trash {\n    special_use = \\Trash\n  }\n  mailbox Drafts {\n    special_use = \\Drafts\n  }\n}")
	if opts.Capability != "" {
		line("protocol imap {\n  imap_capability = %s\n}", opts.Capability)
	}
	// A process a connection: one that serves several panics now and then when
	// a client is killed (2.3.19, "epoll_ctl(del) failed"), and takes the other
	// connections with it.
	line("service imap-login {\n  chroot =\n  service_count = 1\n  process_min_avail = 1\n  process_limit = 500")
	line("  inet_listener imap {\n    address = 127.0.0.1\n    port = %d\n  }", d.Port)
	line("  inet_listener imaps {\n    address = 127.0.0.1\n    port = %d\n    ssl = yes\n  }\n}", d.TLSPort)
	line("default_vsz_limit = 4G") // an index of a million messages takes more than its default
	line("service imap {\n  process_limit = 500\n}\nservice anvil {\n  chroot =\n}")
	if os.Geteuid() != 0 {
		line("service stats {\n  chroot =\n}\nservice auth {\n  user = %s\n}\nservice auth-worker {\n  user = %s\n}", who.mail, who.mail)
	}
	b.WriteString(opts.Extra)
	return b.String()
}
