package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// versions are the APIs that clients are told of, and up to which version of each.
type versions map[int16]int16

// versions1 is the smallest set that serves each client whose suite is here, but for those
// of consumer groups (KIP-848), share groups, quotas and SCRAM: franz-go meets no broker of
// Kafka's that has just these, and old clients need no more.
var versions1 = versions{
	0: 11, 1: 12, 2: 7, 3: 9, 8: 8, 9: 8, 10: 4, 11: 7, 12: 4, 13: 4, 14: 5, 15: 5, 16: 4, 17: 1, 18: 3,
	19: 7, 20: 6, 21: 2, 22: 4, 23: 4, 24: 3, 25: 3, 26: 3, 27: 1, 28: 3, 32: 4, 33: 2, 35: 4, 36: 2, 37: 3,
	42: 2, 43: 2, 44: 1, 45: 0, 46: 0, 47: 0, 60: 0, 61: 0, 65: 0, 66: 0,
}

// only leaves of an answer to ApiVersions what clients are told of.
func (v versions) only(resp *kmsg.ApiVersionsResponse) {
	kept := resp.ApiKeys[:0]
	for _, k := range resp.ApiKeys {
		if most, ok := v[k.ApiKey]; ok && most >= k.MinVersion {
			k.MaxVersion = min(k.MaxVersion, most)
			kept = append(kept, k)
		}
	}
	resp.ApiKeys = kept
}

// pass has a client and a broker talk to each other until one of them ends it, and changes
// what the broker says of its versions.
func (v versions) pass(client, broker net.Conn) {
	asked := &asking{versions: make(map[int32]int16)}
	go func() {
		_ = v.requests(broker, client, asked)
		broker.Close()
	}()
	_ = v.answers(client, broker, asked)
}

// asking are the ApiVersions that are under way, by correlation id, and the version of each
// answer.
type asking struct {
	mu       sync.Mutex
	versions map[int32]int16
}

const (
	apiVersions = int16(kmsg.ApiVersions)
	// brokerSoftware is what brokers say of themselves, who meet each other at the same doors
	// and must be told of everything: a follower's Fetch is one that no client has.
	brokerSoftware = "brokersim"
)

// requests passes frames on to the broker. A version of ApiVersions that clients are not
// told of is one that no broker knows, and is answered in version 0 (KIP-511).
func (v versions) requests(to io.Writer, from io.Reader, asked *asking) error {
	for {
		var head [12]byte // size, key, version, correlation id
		if _, err := io.ReadFull(from, head[:]); err != nil {
			return err
		}
		rest := from
		if key, version := int16(binary.BigEndian.Uint16(head[4:])), int16(binary.BigEndian.Uint16(head[6:])); key == apiVersions {
			body := make([]byte, binary.BigEndian.Uint32(head[:])-8)
			if _, err := io.ReadFull(from, body); err != nil {
				return err
			}
			rest = bytes.NewReader(body)
			if version > v[apiVersions] {
				binary.BigEndian.PutUint16(head[6:], math.MaxInt16)
				version = 0
			}
			if !bytes.Contains(body, []byte(brokerSoftware)) {
				asked.mu.Lock()
				asked.versions[int32(binary.BigEndian.Uint32(head[8:]))] = version
				asked.mu.Unlock()
			}
		}
		if err := passFrame(to, rest, head[:]); err != nil {
			return err
		}
	}
}

// answers passes frames on to the client.
func (v versions) answers(to io.Writer, from io.Reader, asked *asking) error {
	for {
		var head [8]byte // size, correlation id
		if _, err := io.ReadFull(from, head[:]); err != nil {
			return err
		}
		id := int32(binary.BigEndian.Uint32(head[4:]))
		asked.mu.Lock()
		version, ours := asked.versions[id]
		delete(asked.versions, id)
		asked.mu.Unlock()
		if !ours {
			if err := passFrame(to, from, head[:]); err != nil {
				return err
			}
			continue
		}
		body := make([]byte, binary.BigEndian.Uint32(head[:])-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return err
		}
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.Version = version
		if err := resp.ReadFrom(body); err != nil {
			return err
		}
		v.only(resp)
		frame := resp.AppendTo(head[:])
		binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
		if _, err := to.Write(frame); err != nil {
			return err
		}
	}
}

// passFrame passes on a frame whose beginning, its size first, has been read.
func passFrame(to io.Writer, from io.Reader, head []byte) error {
	rest := int64(int32(binary.BigEndian.Uint32(head))) - int64(len(head)-4)
	if rest < 0 {
		return fmt.Errorf("a frame of %d bytes", rest)
	}
	if _, err := to.Write(head); err != nil {
		return err
	}
	_, err := io.CopyN(to, from, rest)
	return err
}
