package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxFile is the largest configuration file read, in octets.
const maxFile = 1 << 20

// Load reads and checks the configuration file at path. The error is a
// Problems with everything that is wrong with the file; it wraps
// fs.ErrNotExist when there is none. Nothing is run and nothing is changed.
func Load(path string) (*Config, error) {
	data, mode, err := read(path)
	if err != nil {
		problem := Problem{File: path, What: reason(err), Err: err}
		if errors.Is(err, fs.ErrNotExist) {
			problem.Hint = "write it, or name another with --config FILE"
		}
		return nil, Problems{problem}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	return parse(&document{file: path, home: home, public: mode.Perm()&0o044 != 0}, data)
}

// read returns the file and its mode; both are of the file that was opened,
// even if another takes its name meanwhile.
func read(path string) (string, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = errors.New("the file is larger than 1 MiB")
	}
	return string(data), info.Mode(), err
}

// reason returns what went wrong without the path, which stands before it.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

// parse fills d's problems, or returns the Config.
func parse(d *document, data string) (*Config, error) {
	top := make(map[string]toml.Primitive)
	meta, err := toml.Decode(data, &top)
	if err != nil {
		d.malformed(err)
		return nil, d.problems
	}
	d.meta = meta
	root := &table{doc: d, values: top}
	repositories := readRepositories(d, d.sections(root, "repository"))
	pairs := readPairs(d, d.sections(root, "pair"), repositories)
	for key, p := range top {
		if key == "repository" || key == "pair" {
			continue
		}
		hint := "the tables are [repository.NAME] and [pair.NAME]"
		if near := nearest(key, root.keys); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		d.report(d.line(p), hint, "unknown key %q", key)
	}
	if d.problems != nil {
		d.problems.sort()
		return nil, d.problems
	}
	return &Config{File: d.file, Repositories: repositories, Pairs: pairs}, nil
}

// malformed reports a file that is not TOML.
func (d *document) malformed(err error) {
	var at toml.ParseError
	if !errors.As(err, &at) {
		d.report(0, "", "this is not TOML")
		return
	}
	d.report(at.Position.Line, `text stands in quotes, a " or \ within it with a \ before it`, "this is not TOML: %s", withoutValues(at.Message))
}

// quotedWord is a quoted fragment that may come from a value.
var quotedWord = regexp.MustCompile(`"[^"]*\w[^"]*"|'[^']*\w[^']*'`)

// withoutValues returns a message of the TOML parser without what it quotes
// from the file, which may be part of a password, but for keys.
func withoutValues(message string) string {
	if strings.HasPrefix(message, "Key '") {
		return "k" + message[1:]
	}
	if _, after, found := strings.Cut(message, " is out of "); found {
		message = "a number is out of " + after
	}
	for _, quote := range []string{", but got ", " but got ", " but found "} {
		message, _, _ = strings.Cut(message, quote)
	}
	return quotedWord.ReplaceAllString(message, "…")
}

// sectionName is what repositories and pairs may be called: their names become
// file names of the state.
var sectionName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$`)

// sections returns the tables below the table called kind, in the order of the
// file.
func (d *document) sections(root *table, kind string) []*table {
	root.keys = append(root.keys, kind)
	p, ok := root.values[kind]
	if !ok {
		return nil
	}
	hint := fmt.Sprintf("write [%s.NAME] with a name of your choice", kind)
	named := d.table(p)
	if named == nil {
		d.report(d.line(p), hint, "%s is not a table of tables", kind)
		return nil
	}
	var tables []*table
	spelled := make(map[string]string)
	for _, name := range d.order(kind) {
		t := &table{doc: d, name: kind + "." + name, at: d.line(named[name]), values: d.table(named[name])}
		folded := strings.ToLower(name)
		if t.values == nil {
			d.report(t.at, hint, "%s: this is not a table", t.name)
			continue
		}
		if !sectionName.MatchString(name) {
			d.report(t.at, `use ASCII letters, digits, ".", "_" and "-", at most 64, not "." or "-" first`, "a %s cannot be called %q", kind, name)
		} else if spelled[folded] != "" {
			d.report(t.at, "some file systems do not keep such names apart", "the names %q and %q differ only in case", spelled[folded], name)
		}
		spelled[folded] = name
		tables = append(tables, t)
	}
	return tables
}

// order returns the names below the table called kind as they come in the file.
func (d *document) order(kind string) []string {
	var names []string
	seen := make(map[string]bool)
	for _, key := range d.meta.Keys() {
		if len(key) < 2 || key[0] != kind || seen[key[1]] {
			continue
		}
		seen[key[1]] = true
		names = append(names, key[1])
	}
	return names
}
