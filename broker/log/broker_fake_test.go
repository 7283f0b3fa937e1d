package log

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/controller"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// fake is a node that a test plays by hand: it keeps what it is asked and answers
// nothing but ApiVersions.
type fake struct {
	l      *lab
	n      *labNode
	serves *wire.Table
	asked  []fakeRequest
	closed int // connections that have ended
}

type fakeRequest struct {
	conn machine.ConnID
	wire.Request
}

func (l *lab) fake(name, addr string, serves *wire.Table) *fake {
	f := &fake{l: l, serves: serves}
	f.n = l.node(name, addr, func() machine.Machine { return f })
	l.start(f.n)
	return f
}

func (f *fake) Step(_ machine.Now, in *machine.Input, out *machine.Effects) {
	switch in.Kind {
	case machine.Closed:
		f.closed++
		f.asked = slices.DeleteFunc(f.asked, func(r fakeRequest) bool { return r.conn == in.Conn })
	case machine.Received:
		req, err := wire.DecodeRequest(in.Frame, f.serves)
		if err != nil {
			f.l.t.Fatal(err)
		}
		if req.Key == wire.ApiVersions {
			out.Send(in.Conn, wire.EncodeResponse(&req, f.serves.ApiVersions(), nil), machine.Ident{})
			return
		}
		f.asked = append(f.asked, fakeRequest{in.Conn, req})
	}
}

func (f *fake) Deadline() machine.Instant { return machine.Never }

// has is how many requests of a kind wait for an answer.
func (f *fake) has(key int16) (n int) {
	for _, r := range f.asked {
		if r.Key == key {
			n++
		}
	}
	return n
}

// take is the oldest request of a kind, which the test answers.
func (f *fake) take(key int16) fakeRequest {
	f.l.t.Helper()
	i := slices.IndexFunc(f.asked, func(r fakeRequest) bool { return r.Key == key })
	if i < 0 {
		f.l.t.Fatalf("%s was not asked for %s", f.n.name, kmsg.NameForKey(key))
	}
	r := f.asked[i]
	f.asked = slices.Delete(f.asked, i, i+1)
	return r
}

func (f *fake) answer(r fakeRequest, body kmsg.Response, records ...wire.Records) {
	f.l.t.Helper()
	f.l.perform(f.n, &machine.Effect{Kind: machine.DoSend, Conn: r.conn, Frame: wire.EncodeResponse(&r.Request, body, records)})
	f.l.run()
}

func (f *fake) send(conn machine.ConnID, frame []byte) {
	f.l.t.Helper()
	f.l.perform(f.n, &machine.Effect{Kind: machine.DoSend, Conn: conn, Frame: machine.Literal(frame)})
	f.l.run()
}

// answerFetch answers the oldest Fetch, of one partition.
func (f *fake) answerFetch(batches machine.Bytes, set func(*kmsg.FetchResponseTopicPartition)) {
	f.l.t.Helper()
	r := f.take(wire.Fetch)
	want := &r.Body.(*kmsg.FetchRequest).Topics[0]
	resp := kmsg.NewPtrFetchResponse()
	t := kmsg.NewFetchResponseTopic()
	t.Topic, t.TopicID = want.Topic, want.TopicID
	p := kmsg.NewFetchResponseTopicPartition()
	p.Partition = want.Partitions[0].Partition
	if set != nil {
		set(&p)
	}
	t.Partitions = append(t.Partitions, p)
	resp.Topics = append(resp.Topics, t)
	f.answer(r, resp, batches)
}

// publish gives the broker metadata records, from where it asks for them on.
func (f *fake) publish(records ...controller.Record) {
	f.l.t.Helper()
	b := wire.NewBuilder(-1, -1, -1)
	for _, r := range records {
		b.Append(0, nil, controller.EncodeRecord(r), nil)
	}
	i := slices.IndexFunc(f.asked, func(r fakeRequest) bool { return r.Key == wire.Fetch })
	if i < 0 {
		f.l.t.Fatal("nobody asks for metadata")
	}
	from := f.asked[i].Body.(*kmsg.FetchRequest).Topics[0].Partitions[0].FetchOffset
	f.answerFetch(wire.Stamp(b.Bytes(), from, 1), nil)
}

// newLonely is a broker 1 whose controller is played by the test.
func newLonely(t testing.TB, set func(*config.Broker)) (*lab, *fake) {
	l := newLab(t)
	settings := config.DefaultBroker()
	if set != nil {
		set(&settings)
	}
	c := l.fake("c101", "c101:9093", wire.ControllerTable())
	l.start(l.addBroker(1, settings))
	return l, c
}

// lonelyEpoch is the broker epoch that the fake controller gives.
const lonelyEpoch = 1

// newServing is a lonely broker that serves, in a cluster with brokers 2 and 3,
// which are at nobody's address until a test says so.
func newServing(t testing.TB, set func(*config.Broker)) (*lab, *fake) {
	l, c := newLonely(t, set)
	c.publish(registered(2, 0))
	reg := kmsg.NewPtrBrokerRegistrationResponse()
	reg.BrokerEpoch = lonelyEpoch
	c.answer(c.take(wire.BrokerRegistration), reg)
	c.publish(registered(1, lonelyEpoch), registered(3, 2))
	c.beat(false)
	return l, c
}

// beat answers the oldest heartbeat.
func (f *fake) beat(fenced bool) int64 {
	f.l.t.Helper()
	r := f.take(wire.BrokerHeartbeat)
	resp := kmsg.NewPtrBrokerHeartbeatResponse()
	resp.IsCaughtUp, resp.IsFenced = true, fenced
	f.answer(r, resp)
	return r.Body.(*kmsg.BrokerHeartbeatRequest).CurrentMetadataOffset
}

func registered(id int32, epoch int64) controller.RegisterBroker {
	return controller.RegisterBroker{ID: id, Host: labHost(id), Port: 9092, Epoch: epoch}
}

func labHost(id int32) string { return "b" + string(rune('0'+id)) }

var lonelyTopic = controller.TopicID{7}

// led are the records of a topic of one partition, on brokers 1, 2 and 3.
func led(topic string, leader int32, isr ...int32) []controller.Record {
	return []controller.Record{
		controller.Topic{Name: topic, ID: lonelyTopic},
		controller.Partition{TopicID: lonelyTopic, Replicas: []int32{1, 2, 3}, ISR: isr, Leader: leader},
	}
}

// elected is a change of the leader.
func elected(leader int32, isr ...int32) controller.PartitionChange {
	return controller.PartitionChange{TopicID: lonelyTopic, Leader: leader, ISR: isr}
}

// A broker registers until it is let in, and then shows that it lives.
func TestRegistration(t *testing.T) {
	l, c := newLonely(t, nil)
	early := l.client(l.brokers[0])
	early.send(kmsg.NewPtrMetadataRequest(), 1)
	early.waits("a client that comes before the broker is ready")

	refuse := func(code int16, after time.Duration) {
		t.Helper()
		resp := kmsg.NewPtrBrokerRegistrationResponse()
		resp.ErrorCode = code
		c.answer(c.take(wire.BrokerRegistration), resp)
		l.advance(after - time.Nanosecond)
		if c.has(wire.BrokerRegistration) > 0 {
			t.Errorf("%s: registers again before %v", wire.ErrorName(code), after)
		}
		l.advance(time.Nanosecond)
	}
	refuse(wire.DuplicateBrokerRegistration, 2*time.Second) // its last life's session
	refuse(wire.NotController, reconnectBackoff)
	// The answer is lost.
	l.reset(c.n, l.brokers[0])
	l.advance(reconnectBackoff)
	// It does not come.
	c.take(wire.BrokerRegistration)
	l.advance(9 * time.Second)
	l.advance(reconnectBackoff)
	req := c.take(wire.BrokerRegistration)
	body := req.Body.(*kmsg.BrokerRegistrationRequest)
	if body.BrokerID != 1 || body.IncarnationID != [16]byte{1, 0} || body.Listeners[0].Host != "b1" || body.Listeners[0].Port != 9092 {
		t.Errorf("registers as %+v", body)
	}

	// What the metadata say of an earlier life is nobody's business yet.
	leader := l.fake("b2", "b2:9092", wire.BrokerTable())
	c.publish(append([]controller.Record{registered(1, 0), registered(2, 1)}, led("orders", 2, 1, 2)...)...)
	if leader.n.last > 0 || len(l.broker(1).Replicas()) > 0 || c.has(wire.BrokerHeartbeat) > 0 || l.broker(1).Epoch() != -1 {
		t.Fatalf("a broker without an epoch acts: %+v", l.broker(1).Replicas())
	}
	reg := kmsg.NewPtrBrokerRegistrationResponse()
	reg.BrokerEpoch = 5
	c.answer(req, reg)
	if l.broker(1).Epoch() != 5 {
		t.Errorf("epoch %d", l.broker(1).Epoch())
	}
	early.waits("a client while the broker has not replayed its registration")
	if l.client(l.brokers[0]).answers != nil {
		t.Error("another one was answered")
	}

	// It catches up while a heartbeat is under way: the next one says so at once.
	beat := c.take(wire.BrokerHeartbeat)
	if hb := beat.Body.(*kmsg.BrokerHeartbeatRequest); hb.CurrentMetadataOffset != 3 || hb.BrokerEpoch != 5 || hb.WantFence {
		t.Errorf("heartbeat %+v", hb)
	}
	c.publish(controller.ProducerIDs{Broker: 2, BrokerEpoch: 1, Next: 1000}, registered(1, 5))
	if got := early.answer().(*kmsg.MetadataResponse); len(got.Brokers) != 2 || len(got.Topics) != 1 {
		t.Errorf("metadata %+v", got)
	}
	if leader.has(wire.Fetch) != 1 || !l.broker(1).Replicas()[0].Follows() {
		t.Error("it does not follow")
	}
	resp := kmsg.NewPtrBrokerHeartbeatResponse()
	resp.IsFenced = true
	c.answer(beat, resp)
	if at := c.beat(false); at != 5 {
		t.Errorf("the heartbeat after catching up says %d", at)
	}
	// A fenced broker that has caught up beats no faster.
	l.advance(2 * time.Second)
	c.beat(true)
	if c.has(wire.BrokerHeartbeat) > 0 {
		t.Error("a fenced broker beats at once")
	}
	l.advance(2 * time.Second)
	beat = c.take(wire.BrokerHeartbeat)
	resp = kmsg.NewPtrBrokerHeartbeatResponse()
	resp.ErrorCode = wire.NotController
	c.answer(beat, resp)
	l.advance(reconnectBackoff)
	c.beat(false)
}

// A frame that was under way when reading was stopped waits all the same.
func TestEarlyFrame(t *testing.T) {
	l, c := newLonely(t, nil)
	client := l.client(l.brokers[0])
	client.n.ends[client.conn].peer.stopped = false
	client.send(kmsg.NewPtrMetadataRequest(), 1)
	client.send(kmsg.NewPtrMetadataRequest(), 1)
	client.waits("an early frame")
	reg := kmsg.NewPtrBrokerRegistrationResponse()
	reg.BrokerEpoch = 0
	c.answer(c.take(wire.BrokerRegistration), reg)
	client.waits("an early frame")
	c.publish(registered(1, 0))
	client.answer()
	client.answer()

	// One whose sender has gone is nobody's.
	l, c = newLonely(t, nil)
	client = l.client(l.brokers[0])
	client.n.ends[client.conn].peer.stopped = false
	client.send(kmsg.NewPtrMetadataRequest(), 1)
	client.hangUp()
	if n := len(l.broker(1).waiting); n > 0 {
		t.Errorf("%d connections wait", n)
	}
	c.answer(c.take(wire.BrokerRegistration), reg)
	c.publish(registered(1, 0))
}

// Whoever answers on the controller's port and is none, or says what cannot be
// understood, is left; there is no end of trying.
func TestNotAController(t *testing.T) {
	l := newLab(t)
	other := l.fake("c101", "c101:9093", wire.NewTable(wire.API{Key: wire.ApiVersions, Min: 0, Max: 3}, wire.API{Key: wire.Produce, Min: 3, Max: 9}))
	l.start(l.addBroker(1, config.DefaultBroker()))
	l.advance(time.Second)
	if other.closed < 20 || len(other.asked) > 0 {
		t.Errorf("%d connections closed, asked %v", other.closed, other.asked)
	}

	l, c := newServing(t, nil)
	for _, n := range l.nodes[1].ends { // unordered: each is told the same
		c.send(n.peer.id, []byte{0, 0, 0, 1, 9})
	}
	if c.closed != 2 {
		t.Errorf("%d connections closed", c.closed)
	}
	l.advance(reconnectBackoff)
	if c.has(wire.Fetch) != 1 || c.has(wire.BrokerHeartbeat) != 1 {
		t.Errorf("asked %v", c.asked)
	}
}

// The metadata log may be damaged on its way, but not in itself.
func TestBadMetadata(t *testing.T) {
	good := func() machine.Bytes {
		b := wire.NewBuilder(-1, -1, -1)
		b.Append(0, nil, controller.EncodeRecord(controller.ProducerIDs{Broker: 1, BrokerEpoch: lonelyEpoch, Next: 7}), nil)
		return wire.Stamp(b.Bytes(), 3, 1)
	}
	t.Run("damaged", func(t *testing.T) {
		l, c := newServing(t, nil)
		bad := slices.Clone(good().Contiguous())
		bad[len(bad)-1] ^= 1
		c.answerFetch(machine.Literal(bad), nil)
		if c.has(wire.Fetch) > 0 {
			t.Error("asks again at once")
		}
		l.advance(reconnectBackoff)
		c.answerFetch(good(), nil)
		if got := l.broker(1).Image().NextProducerID; got != 7 || l.broker(1).Err() != nil {
			t.Errorf("next producer id %d, error %v", got, l.broker(1).Err())
		}
	})
	t.Run("an error", func(t *testing.T) {
		l, c := newServing(t, nil)
		c.answerFetch(machine.Bytes{}, func(p *kmsg.FetchResponseTopicPartition) { p.ErrorCode = wire.NotLeaderOrFollower })
		if c.has(wire.Fetch) > 0 {
			t.Error("asks again at once")
		}
		l.advance(reconnectBackoff)
		c.answerFetch(machine.Bytes{}, nil)
		c.answer(c.take(wire.Fetch), kmsg.NewPtrFetchResponse())
		l.advance(reconnectBackoff)
		c.answerFetch(good(), nil)
		c.answerFetch(good(), nil) // once more: it was replayed
		if got := l.broker(1).Image().NextProducerID; got != 7 || l.broker(1).Err() != nil {
			t.Errorf("next producer id %d, error %v", got, l.broker(1).Err())
		}
	})
	for name, records := range map[string][]controller.Record{ // unordered: independent rows
		"what cannot be replayed":           {elected(1, 1)},
		"a leader that nobody has heard of": led("orders", 9, 9),
	} {
		t.Run(name, func(t *testing.T) {
			l, c := newServing(t, nil)
			client := l.client(l.brokers[0])
			c.publish(records...)
			if l.broker(1).Err() == nil || client.closed == nil || l.broker(1).Deadline() != machine.Never {
				t.Errorf("error %v, client %v, deadline %d", l.broker(1).Err(), client.closed, l.broker(1).Deadline())
			}
		})
	}
}

// What a broker asks of the controller is asked until it is answered.
func TestProducerIDsRetried(t *testing.T) {
	l, c := newServing(t, nil)
	client := l.client(l.brokers[0])
	id := func() *kmsg.InitProducerIDResponse {
		return ask[*kmsg.InitProducerIDResponse](client, kmsg.NewPtrInitProducerIDRequest(), 4)
	}
	if r := id(); r.ErrorCode != wire.CoordinatorLoadInProgress {
		t.Errorf("without a block: %s", wire.ErrorName(r.ErrorCode))
	}
	refused := kmsg.NewPtrAllocateProducerIDsResponse()
	refused.ErrorCode = wire.NotController
	c.answer(c.take(wire.AllocateProducerIDs), refused)
	if c.has(wire.AllocateProducerIDs) > 0 {
		t.Error("asks again at once")
	}
	l.advance(reconnectBackoff)
	l.reset(c.n, l.brokers[0])
	l.advance(reconnectBackoff)
	c.take(wire.AllocateProducerIDs)
	l.advance(controllerTimeout)
	l.advance(reconnectBackoff)
	req := c.take(wire.AllocateProducerIDs)
	if body := req.Body.(*kmsg.AllocateProducerIDsRequest); body.BrokerID != 1 || body.BrokerEpoch != lonelyEpoch {
		t.Errorf("asked %+v", body)
	}
	block := func(start int64, n int32) *kmsg.AllocateProducerIDsResponse {
		r := kmsg.NewPtrAllocateProducerIDsResponse()
		r.ProducerIDStart, r.ProducerIDLen = start, n
		return r
	}
	c.answer(req, block(5000, 0)) // no block at all
	l.advance(reconnectBackoff)
	c.answer(c.take(wire.AllocateProducerIDs), block(5000, 101))
	// The next block is asked for before this one is used up, and once.
	for want := range int64(101) {
		if r := id(); r.ProducerID != 5000+want || r.ProducerEpoch != 0 || r.ErrorCode != 0 {
			t.Fatalf("id %d: %+v", 5000+want, r)
		}
		if n := c.has(wire.AllocateProducerIDs); n != min(int(want/2), 1) {
			t.Fatalf("%d blocks asked for with %d ids left", n, 100-want)
		}
	}
}

// newLeading is a serving broker that leads orders-0 with followers 2 and 3, and
// the connection of one of them.
func newLeading(t testing.TB, isr ...int32) (l *lab, c *fake, follower *labClient) {
	l, c = newServing(t, nil)
	c.publish(led("orders", 1, isr...)...)
	return l, c, l.client(l.brokers[0])
}

// followerFetch is what a follower asks for that has everything below an offset.
func followerFetch(id int32, offset int64) *kmsg.FetchRequest {
	req := fetchRequest("orders", offset, 1, 0)
	req.ReplicaID = id
	req.Topics[0].Partitions[0].CurrentLeaderEpoch = 0
	return req
}

// lifeFetch is a followerFetch that says in which of its lives it asks.
func lifeFetch(id int32, epoch, offset int64) *kmsg.FetchRequest {
	req := followerFetch(id, offset)
	req.ReplicaState.ID, req.ReplicaState.Epoch = id, epoch
	req.Topics[0].TopicID = lonelyTopic
	return req
}

// altered is the controller's answer to the oldest question about an ISR.
func (f *fake) altered(code, partitionCode int16, epoch int32, isr ...int32) {
	f.l.t.Helper()
	r := f.take(wire.AlterPartition)
	resp := kmsg.NewPtrAlterPartitionResponse()
	if resp.ErrorCode = code; code == 0 {
		want := r.Body.(*kmsg.AlterPartitionRequest).Topics[0]
		t := kmsg.NewAlterPartitionResponseTopic()
		t.TopidID = want.TopicID
		p := kmsg.NewAlterPartitionResponseTopicPartition()
		p.Partition, p.ErrorCode, p.LeaderID, p.PartitionEpoch, p.ISR = want.Partitions[0].Partition, partitionCode, 1, epoch, isr
		t.Partitions = append(t.Partitions, p)
		resp.Topics = append(resp.Topics, t)
	}
	f.answer(r, resp)
}

// A question about an ISR is asked until the controller or the metadata answer it.
func TestAlterPartitionRetried(t *testing.T) {
	l, c, follower := newLeading(t, 1, 2)
	ask[*kmsg.FetchResponse](follower, followerFetch(3, 0), 12)
	body := c.asked[slices.IndexFunc(c.asked, func(r fakeRequest) bool { return r.Key == wire.AlterPartition })].Body.(*kmsg.AlterPartitionRequest)
	p := body.Topics[0].Partitions[0]
	if body.BrokerID != 1 || body.BrokerEpoch != lonelyEpoch || body.Topics[0].TopicID != lonelyTopic || p.LeaderEpoch != 0 || p.PartitionEpoch != 0 {
		t.Errorf("asked %+v", body)
	}
	var isr []int32
	for _, r := range p.NewEpochISR {
		if want := map[int32]int64{1: lonelyEpoch, 2: 0, 3: 2}[r.BrokerID]; r.BrokerEpoch != want {
			t.Errorf("broker %d with epoch %d, want %d", r.BrokerID, r.BrokerEpoch, want)
		}
		isr = append(isr, r.BrokerID)
	}
	if !slices.Equal(isr, []int32{1, 2, 3}) {
		t.Errorf("asked for ISR %d", isr)
	}

	c.altered(wire.NotController, 0, 0)
	if c.has(wire.AlterPartition) > 0 {
		t.Error("asks again at once")
	}
	l.advance(reconnectBackoff)
	l.reset(c.n, l.brokers[0])
	l.advance(reconnectBackoff)
	c.altered(0, wire.UnknownServerError, 0)
	// An answer about something else is none.
	r := c.take(wire.AlterPartition)
	resp := kmsg.NewPtrAlterPartitionResponse()
	other := kmsg.NewAlterPartitionResponseTopic()
	other.TopidID = [16]byte{9}
	other.Partitions = append(other.Partitions, kmsg.NewAlterPartitionResponseTopicPartition())
	resp.Topics = append(resp.Topics, other)
	c.answer(r, resp)
	c.take(wire.AlterPartition)
	l.advance(controllerTimeout)
	l.advance(reconnectBackoff)
	if s := l.broker(1).Replicas()[0].State(); !slices.Equal(s.ISR, []int32{1, 2}) {
		t.Errorf("ISR %d before the controller has agreed", s.ISR)
	}
	// An ineligible replica may come again, with its next fetch.
	c.altered(0, wire.IneligibleReplica, 0)
	if c.has(wire.AlterPartition) > 0 {
		t.Error("asks for an ineligible replica again")
	}
	ask[*kmsg.FetchResponse](follower, followerFetch(3, 0), 12)
	c.altered(0, 0, 1, 1, 2, 3)
	if s := l.broker(1).Replicas()[0].State(); !slices.Equal(s.ISR, []int32{1, 2, 3}) || s.PartitionEpoch != 1 || c.has(wire.AlterPartition) > 0 {
		t.Errorf("after the controller has agreed: %+v", s)
	}
}

// What a follower held when it fetched says nothing of a life that has begun since:
// the question names the epoch of then, and the controller refuses it (KIP-903).
func TestAlterPartitionOfAnEarlierLife(t *testing.T) {
	l, c, follower := newLeading(t, 1, 2)
	ask[*kmsg.FetchResponse](follower, followerFetch(3, 0), 12)
	c.altered(wire.NotController, 0, 0)
	again := controller.RegisterBroker{ID: 3, Incarnation: [16]byte{33}, Epoch: 77, Host: "b3", Port: 9092}
	c.publish(again)
	l.advance(reconnectBackoff)
	if epoch := c.joins(3); epoch != 2 {
		t.Errorf("asked with epoch %d, want 2: that of the life that has fetched", epoch)
	}
}

// A question that is asked again is the one of then: what the new life of a follower
// fetches meanwhile is no reason for it.
func TestAlterPartitionNamesTheEpochOfThen(t *testing.T) {
	l, c, follower := newLeading(t, 1, 2)
	ask[*kmsg.FetchResponse](follower, lifeFetch(3, 2, 0), 15)
	c.altered(wire.NotController, 0, 0)
	c.publish(registered(3, 77))
	ask[*kmsg.FetchResponse](follower, lifeFetch(3, 77, 0), 15)
	l.advance(reconnectBackoff)
	if epoch := c.joins(3); epoch != 2 {
		t.Errorf("asked with epoch %d, want 2: that of the fetch which the question is from", epoch)
	}
}

// A Fetch of a life that is over, held up on its way, says nothing of the new one
// (KIP-903): neither of how far it has got nor of its being in sync.
func TestFetchOfAFormerLife(t *testing.T) {
	produced := func(t *testing.T) (l *lab, c *fake, follower *labClient) {
		l, c, follower = newLeading(t, 1, 2)
		ask[*kmsg.ProduceResponse](follower, produceRequest("orders", 1, time.Second, batch("a", "b")), 9)
		return l, c, follower
	}
	fetch := func(t *testing.T, follower *labClient, epoch, offset int64, want int16) {
		t.Helper()
		p := ask[*kmsg.FetchResponse](follower, lifeFetch(2, epoch, offset), 15).Topics[0].Partitions[0]
		if p.ErrorCode != want || want != 0 && len(p.RecordBatches) > 0 {
			t.Errorf("a fetch of epoch %d is answered %s with %d bytes, want %s", epoch, wire.ErrorName(p.ErrorCode), len(p.RecordBatches), wire.ErrorName(want))
		}
	}
	highWatermark := func(t *testing.T, l *lab, want int64) {
		t.Helper()
		if hw := l.broker(1).Replicas()[0].HighWatermark(); hw != want {
			t.Errorf("high watermark %d, want %d", hw, want)
		}
	}
	inSync := controller.PartitionChange{TopicID: lonelyTopic, Leader: controller.NoLeaderChange, ISR: []int32{1, 2}}
	out := controller.PartitionChange{TopicID: lonelyTopic, Leader: controller.NoLeaderChange, ISR: []int32{1}}

	t.Run("high watermark", func(t *testing.T) {
		l, c, follower := produced(t)
		fetch(t, follower, 0, 0, 0)
		c.publish(registered(2, 50), inSync)
		fetch(t, follower, 0, 2, wire.NotLeaderOrFollower)
		highWatermark(t, l, 0)
		fetch(t, follower, 50, 2, 0)
		highWatermark(t, l, 2)
	})
	t.Run("ISR", func(t *testing.T) {
		l, c, follower := produced(t)
		c.publish(registered(2, 50), out)
		fetch(t, follower, 0, 2, wire.NotLeaderOrFollower)
		if c.has(wire.AlterPartition) > 0 {
			t.Fatal("asks for a life that is over to be in sync")
		}
		fetch(t, follower, 50, 2, 0)
		if epoch := c.joins(2); epoch != 50 {
			t.Errorf("asked with epoch %d, want 50", epoch)
		}
		l.advance(0)
	})
	// The follower is ahead of the metadata: that it fetches is the word that it lives
	// again, and what was under way before is old.
	t.Run("not registered yet", func(t *testing.T) {
		l, c, follower := produced(t)
		c.publish(out)
		fetch(t, follower, 50, 2, 0)
		if epoch := c.joins(2); epoch != 50 {
			t.Errorf("asked with epoch %d, want 50", epoch)
		}
		ask[*kmsg.ProduceResponse](follower, produceRequest("orders", 1, time.Second, batch("c")), 9)
		fetch(t, follower, 0, 3, wire.NotLeaderOrFollower)
		highWatermark(t, l, 2)
	})
	// Who does not say its epoch is taken at its word.
	t.Run("version 12", func(t *testing.T) {
		l, c, follower := produced(t)
		c.publish(registered(2, 50), inSync)
		ask[*kmsg.FetchResponse](follower, followerFetch(2, 2), 12)
		highWatermark(t, l, 2)
	})
}

// joins takes the oldest question about an ISR, and is the broker epoch that it names
// of a broker.
func (f *fake) joins(id int32) int64 {
	f.l.t.Helper()
	for _, r := range f.take(wire.AlterPartition).Body.(*kmsg.AlterPartitionRequest).Topics[0].Partitions[0].NewEpochISR {
		if r.BrokerID == id {
			return r.BrokerEpoch
		}
	}
	f.l.t.Fatalf("broker %d is not asked for", id)
	return 0
}

// The metadata may answer a question first; what the controller says then is old.
func TestAlterPartitionOvertaken(t *testing.T) {
	l, c, follower := newLeading(t, 1, 2)
	ask[*kmsg.FetchResponse](follower, followerFetch(3, 0), 12)
	c.publish(controller.PartitionChange{TopicID: lonelyTopic, Leader: controller.NoLeaderChange, ISR: []int32{1}})
	c.altered(0, 0, 1, 1, 2, 3)
	if s := l.broker(1).Replicas()[0].State(); !slices.Equal(s.ISR, []int32{1}) {
		t.Errorf("ISR %d", s.ISR)
	}
	// One that has closed the matter leaves nothing to ask.
	ask[*kmsg.FetchResponse](follower, followerFetch(3, 0), 12)
	c.altered(0, wire.FencedLeaderEpoch, 0)
	ask[*kmsg.FetchResponse](follower, followerFetch(3, 0), 12)
	if c.has(wire.AlterPartition) > 0 {
		t.Error("asks again although the metadata must tell")
	}
	l.advance(time.Minute)
}

// A client's CreateTopics goes to the controller, whatever becomes of that.
func TestCreateTopicsForwarded(t *testing.T) {
	l, c := newServing(t, nil)
	client := l.client(l.brokers[0])
	create := func(topic string, timeout time.Duration) *kmsg.CreateTopicsRequest {
		req := labCreate(topic, 1)
		req.TimeoutMillis = int32(timeout.Milliseconds())
		return req
	}
	created := func(topic string, code int16) *kmsg.CreateTopicsResponse {
		resp := kmsg.NewPtrCreateTopicsResponse()
		a := kmsg.NewCreateTopicsResponseTopic()
		a.Topic, a.ErrorCode = topic, code
		resp.Topics = append(resp.Topics, a)
		return resp
	}
	client.send(create("orders", 10*time.Second), 2)
	c.answer(c.take(wire.CreateTopics), created("orders", wire.NotController))
	client.waits("what a controller that is not active has refused")
	l.advance(reconnectBackoff)
	l.reset(c.n, l.brokers[0])
	client.waits("what may be lost")
	l.advance(reconnectBackoff)
	req := c.take(wire.CreateTopics)
	if body := req.Body.(*kmsg.CreateTopicsRequest); body.Topics[0].Topic != "orders" || req.Version != 7 {
		t.Errorf("forwarded version %d: %+v", req.Version, body)
	}
	c.answer(req, created("orders", wire.TopicAlreadyExists))
	if a := client.answer().(*kmsg.CreateTopicsResponse); a.Version != 2 || a.Topics[0].ErrorCode != wire.TopicAlreadyExists {
		t.Errorf("answered %+v", a)
	}

	// Two wait; the one that has less time is told first, and the late answer is
	// nobody's.
	other := l.client(l.brokers[0])
	client.send(create("a", 5*time.Second), 7)
	other.send(create("b", 3*time.Second), 7)
	l.advance(3*time.Second - time.Millisecond)
	other.waits("3 s")
	l.advance(time.Millisecond)
	if a := other.answer().(*kmsg.CreateTopicsResponse).Topics; len(a) != 1 || a[0].ErrorCode != wire.RequestTimedOut || a[0].Topic != "b" {
		t.Errorf("answered %+v", a)
	}
	l.advance(2 * time.Second)
	if a := client.answer().(*kmsg.CreateTopicsResponse).Topics; a[0].ErrorCode != wire.RequestTimedOut || a[0].Topic != "a" {
		t.Errorf("answered %+v", a)
	}
	other.send(create("c", 3*time.Second), 7)
	c.answer(c.take(wire.CreateTopics), created("a", 0))
	other.waits("its own answer")
	c.answer(c.take(wire.CreateTopics), created("c", 0))
	other.answer()

	// One who has gone is not answered; what it asked for is still asked.
	client.send(create("d", 3*time.Second), 7)
	client.hangUp()
	c.answer(c.take(wire.CreateTopics), created("d", 0))
	// No time at all is time to ask, not to wait.
	other.send(create("e", -time.Second), 7)
	l.advance(0)
	if a := other.answer().(*kmsg.CreateTopicsResponse).Topics; a[0].ErrorCode != wire.RequestTimedOut {
		t.Errorf("answered %+v", a)
	}
}

// A topic that a client asks about is created, if the client and the broker agree.
func TestAutoCreateTopics(t *testing.T) {
	for _, tt := range []struct {
		name    string
		on      bool
		version int16
		allow   bool
		topic   string
		code    int16
		creates int
	}{
		{"agreed", true, 4, true, "orders", wire.UnknownTopicOrPartition, 1},
		{"before version 4 every client agrees", true, 3, false, "orders", wire.UnknownTopicOrPartition, 1},
		{"not asked for", true, 4, false, "orders", wire.UnknownTopicOrPartition, 0},
		{"not configured", false, 4, true, "orders", wire.UnknownTopicOrPartition, 0},
		{"no name for a topic", true, 4, true, "or/ders", wire.InvalidTopicException, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, c := newServing(t, func(b *config.Broker) { b.AutoCreateTopics = tt.on })
			client := l.client(l.brokers[0])
			for range 2 { // the second finds it under way
				req := kmsg.NewPtrMetadataRequest()
				x := kmsg.NewMetadataRequestTopic()
				x.Topic = &tt.topic
				req.Topics, req.AllowAutoTopicCreation = append(req.Topics, x), tt.allow
				if a := ask[*kmsg.MetadataResponse](client, req, tt.version).Topics; len(a) != 1 || a[0].ErrorCode != tt.code {
					t.Errorf("answered %+v", a)
				}
			}
			if n := c.has(wire.CreateTopics); n != tt.creates {
				t.Fatalf("%d topics created", n)
			}
			if tt.creates > 0 {
				r := c.take(wire.CreateTopics)
				x := r.Body.(*kmsg.CreateTopicsRequest).Topics[0]
				if x.Topic != tt.topic || x.NumPartitions != -1 || x.ReplicationFactor != -1 {
					t.Errorf("creates %+v", x)
				}
				c.answer(r, kmsg.NewPtrCreateTopicsResponse())
				if n := c.has(wire.CreateTopics); n > 0 {
					t.Error("creates it twice")
				}
			}
		})
	}
}

// Nobody waits for a controller that never answers about a topic.
func TestAutoCreateTopicsGivenUp(t *testing.T) {
	l, c := newServing(t, nil)
	req := kmsg.NewPtrMetadataRequest()
	x := kmsg.NewMetadataRequestTopic()
	x.Topic = kmsg.StringPtr("orders")
	req.Topics = append(req.Topics, x)
	ask[*kmsg.MetadataResponse](l.client(l.brokers[0]), req, 3)
	l.advance(controllerTimeout - time.Nanosecond)
	if c.has(wire.CreateTopics) != 1 {
		t.Error("given up early")
	}
	l.advance(time.Second)
	if c.has(wire.CreateTopics) > 0 || len(l.broker(1).commands.forwards) > 0 {
		t.Error("creates for ever")
	}
}

// A leader that has lost and won again in between can acknowledge nothing of the
// epoch before: somebody else may have led without the record.
func TestProduceInEarlierEpoch(t *testing.T) {
	_, c, client := newLeading(t, 1, 2)
	client.send(produceRequest("orders", -1, time.Minute, batch("a")), 9)
	client.waits("the follower")
	c.publish(elected(2, 1, 2), elected(1, 1, 2))
	if p := client.answer().(*kmsg.ProduceResponse).Topics[0].Partitions[0]; p.ErrorCode != wire.NotLeaderOrFollower || p.BaseOffset != -1 {
		t.Errorf("answered %+v", p)
	}
}

// newFollowing is a serving broker that follows a leader played by the test.
func newFollowing(t testing.TB) (l *lab, c, leader *fake) {
	l, c = newServing(t, nil)
	leader = l.fake("b2", "b2:9092", wire.BrokerTable())
	c.publish(led("orders", 2, 1, 2)...)
	return l, c, leader
}

// stamped is a batch at an offset of a leader epoch.
func stamped(offset int64, epoch int32, values ...string) machine.Bytes {
	return wire.Stamp(machine.Literal(batch(values...)), offset, epoch)
}

// What a follower takes from its leader, and what it does not.
func TestFollowing(t *testing.T) {
	l, c, leader := newFollowing(t)
	r := l.broker(1).Replicas()[0]
	at := func(hw, end int64) {
		t.Helper()
		if r.HighWatermark() != hw || r.LogEnd() != end {
			t.Errorf("high watermark %d, log end %d; want %d, %d", r.HighWatermark(), r.LogEnd(), hw, end)
		}
	}
	waits := func(d time.Duration) {
		t.Helper()
		l.advance(d - time.Nanosecond)
		if leader.has(wire.Fetch) > 0 {
			t.Fatalf("asks again before %v", d)
		}
		l.advance(time.Nanosecond)
	}
	first := leader.asked[0].Body.(*kmsg.FetchRequest)
	p := first.Topics[0].Partitions[0]
	if first.ReplicaState.ID != 1 || first.ReplicaState.Epoch != lonelyEpoch || first.Topics[0].TopicID != lonelyTopic || first.MinBytes != 1 || first.MaxWaitMillis != 500 || first.MaxBytes != 10<<20 ||
		p.FetchOffset != 0 || p.LastFetchedEpoch != -1 || p.CurrentLeaderEpoch != 0 || p.PartitionMaxBytes != 1<<20 {
		t.Errorf("asked %+v", first)
	}
	leader.answerFetch(stamped(0, 0, "a", "b"), func(p *kmsg.FetchResponseTopicPartition) { p.HighWatermark = 1 })
	at(1, 2)
	if p := leader.asked[0].Body.(*kmsg.FetchRequest).Topics[0].Partitions[0]; p.FetchOffset != 2 || p.LastFetchedEpoch != 0 {
		t.Errorf("goes on with %+v", p)
	}
	leader.answerFetch(machine.Bytes{}, func(p *kmsg.FetchResponseTopicPartition) { p.HighWatermark = 9 })
	at(2, 2)
	// Errors, and what says nothing: later.
	const backoff = time.Second
	leader.answerFetch(machine.Bytes{}, func(p *kmsg.FetchResponseTopicPartition) { p.ErrorCode = wire.UnknownLeaderEpoch })
	waits(backoff)
	leader.answerFetch(stamped(7, 0, "hole"), nil)
	waits(backoff)
	leader.answerFetch(stamped(2, 0, "x"), func(p *kmsg.FetchResponseTopicPartition) { p.Partition = 5 })
	waits(backoff)
	other := kmsg.NewPtrFetchResponse()
	other.Topics = []kmsg.FetchResponseTopic{{TopicID: [16]byte{9}, Partitions: []kmsg.FetchResponseTopicPartition{kmsg.NewFetchResponseTopicPartition()}}}
	leader.answer(leader.take(wire.Fetch), other, stamped(2, 0, "x"))
	waits(backoff)
	leader.answer(leader.take(wire.Fetch), kmsg.NewPtrFetchResponse())
	waits(backoff)
	failed := kmsg.NewPtrFetchResponse()
	failed.ErrorCode = wire.UnknownServerError
	leader.answer(leader.take(wire.Fetch), failed)
	waits(backoff)
	l.reset(leader.n, l.brokers[0])
	waits(backoff)
	// No answer: replica.socket.timeout.ms.
	leader.take(wire.Fetch)
	waits(30 * time.Second)
	waits(backoff)
	at(2, 2)
	// The logs part.
	leader.answerFetch(machine.Bytes{}, func(p *kmsg.FetchResponseTopicPartition) { p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset = 0, 0 })
	at(0, 0)
	// There is a later leader: nothing is asked before the metadata name it.
	leader.answerFetch(machine.Bytes{}, func(p *kmsg.FetchResponseTopicPartition) { p.ErrorCode = wire.FencedLeaderEpoch })
	l.advance(time.Minute)
	if leader.has(wire.Fetch) > 0 {
		t.Error("a fenced follower asks")
	}
	c.publish(elected(3, 1, 2, 3), elected(2, 1, 2))
	if p := leader.take(wire.Fetch).Body.(*kmsg.FetchRequest).Topics[0].Partitions[0]; p.CurrentLeaderEpoch != 2 {
		t.Errorf("asks in epoch %d", p.CurrentLeaderEpoch)
	}
}

// An answer counts only if the epoch is still that in which it was asked.
func TestFollowingStaleAnswer(t *testing.T) {
	l, c, leader := newFollowing(t)
	r := l.broker(1).Replicas()[0]
	next := l.fake("b3", "b3:9092", wire.BrokerTable())
	c.publish(elected(3, 1, 3), elected(2, 1, 2))
	if leader.has(wire.Fetch) != 1 || r.State().LeaderEpoch != 2 || next.n.last > 0 {
		t.Fatalf("state %+v", r.State())
	}
	leader.answerFetch(stamped(0, 0, "old"), func(p *kmsg.FetchResponseTopicPartition) { p.HighWatermark = 1 })
	if r.LogEnd() != 0 || leader.has(wire.Fetch) != 1 {
		t.Errorf("took the answer of an epoch that is over: log end %d", r.LogEnd())
	}
	// Who has nobody to follow there hangs up.
	c.publish(elected(3, 1, 3))
	if next.has(wire.Fetch) != 1 || leader.closed != 1 {
		t.Errorf("%d fetches of the new leader, %d connections to the old one closed", next.has(wire.Fetch), leader.closed)
	}
	// Back to the first, which listens elsewhere now.
	leader.n.addr = "moved:9092"
	moved := registered(2, 50)
	moved.Host = "moved"
	c.publish(moved, elected(2, 1, 2))
	if leader.has(wire.Fetch) != 1 || next.closed != 1 {
		t.Error("does not follow the leader to where it is now")
	}
	// And to itself.
	c.publish(elected(1, 1))
	if !r.Leads() || leader.closed != 2 {
		t.Error("does not lead")
	}
}

// A broker whose disk fails under what it follows has lived.
func TestFollowingDiskError(t *testing.T) {
	for name, answer := range map[string]func(*fake){ // unordered: independent rows
		"append": func(f *fake) { f.answerFetch(stamped(1, 0, "b"), nil) },
		"truncate": func(f *fake) {
			f.answerFetch(machine.Bytes{}, func(p *kmsg.FetchResponseTopicPartition) { p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset = 0, 0 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, _, leader := newFollowing(t)
			client := l.client(l.brokers[0])
			leader.answerFetch(stamped(0, 0, "a"), nil)
			l.brokers[0].disk.Err = machine.ErrIO
			answer(leader)
			if l.broker(1).Err() == nil || leader.closed != 1 || client.closed == nil {
				t.Errorf("error %v, leader %d, client %v", l.broker(1).Err(), leader.closed, client.closed)
			}
			l.advance(time.Minute)
			late := &labClient{l: l}
			late.n = l.node("late", "", func() machine.Machine { return late })
			l.start(late.n)
			l.perform(late.n, &machine.Effect{Kind: machine.DoDial, Name: "b1:9092", Tag: 1})
			l.run()
			if late.closed == nil {
				t.Error("a broker that has given up serves")
			}
		})
	}
}

// A follower asks for nothing while what it has appended is not as durable as it must
// be, on whichever partition, and then for all: the leader knows by it that they are
// there. One that waits for its back-off is left out.
func TestFollowingSomePartitions(t *testing.T) {
	l, c := newServing(t, nil)
	leader := l.fake("b2", "b2:9092", wire.BrokerTable())
	n := l.brokers[0]
	n.holdSyncs = true
	c.publish(
		controller.Topic{Name: "orders", ID: lonelyTopic},
		controller.Config{Topic: "orders", Name: "flush.messages", Value: "1"},
		controller.Partition{TopicID: lonelyTopic, Replicas: []int32{1, 2}, ISR: []int32{1, 2}, Leader: 2},
		controller.Partition{TopicID: lonelyTopic, Partition: 1, Replicas: []int32{1, 2}, ISR: []int32{1, 2}, Leader: 2},
		controller.Partition{TopicID: lonelyTopic, Partition: 2, Replicas: []int32{1, 2}, ISR: []int32{1, 2}, Leader: 2},
	)
	r := leader.take(wire.Fetch)
	resp := kmsg.NewPtrFetchResponse()
	topic := kmsg.NewFetchResponseTopic()
	topic.TopicID = lonelyTopic
	for i := range int32(3) {
		p := kmsg.NewFetchResponseTopicPartition()
		if p.Partition = i; i == 2 {
			p.ErrorCode = wire.NotLeaderOrFollower
		}
		topic.Partitions = append(topic.Partitions, p)
	}
	resp.Topics = append(resp.Topics, topic)
	leader.answer(r, resp, stamped(0, 0, "a"), machine.Bytes{}, machine.Bytes{})
	asked := func() (list []int32) {
		t.Helper()
		for _, p := range leader.take(wire.Fetch).Body.(*kmsg.FetchRequest).Topics[0].Partitions {
			list = append(list, p.Partition)
		}
		return list
	}
	l.advance(time.Millisecond)
	if leader.has(wire.Fetch) > 0 {
		t.Errorf("asked for partitions %d while the disk is at work", asked())
	}
	l.sync(n, nil)
	if got := asked(); !slices.Equal(got, []int32{0, 1}) {
		t.Errorf("asked for partitions %d", got)
	}
	l.advance(time.Second)
	l.reset(leader.n, n) // it would wait for the answer
	l.advance(time.Second)
	if got := asked(); !slices.Equal(got, []int32{0, 1, 2}) {
		t.Errorf("asked for partitions %d", got)
	}
}

// What waits for a replica that is out of sync is answered as soon as the
// controller has agreed, not when the metadata say so.
func TestAlterPartitionWakes(t *testing.T) {
	l, c, client := newLeading(t, 1, 2)
	client.send(produceRequest("orders", -1, time.Hour, batch("a")), 9)
	for c.has(wire.AlterPartition) == 0 {
		l.advance(time.Second)
		if l.now.Mono > machine.Instant(2*time.Hour) {
			t.Fatal("nobody lags")
		}
	}
	client.waits("a replica that is in sync")
	c.altered(0, 0, 1, 1)
	if p := client.answer().(*kmsg.ProduceResponse).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.BaseOffset != 0 {
		t.Errorf("answered %+v", p)
	}
}
