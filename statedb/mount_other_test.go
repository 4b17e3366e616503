//go:build !linux

package statedb

import "errors"

var errNoMount = errors.New("only known on Linux")

func mountTmpfs(string, int) error { return errNoMount }

func remount(string, bool) error { return errNoMount }

func unmount(string) error { return errNoMount }
