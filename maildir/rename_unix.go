//go:build unix && !linux && !darwin

package maildir

// renameExclusive renames without replacing.
func renameExclusive(from *directory, name string, to *directory, newName string) error {
	return linkExclusive(from, name, to, newName)
}
