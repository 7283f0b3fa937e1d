package txn

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
)

// ledger is what can be said of transactional ids by whoever hears all answers and sees all
// markers, and does not look into the coordinator.
type ledger struct {
	w   *world
	t   *rapid.T
	ids map[string]*account
}

// account is one transactional id's.
type account struct {
	owner   *client // who was given it last
	granted []grant // in the order of the answers
	open    []coordinator.TopicPartitions
	isOpen  bool
	opener  grant               // in whose name it was opened
	marker  *coordinator.Marker // given out, and not written
	ended   bool                // some transaction has, and none has begun since
	commit  bool                // it did
	own     bool                // the coordinator has aborted it of its own
}

type grant struct {
	id    int64
	epoch int16
}

// client is a producer: what it has heard.
type client struct {
	id     string
	bumps  bool // speaks EndTxn 5
	has    grant
	before *kmsg.EndTxnRequest // the last one it has sent
}

func (l *ledger) account(id string) *account {
	if l.ids[id] == nil {
		l.ids[id] = &account{}
	}
	return l.ids[id]
}

// grants notes what a producer is told that it has. That only ever rises, and the very last
// epoch is given to nobody.
func (l *ledger) grants(a *account, c *client, g grant, again bool) {
	if g.epoch == math.MaxInt16 || g.epoch < 0 || g.id < 0 {
		l.t.Fatalf("%s was given %v", c.id, g)
	}
	if n := len(a.granted); n > 0 {
		was := a.granted[n-1]
		switch fresh := !slices.ContainsFunc(a.granted, func(x grant) bool { return x.id == g.id }); {
		case g == was && again:
			return
		case g.id == was.id && g.epoch <= was.epoch, g.id != was.id && !fresh:
			l.t.Fatalf("%s was given %v after %v", c.id, g, was)
		}
	}
	a.granted = append(a.granted, g)
}

// saw notes markers that the coordinator wants written.
func (l *ledger) saw(list []coordinator.Marker, decided *kmsg.EndTxnRequest, loading bool) {
	for i := range list {
		m := &list[i]
		a := l.account(m.TransactionalID)
		if m.CoordinatorEpoch != l.w.m.cfg.Epoch {
			l.t.Fatalf("a marker %+v of epoch %d", m, l.w.m.cfg.Epoch)
		}
		if loading {
			same := a.marker != nil
			if same {
				was := *a.marker
				was.CoordinatorEpoch = m.CoordinatorEpoch
				same = reflect.DeepEqual(was, *m)
			}
			if !same {
				l.t.Fatalf("who takes over has %+v written, where %+v was", m, a.marker)
			}
			a.marker = m
			continue
		}
		empty := decided != nil && decided.Version >= firstBump && !decided.Commit
		switch {
		case a.marker != nil:
			l.t.Fatalf("%+v is to be written, and %+v is not yet", m, a.marker)
		case !a.isOpen && !empty:
			l.t.Fatalf("%+v ends no transaction", m)
		case decided != nil && m.Commit != decided.Commit, decided == nil && m.Commit:
			l.t.Fatalf("%+v comes of %+v", m, decided)
		case a.isOpen && !reflect.DeepEqual(m.Partitions, a.open):
			l.t.Fatalf("%+v is not on %v", m, a.open)
		case a.isOpen && m.ID != a.opener.id, a.isOpen && m.Epoch < a.opener.epoch, a.isOpen && m.Version >= epochBump && m.Epoch <= a.opener.epoch && a.opener.epoch != math.MaxInt16:
			l.t.Fatalf("%+v ends a transaction of %v", m, a.opener)
		}
		a.marker, a.isOpen, a.open = m, false, nil
		a.ended, a.commit, a.own = true, m.Commit, decided == nil
	}
}

func (l *ledger) init(c *client, goesOn, hears bool) {
	req := initRequest(c.id, none, none)
	if req.Version = 4; goesOn && c.has.id >= 0 {
		req.ProducerID, req.ProducerEpoch = c.has.id, c.has.epoch
	}
	o := l.w.do(req)
	a := l.account(c.id)
	resp := last[*kmsg.InitProducerIDResponse](l.w)
	l.saw(o.Markers, nil, false)
	if resp.ErrorCode != 0 {
		return
	}
	if a.isOpen || a.marker != nil {
		l.t.Fatalf("%s begins while a transaction is open: %+v", c.id, a)
	}
	if req.ProducerID != none && len(a.granted) > 0 && a.owner != c && a.granted[len(a.granted)-1] != c.has && len(a.granted) > 1 && a.granted[len(a.granted)-2] != c.has {
		l.t.Fatalf("%v goes on where %v are", c.has, a.granted)
	}
	g := grant{resp.ProducerID, resp.ProducerEpoch}
	l.grants(a, c, g, req.ProducerID != none)
	a.owner, a.ended = c, false
	if hears {
		c.has = g
	}
}

func (l *ledger) add(c *client, n int32) {
	version := int16(3)
	if c.bumps {
		version = 5
	}
	code := int16(0)
	o := l.w.do(addRequest(version, c.id, c.has.id, c.has.epoch, n))
	switch a := last[*kmsg.AddPartitionsToTxnResponse](l.w); {
	case c.bumps:
		code = a.Transactions[0].Topics[0].Partitions[0].ErrorCode
	default:
		code = a.Topics[0].Partitions[0].ErrorCode
	}
	a := l.account(c.id)
	if code != 0 {
		if len(o.Records) > 0 {
			l.t.Fatalf("%s comes with records", wire.ErrorName(code))
		}
		return
	}
	l.mayAct(a, c, "adds a partition")
	if !a.isOpen {
		a.isOpen, a.ended, a.opener = true, false, c.has
	}
	a.open = union(a.open, []coordinator.TopicPartitions{{Topic: "t", Partitions: []int32{n}}})
}

// mayAct has nobody act who does not have what was given last, and nobody while a
// transaction is being ended.
func (l *ledger) mayAct(a *account, c *client, what string) {
	now := l.granted(a)
	if c.has != now || a.marker != nil {
		l.t.Fatalf("%v %s, where %v is, with markers %v", c.has, what, now, a.marker)
	}
}

func (l *ledger) granted(a *account) grant {
	if len(a.granted) == 0 {
		return grant{none, none}
	}
	return a.granted[len(a.granted)-1]
}

func (l *ledger) verify(c *client, n int32) {
	req := addRequest(4, c.id, c.has.id, c.has.epoch, n)
	req.Transactions[0].VerifyOnly = true
	if o := l.w.do(req); len(o.Records) > 0 {
		l.t.Fatalf("a question comes with records")
	}
	code := last[*kmsg.AddPartitionsToTxnResponse](l.w).Transactions[0].Topics[0].Partitions[0].ErrorCode
	a := l.account(c.id)
	if in := a.isOpen && has(a.open, "t", n) && a.opener == c.has; in != (code == 0) {
		l.t.Fatalf("partition %d of %v, asked for by %v: %s; %+v", n, a.open, c.has, codeName(code), a)
	}
}

func (l *ledger) end(c *client, req *kmsg.EndTxnRequest, hears bool) {
	c.before = req
	a := l.account(c.id)
	was := *a
	o := l.w.do(req)
	resp := last[*kmsg.EndTxnResponse](l.w)
	l.saw(o.Markers, req, false)
	if resp.ErrorCode != 0 {
		if len(o.Markers) > 0 {
			l.t.Fatalf("%s comes with markers", wire.ErrorName(resp.ErrorCode))
		}
		// What was committed must not be said to have failed (T18), unless somebody else
		// has begun since or the markers are on their way.
		if was.ended && was.commit && req.Commit && l.isRetry(&was, req) && resp.ErrorCode != wire.ConcurrentTransactions {
			l.t.Fatalf("a retry of what is committed is %s", wire.ErrorName(resp.ErrorCode))
		}
		if was.ended && was.own && req.Commit && was.marker == nil && l.granted(&was) == (grant{req.ProducerID, req.ProducerEpoch}) {
			l.overtaken(req, resp.ErrorCode)
		}
		return
	}
	if len(o.Markers) == 0 && (!was.ended || was.commit != req.Commit) {
		l.t.Fatalf("%+v is ok, where %+v", req, was)
	}
	if len(o.Markers) == 0 {
		a.own = false // the producer knows
	}
	if req.Version >= firstBump {
		l.grants(a, c, grant{resp.ProducerID, resp.ProducerEpoch}, len(o.Markers) == 0)
		if hears {
			c.has = grant{resp.ProducerID, resp.ProducerEpoch}
		}
	}
}

// overtaken checks what is said of a commit that comes behind the coordinator's own abort: the
// producer must begin anew, and nothing has gone wrong for good (T19).
func (l *ledger) overtaken(req *kmsg.EndTxnRequest, code int16) {
	gone := req.Version < firstBump && code == wire.InvalidProducerIDMapping // its epochs were used up
	if code != wire.ProducerFenced && !gone {
		l.t.Fatalf("a commit behind the coordinator's own abort is %s", wire.ErrorName(code))
	}
}

// isRetry reports whether a request has been carried out, if it is what its producer did
// last.
func (l *ledger) isRetry(a *account, req *kmsg.EndTxnRequest) bool {
	n := len(a.granted)
	if req.Version < firstBump {
		return n > 0 && a.granted[n-1] == grant{req.ProducerID, req.ProducerEpoch}
	}
	return n > 1 && a.granted[n-2] == grant{req.ProducerID, req.ProducerEpoch} && a.marker == nil
}

func (l *ledger) written(id string) {
	o := l.w.written(id)
	if a := l.account(id); len(o.Records) > 0 {
		a.marker = nil
	}
}

// Whatever clients do, in whatever order, and whatever is lost: a transaction has one end,
// on all its partitions, the one that its producer was told of.
func TestTransactionsHaveOneEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.Int16Range(0, 2).Draw(t, "version")
		w := newWorld(t, version)
		w.m.cfg.FirstEpoch = rapid.SampledFrom([]int16{0, 0, math.MaxInt16 - 4}).Draw(t, "first epoch")
		w.cfg.FirstEpoch = w.m.cfg.FirstEpoch
		l := &ledger{w: w, t: t, ids: map[string]*account{}}
		var clients []*client
		for i := range 4 {
			clients = append(clients, &client{id: fmt.Sprintf("id-%d", i%2), bumps: version >= 2 && rapid.Bool().Draw(t, "bumps"), has: grant{none, none}})
		}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			c := rapid.SampledFrom(clients).Draw(t, "client")
			hears := rapid.IntRange(0, 9).Draw(t, "hears") > 1
			n := rapid.Int32Range(0, 2).Draw(t, "partition")
			switch rapid.SampledFrom([]string{"init", "go on", "add", "add", "add", "verify", "end", "end", "again", "written", "written", "advance", "fail-over", "drop"}).Draw(t, "step") {
			case "init":
				l.init(c, false, hears)
			case "go on":
				l.init(c, true, hears)
			case "add":
				l.add(c, n)
			case "verify":
				l.verify(c, n)
			case "end":
				v := int16(3)
				if c.bumps {
					v = 5
				}
				l.end(c, endRequest(v, c.id, c.has.id, c.has.epoch, rapid.Bool().Draw(t, "commit")), hears)
			case "again":
				if c.before != nil {
					l.end(c, c.before, false)
				}
			case "written":
				if len(w.markers) > 0 {
					id := rapid.SampledFrom(w.markers).Draw(t, "marker").TransactionalID
					l.written(id)
				}
			case "advance":
				for _, o := range w.advance(time.Duration(rapid.IntRange(1, 40).Draw(t, "seconds"))*time.Second, time.Duration(rapid.IntRange(-100, 100).Draw(t, "wall"))*time.Hour) {
					l.saw(o.Markers, nil, false)
					l.complete(o)
				}
			case "fail-over":
				o := w.take()
				l.saw(o.Markers, nil, true)
			case "drop":
				w.drop = rapid.SampledFrom([]int16{wire.NotEnoughReplicas, wire.NotLeaderOrFollower, wire.MessageTooLarge}).Draw(t, "code")
			}
			l.forgotten()
		}
		l.rest()
	})
}

// complete notes what a tick has completed.
func (l *ledger) complete(o coordinator.Outcome) {
	for _, r := range o.Records {
		id, _, _ := readKey(r.Key)
		if s := l.w.state(id); s == CompleteCommit || s == CompleteAbort {
			l.account(id).marker = nil
		}
	}
}

// forgotten notes ids that have expired: what they had been given says nothing any more.
func (l *ledger) forgotten() {
	for _, id := range []string{"id-0", "id-1"} {
		if a := l.ids[id]; a != nil && l.w.state(id) < 0 && len(a.granted) > 0 {
			delete(l.ids, id)
		}
	}
}

// rest has everything come to an end: the markers that are left are written, and every
// transaction times out.
func (l *ledger) rest() {
	w := l.w
	w.drop = 0
	for range 3 {
		for len(w.markers) > 0 {
			l.written(w.markers[0].TransactionalID)
		}
		for _, o := range w.advance(2*time.Minute, 0) {
			l.saw(o.Markers, nil, false)
			l.complete(o)
		}
	}
	for _, t := range w.m.order {
		if !t.state.ended() {
			l.t.Fatalf("at rest %s is %v", t.id, t.state)
		}
	}
	if w.m.ongoing != 0 || w.m.unsaid != 0 {
		l.t.Fatalf("at rest %d are ongoing, %d unsaid", w.m.ongoing, w.m.unsaid)
	}
}
