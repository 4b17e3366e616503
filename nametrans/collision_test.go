package nametrans

import (
	"reflect"
	"testing"
)

func names(texts ...string) []Name {
	var out []Name
	for _, text := range texts {
		out = append(out, named(text))
	}
	return out
}

func TestCollisions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		about     string
		far, near []Name
		foldCase  bool
		want      []Collision
	}{
		{about: "nothing"},
		{
			about: "the same on both sides, and some on one",
			far:   names("INBOX", "Sent", "Lists|go-nuts"), near: names("INBOX", "Sent", "Lists", "Drafts"),
			foldCase: true,
		},
		{
			about: "case, both sides keep it apart",
			far:   names("Sent", "sent"), near: names("SENT"),
		},
		{
			about: "case across the sides",
			far:   names("Sent", "Trash"), near: names("sent"), foldCase: true,
			want: []Collision{{names("Sent"), names("sent"), ReasonCase}},
		},
		{
			about: "case on one side; its counterpart cannot be told",
			far:   names("Sent", "sent"), near: names("Sent"), foldCase: true,
			want: []Collision{{names("Sent", "sent"), names("Sent"), ReasonCase}},
		},
		{
			about: "case beyond ASCII",
			far:   names("ÉTÉ"), near: names("été"), foldCase: true,
			want: []Collision{{names("ÉTÉ"), names("été"), ReasonCase}},
		},
		{
			about: "a letter with two small forms",
			far:   names("ΟΔΟΣ"), near: names("οδος"), foldCase: true,
			want: []Collision{{names("ΟΔΟΣ"), names("οδος"), ReasonCase}},
		},
		{
			about: "sharp s is no case of ss",
			far:   names("Strasse"), near: names("Straße"), foldCase: true,
		},
		{
			about: "normalization, whatever the sides",
			far:   names("Entw\u00fcrfe"), near: names("Entwu\u0308rfe", "Entwurfe"),
			want: []Collision{{names("Entw\u00fcrfe"), names("Entwu\u0308rfe"), ReasonNormal}},
		},
		{
			about: "normalization and case",
			far:   names("\u00c9t\u00e9"), near: names("e\u0301te\u0301"), foldCase: true,
			want: []Collision{{names("\u00c9t\u00e9"), names("e\u0301te\u0301"), ReasonCase}},
		},
		{
			about: "a composed letter whose capital has no composed form",
			far:   names("\u01f0"), near: names("J\u030c"), foldCase: true,
			want: []Collision{{names("\u01f0"), names("J\u030c"), ReasonCase}},
		},
		{
			about: "normalization only, with case folding on",
			far:   names("\u00e9"), near: names("e\u0301"), foldCase: true,
			want: []Collision{{names("\u00e9"), names("e\u0301"), ReasonNormal}},
		},
		{
			about: "parents differ: all below them",
			far:   names("Lists|a", "Lists|b", "Other"), near: names("lists|c"), foldCase: true,
			want: []Collision{{names("Lists|a", "Lists|b"), names("lists|c"), ReasonCase}},
		},
		{
			about: "parent and child are one group",
			far:   names("Lists", "Lists|A"), near: names("lists", "lists|a"), foldCase: true,
			want: []Collision{{names("Lists", "Lists|A"), names("lists", "lists|a"), ReasonCase}},
		},
		{
			about: "the same last component under different parents",
			far:   names("a|Sent", "b|sent"), foldCase: true,
		},
		{
			about: "a parent is spelled otherwise only on the side that lists it alone",
			far:   names("Lists"), near: names("lists|a"), foldCase: true,
			want: []Collision{{names("Lists"), names("lists|a"), ReasonCase}},
		},
		{
			about: "INBOX in two cases on one side",
			far:   names("INBOX", "inbox", "Sent"), near: names("INBOX", "Sent"),
			want: []Collision{{names("INBOX", "INBOX"), names(), ReasonTwice}},
		},
		{
			about: "listed twice, and in another case",
			far:   names("Sent", "Sent"), near: names("sent"), foldCase: true,
			want: []Collision{{names("Sent", "Sent"), names("sent"), ReasonCase}},
		},
		{
			about: "two groups, sorted",
			far:   names("b", "A"), near: names("a", "B"), foldCase: true,
			want: []Collision{{names("A"), names("a"), ReasonCase}, {names("b"), names("B"), ReasonCase}},
		},
		{
			about: "a component that holds a slash is no hierarchy",
			far:   names("a/b"), near: names("A|b"), foldCase: true,
		},
	} {
		if got := Collisions(test.far, test.near, test.foldCase); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.about, got, test.want)
		}
		flipped := Collisions(test.near, test.far, test.foldCase)
		for i := range flipped {
			flipped[i].Far, flipped[i].Near = flipped[i].Near, flipped[i].Far
		}
		if !reflect.DeepEqual(flipped, test.want) {
			t.Errorf("%s, flipped: got %q, want %q", test.about, flipped, test.want)
		}
	}
}
