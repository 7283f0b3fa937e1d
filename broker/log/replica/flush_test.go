package replica

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/storage/storagetest"
)

// slowFlush is the rule of flush.messages, message by message: one is relied upon
// when it is on the disk, or when fewer than so many are not.
type slowFlush struct {
	durable, relied []bool
}

func (s *slowFlush) rely(interval int64) {
	open := int64(0)
	for _, d := range s.durable {
		if !d {
			open++
		}
	}
	for i := range s.durable {
		s.relied[i] = s.relied[i] || s.durable[i] || open < max(interval, 1)
	}
}

func (s *slowFlush) counted() (n int64) {
	for _, r := range s.relied {
		if !r {
			break
		}
		n++
	}
	return n
}

func TestFlushIsTheSlowOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		interval := rapid.OneOf(rapid.Int64Range(0, 6), rapid.Just(int64(math.MaxInt64))).Draw(t, "flush.messages")
		found := rapid.Int64Range(0, 8).Draw(t, "log end when opened")
		r := &Replica{}
		f := &r.flush
		f.begin(interval, found, 0)
		slow := slowFlush{make([]bool, found), make([]bool, found)}
		covers := -1 // messages of a sync under way
		end := func() int64 { return int64(len(slow.durable)) }
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				n := rapid.IntRange(1, 4).Draw(t, "messages")
				slow.durable, slow.relied = append(slow.durable, make([]bool, n)...), append(slow.relied, make([]bool, n)...)
				f.appended(end())
			},
			"ask": func(t *rapid.T) {
				open := int64(0)
				for _, d := range slow.durable {
					if !d {
						open++
					}
				}
				want := covers < 0 && open >= max(interval, 1)
				if asked := f.asked < 0 && f.end > 0 && f.due(); asked != want {
					t.Fatalf("asks for a sync: %t, want %t", asked, want)
				}
				if want {
					covers = len(slow.durable)
					f.asked = f.end
				}
			},
			"synced": func(t *rapid.T) {
				if covers < 0 {
					t.Skip()
				}
				for i := range covers {
					slow.durable[i] = true
				}
				covers = -1
				r.Flushed(0)
			},
			"truncate": func(t *rapid.T) {
				to := rapid.IntRange(0, len(slow.durable)).Draw(t, "to")
				slow.durable, slow.relied = slow.durable[:to], slow.relied[:to]
				covers = min(covers, to)
				f.truncated(int64(to))
			},
			"": func(t *rapid.T) {
				slow.rely(interval)
				if f.counted != slow.counted() || r.Flushing() != (slow.counted() < end()) {
					t.Fatalf("%d of %d may be relied upon, want %d", f.counted, end(), slow.counted())
				}
			},
		})
	})
}

// A log is opened before the metadata tell the topic's own flush.messages. What an
// earlier life may not have flushed must not count until it is.
func TestIntervalLearntAfterOpening(t *testing.T) {
	files := storagetest.New()
	open := func() *Replica {
		r, _, err := Open(files, Config{TP: wire.TP{Topic: "t"}, Self: 1, Topic: config.DefaultTopic(), Eligible: func(int32) bool { return true }}, Saved{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	alone := State{Replicas: []int32{1}, ISR: []int32{1}, Leader: 1}
	r := open()
	if _, err := r.Apply(0, alone); err != nil {
		t.Fatal(err)
	}
	b := wire.NewBuilder(-1, -1, -1)
	b.Append(0, nil, []byte("v"), nil)
	if _, code, err := r.Append(both(0), b.Bytes(), -1); code != 0 || err != nil {
		t.Fatal(code, err)
	}

	r = open() // the process has died; nothing was flushed
	topic := config.DefaultTopic()
	topic.FlushMessages = 1
	r.SetTopic(topic)
	if _, err := r.Apply(0, alone); err != nil {
		t.Fatal(err)
	}
	if hw := r.HighWatermark(); hw != 0 {
		t.Errorf("high watermark %d before the flush", hw)
	}
	syncs := r.Flush()
	if len(syncs) == 0 || syncs[len(syncs)-1] != "t-0/00000000000000000000.log" {
		t.Fatalf("a flush asks for %q", syncs)
	}
	for range syncs[1:] {
		if r.Flushed(0) {
			t.Error("the flush is done before all files are synced")
		}
	}
	if !r.Flushed(0) || r.HighWatermark() != 1 {
		t.Errorf("high watermark %d after the flush, want 1", r.HighWatermark())
	}
}

// A truncation below the recovery point that is written down keeps the log in one segment
// until it is written down again.
func TestRecoveryPointFalls(t *testing.T) {
	topic := config.DefaultTopic()
	topic.FlushMessages, topic.SegmentBytes = 1, 70 // each batch has a segment of its own
	l := newLab(t, 2, topic)
	l.elect(1, []int32{1, 2})
	b := l.node(1)
	l.tell(b)
	l.tell(l.node(2))
	flush := func() {
		t.Helper()
		for range b.Flush() {
			b.Flushed(0)
		}
	}
	produce := func() {
		t.Helper()
		w := wire.NewBuilder(-1, -1, -1)
		w.Append(0, nil, []byte("v"), nil)
		if _, code, err := b.Append(both(0), w.Bytes(), 1); code != 0 || err != nil {
			t.Fatal(code, err)
		}
	}
	for range 3 {
		produce()
		flush()
	}
	if b.RecoveryPoint() != 3 || b.RecoveryPointFell() {
		t.Fatalf("recovery point %d", b.RecoveryPoint())
	}
	b.RecoveryPointSaved(3)
	if err := b.truncate(1); err != nil {
		t.Fatal(err)
	}
	if b.RecoveryPoint() != 1 || !b.RecoveryPointFell() {
		t.Errorf("recovery point %d after a truncation, %t", b.RecoveryPoint(), b.RecoveryPointFell())
	}
	segments := func() (n int) {
		for _, name := range b.disk.List() {
			if strings.HasSuffix(name, ".log") {
				n++
			}
		}
		return n
	}
	produce()
	produce()
	if n := segments(); n != 1 {
		t.Errorf("%d segments while the recovery point is too high", n)
	}
	b.RecoveryPointSaved(1)
	if produce(); segments() != 2 || b.RecoveryPointFell() {
		t.Errorf("%d segments when it is written down", segments())
	}
}
