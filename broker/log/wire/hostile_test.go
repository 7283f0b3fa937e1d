package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/machine"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		name string
		buf  []byte
		want int
		err  error
	}{
		{"nothing", nil, 0, nil},
		{"half a size", []byte{0, 0, 0}, 0, nil},
		{"an empty frame", []byte{0, 0, 0, 0}, 4, nil},
		{"a byte short", []byte{0, 0, 0, 2, 1}, 0, nil},
		{"whole", []byte{0, 0, 0, 2, 1, 2}, 6, nil},
		{"and the next", []byte{0, 0, 0, 2, 1, 2, 0, 0}, 6, nil},
		{"the largest", []byte{0x06, 0x40, 0, 0}, 0, nil},
		{"too large", []byte{0x06, 0x40, 0, 1}, 0, ErrFrameSize},
		{"negative", []byte{0xff, 0xff, 0xff, 0xff}, 0, ErrFrameSize},
		{"an HTTP request", []byte("GET / HTTP/1.1\r\n"), 0, ErrFrameSize},
	} {
		if n, err := Split(c.buf); n != c.want || err != c.err {
			t.Errorf("%s: %d, %v; want %d, %v", c.name, n, err, c.want, c.err)
		}
	}
}

// What cannot be understood means closing the connection (trap 7).
func TestNotARequest(t *testing.T) {
	mega := machine.Literal(make([]byte, 1<<20))
	huge := []machine.Bytes{machine.Literal([]byte{0x06, 0x40, 0, 1, 0})}
	for range MaxFrame >> 20 {
		huge = append(huge, mega)
	}
	// Metadata version 1 of client "c", all topics.
	good := []byte{0, 3, 0, 1, 0, 0, 0, 9, 0, 1, 'c', 0xff, 0xff, 0xff, 0xff}
	if r, err := DecodeRequest(machine.Literal(sized(good)), BrokerTable()); err != nil || r.Body.(*kmsg.MetadataRequest).Topics != nil || r.ClientID != "c" || r.Correlation != 9 {
		t.Fatalf("the good one: %+v, %v", r, err)
	}
	with := func(at int, b ...byte) machine.Bytes {
		out := slices.Clone(good)
		copy(out[at:], b)
		return machine.Literal(sized(out))
	}
	for _, c := range []struct {
		name  string
		frame machine.Bytes
		want  error
	}{
		{"nothing", machine.Bytes{}, ErrFrameSize},
		{"half a size", machine.Literal([]byte{0, 0}), ErrFrameSize},
		{"another size", machine.Literal(append([]byte{0, 0, 0, 14}, good...)), ErrFrameSize},
		{"larger than socket.request.max.bytes", machine.Concat(huge...), ErrFrameSize},
		{"empty", machine.Literal(sized()), ErrTruncated},
		{"half a header", machine.Literal(sized(good[:7])), ErrTruncated},
		{"half a client id", machine.Literal(sized(good[:10])), ErrTruncated},
		{"client id longer than the frame", with(8, 0x7f, 0xff), ErrTruncated},
		{"API 4", with(0, 0, 4), ErrUnknownAPI},
		{"API -1", with(0, 0xff, 0xff), ErrUnknownAPI},
		{"a version too high", with(2, 0, 13), ErrUnknownAPI},
		{"a negative version", with(2, 0xff, 0xff), ErrUnknownAPI},
	} {
		if _, err := DecodeRequest(c.frame, BrokerTable()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	// An API of the other listener is unknown on this one.
	heartbeat := []byte{0, 63, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if _, err := DecodeRequest(machine.Literal(sized(heartbeat)), BrokerTable()); !errors.Is(err, ErrUnknownAPI) {
		t.Errorf("a heartbeat to a broker: %v", err)
	}
	// A null client id is none; Kafka takes every negative length for null.
	for _, length := range []byte{0xff, 0xfe} {
		b := append(slices.Clone(good[:8]), 0xff, length, 0, 0, 0, 0)
		if r, err := DecodeRequest(machine.Literal(sized(b)), BrokerTable()); err != nil || r.ClientID != "" {
			t.Errorf("null client id: %q, %v", r.ClientID, err)
		}
	}
}

// Produce advertises version 0, for librdkafka's sake, and refuses what it does not
// serve (trap 1; KAFKA-18659).
func TestOldProduce(t *testing.T) {
	table := BrokerTable()
	if k := table.ApiVersions().ApiKeys[0]; k.ApiKey != Produce || k.MinVersion != 0 || k.MaxVersion != 11 {
		t.Errorf("advertised %+v", k)
	}
	for version := range int16(3) {
		if table.Supports(Produce, version) {
			t.Errorf("version %d is served", version)
		}
		for _, acks := range []int16{-1, 0, 1} {
			req, _ := produceRequest(acks)
			req.SetVersion(version)
			req.Topics = append(req.Topics, kmsg.ProduceRequestTopic{Topic: "bills", Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: 0}, {Partition: 4}}})
			body := alone(req, []Records{machine.Literal([]byte("old")), {}, machine.Literal([]byte("old"))})
			frame := sized([]byte{0, 0, 0, byte(version), 0, 0, 0, 5, 0, 1, 'c'}, body)
			r, err := DecodeRequest(machine.Literal(frame), table)
			if err != nil || r.Body != nil || r.Records != nil {
				t.Fatalf("version %d: %+v, %v", version, r, err)
			}
			answer := r.Unserved().Contiguous()
			if acks == 0 {
				if len(answer) > 0 {
					t.Errorf("version %d with acks=0 is answered", version)
				}
				continue
			}
			resp := kmsg.NewPtrProduceResponse()
			resp.SetVersion(version)
			if n, err := Split(answer); err != nil || n != len(answer) || !bytes.Equal(answer[4:8], []byte{0, 0, 0, 5}) {
				t.Fatalf("version %d is answered with %x", version, answer)
			}
			if err := resp.ReadFrom(answer[8:]); err != nil || !bytes.Equal(resp.AppendTo(nil), answer[8:]) {
				t.Fatalf("version %d is answered with %x: %v", version, answer, err)
			}
			var refused []TP
			for _, topic := range resp.Topics {
				for _, p := range topic.Partitions {
					if p.ErrorCode != UnsupportedVersion || p.BaseOffset != -1 {
						t.Errorf("version %d: %+v", version, p)
					}
					refused = append(refused, TP{topic.Topic, p.Partition})
				}
			}
			if want := []TP{{"orders", 1}, {"bills", 0}, {"bills", 4}}; !slices.Equal(refused, want) {
				t.Errorf("version %d refuses %v, not %v", version, refused, want)
			}
			if _, err := DecodeRequest(machine.Literal(sized(frame[4:len(frame)-1])), table); err == nil {
				t.Errorf("version %d cut short is a request", version)
			}
		}
	}
	if b := (&Request{Key: Metadata}).Unserved(); b.Len() > 0 {
		t.Errorf("an answer to what is served: %d bytes", b.Len())
	}
}

// A message with records is known to its last byte: what follows is no part of it.
func TestTrailingBytes(t *testing.T) {
	l := dial(t, "c", BrokerTable(), BrokerTable())
	req, records := produceRequest(1)
	l.peer.Send(&l.out, req, records, nil)
	frame := l.sent(t).Contiguous()
	if _, err := DecodeRequest(machine.Literal(sized(frame[4:], []byte{0})), BrokerTable()); !errors.Is(err, ErrTrailing) {
		t.Errorf("a byte after a Produce request: %v", err)
	}
	l = dial(t, "c", BrokerTable(), BrokerTable())
	l.peer.Send(&l.out, kmsg.NewPtrFetchRequest(), nil, nil)
	answer := l.answer(t, l.sent(t)).Contiguous()
	if _, _, err := l.peer.Received(machine.Literal(sized(answer[4:], []byte{0})), &l.out); !errors.Is(err, ErrTrailing) {
		t.Errorf("a byte after a Fetch response: %v", err)
	}
}

// nilEmpty makes all empty slices of a message nil.
func nilEmpty(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			nilEmpty(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type().Field(i).Name != "UnknownTags" {
				nilEmpty(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Len() == 0 {
			v.SetZero()
		}
		for i := range v.Len() {
			nilEmpty(v.Index(i))
		}
	}
}

// No response has a null where there could be an empty array (trap 5).
func TestNilArraysAreSentEmpty(t *testing.T) {
	served(t, func(t *testing.T, serves *Table, key, version int16) {
		rapid.Check(t, func(t *rapid.T) {
			r := Request{Key: key, Version: version}
			resp := kmsg.ResponseForKey(key)
			fill(t, resp)
			records := make([]Records, len(spots(resp)))
			want := EncodeResponse(&r, resp, records).Contiguous()
			nilEmpty(reflect.ValueOf(resp))
			if got := EncodeResponse(&r, resp, records).Contiguous(); !bytes.Equal(got, want) {
				t.Fatalf("with nil slices\n%x\nwith empty ones\n%x", got, want)
			}
		})
	})
}

// The answer to an ApiVersions of a version that is yet to come has the whole list
// in version 0 (trap 6).
func TestFutureClient(t *testing.T) {
	for _, version := range []byte{4, 127} {
		frame := sized([]byte{0, 18, 0, version, 0, 0, 0, 3, 0xff}, bytes.Repeat([]byte{0xff}, 40))
		r, err := DecodeRequest(machine.Literal(frame), BrokerTable())
		if err != nil || !r.UnsupportedVersion || r.Version != 0 || r.Correlation != 3 {
			t.Fatalf("version %d: %+v, %v", version, r, err)
		}
		resp := BrokerTable().ApiVersions()
		resp.ErrorCode = UnsupportedVersion
		b := EncodeResponse(&r, resp, nil).Contiguous()
		got := kmsg.NewPtrApiVersionsResponse()
		if err := got.ReadFrom(b[8:]); err != nil || got.ErrorCode != UnsupportedVersion || len(got.ApiKeys) != len(BrokerTable().apis) {
			t.Errorf("version %d is answered with %x", version, b)
		}
	}
}

// allocated is the number of bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// ones gives every field of a message a value, and every array one element.
func ones(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		ones(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "Version" && name != "UnknownTags" {
				ones(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		ones(v.Index(0))
	case reflect.String:
		v.SetString("t")
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	}
}

// Lengths that promise more than there is cost no more memory than what is there
// could justify, wherever they stand.
func TestHostileLengths(t *testing.T) {
	var tails [][]byte // a length, and bytes that keep it believable for a while
	for _, length := range [][]byte{
		{0x7f, 0xff, 0xff, 0xff}, {0xff, 0xff, 0xff, 0x7f}, {0xff, 0xff, 0xff, 0xff, 0x07}, bytes.Repeat([]byte{0xff}, 9),
		{0, 0, 0x03, 0xf0}, {0xf0, 0x07}, {0x7f, 0xff},
	} {
		for _, filler := range []byte{0, 1} {
			tails = append(tails, append(slices.Clone(length), bytes.Repeat([]byte{filler}, 1024)...))
		}
	}
	// bounded decodes the message with each tail at each place of its body.
	bounded := func(t *testing.T, head, body []byte, decode func(machine.Bytes)) {
		for at := range len(body) + 1 {
			total := 0
			var frames []machine.Bytes
			for _, tail := range tails {
				b := sized(head, body[:at], tail)
				frames = append(frames, machine.Literal(b))
				total += len(b)
			}
			got := allocated(func() {
				for _, f := range frames {
					decode(f)
				}
			})
			if limit := uint64(64 * total); got > limit {
				t.Fatalf("at byte %d of %d: %d bytes made it allocate %d", at, len(body), total, got)
			}
		}
	}
	served(t, func(t *testing.T, serves *Table, key, version int16) {
		l := dial(t, "c", only(key, version), serves)
		req := kmsg.RequestForKey(key)
		ones(reflect.ValueOf(req).Elem())
		var records []Records
		for _, spot := range spots(req) {
			*spot, records = []byte{}, append(records, machine.Literal(stampable()))
		}
		l.peer.Send(&l.out, req, records, nil)
		frame := l.sent(t).Contiguous()
		head := 11 // key, version, correlation id, "c"
		if req.IsFlexible() {
			head++
		}
		bounded(t, frame[4:4+head], frame[4+head:], func(b machine.Bytes) {
			if r, err := DecodeRequest(b, serves); err == nil && r.Body == nil {
				t.Fatalf("decoded to nothing")
			}
		})
		resp := req.ResponseKind()
		resp.SetVersion(version)
		ones(reflect.ValueOf(resp).Elem())
		records = nil
		for range spots(resp) {
			records = append(records, machine.Literal(stampable()))
		}
		bounded(t, []byte{0, 0, 0, 1}, alone(resp, records), func(b machine.Bytes) {
			l.peer.flight = append(l.peer.flight[:0], flight{1, Pending{Request: req}})
			if _, ok, err := l.peer.Received(b, &l.out); ok != (err == nil) {
				t.Fatalf("answer %t, %v", ok, err)
			}
		})
	})
}

func TestTable(t *testing.T) {
	table := NewTable(API{Key: 9, Min: 2, Max: 4}, API{Key: 3, Min: 0, Max: 5, ServedFrom: 2})
	for _, c := range []struct {
		key, version int16
		want         bool
	}{{9, 1, false}, {9, 2, true}, {9, 4, true}, {9, 5, false}, {3, 1, false}, {3, 2, true}, {4, 2, false}} {
		if got := table.Supports(c.key, c.version); got != c.want {
			t.Errorf("version %d of %d: %t", c.version, c.key, got)
		}
	}
	if a, ok := table.Find(3); !ok || a.Max != 5 {
		t.Errorf("found %+v, %t", a, ok)
	}
	var keys []int16
	for _, k := range table.ApiVersions().ApiKeys {
		keys = append(keys, k.ApiKey)
	}
	if !slices.Equal(keys, []int16{3, 9}) {
		t.Errorf("advertised %d", keys)
	}
	defer func() {
		if recover() == nil {
			t.Errorf("two rows for one API")
		}
	}()
	NewTable(API{Key: 9}, API{Key: 9})
}

// A topic with what it is about, apart from what changes from one run to another.
func TestRequestKey(t *testing.T) {
	key := func(change func(*kmsg.ProduceRequest, *Builder)) uint64 {
		b := NewBuilder(7, 1, 100)
		b.Append(1000, nil, []byte("v"), nil)
		req, _ := produceRequest(1)
		change(req, b)
		return RequestKey(req, []Records{b.Bytes()})
	}
	same := key(func(*kmsg.ProduceRequest, *Builder) {})
	for name, change := range map[string]func(*kmsg.ProduceRequest, *Builder){ // unordered: row by row
		"timeout": func(r *kmsg.ProduceRequest, _ *Builder) { r.TimeoutMillis = 77 },
		"acks":    func(r *kmsg.ProduceRequest, _ *Builder) { r.Acks = -1 },
		"payload": func(_ *kmsg.ProduceRequest, b *Builder) { b.Append(2000, nil, []byte("w"), nil) },
	} {
		if key(change) != same {
			t.Errorf("depends on the %s", name)
		}
	}
	for name, change := range map[string]func(*kmsg.ProduceRequest, *Builder){ // unordered: row by row
		"topic":     func(r *kmsg.ProduceRequest, _ *Builder) { r.Topics[0].Topic = "bills" },
		"partition": func(r *kmsg.ProduceRequest, _ *Builder) { r.Topics[0].Partitions[0].Partition = 2 },
		"producer":  func(_ *kmsg.ProduceRequest, b *Builder) { b.h.ProducerID = 8 },
		"epoch":     func(_ *kmsg.ProduceRequest, b *Builder) { b.h.ProducerEpoch = 2 },
		"sequence":  func(_ *kmsg.ProduceRequest, b *Builder) { b.h.BaseSequence = 101 },
	} {
		if key(change) == same {
			t.Errorf("does not depend on the %s", name)
		}
	}
	later := fetchByID(1, 1)
	if later.ReplicaState.Epoch++; RequestKey(later, nil) != RequestKey(fetchByID(1, 1), nil) {
		t.Error("depends on the broker epoch of a follower")
	}
	// And for every other API: on each field that its class of requests is told
	// apart by.
	for _, c := range []struct {
		name string
		req  kmsg.Request
		alt  kmsg.Request
	}{
		{"replica", &kmsg.FetchRequest{ReplicaID: 1}, &kmsg.FetchRequest{ReplicaID: 2}},
		{"replica of version 15", fetchByID(1, 1), fetchByID(2, 1)},
		{"topic id", fetchByID(1, 1), fetchByID(1, 2)},
		{"fetch offset", fetchOf(5, 1), fetchOf(6, 1)},
		{"fetch epoch", fetchOf(5, 1), fetchOf(5, 2)},
		{"broker", &kmsg.BrokerRegistrationRequest{BrokerID: 1}, &kmsg.BrokerRegistrationRequest{BrokerID: 2}},
		{"heartbeat", &kmsg.BrokerHeartbeatRequest{BrokerID: 1}, &kmsg.BrokerHeartbeatRequest{BrokerID: 2}},
		{"heartbeat epoch", &kmsg.BrokerHeartbeatRequest{BrokerEpoch: 1}, &kmsg.BrokerHeartbeatRequest{BrokerEpoch: 2}},
		{"ids", &kmsg.AllocateProducerIDsRequest{BrokerID: 1}, &kmsg.AllocateProducerIDsRequest{BrokerID: 2}},
		{"created topic", &kmsg.CreateTopicsRequest{Topics: []kmsg.CreateTopicsRequestTopic{{Topic: "a"}}}, &kmsg.CreateTopicsRequest{Topics: []kmsg.CreateTopicsRequestTopic{{Topic: "b"}}}},
		{"altered topic", alterOf([16]byte{1}, 4), alterOf([16]byte{2}, 4)},
		{"partition epoch", alterOf([16]byte{1}, 4), alterOf([16]byte{1}, 5)},
		{"key", &kmsg.ApiVersionsRequest{}, &kmsg.MetadataRequest{}},
	} {
		if RequestKey(c.req, nil) == RequestKey(c.alt, nil) {
			t.Errorf("%s: two requests have one key", c.name)
		}
		if again := RequestKey(c.req, nil); again != RequestKey(c.req, nil) {
			t.Errorf("%s: one request has two keys", c.name)
		}
	}
}

func fetchOf(offset int64, epoch int32) *kmsg.FetchRequest {
	p := kmsg.FetchRequestTopicPartition{FetchOffset: offset, CurrentLeaderEpoch: epoch}
	return &kmsg.FetchRequest{Topics: []kmsg.FetchRequestTopic{{Topic: "t", Partitions: []kmsg.FetchRequestTopicPartition{p}}}}
}

// fetchByID is a Fetch of version 15.
func fetchByID(replica int32, topic byte) *kmsg.FetchRequest {
	req := fetchOf(5, 1)
	req.Version, req.ReplicaState.ID = 15, replica
	req.Topics[0].Topic, req.Topics[0].TopicID = "", [16]byte{topic}
	return req
}

func alterOf(topic [16]byte, epoch int32) *kmsg.AlterPartitionRequest {
	p := kmsg.AlterPartitionRequestTopicPartition{PartitionEpoch: epoch}
	return &kmsg.AlterPartitionRequest{Topics: []kmsg.AlterPartitionRequestTopic{{TopicID: topic, Partitions: []kmsg.AlterPartitionRequestTopicPartition{p}}}}
}

// The names of classes are what people write in schedules.
func TestClassNames(t *testing.T) {
	want := strings.Fields(`add-offsets-to-txn add-partitions-to-txn allocate-producer-ids alter-partition api-versions begin-quorum-epoch
		broker-heartbeat broker-registration consumer-group-heartbeat create-topics end-quorum-epoch end-txn fetch fetch-snapshot find-coordinator heartbeat init-producer-id
		join-group leave-group list-offsets metadata offset-commit offset-fetch offset-for-leader-epoch produce sync-group txn-offset-commit vote
		write-txn-markers`)
	var got []string
	for name, class := range Classes() { // unordered: sorted below
		if ClassName(class) != name {
			t.Errorf("%s is the name of class %d, whose name is %s", name, class, ClassName(class))
		}
		if base, response := strings.CutSuffix(name, "-response"); response {
			if Classes()[base]|1 != class {
				t.Errorf("%s is not the answer to %s", name, base)
			}
		} else {
			got = append(got, name)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("classes\n%q\nwant\n%q", got, want)
	}
	id := machine.Ident{Class: Class(Fetch, false), Key: 9}
	if a := AnswerIdent(id); ClassName(a.Class) != "fetch-response" || a.Key != 9 {
		t.Errorf("the answer to %v is %v", id, a)
	}
}

func TestTP(t *testing.T) {
	a, b, c := TP{"a", 10}, TP{"a", 9}, TP{"b", 0}
	if a.String() != "a-10" || a.Compare(b) <= 0 || a.Compare(c) >= 0 || a.Compare(a) != 0 {
		t.Errorf("%v: %d, %d, %d", a, a.Compare(b), a.Compare(c), a.Compare(a))
	}
}

// The walker's own numbers: the largest compact length that there can be.
func TestUvarint(t *testing.T) {
	for _, c := range []struct {
		b    []byte
		want int64
		ok   bool
	}{
		{[]byte{0}, 0, true}, {[]byte{0x7f}, 127, true}, {[]byte{0x80, 1}, 128, true}, {binary.AppendUvarint(nil, 1<<31), 1 << 31, true},
		{[]byte{0xff, 0xff, 0xff, 0xff, 0x7f}, 1<<35 - 1, true}, {[]byte{0x80}, 0, false}, {[]byte{0x80, 0x80, 0x80, 0x80, 0x80, 1}, 0, false},
	} {
		w := over(machine.Literal(c.b), nil)
		if got := w.uvarint(); got != c.want || (w.err == nil) != c.ok {
			t.Errorf("%x: %d, %v", c.b, got, w.err)
		}
	}
}
