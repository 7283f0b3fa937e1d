package txn

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// world runs one coordinator over a log in memory: what it decides is appended, unless the
// append is to fail, and its markers are written when a test says so.
type world struct {
	t       fataler
	cfg     Config
	m       *Machine
	now     machine.Now
	log     []entry
	ids     int64 // the next producer id
	noIDs   bool
	drop    int16 // the next append fails
	answers []kmsg.Response
	markers []coordinator.Marker // given out and not written
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

type entry struct {
	key, value []byte
	at         machine.Now
}

func newWorld(t fataler, version int16) *world {
	settings := config.DefaultBroker()
	w := &world{t: t, ids: 1000, now: machine.Now{Mono: machine.Instant(time.Hour), Wall: machine.Instant(400_000 * time.Hour)}}
	w.cfg = Config{
		Settings: &settings, Epoch: 1, Version: version, OffsetsPartitions: func() int32 { return 50 },
		NextID: w.nextID,
	}
	w.take()
	return w
}

func (w *world) nextID() (int64, bool) {
	if w.noIDs {
		return 0, false
	}
	w.ids++
	return w.ids - 1, true
}

// plant has bugs in the code from now on.
func (w *world) plant(bugs ...failpoint.Site) {
	w.t.Helper()
	w.cfg.Failpoints = failpoint.New(7, 1)
	for _, b := range bugs {
		if err := w.cfg.Failpoints.Arm(b, failpoint.Always, "return(true)"); err != nil {
			w.t.Fatalf("%v", err)
		}
	}
	w.m.cfg.Failpoints = w.cfg.Failpoints
}

// take has another coordinator take over.
func (w *world) take() coordinator.Outcome {
	w.t.Helper()
	w.m = New(w.cfg)
	w.replay(w.m)
	w.cfg.Epoch++
	w.markers = nil
	return w.settle(w.m.Loaded(w.now))
}

func (w *world) replay(m *Machine) {
	w.t.Helper()
	for i, e := range w.log {
		if err := m.Replay(coordinator.Position{Offset: int64(i), Timestamp: e.at.Wall.Millis(), ProducerID: -1}, e.key, e.value); err != nil {
			w.t.Fatalf("%v", err)
		}
	}
}

// do has the coordinator decide about a command, and appends what it wants to.
func (w *world) do(command any) coordinator.Outcome {
	w.t.Helper()
	before := w.durable()
	o := w.m.Request(w.now, coordinator.Caller{Token: 1}, command)
	if after := w.durable(); after != before {
		w.t.Fatalf("deciding %+v has changed\n%sinto\n%s", command, before, after)
	}
	return w.settle(o)
}

func (w *world) settle(o coordinator.Outcome) coordinator.Outcome {
	w.t.Helper()
	if code := w.drop; code != 0 && len(o.Records) > 0 {
		w.drop = 0
		before := w.durable()
		o = w.m.Dropped(w.now, o, code)
		if len(o.Records)+len(o.Markers) > 0 || w.durable() != before {
			w.t.Fatalf("an append that failed comes to %+v", o)
		}
	}
	for _, r := range o.Records {
		w.log = append(w.log, entry{r.Key, r.Value, w.now})
		if err := w.m.Replay(coordinator.Position{Offset: int64(len(w.log)), ProducerID: -1}, r.Key, r.Value); err != nil {
			w.t.Fatalf("%v", err)
		}
	}
	for _, a := range o.Answers {
		w.answers = append(w.answers, a.Body)
	}
	w.markers = append(w.markers, o.Markers...)
	w.same()
	return o
}

// same checks that replay alone comes to what the coordinator has.
func (w *world) same() {
	w.t.Helper()
	other := New(w.cfg)
	w.replay(other)
	if got, want := durable(other), w.durable(); got != want {
		w.t.Fatalf("replay comes to\n%snot to\n%s", got, want)
	}
	if other.ongoing != w.m.ongoing || len(other.order) != len(w.m.order) || len(w.m.byID) != len(w.m.order) {
		w.t.Fatalf("%d of %d are ongoing, by replay %d of %d", w.m.ongoing, len(w.m.byID), other.ongoing, len(other.byID))
	}
	if !slices.IsSortedFunc(w.m.order, func(a, b *transaction) int { return strings.Compare(a.id, b.id) }) {
		w.t.Fatalf("out of order: %s", w.durable())
	}
}

func (w *world) durable() string { return durable(w.m) }

func durable(m *Machine) string {
	var b strings.Builder
	for _, t := range m.order {
		fmt.Fprintf(&b, "%s %s\n", t.id, describeRecord(&t.record))
	}
	return b.String()
}

// written is the word that the oldest marker of an id is on all partitions.
func (w *world) written(id string) coordinator.Outcome {
	w.t.Helper()
	i := slices.IndexFunc(w.markers, func(m coordinator.Marker) bool { return id == "" || m.TransactionalID == id })
	if i < 0 {
		w.t.Fatalf("no markers of %q are under way", id)
	}
	m := w.markers[i]
	w.markers = slices.Delete(w.markers, i, i+1)
	return w.do(MarkersWritten{m.Producer})
}

// advance lets time pass, with a tick whenever the coordinator wants one.
func (w *world) advance(d, wall time.Duration) (all []coordinator.Outcome) {
	w.t.Helper()
	until := w.now.Mono.Add(d)
	w.now.Wall = w.now.Wall.Add(wall)
	for n := 0; w.m.Deadline() <= until; n++ {
		if at := w.m.Deadline(); at > w.now.Mono {
			w.pass(at)
			n = 0
		}
		if n > 100 {
			w.t.Fatalf("one tick after the other")
		}
		all = append(all, w.settle(w.m.Tick(w.now)))
	}
	w.pass(until)
	return all
}

func (w *world) pass(at machine.Instant) {
	w.now.Wall += at - w.now.Mono
	w.now.Mono = at
}

// last is the answer to the last command.
func last[T kmsg.Response](w *world) T {
	w.t.Helper()
	a, ok := w.answers[len(w.answers)-1].(T)
	if !ok {
		w.t.Fatalf("the answer is a %T", w.answers[len(w.answers)-1])
	}
	return a
}

func initRequest(id string, pid int64, epoch int16) *kmsg.InitProducerIDRequest {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.TransactionTimeoutMillis = 5, &id, pid, epoch, 60_000
	return req
}

func addRequest(version int16, id string, pid int64, epoch int16, partitions ...int32) *kmsg.AddPartitionsToTxnRequest {
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.Version = version
	if version < firstOfBrokers {
		req.TransactionalID, req.ProducerID, req.ProducerEpoch = id, pid, epoch
		req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "t", Partitions: partitions}}
		return req
	}
	x := kmsg.NewAddPartitionsToTxnRequestTransaction()
	x.TransactionalID, x.ProducerID, x.ProducerEpoch = id, pid, epoch
	x.Topics = []kmsg.AddPartitionsToTxnRequestTransactionTopic{{Topic: "t", Partitions: partitions}}
	req.Transactions = append(req.Transactions, x)
	return req
}

func endRequest(version int16, id string, pid int64, epoch int16, commit bool) *kmsg.EndTxnRequest {
	req := kmsg.NewPtrEndTxnRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = version, id, pid, epoch, commit
	return req
}

func (w *world) init(id string, pid int64, epoch int16) *kmsg.InitProducerIDResponse {
	w.t.Helper()
	w.do(initRequest(id, pid, epoch))
	return last[*kmsg.InitProducerIDResponse](w)
}

// add adds partition 0 of topic t: a client's own request, or one of a broker.
func (w *world) add(version int16, id string, pid int64, epoch int16) int16 {
	w.t.Helper()
	w.do(addRequest(version, id, pid, epoch, 0))
	a := last[*kmsg.AddPartitionsToTxnResponse](w)
	if version < firstOfBrokers {
		return a.Topics[0].Partitions[0].ErrorCode
	}
	return a.Transactions[0].Topics[0].Partitions[0].ErrorCode
}

func (w *world) end(version int16, id string, pid int64, epoch int16, commit bool) *kmsg.EndTxnResponse {
	w.t.Helper()
	w.do(endRequest(version, id, pid, epoch, commit))
	return last[*kmsg.EndTxnResponse](w)
}

func (w *world) state(id string) State {
	if t := w.m.byID[id]; t != nil {
		return t.state
	}
	return -1
}

// describeRecord is a record in one line, without what is not there.
func describeRecord(r *record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %d/%d", r.state, r.producer, r.epoch)
	if r.previous != none && r.previous != r.producer {
		fmt.Fprintf(&b, " previous=%d", r.previous)
	}
	if r.next != none {
		fmt.Fprintf(&b, " next=%d", r.next)
	}
	if r.last != none {
		fmt.Fprintf(&b, " last=%d", r.last)
	}
	if r.version != 0 {
		fmt.Fprintf(&b, " version=%d", r.version)
	}
	fmt.Fprintf(&b, " timeout=%v", r.timeout)
	for _, t := range r.partitions {
		fmt.Fprintf(&b, " %s%v", t.Topic, t.Partitions)
	}
	return b.String()
}

func codeName(code int16) string {
	if code == 0 {
		return "ok"
	}
	return wire.ErrorName(code)
}

func describeAnswer(body kmsg.Response) string {
	switch r := body.(type) {
	case *kmsg.InitProducerIDResponse:
		return fmt.Sprintf("%s %d/%d", codeName(r.ErrorCode), r.ProducerID, r.ProducerEpoch)
	case *kmsg.EndTxnResponse:
		return fmt.Sprintf("%s %d/%d", codeName(r.ErrorCode), r.ProducerID, r.ProducerEpoch)
	case *kmsg.AddOffsetsToTxnResponse:
		return codeName(r.ErrorCode)
	case *kmsg.AddPartitionsToTxnResponse:
		var list []string
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				list = append(list, fmt.Sprintf("%s-%d %s", t.Topic, p.Partition, codeName(p.ErrorCode)))
			}
		}
		for _, x := range r.Transactions {
			for _, t := range x.Topics {
				for _, p := range t.Partitions {
					list = append(list, fmt.Sprintf("%s: %s-%d %s", x.TransactionalID, t.Topic, p.Partition, codeName(p.ErrorCode)))
				}
			}
		}
		return strings.Join(list, ", ")
	case *kmsg.DescribeTransactionsResponse:
		var list []string
		for _, x := range r.TransactionStates {
			list = append(list, fmt.Sprintf("%s: %s %s %d/%d timeout=%d started=%d %+v", x.TransactionalID, codeName(x.ErrorCode), x.State, x.ProducerID, x.ProducerEpoch,
				x.TimeoutMillis, x.StartTimestamp, x.Topics))
		}
		return strings.Join(list, "\n   ")
	case *kmsg.ListTransactionsResponse:
		s := codeName(r.ErrorCode)
		for _, x := range r.TransactionStates {
			s += fmt.Sprintf(" %s:%d:%s", x.TransactionalID, x.ProducerID, x.TransactionState)
		}
		if len(r.UnknownStateFilters) > 0 {
			s += fmt.Sprintf(" unknown states %v", r.UnknownStateFilters)
		}
		return s
	}
	return fmt.Sprintf("%T %+v", body, body)
}

func describeOutcome(o coordinator.Outcome) string {
	var b strings.Builder
	for _, r := range o.Records {
		id, _, _ := readKey(r.Key)
		if r.Value == nil {
			fmt.Fprintf(&b, "record %s: a tombstone\n", id)
			continue
		}
		v, err := readValue(r.Value)
		if err != nil {
			return err.Error()
		}
		fmt.Fprintf(&b, "record %s: %s\n", id, describeRecord(&v))
	}
	for _, m := range o.Markers {
		verb := "abort"
		if m.Commit {
			verb = "commit"
		}
		fmt.Fprintf(&b, "marker %s: %s %d/%d coordinator=%d version=%d", m.TransactionalID, verb, m.ID, m.Epoch, m.CoordinatorEpoch, m.Version)
		for _, t := range m.Partitions {
			fmt.Fprintf(&b, " %s%v", t.Topic, t.Partitions)
		}
		b.WriteString("\n")
	}
	for _, a := range o.Answers {
		when := "-> "
		if a.AtOnce {
			when = "-> at once: "
		}
		b.WriteString(when + describeAnswer(a.Body) + "\n")
	}
	return b.String()
}

func mustEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
