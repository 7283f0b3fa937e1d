package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// speedTests measure serve beside kfake: one broker, and three with three replicas.
func speedTests(e *env) ([]test, error) {
	fake, err := e.r.kfake("--brokers", "1")
	if err != nil {
		return nil, err
	}
	e.atEnd(fake.stop)
	filed, err := e.r.kfake("--brokers", "1", "--data", filepath.Join(e.dir, "data", "kfake"))
	if err != nil {
		return nil, err
	}
	e.atEnd(filed.stop)
	three, err := e.r.serve(filepath.Join(e.dir, "data", "three"), "--set", "broker.default.replication.factor=3")
	if err != nil {
		return nil, err
	}
	e.atEnd(three.stop)
	return []test{
		{"beside-kfake", func(ctx context.Context, e *env) error {
			return besideKfake(ctx, fake.addresses, e.bootstrap(), three.addresses)
		}},
		{"commits-beside-kfake", func(ctx context.Context, e *env) error {
			return ratesBesideKfake(ctx, "commits", commitRate, fake, filed, e.cluster, three)
		}},
		{"transactions-beside-kfake", func(ctx context.Context, e *env) error {
			return ratesBesideKfake(ctx, "transactions", transactionRate, fake, filed, e.cluster, three)
		}},
		{"memory", memoryIsFlat},
	}, nil
}

const (
	speedRounds     = 4
	speedTime       = 4 * time.Second
	speedPartitions = 6
	recordSize      = 1024
)

// besideKfake produces and consumes in turn, so that what else the machine does meets all.
func besideKfake(ctx context.Context, fake, one, three string) error {
	type sums struct{ produced, consumed []float64 }
	var all [3]sums
	names := []string{"kfake", "serve RF 1", "serve RF 3"}
	for round := range speedRounds {
		for i, addr := range []string{fake, one, three} {
			p, c, err := rates(ctx, addr, fmt.Sprintf("speed-%d", round), int16([]int{1, 1, 3}[i]))
			if err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
			all[i].produced, all[i].consumed = append(all[i].produced, p), append(all[i].consumed, c)
		}
	}
	for i, n := range names {
		p, c := middle(all[i].produced), middle(all[i].consumed)
		fmt.Printf("      %-10s produces %6.0f MiB/s (%.2fx), consumes %6.0f MiB/s (%.2fx); rounds %.0f | %.0f\n",
			n, p, p/middle(all[0].produced), c, c/middle(all[0].consumed), all[i].produced, all[i].consumed)
	}
	const least = 0.8
	if p := middle(all[1].produced) / middle(all[0].produced); p < least {
		return fmt.Errorf("produces %.2f times as fast as kfake, want %v", p, least)
	}
	if c := middle(all[1].consumed) / middle(all[0].consumed); c < least {
		return fmt.Errorf("consumes %.2f times as fast as kfake, want %v", c, least)
	}
	return nil
}

// ratesBesideKfake has each broker do the same in turn, in short rounds, so that what else the
// machine does meets all. kfake runs twice: in memory alone, as it does by default, and with
// its records in files, which is what serve is held to: what is answered is in a file here.
// Beside how many a second it says what one takes of the broker's processor, which depends
// less on others.
func ratesBesideKfake(ctx context.Context, what string, rate func(ctx context.Context, addr, topic string, factor int16) (n int, took time.Duration, err error), brokers ...*process) error {
	const rounds = 2 * speedRounds
	names := []string{"kfake, memory", "kfake, files", "serve RF 1", "serve RF 3"}
	all, ofMemory, ofFiles, used := make([][]float64, len(brokers)), make([][]float64, len(brokers)), make([][]float64, len(brokers)), make([][]float64, len(brokers))
	for round := range rounds {
		for i, b := range brokers {
			before := processor(b.cmd.Process.Pid)
			n, took, err := rate(ctx, b.addresses, fmt.Sprintf("%s-%d", what, round), int16([]int{1, 1, 1, 3}[i]))
			if err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
			used[i] = append(used[i], float64((processor(b.cmd.Process.Pid)-before).Microseconds())/float64(n))
			all[i] = append(all[i], float64(n)/took.Seconds())
			ofMemory[i], ofFiles[i] = append(ofMemory[i], all[i][round]/all[0][round]), append(ofFiles[i], all[i][round]/all[min(i, 1)][round])
		}
	}
	for i, n := range names {
		fmt.Printf("      %-13s %s %6.0f a second (%.2fx, %.2fx), %4.0f us of CPU each; rounds %.0f\n", n, what, middle(all[i]), middle(ofMemory[i]), middle(ofFiles[i]), middle(used[i]), all[i])
	}
	const least = 0.8
	if c := middle(ofFiles[2]); c < least {
		return fmt.Errorf("%s %.2f times as fast as kfake with files, want %v", what, c, least)
	}
	return nil
}

// transactionRate is how many transactions a second are committed, each of a record in each
// of three partitions; each producer has one under way.
func transactionRate(ctx context.Context, addr, topic string, factor int16) (int, time.Duration, error) {
	var clients []*kgo.Client
	for i := range committers {
		c, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(addr, ",")...), kgo.TransactionalID(fmt.Sprintf("%s-%d", topic, i)),
			kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
		if err != nil {
			return 0, 0, err
		}
		defer c.Close()
		clients = append(clients, c)
	}
	if _, err := kadm.NewClient(clients[0]).CreateTopic(ctx, speedPartitions, factor, nil, topic); err != nil {
		return 0, 0, err
	}
	transact := func(i int) error {
		c := clients[i]
		if err := c.BeginTransaction(); err != nil {
			return err
		}
		var list []*kgo.Record
		for p := range int32(3) {
			list = append(list, &kgo.Record{Topic: topic, Partition: p, Value: []byte("value")})
		}
		if err := c.ProduceSync(ctx, list...).FirstErr(); err != nil {
			return first(err, c.EndTransaction(ctx, kgo.TryAbort))
		}
		return c.EndTransaction(ctx, kgo.TryCommit)
	}
	for i := range clients { // its coordinator is found, and has heard of the topic
		if err := until(ctx, func() error { return transact(i) }); err != nil {
			return 0, 0, err
		}
	}
	var n atomic.Int64
	var transacting errgroup
	began := time.Now()
	for i := range clients {
		transacting.Go(func() error {
			for time.Since(began) < speedTime/2 {
				if err := transact(i); err != nil {
					return err
				}
				n.Add(1)
			}
			return nil
		})
	}
	err := transacting.Wait()
	return int(n.Load()), time.Since(began), err
}

const committers = 8

// commitRate is how many commits a second come back, each of the offsets of six partitions;
// each committer has a group of its own, and one commit under way.
func commitRate(ctx context.Context, addr, topic string, factor int16) (int, time.Duration, error) {
	servers := kgo.SeedBrokers(strings.Split(addr, ",")...)
	var clients []*kadm.Client
	for range committers {
		c, err := kgo.NewClient(servers)
		if err != nil {
			return 0, 0, err
		}
		defer c.Close()
		clients = append(clients, kadm.NewClient(c))
	}
	if _, err := clients[0].CreateTopic(ctx, speedPartitions, factor, nil, topic); err != nil {
		return 0, 0, err
	}
	commit := func(i int, offset int64) error {
		o := make(kadm.Offsets)
		for p := range int32(speedPartitions) {
			o.AddOffset(topic, p, offset, -1)
		}
		return clients[i].CommitAllOffsets(ctx, fmt.Sprintf("%s-%d", topic, i), o)
	}
	for i := range clients { // the coordinator is found, and has heard of the topic
		if err := until(ctx, func() error { return commit(i, 0) }); err != nil {
			return 0, 0, err
		}
	}
	var n atomic.Int64
	var committing errgroup
	began := time.Now()
	for i := range clients {
		committing.Go(func() error {
			for offset := int64(1); time.Since(began) < speedTime/2; offset++ {
				if err := commit(i, offset); err != nil {
					return err
				}
				n.Add(1)
			}
			return nil
		})
	}
	err := committing.Wait()
	return int(n.Load()), time.Since(began), err
}

// until does something again until it succeeds.
func until(ctx context.Context, do func() error) error {
	for {
		err := do()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// errgroup is several functions at once.
type errgroup struct {
	sync.WaitGroup
	failed atomic.Pointer[error]
}

func (g *errgroup) Go(f func() error) {
	g.WaitGroup.Go(func() {
		if err := f(); err != nil {
			g.failed.CompareAndSwap(nil, &err)
		}
	})
}

// Wait waits for all of them, and returns the first error.
func (g *errgroup) Wait() error {
	g.WaitGroup.Wait()
	if err := g.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func middle(list []float64) float64 {
	sorted := append([]float64(nil), list...)
	for i := range sorted {
		for j := i; j > 0 && sorted[j] < sorted[j-1]; j-- {
			sorted[j], sorted[j-1] = sorted[j-1], sorted[j]
		}
	}
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// rates are MiB/s of values, produced with acks=all and consumed from the beginning.
func rates(ctx context.Context, addr, topic string, factor int16) (produced, consumed float64, err error) {
	servers := kgo.SeedBrokers(strings.Split(addr, ",")...)
	p, err := kgo.NewClient(servers, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.StickyPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		return 0, 0, err
	}
	defer p.Close()
	admin := kadm.NewClient(p)
	if _, err := admin.CreateTopic(ctx, speedPartitions, factor, nil, topic); err != nil {
		return 0, 0, err
	}
	value := make([]byte, recordSize)
	for i := range value {
		value[i] = byte(i * 7)
	}
	var failed atomic.Pointer[error]
	sent := 0
	began := time.Now()
	for time.Since(began) < speedTime {
		for range 100 {
			p.Produce(ctx, &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
				if err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			})
			sent++
		}
	}
	if err := p.Flush(ctx); err != nil {
		return 0, 0, err
	}
	produced = float64(sent) * recordSize / (1 << 20) / time.Since(began).Seconds()
	if f := failed.Load(); f != nil {
		return 0, 0, *f
	}
	c, err := kgo.NewClient(servers, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	began = time.Now()
	got := 0
	for got < sent {
		f := c.PollFetches(ctx)
		if ctx.Err() != nil {
			return 0, 0, fmt.Errorf("%d of %d records: %w", got, sent, ctx.Err())
		}
		got += f.NumRecords()
	}
	consumed = float64(sent) * recordSize / (1 << 20) / time.Since(began).Seconds()
	_, err = admin.DeleteTopics(ctx, topic)
	return produced, consumed, err
}

// memoryIsFlat produces at a steady rate for five minutes and looks at the resident memory
// of serve: in the last two minutes it is no larger than twice that of the first one.
func memoryIsFlat(ctx context.Context, e *env) error {
	const rate, minutes = 20 << 20, 5
	p, err := kgo.NewClient(kgo.SeedBrokers(e.servers...), kgo.DefaultProduceTopic("memory"), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return err
	}
	defer p.Close()
	if _, err := kadm.NewClient(p).CreateTopic(ctx, speedPartitions, 1, map[string]*string{"retention.bytes": text("50000000"), "segment.bytes": text("20000000")}, "memory"); err != nil {
		return err
	}
	value := make([]byte, recordSize)
	var curve []int
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < minutes*time.Minute; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		for range rate / recordSize / 20 {
			p.Produce(ctx, &kgo.Record{Value: value}, nil)
		}
		if want := int(time.Since(began) / (15 * time.Second)); want > len(curve) {
			curve = append(curve, residentMiB(e.cluster.cmd.Process.Pid))
		}
	}
	fmt.Printf("      resident memory every 15 s, MiB: %v\n", curve)
	var first, last int
	for i, m := range curve {
		if i < 4 {
			first = max(first, m)
		}
		if i >= len(curve)-8 {
			last = max(last, m)
		}
	}
	switch {
	case first == 0:
		return skipf("the memory of a process cannot be seen here")
	case last > 2*first:
		return errors.New("it grows")
	}
	return p.Flush(ctx)
}

func text(s string) *string { return &s }

// processor is how long a process has run on all cores; 0 if that cannot be told.
func processor(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name may have blanks
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	const tick = 10 * time.Millisecond // USER_HZ, on all Linux
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * tick
}

// residentMiB is the resident memory of a process; 0 if that cannot be told.
func residentMiB(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(f[1])
	return pages * os.Getpagesize() >> 20
}
