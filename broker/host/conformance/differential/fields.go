package differential

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fields are those of an answer, by path.
type fields struct {
	order  []string
	values map[string]string
}

func (f *fields) add(path, value string) {
	if _, ok := f.values[path]; !ok {
		f.order = append(f.order, path)
	}
	f.values[path] = value
}

// lacksElement reports whether a field that others have is one of an element, or of an
// answer, that is not here.
func (f *fields) lacksElement(path string, others *fields) bool {
	if f.values["Outcome"] != others.values["Outcome"] {
		return true
	}
	for i, c := range path {
		if c == ']' && i+1 < len(path) {
			if _, ok := f.values[path[:i+1]]; !ok && others.values[path[:i+1]] != "" {
				return true
			}
		}
	}
	return false
}

// only forgets all fields but one.
func (f *fields) only(path string) {
	f.order, f.values = []string{path}, map[string]string{path: f.values[path]}
}

// fields takes an answer apart, or says what came instead.
func (s *side) fields(resp kmsg.Response, err error) *fields {
	f := &fields{values: make(map[string]string)}
	if err != nil {
		f.add("Outcome", err.Error())
		return f
	}
	f.add("Outcome", "an answer")
	s.learn(resp)
	_, s.giving = resp.(*kmsg.InitProducerIDResponse)
	s.walk(f, "", "", reflect.ValueOf(resp).Elem())
	return f
}

// learn notes the ids of topics that an answer tells.
func (s *side) learn(resp kmsg.Response) {
	switch resp := resp.(type) {
	case *kmsg.MetadataResponse:
		for _, t := range resp.Topics {
			if t.Topic != nil && t.ErrorCode == 0 {
				s.know(*t.Topic, t.TopicID)
			}
		}
	case *kmsg.CreateTopicsResponse:
		for _, t := range resp.Topics {
			s.know(t.Topic, t.TopicID)
		}
	}
}

// walk notes a value and what is in it.
func (s *side) walk(f *fields, path, name string, v reflect.Value) {
	if x, ok := v.Interface().([16]byte); ok {
		f.add(path, s.idName(x))
		return
	}
	if _, ok := v.Interface().(kmsg.Tags); ok {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			f.add(path, "null")
			return
		}
		s.walk(f, path, name, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			n := v.Type().Field(i).Name
			if n == "Version" || n == "ThrottleMillis" {
				continue
			}
			sub := n
			if path != "" {
				sub = path + "." + n
			}
			s.walk(f, sub, n, v.Field(i))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			s.bytes(f, path, name, v.Bytes())
			return
		}
		if list, ok := v.Interface().([]kmsg.ShareFetchResponseTopicPartitionAcquiredRecord); ok {
			f.acquired(path, list)
			return
		}
		if v.IsNil() { // kmsg makes no list of none, unless it could be null and is not
			f.add(path+".len", "0 or null")
			return
		}
		if v.Len() == 0 || v.Type().Elem().Kind() != reflect.Struct {
			f.add(path+".len", strconv.Itoa(v.Len()))
		}
		s.elements(f, path, name, v)
	default:
		f.add(path, s.scalar(name, v))
	}
}

// acquired notes what records a member has, and in what parts it is told of them.
func (f *fields) acquired(path string, list []kmsg.ShareFetchResponseTopicPartitionAcquiredRecord) {
	var parts, whole []string
	first := int64(0)
	for i, r := range list {
		if i == 0 || list[i-1].LastOffset+1 != r.FirstOffset || list[i-1].DeliveryCount != r.DeliveryCount {
			first = r.FirstOffset
			whole = append(whole, "")
		}
		parts = append(parts, fmt.Sprintf("%d-%d the %d. time", r.FirstOffset, r.LastOffset, r.DeliveryCount))
		whole[len(whole)-1] = fmt.Sprintf("%d-%d the %d. time", first, r.LastOffset, r.DeliveryCount)
	}
	f.add(path+".records", strings.Join(whole, ", "))
	f.add(path+".parts", strings.Join(parts, ", "))
}

// elements are those of an array, in the order of what they are about.
func (s *side) elements(f *fields, path, name string, v reflect.Value) {
	keys := make([]string, v.Len())
	order := make([]int, v.Len())
	if name == "SubscribedTopics" || name == "SubscribedTopicNames" || name == "Partitions" && v.Type().Elem().Kind() == reflect.Int32 { // sets, in the order of a hash map
		v = sorted(v)
	}
	for i := range v.Len() {
		keys[i], order[i] = s.about(v.Index(i)), i
		if keys[i] == "" {
			keys[i] = strconv.Itoa(i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(keys[a], keys[b]) })
	times := make(map[string]int)
	for _, i := range order {
		times[keys[i]]++
		at := keys[i]
		if n := times[at]; n > 1 {
			at += fmt.Sprintf("#%d", n)
		}
		at = path + "[" + at + "]"
		if v.Index(i).Kind() == reflect.Struct {
			f.add(at, "an element")
		}
		s.walk(f, at, name, v.Index(i))
	}
}

// sorted is a list of numbers or words in their order.
func sorted(v reflect.Value) reflect.Value {
	switch list := v.Interface().(type) {
	case []int32:
		return reflect.ValueOf(slices.Sorted(slices.Values(list)))
	case []string:
		return reflect.ValueOf(slices.Sorted(slices.Values(list)))
	}
	return v
}

// about is what an element of an array is about; empty if it does not say.
func (s *side) about(v reflect.Value) string {
	if v.Kind() != reflect.Struct {
		return ""
	}
	var list []string
	for _, n := range []string{"Topic", "TransactionalID", "TopicID", "Partition", "Name", "ResourceType", "ResourceName", "Group", "GroupID", "MemberID", "ApiKey", "Key", "NodeID", "Dir"} {
		x := v.FieldByName(n)
		if !x.IsValid() {
			continue
		}
		if x.Kind() == reflect.Pointer {
			if x.IsNil() {
				continue
			}
			x = x.Elem()
		}
		if id, ok := x.Interface().([16]byte); ok {
			if id != ([16]byte{}) && len(list) == 0 {
				list = append(list, s.idName(id))
			}
			continue
		}
		if (n == "Group" || n == "GroupID") && x.Kind() == reflect.String && x.Len() == 0 {
			list = append(list, "no group")
			continue
		}
		if x.Kind() == reflect.String && x.Len() == 0 || n == "NodeID" && len(list) > 0 {
			continue
		}
		list = append(list, s.scalar(n, x))
	}
	return strings.Join(list, " ")
}

func (s *side) idName(id [16]byte) string {
	switch name := s.ids[id]; {
	case id == ([16]byte{}):
		return "no id"
	case name != "":
		return "id of " + name
	}
	return fmt.Sprintf("%x", id)
}

// within is the time that Kafka says in the message of a record that is out of it.
var within = regexp.MustCompile(`within \[[-0-9, ]+\]`)

// scalar is a value as text, under a name of its own if it must differ.
func (s *side) scalar(name string, v reflect.Value) string {
	switch name {
	case "Host", "ClusterID", "Dir":
		if v.Len() > 0 {
			return strings.ToLower(name)
		}
	case "MemberID", "LeaderID":
		if v.Kind() == reflect.String && v.Len() > 0 {
			if name := s.members[v.String()]; name != "" {
				return name
			}
			return "a member"
		}
	case "Port":
		if v.Int() > 0 {
			return "port"
		}
	case "SessionID":
		if v.Int() > 0 {
			return "a session"
		}
	case "ProducerID":
		if pid := s.pids[v.Int()]; pid != "" {
			return pid
		}
		if s.giving && v.Int() >= 0 {
			return "a producer id"
		}
	case "LogAppendTimeMillis", "LogAppendTime", "Timestamp", "StartTimestamp", "LastTimestamp":
		if at := time.UnixMilli(v.Int()); at.After(s.from.Add(-time.Minute)) && at.Before(s.from.Add(time.Hour)) {
			return "now"
		}
	}
	switch v.Kind() {
	case reflect.String:
		text := strings.ReplaceAll(v.String(), s.addr, "host:port")
		for id, name := range s.members { // unordered: no id is a part of another
			text = strings.ReplaceAll(text, id, name)
		}
		return strconv.Quote(within.ReplaceAllString(text, "within [...]"))
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	}
	return fmt.Sprint(v.Interface())
}

// bytes are the record batches of a Fetch, or any bytes.
func (s *side) bytes(f *fields, path, name string, b []byte) {
	switch {
	case b == nil:
		f.add(path, "null")
		return
	case name != "RecordBatches" && name != "Records":
		f.add(path, fmt.Sprintf("%x", b))
		return
	}
	const epochAt, crcAt, maxTimeAt, headerLen = 12, 17, 35, 61
	f.add(path+".len", strconv.Itoa(len(b)))
	for i := 0; len(b) > 0; i++ {
		at := fmt.Sprintf("%s[%d]", path, i)
		size := len(b)
		if len(b) >= epochAt {
			size = min(size, epochAt+int(binary.BigEndian.Uint32(b[8:])))
		}
		if size < headerLen {
			f.add(at, fmt.Sprintf("a part: %x", b[:size]))
			return
		}
		batch := slices.Clone(b[:size])
		b = b[size:]
		var h kmsg.RecordBatch
		if err := h.ReadFrom(batch); err != nil {
			f.add(at, fmt.Sprintf("a part of %d bytes", len(batch)))
			continue
		}
		clear(batch[epochAt : epochAt+4])
		if h.Attributes&0x20 != 0 { // a marker, of now
			clear(batch[maxTimeAt-8 : maxTimeAt+8])
			clear(batch[crcAt : crcAt+4])
		}
		if h.Attributes&0x08 != 0 { // log append time
			clear(batch[maxTimeAt : maxTimeAt+8])
			clear(batch[crcAt : crcAt+4])
		}
		if s.pids[h.ProducerID] != "" {
			clear(batch[43:51])
			clear(batch[crcAt : crcAt+4])
		}
		f.add(at+".offset", strconv.FormatInt(h.FirstOffset, 10))
		f.add(at+".attributes", strconv.Itoa(int(h.Attributes)))
		f.add(at+".producer", s.scalar("ProducerID", reflect.ValueOf(h.ProducerID)))
		f.add(at+".bytes", fmt.Sprintf("%x", batch))
	}
}
