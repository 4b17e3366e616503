//go:build !linux

package servers

import "syscall"

// diesWithParent has no equivalent here; Stop ends the server.
func diesWithParent() *syscall.SysProcAttr { return nil }
