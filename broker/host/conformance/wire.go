package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func wireTests(*env) ([]test, error) {
	return []test{
		{"api-versions-unknown-version", wireUnknownVersion}, {"produce-before-3", wireOldProduce}, {"garbage-closes", wireGarbage},
		{"every-version", wireEveryVersion}, {"groups-and-transactions", wireGroups}, {"answers-in-order", wireOrder},
	}, nil
}

// peer is a connection that speaks without a client library.
type peer struct {
	net.Conn
	last int32
}

func connect(ctx context.Context, e *env) (*peer, error) { return connectTo(ctx, e.servers[0]) }

func connectTo(ctx context.Context, addr string) (*peer, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return &peer{Conn: c}, nil
}

func (p *peer) write(req kmsg.Request) error {
	p.last++
	_, err := p.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("wire")).AppendRequest(nil, req, p.last))
	return err
}

// read reads one answer; correlation ids must come in order.
func (p *peer) read() (correlation int32, body []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(p, head[:]); err != nil {
		return 0, nil, err
	}
	body = make([]byte, int(binary.BigEndian.Uint32(head[:]))-4)
	_, err = io.ReadFull(p, body)
	return int32(binary.BigEndian.Uint32(head[4:])), body, err
}

func (p *peer) ask(req kmsg.Request) (kmsg.Response, error) {
	if err := p.write(req); err != nil {
		return nil, err
	}
	_, body, err := p.read()
	if err != nil {
		return nil, err
	}
	resp := req.ResponseKind()
	if resp.IsFlexible() && resp.Key() != 18 {
		body = body[1:]
	}
	return resp, resp.ReadFrom(body)
}

// served are the APIs that the broker advertises.
func served(ctx context.Context, e *env) ([]kmsg.ApiVersionsResponseApiKey, error) {
	p, err := connect(ctx, e)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	resp, err := p.ask(kmsg.NewPtrApiVersionsRequest())
	if err != nil {
		return nil, err
	}
	return resp.(*kmsg.ApiVersionsResponse).ApiKeys, nil
}

func wireUnknownVersion(ctx context.Context, e *env) error {
	p, err := connect(ctx, e)
	if err != nil {
		return err
	}
	defer p.Close()
	// A header of version 2, as every later version has, and a body that nobody knows.
	raw := []byte{0, 0, 0, 0, 0, 18, 0, 99, 0, 0, 0, 7, 0, 1, 'x', 0, 1, 2, 3}
	binary.BigEndian.PutUint32(raw, uint32(len(raw)-4))
	if _, err := p.Write(raw); err != nil {
		return err
	}
	correlation, body, err := p.read()
	if err != nil {
		return err
	}
	resp := kmsg.NewPtrApiVersionsResponse()
	return first(resp.ReadFrom(body), want("correlation", correlation, 7), want("error", resp.ErrorCode, kerr.UnsupportedVersion.Code), want("some keys", len(resp.ApiKeys) > 5, true))
}

// wireOldProduce: versions 0 to 2 are advertised for librdkafka's sake (KAFKA-18659), and
// refused.
func wireOldProduce(ctx context.Context, e *env) error {
	p, err := connect(ctx, e)
	if err != nil {
		return err
	}
	defer p.Close()
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 2, 1, 1000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = "old"
	t.Partitions = append(t.Partitions, kmsg.NewProduceRequestTopicPartition())
	req.Topics = append(req.Topics, t)
	resp, err := p.ask(req)
	if err != nil {
		return err
	}
	list, err := served(ctx, e)
	if err != nil {
		return err
	}
	return first(want("error", resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode, kerr.UnsupportedVersion.Code), want("key", list[0].ApiKey, 0), want("least version", list[0].MinVersion, 0))
}

func wireGarbage(ctx context.Context, e *env) error {
	for what, raw := range map[string][]byte{
		"HTTP":             []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"a negative size":  {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
		"an oversized one": {0x7f, 0, 0, 0, 0, 0},
		"an unknown key":   {0, 0, 0, 10, 0x03, 0xe8, 0, 0, 0, 0, 0, 1, 0xff, 0xff},
		"an empty frame":   {0, 0, 0, 0},
		"a cut header":     {0, 0, 0, 3, 0, 18, 0},
	} {
		p, err := connect(ctx, e)
		if err != nil {
			return err
		}
		if _, err := p.Write(raw); err != nil {
			return err
		}
		if b, err := io.ReadAll(p); len(b) > 0 || isTimeout(err) {
			return fmt.Errorf("%s: %d bytes of answer, %w: want the end of the connection", what, len(b), orNone(err))
		}
		p.Close()
	}
	_, err := served(ctx, e)
	return err
}

func isTimeout(err error) bool {
	n, ok := err.(net.Error)
	return ok && n.Timeout()
}

// wireEveryVersion sends an empty request of every version that is advertised: each is
// answered in that version, or the connection ends.
func wireEveryVersion(ctx context.Context, e *env) error {
	list, err := served(ctx, e)
	if err != nil {
		return err
	}
	for _, k := range list {
		for v := k.MinVersion; v <= k.MaxVersion; v++ {
			p, err := connect(ctx, e)
			if err != nil {
				return err
			}
			req := kmsg.RequestForKey(k.ApiKey)
			req.SetVersion(v)
			if r, ok := req.(*kmsg.ProduceRequest); ok {
				r.Acks = 1
			}
			if r, ok := req.(*kmsg.FetchRequest); ok {
				r.ReplicaID, r.ReplicaState.ID = -1, -1
			}
			if _, err := p.ask(req); err != nil {
				return fmt.Errorf("%s version %d: %w", kmsg.NameForKey(k.ApiKey), v, err)
			}
			p.Close()
		}
	}
	return nil
}

// wireGroups: what librdkafka looks for before it takes a broker for one with groups and
// transactions is advertised, from version 0 on where it wants to see that.
func wireGroups(ctx context.Context, e *env) error {
	list, err := served(ctx, e)
	if err != nil {
		return err
	}
	least := make(map[int16]int16)
	for _, k := range list {
		least[k.ApiKey] = k.MinVersion
	}
	for _, key := range []int16{8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 28, 42, 47} {
		if v, ok := least[key]; !ok {
			return fmt.Errorf("%s is not advertised", kmsg.NameForKey(key))
		} else if v > 0 && key != 8 && key != 9 {
			return fmt.Errorf("%s is advertised from version %d on", kmsg.NameForKey(key), v)
		}
	}
	return nil
}

// wireOrder pipelines requests, of which the first waits: the answers come in order.
func wireOrder(ctx context.Context, e *env) error {
	p, err := connect(ctx, e)
	if err != nil {
		return err
	}
	defer p.Close()
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Version, create.TimeoutMillis = 5, 10_000
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = "order", 1, 1
	create.Topics = append(create.Topics, t)
	if _, err := p.ask(create); err != nil {
		return err
	}
	fetch := kmsg.NewPtrFetchRequest()
	fetch.Version, fetch.ReplicaID, fetch.SessionEpoch, fetch.MaxWaitMillis, fetch.MinBytes, fetch.MaxBytes = 11, -1, -1, 300, 1, 1<<20
	ft := kmsg.NewFetchRequestTopic()
	ft.Topic = "order"
	fp := kmsg.NewFetchRequestTopicPartition()
	fp.PartitionMaxBytes, fp.CurrentLeaderEpoch = 1<<20, -1
	ft.Partitions = append(ft.Partitions, fp)
	fetch.Topics = append(fetch.Topics, ft)
	from := p.last
	if err := first(p.write(fetch), p.write(kmsg.NewPtrApiVersionsRequest()), p.write(kmsg.NewPtrMetadataRequest())); err != nil {
		return err
	}
	for i := int32(1); i <= 3; i++ {
		correlation, _, err := p.read()
		if err := first(err, want("correlation id", correlation, from+i)); err != nil {
			return err
		}
	}
	return nil
}
