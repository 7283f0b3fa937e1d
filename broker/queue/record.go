package queue

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
)

// recordKind says what a record of the journal tells.
type recordKind uint8

const (
	recordPicture         recordKind = iota + 1 // a file begins; what is declared follows: id
	recordExchange                              // declared: name, text (its kind), flags, args
	recordExchangeDeleted                       // name
	recordQueue                                 // declared: id, seq (the next), name, flags, args
	recordQueueDeleted                          // id
	recordBound                                 // name (of the exchange), flags, text (to what), key, args
	recordUnbound                               // the same
	recordMessage                               // places, name (of the exchange), keys, props, body
	recordSettled                               // id, seqs
	recordDelivered                             // messages below seq may have been: id, seq
	recordReturned                              // given back to a quorum queue: id, seq, count
)

// record is one entry of the journal. Which fields it has follows from its kind.
//
// On the disk it is its length and a CRC32C of the rest, four bytes each, the kind, and
// the fields: numbers as varints, strings and tables behind their lengths. A body ends
// its record.
type record struct {
	kind            recordKind
	id, seq, count  uint64
	flags           uint64
	name, text, key string
	args            wire.Table
	seqs            []uint64
	places          []place
	keys            []string
	props           *wire.Properties
	body            machine.Bytes
}

// place is where a message stands in one queue.
type place struct {
	queue, seq uint64
	expires    instant // on the wall clock
	deliveries int64
}

// What a record's flags mean.
const (
	flagAutoDelete = 1 << iota
	flagInternal
	flagToExchange
)

const recordHead = 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errRecord = errors.New("a record of the journal cannot be read")

// scribe walks over a record's fields, for both directions.
type scribe struct {
	buf     []byte
	reading bool
	bad     bool
}

func (s *scribe) number(v *uint64) {
	if !s.reading {
		s.buf = binary.AppendUvarint(s.buf, *v)
		return
	}
	n, size := binary.Uvarint(s.buf)
	if size <= 0 {
		s.bad, s.buf = true, nil
		return
	}
	*v, s.buf = n, s.buf[size:]
}

func (s *scribe) string(v *string) {
	n := uint64(len(*v))
	s.number(&n)
	if !s.reading {
		s.buf = append(s.buf, *v...)
		return
	}
	if n > uint64(len(s.buf)) {
		s.bad, s.buf = true, nil
		return
	}
	*v, s.buf = string(s.buf[:n]), s.buf[n:]
}

// list walks over as many items as there are; each takes a byte at least.
func list[T any](s *scribe, items *[]T, item func(*T)) {
	n := uint64(len(*items))
	s.number(&n)
	if s.reading {
		if n > uint64(len(s.buf)) {
			s.bad, s.buf = true, nil
			return
		}
		*items = make([]T, n)
	}
	for i := range *items {
		item(&(*items)[i])
	}
}

func (s *scribe) table(t *wire.Table) {
	var err error
	if s.reading {
		*t, s.buf, err = wire.ReadTable(s.buf)
	} else {
		s.buf, err = t.AppendTo(s.buf)
	}
	s.bad = s.bad || err != nil
}

func (s *scribe) properties(p **wire.Properties) {
	var err error
	if s.reading {
		*p = new(wire.Properties)
		**p, s.buf, err = wire.ReadProperties(s.buf)
	} else {
		s.buf, err = (*p).AppendTo(s.buf)
	}
	s.bad = s.bad || err != nil
}

func (s *scribe) place(p *place) {
	s.number(&p.queue)
	s.number(&p.seq)
	expires, deliveries := uint64(0), uint64(p.deliveries)
	if p.expires != machine.Never {
		expires = uint64(p.expires) + 1
	}
	s.number(&expires)
	s.number(&deliveries)
	p.expires, p.deliveries = machine.Never, int64(deliveries)
	if expires > 0 {
		p.expires = instant(expires - 1)
	}
}

func (r *record) fields(s *scribe) {
	switch r.kind {
	case recordPicture, recordQueueDeleted:
		s.number(&r.id)
	case recordExchange:
		s.string(&r.name)
		s.string(&r.text)
		s.number(&r.flags)
		s.table(&r.args)
	case recordExchangeDeleted:
		s.string(&r.name)
	case recordQueue:
		s.number(&r.id)
		s.number(&r.seq)
		s.string(&r.name)
		s.number(&r.flags)
		s.table(&r.args)
	case recordBound, recordUnbound:
		s.string(&r.name)
		s.number(&r.flags)
		s.string(&r.text)
		s.string(&r.key)
		s.table(&r.args)
	case recordMessage:
		list(s, &r.places, s.place)
		s.string(&r.name)
		list(s, &r.keys, s.string)
		s.properties(&r.props)
	case recordSettled:
		s.number(&r.id)
		list(s, &r.seqs, s.number)
	case recordDelivered:
		s.number(&r.id)
		s.number(&r.seq)
	case recordReturned:
		s.number(&r.id)
		s.number(&r.seq)
		s.number(&r.count)
	default:
		s.bad = true
	}
}

// encode returns the record as it stands in the journal.
func (r *record) encode() machine.Bytes {
	s := scribe{buf: append(make([]byte, recordHead, 128), byte(r.kind))}
	r.fields(&s)
	if s.bad {
		panic("queue: what was declared or published does not encode")
	}
	crc := crc32.Checksum(s.buf[recordHead:], castagnoli)
	for p := range r.body.Pieces {
		crc = crc32.Update(crc, castagnoli, p)
	}
	binary.BigEndian.PutUint32(s.buf, uint32(int64(len(s.buf)-recordHead)+r.body.Len()))
	binary.BigEndian.PutUint32(s.buf[4:], crc)
	return machine.Concat(machine.Literal(s.buf), r.body)
}

// nextRecord reads the record at the start of b. ok is false where no whole record
// stands; the error is a whole one that makes no sense: another version's.
func nextRecord(b machine.Bytes) (r record, size int64, ok bool, err error) {
	if b.Len() < recordHead+1 {
		return r, 0, false, nil
	}
	head := b.Slice(0, recordHead).Contiguous()
	n := int64(binary.BigEndian.Uint32(head))
	if n < 1 || n > b.Len()-recordHead {
		return r, 0, false, nil
	}
	rest := b.Slice(recordHead, recordHead+n)
	if rest.CRC32C() != binary.BigEndian.Uint32(head[4:]) {
		return r, 0, false, nil
	}
	flat := rest.Contiguous()
	r.kind = recordKind(flat[0])
	s := scribe{buf: flat[1:], reading: true}
	r.fields(&s)
	switch {
	case s.bad, r.kind != recordMessage && len(s.buf) > 0:
		return r, 0, false, errRecord
	case r.kind == recordMessage:
		r.body = rest.Slice(n-int64(len(s.buf)), n)
	}
	return r, recordHead + n, true, nil
}

func bitIf(bit uint64, on bool) uint64 {
	if on {
		return bit
	}
	return 0
}

func (j *journal) exchangeDeclared(x *exchange) {
	j.append(&record{kind: recordExchange, name: x.name, text: string(x.kind), args: x.args,
		flags: bitIf(flagAutoDelete, x.autoDelete) | bitIf(flagInternal, x.internal)})
}

func (j *journal) exchangeDeleted(name string) {
	j.append(&record{kind: recordExchangeDeleted, name: name})
}

func (j *journal) queueDeclared(q *queue) {
	j.append(&record{kind: recordQueue, id: q.id, seq: q.nextSeq, name: q.name, args: q.args, flags: bitIf(flagAutoDelete, q.autoDelete)})
}

func (j *journal) queueDeleted(q *queue) { j.append(&record{kind: recordQueueDeleted, id: q.id}) }

func (j *journal) bound(x *exchange, n *binding)   { j.binding(recordBound, x, n) }
func (j *journal) unbound(x *exchange, n *binding) { j.binding(recordUnbound, x, n) }

func (j *journal) binding(kind recordKind, x *exchange, n *binding) {
	j.append(&record{kind: kind, name: x.name, flags: bitIf(flagToExchange, n.toExchange), text: n.to, key: n.key, args: n.args})
}

// message writes a message with its places and returns the position behind it.
func (j *journal) message(m *message, places []place) int64 {
	s := j.last()
	end := j.append(&record{kind: recordMessage, places: places, name: m.exchange, keys: m.keys, props: &m.props, body: m.body})
	j.stands(m, s)
	return end
}

func (j *journal) settled(q *queue, seqs []uint64) {
	j.append(&record{kind: recordSettled, id: q.id, seqs: seqs})
}

func (j *journal) delivered(q *queue, below uint64) int64 {
	end := j.append(&record{kind: recordDelivered, id: q.id, seq: below})
	j.await(end)
	return end
}

func (j *journal) returned(q *queue, h *held) {
	j.append(&record{kind: recordReturned, id: q.id, seq: h.seq, count: uint64(h.deliveries)})
}
