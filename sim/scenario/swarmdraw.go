package scenario

import (
	"fmt"
	"time"

	"brokersim/workloads"
)

// cluster draws brokers and topics.
func (d swarm) cluster(s *Spec) {
	s.Brokers = pick(d, "brokers", 1, 2, 3, 3, 3, 3, 4, 5, 5, 6, 7)
	s.Racks = min(s.Brokers, pick(d, "racks", 0, 0, 1, 2, 2, 3))
	d = d.of("topics")
	for i := range pick(d, "count", 1, 1, 1, 2, 3) {
		t := d.with(i)
		s.Topics = append(s.Topics, Topic{
			Name:        fmt.Sprintf("t%d", i+1),
			Partitions:  int32(t.upTo("partitions", 1, 4)),
			Replication: int16(min(s.Brokers, pick(t, "replication", 1, 2, 3, 3, 3, 3, 4, 5))),
		})
	}
}

// load draws who produces and reads how much.
func (d swarm) load(s *Spec) {
	p := d.of("producers")
	for i := range p.upTo("count", 1, 4) {
		p := p.with(i)
		s.Producers = append(s.Producers, Producer{
			Name:          fmt.Sprintf("shop%d", i+1),
			Topic:         s.Topics[p.upTo("topic", 0, len(s.Topics)-1)].Name,
			RatePerSecond: int64(pick(p, "rate", 5, 20, 20, 50, 50, 100)),
			Arrivals:      workloads.Arrivals{Process: workloads.Poisson},
			Keys:          workloads.UniformKeys(int64(pick(p, "keys", 0, 1, 4, 40, 40, 1000))),
			Sizes:         workloads.Sizes{Bytes: int64(pick(p, "size", 24, 100, 256, 256, 1000, 5000))},
		})
		if p.oneIn("constant", 3) {
			s.Producers[i].Arrivals.Process = workloads.Constant
		}
	}
	r := d.of("readers")
	for i := range r.upTo("count", 1, 6) {
		r := r.with(i)
		reader := Reader{Name: fmt.Sprintf("desk%d", i+1), Work: time.Duration(pick(r, "work", 0, 0, 0, 1, 5)) * time.Millisecond}
		for k := range s.Topics {
			if name := s.Topics[k].Name; r.with(k).oneIn("topic", 2) || k == len(s.Topics)-1 && len(reader.Topics) == 0 {
				reader.Topics = append(reader.Topics, name)
			}
		}
		s.Readers = append(s.Readers, reader)
	}
}

// settings draws Kafka's settings, beside the profile of short time-outs. Many
// are left at Kafka's defaults in most runs.
func (d swarm) settings(s *Spec) {
	s.Profile = "short"
	d.brokerSettings(s)
	for i := range s.Topics {
		d.topicSettings(s, &s.Topics[i], d.of("topics").with(i))
	}
	d.producerSettings(s)
	d.consumerSettings(s)
	d.of("mixed").mixedSettings(s)
}

// mixedSettings gives some brokers settings of their own, in a quarter of the runs: no
// time-out is longer than that of the others, which the budget goes by.
func (d swarm) mixedSettings(s *Spec) {
	if !d.oneIn("on", 4) {
		return
	}
	for i := range s.Brokers {
		own := d.with(i)
		if own.oneIn("same", 2) {
			continue
		}
		m := Mixed{Broker: i}
		add := func(key string, value int) { m.Set = append(m.Set, entry("broker."+key, value)) }
		add("replica.lag.time.max.ms", min(pick(own, "lag", 400, 1000), int(settingOr(s.Set, "broker.replica.lag.time.max.ms", 1000))))
		add("replica.fetch.wait.max.ms", pick(own, "fetch-wait", 10, 50, 100))
		add("replica.fetch.max.bytes", pick(own, "fetch-bytes", 1000, 20_000, 1<<20))
		add("replica.high.watermark.checkpoint.interval.ms", pick(own, "checkpoint", 100, 5000))
		s.Mixed = append(s.Mixed, m)
	}
}

func (d swarm) brokerSettings(s *Spec) {
	d = d.of("broker")
	lag := pick(d, "lag", 400, 1000, 1000, 2000)
	s.set("broker.replica.lag.time.max.ms", lag)
	s.set("broker.broker.session.timeout.ms", pick(d, "session", 500, 900, 900, 1500))
	s.set("broker.broker.heartbeat.interval.ms", pick(d, "heartbeat", 100, 200, 200, 400))
	// A follower whose Fetch waits for longer than it may lag is never in sync.
	wait := min(pick(d, "fetch-wait", 10, 50, 100, 300, 500), lag/2)
	s.set("broker.replica.fetch.wait.max.ms", wait)
	if d.oneIn("small-fetch", 4) {
		s.set("broker.replica.fetch.max.bytes", pick(d, "fetch-bytes", 1000, 20000))
	}
	// A follower waits that long for a leader that has lost power, since nobody
	// closes the connection.
	s.set("broker.replica.socket.timeout.ms", max(pick(d, "socket-timeout", 400, 600, 1000), wait+100))
	if d.profile == Unrestricted && d.oneIn("patient-followers", 8) {
		s.set("broker.replica.socket.timeout.ms", 30000)
	}
	s.set("broker.replica.high.watermark.checkpoint.interval.ms", pick(d, "checkpoint", 100, 1000, 5000))
}

// flushNever is Kafka's default of flush.messages, and of brokers.
const flushNever = 1<<63 - 1

func (d swarm) topicSettings(s *Spec, t *Topic, own swarm) {
	set := func(key string, value any) {
		t.Set = append(t.Set, entry(key, value))
	}
	// What a topic does with its disk is one choice for all: the promise is one.
	if flush := pick[int64](d, "flush", 1, 1, 10, flushNever, flushNever); flush != flushNever {
		set("flush.messages", flush)
	}
	set("min.insync.replicas", min(int(t.Replication), pick(own, "min-isr", 1, 1, 2, 2, 3)))
	if d.oneIn("unclean", 10) {
		set("unclean.leader.election.enable", true)
	}
}

func (d swarm) producerSettings(s *Spec) {
	all := d.of("producer")
	acks := pick(all, "acks", "all", "all", "all", "all", "1", "0")
	idempotent := acks == "all" && !all.oneIn("not-idempotent", 4)
	s.set("producer.acks", acks)
	s.set("producer.enable.idempotence", idempotent)
	inFlight := pick(all, "in-flight", 1, 1, 1, 2, 5, 5)
	if !idempotent && all.oneIn("many-in-flight", 4) {
		inFlight = 20
	}
	s.set("producer.max.in.flight.requests.per.connection", inFlight)
	if !idempotent {
		s.set("producer.retries", pick(all, "retries", 0, 3, 1000))
	}
	request := pick(all, "request-timeout", 400, 600, 600, 1500)
	s.set("producer.request.timeout.ms", request)
	d.deliveryTimeout(s, all, idempotent, request)
	for i := range s.Producers {
		spec, p := &s.Producers[i], all.with(i)
		batch := pick(p, "batch", 0, 600, 16384, 16384, 65536)
		if spec.RatePerSecond > 20 {
			// With one request in flight, a batch a record and followers that lag, a
			// busy producer would be at work long after the load has ended.
			batch = max(batch, 4*int(spec.Sizes.Bytes))
		}
		s.set("producer."+spec.Name+".linger.ms", pick(p, "linger", 0, 5, 5, 50))
		s.set("producer."+spec.Name+".batch.size", batch)
	}
}

// deliveryTimeout bounds how long a record may be under way.
//
// In the restricted profile no batch of an idempotent producer expires while
// anything is wrong: patience is longer than all faults together. Two flaws of
// Kafka itself lie there, which such a run is not to find (see forgo):
//
//   - A batch that expires while a broker still has its frame takes with it what
//     no-duplicate rests on. The producer bumps its epoch and sends what follows
//     again under new sequences, although the old frames may still be appended from
//     a connection that it has closed (KAFKA-14034).
//   - A broker accepts any sequence from a producer of which it knows nothing. If
//     the first batches in flight are refused while the broker learns that it leads,
//     and the next one is not, then the first are out of order for good, and are
//     tried until they expire. They have to expire before Settle.
func (d swarm) deliveryTimeout(s *Spec, all swarm, idempotent bool, request int) {
	const patience = 30_000
	delivery := pick(all, "delivery-timeout", 2500, 2500, 4000, patience)
	if idempotent && d.profile == Restricted {
		delivery = patience
	}
	s.set("producer.delivery.timeout.ms", max(delivery, request+100))
}

func (d swarm) consumerSettings(s *Spec) {
	all := d.of("consumer")
	s.set("consumer.auto.offset.reset", pick(all, "reset", "earliest", "earliest", "latest"))
	for i := range s.Readers {
		r, who := all.with(i), "consumer."+s.Readers[i].Name
		wait := pick(r, "max-wait", 10, 100, 300, 500)
		if r.oneIn("small-fetch", 3) {
			// A consumer does not ask for what it has yet to process, and so waits in
			// vain for its other partitions: all of max.wait for each small answer.
			wait = min(wait, 100)
			s.set(who+".fetch.max.bytes", pick(r, "max-bytes", 500, 2000, 20000))
			s.set(who+".max.partition.fetch.bytes", pick(r, "partition-bytes", 500, 2000, 20000))
		} else {
			s.set(who+".fetch.min.bytes", pick(r, "min-bytes", 1, 1, 1, 500, 20000))
		}
		s.set(who+".fetch.max.wait.ms", wait)
		s.set(who+".max.poll.records", pick(r, "poll", 1, 10, 500, 500))
	}
}
