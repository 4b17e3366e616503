package mirror_test

import (
	"bytes"
	"fmt"
	"io"
	"iter"

	"mailtwin/mirror"
)

type seqIn = iter.Seq[mirror.Incoming]

func joinNotDone(err error) error { return fmt.Errorf("%w: %w", mirror.ErrNotDone, err) }

func bytesReader(octets []byte) io.Reader { return bytes.NewReader(octets) }
