package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var shop = Targets{Topics: []string{"orders"}, Producers: []string{"shop", "back.office"}, Consumers: []string{"audit"}}

func layer(source string, lines ...string) Layer {
	l := Layer{Source: source}
	for i, s := range lines {
		key, val, _ := strings.Cut(s, "=")
		l.Entries = append(l.Entries, Entry{key, val, i + 1})
	}
	return l
}

func set(assignments ...string) Layer {
	l, err := Set("--set", assignments)
	if err != nil {
		panic(err)
	}
	return l
}

func TestPrecedence(t *testing.T) {
	s, err := Resolve(shop,
		layer("s.yaml", "producer.shop.batch.size=1", "producer.batch.size=2", "consumer.fetch.min.bytes=3"),
		layer("p.properties", "producer.linger.ms=7", "producer.linger.ms=8"),
		set("producer.back.office.linger.ms=9", "broker.message.max.bytes=1000", "topic.orders.flush.messages=1"))
	if err != nil {
		t.Fatal(err)
	}
	if p := s.Producer("shop"); p.BatchSize != 1 || p.Linger != 8*time.Millisecond {
		t.Errorf("shop: %+v", p)
	}
	if p := s.Producer("back.office"); p.BatchSize != 2 || p.Linger != 9*time.Millisecond {
		t.Errorf("back.office: %+v", p)
	}
	if s.Consumer("audit").FetchMinBytes != 3 {
		t.Error("consumer")
	}
	if p := s.Topic("orders"); p.MaxMessageBytes != 1000 || p.FlushMessages != 1 || s.Broker().LogFlushIntervalMessages == 1 {
		t.Errorf("orders: %+v", p)
	}
	if got := s.TopicOverrides("orders"); !slices.Equal(got, []Pair{{"flush.messages", "1"}}) {
		t.Error(got)
	}
	// A later layer that speaks of all overrides an earlier one that names one.
	s, err = Resolve(shop, layer("s.yaml", "producer.shop.acks=1"), set("producer.acks=all"))
	if err != nil || s.Producer("shop").Acks != -1 {
		t.Error(err, s.Producer("shop"))
	}
	var got []string
	for _, c := range s.Changed() {
		got = append(got, fmt.Sprint(c))
	}
	if len(got) != 0 { // acks=all is Kafka's default
		t.Error(got)
	}
}

func TestChanged(t *testing.T) {
	profile, _ := Profile("short")
	s, err := Resolve(shop, profile, layer("s.yaml", "producer.acks=1", "topic.orders.min.insync.replicas=2", "producer.linger.ms=5"),
		set("broker.replica.lag.time.max.ms=2000", "broker.log.dirs=/x", "broker.log.dirs=/y", "broker.zookeeper.connect=z", "broker.listener.name.x.y=z"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range s.Changed() {
		if c.From != "profile short" {
			got = append(got, fmt.Sprintf("%s=%s (%s) %s", c.Key, c.Value, c.Default, c.From))
		}
	}
	want := []string{
		"broker.replica.lag.time.max.ms=2000 (30000) --set",
		"topic.orders.min.insync.replicas=2 (1) s.yaml:2",
		"producer.acks=1 (all) s.yaml:1",
		"producer.back.office.enable.idempotence=false (true) because acks=1",
		"producer.shop.enable.idempotence=false (true) because acks=1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := s.NotModelled(); !slices.Equal(got, []string{"broker.log.dirs", "broker.zookeeper.connect (removed in Kafka 4.0)", "broker.listener.name.x.y"}) {
		t.Error(got)
	}
	if s.Producer("shop").EnableIdempotence || s.Producer("shop").RequestTimeout != 600*time.Millisecond {
		t.Errorf("%+v", s.Producer("shop"))
	}
}

// The topics of a run are created with numbers of their own: what brokers take for
// those that they create by themselves is said to be idle, once, even if it is
// Kafka's default.
func TestAutoCreateHasNoEffect(t *testing.T) {
	two := Targets{Topics: []string{"orders", "bills"}}
	s, err := Resolve(two, set("broker.num.partitions=3", "broker.num.partitions=1", "broker.default.replication.factor=2"))
	want := []string{
		"broker.num.partitions=1 (--set) is for topics that brokers create on their own: those of the scenario have their own numbers, and it has no effect on them",
		"broker.default.replication.factor=2 (--set) is for topics that brokers create on their own: those of the scenario have their own numbers, and it has no effect on them",
	}
	if err != nil || !slices.Equal(s.Warnings(), want) {
		t.Errorf("%v: %q\nwant %q", err, s.Warnings(), want)
	}
	if s, err = Resolve(two); err != nil || len(s.Warnings()) > 0 {
		t.Errorf("%v: %q", err, s.Warnings())
	}
}

// Each row is one --set; the error is one line with the nearest right name.
func TestRefuses(t *testing.T) {
	for _, row := range []struct{ set, want string }{
		{"producer.ackz=1", `--set producer.ackz=1: Kafka has no producer setting "ackz"; did you mean "acks"?`},
		{"acks=1", `--set acks=1: setting "acks" does not say whose; did you mean "producer.acks"?`},
		{"broker.acks=1", `--set broker.acks=1: Kafka has no broker setting "acks"; did you mean "producer.acks"?`},
		{"broker.session.timeout.ms=1", `--set broker.session.timeout.ms=1: Kafka has no broker setting "session.timeout.ms"; did you mean "broker.broker.session.timeout.ms"?`},
		{"prodcer.acks=1", `--set prodcer.acks=1: setting prodcer.acks does not begin with broker, topic, producer or consumer; did you mean "producer"?`},
		{"producer=1", `--set producer=1: setting producer does not begin with broker`},
		{"producer.shopp.acks=1", `--set producer.shopp.acks=1: no producer is called "shopp"; did you mean "shop"?`},
		{"producer.shop.ackz=1", `--set producer.shop.ackz=1: Kafka has no producer setting "ackz"; did you mean "acks"?`},
		{"topic.ordrs.min.insync.replicas=1", `--set topic.ordrs.min.insync.replicas=1: no topic is called "ordrs"; did you mean "orders"?`},
		{"producer.acks=2", `--set producer.acks=2: acks=2: want one of all, -1, 0, 1`},
		{"producer.acks=", `--set producer.acks="": acks="": want one of all, -1, 0, 1`},
		{"producer.linger.ms=5ms", `--set producer.linger.ms=5ms: linger.ms=5ms: want a whole number of at least 0`},
		{"producer.batch.size=-1", `--set producer.batch.size=-1: batch.size=-1: want a whole number from 0 to 2147483647`},
		{"producer.batch.size=3000000000", `--set producer.batch.size=3000000000: batch.size=3000000000: want a whole number from 0 to 2147483647`},
		{"producer.batch.size=0x10", `--set producer.batch.size=0x10: batch.size=0x10: want a whole number from 0 to`},
		{"producer.enable.idempotence=yes", `--set producer.enable.idempotence=yes: enable.idempotence=yes: want true or false`},
		{"broker.replica.lag.time.max.ms=-5", `--set broker.replica.lag.time.max.ms=-5: replica.lag.time.max.ms=-5: want a whole number of at least 1`},
		{"broker.min.insync.replicas=0", `--set broker.min.insync.replicas=0: min.insync.replicas=0: want a whole number from 1 to 2147483647`},
		{"broker.compression.type=brotli", `--set broker.compression.type=brotli: compression.type=brotli: want one of uncompressed, zstd, lz4, snappy, gzip, producer`},
		{"broker.log.cleanup.policy=compact,delet", `--set broker.log.cleanup.policy=compact,delet: log.cleanup.policy=delet: want one of compact, delete; did you mean "delete"?`},
		{"broker.log.segment.bytes=ten", `--set broker.log.segment.bytes=ten: log.segment.bytes=ten: want a whole number from`},
		{"broker.compression.gzip.level=-2", `--set broker.compression.gzip.level=-2: compression.gzip.level=-2: want a whole number from 1 to 9`},
		{"consumer.auto.offset.reset=erliest", `--set consumer.auto.offset.reset=erliest: auto.offset.reset=erliest: want one of latest, earliest, none, by_duration:PnDTnHnMn.nS; did you mean "earliest"?`},
		{"consumer.auto.offset.reset=by_duration:P1D", `--set consumer.auto.offset.reset=by_duration:P1D: auto.offset.reset=by_duration:P1D is not modelled`},
		{"consumer.isolation.level=READ_COMMITTED", `--set consumer.isolation.level=READ_COMMITTED: isolation.level=READ_COMMITTED: want one of`},
		{"producer." + strings.Repeat("x", 5000) + "=1", `--set producer.`},
	} {
		_, err := Resolve(shop, set(row.set))
		switch {
		case err == nil:
			t.Errorf("%s: no error, want %s", row.set, row.want)
		case !strings.HasPrefix(err.Error(), row.want) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%s:\n got %s\nwant %s", row.set, err, row.want)
		}
	}
	if _, err := Set("--set", []string{"producer.acks"}); err == nil || err.Error() != "--set producer.acks: want key=value, such as producer.acks=1" {
		t.Error(err)
	}
}

// What Kafka checks of several settings at once. Each row was tried with
// KafkaProducer and KafkaConfig 4.1.1: ok where they started.
func TestKafkaTogether(t *testing.T) {
	for _, row := range []struct {
		set  string
		idem bool
		err  string
	}{
		{"", true, ""},
		{"producer.acks=1", false, ""},
		{"producer.acks=-1", true, ""},
		{"producer.acks= all ", true, ""},
		{"producer.acks=1|producer.enable.idempotence=true", false, "--set producer.enable.idempotence=true: acks=1 with enable.idempotence=true: an idempotent producer needs acks=all"},
		{"producer.retries=0", false, ""},
		{"producer.enable.idempotence=true|producer.retries=0", false, "--set producer.retries=0: retries=0 with enable.idempotence=true: an idempotent producer must retry"},
		{"producer.max.in.flight.requests.per.connection=6", false, "--set producer.max.in.flight.requests.per.connection=6: max.in.flight.requests.per.connection=6: an idempotent producer has at most 5; set enable.idempotence=false to have more"},
		{"producer.max.in.flight.requests.per.connection=6|producer.enable.idempotence=false", false, ""},
		{"producer.max.in.flight.requests.per.connection=6|producer.acks=1", false, "--set producer.max.in.flight"},
		{"producer.transactional.id=x", true, ""},
		{"producer.transactional.id=x|producer.acks=1", false, `--set producer.acks=1: transactional.id=x without idempotence: transactions need enable.idempotence=true, acks=all and retries`},
		{"producer.enable.idempotence=false|producer.transactional.id=x", false, `--set producer.transactional.id=x: transactional.id=x without idempotence`},
		{"producer.enable.idempotence= TRUE ", true, ""},
		{"producer.batch.size=+12", true, ""},
		{"producer.delivery.timeout.ms=30005", true, ""},
		{"producer.delivery.timeout.ms=30004", true, "--set producer.delivery.timeout.ms=30004: Kafka wants delivery.timeout.ms=30004 (--set) to be at least linger.ms=5 + request.timeout.ms=30000"},
		{"producer.request.timeout.ms=200000", true, ""},
		{"producer.retry.backoff.ms=5000", true, ""},
		{"consumer.fetch.max.wait.ms=60000", true, ""},
		{"broker.replica.fetch.wait.max.ms=40000", true, "--set broker.replica.fetch.wait.max.ms=40000: Kafka wants replica.socket.timeout.ms=30000 to be at least replica.fetch.wait.max.ms=40000 (--set)"},
		{"broker.replica.lag.time.max.ms=400", true, "--set broker.replica.lag.time.max.ms=400: Kafka wants replica.lag.time.max.ms=400 (--set) to be at least replica.fetch.wait.max.ms=500"},
		{"broker.replica.socket.timeout.ms=400", true, "--set broker.replica.socket.timeout.ms=400: Kafka wants"},
		{"broker.broker.heartbeat.interval.ms=9000", true, ""},
		{"broker.replica.fetch.max.bytes=100", true, ""},
		{"broker.message.max.bytes=2000000", true, ""},
	} {
		var l Layer
		if row.set != "" {
			l = set(strings.Split(row.set, "|")...)
		}
		s, err := Resolve(shop, l)
		switch {
		case row.err == "" && err != nil:
			t.Errorf("%s: %v", row.set, err)
		case row.err != "" && err == nil:
			t.Errorf("%s: no error, want %s", row.set, row.err)
		case row.err != "" && !strings.HasPrefix(err.Error(), row.err):
			t.Errorf("%s:\n got %v\nwant %s", row.set, err, row.err)
		case err == nil && s.Producer("shop").EnableIdempotence != row.idem:
			t.Errorf("%s: idempotence %v", row.set, !row.idem)
		}
	}
	s, err := Resolve(shop, set("producer.request.timeout.ms=200000"))
	if err != nil || s.Producer("shop").DeliveryTimeout != 200005*time.Millisecond {
		t.Error("delivery.timeout.ms does not grow", err)
	}
	profile, _ := Profile("short")
	_, err = Resolve(shop, profile, set("producer.request.timeout.ms=30000"))
	if want := "--set producer.request.timeout.ms=30000: Kafka wants delivery.timeout.ms=2500 (profile short) to be at least linger.ms=5 + request.timeout.ms=30000 (--set)"; err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

func TestWarnings(t *testing.T) {
	s, err := Resolve(shop, layer("s.yaml", "topic.orders.min.insync.replicas=2"),
		set("broker.min.insync.replicas=1", "broker.broker.heartbeat.interval.ms=9000", "consumer.fetch.max.wait.ms=60000", "producer.retry.backoff.ms=5000"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"broker.heartbeat.interval.ms=9000 is not below broker.session.timeout.ms=9000: healthy brokers will be fenced",
		"broker.min.insync.replicas=1 (--set) has no effect on topic orders, which has min.insync.replicas=2 of its own (s.yaml:1)",
		"producer shop: retry.backoff.ms=5000 is above retry.backoff.max.ms=1000: it will not grow",
		"producer back.office: retry.backoff.ms=5000 is above retry.backoff.max.ms=1000: it will not grow",
		"consumer audit: fetch.max.wait.ms=60000 is not below request.timeout.ms=30000: fetches that wait will time out",
	}
	if got := s.Warnings(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Whatever is set, Resolve answers; and durations stay such that a run can add
// some of them to its time.
func FuzzResolve(f *testing.F) {
	f.Add("producer.linger.ms", "9223372036854775807")
	f.Add("topic.orders.flush.messages", "1")
	f.Add("broker.listener.name.", "")
	f.Fuzz(func(t *testing.T, key, val string) {
		s, err := Resolve(shop, Layer{Source: "fuzz", Entries: []Entry{{Key: key, Value: val}}})
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		s.Changed()
		if d := s.Producer("shop").DeliveryTimeout; d < 0 || time.Duration(0)+d+d < 0 {
			t.Errorf("%v", d)
		}
	})
}
