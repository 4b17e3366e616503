//go:build !unix

package main

import "io/fs"

// keepOwner does nothing where owners are not numbers.
func keepOwner(fs.FileInfo, string) error { return nil }
