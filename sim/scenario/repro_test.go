package scenario

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"brokersim/broker/log"
	"brokersim/broker/log/config"
	"brokersim/broker/machine"
	"brokersim/checker/result"

	"pgregory.net/rapid"
)

// anyRepro draws what a string can name, with every byte that the string itself
// gives a meaning to.
func anyRepro(t *rapid.T) Repro {
	word := rapid.StringN(1, 12, -1)
	value := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", ",", "a,b", "a:b", ":~x", "@1.00000000", "a=b", " ", "%", "%41", "+", "é", "\xff"}))
	r := Repro{Scenario: word.Draw(t, "scenario"), File: rapid.Uint32().Draw(t, "file"), Seed: rapid.Uint64().Draw(t, "seed"), Core: int(rapid.Int32Min(0).Draw(t, "core")), Hash: rapid.Uint32().Draw(t, "hash")}
	for range rapid.IntRange(0, 3).Draw(t, "layers") {
		l := config.Layer{Source: "repro string"}
		for range rapid.IntRange(1, 3).Draw(t, "entries") {
			l.Entries = append(l.Entries, config.Entry{Key: "broker." + word.Draw(t, "key"), Value: value.Draw(t, "value")})
		}
		r.Layers = append(r.Layers, l)
	}
	for range rapid.IntRange(0, 2).Draw(t, "edits") {
		r.Edits = append(r.Edits, Edit{rapid.SampledFrom([]string{"for", "without", "rate.a,b", "partitions.x"}).Draw(t, "edit"), value.Draw(t, "size")})
	}
	r.Plant = rapid.SliceOfN(value, 0, 2).Draw(t, "plant")
	r.Promise = rapid.SliceOfN(value, 0, 2).Draw(t, "promise")
	if rapid.Bool().Draw(t, "scheduled") {
		r.Faults = text(rapid.String().Draw(t, "faults"))
	}
	r.Foreign = rapid.Bool().Draw(t, "foreign")
	return r
}

// normal makes no difference between no list and an empty one.
func (r Repro) normal() Repro {
	if len(r.Plant) == 0 {
		r.Plant = nil
	}
	if len(r.Promise) == 0 {
		r.Promise = nil
	}
	return r
}

func TestReproRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyRepro(t)
		s := want.String()
		got, err := ParseRepro(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if !reflect.DeepEqual(got.normal(), want.normal()) {
			t.Fatalf("%s\n got %+v\nwant %+v", s, got, want)
		}
		if strings.ContainsAny(s, " '\"\\\n") {
			t.Fatalf("%s needs more than plain quotes in a shell", s)
		}
	})
}

// The first writers escaped nothing: what they wrote means what it meant.
func TestReproOfBeforeEscaping(t *testing.T) {
	got, err := ParseRepro("bs1:orders:0x7:broker.a=x,y:~z 1@2,producer.acks=100%,plant=T01-forget-sequence,promise=no-skip:~" + deflate("1s crash b1") + "@1.9f3c0a51")
	want := Repro{
		Scenario: "orders", Seed: 7, Core: 1, Hash: 0x9f3c0a51,
		Layers:  []config.Layer{{Source: "repro string", Entries: []config.Entry{{Key: "broker.a", Value: "x,y:~z 1@2"}, {Key: "producer.acks", Value: "100%"}}}},
		Plant:   []string{"T01-forget-sequence"},
		Promise: []string{"no-skip"},
		Faults:  text("1s crash b1"),
	}
	if err != nil || !reflect.DeepEqual(got.normal(), want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}
}

func TestReproRefuses(t *testing.T) {
	packed := deflate("1s crash b1")
	raw, err := base64.RawURLEncoding.DecodeString(packed)
	if err != nil {
		t.Fatal(err)
	}
	more := base64.RawURLEncoding.EncodeToString(append(raw, 0))
	for _, row := range []struct{ text, want string }{
		{"", "column 1: want bs1:"},
		{"orders", "column 1: want bs1:"},
		{"bs2:orders:0x7@1.00000000", `column 1: version "bs2" is not known: this program reads bs1`},
		{"bs1:orders:0x7", "column 15: the end is missing: want @CORE.HASH"},
		{"bs1:orders@1.00000000", "column 5: want a scenario and a seed"},
		{"bs1:orders~12ab:0x7@1.00000000", `column 12: file "12ab": want 8 hex digits`},
		{"bs1:orders~00000000:0x7@1.00000000", `column 12: file "00000000": want 8 hex digits`},
		{"bs1::0x7@1.00000000", "column 5: want a scenario and a seed"},
		{"bs1:orders:0xg@1.00000000", `column 12: seed "0xg": want a number`},
		{"bs1:orders:-1@1.00000000", `column 12: seed "-1": want a number`},
		{"bs1:orders:0x7@x.00000000", `column 16: core "x": want a number`},
		{"bs1:orders:0x7@1.0000000", `column 17: trace hash "0000000": want`},
		{"bs1:orders:0x7@1.0000000G", `column 17: trace hash "0000000G": want`},
		{"bs1:orders:0x7@1", `column 17: trace hash "": want`},
		{"bs1:orders:0x7:@1.00000000", `column 16: "": want key=value`},
		{"bs1:orders:0x7:a=b,+,c@1.00000000", `column 22: "c": want key=value`},
		{"bs1:orders:0x7:=b@1.00000000", `column 16: "=b": want key=value`},
		{"bs1:orders:0x7:~!@1.00000000", "column 17: the schedule is damaged: it is no base64url"},
		{"bs1:orders:0x7:a=b:~" + packed[2:] + "@1.00000000", "column 21: the schedule is damaged: "},
		{"bs1:orders:0x7:~" + more + "@1.00000000", "column 17: the schedule is damaged: 1 bytes follow its end"},
		{"bs1:orders:0x7:~" + deflate(strings.Repeat("\n", maxSchedule+1)) + "@1.00000000", "column 17: the schedule is damaged: it is longer than"},
	} {
		_, err := ParseRepro(row.text)
		var bad *ReproError
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), "repro string, "+row.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.80s: %v\nwant %s", row.text, err, row.want)
		}
	}
}

func FuzzParseRepro(f *testing.F) {
	f.Add("bs1:orders:0x7@1.9f3c0a51")
	f.Add("bs1:orders:7:producer.acks=1,+,for=2s,plant=R24:~" + deflate("1s crash b1") + "@1.9f3c0a51")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRepro(s)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %q", err)
			}
			return
		}
		again, err := ParseRepro(r.String())
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%q\n%+v\nbecame %q\n%+v, %v", s, r, r.String(), again, err)
		}
	})
}

// The string of a run makes that run again, whatever made the run special.
func TestReproRepeatsTheRun(t *testing.T) {
	spec := load(t, "orders")
	for _, c := range []Case{
		{Seed: 7},
		{Seed: 8, Faults: text("1s..1200ms for 300ms cut leader follower # why\n2s crash leader\n"), Plant: []string{"R24-ack-before-isr"}, Promise: []string{"no-skip"}},
		{Seed: 9, Edits: []Edit{{"for", "1s"}, {"without", "payment"}, {"without", "inventory"}, {"rate.order-service", "50"}, {"partitions.orders", "1"}}, Faults: text("600ms crash k1004\n")},
		// The later layer decides, though the earlier names the producer.
		{Seed: 10, Edits: []Edit{{"for", "500ms"}}, Layers: append(with("producer.order-service.acks", "all"), with("producer.acks", "1")...)},
	} {
		c.Spec = spec
		want := Run(c)
		r, err := ParseRepro(want.Repro)
		if err != nil {
			t.Fatal(err)
		}
		if got := Run(r.Case(spec)); want.Exit == result.ExitUsage || !reflect.DeepEqual(got, want) {
			t.Errorf("%s %v, again %s %v", want.Repro, want.Warnings, got.Repro, got.Warnings)
		}
	}
}

// A run of somebody's own broker is not made with another.
func TestForeignRepro(t *testing.T) {
	own := func(cfg BrokerConfig) machine.Machine { return log.NewBroker(cfg) }
	want := Run(Case{Spec: load(t, "healthy"), Seed: 1, Edits: []Edit{{"for", "500ms"}}, Broker: own})
	r, err := ParseRepro(want.Repro)
	if err != nil || !r.Foreign {
		t.Fatalf("%s: %v", want.Repro, err)
	}
	c := r.Case(load(t, "healthy"))
	if _, err := Check(c); err == nil || !strings.HasPrefix(err.Error(), "broker=foreign: ") {
		t.Errorf("%s: %v", want.Repro, err)
	}
	c.Broker = own
	if got := Run(c); !reflect.DeepEqual(got, want) {
		t.Errorf("%s, again %s", want.Repro, got.Repro)
	}
}

// Who is left keeps node and draws: without the readers the producer sends the
// same records at the same times.
func TestEdited(t *testing.T) {
	spec := load(t, "orders")
	small, err := spec.edited([]Edit{{"without", "inventory"}, {"without", "notification"}})
	if err != nil || fmt.Sprint(names(small)) != "[b1 b2 b3 c101 p1001 k1003 k1005]" {
		t.Errorf("%v: %v", err, names(small))
	}
	if fmt.Sprint(names(spec)) != "[b1 b2 b3 c101 p1001 k1002 k1003 k1004 k1005]" {
		t.Errorf("the scenario itself has changed: %v", names(spec))
	}
	// Settings go with whom they are for, and only they.
	named := *spec
	named.Readers = append(slices.Clone(spec.Readers), Reader{Name: "max", Topics: []string{"orders"}})
	for _, key := range []string{"consumer.payment.max.poll.records", "consumer.max.poll.records", "producer.order-service.acks"} {
		named.Set = append(named.Set, config.Entry{Key: key, Value: "1"})
	}
	for name, left := range map[string]int{"payment": len(named.Set) - 1, "analytics": len(named.Set), "max": len(named.Set)} {
		c := Case{Spec: &named, Edits: []Edit{{"without", name}}}
		if small, err := c.Scenario(); err != nil || len(small.Set) != left {
			t.Errorf("without %s: %v, %v", name, err, small.Set)
		}
		if _, err := Check(c); err != nil {
			t.Errorf("without %s: %v", name, err)
		}
	}
	for _, row := range []struct{ key, value, want string }{
		{"for", "0s", "for=0s: want a duration"},
		{"for", "5", "for=5: want a duration"},
		{"brokers", "2", "brokers=2: topic orders has 3 replicas"},
		{"brokers", "x", "brokers=x: want a whole number"},
		{"without", "paymnet", `without=paymnet: unknown client; did you mean "payment"?`},
		{"without", "order-service", "without=order-service: nobody is left who produces"},
		{"without-topic", "orders", "without-topic=orders: producer order-service uses it"},
		{"rate.orders", "5", `rate.orders=5: unknown producer "orders"`},
		{"rate.order-service", "0", "rate.order-service=0: want a whole number"},
		{"partitions.order", "1", `partitions.order=1: unknown topic "order"; did you mean "orders"?`},
		{"colour", "red", "colour=red: unknown edit"},
	} {
		_, err := Check(Case{Spec: spec, Edits: []Edit{{row.key, row.value}}})
		if err == nil || !strings.HasPrefix(err.Error(), row.want) {
			t.Errorf("%s=%s: %v, want %s", row.key, row.value, err, row.want)
		}
	}
}

func names(s *Spec) (list []string) {
	for _, n := range s.nodes() {
		list = append(list, n.name)
	}
	return list
}

// A run that is stopped is the beginning of the whole run, and no verdict.
func TestUntil(t *testing.T) {
	var whole, part strings.Builder
	spec := load(t, "orders")
	all := Run(Case{Spec: spec, Seed: 7, Trace: &whole})
	for _, until := range []time.Duration{time.Nanosecond, 2 * time.Second, 5 * time.Second, 5010 * time.Millisecond} {
		part.Reset()
		r := Run(Case{Spec: spec, Seed: 7, Trace: &part, Until: until})
		if r.Verdict != result.Unknown || r.Exit != result.ExitInconclusive || r.VirtualNS != int64(until) || !strings.Contains(fmt.Sprint(r.Warnings), "this is no verdict") {
			t.Errorf("until %v: %s at %d ns, %v", until, r.Verdict, r.VirtualNS, r.Warnings)
		}
		if !strings.HasPrefix(whole.String(), part.String()) {
			t.Errorf("until %v: %d bytes of trace are no beginning of the whole", until, part.Len())
		}
	}
	if r := Run(Case{Spec: spec, Seed: 7, Until: time.Hour}); !reflect.DeepEqual(r, all) {
		t.Errorf("a run that ended before it was to be stopped is another: %s, %s", r.Repro, all.Repro)
	}
	if _, err := Check(Case{Spec: spec, Until: -1}); err == nil {
		t.Error("a negative time is accepted")
	}
}
