package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log"
	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
)

// settings are those of a cluster that notices soon.
func settings(t testing.TB, set ...string) config.Broker {
	t.Helper()
	quick := []string{"broker.broker.session.timeout.ms=1500", "broker.broker.heartbeat.interval.ms=200", "broker.replica.lag.time.max.ms=1500"}
	l, err := config.Set("test", append(quick, set...))
	if err != nil {
		t.Fatal(err)
	}
	s, err := config.Resolve(config.Targets{}, l)
	if err != nil {
		t.Fatal(err)
	}
	return s.Broker()
}

func start(t testing.TB, dir string, brokers int, set ...string) *Cluster {
	t.Helper()
	c, err := Start(Config{Brokers: brokers, Controllers: 1, Listen: "127.0.0.1:0", Data: dir, Settings: settings(t, set...), Log: func(s string) { t.Log(s) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	ready(t, c)
	return c
}

func ready(t testing.TB, c *Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := c.Ready(ctx); err != nil {
		t.Fatal(err)
	}
}

// client is one connection on which one request is under way at a time.
type client struct {
	net.Conn
	format *kmsg.RequestFormatter
	last   int32
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return &client{Conn: c, format: kmsg.NewRequestFormatter(kmsg.FormatterClientID("test"))}
}

func (c *client) ask(req kmsg.Request) (kmsg.Response, error) {
	c.last++
	if _, err := c.Write(c.format.AppendRequest(nil, req, c.last)); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		return nil, err
	}
	b = b[4:]
	resp := req.ResponseKind()
	if resp.IsFlexible() {
		b = b[1:] // no tags
	}
	return resp, resp.ReadFrom(b)
}

func must[T any](t testing.TB) func(kmsg.Response, error) T {
	return func(resp kmsg.Response, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return resp.(any).(T)
	}
}

func createTopic(t testing.TB, addr, topic string, rf int16) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 5, 10_000
	x := kmsg.NewCreateTopicsRequestTopic()
	x.Topic, x.NumPartitions, x.ReplicationFactor = topic, 1, rf
	req.Topics = append(req.Topics, x)
	resp := must[*kmsg.CreateTopicsResponse](t)(dial(t, addr).ask(req))
	if code := resp.Topics[0].ErrorCode; code != 0 && code != wire.TopicAlreadyExists {
		t.Fatalf("create %s: error %d", topic, code)
	}
}

// leader is the address of the leader of partition 0 of a topic, as a broker knows it;
// empty if there is none.
func leader(t testing.TB, addr, topic string) string {
	t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 7
	x := kmsg.NewMetadataRequestTopic()
	x.Topic = &topic
	req.Topics = append(req.Topics, x)
	resp := must[*kmsg.MetadataResponse](t)(dial(t, addr).ask(req))
	if len(resp.Topics[0].Partitions) == 0 {
		return ""
	}
	for _, b := range resp.Brokers {
		if b.NodeID == resp.Topics[0].Partitions[0].Leader {
			return fmt.Sprintf("%s:%d", b.Host, b.Port)
		}
	}
	return ""
}

// awaitLeader waits until a broker names a leader other than one.
func awaitLeader(t testing.TB, addr, topic, other string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		l := leader(t, addr, topic)
		if l != "" && l != other && leader(t, l, topic) == l { // who leads may not know it yet
			return l
		}
	}
	t.Fatalf("%s has no leader", topic)
	return ""
}

func produce(c *client, topic, value string) (offset int64, err error) {
	b := wire.NewBuilder(-1, -1, -1)
	b.Append(time.Now().UnixMilli(), nil, []byte(value), nil)
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 7, -1, 10_000
	x := kmsg.NewProduceRequestTopic()
	x.Topic = topic
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = b.Bytes().Contiguous()
	x.Partitions = append(x.Partitions, p)
	req.Topics = append(req.Topics, x)
	resp, err := c.ask(req)
	if err != nil {
		return 0, err
	}
	answer := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	if answer.ErrorCode != 0 {
		return 0, fmt.Errorf("error %d", answer.ErrorCode)
	}
	return answer.BaseOffset, nil
}

// values are all record values of partition 0 of a topic.
func values(t testing.TB, addr, topic string) (list []string) {
	t.Helper()
	c := dial(t, addr)
	for offset := int64(0); ; {
		req := kmsg.NewPtrFetchRequest()
		req.Version, req.ReplicaID, req.SessionEpoch = 11, -1, -1
		req.MaxBytes, req.MaxWaitMillis = 1<<20, 0
		x := kmsg.NewFetchRequestTopic()
		x.Topic = topic
		p := kmsg.NewFetchRequestTopicPartition()
		p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch = offset, 1<<20, -1
		x.Partitions = append(x.Partitions, p)
		req.Topics = append(req.Topics, x)
		got := must[*kmsg.FetchResponse](t)(c.ask(req)).Topics[0].Partitions[0]
		if got.ErrorCode != 0 {
			t.Fatalf("fetch at %d: error %d", offset, got.ErrorCode)
		}
		if len(got.RecordBatches) == 0 {
			return list
		}
		for h, batch := range wire.SplitBatches(machine.Literal(got.RecordBatches)) {
			if err := wire.EachRecord(batch, func(r *wire.Record) error { list = append(list, string(r.Value)); return nil }); err != nil {
				t.Fatal(err)
			}
			offset = h.NextOffset()
		}
	}
}

// What was acknowledged is there after a stop in good order, and after a kill, once.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	var acked []string
	for life := range 3 {
		c := start(t, dir, 1)
		addr := c.Bootstrap()[0]
		createTopic(t, addr, "orders", 1)
		awaitLeader(t, addr, "orders", "")
		p := dial(t, addr)
		for i := range 50 {
			v := fmt.Sprintf("%d-%d", life, i)
			if _, err := produce(p, "orders", v); err != nil {
				t.Fatal(err)
			}
			acked = append(acked, v)
		}
		if life == 1 {
			c.Kill()
			continue
		}
		if err := c.Stop(10 * time.Second); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "b1", storage.CleanShutdownFile)); err != nil {
			t.Errorf("a stop in good order leaves no marker: %v", err)
		}
	}
	c := start(t, dir, 1)
	addr := awaitLeader(t, c.Bootstrap()[0], "orders", "")
	if got := values(t, addr, "orders"); !slices.Equal(got, acked) {
		t.Errorf("%d records, want %d: %q", len(got), len(acked), got)
	}
}

// The leader dies by a schedule while a producer with acks=all goes on, and comes back:
// every acknowledged record is there, in its order.
func TestLeaderCrash(t *testing.T) {
	c := start(t, t.TempDir(), 3, "broker.min.insync.replicas=2")
	first := c.Bootstrap()[0]
	createTopic(t, first, "orders", 3)
	old := awaitLeader(t, first, "orders", "")
	var acked []string
	p := dial(t, old)
	send := func(n int) (err error) {
		for i := 0; i < n && err == nil; i++ {
			v := fmt.Sprint(len(acked))
			if _, err = produce(p, "orders", v); err == nil {
				acked = append(acked, v)
			}
		}
		return err
	}
	if err := send(100); err != nil {
		t.Fatal(err)
	}
	crash, err := Parse("0s crash leader(orders-0)", 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	c.Apply(crash, 1, nil)
	if err := send(1); err == nil {
		t.Error("a broker that has crashed acknowledges")
	}
	var other string
	for _, addr := range c.Bootstrap() {
		if addr != old {
			other = addr
		}
	}
	next := awaitLeader(t, other, "orders", old)
	p = dial(t, next)
	if err := send(100); err != nil {
		t.Fatal(err)
	}
	restart, err := Parse("0s restart *", 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	c.Apply(restart, 1, nil)
	ready(t, c)
	if err := send(100); err != nil {
		t.Fatal(err)
	}
	got := values(t, awaitLeader(t, other, "orders", ""), "orders")
	i := 0
	for _, v := range got { // one more than was acknowledged may be there
		if i < len(acked) && v == acked[i] {
			i++
		}
	}
	if i != len(acked) || len(got) > len(acked)+1 {
		t.Errorf("%d of %d acknowledged records are there, %d in all", i, len(acked), len(got))
	}
}

// The leader is stopped by a schedule and started again: another leads before its session
// would be over, nobody's record is lost, and it is back.
func TestLeaderStopped(t *testing.T) {
	c := start(t, t.TempDir(), 3, "broker.broker.session.timeout.ms=60000")
	first := c.Bootstrap()[0]
	createTopic(t, first, "orders", 3)
	old := awaitLeader(t, first, "orders", "")
	if _, err := produce(dial(t, old), "orders", "a"); err != nil {
		t.Fatal(err)
	}
	stop, err := Parse("0s for 1s stop leader(orders-0)", 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	c.Apply(stop, 1, nil)
	var other string
	for _, addr := range c.Bootstrap() {
		if addr != old {
			other = addr
		}
	}
	next := awaitLeader(t, other, "orders", old)
	if _, err := produce(dial(t, next), "orders", "b"); err != nil {
		t.Fatal(err)
	}
	ready(t, c)
	if got := values(t, next, "orders"); len(got) != 2 || got[1] != "b" {
		t.Errorf("%q", got)
	}
}

// A cut between two brokers holds up acks=all until it is healed, or the ISR shrinks.
func TestCutFollower(t *testing.T) {
	c := start(t, t.TempDir(), 2, "broker.min.insync.replicas=2", "broker.replica.lag.time.max.ms=60000")
	addr := c.Bootstrap()[0]
	createTopic(t, addr, "orders", 2)
	l := awaitLeader(t, addr, "orders", "")
	apply := func(text string) {
		s, err := Parse(text, 2, 1)
		if err != nil {
			t.Fatal(err)
		}
		c.Apply(s, 1, nil)
	}
	p := dial(t, l)
	if _, err := produce(p, "orders", "before"); err != nil {
		t.Fatal(err)
	}
	apply("0s cut-both b1 b2")
	done := make(chan error, 1)
	go func() { _, err := produce(p, "orders", "during"); done <- err }()
	select {
	case err := <-done:
		t.Errorf("acknowledged with the only follower cut off: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	apply("0s heal *")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What cannot be done in real time is refused, with the line.
func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"1s crash b1\n2s power-loss leader":        "line 2, column 1: power-loss is for the simulator only: what was not synced is in the computer's memory, which keeps its power; use crash",
		"1s drop produce b1 b2":                    "line 1, column 1: drop is for the simulator only",
		"1s disk-full b2":                          "line 1, column 1: disk-full is for the simulator only",
		"1s crash b4":                              `line 1, column 10: unknown node or role "b4"; did you mean`,
		"1s crush b1":                              `did you mean "crash"?`,
		"1s throttle b1 b2 100/s":                  "use slow",
		"1s pause leader(orders-0)\n1s bit-rot b1": "line 2",
	} {
		_, err := Parse(text, 3, 1)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
	for _, text := range []string{
		"1s for 2s pause leader(my.topic-12)", "5s..6s for 3s cut-both b1 b3", "1s slow leader follower2 30ms\n2s heal *",
		"1s crash controller\n3s restart *", "1s skew b1 -1h", "1s reset b1 b2", "1s for 1s crash leader(a-0=b1)",
	} {
		if _, err := Parse(text, 3, 1); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The metrics are OpenMetrics text that tells of every node and replica.
func TestMetrics(t *testing.T) {
	c := start(t, t.TempDir(), 2)
	addr := c.Bootstrap()[0]
	createTopic(t, addr, "orders", 2)
	p := dial(t, awaitLeader(t, addr, "orders", ""))
	for range 3 {
		if _, err := produce(p, "orders", "x"); err != nil {
			t.Fatal(err)
		}
	}
	must[*kmsg.ApiVersionsResponse](t)(dial(t, c.Bootstrap()[1]).ask(kmsg.NewPtrApiVersionsRequest()))
	c.node("b1").kill()
	w := httptest.NewRecorder()
	c.ServeHTTP(w, nil)
	text := w.Body.String()
	for _, want := range []string{
		"# TYPE brokersim_requests counter\n# HELP brokersim_requests ",
		`brokersim_up{node="c101"} 1` + "\n", `brokersim_up{node="b1"} 0` + "\n", `brokersim_up{node="b2"} 1` + "\n",
		`brokersim_log_end_offset{node="b2",topic="orders",partition="0"} 3` + "\n",
		`brokersim_isr_replicas{node="b2",topic="orders",partition="0"} `,
		`brokersim_requests_total{node="b2",api="`,
		`brokersim_fsyncs_total{node="c101",of="file"} `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if !strings.HasSuffix(text, "# EOF\n") || strings.Count(text, "# EOF") != 1 {
		t.Error("the end is not said once, at the end")
	}
	if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "application/openmetrics-text; version=1.0.0") {
		t.Error(got)
	}
}

// The brokers' ports follow the first one's; what cannot be is an error.
func TestListenAddresses(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1":        `"127.0.0.1" is no address to listen on: want HOST:PORT`,
		"127.0.0.1:ninety": "is no address to listen on",
		"127.0.0.1:65534":  "3 brokers from port 65534 on need ports above 65535",
	} {
		_, err := Start(Config{Brokers: 3, Controllers: 1, Listen: addr, Data: t.TempDir(), Settings: settings(t)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", addr, err, want)
		}
	}
	if got, err := consecutive("localhost:9092", 3); err != nil || !slices.Equal(got, []string{"localhost:9092", "localhost:9093", "localhost:9094"}) {
		t.Errorf("%v %v", got, err)
	}
}

// With three controllers, of which the active one dies, topics are still created.
func TestControllerCrash(t *testing.T) {
	c, err := Start(Config{Brokers: 2, Controllers: 3, Listen: "127.0.0.1:0", Data: t.TempDir(), Settings: settings(t), Log: func(s string) { t.Log(s) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	ready(t, c)
	crash, err := Parse("0s crash controller", 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	before, ok := c.activeController()
	c.Apply(crash, 1, nil)
	if c.node(before).life != nil || !ok {
		t.Errorf("%s lives", before)
	}
	addr := c.Bootstrap()[0]
	createTopic(t, addr, "orders", 2)
	if _, err := produce(dial(t, awaitLeader(t, addr, "orders", "")), "orders", "x"); err != nil {
		t.Error(err)
	}
	if after, ok := c.activeController(); !ok || after == before {
		t.Errorf("%s is active after %s", after, before)
	}
}

// A process for each node: one with the controller, two with a broker each. The one that is
// stopped has had the other lead when it ends, long before its session would be over.
func TestOneNodeEach(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	voters := []string{l.Addr().String()}
	l.Close()
	dir := t.TempDir()
	run := func(cfg Config) *Cluster {
		cfg.Listen, cfg.Voters, cfg.Data, cfg.Log = "127.0.0.1:0", voters, dir, func(s string) { t.Log(s) }
		cfg.Settings = settings(t, "broker.broker.session.timeout.ms=60000")
		c, err := Start(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Kill)
		return c
	}
	run(Config{Voter: 1})
	brokers := []*Cluster{run(Config{Brokers: 1, FirstID: 1}), run(Config{Brokers: 1, FirstID: 2})}
	for _, b := range brokers {
		ready(t, b)
	}
	addr := brokers[0].Bootstrap()[0]
	createTopic(t, addr, "orders", 2)
	first := awaitLeader(t, addr, "orders", "")
	stopped, other := brokers[0], brokers[1]
	if first != addr {
		stopped, other = other, stopped
	}
	if _, err := produce(dial(t, first), "orders", "x"); err != nil {
		t.Fatal(err)
	}
	if err := stopped.Stop(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	if got := leader(t, other.Bootstrap()[0], "orders"); got != other.Bootstrap()[0] {
		t.Errorf("%q leads when %s has ended", got, first)
	}
	if got := values(t, other.Bootstrap()[0], "orders"); len(got) != 1 || got[0] != "x" {
		t.Errorf("%q", got)
	}
}

func deleteTopic(t testing.TB, addr, topic string) {
	t.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version, req.TimeoutMillis, req.TopicNames = 3, 10_000, []string{topic}
	resp := must[*kmsg.DeleteTopicsResponse](t)(dial(t, addr).ask(req))
	if code := resp.Topics[0].ErrorCode; code != 0 {
		t.Fatalf("delete %s: error %d", topic, code)
	}
}

// A topic is deleted and created again under its name while a broker that has it is
// down. What that one finds of the old topic is gone when it comes back; so is a topic
// that was deleted for good.
func TestDeletedWhileDown(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir, 2)
	addr := c.Bootstrap()[0]
	for _, topic := range []string{"orders", "bills"} {
		createTopic(t, addr, topic, 2)
		if _, err := produce(dial(t, awaitLeader(t, addr, topic, "")), topic, "old"); err != nil {
			t.Fatal(err)
		}
	}
	c.node("b2").kill()
	deleteTopic(t, addr, "orders")
	deleteTopic(t, addr, "bills")
	createTopic(t, addr, "orders", 1) // on b1: b2 is soon known to be down
	if err := c.node("b2").restart(); err != nil {
		t.Fatal(err)
	}
	ready(t, c)
	if got := values(t, awaitLeader(t, addr, "orders", ""), "orders"); len(got) != 0 {
		t.Errorf("a new topic has the records %q", got)
	}
	c.node("b2").look(func(m machine.Machine) {
		for _, r := range m.(*log.Broker).Replicas() {
			if r.LogEnd() > 0 || r.TP().Topic == "bills" {
				t.Errorf("b2 still has %v up to %d", r.TP(), r.LogEnd())
			}
		}
	})
	if _, err := os.Stat(filepath.Join(dir, "b2", "bills-0")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of a deleted topic: %v", err)
	}
}

// A directory is not begun again with other controllers than it was made with.
func TestOtherControllers(t *testing.T) {
	dir := t.TempDir()
	begin := func(controllers int) (*Cluster, error) {
		return Start(Config{Brokers: 1, Controllers: controllers, Listen: "127.0.0.1:0", Data: dir, Settings: settings(t)})
	}
	for _, x := range []struct {
		controllers int
		refused     string
	}{
		{1, ""},
		{3, "has the files of controllers c101, not of c101, c102, c103"},
		{1, ""},
	} {
		c, err := begin(x.controllers)
		if x.refused != "" {
			if err == nil || !strings.Contains(err.Error(), x.refused) {
				t.Errorf("%d controllers: %v", x.controllers, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Kill)
		ready(t, c)
		if err := c.Stop(30 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "c102")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("who was refused has begun: %v", err)
	}
}

// A directory with the log of another topic is not taken for that of the topic that has
// its name, nor one of a topic that nobody knows; both are kept under other names.
func TestStrayDirectories(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir, 2)
	addr := c.Bootstrap()[0]
	createTopic(t, addr, "bills", 2)
	createTopic(t, addr, "orders", 2)
	for range 3 {
		if _, err := produce(dial(t, awaitLeader(t, addr, "bills", "")), "bills", "a bill"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := produce(dial(t, awaitLeader(t, addr, "orders", "")), "orders", "an order"); err != nil {
		t.Fatal(err)
	}
	c.node("b2").kill()
	in := func(name string) string { return filepath.Join(dir, "b2", name) }
	for _, err := range []error{
		os.RemoveAll(in("orders-0")),
		os.CopyFS(in("orders-0"), os.DirFS(in("bills-0"))),
		os.CopyFS(in("ghosts-0"), os.DirFS(in("bills-0"))),
		c.node("b2").restart(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	ready(t, c)
	if _, err := os.Stat(in("ghosts-0")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of a topic that nobody knows: %v", err)
	}
	for _, name := range []string{"ghosts-0", "orders-0"} {
		logs, err := filepath.Glob(in(name + ".*-stray/*.log"))
		if err != nil || len(logs) != 1 {
			t.Fatalf("%s is kept as %q, %v", name, logs, err)
		}
		if b, err := os.ReadFile(logs[0]); err != nil || !strings.Contains(string(b), "a bill") {
			t.Errorf("%s is not what was there: %v", logs[0], err)
		}
	}
	if _, err := produce(dial(t, awaitLeader(t, addr, "orders", "")), "orders", "another"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var got []string
		c.node("b2").look(func(m machine.Machine) {
			r := m.(*log.Broker).Replica(wire.TP{Topic: "orders"})
			if r == nil {
				return
			}
			_ = r.Each(0, func(_ *wire.Batch, x *wire.Record) error { got = append(got, string(x.Value)); return nil })
		})
		if slices.Equal(got, []string{"an order", "another"}) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("b2 has %q", got)
		}
	}
}

// Brokers of the other kinds answer their clients, are crashed and come back.
func TestOtherKinds(t *testing.T) {
	for _, x := range []struct{ kind, ask, answer string }{
		{KindPubSub, "*1\r\n$4\r\nPING\r\n", "+PONG\r\n"},
		{KindQueue, "AMQP\x00\x00\x09\x01", "\x01\x00\x00"}, // a method of channel 0
	} {
		c, err := Start(Config{Kind: x.kind, Listen: "127.0.0.1:0", Data: t.TempDir(), Log: func(s string) { t.Log(s) }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Kill)
		ready(t, c)
		crash, err := Parse("0s for 1ms crash leader", 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			conn := dial(t, c.Bootstrap()[0])
			if _, err := conn.Write([]byte(x.ask)); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(x.answer))
			if _, err := io.ReadFull(conn, got); err != nil || string(got) != x.answer {
				t.Errorf("%s: %q, %v", x.kind, got, err)
			}
			c.Apply(crash, 1, nil)
		}
		var text strings.Builder
		if err := c.WriteMetrics(&text); err != nil || !strings.Contains(text.String(), `brokersim_up{node="b1"} 1`) {
			t.Errorf("%s: %v\n%s", x.kind, err, text.String())
		}
		if err := c.Stop(5 * time.Second); err != nil {
			t.Error(err)
		}
	}
}
