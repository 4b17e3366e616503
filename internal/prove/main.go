// Command prove runs the tests that prove that mailtwin loses, doubles and
// changes no mail, at the size of CI or a multiple of it, and prints what they
// tried and found:
//
//	go run ./internal/prove
//	go run ./internal/prove -times 50 -dovecot 10
//
// The tests in memory run one package after the other, those on Dovecot beside
// them: these mostly wait. It exits 1 when a test failed or a message was lost,
// doubled or changed.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"sync"
)

var (
	times   = flag.Float64("times", 1, "size of the layers in memory, as a multiple of CI's")
	dovecot = flag.Float64("dovecot", 1, "size of the layers on Dovecot, as a multiple of CI's")
	only    = flag.String("only", "", "run only the lanes that match this expression")
)

func main() {
	flag.Parse()
	pattern, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "prove: -only:", err)
		os.Exit(2)
	}
	results := runAll(pattern)
	report(os.Stdout, results)
	for _, r := range results {
		if r.failed() {
			os.Exit(1)
		}
	}
}

// runAll runs the lanes that match, and returns their results in order.
func runAll(pattern *regexp.Regexp) []*result {
	var results, memory, servers []*result
	for _, l := range lanes {
		if !pattern.MatchString(l.name) {
			continue
		}
		r := &result{lane: l}
		results = append(results, r)
		if l.dovecot {
			servers = append(servers, r)
		} else {
			memory = append(memory, r)
		}
	}
	var both sync.WaitGroup
	for _, list := range [][]*result{memory, servers} {
		both.Go(func() {
			for _, r := range list {
				r.test()
				fmt.Fprintf(os.Stderr, "prove: %s: %s in %.0f s\n", r.name, r.verdict(), r.took.Seconds())
			}
		})
	}
	both.Wait()
	return results
}
