package imapconn

import "io"

type part struct{}
type commandFlags uint8
type commandState uint8
type bodySource struct{ io.Reader }
