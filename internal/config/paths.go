package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

var (
	errRelative = errors.New("the path is relative, and would mean another place under cron")
	errNoHome   = errors.New("the home directory is not known")
	errOther    = errors.New("other users' home directories are not looked up")
)

// Find returns the path of the configuration file: flag if it is not empty,
// else $MAILTWIN_CONFIG, else mailtwin/config.toml in $XDG_CONFIG_HOME, which
// is ~/.config if it is unset or relative. The file need not exist.
//
// A leading "~" in either of the first two is $HOME, and a relative path is one
// below the working directory. The error says that a home directory is needed
// and not known.
func Find(flag string, env func(string) string) (string, error) {
	for _, given := range []string{flag, env("MAILTWIN_CONFIG")} {
		if given != "" {
			path, err := tilde(given, env("HOME"))
			return path, located(given, err)
		}
	}
	return xdg("XDG_CONFIG_HOME", "~/.config", "mailtwin/config.toml", env)
}

// StateDir returns the directory that holds the state and the undo store:
// $MAILTWIN_STATE, else mailtwin in $XDG_STATE_HOME, which is ~/.local/state
// if it is unset or relative. It need not exist. The error is as for Find;
// also, $MAILTWIN_STATE must be absolute or begin with "~/", since a state that
// depends on the working directory would be taken for lost.
func StateDir(env func(string) string) (string, error) {
	if given := env("MAILTWIN_STATE"); given != "" {
		path, err := expand(given, env("HOME"))
		return path, located(given, err)
	}
	return xdg("XDG_STATE_HOME", "~/.local/state", "mailtwin", env)
}

// xdg returns name below the base directory that variable sets. The
// specification has relative values ignored.
func xdg(variable, fallback, name string, env func(string) string) (string, error) {
	base := env(variable)
	if !filepath.IsAbs(base) {
		base = fallback
	}
	path, err := expand(base, env("HOME"))
	if err != nil {
		return "", located(base, err)
	}
	return filepath.Join(path, name), nil
}

// located says which path an error is about; nil stays nil.
func located(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("path %q: %w", path, err)
}

// expand returns path absolute and clean, a leading "~" replaced by home.
func expand(path, home string) (string, error) {
	path, err := tilde(path, home)
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(path) {
		return "", errRelative
	}
	return filepath.Clean(path), nil
}

// tilde replaces a leading "~" of path by home.
func tilde(path, home string) (string, error) {
	rest, ok := strings.CutPrefix(path, "~")
	switch {
	case !ok:
		return path, nil
	case rest != "" && rest[0] != '/':
		return "", errOther
	case !filepath.IsAbs(home):
		return "", errNoHome
	}
	return filepath.Join(home, rest), nil
}

// overlap reports whether one of two absolute paths is the other or lies
// within it, symbolic links resolved as far as the paths exist.
func overlap(a, b string) bool {
	a, b = resolve(a), resolve(b)
	return within(a, b) || within(b, a)
}

func within(inner, outer string) bool {
	rel, err := filepath.Rel(outer, inner)
	return err == nil && filepath.IsLocal(rel)
}

// resolve follows the symbolic links in the part of path that exists.
func resolve(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		return real
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolve(parent), filepath.Base(path))
}
