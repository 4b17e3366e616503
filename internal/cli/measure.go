package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"
)

// count is a number of things, for people.
func count(n int, what noun) string {
	if n == 1 {
		return "1 " + what.one
	}
	return fmt.Sprintf("%d %s", n, what.many)
}

// size is a number of octets for people.
func size(octets int64) string {
	value, unit := float64(octets), 0
	units := []string{"B", "kB", "MB", "GB", "TB"}
	for value >= 999.5 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	if unit == 0 || value >= 99.95 {
		return fmt.Sprintf("%.0f %s", value, units[unit])
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}

func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// ago is a time in the past, for people.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return count(int(d/time.Minute), noun{"minute", "minutes"}) + " ago"
	case d < 48*time.Hour:
		return count(int(d/time.Hour), noun{"hour", "hours"}) + " ago"
	}
	return count(int(d/(24*time.Hour)), noun{"day", "days"}) + " ago"
}

// columns lays a table out, each column as wide as its widest cell.
func columns(table [][]string) []string {
	widths := make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			widths[i] = max(widths[i], cellWidth(escape(cell)))
		}
	}
	lines := make([]string, len(table))
	for i, row := range table {
		for j, cell := range row {
			cell = escape(cell)
			lines[i] += cell + strings.Repeat(" ", widths[j]-cellWidth(cell)+2)
		}
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// cellWidth counts the columns that s takes on a terminal.
func cellWidth(s string) (n int) {
	for _, r := range s {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.Is(unicode.Mn, r):
		case kind == width.EastAsianWide, kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
