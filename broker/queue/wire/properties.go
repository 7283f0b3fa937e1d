package wire

import "slices"

// DeliveryMode says whether a message survives its broker (1.8 of class basic).
type DeliveryMode uint8

// The delivery modes; 0 is one that was not given, which counts as transient.
const (
	Transient  DeliveryMode = 1
	Persistent DeliveryMode = 2
)

// Properties are what a message has beside its body: the content header of class basic
// (4.2.6.1). A property that is zero is one that was not given, but for Priority: see
// HasPriority.
type Properties struct {
	ContentType     string
	ContentEncoding string
	Headers         Table // nil: not given
	DeliveryMode    DeliveryMode
	Priority        uint8
	HasPriority     bool
	CorrelationID   string
	ReplyTo         string
	Expiration      string // a time to live in milliseconds, as text
	MessageID       string
	Timestamp       Timestamp
	Type            string
	UserID          string
	AppID           string
	ClusterID       string
}

// classBasic is the only class whose methods carry content.
const classBasic = 60

// fields codes the properties behind their flags, the first of which is the highest
// bit. A set lowest bit would say that more flags follow; class basic has no use for
// that.
func (p *Properties) fields(c *coder) {
	timestamp := uint64(p.Timestamp)
	list := [...]struct {
		given bool
		code  func()
	}{
		{p.ContentType != "", func() { c.shortstr(&p.ContentType) }},
		{p.ContentEncoding != "", func() { c.shortstr(&p.ContentEncoding) }},
		{p.Headers != nil, func() { c.headers(&p.Headers) }},
		{p.DeliveryMode != 0, func() { c.octet((*uint8)(&p.DeliveryMode)) }},
		{p.HasPriority, func() { c.octet(&p.Priority); p.HasPriority = true }},
		{p.CorrelationID != "", func() { c.shortstr(&p.CorrelationID) }},
		{p.ReplyTo != "", func() { c.shortstr(&p.ReplyTo) }},
		{p.Expiration != "", func() { c.shortstr(&p.Expiration) }},
		{p.MessageID != "", func() { c.shortstr(&p.MessageID) }},
		{p.Timestamp != 0, func() { c.longlong(&timestamp) }},
		{p.Type != "", func() { c.shortstr(&p.Type) }},
		{p.UserID != "", func() { c.shortstr(&p.UserID) }},
		{p.AppID != "", func() { c.shortstr(&p.AppID) }},
		{p.ClusterID != "", func() { c.shortstr(&p.ClusterID) }},
	}
	var flags uint16
	if !c.reading {
		for i := range list {
			if list[i].given {
				flags |= 1 << (15 - i)
			}
		}
	}
	c.short(&flags)
	for i := range list {
		if c.err == nil && flags&(1<<(15-i)) != 0 {
			list[i].code()
		}
	}
	if c.reading && flags&3 != 0 {
		c.fail(ErrValue)
	}
	p.Timestamp = Timestamp(timestamp)
}

// headers keeps an empty table apart from none.
func (c *coder) headers(t *Table) {
	c.table(t)
	if c.reading && *t == nil {
		*t = Table{}
	}
}

// AppendTo appends the properties as a content header has them.
func (p *Properties) AppendTo(dst []byte) ([]byte, error) {
	c := coder{buf: dst}
	p.fields(&c)
	return c.buf, c.err
}

// ReadProperties reads what [Properties.AppendTo] has written and returns what is left.
func ReadProperties(b []byte) (p Properties, rest []byte, err error) {
	c := coder{buf: b, reading: true}
	p.fields(&c)
	return p, c.buf, c.err
}

// AppendTo appends the table as a method has it.
func (t Table) AppendTo(dst []byte) ([]byte, error) {
	c := coder{buf: dst}
	c.table(&t)
	return c.buf, c.err
}

// ReadTable reads what [Table.AppendTo] has written and returns what is left.
func ReadTable(b []byte) (t Table, rest []byte, err error) {
	c := coder{buf: b, reading: true}
	c.table(&t)
	return t, c.buf, c.err
}

// Clone returns properties whose headers may be changed.
func (p Properties) Clone() Properties {
	p.Headers = slices.Clone(p.Headers)
	return p
}
