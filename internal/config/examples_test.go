package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const examples = "../../examples"

func TestExamplesLoad(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(examples, "*.toml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d examples, %v, want some", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Load(write(t, string(data), 0o600))
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		if pairs, err := c.Select(nil); err != nil || len(pairs) == 0 {
			t.Errorf("%s: got %d pairs, %v, want some", filepath.Base(file), len(pairs), err)
		}
	}
}

// What an example says in comments must be right too: each "# key = value"
// line becomes a setting, where it does not clash with one in force.
func TestExampleCommentsLoad(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(examples, "laptop.toml"))
	if err != nil {
		t.Fatal(err)
	}
	fingerprint := "sha256:" + strings.Repeat("0f", 32)
	text := strings.NewReplacer(
		"# port =", "port =", "# tls_ca =", "tls_ca =", "# names =", "names =",
		`# tls_fingerprint = "sha256:…"`, `tls_fingerprint = "`+fingerprint+`"`,
		`mode = "two-way" `, `mode = "mirror" `, "# direction =", "direction =",
	).Replace(string(data))
	c, err := Load(write(t, text, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Pairs[0].Direction; got != FarToNear {
		t.Errorf("direction: got %q, want %q", got, FarToNear)
	}
	if got := c.Repositories[1].Maildir.Names; got != NamesUTF7 {
		t.Errorf("names: got %q, want %q", got, NamesUTF7)
	}
	text = strings.NewReplacer("# new =", "new =", "# flags =", "flags =", "# gone =", "gone =", "# create =", "create =").Replace(string(data))
	if _, err := Load(write(t, text, 0o600)); err != nil {
		t.Error(err)
	}
	if strings.Count(text, "\n# ") > strings.Count(string(data), "\n# ")-4 {
		t.Error("the example no longer names new, flags, gone and create")
	}
}

// The flags and commands of the command line that a crontab can use.
var (
	cronFlags    = []string{"--quiet", "--verbose", "--json", "--full", "--config", "--trace"}
	cronCommands = []string{"sync"}
)

func TestExampleCrontab(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(examples, "crontab"))
	if err != nil {
		t.Fatal(err)
	}
	jobs := 0
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0][0] == '#' || strings.Contains(words[0], "=") {
			continue
		}
		jobs++
		if len(words) < 7 || words[5] != "mailtwin" {
			t.Errorf("got %q, want five fields, mailtwin and its arguments", line)
			continue
		}
		var commands []string
		for _, word := range words[6:] {
			if strings.HasPrefix(word, "-") {
				if !slices.Contains(cronFlags, word) {
					t.Errorf("%q: there is no flag %q", line, word)
				}
				continue
			}
			commands = append(commands, word)
		}
		if !slices.Equal(commands, cronCommands) {
			t.Errorf("%q: got commands %q, want %q", line, commands, cronCommands)
		}
		if !slices.Contains(words, "--quiet") {
			t.Errorf("%q: got no --quiet, so that cron would mail every run", line)
		}
	}
	if jobs != 1 {
		t.Errorf("got %d jobs, want 1", jobs)
	}
}
