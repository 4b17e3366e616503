package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"mailtwin/internal/proof"
)

// result is what became of a lane.
type result struct {
	lane
	took    time.Duration
	output  []byte
	err     error
	tallies map[string]proof.Tally // by layer
}

// test runs the lane's tests, with what they count going to a file.
func (r *result) test() {
	dir, err := os.MkdirTemp("", "mailtwin-prove-")
	if err != nil {
		r.err = err
		return
	}
	defer os.RemoveAll(dir)
	size := *times
	if r.dovecot {
		size = *dovecot
	}
	if r.scale != 0 {
		size *= r.scale
	}
	log := filepath.Join(dir, "tallies")
	cmd := exec.Command("go", "test", r.pkg, "-run", r.run, "-count=1", "-timeout", "12h", "-proof.times", fmt.Sprint(size))
	cmd.Env = append(os.Environ(), proof.Log+"="+log)
	start := time.Now()
	r.output, r.err = cmd.CombinedOutput()
	r.took = time.Since(start)
	if err := r.read(log); err != nil {
		r.err = cmp.Or(r.err, err)
	}
}

// read adds up the tallies. A lane that counted nothing proves nothing.
func (r *result) read(path string) error {
	r.tallies = map[string]proof.Tally{}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("no counts: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var t proof.Tally
		if err := json.Unmarshal(lines.Bytes(), &t); err != nil {
			return fmt.Errorf("read counts: %w", err)
		}
		sum := r.tallies[t.Layer]
		sum.Layer = t.Layer
		sum.Cases += t.Cases
		sum.Lost += t.Lost
		sum.Doubled += t.Doubled
		sum.Changed += t.Changed
		r.tallies[t.Layer] = sum
	}
	return lines.Err()
}

// failed reports whether the lane proves nothing, or the contrary.
func (r *result) failed() bool {
	for _, t := range r.tallies {
		if t.Lost+t.Doubled+t.Changed > 0 {
			return true
		}
	}
	return r.err != nil || len(r.tallies) == 0
}

func (r *result) verdict() string {
	if r.failed() {
		return "FAILED"
	}
	return "ok"
}

// report prints a line a layer, and all that failed tests said.
func report(w io.Writer, results []*result) {
	for _, r := range results {
		if r.failed() {
			fmt.Fprintf(w, "%s: %v\n%s\n", r.name, r.err, r.output)
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "tests\tlayer\tcases\tlost\tdoubled\tchanged\tseconds")
	for _, r := range results {
		seconds := fmt.Sprintf("%.0f", r.took.Seconds())
		for _, layer := range slices.Sorted(maps.Keys(r.tallies)) {
			t := r.tallies[layer]
			fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%d\t%s\n", r.name, layer, t.Cases, t.Lost, t.Doubled, t.Changed, seconds)
			seconds = ""
		}
		if r.failed() {
			fmt.Fprintf(table, "%s\tFAILED\t\t\t\t\t%s\n", r.name, seconds)
		}
	}
	table.Flush()
}
