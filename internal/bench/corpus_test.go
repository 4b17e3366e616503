package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
)

func TestSizesAddUp(t *testing.T) {
	for _, test := range []struct{ n, mean int }{{1, 700}, {3, 100}, {10, 19_200}, {2_000, 19_500}, {10_000, 19_200}} {
		list := sizes(seed, test.n, test.mean)
		if got, want := sum(list), test.n*max(test.mean, smallest); got != want {
			t.Errorf("%d messages of %d octets: got %d octets, want %d", test.n, test.mean, got, want)
		}
		if got := slices.Min(list); got < smallest {
			t.Errorf("%d messages of %d octets: got one of %d octets, want %d at least", test.n, test.mean, got, smallest)
		}
	}
}

// Mail is mostly small, with some large ones that make up the mass.
func TestSizesAreSpread(t *testing.T) {
	list := sizes(seed, 10_000, 19_200)
	slices.Sort(list)
	if got := list[len(list)/2]; got > 19_200/2 {
		t.Errorf("median: got %d octets, want half of the mean at most", got)
	}
	if got := list[len(list)-1]; got < 500_000 || got > 5_000_000 {
		t.Errorf("largest: got %d octets, want 0.5 to 5 MB", got)
	}
}

func TestLettersHaveTheirSize(t *testing.T) {
	for size := smallest; size < smallest+400; size++ {
		for _, n := range []int{0, 999_999} {
			body := letter(1<<40, n, size)
			if len(body) != size {
				t.Fatalf("letter %d: got %d octets, want %d", n, len(body), size)
			}
			if !bytes.HasSuffix(body, []byte("\r\n")) || bytes.Count(body, []byte("\n")) != bytes.Count(body, []byte("\r\n")) {
				t.Fatalf("letter of %d octets: got %q, want CRLF everywhere", size, body)
			}
			if !bytes.Equal(wireForm(localForm(body)), body) {
				t.Fatalf("letter of %d octets: it does not survive the two forms", size)
			}
		}
	}
}

// digestOf is one number for all mail of a shape.
func digestOf(s shape) string {
	digest := sha256.New()
	s.eachLetter(func(mailbox string, n int, body []byte) error {
		fmt.Fprintf(digest, "%s %d %d\n", mailbox, n, len(body))
		digest.Write(body)
		return nil
	})
	return fmt.Sprintf("%x", digest.Sum(nil)[:4])
}

func TestSameSeedSameMail(t *testing.T) {
	one, other := shape{3, 20, 2_000, 1}, shape{3, 20, 2_000, 2}
	if first, again := digestOf(one), digestOf(one); first != again {
		t.Error("one seed gave two corpora")
	}
	// Pinned, so that figures of two versions are of the same mail.
	if got, want := fmt.Sprintf("%x", sha256.Sum256(letter(1, 5, 2_000)))[:16], "b0c2d87e426ece54"; got != want {
		t.Errorf("letter: got digest %s, want %s", got, want)
	}
	if digestOf(one) == digestOf(other) {
		t.Error("two seeds gave one corpus")
	}
	seen := map[string]bool{}
	one.eachLetter(func(_ string, n int, body []byte) error {
		if key := string(body[200:]); seen[key] {
			t.Errorf("letter %d was there before", n)
		} else {
			seen[key] = true
		}
		return nil
	})
	if len(seen) != one.messages() {
		t.Errorf("got %d messages, want %d", len(seen), one.messages())
	}
}

func TestCensusOfAShape(t *testing.T) {
	s := shape{2, 10, 1_000, 1}
	got := s.census()
	want := tally{Messages: 10, Seen: 9, Flagged: 1, Answered: 1}
	for i := range 2 {
		sum := got[mailboxName(i)]
		sum.octets = 0
		if sum != want {
			t.Errorf("mailbox %d: got %+v, want %+v", i, sum, want)
		}
	}
	if got.octets() != s.octets() {
		t.Errorf("got %d octets, want %d", got.octets(), s.octets())
	}
}

func TestShares(t *testing.T) {
	for _, test := range []struct{ total, n int }{{100, 20}, {50, 20}, {1, 20}, {7, 3}, {0, 5}} {
		got := 0
		for i := range test.n {
			part := share(test.total, i, test.n)
			if part < test.total/test.n || part > test.total/test.n+1 {
				t.Errorf("%d over %d: got a share of %d", test.total, test.n, part)
			}
			got += part
		}
		if got != test.total {
			t.Errorf("%d over %d: got %d in all", test.total, test.n, got)
		}
	}
}
