// Package config turns the configuration file into checked settings: TOML in,
// plain Go values out. What it returns needs no further check; what is wrong
// is reported all at once, each problem with its line and what to do.
//
// Secrets are held as Secret and never appear in an error, whatever the file
// looks like.
package config

import (
	"time"

	"mailtwin/nametrans"
)

// A Config is a configuration file, read and checked.
type Config struct {
	File         string       // its path, as given to Load
	Repositories []Repository // in the order of the file
	Pairs        []Pair       // in the order of the file
}

// A Repository is one end: exactly one of IMAP and Maildir is set.
type Repository struct {
	Name    string // letters, digits, ".", "_", "-"; unique in the file, whatever the case
	IMAP    *IMAP
	Maildir *Maildir
}

// IMAP is an IMAP account.
type IMAP struct {
	Host string // a name or an IP address, without brackets and port
	Port int    // 1 to 65535; by default 993 with TLSImplicit, else 143
	TLS  TLS    // TLSNone on loopback hosts only
	User string

	// TLSCA is the absolute path of a PEM file with the certificates to trust;
	// empty for those of the system.
	TLSCA string

	// TLSFingerprint is the SHA-256 of the only certificate to trust (32
	// octets); nil when any that the authorities vouch for will do.
	TLSFingerprint []byte

	// Exactly one of these two is set. See Secret.
	Password        Secret
	PasswordCommand []string // a program and its arguments; no shell
}

// TLS is how a connection is protected.
type TLS string

// The kinds of TLS; TLSImplicit is the default.
const (
	TLSImplicit TLS = "implicit"
	TLSStartTLS TLS = "starttls"
	TLSNone     TLS = "none"
)

// Maildir is a Maildir tree.
type Maildir struct {
	Path   string // absolute and clean; it need not exist
	Layout Layout
	Names  Names

	// NamesGiven says that the file sets names, so that Names is a choice and
	// not the default of the layout.
	NamesGiven bool
}

// Layout is how mailboxes become directories.
type Layout string

// The layouts; LayoutNested is the default.
const (
	LayoutNested    Layout = "nested"
	LayoutMaildirPP Layout = "maildir++"
)

// Names is the encoding of mailbox names in directory names.
type Names string

// The encodings: NamesUTF8 is the default of LayoutNested, NamesUTF7 (modified
// UTF-7) of LayoutMaildirPP.
const (
	NamesUTF8 Names = "utf-8"
	NamesUTF7 Names = "utf-7"
)

// A Pair is two different repositories kept alike under one policy.
type Pair struct {
	Name      string // as for Repository
	Far, Near Repository
	Mode      Mode
	Direction Direction // empty with ModeTwoWay, set otherwise

	Patterns   []string // as in the file; by default "*"
	Mailboxes  nametrans.Matcher
	Subscribed bool // of these, only those that a side has subscribed

	// Rules translate names of the far side into those of the near side.
	Rules nametrans.Rules

	// Window bounds what is copied. With Prune, copies that left it by time or place are
	// taken off the near side.
	Window Window
	Prune  bool
	// Search bounds what is copied from far, an IMAP repository then.
	Search Search

	Deletions Deletions
	Settle    time.Duration // 0 to 1 h; by default 60 s
	Extra     Extra         // ExtraKeep unless Mode is ModeMirror

	// Where a change of each kind may travel, defaults filled in. Outside
	// ModeTwoWay a change travels in Direction or not at all.
	New, Flags, Gone, Create, Remove Travel
}

// A Window is which messages are copied, by their INTERNALDATE, their size and their
// place in the mailbox. The zero Window is all of them.
type Window struct {
	MaxAge        time.Duration // whole hours; 0 is any
	Since, Before time.Time     // midnight UTC; zero is any
	MaxSize       int64         // octets; 0 is any
	Last          int           // the newest of each mailbox; 0 is all
}

// Mode is how the sides relate.
type Mode string

// The modes; ModeTwoWay is the default.
const (
	ModeTwoWay Mode = "two-way"
	ModeMirror Mode = "mirror"
	ModeCopy   Mode = "copy"
)

// Direction is from which side a one-way pair goes to which.
type Direction string

// The directions.
const (
	FarToNear Direction = "far-to-near"
	NearToFar Direction = "near-to-far"
)

// Deletions is what becomes of a message that is removed.
type Deletions string

// The ways to remove; DeletionsTrash is the default.
const (
	DeletionsTrash   Deletions = "trash"
	DeletionsExpunge Deletions = "expunge"
	DeletionsKeep    Deletions = "keep"
)

// Extra is what becomes of mail that only the target of a mirror has.
type Extra string

// The choices for extra mail; ExtraKeep is the default.
const (
	ExtraKeep   Extra = "keep"
	ExtraRemove Extra = "remove"
)

// Travel is where changes of one kind may travel.
type Travel string

// The ways to travel.
const (
	TravelBoth   Travel = "both"
	TravelToNear Travel = "to-near"
	TravelToFar  Travel = "to-far"
	TravelNone   Travel = "none"
)

// Select returns the pairs with the given names, in that order and each once;
// all pairs for no names. The error is a Problems that lists the pairs there
// are.
func (c *Config) Select(names []string) ([]Pair, error) {
	var all []string
	byName := make(map[string]Pair)
	for _, p := range c.Pairs {
		all = append(all, p.Name)
		byName[p.Name] = p
	}
	if len(c.Pairs) == 0 {
		return nil, Problems{{File: c.File, What: "there is no pair", Hint: "add a table [pair.NAME] with far and near"}}
	}
	if len(names) == 0 {
		return c.Pairs, nil
	}
	var selected []Pair
	var problems Problems
	done := make(map[string]bool)
	for _, name := range names {
		if done[name] {
			continue
		}
		done[name] = true
		p, ok := byName[name]
		if !ok {
			problems = append(problems, missing(c.File, "pair", name, all))
		}
		selected = append(selected, p)
	}
	if problems != nil {
		return nil, problems
	}
	return selected, nil
}

// Repository returns the repository called name. The error is a Problems that
// lists the repositories there are.
func (c *Config) Repository(name string) (Repository, error) {
	var all []string
	for _, r := range c.Repositories {
		if r.Name == name {
			return r, nil
		}
		all = append(all, r.Name)
	}
	return Repository{}, Problems{missing(c.File, "repository", name, all)}
}
