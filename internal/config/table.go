package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/BurntSushi/toml"
)

// A document is a file being read: its TOML and what is wrong with it so far.
type document struct {
	file     string
	home     string // the user's home directory; may be empty
	public   bool   // group or others can read the file
	meta     toml.MetaData
	problems Problems
}

func (d *document) report(line int, hint, format string, args ...any) {
	d.problems = append(d.problems, Problem{
		File: d.file, Line: line, What: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// line returns where the value p begins: for a table that other headers only
// imply, where the first of them stands.
func (d *document) line(p toml.Primitive) int {
	var at toml.ParseError
	errors.As(d.meta.PrimitiveDecode(p, locator{}), &at)
	if at.Position.Line > 0 {
		return at.Position.Line
	}
	first := 0
	for _, inner := range d.table(p) {
		if line := d.line(inner); first == 0 || 0 < line && line < first {
			first = line
		}
	}
	return first
}

// table returns the values of a table by key; nil if p is something else,
// which the decoder does not call an error.
func (d *document) table(p toml.Primitive) map[string]toml.Primitive {
	var values map[string]toml.Primitive
	d.meta.PrimitiveDecode(p, &values)
	return values
}

// A locator refuses every value, which makes the decoder say where it stands:
// the one way in which it tells the line of a value that is well-formed.
type locator struct{}

func (locator) UnmarshalTOML(any) error { return errors.New("located") }

// A table reads one TOML table, key by key. Its methods return the zero value,
// besides reporting, for a value of the wrong kind; the keys that they are
// asked for are the keys that the table may have.
type table struct {
	doc    *document
	name   string // as in the file, such as "pair.work"
	at     int    // line of its header
	values map[string]toml.Primitive
	keys   []string // asked for
}

// wrong reports a problem with key, or with the whole table if key is absent.
func (t *table) wrong(key, hint, format string, args ...any) {
	line := t.at
	if p, ok := t.values[key]; ok {
		line = t.doc.line(p)
	}
	t.doc.report(line, hint, "%s: %s", t.name, fmt.Sprintf(format, args...))
}

func (t *table) has(key string) bool {
	_, ok := t.values[key]
	return ok
}

// value returns the value of key as the TOML package decodes it; nil if absent.
func (t *table) value(key string) any {
	t.keys = append(t.keys, key)
	p, ok := t.values[key]
	if !ok {
		return nil
	}
	var v any // which takes everything: there can be no error
	t.doc.meta.PrimitiveDecode(p, &v)
	return v
}

// text returns a string without control characters; empty if absent. An empty
// string in the file is reported.
func (t *table) text(key string) string {
	v := t.value(key)
	if v == nil {
		return ""
	}
	s, ok := v.(string)
	switch {
	case !ok:
		t.wrong(key, fmt.Sprintf(`write %s = "…"`, key), "%s must be a string", key)
		return ""
	case s == "":
		t.wrong(key, "", "%s is empty", key)
	case strings.ContainsFunc(s, unicode.IsControl):
		t.wrong(key, "", "%s holds a control character", key)
		return ""
	}
	return s
}

// need reports a key that is absent.
func (t *table) need(key, example string) {
	if !t.has(key) {
		t.wrong(key, fmt.Sprintf("add %s = %q", key, example), "%s is missing", key)
	}
}

// choice returns one of allowed, the first if the key is absent, none if its
// value is wrong.
func choice[T ~string](t *table, key string, allowed ...T) T {
	given := T(t.text(key))
	switch {
	case !t.has(key):
		return allowed[0]
	case given == "", slices.Contains(allowed, given):
		return given
	}
	words := make([]string, len(allowed))
	for i, word := range allowed {
		words[i] = string(word)
	}
	t.wrong(key, fmt.Sprintf("%s is one of %s", key, quoted(words)), "%s cannot be %q", key, given)
	return ""
}

// words returns a list of strings; nil if absent or wrong.
func (t *table) words(key, example string) []string {
	v := t.value(key)
	if v == nil {
		return nil
	}
	items, ok := v.([]any)
	out := make([]string, 0, len(items))
	for _, item := range items {
		var s string
		if s, ok = item.(string); !ok {
			break
		}
		out = append(out, s)
	}
	if !ok {
		t.wrong(key, fmt.Sprintf("write %s = %s", key, example), "%s must be a list of strings", key)
		return nil
	}
	return out
}

// number returns a number from 1 on; 0 if absent or wrong.
func (t *table) number(key string) int {
	v := t.value(key)
	if v == nil {
		return 0
	}
	n, ok := v.(int64)
	if !ok || n < 1 || n > math.MaxInt32 {
		t.wrong(key, fmt.Sprintf("write a whole number from 1 on, such as %s = 1000", key), "%s is not such a number", key)
		return 0
	}
	return int(n)
}

// flag returns true or false; false if absent or wrong.
func (t *table) flag(key string) bool {
	v := t.value(key)
	if v == nil {
		return false
	}
	b, ok := v.(bool)
	if !ok {
		t.wrong(key, fmt.Sprintf("write %s = true", key), "%s must be true or false", key)
	}
	return b
}

// port returns a TCP port, or fallback if the key is absent or wrong.
func (t *table) port(key string, fallback int) int {
	v := t.value(key)
	if v == nil {
		return fallback
	}
	n, ok := v.(int64)
	if !ok || n < 1 || n > 65535 {
		t.wrong(key, fmt.Sprintf("write a number from 1 to 65535, such as %s = %d", key, fallback), "%s is not a TCP port", key)
		return fallback
	}
	return int(n)
}

// duration returns a duration from 0 to most, or fallback if the key is absent
// or wrong.
func (t *table) duration(key string, fallback, most time.Duration) time.Duration {
	v := t.value(key)
	if v == nil {
		return fallback
	}
	s, _ := v.(string)
	d, err := time.ParseDuration(s)
	if err != nil {
		t.wrong(key, fmt.Sprintf(`write a number and its unit in quotes, such as %s = "60s"`, key), "%s is not a duration", key)
		return fallback
	}
	if d < 0 || d > most {
		t.wrong(key, fmt.Sprintf("%s may be from 0s to %s", key, most), "%s is out of range: %s", key, d)
		return fallback
	}
	return d
}

// path returns an absolute, clean path; empty if absent or wrong.
func (t *table) path(key string) string {
	given := t.text(key)
	if given == "" {
		return ""
	}
	path, err := expand(given, t.doc.home)
	if err != nil {
		t.wrong(key, `begin it with "/" or "~/"`, "%s %q: %v", key, given, err)
		return ""
	}
	return path
}

// unknown reports the keys that nobody asked for. elsewhere says of some of
// them where they belong.
func (t *table) unknown(elsewhere func(key string) string) {
	for key := range t.values {
		if slices.Contains(t.keys, key) {
			continue
		}
		hint := elsewhere(key)
		if near := nearest(key, t.keys); hint == "" && near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		if hint == "" {
			hint = "the keys here are " + quoted(t.keys)
		}
		t.wrong(key, hint, "unknown key %q", key)
	}
}
