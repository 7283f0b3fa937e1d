package wire

import (
	"fmt"
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/machine"
)

// fill draws every field of a message of kmsg, but for its version and for
// records, which are empty.
func fill(t *rapid.T, msg any) { fillValue(t, reflect.ValueOf(msg).Elem()) }

func fillValue(t *rapid.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		fillStruct(t, v)
	case reflect.Slice:
		n := rapid.IntRange(0, 3).Draw(t, "length")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fillValue(t, v.Index(i))
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "not null") {
			v.Set(reflect.New(v.Type().Elem()))
			fillValue(t, v.Elem())
		}
	case reflect.String:
		v.SetString(rapid.StringN(0, 6, 12).Draw(t, "string"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(rapid.Int64Range(-1<<(v.Type().Bits()-1), 1<<(v.Type().Bits()-1)-1).Draw(t, "int"))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		v.SetUint(rapid.Uint64Range(0, 1<<v.Type().Bits()-1).Draw(t, "uint"))
	default:
		panic(fmt.Sprintf("a field of kind %v", v.Kind()))
	}
}

func fillStruct(t *rapid.T, v reflect.Value) {
	for i := range v.NumField() {
		switch name := v.Type().Field(i).Name; name {
		case "Version":
		case "Records", "RecordBatches":
			v.Field(i).SetBytes([]byte{})
		case "UnknownTags":
			tags := v.Field(i).Addr().Interface().(*kmsg.Tags)
			for k := range rapid.IntRange(0, 2).Draw(t, "tags") {
				tags.Set(uint32(100+200*k), rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "tag"))
			}
		default:
			fillValue(t, v.Field(i))
		}
	}
}

// spots are where kmsg would have the records of a message, in order.
func spots(msg any) (out []*[]byte) {
	switch m := msg.(type) {
	case *kmsg.ProduceRequest:
		for i := range m.Topics {
			for j := range m.Topics[i].Partitions {
				out = append(out, &m.Topics[i].Partitions[j].Records)
			}
		}
	case *kmsg.FetchResponse:
		for i := range m.Topics {
			for j := range m.Topics[i].Partitions {
				out = append(out, &m.Topics[i].Partitions[j].RecordBatches)
			}
		}
	}
	return out
}

// drawRecords draws the records of a message: any bytes, in any pieces.
func drawRecords(t *rapid.T, msg any) (out []Records) {
	for range spots(msg) {
		var parts []machine.Bytes
		for range rapid.IntRange(0, 3).Draw(t, "pieces") {
			// Around 64 and 128 bytes a compact length changes its width.
			n := rapid.OneOf(rapid.IntRange(0, 4), rapid.IntRange(60, 70), rapid.IntRange(120, 130)).Draw(t, "bytes")
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(i * 7)
			}
			parts = append(parts, machine.Literal(b))
		}
		out = append(out, machine.Concat(parts...))
	}
	return out
}

// alone is the message as kmsg encodes it by itself: with the records inside,
// copied. The message is left as it was.
func alone(msg interface{ AppendTo([]byte) []byte }, records []Records) []byte {
	at := spots(msg)
	for i, spot := range at {
		*spot = records[i].AppendTo([]byte{})
	}
	out := msg.AppendTo(nil)
	for _, spot := range at {
		*spot = []byte{}
	}
	return out
}

// repiece cuts a frame anew, so that no reader can rely on where pieces end.
func repiece(t *rapid.T, b []byte) machine.Bytes {
	var parts []machine.Bytes
	sizes := rapid.SliceOfN(rapid.IntRange(1, 40), 0, 4).Draw(t, "pieces of the frame")
	for i := 0; len(b) > 0 && len(sizes) > 0; i++ {
		n := min(sizes[i%len(sizes)], len(b))
		parts = append(parts, machine.Literal(b[:n]))
		b = b[n:]
	}
	return machine.Concat(append(parts, machine.Literal(b))...)
}
