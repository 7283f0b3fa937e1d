package wire

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/machine"
)

// answer decodes a frame and answers it with an empty response.
func (l *link) answer(t interface{ Fatalf(string, ...any) }, frame machine.Bytes) machine.Bytes {
	r, err := DecodeRequest(frame, l.serves)
	if err != nil {
		t.Fatalf("%v", err)
	}
	resp := r.Body.ResponseKind()
	return EncodeResponse(&r, resp, nil)
}

func produceRequest(acks int16) (*kmsg.ProduceRequest, []Records) {
	req := kmsg.NewPtrProduceRequest()
	req.Acks = acks
	req.Topics = []kmsg.ProduceRequestTopic{{Topic: "orders", Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: 1}}}}
	return req, []Records{machine.Literal(stampable())}
}

// A broker that does not know version 3 of ApiVersions says so in version 0, and
// is asked again in version 0 (KIP-511).
func TestOldBroker(t *testing.T) {
	serves := NewTable(API{Key: ApiVersions, Max: 0}, API{Key: Produce, Max: 7, ServedFrom: 3}, API{Key: Metadata, Max: 1})
	l := &link{peer: NewPeer("c", BrokerTable()), serves: serves}
	l.peer.Open(1, &l.out)
	r, err := DecodeRequest(l.sent(t), serves)
	if err != nil || !r.UnsupportedVersion || r.Version != 0 || r.Body == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	resp := serves.ApiVersions()
	resp.ErrorCode = UnsupportedVersion
	frame := EncodeResponse(&r, resp, nil)
	golden(t, "response", frame, `
		0000001c
		00000000                 # correlation id
		0023                     # UNSUPPORTED_VERSION
		00000003                 # in version 0: an array of 3
		0000 0000 0007
		0003 0000 0001
		0012 0000 0000`)
	if _, ok, err := l.peer.Received(frame, &l.out); ok || err != nil || l.peer.Ready() || l.peer.InFlight() != 0 {
		t.Fatalf("answer %t, %v, ready %t", ok, err, l.peer.Ready())
	}
	r, err = DecodeRequest(l.sent(t), serves)
	if err != nil || r.UnsupportedVersion || r.Version != 0 || r.Correlation != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, ok, err := l.peer.Received(EncodeResponse(&r, serves.ApiVersions(), nil), &l.out); ok || err != nil || !l.peer.Ready() {
		t.Fatalf("answer %t, %v, ready %t", ok, err, l.peer.Ready())
	}
	for key, want := range map[int16]int16{Produce: 7, Metadata: 1, ApiVersions: 0, Fetch: -1} { // unordered: row by row
		if got, ok := l.peer.Version(key); ok != (want >= 0) || ok && got != want {
			t.Errorf("version of %s: %d, %t; want %d", kmsg.NameForKey(key), got, ok, want)
		}
	}
}

// A broker whose answer cannot be read is asked once more, in version 0, and then
// given up.
func TestHopelessBroker(t *testing.T) {
	refused := func(code int16, asked ...int16) {
		t.Helper()
		l := &link{peer: NewPeer("c", BrokerTable()), serves: BrokerTable()}
		l.peer.Open(1, &l.out)
		for i, version := range asked {
			r, err := DecodeRequest(l.sent(t), l.serves)
			if err != nil || r.Version != version {
				t.Fatalf("asked in version %d, %v; want %d", r.Version, err, version)
			}
			resp := kmsg.NewPtrApiVersionsResponse()
			resp.ErrorCode = code
			frame := EncodeResponse(&r, resp, nil)
			if code == None {
				frame = machine.Literal(sized([]byte{0, 0, 0, byte(i), 0}))
			}
			_, ok, err := l.peer.Received(frame, &l.out)
			if last := i == len(asked)-1; ok || (err != nil) != last || l.peer.Ready() {
				t.Fatalf("code %d, version %d: %t, %v", code, version, ok, err)
			}
		}
		if l.peer.Closed() != nil {
			t.Errorf("the peer's own request came back")
		}
	}
	refused(None, 3, 0)
	refused(UnsupportedVersion, 3, 0)
	refused(InvalidRequest, 3)
}

func TestAgreedVersions(t *testing.T) {
	for _, c := range []struct {
		client, broker API
		want           int16 // -1: none
	}{
		{API{Min: 1, Max: 5}, API{Min: 2, Max: 4}, 4},
		{API{Min: 1, Max: 5}, API{Min: 3, Max: 9}, 5},
		{API{Min: 1, Max: 5}, API{Min: 5, Max: 9}, 5},
		{API{Min: 1, Max: 5}, API{Min: 6, Max: 9}, -1},
		{API{Min: 4, Max: 5}, API{Min: 0, Max: 3}, -1},
		{API{Min: 0, Max: 5, ServedFrom: 3}, API{Min: 0, Max: 3}, 3},
		{API{Min: 0, Max: 5, ServedFrom: 3}, API{Min: 0, Max: 2}, -1},
	} {
		c.client.Key, c.broker.Key = Metadata, Metadata
		l := dial(t, "c", NewTable(API{Key: ApiVersions, Max: 3}, c.client), NewTable(API{Key: ApiVersions, Max: 3}, c.broker))
		got, ok := l.peer.Version(Metadata)
		if !ok {
			got = -1
		}
		if got != c.want {
			t.Errorf("%+v asking %+v: version %d, want %d", c.client, c.broker, got, c.want)
		}
		if _, ok := l.peer.Version(Fetch); ok {
			t.Errorf("agreed on an API that neither has")
		}
	}
}

func TestAnswersOutOfOrder(t *testing.T) {
	l := dial(t, "c", BrokerTable(), BrokerTable())
	l.peer.Send(&l.out, kmsg.NewPtrMetadataRequest(), nil, 1)
	first := l.answer(t, l.sent(t))
	l.peer.Send(&l.out, kmsg.NewPtrMetadataRequest(), nil, 2)
	second := l.answer(t, l.sent(t))
	if _, ok, err := l.peer.Received(second, &l.out); ok || !errors.Is(err, ErrAnswer) {
		t.Errorf("the second answer first: %t, %v", ok, err)
	}
	for i, frame := range []machine.Bytes{first, second} {
		if a, ok, err := l.peer.Received(frame, &l.out); !ok || err != nil || a.Cookie != i+1 {
			t.Errorf("answer %d: %t, %v, cookie %v", i+1, ok, err, a.Cookie)
		}
	}
	if _, ok, err := l.peer.Received(second, &l.out); ok || !errors.Is(err, ErrAnswer) {
		t.Errorf("an answer to nothing: %t, %v", ok, err)
	}
	l.peer.Send(&l.out, kmsg.NewPtrMetadataRequest(), nil, 3)
	for name, frame := range map[string]machine.Bytes{ // unordered: row by row
		"empty": {}, "size only": machine.Literal(sized()), "3 bytes": machine.Literal(sized([]byte{0, 0, 0})),
		"wrong size": machine.Literal([]byte{0, 0, 0, 9, 0, 0, 0, 3}),
	} {
		if _, ok, err := l.peer.Received(frame, &l.out); ok || err == nil {
			t.Errorf("%s: %t, %v", name, ok, err)
		}
	}
}

func TestSendToWhoDoesNotServeIt(t *testing.T) {
	panics := func(name string, l *link, req kmsg.Request, records ...Records) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s: sent", name)
			}
		}()
		l.peer.Send(&l.out, req, records, nil)
	}
	before := &link{peer: NewPeer("c", BrokerTable())}
	before.peer.Open(1, &before.out)
	panics("before it is ready", before, kmsg.NewPtrMetadataRequest())
	l := dial(t, "c", BrokerTable(), ControllerTable())
	panics("to a controller", l, kmsg.NewPtrMetadataRequest())
	l.peer.Closed()
	panics("after it was closed", l, kmsg.NewPtrFetchRequest())
	full := dial(t, "c", BrokerTable(), BrokerTable())
	req, records := produceRequest(1)
	panics("with records missing", full, req)
	panics("with records of two partitions", full, req, records[0], records[0])
	req.Topics[0].Partitions[0].Records = stampable()
	panics("with records inside", full, req, records...)
}

// A peer is a queue: requests leave in order, each answer is that of the oldest,
// a request with acks=0 has none, and what a closed connection leaves behind
// comes back in order.
func TestPeerIsAQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &link{peer: NewPeer("c", BrokerTable()), serves: BrokerTable()}
		var queue []int             // cookies of requests in flight
		var frames []machine.Bytes  // that the broker has not looked at
		var answers []machine.Bytes // under way
		open, ready, sent, next := false, false, int32(0), 0
		take := func() {
			for _, e := range l.out.List {
				if e.Conn != 9 {
					t.Fatalf("sent on connection %d", e.Conn)
				}
				frames = append(frames, e.Frame)
			}
			l.out.Reset()
		}
		t.Repeat(map[string]func(*rapid.T){
			"open": func(t *rapid.T) {
				if open {
					t.Skip()
				}
				l.peer.Open(9, &l.out)
				open, sent = true, 1
				take()
			},
			"send": func(t *rapid.T) {
				if !ready {
					t.Skip()
				}
				acks := rapid.Int16Range(-1, 1).Draw(t, "acks")
				req, records := produceRequest(acks)
				l.peer.Send(&l.out, req, records, next)
				if acks != 0 {
					queue = append(queue, next)
				}
				next++
				sent++
				take()
			},
			"serve": func(t *rapid.T) {
				if len(frames) == 0 {
					t.Skip()
				}
				r, err := DecodeRequest(frames[0], l.serves)
				if err != nil || r.Correlation != sent-int32(len(frames)) {
					t.Fatalf("correlation id %d, %v: %d sent, %d to serve", r.Correlation, err, sent, len(frames))
				}
				frames = frames[1:]
				switch body := r.Body.(type) {
				case *kmsg.ApiVersionsRequest:
					answers = append(answers, EncodeResponse(&r, l.serves.ApiVersions(), nil))
				case *kmsg.ProduceRequest:
					if body.Acks != 0 {
						answers = append(answers, EncodeResponse(&r, body.ResponseKind(), nil))
					}
				}
			},
			"receive": func(t *rapid.T) {
				if len(answers) == 0 {
					t.Skip()
				}
				a, ok, err := l.peer.Received(answers[0], &l.out)
				answers = answers[1:]
				if err != nil || ok != ready {
					t.Fatalf("answer %t, %v", ok, err)
				}
				if !ready {
					ready = true
					return
				}
				if a.Cookie != queue[0] {
					t.Fatalf("answer to %v, want %d", a.Cookie, queue[0])
				}
				queue = queue[1:]
			},
			"close": func(t *rapid.T) {
				left := l.peer.Closed()
				if !slices.EqualFunc(left, queue, func(p Pending, cookie int) bool { return p.Cookie == cookie && p.Request != nil }) {
					t.Fatalf("left %v, want %v", left, queue)
				}
				queue, frames, answers, open, ready = nil, nil, nil, false, false
			},
			"": func(t *rapid.T) {
				if l.peer.Ready() != ready || l.peer.InFlight() != len(queue) {
					t.Fatalf("ready %t, %d in flight; want %t, %d", l.peer.Ready(), l.peer.InFlight(), ready, len(queue))
				}
			},
		})
	})
}

// A connection gives out one frame at a time, in order, and reads no further
// while one waits.
func TestConnIsAQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Conn{ID: 4}
		var out machine.Effects
		var queue []int // the first is being handled
		next, stopped := 0, false
		frame := func(i int) machine.Bytes { return machine.Literal(fmt.Append(nil, i)) }
		t.Repeat(map[string]func(*rapid.T){
			"arrive": func(t *rapid.T) { // a frame may still come after StopReading
				got, ok := c.Arrived(frame(next), &out)
				if ok != (len(queue) == 0) || ok && string(got.Contiguous()) != fmt.Sprint(next) || !ok && got.Len() > 0 {
					t.Fatalf("frame %d behind %v: %q, %t", next, queue, got.Contiguous(), ok)
				}
				queue = append(queue, next)
				next++
			},
			"next": func(t *rapid.T) {
				if len(queue) == 0 {
					t.Skip()
				}
				queue = queue[1:]
				got, ok := c.Next(&out)
				if ok != (len(queue) > 0) || ok && string(got.Contiguous()) != fmt.Sprint(queue[0]) {
					t.Fatalf("next of %v: %q, %t", queue, got.Contiguous(), ok)
				}
			},
			"": func(t *rapid.T) {
				for _, e := range out.List {
					if e.Conn != 4 || e.Kind != machine.DoStopReading && e.Kind != machine.DoRead || stopped == (e.Kind == machine.DoStopReading) {
						t.Fatalf("stopped %t, asked to %v", stopped, e)
					}
					stopped = !stopped
				}
				out.Reset()
				if c.Busy() != (len(queue) > 0) || stopped != (len(queue) > 1) {
					t.Fatalf("busy %t, stopped %t with %v", c.Busy(), stopped, queue)
				}
			},
		})
	})
}

// What a broker says of the cluster's features is there when requests may be sent, and
// belongs to that connection; a request may leave in a lower version than both speak.
func TestFeatures(t *testing.T) {
	l := &link{peer: NewPeer("c", BrokerTable()), serves: BrokerTable()}
	l.peer.Open(1, &l.out)
	r, err := DecodeRequest(l.sent(t), l.serves)
	if err != nil {
		t.Fatal(err)
	}
	resp := l.serves.ApiVersions()
	resp.FinalizedFeaturesEpoch = 7
	resp.FinalizedFeatures = []kmsg.ApiVersionsResponseFinalizedFeature{{Name: "transaction.version", MaxVersionLevel: 2}}
	if _, _, err := l.peer.Received(EncodeResponse(&r, resp, nil), &l.out); err != nil {
		t.Fatal(err)
	}
	if f := l.peer.Features(); f.Epoch != 7 || f.Level("transaction.version") != 2 || f.Level("metadata.version") != 0 {
		t.Errorf("features %+v", f)
	}
	req, records := produceRequest(-1)
	l.peer.SendAtMost(7, &l.out, req, records, nil)
	if r, err := DecodeRequest(l.sent(t), l.serves); err != nil || r.Version != 7 {
		t.Errorf("sent in version %d, %v; want 7", r.Version, err)
	}
	l.peer.Open(2, &l.out)
	if f := l.peer.Features(); len(f.Levels) > 0 {
		t.Errorf("features of a connection that is closed: %+v", f)
	}
}
