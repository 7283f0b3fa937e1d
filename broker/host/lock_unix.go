//go:build unix

package host

import (
	"errors"
	"os"
	"syscall"
)

// ErrLocked says that another process, or another life in this one, has the directory.
var ErrLocked = errors.New("the directory is in use by another process")

// lockDirectory takes a directory for this life alone. The kernel gives it back when the
// process dies.
func lockDirectory(root *os.Root) (*os.File, error) {
	f, err := root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, ErrLocked
	}
	return f, nil
}
