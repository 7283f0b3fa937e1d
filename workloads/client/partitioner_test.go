package client

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// A producer of each class sends records to four partitions, one of which has no
// leader, into batches of three records.
func TestPartitioners(t *testing.T) {
	for _, row := range []struct {
		class  string
		ignore bool
		keyed  bool
		check  func(t *testing.T, parts []int32)
	}{
		{"", false, true, byKey},
		{"", true, true, stuck},
		{"", false, false, stuck},
		{config.PartitionerRoundRobin, false, false, inTurn},
		{config.PartitionerRoundRobin, false, true, inTurn},
		{config.PartitionerUniformSticky, false, true, batchByBatch},
		{config.PartitionerUniformSticky, false, false, batchByBatch},
		{config.PartitionerSticky, true, true, byKey}, // the class does not know partitioner.ignore.keys
		{config.PartitionerSticky, false, false, batchByBatch},
	} {
		t.Run(fmt.Sprintf("%s/ignore=%t/keyed=%t", row.class, row.ignore, row.keyed), func(t *testing.T) {
			p, _ := partitioned(t, func(s *config.Producer) {
				s.PartitionerClass, s.PartitionerIgnoreKeys = row.class, row.ignore
			})
			var parts []int32
			for i := range 60 {
				r := Record{Filler: 100}
				if row.keyed {
					r.Key = []byte{byte(i % 5)}
				}
				tp, sent := p.Send(machine.Now{}, "t", r)
				if sent != Taken {
					t.Fatalf("record %d: %d", i, sent)
				}
				parts = append(parts, tp.Partition)
			}
			row.check(t, parts)
		})
	}
}

// partitioned is a producer that knows a topic of four partitions, of which number 2
// has no leader. Its batches have room for three records of 100 bytes without a key.
func partitioned(t *testing.T, set func(*config.Producer)) (*Producer, *double) {
	d := newDouble(t, 1)
	d.topic("t", 4)
	d.topics["t"][2].leader = -1
	s := config.DefaultProducer()
	s.BatchSize = 400
	set(&s)
	p := NewProducer(ProducerConfig{Name: "p", Seed: 1, Bootstrap: d.addrs(), Settings: s})
	d.client = p
	p.Watch("t")
	d.run()
	return p, d
}

func byKey(t *testing.T, parts []int32) {
	for i, got := range parts {
		if want := KeyPartition([]byte{byte(i % 5)}, 4); got != want {
			t.Errorf("record %d goes to %d, its key to %d", i, got, want)
		}
	}
}

// inTurn passes over the partition without a leader.
func inTurn(t *testing.T, parts []int32) {
	for i, got := range parts {
		if want := []int32{0, 1, 3}[i%3]; got != want {
			t.Errorf("record %d goes to %d, want %d", i, got, want)
		}
	}
}

// stuck stays until batch.size bytes have gone to a partition, not always elsewhere
// then, and uses all with a leader alike.
func stuck(t *testing.T, parts []int32) { runsOf(t, parts, false) }

// batchByBatch is elsewhere with each batch.
func batchByBatch(t *testing.T, parts []int32) { runsOf(t, parts, true) }

func runsOf(t *testing.T, parts []int32, elsewhere bool) {
	var used []int32
	for i := 0; i < len(parts); {
		n := 1
		for i+n < len(parts) && parts[i+n] == parts[i] {
			n++
		}
		if elsewhere && n > 4 || n < 3 && i+n < len(parts) {
			t.Errorf("%d records in a row to %d from record %d on: %v", n, parts[i], i, parts)
		}
		used = append(used, parts[i])
		i += n
	}
	slices.Sort(used)
	if used = slices.Compact(used); !slices.Equal(used, []int32{0, 1, 3}) {
		t.Errorf("the partitions %d were used", used)
	}
}

// send() blocks for max.block.ms while buffer.memory is short, and then throws. What
// becomes free in time is enough.
func TestMaxBlock(t *testing.T) {
	for _, freed := range []bool{false, true} {
		p, d := partitioned(t, func(s *config.Producer) { s.BufferMemory, s.MaxBlock = 400, 50*time.Millisecond })
		send := func(at time.Duration) Sent {
			d.now = machine.Instant(at)
			_, sent := p.Send(machine.Now{Mono: d.now}, "t", Record{Filler: 300})
			d.run()
			return sent
		}
		if got := send(0); got != Taken {
			t.Fatalf("the first record: %d", got)
		}
		if got := send(10 * time.Millisecond); got != Blocked {
			t.Fatalf("without buffer.memory: %d", got)
		}
		if at := time.Duration(p.Deadline()); at > 60*time.Millisecond {
			t.Errorf("wants to be asked again at %v", at)
		}
		if freed {
			d.judge(d.held[0], func(int, wire.TP, wire.Records) verdict { return verdict{} })
			d.settle()
			if got := send(59 * time.Millisecond); got != Taken {
				t.Errorf("with buffer.memory again: %d", got)
			}
			if got := send(70 * time.Millisecond); got != Blocked {
				t.Errorf("the next one: %d", got)
			}
			continue
		}
		for _, row := range []struct {
			at   time.Duration
			want Sent
		}{{59 * time.Millisecond, Blocked}, {60 * time.Millisecond, TimedOut}, {61 * time.Millisecond, Blocked}, {110 * time.Millisecond, Blocked}, {111 * time.Millisecond, TimedOut}} {
			if got := send(row.at); got != row.want {
				t.Errorf("at %v: %d, want %d", row.at, got, row.want)
			}
		}
	}
	p := NewProducer(ProducerConfig{Settings: config.Producer{BatchSize: 1, MaxRequestSize: 1000, BufferMemory: 1000}})
	if _, got := p.Send(machine.Now{}, "t", Record{}); got != TimedOut {
		t.Errorf("without metadata and max.block.ms=0: %d", got)
	}
}

// A record that is blocked has its partition: it takes no further ones.
func TestBlockedStays(t *testing.T) {
	for _, class := range []string{config.PartitionerUniformSticky, config.PartitionerRoundRobin} {
		p, _ := partitioned(t, func(s *config.Producer) { s.PartitionerClass, s.BufferMemory = class, 400 })
		p.Send(machine.Now{}, "t", Record{Filler: 300})
		var at []int32
		for range 5 {
			if _, sent := p.Send(machine.Now{}, "t", Record{Filler: 300}); sent != Blocked {
				t.Fatalf("%s: %d", class, sent)
			}
			at = append(at, p.topics[0].choice.partition(p.topics[0].meta.parts))
		}
		if len(slices.Compact(at)) != 1 {
			t.Errorf("%s: goes to %d in turn", class, at)
		}
	}
}
