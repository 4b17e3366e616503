package maildir

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// renameExclusive renames without replacing: MoveFileEx fails when the new
// name exists, unless it is told to replace it.
func renameExclusive(from *directory, name string, to *directory, newName string) error {
	oldPath, newPath := filepath.Join(from.full, name), filepath.Join(to.full, newName)
	err := moveFile(oldPath, newPath)
	if err == windows.ERROR_ALREADY_EXISTS || err == windows.ERROR_FILE_EXISTS {
		err = fs.ErrExist
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: name, New: newName, Err: err}
	}
	return nil
}

func moveFile(oldPath, newPath string) error {
	from, err := windows.UTF16PtrFromString(oldPath)
	if err != nil {
		return err
	}
	to, err := windows.UTF16PtrFromString(newPath)
	if err != nil {
		return err
	}
	return windows.MoveFileEx(from, to, windows.MOVEFILE_WRITE_THROUGH)
}

// syncDirectory has nothing to do: Windows writes names through.
func syncDirectory(*os.File) error { return nil }
