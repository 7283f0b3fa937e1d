package replica

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// story plays the commands of a file against the replicas of one partition.
//
// A broker is named b1; one that is not named is the leader that the controller
// has elected. What is said between brokers and controller is said step by step:
// ask, decide, answer; fetch is a whole round with the leader, unless its answer
// is lost.
type story struct {
	*lab
	t        *testing.T
	d        *datadriven.TestData
	question *asking
	reply    *Answer
	out      strings.Builder
}

func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		s := &story{t: t}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.d = d
			s.out.Reset()
			s.play()
			return s.out.String()
		})
	})
}

func (s *story) sayf(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

var commands = map[string]func(*story){
	"replicas": (*story).replicas,
	"elect": func(s *story) {
		leader := s.number("leader", -1)
		s.elect(int32(leader), s.ids("isr", s.truth.ISR))
		s.tellAll()
	},
	"isr":   (*story).changeISR,
	"tell":  (*story).tellAll,
	"fence": func(s *story) { s.fenced = append(s.fenced, s.broker().id) },
	"unfence": func(s *story) {
		id := s.broker().id
		s.fenced = slices.DeleteFunc(s.fenced, func(x int32) bool { return x == id })
	},
	"config": func(s *story) {
		s.topic = s.config()
		for _, b := range s.up() {
			b.SetTopic(s.topic)
		}
	},
	"advance": func(s *story) {
		by, err := time.ParseDuration(s.d.CmdArgs[0].Key)
		if err != nil {
			s.d.Fatalf(s.t, "%v", err)
		}
		s.now = s.now.Add(by)
	},

	"append":      (*story).append,
	"append-bad":  (*story).appendBad,
	"acknowledge": (*story).acknowledge,
	"fetch":       (*story).replicate,
	"feed":        (*story).feed,

	"shrink": func(s *story) { s.broker().Shrink(s.now); s.wants() },
	"ask":    (*story).askController,
	"decide": (*story).decideQuestion,
	"answer": (*story).answerQuestion,
	"flush":  (*story).askFlush,
	"synced": func(s *story) { s.moved(s.broker(), s.synced(s.broker())) },
	"crash":  func(s *story) { s.broker().Replica = nil },
	"reopen": (*story).reopen,
	"expire": func(s *story) { s.broker().ExpireProducers(s.number("wall", 0), s.number("age", 0)) },
	"garble": (*story).garble,
	"power-loss": func(s *story) {
		b := s.broker()
		b.Replica = nil
		b.disk.PowerLoss(int(s.number("torn", 0)))
	},

	"state":      (*story).state,
	"log":        (*story).dump,
	"read":       (*story).read,
	"latest":     (*story).latest,
	"end-of":     (*story).endOf,
	"for-time":   (*story).forTime,
	"situations": (*story).situations,
}

func (s *story) play() {
	do, ok := commands[s.d.Cmd]
	if !ok {
		s.d.Fatalf(s.t, "unknown command %s", s.d.Cmd)
	}
	do(s)
}

func (s *story) replicas() {
	s.lab = newLab(s.t, int32(s.number("n", 3)), s.config())
	if bug := s.text("bug", ""); bug != "" {
		s.plant(bug)
	}
}

func (s *story) config() config.Topic {
	was := config.Topic{MinInsyncReplicas: 1, MaxMessageBytes: 1 << 20, FlushMessages: math.MaxInt64, SegmentBytes: 1 << 30, SegmentMillis: math.MaxInt64}
	if s.lab != nil {
		was = s.topic
	}
	was.MinInsyncReplicas = int32(s.number("min.insync.replicas", int64(was.MinInsyncReplicas)))
	was.MaxMessageBytes = int32(s.number("max.message.bytes", int64(was.MaxMessageBytes)))
	was.FlushMessages = s.number("flush.messages", was.FlushMessages)
	return was
}

func (s *story) up() (list []*node) {
	for _, b := range s.nodes {
		if b.Replica != nil {
			list = append(list, b)
		}
	}
	return list
}

// tellAll tells the brokers of tell=(1,2), or all that are up, in their order.
func (s *story) tellAll() {
	told := s.ids("tell", nil)
	for _, b := range s.up() {
		if !s.d.HasArg("tell") || slices.Contains(told, b.id) {
			s.lab.tell(b)
		}
	}
}

func (s *story) changeISR() {
	s.setISR(s.ids("isr", nil))
	s.tellAll()
}

// append appends a batch with a record a line as the leader.
func (s *story) append() {
	b := s.broker()
	values := strings.Fields(s.d.Input)
	pid, epoch, seq := s.number("pid", -1), s.number("epoch", 0), s.number("seq", 0)
	if pid < 0 {
		epoch, seq = -1, -1
	}
	s.appended(b, batch(pid, int16(epoch), int32(seq), s.number("time", 1000), values...))
}

func (s *story) appended(b *node, records machine.Bytes) {
	acks := int16(s.number("acks", -1))
	at, code, err := b.Append(both(s.now), records, acks)
	switch {
	case err != nil:
		s.sayf("%v", err)
	case code != 0:
		s.sayf("%s", wire.ErrorName(code))
	default:
		how := ""
		if at.Duplicate {
			how = ", is there already"
		}
		s.sayf("offset %d to %d%s: %s", at.Base, at.End-1, how, told(b.Acknowledge(at.End, acks)))
	}
}

func told(code int16, done bool) string {
	switch {
	case !done:
		return "waits"
	case code != 0:
		return wire.ErrorName(code)
	}
	return "acknowledged"
}

func (s *story) acknowledge() {
	b := s.broker()
	s.sayf("%s", told(b.Acknowledge(s.number("end", b.LogEnd()), int16(s.number("acks", -1)))))
}

// spoil has the ways in which a batch is not what a producer may send.
var spoil = map[string]func([]byte) []byte{
	"nothing":           func([]byte) []byte { return nil },
	"short-header":      func(b []byte) []byte { return b[:60] },
	"short-records":     func(b []byte) []byte { return b[:len(b)-1] },
	"trailing":          func(b []byte) []byte { return append(b, 0) },
	"two-batches":       func(b []byte) []byte { return append(b, b...) },
	"length":            func(b []byte) []byte { binary.BigEndian.PutUint32(b[8:], 48); return b },
	"negative-length":   func(b []byte) []byte { b[8] = 0xff; return b },
	"magic-0":           func(b []byte) []byte { b[16] = 0; return b },
	"magic-1":           func(b []byte) []byte { b[16] = 1; return b },
	"crc":               func(b []byte) []byte { b[17]++; return b },
	"value":             func(b []byte) []byte { b[len(b)-2]++; return b },
	"base-offset":       func(b []byte) []byte { b[7] = 1; return b },
	"negative-offset":   func(b []byte) []byte { b[0] = 0xff; return b },
	"leader-epoch":      func(b []byte) []byte { b[15] = 9; return b },
	"compression":       func(b []byte) []byte { b[22] |= 5; return sealed(b) },
	"log-append-time":   func(b []byte) []byte { b[22] |= 8; return sealed(b) },
	"transactional":     func(b []byte) []byte { b[22] |= 0x10; return sealed(b) },
	"control":           func(b []byte) []byte { b[22] |= 0x20; return sealed(b) },
	"last-offset-delta": func(b []byte) []byte { b[26]++; return sealed(b) },
	"no-records": func(b []byte) []byte {
		b[26], b[60] = 0xff, 0
		b[23], b[24], b[25] = 0xff, 0xff, 0xff
		return sealed(b)
	},
	"count":          func(b []byte) []byte { b[60]++; return sealed(b) },
	"producer-epoch": func(b []byte) []byte { b[51], b[52] = 0xff, 0xff; return sealed(b) },
	"sequence":       func(b []byte) []byte { copy(b[53:], []byte{0xff, 0xff, 0xff, 0xff}); return sealed(b) },
	"producer-id":    func(b []byte) []byte { b[43] = 0x80; return sealed(b) },
}

func sealed(b []byte) []byte {
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// appendBad appends a batch of an idempotent producer, spoilt in each of the ways
// of the input.
func (s *story) appendBad() {
	for _, how := range strings.Fields(s.d.Input) {
		f, ok := spoil[how]
		if !ok {
			s.d.Fatalf(s.t, "unknown spoil %s", how)
		}
		value := strings.Repeat("x", int(s.number("size", 1)))
		b := batch(7, 0, 0, 1000, value).AppendTo(nil)
		fmt.Fprintf(&s.out, "%s: ", how)
		s.appended(s.broker(), machine.Literal(f(b)))
	}
}

// replicate is a round of a follower with its leader, or as many as are asked for.
func (s *story) replicate() {
	for range s.number("rounds", 1) {
		f := s.broker()
		q, ok := s.lab.fetch(f)
		if !ok {
			s.sayf("does not ask")
			return
		}
		if s.d.HasArg("epoch") {
			q.leaderEpoch = int32(s.number("epoch", 0))
		}
		leader := s.node(int32(s.number("of", int64(q.to))))
		if leader.Replica == nil {
			s.sayf("b%d is down", leader.id)
			return
		}
		before := leader.HighWatermark()
		a := s.serve(leader, q, int32(s.number("max-bytes", 1<<20)))
		fmt.Fprintf(&s.out, "from %d after epoch %d: ", q.offset, q.lastEpoch)
		switch {
		case a.Code != 0:
			s.sayf("%s", wire.ErrorName(a.Code))
		case a.Diverges:
			s.sayf("parts at %d in epoch %d", a.DivergeOffset, a.DivergeEpoch)
		default:
			n := 0
			for h := range wire.SplitBatches(a.Records) {
				n += int(h.Count)
			}
			s.sayf("%d records, high watermark %d", n, a.highWatermark)
		}
		s.moved(leader, leader.HighWatermark() != before)
		if s.d.HasArg("lost") {
			return
		}
		s.take(f, a)
		if s.number("rounds", 1) == 1 {
			s.sayf("%s", f.describe())
		}
	}
	if s.number("rounds", 1) > 1 {
		s.sayf("%s", s.broker().describe())
	}
}

// feed gives a follower batches that its leader has not sent.
func (s *story) feed() {
	var b []byte
	for _, line := range strings.Split(strings.TrimSpace(s.d.Input), "\n") {
		var offset int64
		var epoch int32
		var value string
		if _, err := fmt.Sscanf(line, "%d@%d %s", &epoch, &offset, &value); err != nil {
			s.d.Fatalf(s.t, "%q: %v", line, err)
		}
		b = wire.Stamp(batch(-1, -1, -1, 1000, value), offset, epoch).AppendTo(b)
	}
	if s.d.HasArg("torn") {
		b = b[:len(b)-1]
	}
	if s.d.HasArg("garbled") {
		b[len(b)-1]++
	}
	f := s.broker()
	if err := f.AppendFetched(machine.Literal(b), s.number("hw", 0)); err != nil {
		s.sayf("%v", err)
	}
	s.sayf("%s", f.describe())
}

func (s *story) wants() {
	if b := s.broker(); b.Asking() {
		s.sayf("b%d wants ISR %d", b.id, b.asked.isr)
	} else {
		s.sayf("nothing to ask")
	}
}

func (s *story) askController() {
	q, ok := s.ask(s.broker())
	if !ok {
		s.sayf("nothing to ask")
		return
	}
	s.question = &q
	s.sayf("b%d asks for ISR %d at partition epoch %d", q.from, q.isr, q.answer.PartitionEpoch)
}

func (s *story) decideQuestion() {
	a := s.decide(*s.question)
	s.reply = &a
	if a.Code != 0 {
		s.sayf("%s", wire.ErrorName(a.Code))
		return
	}
	s.sayf("ISR %d, partition epoch %d", a.State.ISR, a.State.PartitionEpoch)
}

// answerQuestion gives a leader the answer, or an error that is not from the
// controller.
func (s *story) answerQuestion() {
	a := s.question.answer
	switch code := s.text("code", ""); {
	case code != "":
		a.Code = codeOf(code)
	case s.reply != nil:
		a = *s.reply
	}
	if s.d.HasArg("later-leader") || s.d.HasArg("later-partition") {
		a = s.question.answer
		a.State = State{
			ISR: s.question.isr, LeaderEpoch: a.LeaderEpoch + int32(s.number("later-leader", 0)),
			PartitionEpoch: a.PartitionEpoch + int32(s.number("later-partition", 0)),
		}
	}
	a.LeaderEpoch = int32(s.number("leader-epoch", int64(a.LeaderEpoch)))
	a.PartitionEpoch = int32(s.number("partition-epoch", int64(a.PartitionEpoch)))
	b := s.broker()
	s.moved(b, b.Answered(s.now, a))
	s.sayf("%s", b.describe())
}

func codeOf(name string) int16 {
	for code := int16(-1); code < 200; code++ {
		if wire.ErrorName(code) == name {
			return code
		}
	}
	panic("no error " + name)
}

func (s *story) moved(b *node, moved bool) {
	if moved {
		s.sayf("b%d: high watermark %d", b.id, b.HighWatermark())
	}
}

func (s *story) askFlush() {
	b := s.broker()
	if s.flush(b) {
		s.sayf("syncs %s", strings.Join(b.flushing, " "))
	} else {
		s.sayf("nothing to sync")
	}
}

func (s *story) reopen() {
	b := s.broker()
	if torn := s.open(b, s.number("checkpoint", 0)); torn != "" {
		s.sayf("cut at %s", torn)
	}
	s.sayf("%s", b.describe())
}

// garble changes a byte of the last .log file, counted from its end, or appends some.
func (s *story) garble() {
	b := s.broker()
	name := ""
	for _, file := range b.disk.List() {
		if strings.HasSuffix(file, ".log") {
			name = file
		}
	}
	file := b.disk.Get(name)
	if s.d.HasArg("longer") {
		file = append(file, make([]byte, s.number("longer", 0))...)
	} else {
		file[len(file)-int(s.number("back", 1))]++
	}
	b.disk.Put(name, file)
}

func (s *story) state() {
	for _, b := range s.nodes {
		if !s.d.HasArg("b") || int64(b.id) == s.number("b", 0) {
			s.sayf("%s", b.describe())
		}
	}
}

func (s *story) dump() {
	for _, b := range s.nodes {
		if b.Replica == nil {
			continue
		}
		fmt.Fprintf(&s.out, "b%d:", b.id)
		last := int32(-1)
		for _, r := range s.records(b.Replica, 0) {
			if r.epoch != last {
				fmt.Fprintf(&s.out, " [%d]", r.epoch)
				last = r.epoch
			}
			fmt.Fprintf(&s.out, " %s", r.value)
		}
		s.sayf("")
	}
}

func (s *story) isolation() Isolation {
	switch {
	case s.d.HasArg("follower"):
		return ToLogEnd
	case s.d.HasArg("committed"):
		return Committed
	}
	return Uncommitted
}

func (s *story) read() {
	b := s.broker()
	r := b.Read(Reader{
		Isolation: s.isolation(), From: s.number("from", 0),
		LastEpoch: int32(s.number("last-epoch", -1)), CurrentEpoch: int32(s.number("current", -1)),
	}, int32(s.number("max-bytes", 1<<20)), s.d.HasArg("at-least-one"))
	switch {
	case r.Code != 0:
		s.sayf("%s", wire.ErrorName(r.Code))
	case r.Diverges:
		s.sayf("parts at %d in epoch %d", r.DivergeOffset, r.DivergeEpoch)
	default:
		var got []string
		for h, x := range wire.SplitBatches(r.Records) {
			_ = wire.EachRecord(x, func(rec *wire.Record) error {
				got = append(got, fmt.Sprintf("%d:%s", h.BaseOffset+int64(rec.OffsetDelta), rec.Value))
				return nil
			})
		}
		s.sayf("%s available=%t", got, b.Available(s.isolation(), s.number("from", 0)))
	}
}

func (s *story) latest() {
	offset, code := s.broker().Latest(s.isolation())
	if code != 0 {
		s.sayf("%s", wire.ErrorName(code))
		return
	}
	s.sayf("offset %d, first epoch %d", offset, s.broker().FirstEpoch())
}

func (s *story) endOf() {
	for _, x := range strings.Fields(s.d.Input) {
		epoch, _ := strconv.ParseInt(x, 10, 32)
		found, end := s.broker().EndOfEpoch(int32(epoch))
		s.sayf("%d: epoch %d ends at %d", epoch, found, end)
	}
}

func (s *story) forTime() {
	for _, x := range strings.Fields(s.d.Input) {
		at, _ := strconv.ParseInt(x, 10, 64)
		offset, found, epoch, code := s.broker().OffsetForTime(at, s.isolation())
		s.sayf("%d: offset %d at %d, epoch %d, %s", at, offset, found, epoch, wire.ErrorName(code))
	}
}

func (s *story) situations() {
	for _, b := range s.nodes {
		var list []string
		for _, site := range failpoint.Situations() {
			if n := b.points.Reached(site); n > 0 {
				list = append(list, fmt.Sprintf(" %v %d", site, n))
			}
		}
		s.sayf("b%d:%s", b.id, strings.Join(list, ","))
	}
}

// broker is the one that is named, or the leader.
func (s *story) broker() *node {
	id := s.truth.Leader
	for _, a := range s.d.CmdArgs {
		if n, err := strconv.Atoi(strings.TrimPrefix(a.Key, "b")); err == nil && a.Key[0] == 'b' {
			id = int32(n)
		}
	}
	if id < 1 || int(id) > len(s.nodes) {
		s.d.Fatalf(s.t, "no broker is named and none leads")
	}
	return s.nodes[id-1]
}

func (s *story) text(key, otherwise string) string {
	for _, a := range s.d.CmdArgs {
		if a.Key == key && len(a.Vals) == 1 {
			return a.Vals[0]
		}
	}
	return otherwise
}

func (s *story) number(key string, otherwise int64) int64 {
	v := s.text(key, "")
	if v == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		s.d.Fatalf(s.t, "%s: %v", key, err)
	}
	return n
}

func (s *story) ids(key string, otherwise []int32) []int32 {
	for _, a := range s.d.CmdArgs {
		if a.Key != key {
			continue
		}
		var list []int32
		for _, v := range a.Vals {
			n, err := strconv.ParseInt(v, 10, 32)
			if err != nil {
				s.d.Fatalf(s.t, "%s: %v", key, err)
			}
			list = append(list, int32(n))
		}
		return list
	}
	return slices.Clone(otherwise)
}
