package client

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Each file of testdata/stories shows one thing; its first line says which. The
// test plays the brokers:
//
//	cluster brokers=2 topic=t partitions=2 [hidden=b1] [transactions=2]
//	producer | consumer NAME=VALUE ...    Kafka's settings
//	admin topic=t partitions=2            creates it
//	send [n=1] [key=K] [size=10]          n values of so many bytes
//	init   begin   commit   abort         of a producer with transactional.id
//	offsets t-0=5 ... [group=g member=m generation=3]
//	assign t-0 [offset=N epoch=N]   unassign t-0   list t-0   poll [n=N]
//	advance 5ms                           lets time pass
//	leader t-0 b2 [epoch=N]               elects; the client is not told
//	lose b1   down b1   hang b1   up b1   resets; refuses or ignores dials, takes them again
//	silent | speak METADATA               holds back an API, or answers it again
//	answer b1                             the oldest request that it holds, a line a partition:
//	    t-0 10                                Produce: appended at 10
//	    t-0 hw=9 [start=N] batch=5+3@2 ...    Fetch: three records from 5 on of epoch 2; also corrupt=, control=
//	        txn=5+3@2:7 abort=8@2:7 aborted=7@5   of producer 7; whose transaction from 5 on was aborted
//	    t-0 offset=9 epoch=2                  ListOffsets, OffsetForLeaderEpoch
//	    t-0 NOT_LEADER_OR_FOLLOWER [log-start=N]   any; a partition without a line is left out
//	    all CODE | all id=7 epoch=1           what has no partitions
//
// What happens is printed beneath each.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		var s *story
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "cluster" {
				s = newStory(t, d)
				return ""
			}
			if s == nil {
				d.Fatalf(t, "a story begins with its cluster")
			}
			return s.tell(t, d)
		})
	})
}

type story struct {
	*double
	out strings.Builder

	producer *Producer
	consumer *Consumer
	admin    *Admin
	ticket   int64
	state    TxnState
}

func newStory(t *testing.T, d *datadriven.TestData) *story {
	s := &story{double: newDouble(t, intArg(d, "brokers", 1))}
	if d.HasArg("topic") {
		s.topic(textArg(d, "topic", "t"), intArg(d, "partitions", 1))
	}
	if n := intArg(d, "transactions", 0); n > 0 {
		s.withTransactions(int16(n))
	}
	if d.HasArg("hidden") {
		s.broker(textArg(d, "hidden", "")).hidden = true
		for _, l := range s.topics["t"] {
			l.leader = max(l.leader, 2)
		}
	}
	s.saw = s.print
	s.sawAsk = func(a *ask) {
		if a.Key != wire.ApiVersions {
			s.print("%s <- %s", a.at.name(), describe(a))
		}
	}
	s.after = s.outcomes
	return s
}

func (s *story) print(format string, args ...any) {
	fmt.Fprintf(&s.out, "%s %s\n", seconds(s.now), fmt.Sprintf(format, args...))
}

func textArg(d *datadriven.TestData, name, def string) string {
	for _, a := range d.CmdArgs {
		if a.Key == name && len(a.Vals) > 0 {
			return a.Vals[0]
		}
	}
	return def
}

func intArg(d *datadriven.TestData, name string, def int) int {
	if n, err := strconv.Atoi(textArg(d, name, "")); err == nil {
		return n
	}
	return def
}

func (s *story) bootstrap() []string {
	for _, addr := range s.addrs() {
		if s.brokers[addr].hidden {
			return []string{addr}
		}
	}
	return s.addrs()
}

func (s *story) tell(t *testing.T, d *datadriven.TestData) string {
	s.t = t
	s.out.Reset()
	arg := func(i int) string {
		if i >= len(d.CmdArgs) {
			d.Fatalf(t, "argument %d is missing", i)
		}
		return d.CmdArgs[i].Key
	}
	var pairs [][2]string
	for _, a := range d.CmdArgs {
		pairs = append(pairs, [2]string{a.Key, strings.Join(a.Vals, "")})
	}
	switch d.Cmd {
	case "producer":
		s.producer = NewProducer(ProducerConfig{Name: "p1", Seed: 1, Bootstrap: s.bootstrap(), Settings: settings(t, "producer", pairs).Producer("")})
		s.client = s.producer
		s.producer.Watch("t")
		s.run()
	case "consumer":
		s.consumer = NewConsumer(ConsumerConfig{Name: "k1", Seed: 1, Bootstrap: s.bootstrap(), Settings: settings(t, "consumer", pairs).Consumer("")})
		s.client = s.consumer
	case "admin":
		topics := []NewTopic{{Name: textArg(d, "topic", "t"), Partitions: int32(intArg(d, "partitions", 1)), Replication: 1}}
		s.admin = NewAdmin(AdminConfig{Name: "a", Seed: 1, Bootstrap: s.bootstrap(), Settings: settings(t, "consumer", nil).Consumer("")}, topics)
		s.client = s.admin
		s.run()
	case "make-topic":
		s.topic(arg(0), intArg(d, "partitions", 1))
	case "send":
		s.send(d)
		s.run()
	case "init":
		s.producer.InitTransactions()
		s.run()
	case "begin":
		s.producer.BeginTransaction()
		s.run()
	case "commit":
		s.producer.CommitTransaction()
		s.run()
	case "abort":
		s.producer.AbortTransaction()
		s.run()
	case "offsets":
		g := GroupMetadata{Group: textArg(d, "group", "g"), Generation: int32(intArg(d, "generation", -1)), Member: textArg(d, "member", "")}
		var list []TxnOffset
		for _, a := range d.CmdArgs {
			if strings.HasPrefix(a.Key, "t-") {
				list = append(list, TxnOffset{TP: parseTP(t, a.Key), Offset: int64(intArg(d, a.Key, 0)), Epoch: -1})
			}
		}
		s.producer.SendOffsets(list, g)
		s.run()
	case "assign":
		s.consumer.Assign(Assignment{TP: parseTP(t, arg(0)), Offset: int64(intArg(d, "offset", -1)), Epoch: int32(intArg(d, "epoch", -1))})
		s.run()
	case "unassign":
		s.consumer.Unassign(parseTP(t, arg(0)))
		s.run()
	case "list":
		s.consumer.List(parseTP(t, arg(0)))
		s.run()
	case "poll":
		for _, x := range s.consumer.Poll(int32(intArg(d, "n", 1<<31-1))) {
			s.print("polled %v: %s, next %d of epoch %d", x.TP, offsets(x.Records), x.Next, x.Epoch)
		}
		s.run()
	case "advance":
		s.advance(s.now.Add(duration(t, arg(0))))
	case "leader":
		s.elect(parseTP(t, arg(0)), arg(1), intArg(d, "epoch", -1))
	case "lose":
		s.lose(s.broker(arg(0)))
		s.settle()
	case "down", "hang", "up":
		b := s.broker(arg(0))
		b.state = map[string]string{"down": "down", "hang": "hung", "up": "up"}[d.Cmd]
		if d.Cmd == "down" {
			s.lose(b)
		}
		s.settle()
	case "silent", "speak":
		s.silent[apiKey(t, arg(0))] = d.Cmd == "silent"
		if d.Cmd == "speak" {
			for _, a := range slices.Clone(s.held) {
				if a.Key == wire.Metadata {
					s.answer(a, s.metadata(a.Body.(*kmsg.MetadataRequest)), nil)
				}
			}
			s.settle()
		}
	case "answer":
		s.answerTo(t, d, s.broker(arg(0)))
		s.settle()
	case "show":
		s.show()
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	return s.out.String()
}

func (s *story) send(d *datadriven.TestData) {
	now := machine.Now{Mono: s.now, Wall: s.now}
	counts := map[string]int{}
	var order []string
	for range intArg(d, "n", 1) {
		s.ticket++
		r := Record{Value: make([]byte, intArg(d, "size", 10)), Ticket: s.ticket, Time: s.now.Millis()}
		if d.HasArg("key") {
			r.Key = []byte(textArg(d, "key", ""))
		}
		tp, sent := s.producer.Send(now, "t", r)
		what := [...]string{"into " + tp.String(), "blocked", "too large", "timed out", "not in a transaction"}[sent]
		if counts[what]++; counts[what] == 1 {
			order = append(order, what)
		}
	}
	for _, what := range order {
		s.print("send %s x%d", what, counts[what])
	}
}

func (s *story) show() {
	if p := s.producer; p != nil {
		s.print("pending %d, buffer.memory used %d", p.Pending(), p.set.BufferMemory-p.buffer)
		if p.txn.id != "" {
			s.print("id %d epoch %d", p.id.pid, p.id.epoch)
		}
	}
	if c := s.consumer; c != nil {
		for _, a := range c.parts {
			offset, epoch := c.Position(a.tp)
			s.print("%v at %d of epoch %d, buffered %d, stopped %t", a.tp, offset, epoch, len(a.buffer), c.Stopped(a.tp))
		}
	}
	if a := s.admin; a != nil {
		s.print("done %t refused %q", a.Done(), a.Refused())
	}
}

func (s *story) elect(tp wire.TP, name string, epoch int) {
	l := s.topics[tp.Topic][tp.Partition]
	l.epoch++
	if epoch >= 0 {
		l.epoch = int32(epoch)
	}
	if name == "none" {
		l.leader = -1
		return
	}
	l.leader = s.broker(name).id
}

// outcomes prints what the client has decided.
func (s *story) outcomes() {
	if p := s.producer; p != nil {
		if p.State() != s.state {
			s.state = p.State()
			s.print("%s", strings.TrimSpace(s.state.String()+" "+p.Why()))
		}
		for _, r := range p.Results() {
			why := ""
			if r.Why != "" {
				why = " " + r.Why
			}
			s.print("%v %v at %d x%d tickets %d..%d%s", r.Outcome, r.TP, r.Base, len(r.Records), r.Records[0].Ticket, r.Records[len(r.Records)-1].Ticket, why)
		}
		p.Forget()
	}
	c := s.consumer
	if c == nil {
		return
	}
	for _, f := range c.Fetches() {
		for i := range f.Parts {
			p := &f.Parts[i]
			switch {
			case f.Lost:
				s.print("fetch %v lost", p.TP)
			case p.Code != 0:
				s.print("fetch %v %s stale=%t", p.TP, wire.ErrorName(p.Code), p.Stale)
			default:
				s.print("fetch %v from %d: %s, next %d, high watermark %d, stale=%t", p.TP, p.From, offsets(p.Records), p.Next, p.HighWatermark, p.Stale)
			}
		}
	}
	for _, l := range c.Listings() {
		for _, p := range l.Parts {
			s.print("listed %s %v: %s %d lost=%t", l.Spec, p.TP, wire.ErrorName(p.Code), p.Offset, l.Lost)
		}
	}
	for _, m := range c.Moves() {
		s.print("moved %v from %d to %d of epoch %d truncated=%t", m.TP, m.From, m.To, m.Epoch, m.Truncated)
	}
	c.Forget()
}

func offsets(records []Fetched) string {
	if len(records) == 0 {
		return "nothing"
	}
	last := records[len(records)-1].Offset
	if last-records[0].Offset == int64(len(records)-1) {
		return fmt.Sprintf("%d..%d", records[0].Offset, last)
	}
	var list []string
	for i := range records {
		list = append(list, strconv.FormatInt(records[i].Offset, 10))
	}
	return strings.Join(list, ",")
}

// describe prints a request.
func describe(a *ask) string {
	var b strings.Builder
	switch r := a.Body.(type) {
	case *kmsg.MetadataRequest:
		b.WriteString("metadata")
	case *kmsg.InitProducerIDRequest:
		b.WriteString("init-producer-id")
		if r.TransactionalID != nil {
			fmt.Fprintf(&b, " %s timeout=%dms id=%d epoch=%d", *r.TransactionalID, r.TransactionTimeoutMillis, r.ProducerID, r.ProducerEpoch)
		}
	case *kmsg.FindCoordinatorRequest:
		fmt.Fprintf(&b, "find-coordinator type=%d %s", r.CoordinatorType, strings.Join(r.CoordinatorKeys, ","))
	case *kmsg.AddPartitionsToTxnRequest:
		fmt.Fprintf(&b, "add-partitions-to-txn id=%d epoch=%d", r.ProducerID, r.ProducerEpoch)
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				fmt.Fprintf(&b, " %s-%d", t.Topic, p)
			}
		}
	case *kmsg.AddOffsetsToTxnRequest:
		fmt.Fprintf(&b, "add-offsets-to-txn id=%d epoch=%d %s", r.ProducerID, r.ProducerEpoch, r.Group)
	case *kmsg.TxnOffsetCommitRequest:
		fmt.Fprintf(&b, "txn-offset-commit v%d id=%d epoch=%d %s generation=%d member=%s", r.Version, r.ProducerID, r.ProducerEpoch, r.Group, r.Generation, r.MemberID)
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				fmt.Fprintf(&b, " %s-%d=%d", t.Topic, p.Partition, p.Offset)
			}
		}
	case *kmsg.EndTxnRequest:
		fmt.Fprintf(&b, "end-txn v%d id=%d epoch=%d commit=%t", r.Version, r.ProducerID, r.ProducerEpoch, r.Commit)
	case *kmsg.CreateTopicsRequest:
		fmt.Fprintf(&b, "create-topics %s partitions=%d", r.Topics[0].Topic, r.Topics[0].NumPartitions)
	case *kmsg.ProduceRequest:
		fmt.Fprintf(&b, "produce acks=%d", r.Acks)
		if r.TransactionID != nil {
			fmt.Fprintf(&b, " v%d %s", r.Version, *r.TransactionID)
		}
		i := 0
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				h, err := wire.CheckBatch(a.Records[i])
				if err != nil {
					return err.Error()
				}
				i++
				fmt.Fprintf(&b, " %s-%d{id=%d epoch=%d seq=%d x%d %dB}", t.Topic, p.Partition, h.ProducerID, h.ProducerEpoch, h.BaseSequence, h.Count, h.Size())
			}
		}
	case *kmsg.FetchRequest:
		fmt.Fprintf(&b, "fetch min=%d wait=%dms", r.MinBytes, r.MaxWaitMillis)
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				fmt.Fprintf(&b, " %s-%d{from %d leader epoch %d}", t.Topic, p.Partition, p.FetchOffset, p.CurrentLeaderEpoch)
			}
		}
	case *kmsg.ListOffsetsRequest:
		b.WriteString("list-offsets")
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				fmt.Fprintf(&b, " %s-%d{at %d leader epoch %d}", t.Topic, p.Partition, p.Timestamp, p.CurrentLeaderEpoch)
			}
		}
	case *kmsg.OffsetForLeaderEpochRequest:
		b.WriteString("offset-for-leader-epoch")
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				fmt.Fprintf(&b, " %s-%d{of epoch %d leader epoch %d}", t.Topic, p.Partition, p.LeaderEpoch, p.CurrentLeaderEpoch)
			}
		}
	}
	return b.String()
}

// said is one line of an answer.
type said struct {
	code int16
	args []string
}

func (x said) text(name string) string {
	for _, a := range x.args {
		if v, ok := strings.CutPrefix(a, name+"="); ok {
			return v
		}
	}
	return ""
}

func (x said) int(name string, def int64) int64 {
	if n, err := strconv.ParseInt(x.text(name), 10, 64); err == nil {
		return n
	}
	return def
}

func (s *story) answerTo(t *testing.T, d *datadriven.TestData, b *standIn) {
	a := s.oldest(b)
	if a == nil {
		d.Fatalf(t, "%s was asked nothing", b.name())
	}
	lines := map[string]said{}
	for _, line := range strings.Split(d.Input, "\n") {
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		x := said{args: w[1:]}
		if len(w) > 1 && strings.ToUpper(w[1]) == w[1] && !strings.ContainsAny(w[1][:1], "0123456789") {
			x.code = errorCode(t, w[1])
		}
		lines[w[0]] = x
	}
	switch r := a.Body.(type) {
	case *kmsg.MetadataRequest:
		s.answer(a, s.metadata(r), nil)
	case *kmsg.InitProducerIDRequest:
		resp := kmsg.NewPtrInitProducerIDResponse()
		resp.ErrorCode, resp.ProducerID, resp.ProducerEpoch = lines["all"].code, lines["all"].int("id", -1), int16(lines["all"].int("epoch", 0))
		s.answer(a, resp, nil)
	case *kmsg.FindCoordinatorRequest:
		resp := s.coordinator(r)
		for i := range resp.Coordinators {
			resp.Coordinators[i].ErrorCode = lines["all"].code
		}
		s.answer(a, resp, nil)
	case *kmsg.AddPartitionsToTxnRequest:
		resp := kmsg.NewPtrAddPartitionsToTxnResponse()
		for _, rt := range r.Topics {
			x := kmsg.NewAddPartitionsToTxnResponseTopic()
			x.Topic = rt.Topic
			for _, n := range rt.Partitions {
				p := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
				p.Partition, p.ErrorCode = n, lines[fmt.Sprintf("%s-%d", rt.Topic, n)].code
				x.Partitions = append(x.Partitions, p)
			}
			resp.Topics = append(resp.Topics, x)
		}
		s.answer(a, resp, nil)
	case *kmsg.AddOffsetsToTxnRequest:
		resp := kmsg.NewPtrAddOffsetsToTxnResponse()
		resp.ErrorCode = lines["all"].code
		s.answer(a, resp, nil)
	case *kmsg.TxnOffsetCommitRequest:
		resp := kmsg.NewPtrTxnOffsetCommitResponse()
		for _, rt := range r.Topics {
			x := kmsg.NewTxnOffsetCommitResponseTopic()
			x.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				p := kmsg.NewTxnOffsetCommitResponseTopicPartition()
				p.Partition, p.ErrorCode = rp.Partition, lines[fmt.Sprintf("%s-%d", rt.Topic, rp.Partition)].code
				x.Partitions = append(x.Partitions, p)
			}
			resp.Topics = append(resp.Topics, x)
		}
		s.answer(a, resp, nil)
	case *kmsg.EndTxnRequest:
		resp := kmsg.NewPtrEndTxnResponse()
		resp.ErrorCode, resp.ProducerID, resp.ProducerEpoch = lines["all"].code, lines["all"].int("id", -1), int16(lines["all"].int("epoch", -1))
		s.answer(a, resp, nil)
	case *kmsg.CreateTopicsRequest:
		resp := kmsg.NewPtrCreateTopicsResponse()
		for name, x := range lines {
			rt := kmsg.NewCreateTopicsResponseTopic()
			rt.Topic, rt.ErrorCode = name, x.code
			resp.Topics = append(resp.Topics, rt)
		}
		s.answer(a, resp, nil)
	case *kmsg.ProduceRequest:
		s.judge(a, func(_ int, tp wire.TP, _ wire.Records) verdict {
			x, is := lines[tp.String()]
			v := verdict{code: x.code, base: -1, logStart: x.int("log-start", -1), leftOut: !is}
			if is && x.code == 0 {
				v.base, _ = strconv.ParseInt(x.args[0], 10, 64)
			}
			return v
		})
	case *kmsg.FetchRequest:
		s.answerFetch(a, r, lines)
	case *kmsg.ListOffsetsRequest:
		resp := kmsg.NewPtrListOffsetsResponse()
		for _, rt := range r.Topics {
			o := kmsg.NewListOffsetsResponseTopic()
			o.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				x := lines[fmt.Sprintf("%s-%d", rt.Topic, rp.Partition)]
				p := kmsg.NewListOffsetsResponseTopicPartition()
				p.Partition, p.ErrorCode, p.Offset, p.LeaderEpoch = rp.Partition, x.code, x.int("offset", -1), int32(x.int("epoch", -1))
				o.Partitions = append(o.Partitions, p)
			}
			resp.Topics = append(resp.Topics, o)
		}
		s.answer(a, resp, nil)
	case *kmsg.OffsetForLeaderEpochRequest:
		resp := kmsg.NewPtrOffsetForLeaderEpochResponse()
		for _, rt := range r.Topics {
			o := kmsg.NewOffsetForLeaderEpochResponseTopic()
			o.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				x := lines[fmt.Sprintf("%s-%d", rt.Topic, rp.Partition)]
				p := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				p.Partition, p.ErrorCode, p.EndOffset, p.LeaderEpoch = rp.Partition, x.code, x.int("offset", -1), int32(x.int("epoch", -1))
				o.Partitions = append(o.Partitions, p)
			}
			resp.Topics = append(resp.Topics, o)
		}
		s.answer(a, resp, nil)
	}
}

func (s *story) answerFetch(a *ask, r *kmsg.FetchRequest, lines map[string]said) {
	resp := kmsg.NewPtrFetchResponse()
	resp.ErrorCode = lines["all"].code
	var records []wire.Records
	for _, rt := range r.Topics {
		o := kmsg.NewFetchResponseTopic()
		o.Topic = rt.Topic
		for _, rp := range rt.Partitions {
			x, is := lines[fmt.Sprintf("%s-%d", rt.Topic, rp.Partition)]
			if !is {
				continue
			}
			p := kmsg.NewFetchResponseTopicPartition()
			p.Partition, p.ErrorCode, p.HighWatermark = rp.Partition, x.code, x.int("hw", -1)
			p.LastStableOffset, p.LogStartOffset = p.HighWatermark, x.int("start", 0)
			p.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
			var parts []machine.Bytes
			for _, w := range x.args {
				var gone kmsg.FetchResponseTopicPartitionAbortedTransaction
				if n, _ := fmt.Sscanf(w, "aborted=%d@%d", &gone.ProducerID, &gone.FirstOffset); n == 2 {
					p.AbortedTransactions = append(p.AbortedTransactions, gone)
				}
				if kind, what, ok := strings.Cut(w, "="); ok && slices.Contains([]string{"batch", "corrupt", "control", "txn", "abort", "commit"}, kind) {
					parts = append(parts, readBatch(s, kind, what))
				}
			}
			records = append(records, machine.Concat(parts...))
			o.Partitions = append(o.Partitions, p)
		}
		resp.Topics = append(resp.Topics, o)
	}
	s.answer(a, resp, records)
}

// readBatch makes the batch BASE+COUNT@EPOCH, of a transaction with :PRODUCER behind it, or
// the marker BASE@EPOCH:PRODUCER.
func readBatch(s *story, kind, text string) machine.Bytes {
	var base int64
	var count int
	var epoch int32
	pid := int64(-1)
	if kind == "abort" || kind == "commit" {
		if _, err := fmt.Sscanf(text, "%d@%d:%d", &base, &epoch, &pid); err != nil {
			s.t.Fatalf("marker %q: %v", text, err)
		}
		return wire.Stamp(wire.Marker{Commit: kind == "commit", CoordinatorEpoch: 1}.Batch(0, pid, 0), base, epoch)
	}
	if text, of, is := strings.Cut(text, ":"); is {
		pid, _ = strconv.ParseInt(of, 10, 64)
		return transactional(s, text, pid)
	}
	if _, err := fmt.Sscanf(text, "%d+%d@%d", &base, &count, &epoch); err != nil {
		s.t.Fatalf("batch %q: %v", text, err)
	}
	w := wire.NewBuilder(-1, -1, -1)
	if kind == "control" {
		w.Control()
	}
	for i := range count {
		w.Append(int64(i), nil, fmt.Appendf(nil, "value %d", base+int64(i)), nil)
	}
	b := wire.Stamp(w.Bytes(), base, epoch)
	if kind == "corrupt" {
		flat := b.AppendTo(nil)
		flat[len(flat)-2] ^= 1
		b = machine.Literal(flat)
	}
	return b
}

// transactional is a batch of a transaction.
func transactional(s *story, text string, pid int64) machine.Bytes {
	var base int64
	var count int
	var epoch int32
	if _, err := fmt.Sscanf(text, "%d+%d@%d", &base, &count, &epoch); err != nil {
		s.t.Fatalf("batch %q: %v", text, err)
	}
	w := wire.NewBuilder(pid, 0, 0)
	w.Transactional()
	for i := range count {
		w.Append(int64(i), nil, fmt.Appendf(nil, "value %d", base+int64(i)), nil)
	}
	return wire.Stamp(w.Bytes(), base, epoch)
}

func parseTP(t *testing.T, text string) wire.TP {
	at := strings.LastIndexByte(text, '-')
	n, err := strconv.Atoi(text[at+1:])
	if at < 0 || err != nil {
		t.Fatalf("%q is no partition", text)
	}
	return wire.TP{Topic: text[:at], Partition: int32(n)}
}

func apiKey(t *testing.T, name string) int16 {
	for key := range int16(100) {
		if strings.EqualFold(kmsg.NameForKey(key), name) {
			return key
		}
	}
	t.Fatalf("no API is called %s", name)
	return 0
}
