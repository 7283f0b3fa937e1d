package client

import (
	"slices"
	"testing"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"pgregory.net/rapid"
)

// seen is what an application sees of a record.
type seen struct {
	offset, time int64
	identity     uint64
}

// A Bulk consumer hands over what another does, in polls of the same records, and is
// at the same position after each.
func TestBulkConsumer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var log []machine.Bytes
		end := int64(0)
		identity := func(offset int64) uint64 { return uint64(offset)*7 + 3 }
		for range rapid.IntRange(1, 5).Draw(t, "batches") {
			b := wire.NewBuilder(-1, -1, -1)
			if rapid.IntRange(0, 3).Draw(t, "control") == 0 {
				b.Control()
			}
			for n := range rapid.Int64Range(1, 6).Draw(t, "records") {
				b.AppendFiller(1000+end+n, nil, 100, identity(end+n))
			}
			n := int64(b.Count())
			log = append(log, wire.Stamp(b.Bytes(), end, 4))
			end += n
		}
		records := machine.Concat(log...)
		from := rapid.Int64Range(0, int64(5)).Draw(t, "from")
		begin := func(bulk bool) (*assigned, *FetchPart) {
			c, a, part := &Consumer{bulk: bulk}, &assigned{offset: from, state: fetching}, &FetchPart{From: from}
			c.set.CheckCRCs = true
			next, epoch, err := c.read(part, a, nil, records)
			if err != nil {
				t.Fatal(err)
			}
			a.buffer, a.stretches, a.next, a.nextEp = part.Records, part.Stretches, next, epoch
			return a, part
		}
		one, _ := begin(false)
		bulk, part := begin(true)
		kept := slices.Clone(part.Stretches)
		for !one.empty() {
			limit := rapid.Int32Range(1, 8).Draw(t, "limit")
			if one.buffered() != bulk.buffered() {
				t.Fatalf("%d are buffered, want %d", bulk.buffered(), one.buffered())
			}
			var got, want []seen
			x, y := one.take(limit), bulk.take(limit)
			for _, r := range x.Records {
				want = append(want, seen{r.Offset, r.Time, identity(r.Offset)})
			}
			for i := range y.Stretches {
				s := &y.Stretches[i]
				if err := s.Each(func(offset, time int64, o *wire.Outline) { got = append(got, seen{offset, time, o.Identity}) }); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(got, want) || y.count() != x.count() {
				t.Fatalf("polls %v, want %v", got, want)
			}
			if x.Next != y.Next || x.Epoch != y.Epoch || one.offset != bulk.offset {
				t.Fatalf("position %d in epoch %d, want %d in %d", y.Next, y.Epoch, x.Next, x.Epoch)
			}
		}
		if !bulk.empty() {
			t.Fatalf("%d are left", bulk.buffered())
		}
		if !slices.EqualFunc(kept, part.Stretches, func(a, b Stretch) bool { return a.From == b.From && a.To == b.To }) {
			t.Fatal("what the fetch shows has changed")
		}
	})
}
