package differential

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Difference is a field of an answer in which the two sides differ.
type Difference struct {
	Asked   string // the API, or "raw"
	Version int16
	Name    string // of the step
	Field   string
	Ours    string
	Kafka   string
}

// step is what was asked, but for the version.
func (d *Difference) step() string { return d.Asked + " " + d.Name }

// dialogue is what a scene talks through.
type dialogue struct {
	ctx    context.Context
	scene  string
	sides  [2]*side // ours and Kafka
	steps  int
	fields int
	used   map[string]int32 // partitions, by topic
	lines  lines
	found  []Difference
}

// build makes the request that goes to a side.
type build func(s *side, version int16) kmsg.Request

// versions are those of an API that both sides offer.
func (d *dialogue) versions(key kmsg.Key) (list []int16) {
	a, ok := d.sides[0].versions[int16(key)]
	b, also := d.sides[1].versions[int16(key)]
	if !ok || !also {
		return nil
	}
	for v := max(a[0], b[0]); v <= min(a[1], b[1]); v++ {
		list = append(list, v)
	}
	return list
}

// each asks in every version that both offer.
func (d *dialogue) each(key kmsg.Key, name string, b build) {
	for _, v := range d.versions(key) {
		if key != kmsg.Produce || v >= firstProduce {
			d.at(key, v, name, b)
		}
	}
}

// from asks in every version from one on.
func (d *dialogue) from(least int16, key kmsg.Key, name string, b build) {
	for _, v := range d.versions(key) {
		if v >= least {
			d.at(key, v, name, b)
		}
	}
}

// latest asks in the latest version that both offer.
func (d *dialogue) latest(key kmsg.Key, name string, b build) (ours, kafka kmsg.Response) {
	list := d.versions(key)
	if len(list) == 0 {
		return nil, nil
	}
	return d.at(key, list[len(list)-1], name, b)
}

// at asks both sides in one version, and notes in what their answers differ.
func (d *dialogue) at(key kmsg.Key, version int16, name string, b build) (ours, kafka kmsg.Response) {
	if !slices.Contains(d.versions(key), version) {
		return nil, nil
	}
	var resps [2]kmsg.Response
	var fields [2]*fields
	for i, s := range d.sides {
		req := b(s, version)
		req.SetVersion(version)
		resp, err := s.ask(d.ctx, req)
		resps[i], fields[i] = resp, s.fields(resp, err)
	}
	d.compare(Difference{Asked: key.Name(), Version: version, Name: name}, fields)
	return resps[0], resps[1]
}

// silent asks for something that is not answered, and then whether the connection still
// lives.
func (d *dialogue) silent(key kmsg.Key, name string, b build) {
	for _, v := range d.versions(key) {
		if key == kmsg.Produce && v < firstProduce {
			continue
		}
		var got [2]*fields
		for i, s := range d.sides {
			req := b(s, v)
			req.SetVersion(v)
			got[i] = s.fields(s.thenVersions(d.ctx, kmsg.NewRequestFormatter().AppendRequest(nil, req, 7)))
			got[i].only("Outcome")
		}
		d.compare(Difference{Asked: key.Name(), Version: v, Name: name}, got)
	}
}

// raw sends bytes, and then asks whether the connection still lives.
func (d *dialogue) raw(name string, frame []byte) {
	var got [2]*fields
	for i, s := range d.sides {
		got[i] = s.fields(s.thenVersions(d.ctx, frame))
		got[i].only("Outcome")
	}
	d.compare(Difference{Asked: "raw", Name: name}, got)
}

// thenVersions sends bytes and an ApiVersions after them, whose answer it returns.
func (s *side) thenVersions(ctx context.Context, frame []byte) (kmsg.Response, error) {
	c, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write(frame); err != nil {
		return nil, errClosed
	}
	return c.ask(kmsg.NewPtrApiVersionsRequest())
}

// compare notes in what two answers differ. What an element has that only one side has is
// no difference of its own.
func (d *dialogue) compare(step Difference, got [2]*fields) {
	d.steps++
	d.fields += len(got[0].order)
	note := func(path, ours, kafka string) {
		step.Field, step.Ours, step.Kafka = path, ours, kafka
		d.found = append(d.found, step)
	}
	ours, kafka := got[0], got[1]
	errors := make(map[string]bool) // elements whose errors differ: the rest of them follows
	for _, path := range ours.order {
		element, field := parent(path)
		if value, ok := kafka.values[path]; ok && field == "ErrorCode" && value != ours.values[path] {
			errors[element] = true
		}
	}
	follows := func(path string) bool {
		element, field := parent(path)
		if errors[element] && field == "ErrorCode" {
			return false
		}
		for ; element != ""; element, _ = parent(element) {
			if errors[element] {
				return true
			}
		}
		return errors[""]
	}
	for _, path := range ours.order {
		if follows(path) {
			continue
		}
		switch value, ok := kafka.values[path]; {
		case ok && value != ours.values[path]:
			note(path, ours.values[path], value)
		case !ok && !kafka.lacksElement(path, ours):
			note(path, ours.values[path], "nothing")
		}
	}
	for _, path := range kafka.order {
		if _, ok := ours.values[path]; !ok && !follows(path) && !ours.lacksElement(path, kafka) {
			note(path, "nothing", kafka.values[path])
		}
	}
}

// parent is the element that a field is of, and its name.
func parent(path string) (element, field string) {
	i := strings.LastIndexByte(path, '.')
	return path[:max(i, 0)], path[i+1:]
}

// topic creates a topic on both sides, and waits until it is led.
func (d *dialogue) topic(name string, partitions int32, configs ...string) {
	if !slices.Contains(configs, "retention.ms") { // the timestamps of the script are old
		configs = append(slices.Clone(configs), "retention.ms", "-1")
	}
	d.latest(kmsg.CreateTopics, "topic "+name, func(*side, int16) kmsg.Request {
		return createTopics(newTopic(name, partitions, 1, configs...))
	})
	d.await(name, partitions)
}

// await waits until a topic is led on both sides.
func (d *dialogue) await(name string, partitions int32) {
	for _, s := range d.sides {
		if err := s.await(d.ctx, name, partitions); err != nil {
			panic(err)
		}
	}
}

func (s *side) await(ctx context.Context, topic string, partitions int32) error {
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		resp, err := s.ask(ctx, metadataOf(topic))
		if err != nil {
			return err
		}
		t := &resp.(*kmsg.MetadataResponse).Topics[0]
		led := int32(0)
		for _, p := range t.Partitions {
			if p.ErrorCode == 0 {
				led++
			}
		}
		if led < partitions {
			continue
		}
		s.know(topic, t.TopicID)
		// The broker may tell of a leader before it leads.
		if s.leads(ctx, topic, partitions) {
			return nil
		}
	}
	return errors.New(s.name + ": nobody leads " + topic)
}

func (s *side) leads(ctx context.Context, topic string, partitions int32) bool {
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version, req.ReplicaID = 5, -1
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	for p := range partitions {
		x := kmsg.NewListOffsetsRequestTopicPartition()
		x.Partition, x.Timestamp = p, -2
		t.Partitions = append(t.Partitions, x)
	}
	req.Topics = append(req.Topics, t)
	resp, err := s.ask(ctx, req)
	if err != nil {
		return false
	}
	for _, t := range resp.(*kmsg.ListOffsetsResponse).Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return false
			}
		}
	}
	return true
}

// deadline is how long something may take.
type deadline time.Time

func (d *dialogue) deadline() deadline { return deadline(time.Now().Add(patience)) }

// wait waits a little, or panics when the time is over.
func (until deadline) wait(what string) {
	if time.Now().After(time.Time(until)) {
		panic(what)
	}
	time.Sleep(10 * time.Millisecond)
}

func metadataOf(topics ...string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 10
	for _, topic := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &topic
		req.Topics = append(req.Topics, t)
	}
	return req
}
