package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/machine"
)

// link is a connection between a peer and a listener.
type link struct {
	peer   *Peer
	serves *Table
	out    machine.Effects
}

// dial returns a link on which requests may be sent, with no request in flight.
func dial(t interface{ Fatalf(string, ...any) }, clientID string, speaks, serves *Table) *link {
	l := &link{peer: NewPeer(clientID, speaks), serves: serves}
	l.peer.Open(1, &l.out)
	for !l.peer.Ready() {
		r, err := DecodeRequest(l.sent(t), serves)
		if err != nil {
			t.Fatalf("ApiVersions: %v", err)
		}
		resp := serves.ApiVersions()
		if r.UnsupportedVersion {
			resp.ErrorCode = UnsupportedVersion
		}
		if _, ok, err := l.peer.Received(EncodeResponse(&r, resp, nil), &l.out); ok || err != nil {
			t.Fatalf("ApiVersions: %t, %v", ok, err)
		}
	}
	return l
}

// sent takes the one frame that was sent.
func (l *link) sent(t interface{ Fatalf(string, ...any) }) machine.Bytes {
	if len(l.out.List) != 1 || l.out.List[0].Kind != machine.DoSend {
		t.Fatalf("asked to\n%v\nnot to send a frame", &l.out)
	}
	frame := l.out.List[0].Frame
	l.out.Reset()
	return frame
}

// only is a table of one version of an API, with what it takes to connect.
func only(key, version int16) *Table {
	if key == ApiVersions {
		return NewTable(API{Key: ApiVersions, Min: version, Max: version})
	}
	return NewTable(API{Key: ApiVersions, Max: 3}, API{Key: key, Min: version, Max: version})
}

// served calls f for every version of every API that is served.
func served(t *testing.T, f func(t *testing.T, serves *Table, key, version int16)) {
	for name, table := range map[string]*Table{"broker": BrokerTable(), "controller": ControllerTable()} { // unordered: subtests
		for _, a := range table.apis {
			for version := a.ServedFrom; version <= a.Max; version++ {
				t.Run(fmt.Sprintf("%s/%s/%d", name, kmsg.NameForKey(a.Key), version), func(t *testing.T) {
					f(t, table, a.Key, version)
				})
			}
		}
	}
}

// sized puts the size before a frame.
func sized(parts ...[]byte) []byte {
	b := bytes.Join(parts, nil)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// drawRequest draws a request that has an answer, with nothing in the fields that
// its version does not have.
func drawRequest(t *rapid.T, key, version int16) kmsg.Request {
	req, whole := kmsg.RequestForKey(key), kmsg.RequestForKey(key)
	fill(t, whole)
	if p, ok := whole.(*kmsg.ProduceRequest); ok && p.Acks == 0 {
		p.Acks = -1
	}
	whole.SetVersion(version)
	req.SetVersion(version)
	if err := req.ReadFrom(whole.AppendTo(nil)); err != nil {
		t.Fatalf("kmsg does not read what it has written: %v", err)
	}
	return req
}

// Every request and response of every version that is served has the bytes that
// kmsg alone would give it, and arrives as it was.
func TestRoundTrip(t *testing.T) {
	served(t, func(t *testing.T, serves *Table, key, version int16) {
		rapid.Check(t, func(t *rapid.T) {
			clientID := rapid.SampledFrom([]string{"", "c", "a client"}).Draw(t, "client id")
			l := dial(t, clientID, only(key, version), serves)

			req := drawRequest(t, key, version)
			records := drawRecords(t, req)
			l.peer.Send(&l.out, req, records, "cookie")
			ident := l.out.List[0].Ident
			frame := l.sent(t)
			body := alone(req, records)
			head := binary.BigEndian.AppendUint16(nil, uint16(key))
			head = binary.BigEndian.AppendUint16(head, uint16(version))
			head = binary.BigEndian.AppendUint32(head, 1) // ApiVersions was 0
			head = binary.BigEndian.AppendUint16(head, uint16(len(clientID)))
			head = append(head, clientID...)
			if req.IsFlexible() {
				head = append(head, 0)
			}
			if want := sized(head, body); !bytes.Equal(frame.Contiguous(), want) {
				t.Fatalf("request\n%x\nwant\n%x", frame.Contiguous(), want)
			}

			r, err := DecodeRequest(repiece(t, frame.Contiguous()), serves)
			if err != nil {
				t.Fatal(err)
			}
			if r.Key != key || r.Version != version || r.Correlation != 1 || r.ClientID != clientID || r.UnsupportedVersion || r.Ident != ident {
				t.Fatalf("decoded %+v, sent as %v", r, ident)
			}
			if got := alone(r.Body, r.Records); !bytes.Equal(got, body) {
				t.Fatalf("decoded request\n%x\nwant\n%x", got, body)
			}

			resp := req.ResponseKind()
			fill(t, resp)
			records = drawRecords(t, resp)
			frame = EncodeResponse(&r, resp, records)
			body = alone(resp, records)
			head = binary.BigEndian.AppendUint32(nil, 1)
			if resp.IsFlexible() && key != ApiVersions {
				head = append(head, 0)
			}
			if want := sized(head, body); !bytes.Equal(frame.Contiguous(), want) {
				t.Fatalf("response\n%x\nwant\n%x", frame.Contiguous(), want)
			}

			a, ok, err := l.peer.Received(repiece(t, frame.Contiguous()), &l.out)
			if err != nil || !ok || a.Request != req || a.Cookie != "cookie" || l.peer.InFlight() != 0 {
				t.Fatalf("answer %t, %v: %+v with %d in flight", ok, err, a, l.peer.InFlight())
			}
			if got := alone(a.Body, a.Records); !bytes.Equal(got, body) {
				t.Fatalf("decoded response\n%x\nwant\n%x", got, body)
			}
		})
	})
}

// A message that ends early, anywhere, is an error at both ends and no panic.
func TestCutShort(t *testing.T) {
	served(t, func(t *testing.T, serves *Table, key, version int16) {
		rapid.Check(t, func(t *rapid.T) {
			l := dial(t, "c", only(key, version), serves)
			req := drawRequest(t, key, version)
			l.peer.Send(&l.out, req, drawRecords(t, req), nil)
			whole := l.sent(t).Contiguous()
			n := rapid.IntRange(4, len(whole)-1).Draw(t, "length of the request")
			if _, err := DecodeRequest(machine.Literal(sized(whole[4:n])), serves); err == nil {
				t.Fatalf("%d of %d bytes of a request are a request", n, len(whole))
			}

			r, err := DecodeRequest(machine.Literal(whole), serves)
			if err != nil {
				t.Fatal(err)
			}
			resp := req.ResponseKind()
			fill(t, resp)
			whole = EncodeResponse(&r, resp, drawRecords(t, resp)).Contiguous()
			n = rapid.IntRange(4, len(whole)-1).Draw(t, "length of the response")
			if _, ok, err := l.peer.Received(machine.Literal(sized(whole[4:n])), &l.out); ok || err == nil {
				t.Fatalf("%d of %d bytes of a response are a response", n, len(whole))
			}
		})
	})
}
