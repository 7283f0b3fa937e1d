package sim_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/queue"
	"brokersim/broker/queue/wire"
	"brokersim/faults/failpoint"
	"brokersim/sim"
	"brokersim/workloads/client"
)

// ledger is what the clients of a work queue have seen.
type ledger struct {
	sim       *sim.Sim
	confirmed []int
	unknown   int
	seen      map[int]int // deliveries of each message
	acked     map[int]ack
	broken    []string
	lives     int // of the broker
	delivered int
	again     int  // redelivered
	twice     bool // messages may be published again
}

// ack is when and where a message was acknowledged.
type ack struct {
	by      *worker
	session uint64
	at      machine.Instant
	life    int
}

// sureAfter is longer than an acknowledgement is under way on any connection that
// lives on.
const sureAfter = 5 * time.Second

func (l *ledger) breaks(format string, args ...any) {
	l.broken = append(l.broken, fmt.Sprintf("%v: ", time.Duration(l.sim.Now()))+fmt.Sprintf(format, args...))
}

// press publishes one message after the other, with confirms.
type press struct {
	l      *ledger
	c      *client.AMQP
	count  int
	sent   int
	nextAt machine.Instant
	due    machine.Instant
}

var workQueue = wire.QueueDeclare{Queue: "work", Durable: true}

func amqpConfig(name string, seed uint64, life uint32) client.AMQPConfig {
	return client.AMQPConfig{
		Name: name, Life: life, Seed: seed, Addrs: []string{"b1:5672"}, Heartbeat: 2 * time.Second, ConnectTimeout: time.Second, Handshake: time.Second,
		Reconnect: 50 * time.Millisecond, ReconnectMax: 500 * time.Millisecond, Queues: []wire.QueueDeclare{workQueue}, Outstanding: 20,
	}
}

func (p *press) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	p.c.Step(now, in, out)
	for p.sent < p.count && now.Mono >= p.nextAt && p.c.Publish(now, client.AMQPMessage{
		Ticket: int64(p.sent + 1), RoutingKey: "work", Mandatory: true, Properties: wire.Properties{DeliveryMode: wire.Persistent},
		Body: machine.Literal([]byte(strconv.Itoa(p.sent + 1))),
	}, out) {
		p.sent++
		p.nextAt = now.Mono.Add(2 * time.Millisecond)
	}
	p.c.Run(now, out)
	for _, r := range p.c.Results() {
		switch r.Outcome {
		case client.Acked:
			p.l.confirmed = append(p.l.confirmed, int(r.Message.Ticket))
		case client.Unknown:
			p.l.unknown++
		default:
			p.l.breaks("message %d was rejected: %s", r.Message.Ticket, r.Why)
		}
	}
	p.c.Forget()
	p.due = p.c.Deadline()
	if p.sent < p.count && p.c.Up() {
		p.due = min(p.due, max(p.nextAt, now.Mono.Add(time.Millisecond)))
	}
}

func (p *press) Deadline() machine.Instant { return p.due }

// worker consumes, works on one message at a time, and acknowledges it, or gives it
// back once if the seed says so.
type worker struct {
	l      *ledger
	c      *client.AMQP
	seed   uint64
	hand   []client.AMQPDelivery
	doneAt machine.Instant
	last   int // of those without the redelivered flag
	due    machine.Instant
}

func (w *worker) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	w.c.Step(now, in, out)
	w.take(now.Mono)
	if len(w.hand) > 0 && now.Mono >= w.doneAt {
		w.finish(now.Mono)
	}
	w.c.Run(now, out)
	w.take(now.Mono)
	w.due = w.c.Deadline()
	if len(w.hand) > 0 {
		w.due = min(w.due, w.doneAt)
	}
}

func (w *worker) Deadline() machine.Instant { return w.due }

func (w *worker) take(now machine.Instant) {
	for _, d := range w.c.Deliveries() {
		w.got(&d)
		if len(w.hand) == 0 {
			w.doneAt = now.Add(3 * time.Millisecond)
		}
		w.hand = append(w.hand, d)
	}
	for _, e := range w.c.Events() {
		if e.Kind == client.AMQPDown {
			w.hand = w.hand[:0]
		}
	}
	w.c.Forget()
}

func (w *worker) got(d *client.AMQPDelivery) {
	l := w.l
	id, err := strconv.Atoi(string(d.Body.Contiguous()))
	if err != nil {
		l.breaks("a message without a number: %q", d.Body.Contiguous())
	}
	l.delivered++
	l.seen[id]++
	switch {
	case d.Redelivered:
		l.again++
	case l.twice:
	case l.seen[id] > 1:
		l.breaks("message %d is delivered again and not flagged", id)
	case id <= w.last:
		l.breaks("message %d behind %d, and neither is redelivered", id, w.last)
	default:
		w.last = id
	}
	if a, was := l.acked[id]; !l.twice && was && a.life == l.lives && a.session == a.by.c.Session() && a.by.c.Up() && l.sim.Now() > a.at.Add(sureAfter) {
		l.breaks("message %d is delivered after its acknowledgement", id)
	}
}

func (w *worker) finish(now machine.Instant) {
	d := w.hand[0]
	w.hand = w.hand[1:]
	w.doneAt = now.Add(3 * time.Millisecond)
	id, _ := strconv.Atoi(string(d.Body.Contiguous()))
	if w.l.seen[id] == 1 && machine.NewDraw(w.seed, "give back").With(uint64(id)).N(10) == 0 {
		w.c.Nack(&d, false, true)
		return
	}
	if w.c.Ack(&d, false) {
		w.l.acked[id] = ack{by: w, session: d.Session, at: now, life: w.l.lives}
	}
}

// workQueueRun is a broker, a publisher and two consumers under the faults of a seed,
// then quiet, then what is left in the queue is worked off.
func workQueueRun(seed uint64, republish bool, arm func(*failpoint.Set)) (*ledger, *sim.Sim) {
	s := sim.New(sim.Config{Seed: seed, ReorderedSectors: machine.Always / 4})
	l := &ledger{sim: s, twice: republish, seen: make(map[int]int), acked: make(map[int]ack)}
	life := uint32(0)
	s.Add(sim.NodeConfig{Name: "b1", ID: 1, Listeners: []string{"b1:5672"}, Boot: func() machine.Machine {
		fps := failpoint.New(seed, 1)
		if arm != nil {
			arm(fps)
		}
		life++
		l.lives++
		return queue.New(queue.Config{Name: "b1", Seed: seed, Life: life, Failpoints: fps, Settings: queue.Settings{SegmentBytes: 2000, Heartbeat: 2 * time.Second}})
	}})
	lives := make(map[string]uint32)
	add := func(name string, id uint32, boot func(client.AMQPConfig) machine.Machine) {
		s.Add(sim.NodeConfig{Name: name, ID: id, Boot: func() machine.Machine {
			lives[name]++
			return boot(amqpConfig(name, seed, lives[name]))
		}})
	}
	sent := 0
	add("p1", 2, func(cfg client.AMQPConfig) machine.Machine {
		cfg.Confirms, cfg.Republish = true, republish
		return &press{l: l, c: client.NewAMQP(cfg), count: 300, sent: sent}
	})
	for i, name := range []string{"c1", "c2"} {
		add(name, uint32(3+i), func(cfg client.AMQPConfig) machine.Machine {
			cfg.Prefetch = 5
			cfg.Consume = []wire.BasicConsume{{Queue: "work", ConsumerTag: name}}
			return &worker{l: l, c: client.NewAMQP(cfg), seed: seed}
		})
	}
	workQueueTrouble(s, seed)
	s.Run(machine.Instant(3 * time.Second))
	s.HealAll()
	s.RestartAll()
	s.Run(machine.Instant(30 * time.Second))
	for _, id := range l.confirmed {
		if _, done := l.acked[id]; !done {
			l.breaks("message %d was confirmed and nobody has worked it off", id)
		}
	}
	if b := s.Machine("b1").(*queue.Broker); b.Err() != nil {
		l.breaks("the broker has given up: %v", b.Err())
	} else if ready, unacked, _ := b.Depth("work"); ready+unacked > 0 {
		l.breaks("%d ready and %d unacked at the end", ready, unacked)
	}
	return l, s
}

// workQueueTrouble is crashes, power losses and cuts, drawn from the seed. The publisher
// is spared the crashes: what it was confirmed is the ledger.
func workQueueTrouble(s *sim.Sim, seed uint64) {
	d := machine.NewDraw(seed, "work queue trouble")
	for i := range d.N(6) + 1 {
		d := d.With(i + 1)
		at := machine.Instant(d.With(0).N(uint64(1500 * time.Millisecond)))
		long := machine.Instant(d.With(1).N(uint64(1200*time.Millisecond))) + machine.Instant(time.Millisecond)
		who := []string{"c1", "c2"}[d.With(2).N(2)]
		peer := []string{"p1", "c1", "c2"}[d.With(3).N(3)]
		s.At(at, func() {
			switch d.With(4).N(6) {
			case 0:
				s.Crash("b1")
				s.At(at+long, s.RestartAll)
			case 1, 2:
				s.PowerLoss("b1")
				s.At(at+long, s.RestartAll)
			case 3:
				s.Crash(who)
				s.At(at+long, s.RestartAll)
			case 4:
				s.Cut("b1", peer)
				s.At(at+long, s.HealAll)
			case 5:
				s.Reset("b1", peer)
			}
		})
	}
}

// Nothing that was confirmed is lost, nothing comes back after its acknowledgement in
// one life of the broker, nothing is seen twice without the flag, and without the flag
// the order holds, whatever crashes.
func TestWorkQueueKeepsWhatItConfirms(t *testing.T) {
	seeds := uint64(200)
	if testing.Short() {
		seeds = 40
	}
	confirmed, unknown, again := 0, 0, 0
	for seed := range seeds {
		l, _ := workQueueRun(seed, false, nil)
		for _, what := range l.broken {
			t.Errorf("seed %d: %s", seed, what)
		}
		confirmed, unknown, again = confirmed+len(l.confirmed), unknown+l.unknown, again+l.again
	}
	t.Logf("%d seeds: %d confirmed, %d unknown, %d redelivered", seeds, confirmed, unknown, again)
	if confirmed < int(seeds)*200 || unknown == 0 || again == 0 {
		t.Error("the runs show nothing")
	}
}

// A publisher that publishes again what was not confirmed gets everything through, at
// least once.
func TestWorkQueueRepublishing(t *testing.T) {
	for seed := range uint64(40) {
		l, _ := workQueueRun(seed, true, nil)
		for _, what := range l.broken {
			t.Errorf("seed %d: %s", seed, what)
		}
		if len(l.confirmed) != 300 || l.unknown > 0 || len(l.acked) != 300 {
			t.Errorf("seed %d: %d confirmed, %d unknown, %d worked off, want all 300", seed, len(l.confirmed), l.unknown, len(l.acked))
		}
	}
}

// One seed, one run.
func TestWorkQueueRepeats(t *testing.T) {
	for seed := range uint64(5) {
		_, a := workQueueRun(seed, false, nil)
		_, b := workQueueRun(seed, false, nil)
		if a.TraceHash() != b.TraceHash() {
			t.Errorf("seed %d: %x and %x", seed, a.TraceHash(), b.TraceHash())
		}
	}
}

// The ledger finds the bugs that lose or hide something.
func TestWorkQueueLedgerFindsPlantedBugs(t *testing.T) {
	for _, bug := range []failpoint.Site{
		failpoint.Q01ConfirmBeforeSync, failpoint.Q02SettleOnDelivery, failpoint.Q05DropRequeued, failpoint.Q07ForgetRedelivered,
	} {
		found := slices.ContainsFunc(make([]struct{}, 60), func() func(struct{}) bool {
			seed := uint64(0)
			return func(struct{}) bool {
				l, _ := workQueueRun(seed, false, func(fps *failpoint.Set) {
					if err := fps.Arm(bug, failpoint.Always, "return(true)"); err != nil {
						t.Fatal(err)
					}
				})
				if len(l.broken) > 0 {
					t.Logf("%v: seed %d: %s", bug, seed, l.broken[0])
				}
				seed++
				return len(l.broken) > 0
			}
		}())
		if !found {
			t.Errorf("60 seeds do not find %v", bug)
		}
	}
}
