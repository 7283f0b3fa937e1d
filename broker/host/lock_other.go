//go:build !unix

package host

import (
	"errors"
	"os"
)

// ErrLocked says that another process, or another life in this one, has the directory.
var ErrLocked = errors.New("the directory is in use by another process")

// lockDirectory would take a directory for this life alone; here nothing sees to it.
func lockDirectory(root *os.Root) (*os.File, error) {
	return root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o644)
}
