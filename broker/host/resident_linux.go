package host

import (
	"os"
	"slices"
	"syscall"
	"unsafe"
)

// resident reports whether the page cache holds a range of a file: mincore(2) of a mapping
// of it. A kernel that will not say so (of a file that is not ours, since Linux 5.2) says
// yes. n is above 0, and the range within the file.
func resident(f *os.File, off, n int64) bool {
	page := int64(os.Getpagesize())
	from := off / page * page
	m, err := syscall.Mmap(int(f.Fd()), from, int(off+n-from), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return true // reading it is how to find out
	}
	defer func() { _ = syscall.Munmap(m) }()
	pages := make([]byte, (int64(len(m))+page-1)/page)
	_, _, errno := syscall.Syscall(syscall.SYS_MINCORE, uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)), uintptr(unsafe.Pointer(&pages[0])))
	return errno != 0 || !slices.ContainsFunc(pages, func(p byte) bool { return p&1 == 0 })
}
