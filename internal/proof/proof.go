// Package proof sizes the tests that prove mailtwin's promises, and counts what
// they did. It is for tests and for internal/prove only.
//
// Each such test belongs to a layer (histories, crash points, cuts, …). Its full
// size is what CI runs; a plain "go test" runs a sample of it, and a long run a
// multiple:
//
//	go test ./mirror -proof.times 50
//
// internal/prove runs all layers at full size and prints what they counted.
package proof

import (
	"encoding/json"
	"flag"
	"os"
	"sync"
)

// sample is the part of the full size that a plain "go test" runs.
const sample = 0.02

var times = flag.Float64("proof.times", sample, "size of the proof, as a multiple of what CI runs")

// Times returns n, the full size, multiplied by -proof.times, but at least
// least.
func Times(n, least int) int { return max(least, int(float64(n)**times)) }

// Whole reports whether everything that can be enumerated is to be tried. Where
// it is false, every Stride-th is enough.
func Whole() bool { return *times >= 1 }

// Stride returns the distance between the cases to try of a full enumeration:
// 1 where Whole holds, else about 1/-proof.times, and odd so that it falls in
// step with nothing.
func Stride() int {
	if Whole() {
		return 1
	}
	return int(1 / *times) | 1
}

// Apart returns the distance between the cases to try of an enumeration of which
// CI tries every n-th: n divided by -proof.times, at least 1.
func Apart(n int) int { return max(1, int(float64(n) / *times)) }

// Tally counts what a layer tried and what it found. Lost, Doubled and Changed
// are messages in all cases together; any but zero fails the test as well.
type Tally struct {
	Layer   string `json:"layer"`
	Cases   int    `json:"cases"`
	Lost    int    `json:"lost"`
	Doubled int    `json:"doubled"`
	Changed int    `json:"changed"`
}

// Log is the environment variable that names the file to which Note appends.
const Log = "MAILTWIN_PROOF_LOG"

var noting sync.Mutex

// Note appends a tally, as one line of JSON, to the file that the environment
// names; without one it does nothing. Several tallies of one layer add up. It
// panics where the file cannot be written: a count that is lost is a count that
// is wrong.
func Note(t Tally) {
	path := os.Getenv(Log)
	if path == "" {
		return
	}
	noting.Lock()
	defer noting.Unlock()
	line, err := json.Marshal(t)
	if err != nil {
		panic(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	_, err = f.Write(append(line, '\n'))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		panic(err)
	}
}
