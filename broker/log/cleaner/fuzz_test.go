package cleaner

import (
	"errors"
	"testing"

	"brokersim/broker/log/wire"
	"brokersim/broker/storage"
	"brokersim/broker/storage/storagetest"
)

// Whatever stands in a segment, a pass ends: it has cleaned it, or it says that it cannot.
func FuzzClean(f *testing.F) {
	b := wire.NewBuilder(1, 0, 0)
	b.Append(5, []byte("k"), []byte("v"), nil)
	b.Append(6, []byte("k"), nil, nil)
	whole := b.Bytes()
	f.Add(whole.Contiguous())
	for codec := int8(1); codec <= 4; codec++ {
		zipped, err := wire.Compress(whole, codec)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append(zipped.Contiguous(), wire.Stamp(whole, 2, 0).Contiguous()...))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d := storagetest.New()
		d.Put(dir+"/00000000000000000000.log", text)
		o := storage.Defaults()
		o.Holes, o.Flaws.SkipChecksums = true, true // what is wrong comes about later
		l, _, err := storage.OpenWith(d, dir, o)
		if err != nil || l.End() == 0 || l.End() > 1<<40 {
			return
		}
		if err := l.RollEmpty(false); err != nil {
			t.Fatal(err)
		}
		size := l.Size()
		p := Begin(l, Rules{Until: l.End(), Now: 100, DeleteRetention: 10, SegmentBytes: 1 << 20, IndexBytes: 1 << 20, MapBytes: 1 << 10, MapLoad: 900_000})
		for range 10_000 {
			if _, over := p.Done(); over {
				if l.Size() > 2*size+1000 {
					t.Errorf("%d bytes became %d", size, l.Size())
				}
				return
			}
			_, sync, err := p.Slice(100)
			for err == nil && len(sync) > 0 {
				sync, _, err = p.Synced()
			}
			if err != nil {
				if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrMapFull) || p.GiveUp() != nil || l.Size() != size {
					t.Errorf("%v", err)
				}
				return
			}
		}
		t.Error("the pass does not end")
	})
}
