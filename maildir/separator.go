//go:build !windows

package maildir

// infoSeparator stands between the base of a file name and the flags.
const infoSeparator = ":2,"
