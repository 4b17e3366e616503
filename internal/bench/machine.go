package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// A fact is a line about the machine.
type fact struct{ name, value string }

// describeMachine says on what the tools ran; nothing in it names a day, a host
// or a person.
func describeMachine(ctx context.Context, l *lab, tools []tool) ([]fact, error) {
	facts := []fact{
		{"processors", fmt.Sprintf("%d, %s", runtime.NumCPU(), processor())},
		{"system", strings.TrimSpace(readText("/proc/sys/kernel/ostype") + " " + release())},
		{"Go", runtime.Version()},
	}
	for _, t := range tools {
		version, err := t.describe(ctx, l)
		if err != nil {
			return nil, err
		}
		facts = append(facts, fact{t.name, version + ": " + t.note})
	}
	version, err := l.server.Version(ctx)
	if err != nil {
		return nil, fmt.Errorf("version of Dovecot: %w", err)
	}
	return append(facts, fact{"server", "Dovecot " + version + ": Maildir, its mail on the same file system as the tools', `mail_fsync` as by default, a process a connection"}), nil
}

// fileSystem is the type of the file system that holds path: the last mount
// over it, as Linux lists them.
func fileSystem(path string) string {
	found, longest := "unknown file system", 0
	for line := range strings.SplitSeq(readText("/proc/self/mounts"), "\n") {
		fields := strings.Fields(line) // device, directory, type
		if len(fields) < 3 {
			continue
		}
		dir := strings.TrimSuffix(fields[1], "/")
		if (path == dir || strings.HasPrefix(path, dir+"/")) && len(fields[1]) >= longest {
			found, longest = fields[2], len(fields[1])
		}
	}
	return found
}

// release is the kernel's version without what its builder adds.
func release() string {
	version, _, _ := strings.Cut(readText("/proc/sys/kernel/osrelease"), "-")
	return version
}

func readText(path string) string {
	text, _ := os.ReadFile(path)
	return strings.TrimSpace(string(text))
}

// processor is the model's name, as far as the system tells it.
func processor() string {
	_, rest, found := strings.Cut(readText("/proc/cpuinfo"), "model name")
	if !found {
		return runtime.GOARCH
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Trim(line, "\t :")
}
