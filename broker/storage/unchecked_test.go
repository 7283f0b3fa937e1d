package storage_test

import (
	"testing"

	"brokersim/broker/storage"
	"brokersim/broker/storage/storagetest"
)

// Without checksums a garbled value passes for a batch, and nothing else does: the
// planted bug is one bug.
func TestSkipChecksums(t *testing.T) {
	whole := batch(0, 0, 1, "whole")
	garbled := batch(1, 0, 1, "garbled")
	garbled[len(garbled)-3] ^= 0xff
	torn := batch(2, 0, 1, "torn")
	d := storagetest.New()
	name := open(t, d).File()
	d.Put(name, append(append(append([]byte{}, whole...), garbled...), torn[:len(torn)-1]...))

	l, cut, err := storage.OpenWith(d, dir, storage.Options{Flaws: storage.Flaws{SkipChecksums: true}})
	if err != nil || l.End() != 2 || cut.TornBytes != int64(len(torn)-1) {
		t.Errorf("unchecked: log end %d, cut %+v, %v", l.End(), cut, err)
	}
	l, cut, err = storage.Open(d, dir)
	if err != nil || l.End() != 1 || cut.TornBytes != int64(len(garbled)) {
		t.Errorf("checked: log end %d, cut %+v, %v", l.End(), cut, err)
	}
}
