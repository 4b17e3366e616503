// Command mutants shows that the tests notice when a guard of mail is taken out
// of the code. Each mutant of its list is one guard less; the tests named beside
// it must fail. The tree is not touched: go test reads the mutated file in place
// of the real one (go help build, -overlay).
//
//	go run ./internal/mutants              all of them, two at a time
//	go run ./internal/mutants -only rail   those whose id matches
//	go run ./internal/mutants -list        what they are, without a run
//
// It ends with exit 1 where a mutant survives, does not build, or is no longer
// found in its file, and where the tests fail without any mutant.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"sync"
)

// atOnce is how many mutants are tried at the same time.
const atOnce = 2

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("only", "", "try only mutants whose id matches `REGEXP`")
	list := flags.Bool("list", false, "print the list and try nothing")
	markdown := flags.String("markdown", "", "write the table to `FILE`, too")
	if flags.Parse(args) != nil {
		return 2
	}
	want, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(stderr, "mutants:", err)
		return 2
	}
	var chosen []mutant
	for _, m := range all() {
		if want.MatchString(m.id) {
			chosen = append(chosen, m)
		}
	}
	if *list {
		for _, m := range chosen {
			fmt.Fprintf(stdout, "%-28s %-28s %s\n", m.id, m.file, m.guard)
		}
		return 0
	}
	root, err := findRoot()
	if err != nil {
		fmt.Fprintln(stderr, "mutants:", err)
		return 1
	}
	results := tryAll(root, chosen, stderr)
	printTable(stdout, results)
	if *markdown != "" {
		if err := writeMarkdown(*markdown, results); err != nil {
			fmt.Fprintln(stderr, "mutants:", err)
			return 1
		}
	}
	if survived(results) > 0 {
		return 1
	}
	return 0
}

// tryAll tries the mutants, atOnce at a time, and returns their results in the
// same order.
func tryAll(root string, chosen []mutant, stderr io.Writer) []result {
	results := make([]result, len(chosen))
	h := newHunt(root)
	next := make(chan int)
	var workers sync.WaitGroup
	var telling sync.Mutex
	for range atOnce {
		workers.Go(func() {
			for i := range next {
				results[i] = h.try(chosen[i])
				telling.Lock()
				fmt.Fprintf(stderr, "%s: %s\n", chosen[i].id, results[i].verdict())
				telling.Unlock()
			}
		})
	}
	for i := range chosen {
		next <- i
	}
	close(next)
	workers.Wait()
	return results
}
