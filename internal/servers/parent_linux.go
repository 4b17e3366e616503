package servers

import "syscall"

// diesWithParent ends the server when the test binary is killed.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
