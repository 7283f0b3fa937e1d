package client

import (
	"testing"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Whatever stands in a records field, a consumer neither panics nor hands over
// what lies before its position or behind the next.
func FuzzFetchedRecords(f *testing.F) {
	w := wire.NewBuilder(-1, -1, -1)
	for i := range int64(5) {
		w.Append(i, nil, []byte("value"), nil)
	}
	good := wire.Stamp(w.Bytes(), 7, 3).AppendTo(nil)
	f.Add(good, int64(7))
	f.Add(good, int64(9))
	f.Add(append(good, good[:70]...), int64(0))
	short := append([]byte(nil), good...)
	short[26]-- // the last offset delta: the batch says that it is shorter than it is
	f.Add(short, int64(0))
	negative := append([]byte(nil), good...)
	negative[57] = 0xff // the number of records
	f.Add(negative, int64(0))
	f.Fuzz(func(t *testing.T, b []byte, from int64) {
		from &= 1<<40 - 1
		for _, check := range []bool{true, false} {
			s := config.DefaultConsumer()
			s.CheckCRCs = check
			c := NewConsumer(ConsumerConfig{Name: "k", Settings: s})
			part := &FetchPart{}
			next, _, err := c.read(part, &assigned{offset: from, epoch: 1}, []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: 1, FirstOffset: from}}, machine.Literal(b))
			if err != nil {
				continue
			}
			if next < from {
				t.Fatalf("went back from %d to %d", from, next)
			}
			last := from - 1
			for i := range part.Records {
				off := part.Records[i].Offset
				if off <= last || off >= next {
					t.Fatalf("record at %d after %d, position %d then", off, last, next)
				}
				last = off
			}
		}
	})
}

// Whatever frames come on a connection, the clients close it rather than panic,
// and go on.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{0, 0, 0, 4, 0, 0, 0, 1}, false)
	f.Add([]byte{0, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, true)
	f.Fuzz(func(t *testing.T, frame []byte, reads bool) {
		d := newDouble(t, 1)
		d.topic("t", 1)
		if reads {
			c := NewConsumer(ConsumerConfig{Name: "k", Bootstrap: d.addrs(), Settings: config.DefaultConsumer()})
			c.Assign(Assignment{TP: wire.TP{Topic: "t"}, Offset: 0, Epoch: -1})
			d.client = c
		} else {
			p := NewProducer(ProducerConfig{Name: "p", Bootstrap: d.addrs(), Settings: config.DefaultProducer()})
			p.Watch("t")
			d.client = p
		}
		d.run()
		if p, is := d.client.(*Producer); is {
			p.Send(machine.Now{}, "t", Record{Value: []byte("x")})
			d.advance(10e6)
		}
		for conn := range d.lastID {
			d.queue = append(d.queue, machine.Input{Kind: machine.Received, Conn: conn + 1, Frame: machine.Literal(frame)})
		}
		d.settle()
		d.advance(5e9)
		if d.oldest(d.broker("b1")) == nil {
			t.Fatal("the client has not come back")
		}
	})
}
