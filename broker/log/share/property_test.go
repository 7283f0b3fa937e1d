package share

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"brokersim/broker/log/coordinator"
)

// record is a record as a dumb model knows it, by what clients were told alone.
type record struct {
	owner   string
	until   int64 // in s
	pending bool  // acknowledged, and not answered
	done    bool  // accepted or rejected, and answered
	maybe   bool  // of an acknowledgement that was answered with an error: it may be done
	times   int16 // that it was delivered
}

// TestProperties has members and leaders do anything, and holds it with a model: nobody has what
// another has, what was accepted is never delivered again once that is answered, and no record
// is passed over.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		w.init(1, 0)
		w.epoch = 1
		w.p, _ = w.lead(w.epoch)
		var records []record // by offset
		logStart := int64(0)
		members := []string{"a", "b", "c"}
		sec := int64(0)
		type waiting struct{ offsets []int64 }
		var waits waiting
		settle := func(ok, wrote bool) {
			for _, at := range waits.offsets {
				r := &records[at]
				if !r.pending {
					continue
				}
				r.pending = false
				if ok {
					r.done = true
				} else {
					r.maybe = r.maybe || wrote
				}
			}
			waits = waiting{}
		}
		var under waiting // of the write under way
		type saying struct {
			Write
			epoch int32
		}
		var said []saying
		grow := func() {
			for int64(len(records)) < w.p.End() {
				records = append(records, record{})
			}
		}
		lose := func() { // the leader is another from now on
			for i := range records {
				r := &records[i]
				if r.pending {
					r.pending, r.maybe = false, true
				}
				r.owner = ""
			}
			waits, under = waiting{}, waiting{}
		}
		check := func() {
			w.p.check()
			for at := logStart; at < w.p.Start(); at++ {
				r := &records[at]
				if !r.done && !r.maybe && r.times < w.limits.MaxDeliveries {
					t.Fatalf("offset %d is passed over: delivered %d times, owner %q", at, r.times, r.owner)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) { check() },
			"acquire": func(t *rapid.T) {
				member := rapid.SampledFrom(members).Draw(t, "member")
				from := w.p.Next()
				base := from - rapid.Int64Range(0, min(3, from-logStart)).Draw(t, "before")
				if rapid.IntRange(0, 5).Draw(t, "compacted") == 0 {
					base = from + rapid.Int64Range(0, 3).Draw(t, "gap")
				}
				var read []Read
				first := base
				for range rapid.IntRange(1, 3).Draw(t, "batches") {
					n := rapid.Int64Range(1, 6).Draw(t, "size")
					read = append(read, Read{Range: Range{base, base + n - 1}})
					base += n
				}
				want := Want{Member: member, Records: rapid.Int64Range(1, 8).Draw(t, "most"), Batches: rapid.Bool().Draw(t, "whole"), Size: rapid.Int64Range(0, 3).Draw(t, "together")}
				got := w.p.Acquire(w.now.Mono, want, from, read, w.limits)
				grow()
				for at := from; at < first; at++ {
					if r := &records[at]; !r.pending && (r.owner == "" || r.until <= sec) {
						r.maybe = true // it is not in the log any more
					}
				}
				n := int64(0)
				for _, g := range got {
					if n += g.Range.count(); !want.Batches && n > want.Records {
						t.Fatalf("%d records and more are given to who wants %d", n, want.Records)
					}
					for at := g.First; at <= g.Last; at++ {
						r := &records[at]
						switch {
						case r.owner != "" && r.until > sec:
							t.Fatalf("offset %d is acquired by %s, and %s has it", at, member, r.owner)
						case r.pending:
							t.Fatalf("offset %d is acquired by %s while an acknowledgement of it waits", at, member)
						case r.done:
							t.Fatalf("offset %d is delivered again", at)
						}
						r.times++
						r.owner, r.until = member, sec+30
					}
				}
			},
			"acknowledge": func(t *rapid.T) {
				member := rapid.SampledFrom(members).Draw(t, "member")
				var acks []Ack
				var all []int64
				for at := w.p.Start(); at < w.p.End(); at++ {
					r := &records[at]
					if r.owner != member || r.pending || r.until <= sec || rapid.IntRange(0, 2).Draw(t, "not") == 0 {
						continue
					}
					acks = append(acks, Ack{Range{at, at}, []int8{rapid.SampledFrom([]int8{Gap, Accept, Release, Reject, Renew}).Draw(t, "word")}})
				}
				if _, code := w.p.Acknowledge(w.now.Mono, member, acks, w.limits); code != 0 || CheckAcks(acks, true) != 0 {
					t.Fatalf("%s may not acknowledge %v: error %d", member, acks, code)
				}
				for _, a := range acks {
					r := &records[a.First]
					switch a.Types[0] {
					case Renew:
						r.until = sec + 30
					case Release: // it is free once that is written; the model knows at once that nobody has it
						r.owner = ""
					default:
						r.pending, r.owner = true, ""
						all = append(all, a.First)
					}
				}
				waits.offsets = append(waits.offsets, all...)
			},
			"others' records": func(t *rapid.T) {
				if w.p.End() == w.p.Start() {
					t.Skip()
				}
				at := rapid.Int64Range(w.p.Start(), w.p.End()-1).Draw(t, "at")
				before := w.p.String()
				if _, code := w.p.Acknowledge(w.now.Mono, "nobody", []Ack{{Range{at, at}, []int8{Accept}}}, w.limits); code == 0 || w.p.String() != before {
					t.Fatalf("nobody acknowledges offset %d: error %d, %s", at, code, w.p)
				}
			},
			"end session": func(t *rapid.T) {
				member := rapid.SampledFrom(members).Draw(t, "member")
				w.p.ReleaseAll(member)
				for i := range records {
					if r := &records[i]; r.owner == member && !r.pending {
						r.owner = ""
					}
				}
			},
			"write": func(t *rapid.T) {
				x, ok := w.p.Write()
				if !ok {
					t.Skip()
				}
				under, waits = waits, waiting{}
				end := rapid.SampledFrom([]string{"done", "done", "done", "refused", "answer lost"}).Draw(t, "end")
				if end != "refused" {
					said = append(said, saying{x, w.epoch})
					if code := w.write(w.p, w.epoch, x); code != 0 {
						t.Fatalf("error %d", code)
					}
				}
				w.p.Written(end == "done")
				later := waits
				waits = under
				settle(end == "done", end == "answer lost")
				waits = later
				if end != "done" {
					// Who has had the records has them still, as the leader knows.
					for i := range w.p.spans {
						if s := &w.p.spans[i]; s.state == Acquired {
							for at := s.First; at <= s.Last; at++ {
								if r := &records[at]; r.owner == "" && s.until > w.now.Mono {
									r.owner, r.until = s.member, int64(s.until)/1e9
								}
							}
						}
					}
				}
			},
			"late": func(t *rapid.T) { // of a connection that was given up
				if len(said) == 0 {
					t.Skip()
				}
				x := rapid.SampledFrom(said).Draw(t, "said")
				w.write(w.p, x.epoch, x.Write)
			},
			"time": func(t *rapid.T) {
				n := rapid.Int64Range(1, 20).Draw(t, "s")
				sec += n
				w.now.Mono, w.now.Wall = w.now.Mono.Add(time.Duration(n)*time.Second), w.now.Wall.Add(time.Duration(n)*time.Second)
				w.p.Expire(w.now.Mono, w.limits)
			},
			"leader": func(t *rapid.T) {
				w.epoch++
				p, code := w.lead(w.epoch)
				if code != 0 {
					t.Fatalf("error %d", code)
				}
				w.p = p
				w.p.LogStart(logStart)
				lose()
				grow()
			},
			"coordinator": func(*rapid.T) {
				known := w.m.Durable()
				w.restart()
				if w.m.Durable() != known {
					t.Fatalf("the next coordinator knows\n%s, not\n%s", w.m.Durable(), known)
				}
			},
			"log start": func(t *rapid.T) {
				logStart = max(logStart, rapid.Int64Range(w.p.Start(), w.p.End()).Draw(t, "at"))
				w.p.LogStart(logStart)
				grow()
			},
		})
		// In the end everything is given back, and delivered until it is done with.
		for i := range records {
			records[i].maybe = records[i].maybe || records[i].pending
		}
		for range 40 {
			w.now.Mono = w.now.Mono.Add(time.Minute)
			if w.p.Busy() {
				w.p.Written(false)
			}
			w.p.Expire(w.now.Mono, w.limits)
			if x, ok := w.p.Write(); ok {
				w.p.Written(w.write(w.p, w.epoch, x) == 0)
			}
			if w.p.Start() == w.p.End() {
				break
			}
			next := w.p.Next()
			if next == w.p.End() {
				continue
			}
			for _, g := range w.p.Acquire(w.now.Mono, Want{Member: "z", Records: 100}, next, []Read{{Range: Range{next, w.p.End() - 1}}}, w.limits) {
				for at := g.First; at <= g.Last; at++ {
					if records[at].times++; records[at].done {
						t.Fatalf("offset %d is delivered again", at)
					}
				}
			}
		}
		if w.p.Start() != w.p.End() {
			t.Fatalf("not all is done with at the end: %v", w.p)
		}
		check()
	})
}

// What is combined is what a map of offsets knows.
func TestCombine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (list []Batch) {
			for range rapid.IntRange(0, 6).Draw(t, name) {
				first := rapid.Int64Range(0, 20).Draw(t, "first")
				list = append(list, Batch{Range{first, first + rapid.Int64Range(0, 5).Draw(t, "more")}, rapid.SampledFrom([]State{Available, Acknowledged, Archived}).Draw(t, "state"), int16(rapid.IntRange(0, 2).Draw(t, "count"))})
			}
			return list
		}
		known, news, start := Combine(nil, draw("known"), 0), draw("news"), rapid.Int64Range(0, 20).Draw(t, "start")
		type value struct {
			state State
			count int16
		}
		want := map[int64]value{}
		for _, list := range [][]Batch{known, news} {
			for _, b := range list {
				for at := b.First; at <= b.Last; at++ {
					if old, ok := want[at]; at >= start && (!ok || b.Count > old.count || b.Count == old.count && b.State >= old.state) {
						want[at] = value{b.State, b.Count}
					}
				}
			}
		}
		got, before := map[int64]value{}, start-1
		for _, b := range Combine(known, news, start) {
			if b.First <= before || b.Last < b.First {
				t.Fatalf("%v comes behind offset %d", b, before)
			}
			for before = b.First; before <= b.Last; before++ {
				got[before] = value{b.State, b.Count}
			}
			before--
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v and %v from %d on are %v, want %v", known, news, start, got, want)
		}
	})
}

// No key and no value makes a machine panic, nor is anything changed by one that is refused; what
// is taken is written again as it was read.
func FuzzReplay(f *testing.F) {
	w := newWorld()
	w.init(1, 5)
	p, _ := w.lead(3)
	p.Acquire(0, Want{Member: "a", Records: 5}, 5, []Read{{Range: Range{5, 9}}}, w.limits)
	p.Acknowledge(0, "a", []Ack{{Range{5, 9}, []int8{Accept, Release, Reject, Gap, Accept}}}, w.limits)
	x, _ := p.Write()
	w.write(p, 3, x)
	for _, r := range w.log {
		f.Add(r.Key, r.Value)
	}
	f.Add(appendKey(shareSnapshot, Key{"g", theTopic, 0}), []byte(nil))
	f.Add([]byte{0, 1}, []byte{0, 0})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		w := newWorld()
		w.init(1, 5)
		before := w.m.Durable()
		for i := range 2 {
			if err := w.m.Replay(coordinator.Position{Offset: int64(i + 1)}, key, value); err != nil && w.m.Durable() != before {
				t.Fatalf("%v, and yet something has changed:\n%s", err, w.m.Durable())
			}
		}
		kind, k, err := readKey(key)
		if err == nil && !bytes.Equal(appendKey(kind, k), key) {
			t.Fatalf("key %x is %v, which is written as %x", key, k, appendKey(kind, k))
		}
		if s, err := readSnapshot(value); err == nil {
			if again, err := readSnapshot(snapshotRecord(k, s).Value); err != nil || fmt.Sprint(*again) != fmt.Sprint(*s) {
				t.Fatalf("%v is read again as %v: %v", *s, again, err)
			}
		}
		if c, err := readUpdate(value); err == nil {
			if again, err := readUpdate(updateRecord(k, c).Value); err != nil || fmt.Sprint(*again) != fmt.Sprint(*c) {
				t.Fatalf("%v is read again as %v: %v", *c, again, err)
			}
		}
	})
}
