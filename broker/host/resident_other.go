//go:build !linux

package host

import "os"

// resident says yes: nobody here knows of a way to ask.
func resident(*os.File, int64, int64) bool { return true }
