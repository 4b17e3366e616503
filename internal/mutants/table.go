package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

// survived counts the mutants that no test killed, for whatever reason.
func survived(results []result) (n int) {
	for _, r := range results {
		if r.err != nil || r.killer == "" {
			n++
		}
	}
	return n
}

func printTable(w io.Writer, results []result) {
	for _, r := range results {
		fmt.Fprintf(w, "%-26s | %s | %s | %.1f\n", r.mutant.id, r.mutant.guard, r.verdict(), r.took.Seconds())
	}
	n := survived(results)
	fmt.Fprintf(w, "%d killed, %d survived\n", len(results)-n, n)
}

// writeMarkdown writes the table for the documentation. It has no times, so
// that it changes only when a mutant or its killer does.
func writeMarkdown(path string, results []result) error {
	var b bytes.Buffer
	b.WriteString("| mutant | file | what is removed | killed by |\n|---|---|---|---|\n")
	for _, r := range results {
		killer := "**" + r.verdict() + "**"
		if r.err == nil && r.killer != "" {
			killer = "`" + r.killer + "`"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", r.mutant.id, r.mutant.file, cell(r.mutant.guard), cell(killer))
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

func cell(s string) string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s) }
