//go:build !linux

package main

import (
	"os"
	"syscall"
)

// diesWithParent has no equivalent here.
func diesWithParent() *syscall.SysProcAttr { return nil }

// Memory is measured on Linux only.
func reportedPeak(*os.ProcessState, int64) int64      { return 0 }
func ownPeak() int64                                  { return 0 }
func watchPeak(_ int, done <-chan struct{}) (_ int64) { <-done; return 0 }
