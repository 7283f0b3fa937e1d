package differential

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// side is one of the two brokers.
type side struct {
	name string
	addr string
	// versions are those that it says it offers, by key.
	versions map[int16][2]int16
	ids      map[[16]byte]string // of topics: their names
	topics   map[string][16]byte
	members  map[string]string // member ids of groups: what they are called in the script
	pids     map[int64]string  // producer ids, by what they are called in the script
	kept     map[string]int64  // numbers that later requests need
	from     time.Time
	giving   bool // an InitProducerId is answered
}

func newSide(name, addr string) *side {
	return &side{
		name: name, addr: addr, versions: make(map[int16][2]int16), ids: make(map[[16]byte]string),
		topics: make(map[string][16]byte), members: make(map[string]string), pids: make(map[int64]string), kept: make(map[string]int64), from: time.Now(),
	}
}

// patience is how long an answer may take.
const patience = 10 * time.Second

// What comes instead of an answer.
var (
	errClosed  = errors.New("the connection is closed")
	errSilence = errors.New("no answer")
)

// session is a connection on which requests go one after the other.
type session struct {
	net.Conn
	last int32
}

func (s *side) dial(ctx context.Context) (*session, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	return &session{Conn: c}, nil
}

// frame is one frame without its size.
func (c *session) frame() ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, ended(err)
	}
	b := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		return nil, ended(err)
	}
	return b, nil
}

func ended(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errSilence
	}
	return errClosed
}

// ask is one request and its answer.
func (c *session) ask(req kmsg.Request) (kmsg.Response, error) {
	c.last++
	if _, err := c.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("differential")).AppendRequest(nil, req, c.last)); err != nil {
		return nil, errClosed
	}
	b, err := c.frame()
	if err != nil {
		return nil, err
	}
	return read(req, c.last, b)
}

func read(req kmsg.Request, correlation int32, b []byte) (kmsg.Response, error) {
	if len(b) < 4 || int32(binary.BigEndian.Uint32(b)) != correlation {
		return nil, fmt.Errorf("another correlation id: % x", b[:min(len(b), 16)])
	}
	b = b[4:]
	resp := req.ResponseKind()
	if resp.IsFlexible() && resp.Key() != int16(kmsg.ApiVersions) {
		if len(b) == 0 || b[0] != 0 {
			return nil, fmt.Errorf("tags in the header: % x", b[:min(len(b), 16)])
		}
		b = b[1:]
	}
	if err := resp.ReadFrom(b); err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	return resp, nil
}

// ask is one request on a connection of its own.
func (s *side) ask(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	c, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ask(req)
}

// id is the id of a topic.
func (s *side) id(topic string) [16]byte { return s.topics[topic] }

func (s *side) know(topic string, id [16]byte) {
	if id != ([16]byte{}) && topic != "" {
		s.ids[id], s.topics[topic] = topic, id
	}
}

// pid is the producer id that a name stands for: a new one at the first time.
func (s *side) pid(ctx context.Context, name string) int64 {
	for id, n := range s.pids {
		if n == name {
			return id
		}
	}
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.Version, req.TransactionTimeoutMillis = 2, 60_000
		resp, err := s.ask(ctx, req)
		if err != nil {
			panic(err)
		}
		if r := resp.(*kmsg.InitProducerIDResponse); r.ErrorCode == 0 {
			s.pids[r.ProducerID] = name
			return r.ProducerID
		}
	}
	panic(s.name + " gives no producer id")
}
