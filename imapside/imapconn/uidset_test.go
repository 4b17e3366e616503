package imapconn_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
)

func TestMissing(t *testing.T) {
	tests := []struct{ asked, arrived, want string }{
		{"1:5", "1:5", ""},
		{"1:5", "2,4", "1,3,5"},
		{"1:3,7:9", "2:8", "1,9"},
		{"7:9,1:3", "8,2", "1,3,7,9"},
		{"1:4294967295", "1:4294967294", "4294967295"},
		{"4294967295", "4294967295", ""},
		{"5:*", "6", "5"},
		{"5:*", "4", "5"},
		{"5:*", "5:9", ""},
		{"*", "", ""},
		{"3", "", "3"},
	}
	for _, tt := range tests {
		var arrived imap.UIDSet
		if tt.arrived != "" {
			arrived = uids(tt.arrived)
		}
		if got := imapconn.Missing(uids(tt.asked), arrived).String(); got != tt.want {
			t.Errorf("Missing(%s, %s): got %s, want %s", tt.asked, tt.arrived, got, tt.want)
		}
	}
}

// TestSetsAgainstMaps compares the range arithmetic with sets of single UIDs.
func TestSetsAgainstMaps(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	set := func() (s imap.UIDSet, m map[imap.UID]bool) {
		m = map[imap.UID]bool{}
		for range random.IntN(8) {
			from := imap.UID(random.IntN(40) + 1)
			to := from + imap.UID(random.IntN(6))
			s = append(s, imap.UIDRange{Start: from, Stop: to})
			for uid := from; uid <= to; uid++ {
				m[uid] = true
			}
		}
		return s, m
	}
	for range 5000 {
		asked, askedMap := set()
		arrived, arrivedMap := set()
		before := fmt.Sprint(asked, arrived)
		missing := imapconn.Missing(asked, arrived)
		left := 0
		for uid := range askedMap {
			want := !arrivedMap[uid]
			if want {
				left++
			}
			if missing.Contains(uid) != want {
				t.Fatalf("Missing(%v, %v): got %v, wrong on %d", asked, arrived, missing, uid)
			}
		}
		if got := imapconn.CountUIDs(missing); got != uint64(left) {
			t.Fatalf("Missing(%v, %v): got %v with %d UIDs, want %d", asked, arrived, missing, got, left)
		}
		if got := imapconn.CountUIDs(asked); got != uint64(len(askedMap)) {
			t.Fatalf("CountUIDs(%v): got %d, want %d", asked, got, len(askedMap))
		}
		if after := fmt.Sprint(asked, arrived); after != before {
			t.Fatalf("arguments changed: got %s, want %s", after, before)
		}
	}
}

func TestSplitUIDs(t *testing.T) {
	set := uids("1,3:5,100:200,7:*")
	for max, want := range map[int]string{
		1:   "[1 3:5 100:200 7:*]",
		5:   "[1,3:5 100:200 7:*]",
		13:  "[1,3:5,100:200 7:*]",
		17:  "[1,3:5,100:200,7:*]",
		100: "[1,3:5,100:200,7:*]",
	} {
		if got := fmt.Sprint(imapconn.SplitUIDs(set, max)); got != want {
			t.Errorf("SplitUIDs(%d): got %s, want %s", max, got, want)
		}
	}
	if got := imapconn.SplitUIDs(nil, 10); got != nil {
		t.Errorf("SplitUIDs of nothing: got %v", got)
	}
}

func TestPairs(t *testing.T) {
	tests := []struct {
		source, target string
		ok             bool
		want           string
	}{
		{"304,319:320", "3956:3958", true, "304=3956 319=3957 320=3958 "},
		{"5,1", "10,12", true, "5=10 1=12 "},
		{"1:3", "10:11", false, ""},
		{"1:3", "10:13", false, ""},
		{"4294967294:4294967295", "1,4294967295", true, "4294967294=1 4294967295=4294967295 "},
	}
	for _, tt := range tests {
		got := ""
		ok := imapconn.CopyData{Source: uids(tt.source), Target: uids(tt.target)}.Pairs(func(s, d imap.UID) bool {
			got += fmt.Sprintf("%d=%d ", s, d)
			return true
		})
		if ok != tt.ok || got != tt.want {
			t.Errorf("%s to %s: got %v %q, want %v %q", tt.source, tt.target, ok, got, tt.ok, tt.want)
		}
	}
	if (imapconn.CopyData{}).Pairs(func(imap.UID, imap.UID) bool { return true }) {
		t.Error("no COPYUID: got pairs")
	}
}
