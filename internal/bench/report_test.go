package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/report.md anew")

// at is a result with all figures in proportion to n.
func at(place, id, tool string, under condition, n int) result {
	j := job{id: id, title: "what " + id + " is"}
	s := sample{usage: usage{time.Duration(n) * time.Millisecond, time.Duration(n) * time.Millisecond / 4, int64(n) * 100_000},
		traffic: traffic{int64(n) * 10, int64(n) * 1_000, n / 10}, connections: 1 + n/100, most: n / 20}
	return result{place, j, tool, under, []sample{s}}
}

func testReport() *report {
	near, far := condition{}, condition{rtt: near40}
	secure := condition{rtt: near40, tls: true}
	r := &report{args: []string{"-rtt", "0,40", "-jobs", "first|noop20"}, scale: 1, times: 5, age: 3 * time.Second,
		machine: []fact{{"processors", "2, of some | kind"}}, places: []string{"tmpfs", "ext4"}, conditions: []condition{near, far, secure}}
	for _, place := range r.places {
		r.results = append(r.results,
			at(place, "first", "mailtwin", near, 110), at(place, "first", "mbsync", near, 100), at(place, "first", "bare", near, 50),
			at(place, "first", "mailtwin", far, 130), at(place, "first", "mbsync", far, 400), at(place, "first", "bare", far, 100),
			at(place, "noop20", "mailtwin", far, 40), at(place, "noop20", "mbsync", far, 500),
			at(place, "noop20", "mailtwin", secure, 60))
	}
	for _, got := range r.results[:7] {
		if got.tool == "mailtwin" && got.rtt == near40 {
			r.jobs = append(r.jobs, got.job)
		}
	}
	return r
}

func TestReport(t *testing.T) {
	got := testReport().markdown()
	path := filepath.Join("testdata", "report.md")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant what %s holds (go test ./internal/bench -run TestReport -update)", got, path)
	}
}

// Limits of a memory file system do not count on a disk, nor the other way
// round, and none counts where the jobs are smaller.
func TestLimitsByPlace(t *testing.T) {
	r := testReport()
	rows := func() (list []string) {
		for line := range strings.SplitSeq(r.markdown(), "\n") {
			if strings.HasSuffix(line, "met |") || strings.HasSuffix(line, "**missed** |") {
				list = append(list, line)
			}
		}
		return list
	}
	for place, want := range map[string]string{"0 ms, tmpfs": "≤ 1.2 ", "0 ms, ext4": "≤ 0.8 "} {
		found := 0
		for _, row := range rows() {
			if !strings.Contains(row, "| "+place) {
				continue
			}
			found++
			if !strings.Contains(row, want) || strings.Contains(row, "| met |") != (place == "0 ms, tmpfs") {
				t.Errorf("%s: got %s, want that of %s", place, row, want)
			}
		}
		if found != 1 {
			t.Errorf("%s: got %d limits, want one", place, found)
		}
	}
	if r.scale = 0.5; len(rows()) != 0 {
		t.Errorf("at half the size: got %d limits, want none", len(rows()))
	}
}

// Every limit names a job and a tool that there are, or it would never be
// judged.
func TestLimitsNameJobs(t *testing.T) {
	known := map[string]bool{"": true, "mbsync": true, "bare": true}
	for _, j := range jobs(1) {
		known[j.id], known[j.id+":"] = true, true
	}
	for _, l := range limits {
		if !known[l.job] || !known[l.than] || l.most <= 0 {
			t.Errorf("got %+v, want a job and a tool of the list", l)
		}
	}
}

func TestMedianOfEachQuantity(t *testing.T) {
	list := []sample{{connections: 5, most: 1}, {connections: 1, most: 9}, {connections: 3, most: 2}}
	if got := median(list); got.connections != 3 || got.most != 2 {
		t.Errorf("of three: got %+v, want 3 and 2", got)
	}
	if got := median(list[:2]); got.connections != 3 || got.most != 5 {
		t.Errorf("of two: got %+v, want 3 and 5", got)
	}
}

func TestFileSystems(t *testing.T) {
	if _, err := os.Stat("/proc/self/mounts"); err != nil {
		t.Skip("the list of mounts is Linux's")
	}
	if got := fileSystem("/proc/self"); got != "proc" {
		t.Errorf("/proc/self: got %s, want proc", got)
	}
	if got := fileSystem("/process"); got == "proc" {
		t.Error("/process: got proc, want what is mounted on /")
	}
}

func TestShellWords(t *testing.T) {
	got := shellWords([]string{"-jobs", "first|no op", "-dir", "/dev/shm,/var/tmp", "it's", ""})
	if want := `-jobs 'first|no op' -dir /dev/shm,/var/tmp 'it'\''s' ''`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
