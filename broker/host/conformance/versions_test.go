package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A broker that has more is told of as one that has not, and what is none of ApiVersions
// passes as it is.
func TestVersions(t *testing.T) {
	client, door := net.Pipe()
	behind, broker := net.Pipe()
	defer client.Close()
	v := versions{0: 7, 18: 3}
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.pass(door, behind)
	}()
	seen := make(chan []byte, 3)
	go func() {
		defer broker.Close()
		for {
			frame, err := readFrame(broker)
			if err != nil {
				return
			}
			seen <- frame
			answer := append(bytes.Clone(frame[4:8]), "as it is"...)
			if key := binary.BigEndian.Uint16(frame); key == uint16(apiVersions) {
				resp := kmsg.NewPtrApiVersionsResponse()
				if resp.Version = int16(binary.BigEndian.Uint16(frame[2:])); resp.Version > 4 {
					resp.Version, resp.ErrorCode = 0, 35
				}
				for _, x := range [][3]int16{{0, 3, 13}, {1, 4, 18}, {18, 0, 4}} {
					k := kmsg.NewApiVersionsResponseApiKey()
					k.ApiKey, k.MinVersion, k.MaxVersion = x[0], x[1], x[2]
					resp.ApiKeys = append(resp.ApiKeys, k)
				}
				answer = resp.AppendTo(bytes.Clone(frame[4:8]))
			}
			if _, err := broker.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...)); err != nil {
				return
			}
		}
	}()
	ask := func(req kmsg.Request, version int16, id int32) []byte {
		t.Helper()
		req.SetVersion(version)
		if _, err := client.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, id)); err != nil {
			t.Fatal(err)
		}
		frame, err := readFrame(client)
		if err != nil || int32(binary.BigEndian.Uint32(frame)) != id {
			t.Fatalf("%x, %v", frame, err)
		}
		return frame[4:]
	}
	for version, at := range map[int16]int16{3: 3, 4: 0} {
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.Version = at
		if err := resp.ReadFrom(ask(kmsg.NewPtrApiVersionsRequest(), version, 5)); err != nil {
			t.Fatal(err)
		}
		if k := resp.ApiKeys; len(k) != 2 || k[0].ApiKey != 0 || k[0].MinVersion != 3 || k[0].MaxVersion != 7 || k[1].MaxVersion != 3 {
			t.Errorf("%+v", resp)
		}
		if (version == 4) != (resp.ErrorCode == 35) {
			t.Errorf("version %d: %d", version, resp.ErrorCode)
		}
		<-seen
	}
	peer := kmsg.NewPtrApiVersionsRequest()
	peer.ClientSoftwareName = brokerSoftware
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.Version = 3
	if err := resp.ReadFrom(ask(peer, 3, 7)); err != nil || len(resp.ApiKeys) != 3 {
		t.Errorf("another broker is told of %+v, %v", resp.ApiKeys, err)
	}
	<-seen
	if got := ask(kmsg.NewPtrHeartbeatRequest(), 3, 6); string(got) != "as it is" {
		t.Errorf("%q", got)
	}
	if f := kmsg.NewRequestFormatter().AppendRequest(nil, func() kmsg.Request { r := kmsg.NewPtrHeartbeatRequest(); r.SetVersion(3); return r }(), 6); !bytes.Equal(<-seen, f[4:]) {
		t.Error("a request has changed")
	}
	client.Close()
	<-done
}

func readFrame(from io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(from, size[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(from, frame)
	return frame, err
}
