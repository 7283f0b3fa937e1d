package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/machine"
)

// Request is a request as the answering end sees it.
type Request struct {
	Key, Version int16
	Correlation  int32
	ClientID     string

	// Body is the request with empty Records fields. It is nil if this
	// version is advertised but not served: answer with [Request.Unserved].
	Body kmsg.Request
	// Records are those of a Produce request, one per partition in the order
	// of the message.
	Records []Records

	// Ident is what the request's frame is about; an answer is sent with
	// [AnswerIdent] of it.
	Ident machine.Ident

	unserved *kmsg.ProduceRequest // to name its partitions in the answer
	scratch  *scratch             // of the table that it was read by

	// UnsupportedVersion says that this is an ApiVersions of a version that
	// nobody knows yet: it is answered in version 0 with error 35 and the list
	// of what is served (KIP-511).
	UnsupportedVersion bool
}

// ErrUnknownAPI means a key or version that the listener does not advertise.
var ErrUnknownAPI = errors.New("unknown API key or version")

// DecodeRequest reads a request. Any error means that the connection must be
// closed, as Kafka does.
func DecodeRequest(frame machine.Bytes, table *Table) (Request, error) {
	var r Request
	r.scratch = &table.scratch
	w, err := r.scratch.open(frame)
	if err != nil {
		return r, err
	}
	defer func() { r.scratch.cut = w.out[:0] }()
	r.Key, r.Version, r.Correlation = w.int16(), w.int16(), w.int32()
	if w.err != nil {
		return r, w.err
	}
	r.Ident = machine.Ident{Class: Class(r.Key, false)}
	api, ok := table.Find(r.Key)
	if !ok {
		return r, fmt.Errorf("%w: %d version %d", ErrUnknownAPI, r.Key, r.Version)
	}
	if r.Version < api.Min || r.Version > api.Max {
		if r.Key != ApiVersions {
			return r, fmt.Errorf("%w: %s version %d", ErrUnknownAPI, kmsg.NameForKey(r.Key), r.Version)
		}
		r.Version, r.UnsupportedVersion = 0, true
		r.Body = kmsg.NewPtrApiVersionsRequest()
		r.Ident.Key = RequestKey(r.Body, nil)
		return r, nil
	}
	body := table.body(r.Key)
	body.SetVersion(r.Version)
	r.ClientID = table.name(w.pass(max(w.size(2), 0)))
	if w.flexible = body.IsFlexible(); w.flexible {
		w.tags() // request header version 2
	}
	if w.err != nil {
		return r, w.err
	}
	if !table.Supports(r.Key, r.Version) {
		return r, r.refuse(body, frame.Slice(w.at, frame.Len()))
	}
	if r.Records, err = read(&w, r.Key, false, body); err != nil {
		return r, fmt.Errorf("%s version %d: %w", kmsg.NameForKey(r.Key), r.Version, err)
	}
	r.Body = body
	r.Ident.Key = RequestKey(body, r.Records)
	return r, nil
}

// EncodeResponse makes the frame that answers r. It sets the version of resp
// and its correlation id, and makes nil arrays empty. The records are those of a
// Fetch response, one per partition in the order of the message.
func EncodeResponse(r *Request, resp kmsg.Response, records []Records) machine.Bytes {
	resp.SetVersion(r.Version)
	neverNull(resp)
	s := r.scratch
	if s == nil {
		s = &scratch{}
	}
	head := binary.BigEndian.AppendUint32(s.head(), uint32(r.Correlation))
	if resp.IsFlexible() && r.Key != ApiVersions {
		head = append(head, 0) // response header version 1: no tagged fields
	}
	return s.message(head, r.Key, true, resp, records)
}

// name is a client id, of which there are few.
func (t *Table) name(b []byte) string {
	if s, ok := t.names[string(b)]; ok {
		return s
	}
	const most = 1000
	if t.names == nil || len(t.names) >= most {
		t.names = make(map[string]string)
	}
	s := string(b)
	t.names[s] = s
	return s
}

// body is an empty request, which may be one that was used before.
func (t *Table) body(key int16) kmsg.Request {
	if n := len(t.used); key == Fetch && n > 0 {
		body := t.used[n-1]
		t.used = t.used[:n-1]
		return body
	}
	return kmsg.RequestForKey(key)
}

// Reuse takes back a request that has been answered and is not needed any more:
// another will have its memory.
func (t *Table) Reuse(r *Request) {
	if body, ok := r.Body.(*kmsg.FetchRequest); ok {
		r.Body = nil
		t.used = append(t.used, body)
	}
}

// refuse keeps what it takes to answer a request whose version is not served.
func (r *Request) refuse(body kmsg.Request, in machine.Bytes) error {
	produce, ok := body.(*kmsg.ProduceRequest)
	if !ok {
		return nil
	}
	if err := produce.ReadFrom(in.Contiguous()); err != nil {
		return fmt.Errorf("%s version %d: %w", kmsg.NameForKey(r.Key), r.Version, err)
	}
	r.unserved = produce
	return nil
}

// Unserved is the answer to a request whose version is advertised for old
// clients' sake but not served: UNSUPPORTED_VERSION for each of its partitions.
// It is empty if nothing can be answered, as to a Produce request with acks=0:
// then the connection must be closed, which is Kafka's way of saying it.
func (r *Request) Unserved() machine.Bytes {
	if r.unserved == nil || r.unserved.Acks == 0 {
		return machine.Bytes{}
	}
	resp := kmsg.NewPtrProduceResponse()
	for _, t := range r.unserved.Topics {
		answer := kmsg.NewProduceResponseTopic()
		answer.Topic = t.Topic
		for _, p := range t.Partitions {
			refused := kmsg.NewProduceResponseTopicPartition()
			refused.Partition, refused.ErrorCode, refused.BaseOffset = p.Partition, UnsupportedVersion, -1
			answer.Partitions = append(answer.Partitions, refused)
		}
		resp.Topics = append(resp.Topics, answer)
	}
	return EncodeResponse(r, resp, nil)
}

// FetchReplica is who fetches: a broker's id and, from version 15 on, its broker
// epoch (KIP-903). The id is negative for a consumer, the epoch -1 where it is not
// said.
func FetchReplica(r *kmsg.FetchRequest) (id int32, epoch int64) {
	if r.Version >= 15 {
		return r.ReplicaState.ID, r.ReplicaState.Epoch
	}
	return r.ReplicaID, -1
}

// neverNull makes nil arrays of a response empty where the protocol has a null
// for them: Java clients break on it.
func neverNull(resp kmsg.Response) {
	switch r := resp.(type) {
	case *kmsg.FetchResponse:
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				if p := &r.Topics[i].Partitions[j]; p.AbortedTransactions == nil {
					p.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
				}
			}
		}
	case *kmsg.CreateTopicsResponse:
		for i := range r.Topics {
			if t := &r.Topics[i]; t.Configs == nil {
				t.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
			}
		}
	}
}
