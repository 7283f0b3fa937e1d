package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func killTests(*env) ([]test, error) {
	return []test{{"acked-records-survive-kill-9", killBrokers}}, nil
}

// killBrokers kills two of three brokers, each a process, one after the other with
// SIGKILL and starts them again, while a producer with acks=all goes on. What it saw is
// a history, and brokersim judge says whether every acknowledged record is there, once.
func killBrokers(ctx context.Context, e *env) error {
	n := e.nodes
	h, err := newHistory(filepath.Join(e.dir, "history.jsonl"), killHeader())
	if err != nil {
		return err
	}
	producing, stop := context.WithCancel(ctx)
	defer stop()
	produced := make(chan error, 1)
	go func() { produced <- h.produce(producing, ctx, e) }()
	for _, i := range []int{1, 2} {
		select {
		case err := <-produced:
			return fmt.Errorf("the producer gave up: %w", orNone(err))
		case <-time.After(3 * time.Second):
		}
		if err := n.kill(ctx, i, 4*time.Second); err != nil {
			return err
		}
	}
	time.Sleep(2 * time.Second)
	stop()
	if err := <-produced; err != nil {
		return err
	}
	if err := first(h.dump(ctx, e), h.close()); err != nil {
		return err
	}
	out, err := command(ctx, "", e.r.binary, "judge", h.path)
	fmt.Printf("      %d records were acknowledged; %s\n", h.acked, oneLine(out))
	return err
}

// history writes what the clients saw, as brokersim judge reads it.
type history struct {
	path  string
	mu    sync.Mutex
	f     *os.File
	w     *bufio.Writer
	began time.Time
	next  int // event
	id    int // operation
	acked int
}

const killTopic, killPartitions = "orders", 3

// newHistory begins a history with a header of these, beside what every one of ours has.
func newHistory(path string, header map[string]any) (*history, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	h := &history{path: path, f: f, w: bufio.NewWriter(f), began: time.Now()}
	header["v"], header["kind"], header["seed"], header["unique"], header["from"] = 1, "log-history", "0x0", true, "live"
	h.line(header)
	return h, nil
}

// killHeader is what the history of killBrokers is about.
func killHeader() map[string]any {
	var tps []string
	for p := range killPartitions {
		tps = append(tps, fmt.Sprintf("%s-%d", killTopic, p))
	}
	return map[string]any{"tps": tps,
		"topics":  map[string]any{killTopic: map[string]any{"parts": killPartitions, "rf": 3, "cleanup": "delete"}},
		"promise": map[string]any{"from": "stated", "properties": []string{"slot-agreement", "no-acked-loss", "no-duplicate", "no-phantom"}},
		"set": map[string]any{"acks": "all", "idem": true, "iso": "ru", "sub": "assign", "reset": "earliest", "minisr": 2,
			"flush": "page-cache", "unclean": false, "retries": true, "inflight": 1}}
}

func (h *history) line(x map[string]any) {
	b, err := json.Marshal(x)
	if err != nil {
		panic(err) // it is made of words and numbers
	}
	_, _ = h.w.Write(append(b, '\n')) // close will say
}

// event writes an event and returns its operation's id, a new one if it is 0. It is now, and
// of the producer or of the final read, unless x says otherwise.
func (h *history) event(id int, kind, f string, x map[string]any) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id == 0 {
		h.id++
		id = h.id
	}
	x["i"], x["e"], x["id"], x["f"] = h.next, kind, id, f
	if x["t"] == nil {
		x["t"] = time.Since(h.began).Nanoseconds()
	}
	if x["p"] == nil {
		x["p"] = 1001
	}
	if f == "dump" {
		x["p"] = 900001
	}
	h.next++
	if kind == "ok" && f == "send" {
		h.acked++
	}
	h.line(x)
	return id
}

func (h *history) close() error { return first(h.w.Flush(), h.f.Close()) }

// produce sends records with acks=all until until is done; ctx ends what is left.
func (h *history) produce(until, ctx context.Context, e *env) error {
	c, a, err := client(ctx, e, kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerLinger(0), kgo.RetryTimeout(time.Minute), kgo.RecordDeliveryTimeout(time.Minute))
	if err != nil {
		return err
	}
	defer c.Close()
	two := "2"
	if _, err := a.CreateTopic(ctx, killPartitions, 3, map[string]*string{"min.insync.replicas": &two}, killTopic); err != nil {
		return err
	}
	if err := heard(ctx, e, killTopic); err != nil {
		return err
	}
	for value := 1; until.Err() == nil; value++ {
		p := value % killPartitions
		tp := fmt.Sprintf("%s-%d", killTopic, p)
		id := h.event(0, "inv", "send", map[string]any{"m": []any{[]any{"s", tp, value}}})
		c.Produce(ctx, &kgo.Record{Topic: killTopic, Partition: int32(p), Value: fmt.Append(nil, value)}, func(r *kgo.Record, err error) {
			if err != nil {
				h.event(id, "info", "send", map[string]any{"m": []any{[]any{"s", tp, value, nil}}})
				return
			}
			h.event(id, "ok", "send", map[string]any{"m": []any{[]any{"s", tp, value, r.Offset}}})
		})
		time.Sleep(500 * time.Microsecond)
	}
	return c.Flush(ctx)
}

// dump reads everything at the end.
func (h *history) dump(ctx context.Context, e *env) error {
	_, a, err := client(ctx, e)
	if err != nil {
		return err
	}
	var ends kadm.ListedOffsets
	if ends, err = a.ListEndOffsets(ctx, killTopic); err != nil {
		return err
	}
	for p := range int32(killPartitions) {
		end, ok := ends.Lookup(killTopic, p)
		if !ok || end.Err != nil {
			return fmt.Errorf("the end of partition %d: %w", p, orNone(end.Err))
		}
		tp := fmt.Sprintf("%s-%d", killTopic, p)
		id := h.event(0, "inv", "dump", map[string]any{"tps": []string{tp}, "fin": true})
		list, err := readFrom(ctx, e, killTopic, p, 0, int(end.Offset))
		if err != nil {
			return err
		}
		var run [][]any
		for _, r := range list {
			run = append(run, []any{r.Offset, json.Number(r.Value)})
		}
		h.event(id, "ok", "dump", map[string]any{"m": []any{[]any{"p", map[string]any{tp: run}}}, "fin": true,
			"at": map[string]any{tp: map[string]any{"start": 0, "end": end.Offset}}})
	}
	return nil
}
