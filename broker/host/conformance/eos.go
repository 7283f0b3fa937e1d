package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"brokersim/broker/host/conformance/kafka"
)

// eosTests are Apache Kafka's own exactly-once workload, that of its system test
// transactions_test: VerifiableProducer writes to a topic, two TransactionalMessageCopiers in
// a group copy that in transactions, a third of which they abort, and a VerifiableConsumer
// reads what was committed. What they say, and what is in the log at the end, is a history
// for brokersim judge.
func eosTests(*env) ([]test, error) {
	return []test{
		{"copied-once", func(ctx context.Context, e *env) error { return eosCopied(ctx, e, "calm", 3000, 1000, 0, nil) }},
		{"copied-once-while-copiers-are-killed", func(ctx context.Context, e *env) error {
			return eosCopied(ctx, e, "copiers", 3000, 150, 10*time.Second, nil)
		}},
		{"copied-once-while-brokers-are-killed", func(ctx context.Context, e *env) error {
			return eosCopied(ctx, e, "brokers", 6000, 200, 0, e.nodes)
		}},
	}, nil
}

const eosPartitions = 3

// eos is one run of the workload.
type eos struct {
	e       *env
	name    string
	records int
	began   time.Time

	mu    sync.Mutex
	said  []eosLine // by the producer and the consumer, in the order in which it was heard
	notes []string
	aways map[int]*exec.Cmd // copiers that run
	// heardOf is the end of what the consumer has said beside.
	heardOf tail
}

// eosLine is what a tool has said of a record.
type eosLine struct {
	at time.Duration
	VerifiableLine
}

// VerifiableLine is a line of VerifiableProducer or VerifiableConsumer.
type VerifiableLine struct {
	Name      string `json:"name"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Value     string `json:"value"`
}

func (x *eos) in() string    { return "eos-" + x.name + "-in" }
func (x *eos) out() string   { return "eos-" + x.name + "-out" }
func (x *eos) group() string { return "eos-" + x.name + "-copiers" }

// eosCopied runs the workload with so many records at a rate a second. While they are
// produced copiers are killed every now and then if kill is not 0, and brokers if there are
// nodes.
func eosCopied(ctx context.Context, e *env, name string, records, rate int, kill time.Duration, brokers *nodes) error {
	x := &eos{e: e, name: name, records: records, began: time.Now(), aways: make(map[int]*exec.Cmd)}
	_, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	two := "2"
	for _, topic := range []string{x.in(), x.out()} {
		if _, err := a.CreateTopic(ctx, eosPartitions, 3, map[string]*string{"min.insync.replicas": &two}, topic); err != nil {
			return err
		}
		if err := heard(ctx, e, topic); err != nil {
			return err
		}
	}
	running, stop := context.WithCancel(ctx)
	var tools sync.WaitGroup
	defer tools.Wait()
	defer stop()
	produced := make(chan error, 1)
	tools.Go(func() {
		produced <- x.run(ctx, "org.apache.kafka.tools.VerifiableProducer", "--bootstrap-server", e.bootstrap(), "--topic", x.in(),
			"--max-messages", fmt.Sprint(records), "--throughput", fmt.Sprint(rate), "--acks", "-1", "--value-prefix", "1", "--producer.config", x.config("delivery.timeout.ms=180000", "retries=2147483647", "enable.idempotence=true"))
	})
	tools.Go(func() {
		_ = x.run(running, "org.apache.kafka.tools.VerifiableConsumer", "--bootstrap-server", e.bootstrap(), "--topic", x.out(), "--verbose",
			"--group-id", x.group()+"-verifier", "--reset-policy", "earliest", "--consumer.config", x.config("isolation.level=read_committed"))
	})
	for i := range 2 {
		tools.Go(func() { x.copier(running, i) })
	}
	killing, enough := context.WithCancel(running)
	if brokers != nil {
		stopKilling := brokers.killing(killing, 4*time.Second, 2*time.Second, 1)
		defer func() {
			kills, err := stopKilling()
			fmt.Printf("      brokers were killed %d times; %v\n", kills, err)
		}()
	}
	if kill > 0 {
		tools.Go(func() { x.killCopiers(killing, kill) })
	}
	err = <-produced
	enough()
	if err != nil {
		return fmt.Errorf("VerifiableProducer: %w", err)
	}
	if err := x.awaitCopied(ctx, a); err != nil {
		return err
	}
	if err := x.awaitConsumed(ctx); err != nil {
		return err
	}
	stop()
	tools.Wait()
	return x.judge(ctx)
}

// config is a file of settings for a client.
func (x *eos) config(lines ...string) string {
	name := filepath.Join(x.e.dir, x.name+"-"+strings.ReplaceAll(lines[0], "=", "-")+".properties")
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		panic(err)
	}
	return name
}

// run runs one of the tools and keeps what it says of records. When ctx is done it is asked
// to end.
func (x *eos) run(ctx context.Context, class string, args ...string) error {
	cmd := kafka.Java(ctx, x.e.values["jars"], class, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	errors := &tail{}
	if strings.HasSuffix(class, "Consumer") {
		errors = &x.heardOf
	}
	cmd.Stderr = errors
	if x.e.r.keep != "" { // with -keep the clients say what they do
		log, err := os.Create(filepath.Join(x.e.dir, x.name+class[strings.LastIndexByte(class, '.'):]+".log"))
		if err != nil {
			return err
		}
		defer log.Close()
		cmd.Stderr = log
		cmd.Env = append(os.Environ(), "JAVA_TOOL_OPTIONS=-Dlog4j.configuration=file:"+x.config("log4j.rootLogger=INFO,err", "log4j.appender.err=org.apache.log4j.ConsoleAppender",
			"log4j.appender.err.target=System.err", "log4j.appender.err.layout=org.apache.log4j.PatternLayout", "log4j.appender.err.layout.ConversionPattern=%d %p %m%n"))
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var l eosLine
		if json.Unmarshal(lines.Bytes(), &l.VerifiableLine) == nil {
			x.mu.Lock()
			l.at = time.Since(x.began)
			x.said = append(x.said, l)
			x.mu.Unlock()
		}
	}
	if err := cmd.Wait(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %s", err, errors)
	}
	return nil
}

// copier runs a copier, and again if it ends, until ctx is done: it ends when it has copied
// what there was when it began, and when another has taken its transactional id.
func (x *eos) copier(ctx context.Context, i int) {
	for ctx.Err() == nil {
		cmd := kafka.Java(ctx, x.e.values["jars"], "org.apache.kafka.tools.TransactionalMessageCopier", "--broker-list", x.e.bootstrap(),
			"--input-topic", x.in(), "--input-partition", "-1", "--output-topic", x.out(), "--consumer-group", x.group(),
			"--transactional-id", fmt.Sprintf("%s-%d", x.group(), i), "--transaction-size", "40", "--transaction-timeout", "20000",
			"--enable-random-aborts", "--group-mode", "--use-group-metadata")
		errors := &tail{}
		cmd.Stderr = errors
		x.mu.Lock()
		err := cmd.Start()
		x.aways[i] = cmd
		x.mu.Unlock()
		if err == nil {
			err = cmd.Wait()
		}
		if err != nil && ctx.Err() == nil {
			x.mu.Lock()
			x.notes = append(x.notes, fmt.Sprintf("copier %d: %v: %s", i, err, lastLines(errors.String(), 2)))
			x.mu.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// killCopiers kills one copier after the other with SIGKILL.
func (x *eos) killCopiers(ctx context.Context, every time.Duration) {
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
		x.mu.Lock()
		if cmd := x.aways[i%2]; cmd != nil && cmd.Process != nil {
			_ = cmd.Process.Kill()
		}
		x.mu.Unlock()
	}
}

// awaitCopied waits until the copiers have committed to have read all there is.
func (x *eos) awaitCopied(ctx context.Context, a *kadm.Client) error {
	for {
		ends, err := a.ListEndOffsets(ctx, x.in())
		committed, also := a.FetchOffsets(ctx, x.group())
		done := err == nil && also == nil
		behind := int64(0)
		for p := range int32(eosPartitions) {
			end, ok := ends.Lookup(x.in(), p)
			at, is := committed.Lookup(x.in(), p)
			done = done && ok && end.Err == nil && (is && at.At == end.Offset || end.Offset == 0)
			behind += end.Offset - at.At
		}
		if done {
			x.records = 0 // a record without an acknowledgement may be there or not
			for p := range int32(eosPartitions) {
				end, _ := ends.Lookup(x.in(), p)
				x.records += int(end.Offset)
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the copiers are %d records behind: %s", behind, strings.Join(x.notes, "; "))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// awaitConsumed waits until the consumer has committed past the last record.
func (x *eos) awaitConsumed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		x.mu.Lock()
		seen := make(map[string]bool)
		for _, l := range x.said {
			if l.Name == "record_data" {
				seen[fmt.Sprint(l.Partition, " ", l.Offset)] = true
			}
		}
		x.mu.Unlock()
		if len(seen) >= x.records {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("VerifiableConsumer has seen %d of %d records; %s; it says: %s", len(seen), x.records, x.ends(), &x.heardOf)
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// ends tells how far readers of committed records get, and others.
func (x *eos) ends() string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, a, err := client(ctx, x.e)
	if err != nil {
		return err.Error()
	}
	all, err := a.ListEndOffsets(ctx, x.out())
	stable, also := a.ListCommittedOffsets(ctx, x.out())
	if err := first(err, also); err != nil {
		return err.Error()
	}
	var list []string
	for p := range int32(eosPartitions) {
		end, _ := all.Lookup(x.out(), p)
		lso, _ := stable.Lookup(x.out(), p)
		list = append(list, fmt.Sprintf("partition %d: last stable offset %d, high watermark %d", p, lso.Offset, end.Offset))
	}
	producers, err := a.DescribeProducers(ctx, kadm.TopicsSet{x.out(): {0: {}, 1: {}, 2: {}}})
	for _, p := range producers.SortedProducers() {
		if p.CurrentTxnStartOffset >= 0 {
			list = append(list, fmt.Sprintf("%+v", p))
		}
	}
	txns, also := a.ListTransactions(ctx, nil, nil)
	for _, t := range txns.Sorted() {
		list = append(list, fmt.Sprintf("%+v", t))
	}
	if err := first(err, also); err != nil {
		list = append(list, err.Error())
	}
	return strings.Join(list, ", ")
}

// eosRecord is a record of the output, or a marker.
type eosRecord struct {
	offset, pid int64
	epoch       int16
	kind        string // txn, commit or abort
	value       int    // that of the input
	name        int    // its own in the history
}

// judge writes the history and has it judged.
func (x *eos) judge(ctx context.Context) error {
	in, _, err := x.read(ctx, x.in())
	if err != nil {
		return err
	}
	out, ends, err := x.read(ctx, x.out())
	if err != nil {
		return err
	}
	_, a, err := client(ctx, x.e)
	if err != nil {
		return err
	}
	committed, err := a.FetchOffsets(ctx, x.group())
	if err != nil {
		return err
	}
	var tps []string
	for _, topic := range []string{"in", "out"} {
		for p := range eosPartitions {
			tps = append(tps, fmt.Sprintf("%s-%d", topic, p))
		}
	}
	h, err := newHistory(filepath.Join(x.e.dir, x.name+".jsonl"), map[string]any{
		"tps": tps, "topics": map[string]any{"in": eosTopic, "out": eosTopic},
		"promise": map[string]any{"from": "stated", "properties": []string{"slot-agreement", "no-acked-loss", "no-duplicate", "no-phantom", "read-committed", "exactly-once"}},
		"set": map[string]any{"acks": "all", "idem": true, "iso": "rc", "sub": "subscribe", "reset": "earliest", "minisr": 2,
			"flush": "page-cache", "unclean": false, "retries": true, "inflight": 5},
	})
	if err != nil {
		return err
	}
	doubles, aborted := x.tell(h, in, out, ends, committed)
	if err := h.close(); err != nil {
		return err
	}
	verdict, err := command(ctx, "", x.e.r.binary, "judge", h.path)
	fmt.Printf("      %d records copied, %d copies aborted, %d ends of copiers; %s\n", x.records, aborted, len(x.notes), oneLine(verdict))
	return first(err, want("records that are there twice", doubles, 0))
}

var eosTopic = map[string]any{"parts": eosPartitions, "rf": 3, "cleanup": "delete"}

// read is all that a topic holds, markers too.
func (x *eos) read(ctx context.Context, topic string) (list [eosPartitions][]eosRecord, ends [eosPartitions]int64, err error) {
	_, a, err := client(ctx, x.e)
	if err != nil {
		return list, ends, err
	}
	offsets, err := a.ListEndOffsets(ctx, topic)
	if err != nil {
		return list, ends, err
	}
	from := map[int32]kgo.Offset{}
	missing := int64(0)
	for p := range int32(eosPartitions) {
		o, _ := offsets.Lookup(topic, p)
		if o.Err != nil {
			return list, ends, o.Err
		}
		if ends[p] = o.Offset; o.Offset > 0 {
			from[p] = kgo.NewOffset().At(0)
		}
		missing += o.Offset
	}
	c, _, err := client(ctx, x.e, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}), kgo.KeepControlRecords())
	if err != nil {
		return list, ends, err
	}
	defer c.Close()
	for missing > 0 {
		f := c.PollFetches(ctx)
		if err := f.Err(); err != nil {
			return list, ends, fmt.Errorf("%d records of %s are not there: %w", missing, topic, err)
		}
		for r := range f.RecordsAll() {
			missing--
			n := eosRecord{offset: r.Offset, pid: r.ProducerID, epoch: r.ProducerEpoch, kind: "txn"}
			switch {
			case r.Attrs.IsControl():
				n.kind = "abort"
				if len(r.Key) == 4 && r.Key[3] == 1 {
					n.kind = "commit"
				}
			default:
				if n.value, err = eosValue(string(r.Value)); err != nil {
					return list, ends, err
				}
			}
			list[r.Partition] = append(list[r.Partition], n)
		}
	}
	return list, ends, nil
}

// eosValue is the number of a value of VerifiableProducer's, which has a prefix and a dot.
func eosValue(s string) (n int, err error) {
	_, err = fmt.Sscanf(s, "1.%d", &n)
	return n + 1, err
}

// tell writes the history: what the producer was told; that copies were sent, each with a
// name of its own; what the consumer read; how far the group has come, and what there is.
func (x *eos) tell(h *history, in, out [eosPartitions][]eosRecord, ends [eosPartitions]int64, committed kadm.OffsetResponses) (doubles, aborted int) {
	place := make(map[int]int32) // the partition of a value
	for p, list := range in {
		for _, r := range list {
			place[r.value] = int32(p)
		}
	}
	for _, l := range x.said {
		if v, err := eosValue(l.Value); err == nil && l.Name == "producer_send_success" {
			place[v] = l.Partition
		}
	}
	tp := func(topic string, p int32) string { return fmt.Sprintf("%s-%d", topic, p) }
	sends := make(map[int]int)
	for _, v := range slices.Sorted(maps.Keys(place)) {
		sends[v] = h.event(0, "inv", "send", map[string]any{"m": []any{[]any{"s", tp("in", place[v]), v}}})
	}
	names := make(map[string]int) // of what is in the output, by place
	next := 1_000_000
	seen := make(map[int]int)
	txns := 0
	for p := range out {
		open := make(map[int64]int) // transactions by producer
		for i := range out[p] {
			r := &out[p][i]
			x := open[r.pid]
			if x == 0 && r.kind == "txn" {
				txns++
				x, open[r.pid] = txns, txns
				h.event(0, "ev", "txbegin", eosTxn(x, r, nil))
			}
			switch r.kind {
			case "commit", "abort":
				if x != 0 {
					h.event(0, "inv", "tx"+r.kind, eosTxn(x, r, nil))
				}
				delete(open, r.pid)
				continue
			}
			next++
			r.name = next
			names[fmt.Sprint(p, " ", r.offset)] = next
			h.event(0, "inv", "send", eosTxn(x, r, map[string]any{"m": []any{[]any{"s", tp("out", int32(p)), next}}, "of": []int{r.value}}))
		}
		for _, r := range eosVisible(out[p]) {
			seen[r.value]++
		}
		aborted += len(out[p])
	}
	for _, n := range seen {
		doubles += max(n-1, 0)
		aborted -= n
	}
	for p := range out {
		for _, r := range out[p] {
			if r.kind != "txn" {
				aborted--
			}
		}
	}
	for _, l := range x.said {
		v, err := eosValue(l.Value)
		if err != nil {
			continue
		}
		switch l.Name {
		case "producer_send_success":
			h.event(sends[v], "ok", "send", map[string]any{"t": l.at.Nanoseconds(), "m": []any{[]any{"s", tp("in", l.Partition), v, l.Offset}}})
		case "record_data":
			name, ok := names[fmt.Sprint(l.Partition, " ", l.Offset)]
			if !ok {
				name = v // nothing was sent under this name: a phantom
			}
			id := h.event(0, "inv", "poll", map[string]any{"p": 2001, "t": l.at.Nanoseconds(), "iso": "rc"})
			h.event(id, "ok", "poll", map[string]any{"p": 2001, "t": l.at.Nanoseconds(), "iso": "rc",
				"m": []any{[]any{"p", map[string]any{tp("out", l.Partition): []any{[]any{l.Offset, name}}}}}})
		}
	}
	offs := make(map[string]any)
	var read []string
	for p := range int32(eosPartitions) {
		if at, ok := committed.Lookup(x.in(), p); ok {
			offs[tp("in", p)] = []any{at.At, nil}
			read = append(read, tp("in", p))
		}
	}
	id := h.event(0, "inv", "fetchc", map[string]any{"p": 900001, "tps": read, "spec": "stable", "g": "copiers", "fin": true})
	h.event(id, "ok", "fetchc", map[string]any{"p": 900001, "spec": "stable", "g": "copiers", "offs": offs, "fin": true})
	for p := range int32(eosPartitions) {
		x.dump(h, tp("in", p), in[p], int64(len(in[p])), false)
		x.dump(h, tp("out", p), out[p], ends[p], true)
	}
	return doubles, aborted
}

// eosTxn is an event of a transaction. What the copiers have written in one partition between
// two markers is one here: nobody tells which of those in several partitions are the same.
func eosTxn(x int, r *eosRecord, event map[string]any) map[string]any {
	if event == nil {
		event = make(map[string]any)
	}
	event["p"], event["x"], event["txid"], event["pid"], event["ep"] = 100_000+x, x, fmt.Sprint("txn-", x), r.pid, r.epoch
	return event
}

// eosVisible are the records that were committed.
func eosVisible(list []eosRecord) (visible []eosRecord) {
	open := make(map[int64][]eosRecord)
	for _, r := range list {
		switch r.kind {
		case "txn":
			open[r.pid] = append(open[r.pid], r)
		case "commit":
			visible = append(visible, open[r.pid]...)
			fallthrough
		default:
			delete(open, r.pid)
		}
	}
	slices.SortFunc(visible, func(a, b eosRecord) int { return int(a.offset - b.offset) })
	return visible
}

// dump is the final read of a partition.
func (x *eos) dump(h *history, tp string, list []eosRecord, end int64, transactions bool) {
	id := h.event(0, "inv", "dump", map[string]any{"tps": []string{tp}, "fin": true, "iso": "ru"})
	run, batches := [][]any{}, [][]any{}
	for _, r := range list {
		if transactions {
			batches = append(batches, []any{r.offset, r.offset, r.pid, r.epoch, nil, r.kind})
		}
		switch {
		case r.kind != "txn":
		case transactions:
			run = append(run, []any{r.offset, r.name})
		default:
			run = append(run, []any{r.offset, r.value})
		}
	}
	ok := map[string]any{"m": []any{[]any{"p", map[string]any{tp: run}}}, "fin": true, "iso": "ru",
		"at": map[string]any{tp: map[string]any{"start": 0, "end": end}}}
	if transactions {
		ok["b"] = map[string]any{tp: batches}
	}
	h.event(id, "ok", "dump", ok)
}
