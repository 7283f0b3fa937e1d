package share

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
)

// fill has every field of a message be something else; lists have two elements, and those of
// partitions as many as told.
func fill(v reflect.Value, next *int64, partitions int) {
	*next++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			switch f := v.Field(i); v.Type().Field(i).Name {
			case "UnknownTags", "Version", "ThrottleMillis":
			case "Partitions":
				f.Set(reflect.MakeSlice(f.Type(), partitions, partitions))
				fill(f, next, partitions)
			case "Topics", "StateBatches":
				f.Set(reflect.MakeSlice(f.Type(), 2, 2))
				fill(f, next, partitions)
			default:
				fill(f, next, partitions)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), next, partitions)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), next, partitions)
	case reflect.Array:
		v.Index(0).SetUint(uint64(*next))
	case reflect.String:
		v.SetString(string(rune('a' + *next)))
	default:
		v.SetInt(*next)
	}
}

// What is taken apart and put together again is the same message, with every field that it has.
func TestMessages(t *testing.T) {
	for _, api := range wire.ShareState() {
		req, next := kmsg.RequestForKey(api.Key), int64(0)
		fill(reflect.ValueOf(req).Elem(), &next, 1) // a call has a topic to itself
		req.SetVersion(api.Max)
		again := Request(Flat(Calls(req)))
		again.SetVersion(api.Max)
		if a, b := req.AppendTo(nil), again.AppendTo(nil); !bytes.Equal(a, b) {
			t.Errorf("%+v\nbecomes %+v", req, again)
		}
		resp := req.ResponseKind()
		fill(reflect.ValueOf(resp).Elem(), &next, 3)
		same := Response(api.Key, Answers(resp))
		same.SetVersion(api.Max)
		if a, b := resp.AppendTo(nil), same.AppendTo(nil); !bytes.Equal(a, b) {
			t.Errorf("%+v\nbecomes %+v", resp, same)
		}
	}
}

// A refusal has the shape of its request, with topics of which nothing is asked and such as are named
// twice.
func TestRefusalsHaveTheShapeOfTheirRequests(t *testing.T) {
	req := kmsg.NewPtrDeleteShareGroupStateRequest()
	for _, partitions := range [][]int32{{0}, {}, {1, 1}} {
		x := kmsg.NewDeleteShareGroupStateRequestTopic()
		x.TopicID = theTopic
		for _, n := range partitions {
			x.Partitions = append(x.Partitions, kmsg.DeleteShareGroupStateRequestTopicPartition{Partition: n})
		}
		req.Topics = append(req.Topics, x)
	}
	text := "no"
	resp := Refuse(req, Answer{Code: 31, Message: &text}).(*kmsg.DeleteShareGroupStateResponse)
	if len(resp.Topics) != 3 || len(resp.Topics[0].Partitions) != 1 || len(resp.Topics[1].Partitions) != 0 || len(resp.Topics[2].Partitions) != 2 {
		t.Fatalf("%+v", resp)
	}
	if p := resp.Topics[2].Partitions[1]; resp.Topics[1].TopicID != theTopic || p.Partition != 1 || p.ErrorCode != 31 || *p.ErrorMessage != "no" {
		t.Errorf("%+v", resp)
	}
}
