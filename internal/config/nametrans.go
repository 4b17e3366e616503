package config

import (
	"errors"
	"maps"
	"slices"

	"github.com/BurntSushi/toml"

	"mailtwin/nametrans"
)

const nametransHint = `write near = far, such as "Sent" = "[Gmail]/Sent Mail", "Lists/*" = "Mailing lists/*" or '\Sent' = '\Sent'`

// readRules reads the tables nametrans, near = far, and nametrans_regexp.
func readRules(t *table) nametrans.Rules {
	const key, regexps = "nametrans", "nametrans_regexp"
	t.keys = append(t.keys, key, regexps)
	type written struct {
		nametrans.RuleText
		line int
	}
	var texts []written
	if p, ok := t.values[key]; ok {
		inner := &table{doc: t.doc, name: t.name + "." + key, at: t.doc.line(p), values: t.doc.table(p)}
		if inner.values == nil {
			t.wrong(key, nametransHint, "%s must be a table", key)
		}
		for _, near := range slices.Sorted(maps.Keys(inner.values)) {
			line := t.doc.line(inner.values[near])
			if far := inner.text(near); far != "" {
				texts = append(texts, written{nametrans.RuleText{Near: near, Far: far}, line})
			}
		}
	}
	for _, inner := range t.tables(regexps) {
		r := nametrans.RuleText{FarPattern: inner.text("far"), NearTemplate: inner.text("to_near"), NearPattern: inner.text("near"), FarTemplate: inner.text("to_far")}
		for _, needed := range inner.keys {
			if !inner.has(needed) {
				inner.wrong(needed, `add it: far = "…" and to_near = "…" lead one way, near = "…" and to_far = "…" back`, "%s is missing", needed)
			}
		}
		inner.unknown(func(string) string { return "" })
		texts = append(texts, written{r, inner.at})
	}
	// One more at a time, to tell the line of the one that is wrong.
	var rules []nametrans.RuleText
	var read nametrans.Rules
	for _, text := range texts {
		now, err := nametrans.NewRules(append(slices.Clone(rules), text.RuleText))
		var wrong *nametrans.RuleError
		if errors.As(err, &wrong) {
			t.doc.report(text.line, nametransHint, "%s: %v", t.name, wrong)
			continue
		}
		rules, read = append(rules, text.RuleText), now
	}
	return read
}

// tables returns the tables of an array of tables; none if absent or wrong.
func (t *table) tables(key string) (list []*table) {
	p, ok := t.values[key]
	if !ok {
		return nil
	}
	var inner []toml.Primitive
	if err := t.doc.meta.PrimitiveDecode(p, &inner); err != nil {
		t.wrong(key, "write [["+t.name+"."+key+"]] above each", "%s must be tables", key)
		return nil
	}
	for _, one := range inner {
		list = append(list, &table{doc: t.doc, name: t.name + "." + key, at: t.doc.line(one), values: t.doc.table(one)})
	}
	return list
}
