package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/machine"
)

// Peer is the requesting end of one connection: clients, brokers and
// controllers all ask through it. It asks ApiVersions first, numbers the
// requests, knows which answer belongs to which, and picks the versions. Nobody
// else counts correlation ids.
type Peer struct {
	clientID string
	want     *Table
	conn     machine.ConnID
	next     int32
	agreed   []API // sorted like want; empty until ApiVersions was answered
	features Features
	ready    bool
	flight   []flight
	scratch  scratch
	fetched  kmsg.FetchResponse
}

type flight struct {
	correlation int32
	Pending
}

// Pending is a request whose answer has not come.
type Pending struct {
	Request kmsg.Request
	Cookie  any
}

// Features are the levels of what the cluster has finalized (KIP-584), and their epoch: -1
// where ApiVersions said none.
type Features struct {
	Epoch  int64
	Levels []Feature
}

// Feature is the level of one, such as transaction.version.
type Feature struct {
	Name  string
	Level int16
}

// Level is that of a feature, 0 of one that is not finalized.
func (f *Features) Level(name string) int16 {
	for _, x := range f.Levels {
		if x.Name == name {
			return x.Level
		}
	}
	return 0
}

// Answer is a response with what it answers. Body and Records of a Fetch are valid
// until the peer receives the next frame.
type Answer struct {
	Pending
	Body kmsg.Response
	// Records are those of a Fetch response, one per partition in the order of
	// the message.
	Records []Records
}

// ErrAnswer means that what came is no answer to what was asked.
var ErrAnswer = errors.New("not the answer to the oldest request")

// NewPeer returns a peer that speaks what want lists, and names itself clientID.
func NewPeer(clientID string, want *Table) *Peer { return &Peer{clientID: clientID, want: want} }

// Open begins a connection that is up: it asks ApiVersions. Whatever was known
// of an earlier connection is forgotten.
func (p *Peer) Open(conn machine.ConnID, out *machine.Effects) {
	*p = Peer{clientID: p.clientID, want: p.want, conn: conn, flight: p.flight[:0], scratch: p.scratch}
	p.askVersions(3, out)
}

func (p *Peer) askVersions(version int16, out *machine.Effects) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "brokersim", "1"
	p.send(out, req, version, nil, nil)
}

// Ready reports whether requests may be sent.
func (p *Peer) Ready() bool { return p.ready }

// InFlight is the number of requests without an answer, ApiVersions not counted.
func (p *Peer) InFlight() int {
	if !p.ready {
		return 0
	}
	return len(p.flight)
}

// Features returns what the other end has said of the cluster's features.
func (p *Peer) Features() Features { return p.features }

// Version returns the version in which a request of this key is sent, and
// whether both ends speak one at all.
func (p *Peer) Version(key int16) (int16, bool) {
	for _, a := range p.agreed {
		if a.Key == key {
			return a.Max, true
		}
	}
	return 0, false
}

// Send sends a request, in the highest version that both ends speak. The
// records are those of a Produce request, one per partition in the order of the
// message, whose own Records are empty. The cookie comes back with the answer;
// a Produce request with acks=0 has none and is not in flight.
//
// It panics before Ready, and for an API that the other end does not serve: see
// Version.
func (p *Peer) Send(out *machine.Effects, req kmsg.Request, records []Records, cookie any) {
	p.SendAtMost(1<<15-1, out, req, records, cookie)
}

// SendAtMost is Send in no version above most, whatever both ends speak.
func (p *Peer) SendAtMost(most int16, out *machine.Effects, req kmsg.Request, records []Records, cookie any) {
	version, ok := p.Version(req.Key())
	version = min(version, most)
	if !p.ready || !ok {
		panic(fmt.Sprintf("wire: %s on a connection that is not ready for it", kmsg.NameForKey(req.Key())))
	}
	p.send(out, req, version, records, cookie)
}

func (p *Peer) send(out *machine.Effects, req kmsg.Request, version int16, records []Records, cookie any) {
	req.SetVersion(version)
	head := binary.BigEndian.AppendUint16(p.scratch.head(), uint16(req.Key()))
	head = binary.BigEndian.AppendUint16(head, uint16(version))
	head = binary.BigEndian.AppendUint32(head, uint32(p.next))
	head = binary.BigEndian.AppendUint16(head, uint16(len(p.clientID)))
	head = append(head, p.clientID...)
	if req.IsFlexible() {
		head = append(head, 0) // request header version 2: no tagged fields
	}
	frame := p.scratch.message(head, req.Key(), false, req, records)
	out.Work(machine.Work{Requests: 1})
	out.Send(p.conn, frame, machine.Ident{Class: Class(req.Key(), false), Key: RequestKey(req, records)})
	if produce, ok := req.(*kmsg.ProduceRequest); !ok || produce.Acks != 0 {
		p.flight = append(p.flight, flight{p.next, Pending{req, cookie}})
	}
	p.next++
}

// Received takes a frame. It returns ok with the answer to one of the requests
// sent; not ok if the frame was the peer's own matter, after which Ready may
// have changed. An error means that the connection must be closed.
func (p *Peer) Received(frame machine.Bytes, out *machine.Effects) (Answer, bool, error) {
	w, err := p.scratch.open(frame)
	if err != nil {
		return Answer{}, false, err
	}
	clear(p.scratch.taken)
	w.taken = p.scratch.taken[:0]
	defer func() { p.scratch.cut, p.scratch.taken = w.out[:0], w.taken }()
	if len(p.flight) == 0 {
		return Answer{}, false, fmt.Errorf("%w: nothing was asked", ErrAnswer)
	}
	asked, got := p.flight[0], w.int32()
	if w.err != nil {
		return Answer{}, false, w.err
	}
	if got != asked.correlation {
		return Answer{}, false, fmt.Errorf("%w: correlation id %d, want %d", ErrAnswer, got, asked.correlation)
	}
	key, version := asked.Request.Key(), asked.Request.GetVersion()
	a := Answer{Pending: asked.Pending, Body: p.answerTo(asked.Request)}
	a.Records, err = w.response(key, version, a.Body)
	if !p.ready && key == ApiVersions {
		p.flight = p.flight[:0]
		return Answer{}, false, p.versions(a.Body.(*kmsg.ApiVersionsResponse), version, err, out)
	}
	if err != nil {
		return Answer{}, false, fmt.Errorf("%s response version %d: %w", kmsg.NameForKey(key), version, err)
	}
	copy(p.flight, p.flight[1:])
	p.flight[len(p.flight)-1] = flight{}
	p.flight = p.flight[:len(p.flight)-1]
	return a, true, nil
}

// answerTo makes room for an answer, or finds some that was used before.
func (p *Peer) answerTo(req kmsg.Request) kmsg.Response {
	if req.Key() == Fetch {
		return &p.fetched
	}
	return req.ResponseKind()
}

// response reads a response from behind its correlation id.
func (w *walker) response(key, version int16, body kmsg.Response) ([]Records, error) {
	body.SetVersion(version)
	if w.flexible = body.IsFlexible() && key != ApiVersions; w.flexible {
		w.tags() // response header version 1
	}
	if w.err != nil {
		return nil, w.err
	}
	return read(w, key, true, body)
}

// DecodeResponse reads an answer to a request of that key and version, for whoever
// looks on: the requester has [Peer.Received].
func DecodeResponse(frame machine.Bytes, key, version int16) (kmsg.Response, []Records, error) {
	body := kmsg.ResponseForKey(key)
	if body == nil {
		return nil, nil, fmt.Errorf("%w: %d", ErrUnknownAPI, key)
	}
	var s scratch
	w, err := s.open(frame)
	if err != nil {
		return nil, nil, err
	}
	w.pass(4) // correlation id
	records, err := w.response(key, version, body)
	return body, records, err
}

// versions agrees on a version of every API that both ends know. A broker that
// is older than the question answers it in version 0 with an error (KIP-511):
// then it is asked again in version 0.
func (p *Peer) versions(resp *kmsg.ApiVersionsResponse, asked int16, err error, out *machine.Effects) error {
	if asked > 0 && (err != nil || resp.ErrorCode == UnsupportedVersion) {
		p.askVersions(0, out)
		return nil
	}
	if err != nil {
		return fmt.Errorf("ApiVersions response version %d: %w", asked, err)
	}
	if resp.ErrorCode != None {
		return fmt.Errorf("ApiVersions: %s", ErrorName(resp.ErrorCode))
	}
	for _, want := range p.want.apis {
		for _, k := range resp.ApiKeys {
			least, most := max(want.ServedFrom, k.MinVersion), min(want.Max, k.MaxVersion)
			if k.ApiKey == want.Key && least <= most {
				p.agreed = append(p.agreed, API{Key: want.Key, Min: least, Max: most})
				break
			}
		}
	}
	p.features = Features{Epoch: -1}
	if len(resp.FinalizedFeatures) > 0 {
		p.features.Epoch = resp.FinalizedFeaturesEpoch
		for _, f := range resp.FinalizedFeatures {
			p.features.Levels = append(p.features.Levels, Feature{f.Name, f.MaxVersionLevel})
		}
	}
	p.ready = true
	return nil
}

// Closed ends the connection. It returns the requests that have no answer, in
// the order in which they were sent; the peer can be opened again.
func (p *Peer) Closed() []Pending {
	var out []Pending
	if p.ready {
		for _, f := range p.flight {
			out = append(out, f.Pending)
		}
	}
	clear(p.flight)
	p.flight, p.ready, p.agreed, p.conn = p.flight[:0], false, nil, 0
	return out
}
