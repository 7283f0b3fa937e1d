package log

import (
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// absurd draws a request of any shape: null and empty arrays, topics that are there and that
// are not, ids of nobody, numbers at the ends of what they can be.
func absurd(t *rapid.T, v reflect.Value) {
	words := []string{"orders", "bills", "", "1", "2", "-1", "..", strings.Repeat("y", 300), "retention.ms", "cleanup.policy", "message.max.bytes", "compact"}
	numbers := []int64{0, 1, 1, 2, 3, -1, -2, 7, 40, math.MaxInt8, math.MaxInt16, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "Version" && name != "UnknownTags" {
				absurd(t, v.Field(i))
			}
		}
	case reflect.Slice:
		switch n := rapid.IntRange(-1, 3).Draw(t, "length"); {
		case v.Type().Elem().Kind() == reflect.Uint8:
			v.SetBytes(rapid.SampledFrom([][]byte{nil, {}, {1, 2, 3}, batch("a"), batch("a", "b")[:70], make([]byte, 5000)}).Draw(t, "bytes"))
		case n >= 0:
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				absurd(t, v.Index(i))
			}
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "null") {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		absurd(t, v.Elem())
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(rapid.IntRange(0, 1).Draw(t, "id")))
		}
	case reflect.String:
		v.SetString(rapid.SampledFrom(words).Draw(t, "word"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(rapid.SampledFrom(numbers).Draw(t, "number")) // cut to its bits
	case reflect.Uint16, reflect.Uint32, reflect.Uint8:
		v.SetUint(uint64(rapid.SampledFrom(numbers).Draw(t, "number")))
	case reflect.Float64:
		v.SetFloat(rapid.SampledFrom([]float64{0, -1, math.MaxFloat64}).Draw(t, "float"))
	default:
		t.Fatalf("what is %v?", v.Type())
	}
}

// Whatever a client asks, in any version that is advertised: it is answered, or its connection
// is closed; broker and controller go on, and others are served.
func TestWhateverIsAsked(t *testing.T) {
	answered := map[int16]int{}
	rapid.Check(t, func(rt *rapid.T) {
		l := newSecured(t, 2, nil)
		l.create("orders", nil, 1, 2)
		l.create("bills", map[string]string{"cleanup.policy": "delete"}, 2)
		l.coordinate("g")
		cfg := BrokerConfig{Admin: &Admin{Tools: true}, Coordinators: true, ShareVersion: 1, Security: &Security{}}
		list := handlers(&cfg)
		table := servedBy(&list, &cfg)
		for range rapid.IntRange(1, 6).Draw(rt, "requests") {
			c := l.client(l.brokers[0])
			var key int16
			var api wire.API
			for ok := false; !ok; {
				key = int16(rapid.IntRange(0, numAPIs-1).Draw(rt, "key"))
				api, ok = table.Find(key)
			}
			req := kmsg.RequestForKey(key)
			absurd(rt, reflect.ValueOf(req).Elem())
			version := int16(rapid.IntRange(int(max(api.Min, api.ServedFrom)), int(api.Max)).Draw(rt, "version"))
			if p, is := req.(*kmsg.ProduceRequest); is {
				p.TransactionID = nil
			}
			before := allocated()
			c.send(req, version)
			l.advance(time.Minute)
			if n := allocated() - before; n > 200<<20 {
				rt.Fatalf("%s version %d cost %d MiB: %+v", kmsg.NameForKey(key), version, n>>20, req)
			}
			timeout := reflect.ValueOf(req).Elem().FieldByName("TimeoutMillis")
			switch {
			case len(c.answers) > 0:
				answered[key]++
			case c.closed != nil, timeout.IsValid() && timeout.Int() > 60_000: // it may wait
			case key == wire.ShareFetch && req.(*kmsg.ShareFetchRequest).MaxWaitMillis > 60_000:
			case key == wire.Fetch && req.(*kmsg.FetchRequest).MaxWaitMillis > 60_000:
			case key == wire.Produce && req.(*kmsg.ProduceRequest).Acks == 0:
			default:
				rt.Fatalf("%s version %d is not answered: %+v", kmsg.NameForKey(key), version, req)
			}
			c.hangUp()
		}
		for _, b := range l.brokers {
			if err := b.machine.(*Broker).Err(); err != nil {
				rt.Fatal(err)
			}
		}
		if err := l.controller.machine.(*ControllerNode).Err(); err != nil {
			rt.Fatal(err)
		}
		last := l.client(l.brokers[1])
		ask[*kmsg.MetadataResponse](last, kmsg.NewPtrMetadataRequest(), 9)
	})
	if len(answered) < 12 && !testing.Short() { // which asks a fifth of the questions
		t.Errorf("answered were only %v", answered)
	}
}

// allocated is how much memory was ever asked for.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// What a version does not know is not done: a version above the highest, or below the lowest,
// costs the connection; one of ApiVersions is answered with the list.
func TestVersionsOutOfRange(t *testing.T) {
	l := newAdministered(t, 1, nil)
	cfg := BrokerConfig{Admin: &Admin{Tools: true}, Coordinators: true, ShareVersion: 1}
	list := handlers(&cfg)
	table := servedBy(&list, &cfg)
	for key := range int16(numAPIs) {
		api, ok := table.Find(key)
		if !ok || key == wire.ApiVersions {
			continue
		}
		for _, v := range []int16{api.Min - 1, api.Max + 1} {
			c := l.client(l.brokers[0])
			frame := machine.Literal([]byte{0, 0, 0, 10, 0, byte(key), byte(uint16(v) >> 8), byte(v), 0, 0, 0, 1, 0xff, 0xff}).Contiguous()
			if c.raw(frame); c.closed == nil {
				t.Errorf("%s version %d is not refused", kmsg.NameForKey(key), v)
			}
		}
	}
}
