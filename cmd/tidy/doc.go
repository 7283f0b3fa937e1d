// Package tidy checks what the compiler does not: that packages depend on each
// other downwards only, along the arrows of one table, and that nothing which
// must be repeatable can be otherwise. It is all tests:
//
//	go test ./cmd/tidy
//
// # Layers
//
// Every package has a row, and may import from the rows below it what its line
// in layers_test.go lists. A new package, or a new arrow, is a new word in that
// table and a decision; a test sees to it that no arrow points up or sideways.
// Tests may also import packages of their own row.
//
// # Hazards
//
// In all packages but broker/host, sim/gate, reports and cmd, with types, in
// every file that is no test:
//
//	goroutines, channels, select; clocks and timers; the random numbers of
//	math/rand's global generators, crypto/rand and hash/maphash; sync.Pool and
//	sync.Map; the packages os, net, syscall, runtime and unsafe
//	a range over a map         excused by "// unordered: why"; maps.Keys and the
//	                           like are fine inside slices.Sorted
//	sort.Slice, sort.Sort      refused: use a stable sort
//	slices.SortFunc            excused by "// total: why", since equal elements
//	                           may change places from one Go release to another
//	float arithmetic           excused by "// float: why"; not in checker/measure
//	package-level variables    that anything but their declaration and init changes
//	%p in a string             an address differs in every process
//
// An excuse stands on the line or on the line above it, gives a reason, and is
// an error where there is nothing to excuse. The core that is compiled for
// browsers must not link net, net/http, crypto/tls or os/exec.
//
// Each rule is shown to bite by an archive in testdata: source that breaks it,
// below the findings that are expected.
package tidy
