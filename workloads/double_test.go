package workloads

import (
	"errors"
	"slices"
	"sort"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fataler is what the double needs of a test.
type fataler interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

// double is one machine among doubles: a broker that works, a disk that syncs in
// its time, and a network of one millisecond.
type double struct {
	t     fataler
	m     machine.Machine
	now   machine.Instant
	items []item // by time, and in order
	life  int    // items of an earlier one are not delivered
	out   machine.Effects

	down   bool              // the broker refuses connections
	mute   bool              // the broker appends and does not answer
	logs   [][]machine.Bytes // by partition of topic t
	ends   []int64
	conns  machine.ConnID
	table  *wire.Table
	files  disk
	failed func() bool // whether a sync fails

	events []history.Event
	rec    *history.Recorder
}

type item struct {
	at   machine.Instant
	life int
	in   machine.Input
	sync string // a sync that ends then
}

const latency = 1_000_000

func newDouble(t fataler, partitions int) *double {
	d := &double{t: t, table: wire.BrokerTable(), logs: make([][]machine.Bytes, partitions), ends: make([]int64, partitions),
		files: disk{cache: map[string]*file{}}, failed: func() bool { return false }}
	d.rec = history.NewRecorder(func() int64 { return int64(d.now) }, d)
	return d
}

// Event keeps an event with copies of its slices.
func (d *double) Event(e *history.Event) {
	x := *e
	x.Sends, x.TPs, x.At = slices.Clone(e.Sends), slices.Clone(e.TPs), slices.Clone(e.At)
	x.Runs = nil
	for _, r := range e.Runs {
		x.Runs = append(x.Runs, history.Run{TP: r.TP, Records: slices.Clone(r.Records)})
	}
	d.events = append(d.events, x)
}

func (d *double) tps(tp wire.TP) history.TP { return history.TP(tp.Partition) }

// fill appends n records to a partition, some to a batch.
func (d *double) fill(partition, n, perBatch int) {
	for n > 0 {
		w := wire.NewBuilder(-1, -1, -1)
		k := min(n, perBatch)
		for i := range k {
			value := make([]byte, MinValue)
			putValue(value, d.ends[partition]+int64(i), noKey)
			w.Append(0, nil, value, nil)
		}
		d.append(partition, w.Bytes(), int64(k))
		n -= k
	}
}

func (d *double) append(partition int, b machine.Bytes, n int64) int64 {
	base := d.ends[partition]
	d.logs[partition] = append(d.logs[partition], wire.Stamp(b, base, 1))
	d.ends[partition] += n
	return base
}

// start begins a life of a machine.
func (d *double) start(m machine.Machine) {
	d.m = m
	d.life++
	d.step(machine.Input{Kind: machine.Start, Files: &d.files})
}

func (d *double) step(in machine.Input) {
	d.m.Step(machine.Now{Mono: d.now, Wall: d.now}, &in, &d.out)
	for _, x := range d.out.List {
		switch x.Kind {
		case machine.DoDial:
			d.conns++
			in := machine.Input{Kind: machine.Opened, Tag: x.Tag, Conn: d.conns}
			if d.down {
				in = machine.Input{Kind: machine.Closed, Tag: x.Tag, Err: machine.ErrRefused}
			}
			d.put(latency, item{in: in})
		case machine.DoSend:
			d.asked(x)
		case machine.DoSync:
			f := d.files.cache[x.Name]
			if f == nil {
				d.t.Fatalf("syncs %s, which does not exist", x.Name)
			}
			d.put(2*latency, item{in: machine.Input{Kind: machine.DiskDone, Tag: x.Tag}, sync: x.Name})
		}
	}
	d.out.Reset()
}

func (d *double) put(after machine.Instant, x item) {
	x.at, x.life = d.now+after, d.life
	at := sort.Search(len(d.items), func(i int) bool { return d.items[i].at > x.at })
	d.items = slices.Insert(d.items, at, x)
}

// run lets time pass until then, or until stop says so.
func (d *double) run(until machine.Instant, stop func() bool) {
	for n := 0; !stop(); n++ {
		if n > 1_000_000 {
			d.t.Fatal("the machine does not let time pass")
		}
		at := max(d.m.Deadline(), d.now)
		if len(d.items) > 0 && d.items[0].at <= at {
			x := d.items[0]
			d.items = d.items[1:]
			if x.at > until {
				d.items = slices.Insert(d.items, 0, x)
				break
			}
			d.now = x.at
			if x.life == d.life {
				d.deliver(x)
			}
			continue
		}
		if at > until {
			break
		}
		d.now = at
		d.step(machine.Input{Kind: machine.Tick})
	}
	if !stop() {
		d.now = until
	}
}

func (d *double) deliver(x item) {
	if f := d.files.cache[x.sync]; x.sync != "" && f != nil {
		if f.synced = !d.failed() && !f.poisoned; !f.synced {
			f.poisoned = true
			x.in.Err = machine.ErrIO
		}
	}
	d.step(x.in)
}

// asked is the broker.
func (d *double) asked(x machine.Effect) {
	r, err := wire.DecodeRequest(x.Frame, d.table)
	if err != nil {
		d.t.Fatalf("a request that cannot be read: %v", err)
	}
	wait := machine.Instant(2 * latency)
	var resp kmsg.Response
	var records []wire.Records
	switch req := r.Body.(type) {
	case *kmsg.ApiVersionsRequest:
		resp = d.table.ApiVersions()
	case *kmsg.MetadataRequest:
		resp = d.metadata()
	case *kmsg.InitProducerIDRequest:
		x := kmsg.NewPtrInitProducerIDResponse()
		x.ProducerID = 1
		resp = x
	case *kmsg.ProduceRequest:
		x := kmsg.NewPtrProduceResponse()
		x.Topics = append(x.Topics, kmsg.ProduceResponseTopic{Topic: "t"})
		for i, p := range req.Topics[0].Partitions {
			h, err := wire.CheckBatch(r.Records[i])
			if err != nil {
				d.t.Fatal(err)
			}
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.Partition, rp.BaseOffset = p.Partition, d.append(int(p.Partition), r.Records[i], int64(h.Count))
			x.Topics[0].Partitions = append(x.Topics[0].Partitions, rp)
		}
		if d.mute {
			return
		}
		resp = x
	case *kmsg.FetchRequest:
		var some bool
		resp, records, some = d.fetch(req)
		if !some {
			wait += machine.Instant(req.MaxWaitMillis) * latency
		}
	case *kmsg.ListOffsetsRequest:
		x := kmsg.NewPtrListOffsetsResponse()
		x.Topics = append(x.Topics, kmsg.ListOffsetsResponseTopic{Topic: "t"})
		for _, p := range req.Topics[0].Partitions {
			rp := kmsg.NewListOffsetsResponseTopicPartition()
			rp.Partition, rp.LeaderEpoch = p.Partition, 1
			if rp.Offset = 0; p.Timestamp == -1 {
				rp.Offset = d.ends[p.Partition]
			}
			x.Topics[0].Partitions = append(x.Topics[0].Partitions, rp)
		}
		resp = x
	case *kmsg.OffsetForLeaderEpochRequest:
		x := kmsg.NewPtrOffsetForLeaderEpochResponse()
		x.Topics = append(x.Topics, kmsg.OffsetForLeaderEpochResponseTopic{Topic: "t"})
		for _, p := range req.Topics[0].Partitions {
			rp := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			rp.Partition, rp.LeaderEpoch, rp.EndOffset = p.Partition, 1, d.ends[p.Partition]
			x.Topics[0].Partitions = append(x.Topics[0].Partitions, rp)
		}
		resp = x
	}
	d.put(wait, item{in: machine.Input{Kind: machine.Received, Conn: x.Conn, Frame: wire.EncodeResponse(&r, resp, records)}})
}

func (d *double) metadata() *kmsg.MetadataResponse {
	resp := kmsg.NewPtrMetadataResponse()
	b := kmsg.NewMetadataResponseBroker()
	b.NodeID, b.Host, b.Port = 1, "b1", 9092
	resp.Brokers = append(resp.Brokers, b)
	t := kmsg.NewMetadataResponseTopic()
	t.Topic = kmsg.StringPtr("t")
	for i := range d.logs {
		p := kmsg.NewMetadataResponseTopicPartition()
		p.Partition, p.Leader, p.LeaderEpoch = int32(i), 1, 1
		t.Partitions = append(t.Partitions, p)
	}
	resp.Topics = append(resp.Topics, t)
	return resp
}

// fetch gives at most two batches of each partition.
func (d *double) fetch(req *kmsg.FetchRequest) (resp *kmsg.FetchResponse, records []wire.Records, some bool) {
	resp = kmsg.NewPtrFetchResponse()
	resp.Topics = append(resp.Topics, kmsg.FetchResponseTopic{Topic: "t"})
	for _, p := range req.Topics[0].Partitions {
		rp := kmsg.NewFetchResponseTopicPartition()
		rp.Partition, rp.HighWatermark, rp.LastStableOffset = p.Partition, d.ends[p.Partition], d.ends[p.Partition]
		rp.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
		var parts []machine.Bytes
		for _, b := range d.logs[p.Partition] {
			if h, _ := wire.ReadBatch(b); h.NextOffset() > p.FetchOffset && len(parts) < 2 {
				parts = append(parts, b)
			}
		}
		some = some || len(parts) > 0
		records = append(records, machine.Concat(parts...))
		resp.Topics[0].Partitions = append(resp.Topics[0].Partitions, rp)
	}
	return resp, records, some
}

// disk is a page cache whose files are durable or not; removing is durable only
// if a power loss says so.
type disk struct {
	cache   map[string]*file
	removed map[string]*file // and synced before
}

type file struct {
	b                []byte
	synced, poisoned bool
}

func (f *disk) List() []string {
	var names []string
	for name := range f.cache {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (f *disk) Size(name string) (int64, bool) {
	if x := f.cache[name]; x != nil {
		return int64(len(x.b)), true
	}
	return 0, false
}

func (f *disk) Append(name string, b machine.Bytes) error {
	x := f.cache[name]
	if x == nil {
		x = &file{}
		f.cache[name] = x
	}
	if x.poisoned {
		return errors.New("written after a failed sync")
	}
	x.b, x.synced = b.AppendTo(x.b), false
	return nil
}

func (f *disk) Remove(name string) error {
	if x := f.cache[name]; x != nil && x.synced {
		if f.removed == nil {
			f.removed = map[string]*file{}
		}
		f.removed[name] = x
	}
	delete(f.cache, name)
	return nil
}

func (f *disk) ReadAt(name string, off, n int64) (machine.Bytes, error) {
	x := f.cache[name]
	if x == nil || off < 0 || off+n > int64(len(x.b)) {
		return machine.Bytes{}, machine.ErrIO
	}
	return machine.Literal(x.b[off : off+n]), nil
}

func (f *disk) Truncate(string, int64) error       { return machine.ErrIO }
func (f *disk) Rename(string, string) error        { return machine.ErrIO }
func (f *disk) Resident(string, int64, int64) bool { return true }

// losePower leaves of what was not synced, and of what was removed, what keep says:
// 0 nothing, 1 all, 2 a part.
func (f *disk) losePower(keep func(name string) int) {
	for _, name := range f.List() {
		x := f.cache[name]
		switch {
		case x.synced:
		case keep(name) == 0:
			delete(f.cache, name)
		case keep(name) == 2:
			x.b = x.b[:len(x.b)/2]
		}
	}
	for _, name := range sortedNames(f.removed) {
		if keep(name) == 1 && f.cache[name] == nil {
			f.cache[name] = f.removed[name]
		}
	}
	f.removed = nil
}

func sortedNames(m map[string]*file) []string { return (&disk{cache: m}).List() }

// newestDurable is what the newest file says that no power loss can touch.
func (f *disk) newestDurable() (list []position) {
	for _, name := range f.List() {
		if x := f.cache[name]; x.synced {
			if got, _, err := decodePositions(x.b); err == nil {
				list = got
			}
		}
	}
	return list
}
