package client

import (
	"fmt"
	"slices"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// machinery is what a producer, a consumer and an admin client have in common.
type machinery interface {
	Step(machine.Now, *machine.Input, *machine.Effects)
	Run(machine.Now, *machine.Effects)
	Deadline() machine.Instant
}

// double stands in for brokers at the level of frames: connections open at once
// and nothing takes time. ApiVersions, Metadata and InitProducerId are answered
// from what the double holds to be the cluster; the rest waits for the test.
type double struct {
	t      fataler
	client machinery
	now    machine.Instant
	table  *wire.Table

	topics  map[string][]*led
	ids     map[string][16]byte // of topics; all zeros if it is not there
	brokers map[string]*standIn // by address
	conns   map[machine.ConnID]*standIn
	lastID  machine.ConnID
	queue   []machine.Input
	out     machine.Effects
	worked  machine.Work
	pids    int64

	version int16 // transaction.version; 0: there are no coordinators

	held   []*ask // in the order in which they came
	silent map[int16]bool
	// sawAsk is told of every request; after, of every step.
	sawAsk func(*ask)
	saw    func(format string, args ...any)
	after  func()
}

// led is a partition of the cluster.
type led struct{ leader, epoch int32 }

type standIn struct {
	id    int32
	addr  string
	state string // up, down (refuses) or hung (does not answer dials)
	// hidden is a name that is only known from outside, such as a load
	// balancer's: no metadata lists it.
	hidden bool
}

// ask is a request that waits for its answer.
type ask struct {
	at   *standIn
	conn machine.ConnID
	wire.Request
	ready *machine.Bytes // the answer, once there is one
}

func newDouble(t fataler, brokers int) *double {
	d := &double{t: t, table: wire.BrokerTable(), topics: map[string][]*led{}, brokers: map[string]*standIn{}, conns: map[machine.ConnID]*standIn{},
		silent: map[int16]bool{}, pids: 1000, sawAsk: func(*ask) {}, saw: func(string, ...any) {}, after: func() {}}
	for i := range brokers {
		b := &standIn{id: int32(i + 1), addr: fmt.Sprintf("b%d:9092", i+1), state: "up"}
		d.brokers[b.addr] = b
	}
	return d
}

func (d *double) addrs() []string {
	var list []string
	for addr := range d.brokers {
		list = append(list, addr)
	}
	slices.Sort(list)
	return list
}

func (d *double) broker(name string) *standIn {
	b := d.brokers[name+":9092"]
	if b == nil {
		d.t.Fatalf("no broker is called %s", name)
	}
	return b
}

func (b *standIn) name() string { return fmt.Sprintf("b%d", b.id) }

// topic makes a topic whose partitions are led by the brokers in turn.
func (d *double) topic(name string, partitions int) {
	for i := range partitions {
		d.topics[name] = append(d.topics[name], &led{leader: int32(1 + i%len(d.brokers)), epoch: 1})
	}
}

// step gives the client one input, and performs what it wants done.
func (d *double) step(in machine.Input) {
	now := machine.Now{Mono: d.now, Wall: d.now}
	d.client.Step(now, &in, &d.out)
	d.client.Run(now, &d.out)
	d.perform()
	d.after()
}

// run only lets the client do what is due.
func (d *double) run() {
	d.client.Run(machine.Now{Mono: d.now, Wall: d.now}, &d.out)
	d.perform()
	d.after()
	d.settle()
}

// settle delivers what is under way until nothing is.
func (d *double) settle() {
	for n := 0; len(d.queue) > 0; n++ {
		if n > 10_000 {
			d.t.Fatal("the client does not come to rest")
		}
		in := d.queue[0]
		d.queue = d.queue[1:]
		if in.Conn != 0 && d.conns[in.Conn] == nil && in.Kind != machine.Closed {
			continue // closed by the client meanwhile
		}
		d.step(in)
	}
}

// advance lets time pass, with a tick at each deadline.
func (d *double) advance(until machine.Instant) {
	for n := 0; ; n++ {
		if n > 100_000 {
			d.t.Fatal("the client does not let time pass")
		}
		d.settle()
		at := max(d.client.Deadline(), d.now)
		if at > until {
			break
		}
		d.now = at
		d.step(machine.Input{Kind: machine.Tick})
	}
	d.now = until
}

func (d *double) perform() {
	// Performing adds nothing to the list; answers go through the queue.
	for _, x := range d.out.List {
		switch x.Kind {
		case machine.DoDial:
			d.dial(x)
		case machine.DoClose:
			if b := d.conns[x.Conn]; b != nil {
				d.saw("close %s", b.name())
				d.forget(x.Conn)
			}
		case machine.DoSend:
			if b := d.conns[x.Conn]; b != nil {
				d.asked(b, x.Conn, x.Frame)
			}
		}
	}
	d.worked = d.worked.Plus(d.out.Done)
	d.out.Reset()
}

func (d *double) dial(x machine.Effect) {
	b := d.brokers[x.Name]
	if b == nil {
		d.t.Fatalf("dials %s", x.Name)
	}
	d.saw("dial %s", b.name())
	switch b.state {
	case "up":
		d.lastID++
		d.conns[d.lastID] = b
		d.queue = append(d.queue, machine.Input{Kind: machine.Opened, Tag: x.Tag, Conn: d.lastID})
	case "down":
		d.queue = append(d.queue, machine.Input{Kind: machine.Closed, Tag: x.Tag, Err: machine.ErrRefused})
	}
}

// forget drops a connection and what waits on it.
func (d *double) forget(conn machine.ConnID) {
	delete(d.conns, conn)
	d.held = slices.DeleteFunc(d.held, func(a *ask) bool { return a.conn == conn })
}

// lose resets all connections to a broker.
func (d *double) lose(b *standIn) {
	for conn := machine.ConnID(1); conn <= d.lastID; conn++ {
		if d.conns[conn] == b {
			d.forget(conn)
			d.queue = append(d.queue, machine.Input{Kind: machine.Closed, Conn: conn, Err: machine.ErrReset})
		}
	}
}

func (d *double) asked(b *standIn, conn machine.ConnID, frame machine.Bytes) {
	r, err := wire.DecodeRequest(frame, d.table)
	if err != nil {
		d.t.Fatalf("a request that cannot be read: %v", err)
	}
	a := &ask{at: b, conn: conn, Request: r}
	d.sawAsk(a)
	if p, is := r.Body.(*kmsg.ProduceRequest); is && p.Acks == 0 {
		return
	}
	d.held = append(d.held, a)
	switch {
	case d.silent[r.Key]:
	case r.Key == wire.ApiVersions:
		d.answer(a, d.versions(), nil)
	case r.Key == wire.Metadata:
		d.answer(a, d.metadata(r.Body.(*kmsg.MetadataRequest)), nil)
	case r.Key == wire.FindCoordinator:
		d.answer(a, d.coordinator(r.Body.(*kmsg.FindCoordinatorRequest)), nil)
	case r.Key == wire.InitProducerID && r.Body.(*kmsg.InitProducerIDRequest).TransactionalID == nil:
		resp := kmsg.NewPtrInitProducerIDResponse()
		resp.ProducerID, resp.ProducerEpoch = d.pids, 0
		d.pids++
		d.answer(a, resp, nil)
	}
}

// versions is what the brokers serve: what has coordinators has transactions, too.
func (d *double) versions() *kmsg.ApiVersionsResponse {
	resp := d.table.ApiVersions()
	if d.version > 0 {
		resp.FinalizedFeaturesEpoch = 1
		resp.FinalizedFeatures = []kmsg.ApiVersionsResponseFinalizedFeature{{Name: transactionVersion, MaxVersionLevel: d.version, MinVersionLevel: d.version}}
	}
	return resp
}

// withTransactions has the brokers serve transactions of a version.
func (d *double) withTransactions(version int16) {
	d.version = version
	d.table = producerTable(true).With([]wire.API{{Key: wire.ApiVersions, Max: 3}})
}

// coordinator is the last broker for transactions, the first for groups.
func (d *double) coordinator(req *kmsg.FindCoordinatorRequest) *kmsg.FindCoordinatorResponse {
	resp := kmsg.NewPtrFindCoordinatorResponse()
	addrs := d.addrs()
	b := d.brokers[addrs[0]]
	if req.CoordinatorType == ofTransaction {
		b = d.brokers[addrs[len(addrs)-1]]
	}
	for _, key := range req.CoordinatorKeys {
		c := kmsg.NewFindCoordinatorResponseCoordinator()
		c.Key, c.NodeID, c.Host, c.Port = key, b.id, b.name(), 9092
		resp.Coordinators = append(resp.Coordinators, c)
	}
	resp.NodeID, resp.Host, resp.Port = b.id, b.name(), 9092
	return resp
}

// answer answers a request, as soon as those before it on its connection are
// answered.
func (d *double) answer(a *ask, resp kmsg.Response, records []wire.Records) {
	frame := wire.EncodeResponse(&a.Request, resp, records)
	a.ready = &frame
	first := true
	d.held = slices.DeleteFunc(d.held, func(x *ask) bool {
		if x.conn != a.conn || !first {
			return false
		}
		if first = x.ready != nil; first {
			d.queue = append(d.queue, machine.Input{Kind: machine.Received, Conn: x.conn, Frame: *x.ready})
		}
		return first
	})
}

func (d *double) metadata(req *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	resp := kmsg.NewPtrMetadataResponse()
	resp.Brokers = []kmsg.MetadataResponseBroker{}
	for _, addr := range d.addrs() {
		if d.brokers[addr].hidden {
			continue
		}
		b := kmsg.NewMetadataResponseBroker()
		b.NodeID, b.Host, b.Port = d.brokers[addr].id, d.brokers[addr].name(), 9092
		resp.Brokers = append(resp.Brokers, b)
	}
	for _, t := range req.Topics {
		x := kmsg.NewMetadataResponseTopic()
		x.Topic, x.TopicID = t.Topic, d.ids[*t.Topic]
		if d.topics[*t.Topic] == nil {
			x.ErrorCode = wire.UnknownTopicOrPartition
		}
		for i, l := range d.topics[*t.Topic] {
			p := kmsg.NewMetadataResponseTopicPartition()
			p.Partition, p.Leader, p.LeaderEpoch = int32(i), l.leader, l.epoch
			if l.leader < 0 {
				p.ErrorCode = wire.LeaderNotAvailable
			}
			x.Partitions = append(x.Partitions, p)
		}
		resp.Topics = append(resp.Topics, x)
	}
	return resp
}

// oldest is the request that a broker has to answer next.
func (d *double) oldest(b *standIn) *ask {
	for _, a := range d.held {
		if a.at == b && a.ready == nil {
			return a
		}
	}
	return nil
}

// verdict is a broker's answer for one partition of a Produce.
type verdict struct {
	code     int16
	base     int64
	logStart int64
	leftOut  bool
}

// judge answers a Produce partition by partition.
func (d *double) judge(a *ask, each func(i int, tp wire.TP, records wire.Records) verdict) {
	resp := kmsg.NewPtrProduceResponse()
	i := 0
	for _, t := range a.Body.(*kmsg.ProduceRequest).Topics {
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			v := each(i, wire.TP{Topic: t.Topic, Partition: p.Partition}, a.Records[i])
			i++
			if v.leftOut {
				continue
			}
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.Partition, rp.ErrorCode, rp.BaseOffset, rp.LogStartOffset = p.Partition, v.code, v.base, v.logStart
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	d.answer(a, resp, nil)
}

// seconds prints an instant in ms.
func seconds(at machine.Instant) string {
	return fmt.Sprintf("%4d.%03dms", at/1e6, at/1e3%1000)
}

// settings resolves name=value pairs over Kafka's defaults.
func settings(t fataler, scope string, pairs [][2]string) *config.Settings {
	l := config.Layer{Source: "test"}
	for _, p := range pairs {
		l.Entries = append(l.Entries, config.Entry{Key: scope + "." + p[0], Value: p[1]})
	}
	s, err := config.Resolve(config.Targets{}, l)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func errorCode(t fataler, name string) int16 {
	for code := range int16(200) {
		if wire.ErrorName(code) == name {
			return code
		}
	}
	t.Fatalf("Kafka has no error %s", name)
	return 0
}

func duration(t fataler, text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// fataler is what a double needs of a test.
type fataler interface {
	Fatal(...any)
	Fatalf(string, ...any)
}
