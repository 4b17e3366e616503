package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A mutant is a guard taken out of the code.
type mutant struct {
	id string
	// file is below the module's root.
	file string
	// old must occur exactly once in file; mutated stands in its place.
	old, mutated string
	// guard is what is removed, and what it keeps mail from.
	guard string
	// tests is the -run pattern of the tests that must kill it; they are in the
	// package of file unless pkg names another.
	tests string
	pkg   string
	// args are further arguments for these tests.
	args []string
}

// all returns the list. An id is never used twice.
func all() []mutant {
	var list []mutant
	for _, part := range [][]mutant{stateMutants, maildirMutants, imapMutants, planMutants, thinMutants, railMutants, effectMutants, searchMutants, onceMutants} {
		list = append(list, part...)
	}
	return list
}

// in is the package whose tests kill the mutant, as go test wants it.
func (m mutant) in() string {
	if m.pkg != "" {
		return "./" + m.pkg
	}
	return "./" + filepath.ToSlash(filepath.Dir(m.file))
}

var errStale = errors.New("the list is stale")

// apply returns the mutated text of its file.
func (m mutant) apply(root string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return nil, err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return nil, fmt.Errorf("%w: %s holds the old text of %s %d times, want once", errStale, m.file, m.id, n)
	}
	return []byte(strings.Replace(string(text), m.old, m.mutated, 1)), nil
}

// overlay writes the mutated file and the JSON file for go test -overlay into
// dir, and returns the path of the latter.
func (m mutant) overlay(root, dir string) (string, error) {
	text, err := m.apply(root)
	if err != nil {
		return "", err
	}
	mutated := filepath.Join(dir, filepath.Base(m.file))
	if err := os.WriteFile(mutated, text, 0o600); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, m.file): mutated}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, list, 0o600)
}

// findRoot returns the directory of go.mod, at or above the working directory.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("there is no go.mod here or above")
		}
		dir = filepath.Dir(dir)
	}
}
