//go:build unix

package host

import "syscall"

// tryWrite writes as much as the kernel takes now. An error is left to be met again by
// who may wait.
func tryWrite(c syscall.RawConn, b []byte) (n int) {
	_ = c.Write(func(fd uintptr) bool {
		n, _ = syscall.Write(int(fd), b)
		return true
	})
	return max(n, 0)
}
