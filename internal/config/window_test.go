package config

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// twoTrees is a configuration of two Maildirs, with keys of their pair.
func twoTrees(keys string) string {
	return "[repository.a]\ntype = \"maildir\"\npath = \"/a\"\n[repository.b]\ntype = \"maildir\"\npath = \"/b\"\n[pair.p]\nfar = \"a\"\nnear = \"b\"\n" + keys
}

func parsed(keys string) (*Config, error) {
	return parseText(twoTrees(keys))
}

func TestWindow(t *testing.T) {
	t.Parallel()
	day := func(text string) time.Time {
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for text, want := range map[string]Window{
		"":                                        {},
		`max_age = "36h"`:                         {MaxAge: 36 * time.Hour},
		`max_age = "90d"`:                         {MaxAge: 90 * 24 * time.Hour},
		`max_age = "2w"`:                          {MaxAge: 14 * 24 * time.Hour},
		`max_age = "1y"`:                          {MaxAge: 365 * 24 * time.Hour},
		`max_size = "1500"`:                       {MaxSize: 1500},
		`max_size = "1.5 MB"`:                     {MaxSize: 1_500_000},
		`max_size = "2GB"`:                        {MaxSize: 2_000_000_000},
		`last = 500`:                              {Last: 500},
		"since = 2024-01-31":                      {Since: day("2024-01-31")},
		"since = \"2024-01-31\"":                  {Since: day("2024-01-31")},
		"since = 2024-01-31T23:00:00-05:00":       {Since: day("2024-01-31")},
		"before = 2024-07-01\nlast = 1":           {Before: day("2024-07-01"), Last: 1},
		"since = 2024-01-01\nbefore = 2025-01-01": {Since: day("2024-01-01"), Before: day("2025-01-01")},
	} {
		c, err := parsed(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := c.Pairs[0].Window; got != want {
			t.Errorf("%s: got %+v, want %+v", text, got, want)
		}
	}
	for text, want := range map[string]string{
		`max_age = "90"`:       "max_age is not an age",
		`max_age = "d"`:        "max_age is not an age",
		`max_age = "0d"`:       "max_age is not an age",
		`max_age = "1d2h"`:     "max_age is not an age",
		`max_age = "9999999y"`: "max_age is not an age",
		`max_age = 90`:         "max_age must be a string",
		`max_size = "big"`:     "max_size is not a size",
		`max_size = "0"`:       "max_size is not a size",
		`max_size = "-1 MB"`:   "max_size is not a size",
		`max_size = "1 kMB"`:   "max_size is not a size",
		`last = 0`:             "last is not such a number",
		`last = "5"`:           "last is not such a number",
		`since = "yesterday"`:  "since is not a day",
		`since = 5`:            "since is not a day",
		"since = 2024-01-02\nbefore = 2024-01-02": "no day is between since and before",
		`prune = true`:                                 "nothing leaves the pair's window",
		"max_size = \"1 MB\"\nprune = true":            "nothing leaves the pair's window",
		"last = 5\ndeletions = \"keep\"\nprune = true": `deletions = "keep" removes nothing`,
		"last = 5\nmode = \"mirror\"\ndirection = \"near-to-far\"\nprune = true": "near is the source",
		`subscribed = "yes"`: "subscribed must be true or false",
	} {
		_, err := parsed(text)
		var problems Problems
		if !errors.As(err, &problems) || len(problems) != 1 || !strings.Contains(problems[0].What, want) || problems[0].Line < 10 || problems[0].Hint == "" {
			t.Errorf("%s: got %v, want %q with its line and a hint", text, err, want)
		}
	}
}
