package queue

import (
	"fmt"
	"slices"
	"time"

	"brokersim/broker/queue/wire"
)

// queueType is x-queue-type.
type queueType string

const (
	classic queueType = "classic"
	// quorum queues have one replica here: what is theirs is that they count
	// deliveries and put what is returned in front (rabbitmq.com/quorum-queues.html).
	quorum queueType = "quorum"
)

// overflow is x-overflow: what happens beyond the limit (rabbitmq.com/maxlength.html).
type overflow string

const (
	dropHead         overflow = "drop-head"
	rejectPublish    overflow = "reject-publish"
	rejectPublishDLX overflow = "reject-publish-dlx"
)

// limits are what a queue's arguments ask for. A count or time that was not given is
// negative, but for expires, which is then 0.
type limits struct {
	kind           queueType
	messageTTL     time.Duration
	expires        time.Duration
	maxLength      int64
	maxBytes       int64
	overflow       overflow
	deadExchange   string
	hasDead        bool
	deadKey        string
	hasDeadKey     bool
	deliveryLimit  int64
	singleConsumer bool
}

// maxTTL is the largest time that an argument may ask for, in milliseconds
// (?MAX_EXPIRY_TIMER of rabbit.hrl).
const maxTTL = 4294967295

// parseLimits reads a queue's arguments; the error is the reply text of a 406. Unknown
// arguments are kept and mean nothing, as in RabbitMQ.
func parseLimits(args wire.Table) (l limits, err *argumentError) {
	l = limits{kind: classic, messageTTL: -1, maxLength: -1, maxBytes: -1, overflow: dropHead, deliveryLimit: -1}
	for _, f := range args {
		var n int64
		var s string
		switch f.Key {
		case "x-message-ttl":
			if n, err = number(f, 0, maxTTL); err == nil {
				l.messageTTL = time.Duration(n) * time.Millisecond
			}
		case "x-expires":
			if n, err = number(f, 1, maxTTL); err == nil {
				l.expires = time.Duration(n) * time.Millisecond
			}
		case "x-max-length":
			l.maxLength, err = number(f, 0, 1<<62)
		case "x-max-length-bytes":
			l.maxBytes, err = number(f, 0, 1<<62)
		case "x-delivery-limit":
			l.deliveryLimit, err = number(f, 0, 1<<62)
		case "x-overflow":
			s, err = oneOf(f, "invalid_overflow", string(dropHead), string(rejectPublish), string(rejectPublishDLX))
			l.overflow = overflow(s)
		case "x-queue-type":
			s, err = oneOf(f, fmt.Sprintf("\"unsupported queue type '%v'\"", f.Value), string(classic), string(quorum))
			l.kind = queueType(s)
		case "x-dead-letter-exchange":
			l.deadExchange, err = text(f)
			l.hasDead = true
		case "x-dead-letter-routing-key":
			l.deadKey, err = text(f)
			l.hasDeadKey = true
		case "x-single-active-consumer":
			is, ok := f.Value.(bool)
			if !ok {
				err = invalid(f, fmt.Sprintf("{unacceptable_type,%s}", typeName(f.Value)))
			}
			l.singleConsumer = is
		case "x-max-priority":
			err = invalid(f, "message priorities are not supported")
		}
		if err != nil {
			return l, err
		}
	}
	switch {
	case l.hasDeadKey && !l.hasDead:
		return l, &argumentError{"x-dead-letter-routing-key", ": routing_key_but_no_dlx_defined"}
	case l.kind == classic && l.deliveryLimit >= 0:
		return l, &argumentError{"x-delivery-limit", " of queue type rabbit_classic_queue"}
	case l.kind == quorum && l.overflow == rejectPublishDLX:
		l.overflow = dropHead // rabbitmq.com/quorum-queues.html#feature-matrix
	}
	return l, nil
}

// argumentError is what is wrong with an argument; of which queue is not known here.
type argumentError struct{ key, why string }

func (e *argumentError) of(queue string) string {
	return "invalid arg '" + e.key + "' for " + queue + e.why
}

func invalid(f wire.Field, why string) *argumentError { return &argumentError{f.Key, ": " + why} }

func notInteger(v any) string { return "\"expected integer, got " + typeName(v) + "\"" }

func number(f wire.Field, least, most int64) (int64, *argumentError) {
	n, is := wire.Integer(f.Value)
	switch {
	case !is:
		return 0, invalid(f, notInteger(f.Value))
	case n < 0:
		return 0, invalid(f, fmt.Sprintf("{value_negative,%d}", n))
	case n < least:
		return 0, invalid(f, fmt.Sprintf("{value_zero,%d}", n))
	case n > most:
		return 0, invalid(f, fmt.Sprintf("{value_too_big,%d}", n))
	}
	return n, nil
}

func text(f wire.Field) (string, *argumentError) {
	s, is := f.Value.(string)
	if !is {
		return "", invalid(f, "{unacceptable_type,"+typeName(f.Value)+"}")
	}
	return s, nil
}

func oneOf(f wire.Field, otherwise string, allowed ...string) (string, *argumentError) {
	s, err := text(f)
	if err == nil && !slices.Contains(allowed, s) {
		err = invalid(f, otherwise)
	}
	return s, err
}

// comparedArguments are those that a later declaration must repeat
// (rabbit_amqqueue:declare_args, rabbit_misc:assert_args_equivalence).
var comparedArguments = [...]string{
	"x-expires", "x-message-ttl", "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-max-length", "x-max-length-bytes", "x-max-priority",
	"x-overflow", "x-queue-type", "x-single-active-consumer", "x-delivery-limit",
}

// inequivalentArgument says which argument differs; empty if none does. Numbers are
// compared by value, whatever their width.
func inequivalentArgument(was, now wire.Table) (name, had, got string) {
	for _, name := range comparedArguments {
		a, hasA := was.Get(name)
		c, hasC := now.Get(name)
		x, isX := wire.Integer(a)
		y, isY := wire.Integer(c)
		switch {
		case hasA == hasC && (isX && isY && x == y || a == c):
		case hasA && hasC && typeName(a) == typeName(c):
			return name, fmt.Sprintf("'%v'", a), fmt.Sprintf("'%v'", c)
		default:
			return name, describe(a, hasA), describe(c, hasC)
		}
	}
	return "", "", ""
}

// describe shows a value as rabbit_misc:assert_args_equivalence1 does.
func describe(v any, has bool) string {
	if !has {
		return "none"
	}
	return fmt.Sprintf("the value '%v' of type '%s'", v, typeName(v))
}

// typeName is what RabbitMQ calls the type of a field value.
func typeName(v any) string {
	switch v.(type) {
	case bool:
		return "bool"
	case int8:
		return "byte"
	case uint8:
		return "unsignedbyte"
	case int16:
		return "short"
	case uint16:
		return "unsignedshort"
	case int32:
		return "signedint"
	case uint32:
		return "unsignedint"
	case int64:
		return "long"
	case string:
		return "longstr"
	case wire.Table:
		return "table"
	case wire.Array:
		return "array"
	}
	return "other"
}
