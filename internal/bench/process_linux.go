package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// diesWithParent ends a tool when the benchmark is killed.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }

// reportedPeak is the largest resident set that wait4 reports, in octets. exec
// hands the peak of the process that started it on to the new one, so that it
// says nothing unless it is above that, which is floor: then it is 0.
func reportedPeak(state *os.ProcessState, floor int64) int64 {
	peak := state.SysUsage().(*syscall.Rusage).Maxrss << 10
	if peak <= floor {
		return 0
	}
	return peak
}

// ownPeak is the largest resident set of this process so far, in octets.
func ownPeak() int64 { return readPeak("/proc/self/status") }

// watchPeak looks at the peak of a process again and again until done is closed
// and returns the last that it saw. What a process allocates in its very last
// milliseconds can be missed.
func watchPeak(pid int, done <-chan struct{}) (peak int64) {
	path := fmt.Sprintf("/proc/%d/status", pid)
	pause := time.Millisecond
	for {
		peak = max(peak, readPeak(path))
		select {
		case <-done:
			return peak
		case <-time.After(pause):
		}
		pause = min(pause+pause/16, 20*time.Millisecond)
	}
}

// readPeak reads VmHWM, 0 where there is none (any more).
func readPeak(path string) int64 {
	status, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	_, rest, found := bytes.Cut(status, []byte("VmHWM:"))
	fields := bytes.Fields(rest)
	if !found || len(fields) == 0 {
		return 0
	}
	kilo, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return kilo << 10
}
