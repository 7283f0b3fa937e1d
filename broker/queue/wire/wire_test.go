package wire

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"brokersim/broker/machine"
)

// drawValue draws a field value of any type.
func drawValue(t *rapid.T, depth int) any {
	most := 16
	if depth > 2 {
		most = 14
	}
	switch rapid.IntRange(0, most).Draw(t, "type") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.Int8().Draw(t, "int8")
	case 3:
		return rapid.Uint8().Draw(t, "uint8")
	case 4:
		return rapid.Int16().Draw(t, "int16")
	case 5:
		return rapid.Uint16().Draw(t, "uint16")
	case 6:
		return rapid.Int32().Draw(t, "int32")
	case 7:
		return rapid.Uint32().Draw(t, "uint32")
	case 8:
		return rapid.Int64().Draw(t, "int64")
	case 9:
		return Float(rapid.Uint32().Draw(t, "float"))
	case 10:
		return Double(rapid.Uint64().Draw(t, "double"))
	case 11:
		return Decimal{rapid.Uint8().Draw(t, "scale"), rapid.Uint32().Draw(t, "value")}
	case 12:
		return Timestamp(rapid.Uint64().Draw(t, "time"))
	case 13:
		return rapid.String().Draw(t, "string")
	case 14:
		return rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")
	case 15:
		a := Array{}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			a = append(a, drawValue(t, depth+1))
		}
		return a
	}
	return drawTable(t, depth+1)
}

func drawTable(t *rapid.T, depth int) Table {
	var table Table
	for range rapid.IntRange(0, 4).Draw(t, "fields") {
		table = append(table, Field{shortText(t), drawValue(t, depth)})
	}
	return table
}

func shortText(t *rapid.T) string { return rapid.StringN(0, 60, 255).Draw(t, "short") }

// fill sets every field of a method or of properties to something.
func fill(t *rapid.T, v reflect.Value) {
	for i := range v.NumField() {
		f := v.Field(i)
		switch f.Kind() {
		case reflect.Struct:
			fill(t, f)
		case reflect.String:
			f.SetString(shortText(t))
		case reflect.Bool:
			f.SetBool(rapid.Bool().Draw(t, "bit"))
		case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			f.SetUint(rapid.Uint64().Draw(t, "number") >> (64 - f.Type().Bits()))
		case reflect.Slice:
			f.Set(reflect.ValueOf(drawTable(t, 0)))
		default:
			t.Fatalf("field of kind %v", f.Kind())
		}
	}
}

func TestEveryMethodRoundTrips(t *testing.T) {
	for _, e := range methods {
		t.Run(e.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				m := e.make()
				fill(t, reflect.ValueOf(m).Elem())
				channel := rapid.Uint16().Draw(t, "channel")
				var p Properties
				var frames machine.Bytes
				var err error
				body := rapid.SliceOfN(rapid.Byte(), 0, 9000).Draw(t, "body")
				if e.content {
					fill(t, reflect.ValueOf(&p).Elem())
					if !p.HasPriority {
						p.Priority = 0
					}
					frames, err = EncodeContent(channel, m, &p, machine.Literal(body), MinFrameMax)
				} else {
					frames, err = Encode(channel, m)
					body = nil
				}
				if err != nil {
					t.Fatal(err)
				}
				got := assemble(t, frames)
				if got.ID != e.id || got.Channel != channel || !reflect.DeepEqual(got.Method, m) {
					t.Fatalf("%v %+v on %d, want %v %+v on %d", got.ID, got.Method, got.Channel, e.id, m, channel)
				}
				if len(got.Properties.Headers) == 0 {
					got.Properties.Headers, p.Headers = nil, nil
				}
				if !reflect.DeepEqual(got.Properties, p) || !bytes.Equal(got.Body.Contiguous(), body) {
					t.Fatalf("content %+v %x, want %+v %x", got.Properties, got.Body.Contiguous(), p, body)
				}
			})
		})
	}
}

// assemble takes frames off, as they are and as a listener would split them.
func assemble(t interface{ Fatal(...any) }, frames machine.Bytes) *Command {
	var a Assembler
	flat := frames.Contiguous()
	for {
		n, err := Split(flat)
		if err != nil || n == 0 {
			t.Fatal("cannot split ", n, err)
		}
		f, rest, err := Next(frames)
		if err != nil || int(frames.Len()-rest.Len()) != n || f.Payload.Len() != int64(n-frameOverhead) {
			t.Fatal("Next and Split differ: ", n, frames.Len()-rest.Len(), err)
		}
		if n > MinFrameMax {
			t.Fatal("a frame above frame_max: ", n)
		}
		cmd, done, bad := a.Add(f)
		if bad != nil {
			t.Fatal(bad)
		}
		flat, frames = flat[n:], rest
		if done != (len(flat) == 0) {
			t.Fatal("whole with bytes left: ", done, len(flat))
		}
		if done {
			return cmd
		}
	}
}

// The bytes that amqp091-go, RabbitMQ and the specification agree on.
func TestBytesOfTheProtocol(t *testing.T) {
	frames, err := Encode(1, &QueueDeclare{Queue: "q", Durable: true, Arguments: Table{{"x-max-length", int32(5)}}})
	want := "\x01\x00\x01\x00\x00\x00\x1f" + "\x00\x32\x00\x0a" + "\x00\x00" + "\x01q" + "\x02" +
		"\x00\x00\x00\x12" + "\x0cx-max-length" + "I\x00\x00\x00\x05" + "\xce"
	if err != nil || string(frames.Contiguous()) != want {
		t.Errorf("queue.declare is %q, want %q (%v)", frames.Contiguous(), want, err)
	}
	frames, err = EncodeContent(2, &BasicPublish{Exchange: "", RoutingKey: "q", Mandatory: true},
		&Properties{DeliveryMode: Persistent, Expiration: "60"}, machine.Literal([]byte("hi")), 4096)
	want = "\x01\x00\x02\x00\x00\x00\x0a\x00\x3c\x00\x28\x00\x00\x00\x01q\x01\xce" +
		"\x02\x00\x02\x00\x00\x00\x12\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x11\x00\x02\x0260\xce" +
		"\x03\x00\x02\x00\x00\x00\x02hi\xce"
	if err != nil || string(frames.Contiguous()) != want {
		t.Errorf("basic.publish is %q, want %q (%v)", frames.Contiguous(), want, err)
	}
}

func TestHostileFrames(t *testing.T) {
	deep := Table{}
	for range maxDepth + 2 {
		deep = Table{{"t", deep}}
	}
	if _, err := Encode(0, &ConnectionStart{ServerProperties: deep}); !errors.Is(err, ErrDepth) {
		t.Errorf("a table that is too deep encodes: %v", err)
	}
	if _, err := Encode(0, &BasicCancel{ConsumerTag: strings.Repeat("x", 256)}); !errors.Is(err, ErrLong) {
		t.Errorf("a short string of 256 bytes encodes: %v", err)
	}
	if _, err := Encode(0, &QueueBind{Arguments: Table{{"n", 5}}}); !errors.Is(err, ErrValue) {
		t.Errorf("an int encodes: %v", err)
	}
	for name, row := range map[string]struct {
		bytes string
		want  error
	}{
		"no type":          {"\x05\x00\x00\x00\x00\x00\x00\xce", ErrFrameType},
		"huge":             {"\x01\x00\x00\xff\xff\xff\xff", ErrFrameSize},
		"above the bound":  {"\x01\x00\x00\x00\x02\x00\x00", ErrFrameSize},
		"cut in its head":  {"\x01\x00\x00\x00", ErrTruncated},
		"cut":              {"\x01\x00\x00\x00\x00\x00\x04\x00", ErrTruncated},
		"without its end":  {"\x08\x00\x00\x00\x00\x00\x00\xcd", ErrFrameEnd},
		"a cut protocol":   {"AMQP", ErrTruncated},
		"nothing":          {"", ErrTruncated},
		"largest size + 1": {"\x03\x00\x01\x00\x01\xff\xf9", ErrFrameSize},
	} {
		if _, _, err := Next(machine.Literal([]byte(row.bytes))); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
	for name, row := range map[string]struct {
		payload string
		code    ReplyCode
	}{
		"empty":                  {"", FrameError},
		"no method":              {"\x00\x32\x00\x63", NotImplemented},
		"tx.select":              {"\x00\x5a\x00\x0a", NotImplemented},
		"short":                  {"\x00\x3c\x00\x50\x00", FrameError},
		"trailing":               {"\x00\x14\x00\x14\x01\x01", FrameError},
		"string above the frame": {"\x00\x3c\x00\x1e\xffx", FrameError},
		"table above the frame":  {"\x00\x32\x00\x0a\x00\x00\x01q\x00\xff\xff\xff\xff", FrameError},
		"field above its table":  {"\x00\x32\x00\x0a\x00\x00\x01q\x00\x00\x00\x00\x04\x01aS\x00\x00\x00\x01x", FrameError},
		"no such value":          {"\x00\x32\x00\x0a\x00\x00\x01q\x00\x00\x00\x00\x03\x01aZ", FrameError},
	} {
		_, _, err := decodeMethod([]byte(row.payload))
		if err == nil || err.Code != row.code {
			t.Errorf("%s: %v, want %v", name, err, row.code)
		}
	}
}

// A header may promise any length: it costs nothing, and more than it is refused.
func TestHostileBody(t *testing.T) {
	frames, _ := EncodeContent(1, &BasicPublish{}, &Properties{}, machine.Bytes{}, 4096)
	method, rest, _ := Next(frames)
	header, _, _ := Next(rest)
	flat := bytes.Clone(header.Payload.Contiguous())
	for i := 4; i < 12; i++ {
		flat[i] = 0xff
	}
	var a Assembler
	if _, done, err := a.Add(method); done || err != nil {
		t.Fatal(done, err)
	}
	if _, done, err := a.Add(Frame{Type: FrameHeader, Channel: 1, Payload: machine.Literal(flat)}); done || err != nil {
		t.Fatal(done, err)
	}
	if a.Announced() != 1<<64-1 {
		t.Errorf("%d announced", a.Announced())
	}
	if _, _, err := a.Add(method); err == nil || err.Code != UnexpectedFrame {
		t.Errorf("a method in the middle of a body: %v", err)
	}
	flat[4], flat[5], flat[6], flat[7], flat[8], flat[9], flat[10], flat[11] = 0, 0, 0, 0, 0, 0, 0, 3
	a = Assembler{}
	a.Add(method)
	a.Add(Frame{Type: FrameHeader, Channel: 1, Payload: machine.Literal(flat)})
	if _, _, err := a.Add(Frame{Type: FrameBody, Payload: machine.Literal([]byte("four"))}); err == nil || err.Code != FrameError {
		t.Errorf("a body that is too long: %v", err)
	}
}

func FuzzFrames(f *testing.F) {
	seed := func(b machine.Bytes, err error) {
		if err == nil {
			f.Add(b.Contiguous())
		}
	}
	f.Add([]byte(ProtocolHeader))
	f.Add(Heartbeat().Contiguous())
	seed(Encode(1, &QueueDeclare{Queue: "q", Arguments: Table{{"a", Table{{"b", Array{int8(1), "x", nil}}}}}}))
	seed(EncodeContent(1, &BasicPublish{RoutingKey: "k"}, &Properties{ContentType: "text/plain", Headers: Table{{"h", true}}, HasPriority: true, Timestamp: 9},
		machine.Literal([]byte("body")), 4096))
	seed(Encode(0, &ConnectionClose{Closing{NotFound, "no", MethodID{50, 10}}}))
	f.Fuzz(func(t *testing.T, flat []byte) {
		var a Assembler
		for b := machine.Literal(flat); b.Len() > 0; {
			frame, rest, err := Next(b)
			if n, splitErr := Split(b.Contiguous()); err == nil && (splitErr != nil || int64(n) != b.Len()-rest.Len()) {
				t.Fatalf("Split says %d, %v; Next took %d", n, splitErr, b.Len()-rest.Len())
			}
			if err != nil {
				return
			}
			b = rest
			if frame.Type == FrameProtocol || frame.Type == FrameHeartbeat {
				continue
			}
			cmd, done, bad := a.Add(frame)
			if bad != nil {
				return
			}
			if done {
				again(t, cmd)
			}
		}
	})
}

// again encodes what was decoded and expects to decode the same.
func again(t *testing.T, cmd *Command) {
	b, err := Encode(cmd.Channel, cmd.Method)
	if lookup(cmd.ID).content {
		b, err = EncodeContent(cmd.Channel, cmd.Method, &cmd.Properties, cmd.Body, MaxFrame)
	}
	if err != nil {
		t.Fatalf("what was decoded does not encode: %v: %+v", err, cmd)
	}
	got := assembleAny(t, b)
	if !reflect.DeepEqual(got.Method, cmd.Method) || !reflect.DeepEqual(got.Properties, cmd.Properties) || got.Body.Digest() != cmd.Body.Digest() {
		t.Fatalf("%+v became %+v", cmd, got)
	}
}

func assembleAny(t *testing.T, b machine.Bytes) *Command {
	var a Assembler
	for b.Len() > 0 {
		f, rest, err := Next(b)
		if err != nil {
			t.Fatal(err)
		}
		cmd, done, bad := a.Add(f)
		if bad != nil {
			t.Fatal(bad)
		}
		if done {
			return cmd
		}
		b = rest
	}
	t.Fatal("not whole")
	return nil
}
