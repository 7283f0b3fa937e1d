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
	in, err := open(frame)
	if err != nil {
		return r, err
	}
	var head [8]byte
	if in.Len() < int64(len(head)) {
		return r, ErrTruncated
	}
	in.Slice(0, 8).AppendTo(head[:0])
	r.Key = int16(binary.BigEndian.Uint16(head[0:]))
	r.Version = int16(binary.BigEndian.Uint16(head[2:]))
	r.Correlation = int32(binary.BigEndian.Uint32(head[4:]))
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
		return r, nil
	}
	body := kmsg.RequestForKey(r.Key)
	body.SetVersion(r.Version)
	w := over(in.Slice(8, in.Len()), false)
	name := w.size(2)
	client := w.pass(max(name, 0))
	if w.err != nil {
		return r, w.err
	}
	r.ClientID = string(client)
	if w.flexible = body.IsFlexible(); w.flexible {
		w.tags() // request header version 2
	}
	if w.err != nil {
		return r, w.err
	}
	if !table.Supports(r.Key, r.Version) {
		return r, nil
	}
	in = in.Slice(8+w.at, in.Len())
	var flat []byte
	if l := carries(r.Key, r.Version, false, body.IsFlexible()); l != nil {
		flat, r.Records, err = l.cut(in)
	} else {
		flat = in.Contiguous()
	}
	if err == nil {
		err = body.ReadFrom(flat)
	}
	if err != nil {
		return r, fmt.Errorf("%s version %d: %w", kmsg.NameForKey(r.Key), r.Version, err)
	}
	r.Body = body
	r.Ident.Key = RequestKey(body, r.Records)
	return r, nil
}

// EncodeResponse makes the frame that answers r. It sets the version of resp
// and its correlation id. The records are those of a Fetch response, one per
// partition in the order of the message.
func EncodeResponse(r *Request, resp kmsg.Response, records []Records) machine.Bytes {
	resp.SetVersion(r.Version)
	head := make([]byte, 4, 512)
	head = binary.BigEndian.AppendUint32(head, uint32(r.Correlation))
	if resp.IsFlexible() && r.Key != ApiVersions {
		head = append(head, 0) // response header version 1: no tagged fields
	}
	return message(head, carries(r.Key, r.Version, true, resp.IsFlexible()), resp.AppendTo, records)
}

// Unserved is the answer to a request whose version is advertised for old
// clients' sake but not served.
func (r *Request) Unserved() machine.Bytes {
	head := make([]byte, 4, 16)
	head = binary.BigEndian.AppendUint32(head, uint32(r.Correlation))
	// Produce versions 0 to 2 begin with an array of topics; an empty one and
	// no more is all that can be said without knowing the request.
	head = binary.BigEndian.AppendUint32(head, 0)
	if r.Version >= 1 {
		head = binary.BigEndian.AppendUint32(head, 0) // throttle time
	}
	binary.BigEndian.PutUint32(head, uint32(len(head)-4))
	return machine.Literal(head)
}
