package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// readWindow reads the keys that bound which messages are copied.
func readWindow(t *table) Window {
	w := Window{MaxAge: readAge(t, "max_age"), Since: readDay(t, "since"), Before: readDay(t, "before"),
		MaxSize: readSize(t, "max_size"), Last: t.number("last")}
	if !w.Since.IsZero() && !w.Before.IsZero() && !w.Since.Before(w.Before) {
		t.wrong("before", "since is the first day that is copied, before the first one that is not", "no day is between since and before")
	}
	return w
}

// units of an age are those that package time has none of.
var units = map[string]time.Duration{"h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "y": 365 * 24 * time.Hour}

func readAge(t *table, key string) time.Duration {
	text := t.text(key)
	if text == "" {
		return 0
	}
	digits := strings.TrimRight(text, "hdwy")
	n, err := strconv.Atoi(digits)
	unit := units[text[len(digits):]]
	if err != nil || unit == 0 || n < 1 || n > int(math.MaxInt64/unit) {
		t.wrong(key, `write a whole number and h, d, w or y for hours, days, weeks or years, such as "90d"`, "%s is not an age: %q", key, text)
		return 0
	}
	return time.Duration(n) * unit
}

// readDay reads a day, as TOML writes it or in quotes.
func readDay(t *table, key string) time.Time {
	var day time.Time
	switch v := t.value(key).(type) {
	case nil:
		return day
	case time.Time: // its zone is that of this machine
		day = time.Date(v.Year(), v.Month(), v.Day(), 0, 0, 0, 0, time.UTC)
	case string:
		day, _ = time.Parse(time.DateOnly, v)
	}
	if day.IsZero() {
		t.wrong(key, fmt.Sprintf("write %s = 2024-01-31", key), "%s is not a day", key)
	}
	return day
}

// sizes are decimal, as they are shown.
var sizes = map[string]float64{"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9}

func readSize(t *table, key string) int64 {
	text := t.text(key)
	if text == "" {
		return 0
	}
	number := strings.TrimRight(text, " bkmgBKMG")
	n, err := strconv.ParseFloat(number, 64)
	unit, known := sizes[strings.ToLower(strings.TrimSpace(text[len(number):]))]
	if octets := n * unit; err == nil && known && octets >= 1 && octets < math.MaxInt64 {
		return int64(octets)
	}
	t.wrong(key, `write a number and B, kB, MB or GB, such as "25 MB"`, "%s is not a size: %q", key, text)
	return 0
}

// checkPrune refuses prune where no message ever leaves the window, or where near is not
// ours to remove from.
func checkPrune(t *table, p *Pair) {
	bounds := p.Window
	bounds.MaxSize = 0
	switch {
	case !p.Prune:
	case bounds == Window{}:
		t.wrong("prune", `add max_age = "90d", since, before or last, or leave prune out`, "nothing leaves the pair's window, so prune means nothing")
	case p.Deletions == DeletionsKeep:
		t.wrong("prune", `use another value for deletions, or leave prune out`, `deletions = "keep" removes nothing, and prune does`)
	case p.Direction == NearToFar:
		t.wrong("prune", "leave it out", "near is the source of this pair, which is never written to")
	}
}
