package queue

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
	"brokersim/broker/storage/storagetest"
)

// clientMethods are what a client may say on a channel, sensibly or not.
var clientMethods = []string{
	"channel.open", "channel.close", "channel.flow", "exchange.declare", "exchange.delete", "exchange.bind", "exchange.unbind",
	"queue.declare", "queue.bind", "queue.unbind", "queue.purge", "queue.delete", "basic.qos", "basic.consume", "basic.consume", "basic.cancel", "basic.publish", "basic.publish",
	"basic.publish", "basic.publish", "basic.publish", "basic.get", "basic.get", "basic.nack", "basic.ack", "basic.nack", "basic.reject", "basic.recover", "confirm.select", "basic.deliver", "connection.close", "queue.declare-ok",
}

// Most of them exist, so that most of what is said makes sense.
var hostileNames = []string{"", "", "a", "a", "a", "a", "b", "b", "b", "c", "amq.topic", "amq.fanout", "amq.fanout", "#", "a.*", "fanout"}

var hostileArguments = []wire.Field{
	{Key: "x-message-ttl", Value: int32(0)}, {Key: "x-message-ttl", Value: int32(50)}, {Key: "x-expires", Value: int32(40)}, {Key: "x-max-length", Value: int32(1)},
	{Key: "x-max-length-bytes", Value: int64(3)}, {Key: "x-overflow", Value: "reject-publish"}, {Key: "x-overflow", Value: "reject-publish-dlx"},
	{Key: "x-dead-letter-exchange", Value: ""}, {Key: "x-dead-letter-exchange", Value: "amq.fanout"}, {Key: "x-dead-letter-routing-key", Value: "a"},
	{Key: "x-queue-type", Value: "quorum"}, {Key: "x-delivery-limit", Value: int32(1)}, {Key: "x-single-active-consumer", Value: true},
	{Key: "x-priority", Value: int32(3)}, {Key: "x-priority", Value: "high"}, {Key: "x-max-length", Value: wire.Table{}}, {Key: "x-expires", Value: nil},
}

// anyMethod draws a method with names and numbers that others may have used too.
func anyMethod(t *rapid.T) wire.Method {
	m := wire.NewMethod(rapid.SampledFrom(clientMethods).Draw(t, "method"))
	v := reflect.ValueOf(m).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(rapid.SampledFrom(hostileNames).Draw(t, v.Type().Field(i).Name))
		case reflect.Bool:
			f.SetBool(rapid.IntRange(0, 4).Draw(t, v.Type().Field(i).Name) == 4)
		case reflect.Uint16, reflect.Uint32, reflect.Uint64:
			f.SetUint(uint64(rapid.IntRange(0, 4).Draw(t, v.Type().Field(i).Name)))
		case reflect.Slice:
			var args wire.Table
			for range rapid.IntRange(0, 3).Draw(t, "arguments") {
				args = append(args, rapid.SampledFrom(hostileArguments).Draw(t, "argument"))
			}
			f.Set(reflect.ValueOf(args))
		}
	}
	return m
}

// Whatever clients say, in whatever order, the broker answers or hangs up, and what it
// counts is what is there.
func TestAnythingMayBeSaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newStepped(Config{Name: "b1", Seed: 1, Settings: Settings{MemoryHighWatermark: 20, Credit: 4, CreditMore: 2, SegmentBytes: 300}})
		open := func(name string) {
			k := newTalk(d)
			k.connect(name)
			k.do(name + "1 basic.qos\n" + name + "2 basic.qos")
			k.do(name + "1 queue.declare queue=a durable\n" + name + "1 queue.bind queue=a exchange=amq.fanout")
			k.do(name + "2 queue.declare queue=b x-dead-letter-exchange=amq.fanout\n" + name + "2 queue.bind queue=b exchange=amq.fanout")
		}
		names := []string{"p", "q"}
		for _, name := range names {
			open(name)
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			name := rapid.SampledFrom(names).Draw(t, "connection")
			if d.closed(name) || d.broker.conns[d.ids[name]] == nil {
				open(name)
			}
			channel := uint16(rapid.IntRange(1, 2).Draw(t, "channel"))
			switch rapid.IntRange(0, 12).Draw(t, "what") {
			case 0:
				d.kill(name)
			case 1:
				d.hear()
				d.sleep(30e6)
			case 2:
				d.hold = !d.hold
			case 3:
				d.hold = false
				d.restart([]string{"", "after power loss"}[rapid.IntRange(0, 1).Draw(t, "how")])
			default:
				m := anyMethod(t)
				if wire.IDOf(m) == (wire.MethodID{Class: 60, Method: 40}) || wire.IDOf(m) == (wire.MethodID{Class: 60, Method: 60}) {
					props := wire.Properties{DeliveryMode: wire.DeliveryMode(rapid.IntRange(0, 2).Draw(t, "mode")),
						Expiration: rapid.SampledFrom([]string{"", "", "0", "20", "x"}).Draw(t, "expiration")}
					d.send(name, first(wire.EncodeContent(channel, m, &props, machine.Literal([]byte("body")), 4096)))
				} else {
					d.send(name, first(wire.Encode(channel, m)))
				}
				if rapid.Bool().Draw(t, "hear") {
					agree(d)
				}
			}
		}
		d.hold = false
		d.hear()
		if d.broker.Err() != nil {
			t.Fatal(d.broker.Err())
		}
	})
}

// agree answers what closes, and opens channels again.
func agree(d *stepped) {
	for name, frames := range d.hear() {
		for _, f := range frames {
			flat := f.Payload.Contiguous()
			switch {
			case f.Type != wire.FrameMethod:
			case string(flat[:4]) == "\x00\x0a\x00\x32": // connection.close
				d.send(name, first(wire.Encode(0, &wire.ConnectionCloseOk{})))
			case string(flat[:4]) == "\x00\x14\x00\x28", string(flat[:4]) == "\x00\x14\x00\x29": // channel.close and close-ok
				if flat[3] == 0x28 {
					d.send(name, first(wire.Encode(f.Channel, &wire.ChannelCloseOk{})))
				}
				d.send(name, first(wire.Encode(f.Channel, &wire.ChannelOpen{})))
			}
		}
	}
}

// No bytes make the broker panic.
func FuzzBroker(f *testing.F) {
	f.Add([]byte("AMQP\x00\x00\x09\x01"))
	f.Add(first(wire.Encode(1, &wire.QueueDeclare{Queue: "q", Durable: true})).Contiguous())
	f.Add(first(wire.EncodeContent(1, &wire.BasicPublish{RoutingKey: "q"}, &wire.Properties{}, machine.Literal([]byte("x")), 4096)).Contiguous())
	f.Add(wire.Heartbeat().Contiguous())
	f.Fuzz(func(t *testing.T, b []byte) {
		d := newStepped(Config{Name: "b1", Seed: 1})
		d.open("raw")
		d.send("raw", machine.Literal(b))
		k := newTalk(d)
		k.do("a1 queue.declare queue=q durable\na1 confirm.select")
		d.send("a", machine.Literal(b))
		d.hear()
	})
}

// Nothing that may stand in the journal's files makes recovery panic: it cuts, or says
// why it cannot read them.
func FuzzRecovery(f *testing.F) {
	d := newStepped(Config{Name: "b1", Seed: 1})
	newTalk(d).do(`
		a1 exchange.declare exchange=e type=topic durable
		a1 queue.declare queue=q durable x-max-length=9
		a1 queue.bind queue=q exchange=e key=#
		a1 basic.publish exchange=e key=k body=1 persistent expiration=900
		a1 basic.publish exchange=e key=k body=2 persistent
		a1 basic.get queue=q
		a1 basic.ack tag=1`)
	whole := d.disk.Get(d.disk.List()[0])
	f.Add(whole, 0, byte(0))
	f.Add(whole, len(whole)/2, byte(1))
	f.Fuzz(func(t *testing.T, file []byte, at int, flip byte) {
		for _, b := range [][]byte{file, flipped(whole, at, flip)} {
			d := &stepped{cfg: Config{Name: "b1", Seed: 1}, disk: storagetest.New(), ids: make(map[string]machine.ConnID), names: make(map[machine.ConnID]string),
				inbox: make(map[string][]wire.Frame), ended: make(map[string]bool)}
			d.disk.Put((&segment{number: 1}).name(), b)
			d.boot()
			if d.broker.Err() == nil {
				d.hear()
			}
		}
	})
}

func flipped(b []byte, at int, flip byte) []byte {
	b = append([]byte(nil), b...)
	if at >= 0 && at < len(b) {
		b[at] ^= flip
		b = b[:len(b)-at%7]
	}
	return b
}
