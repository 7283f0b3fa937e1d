package differential

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// shared is a partition that a member of a share group fetches, and what it says of its
// records.
type shared struct {
	topic string
	n     int32
	acks  []word
}

// word is what a member says of records: one word of all, or one of each.
type word struct {
	first, last int64
	types       []int8
}

// The words of members.
const (
	gap int8 = iota
	accept
	release
	reject
	renew
)

func (s *side) sharedID(topic string) [16]byte {
	if id := s.id(topic); id != ([16]byte{}) || topic == "" {
		return id
	}
	return [16]byte{9}
}

// shareFetchOf is a ShareFetch, which waits for a moment if there is nothing.
func shareFetchOf(s *side, group, member string, epoch int32, parts ...shared) *kmsg.ShareFetchRequest {
	req := kmsg.NewPtrShareFetchRequest()
	req.GroupID, req.MemberID, req.ShareSessionEpoch = &group, &member, epoch
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.MaxRecords, req.BatchSize = 50, 1, 1<<20, 500, 500
	for _, p := range parts {
		t := kmsg.NewShareFetchRequestTopic()
		t.TopicID = s.sharedID(p.topic)
		x := kmsg.NewShareFetchRequestTopicPartition()
		x.Partition = p.n
		for _, a := range p.acks {
			x.AcknowledgementBatches = append(x.AcknowledgementBatches, kmsg.ShareFetchRequestTopicPartitionAcknowledgementBatch{FirstOffset: a.first, LastOffset: a.last, AcknowledgeTypes: a.types})
		}
		t.Partitions = append(t.Partitions, x)
		if n := len(req.Topics); n > 0 && req.Topics[n-1].TopicID == t.TopicID {
			req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, t.Partitions...)
		} else {
			req.Topics = append(req.Topics, t)
		}
	}
	return req
}

func shareAcknowledgeOf(s *side, group, member string, epoch int32, parts ...shared) *kmsg.ShareAcknowledgeRequest {
	req := kmsg.NewPtrShareAcknowledgeRequest()
	req.GroupID, req.MemberID, req.ShareSessionEpoch = &group, &member, epoch
	for _, p := range parts {
		t := kmsg.NewShareAcknowledgeRequestTopic()
		t.TopicID = s.sharedID(p.topic)
		x := kmsg.NewShareAcknowledgeRequestTopicPartition()
		x.Partition = p.n
		for _, a := range p.acks {
			x.AcknowledgementBatches = append(x.AcknowledgementBatches, kmsg.ShareAcknowledgeRequestTopicPartitionAcknowledgementBatch{FirstOffset: a.first, LastOffset: a.last, AcknowledgeTypes: a.types})
		}
		t.Partitions = append(t.Partitions, x)
		if n := len(req.Topics); n > 0 && req.Topics[n-1].TopicID == t.TopicID {
			req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, t.Partitions...)
		} else {
			req.Topics = append(req.Topics, t)
		}
	}
	return req
}

// reader is a member of a share group with its session on each side.
type reader struct {
	d         *dialogue
	version   int16
	group, id string
	line      string   // the name of its connections
	epochs    [2]int32 // of the next request, on each side
}

func (r *reader) epoch(s *side) *int32 {
	if s == r.d.sides[0] {
		return &r.epochs[0]
	}
	return &r.epochs[1]
}

// next moves the epochs on with requests that were good. One of which Kafka does not expect
// what it comes to (UNKNOWN_SERVER_ERROR) was.
func (r *reader) next(i int, code int16) {
	if code == 0 || code == -1 {
		r.epochs[i]++
	}
}

// fetch fetches. With long it waits for records.
func (r *reader) fetch(name string, long bool, change func(*side, *kmsg.ShareFetchRequest), parts ...shared) {
	resps := r.d.by(r.line, kmsg.ShareFetch, r.version, name, func(s *side, _ int16) kmsg.Request {
		req := shareFetchOf(s, r.group, r.id, *r.epoch(s), parts...)
		if long {
			req.MaxWaitMillis = 5000
		}
		if change != nil {
			change(s, req)
		}
		return req
	})
	for i := range resps {
		if x, ok := resps[i].(*kmsg.ShareFetchResponse); ok {
			r.next(i, x.ErrorCode)
		}
	}
}

// begin begins sessions until all partitions are in the answer: until share coordinators have
// said what they know of them, which no answer waits for. Nothing of it is compared.
func (r *reader) begin(parts ...shared) {
	if r.d.lines[r.line] == nil {
		r.d.lines[r.line] = new([2]*session)
	}
	open := r.d.lines[r.line]
	for i, s := range r.d.sides {
		for until, n := r.d.deadline(), 0; n < len(parts); until.wait(fmt.Sprintf("%s: %d partitions are begun of %s", s.name, n, r.group)) {
			req := shareFetchOf(s, r.group, r.id, 0, parts...)
			req.MaxWaitMillis = 200
			req.SetVersion(r.version)
			resp, err := s.askOn(r.d.ctx, &open[i], req)
			if err != nil {
				panic(err)
			}
			n = 0
			for _, t := range resp.(*kmsg.ShareFetchResponse).Topics {
				n += len(t.Partitions)
			}
		}
	}
	r.epochs = [2]int32{}
}

// get fetches what there is.
func (r *reader) get(name string, parts ...shared) { r.fetch(name, true, nil, parts...) }

// none fetches, and finds nothing.
func (r *reader) none(name string, parts ...shared) { r.fetch(name, false, nil, parts...) }

// say acknowledges.
func (r *reader) say(name string, parts ...shared) { r.sayWith(name, nil, parts...) }

func (r *reader) sayWith(name string, change func(*side, *kmsg.ShareAcknowledgeRequest), parts ...shared) {
	resps := r.d.by(r.line, kmsg.ShareAcknowledge, min(r.version, r.d.last(kmsg.ShareAcknowledge, 99)), name, func(s *side, _ int16) kmsg.Request {
		req := shareAcknowledgeOf(s, r.group, r.id, *r.epoch(s), parts...)
		if change != nil {
			change(s, req)
		}
		return req
	})
	for i := range resps {
		if x, ok := resps[i].(*kmsg.ShareAcknowledgeResponse); ok {
			r.next(i, x.ErrorCode)
		}
	}
}

// end ends the session with a ShareFetch.
func (r *reader) end(name string, parts ...shared) {
	r.epochs = [2]int32{-1, -1}
	r.none(name, parts...)
	r.ended()
}

// ended waits until what a session had that has ended is given back, which Kafka has written
// down after it has answered. A fetch that meets the write finds nothing, and waits for nothing.
func (r *reader) ended() {
	r.epochs = [2]int32{}
	time.Sleep(500 * time.Millisecond)
}

// hangUp closes the connections, which ends the session. Kafka has the leader of a partition
// forget then what it knows of a group that nobody reads in any more.
func (r *reader) hangUp() {
	r.d.lines.hangUp(r.line)
	r.ended()
}

// forget has a ShareFetch take partitions out of a session.
func forget(parts ...shared) func(*side, *kmsg.ShareFetchRequest) {
	return func(s *side, req *kmsg.ShareFetchRequest) {
		for _, p := range parts {
			x := kmsg.NewShareFetchRequestForgottenTopicsData()
			x.TopicID, x.Partitions = s.sharedID(p.topic), []int32{p.n}
			req.ForgottenTopicsData = append(req.ForgottenTopicsData, x)
		}
	}
}

// playShareFetch is ShareFetch and ShareAcknowledge.
func playShareFetch(d *dialogue) {
	if !d.sharing() {
		return
	}
	d.coordinated()
	for _, v := range d.versions(kmsg.ShareFetch) {
		d.playNoShareSession(v)
		d.playShareSession(v)
		d.playSaid(v)
		d.playRedelivery(v)
		d.playShareSizes(v)
	}
}

// fill produces batches of three records each.
func (d *dialogue) fill(topic string, n int32, batches int) {
	for i := range batches {
		d.latest(kmsg.Produce, "for "+topic, func(*side, int16) kmsg.Request {
			return produce(-1, part{topic: topic, n: n, records: values(fmt.Sprintf("%d-a", i), long(100), "c").bytes()})
		})
	}
}

// earliest has a share group read partitions from their beginning.
func (d *dialogue) earliest(group string) {
	d.groupConfig("earliest", group, "share.auto.offset.reset", ptr("earliest"))
}

// readers are members of a new share group that reads a new topic from its beginning, and
// have nothing to read yet.
func (d *dialogue) readers(v int16, topic string, partitions int32, names ...string) (list []*reader) {
	d.topic(topic, partitions)
	group := "of " + topic
	d.earliest(group)
	for i, name := range names {
		id := d.sharer(fmt.Sprint(name, " of ", topic))
		d.joined(group, id, int32(2+i), topic)
		list = append(list, &reader{d: d, version: v, group: group, id: id, line: id})
	}
	return list
}

// offsetsOf describes where a share group is.
func (d *dialogue) offsetsOf(name, group, topic string, partitions ...int32) {
	d.all(kmsg.DescribeShareGroupOffsets, name, shareOffsetsOf(group, topic, partitions...))
}

// playNoShareSession is what is said without a session.
func (d *dialogue) playNoShareSession(v int16) {
	topic := fmt.Sprint("no-session-", v)
	d.topic(topic, 1)
	id := d.sharer("nobody")
	fetch := func(name string, epoch int32, change func(*kmsg.ShareFetchRequest), parts ...shared) {
		d.by(id, kmsg.ShareFetch, v, name, func(s *side, _ int16) kmsg.Request {
			req := shareFetchOf(s, topic, id, epoch, parts...)
			if change != nil {
				change(req)
			}
			return req
		})
		d.lines.hangUp(id)
	}
	say := func(name string, epoch int32, change func(*kmsg.ShareAcknowledgeRequest), parts ...shared) {
		d.by(id, kmsg.ShareAcknowledge, min(v, d.last(kmsg.ShareAcknowledge, 99)), name, func(s *side, _ int16) kmsg.Request {
			req := shareAcknowledgeOf(s, topic, id, epoch, parts...)
			if change != nil {
				change(req)
			}
			return req
		})
		d.lines.hangUp(id)
	}
	one := shared{topic: topic}
	acks := shared{topic: topic, acks: []word{{0, 1, []int8{accept}}}}
	for _, epoch := range []int32{-2, -1, 1, 7} {
		fetch(fmt.Sprint("no session, epoch ", epoch), epoch, nil, one)
		say(fmt.Sprint("no session, epoch ", epoch), epoch, nil, acks)
	}
	say("no session, epoch 0", 0, nil, acks)
	fetch("acknowledging with epoch 0", 0, nil, acks)
	fetch("acknowledging with epoch -1", -1, nil, acks)
	fetch("of no group", 0, func(r *kmsg.ShareFetchRequest) { r.GroupID = ptr("") }, one)
	fetch("of a null group", 0, func(r *kmsg.ShareFetchRequest) { r.GroupID = nil }, one)
	fetch("of no member", 0, func(r *kmsg.ShareFetchRequest) { r.MemberID = ptr("") }, one)
	fetch("of a null member", 0, func(r *kmsg.ShareFetchRequest) { r.MemberID = nil }, one)
	fetch("of a member that is no UUID", 0, func(r *kmsg.ShareFetchRequest) { r.MemberID = ptr("nobody at all") }, one)
	fetch("of a member too long", 0, func(r *kmsg.ShareFetchRequest) { r.MemberID = ptr(long(100)) }, one)
	say("of no group", 1, func(r *kmsg.ShareAcknowledgeRequest) { r.GroupID = ptr("") }, acks)
	say("of a null group", 1, func(r *kmsg.ShareAcknowledgeRequest) { r.GroupID = nil }, acks)
	say("of no member", 1, func(r *kmsg.ShareAcknowledgeRequest) { r.MemberID = ptr("") }, acks)
	say("of a null member", 1, func(r *kmsg.ShareAcknowledgeRequest) { r.MemberID = nil }, acks)
	fetch("of a group that nobody has joined", 0, func(r *kmsg.ShareFetchRequest) { r.MaxWaitMillis = 5000 }, one)
	fetch("of nothing", 0, nil)
}

// playShareSession is a session from its beginning to its end, and what is not there.
func (d *dialogue) playShareSession(v int16) {
	topic := fmt.Sprint("share-session-", v)
	r := d.readers(v, topic, 3, "a")[0]
	p0, p1, p2 := shared{topic: topic}, shared{topic: topic, n: 1}, shared{topic: topic, n: 2}
	r.begin(p0, p1)
	r.begin(p2)
	r.none("new session", p0, p1)
	r.none("nothing new", p0)
	d.fill(topic, 0, 1)
	r.get("something new")
	r.none("an unknown partition", shared{topic: topic, n: 9})
	r.none("an unknown partition, again")
	r.none("a negative partition", shared{topic: topic, n: -1})
	r.fetch("unknown ones are forgotten", false, forget(shared{topic: topic, n: 9}, shared{topic: topic, n: -1}))
	r.none("of an unknown topic", shared{topic: "no-such"})
	r.none("again, of an unknown topic")
	r.none("of no id and of an unknown topic", shared{})
	r.fetch("bad ones are forgotten", false, forget(shared{topic: "no-such"}, shared{}))
	r.none("nothing bad is left")
	d.fill(topic, 0, 1)
	d.fill(topic, 2, 1)
	r.fetch("one is forgotten", false, forget(p0))
	r.none("of what is left")
	r.get("one more", p2)
	r.fetch("forgotten what is not fetched", false, forget(p0))
	r.get("what was forgotten", p0)
	r.fetch("forgotten and fetched", false, forget(p0), p0)
	for _, epoch := range []int32{1, 99, -2} {
		was := r.epochs
		r.epochs = [2]int32{epoch, epoch}
		r.none(fmt.Sprint("in epoch ", epoch), p0)
		r.say(fmt.Sprint("in epoch ", epoch), shared{topic: topic, acks: []word{{0, 0, []int8{accept}}}})
		r.epochs = was
	}
	r.sayWith("in epoch 0", func(_ *side, req *kmsg.ShareAcknowledgeRequest) { req.ShareSessionEpoch = 0 }, shared{topic: topic, acks: []word{{0, 0, []int8{accept}}}})
	r.say("nothing")
	r.say("no records", p0)
	r.none("after all that")
	d.offsetsOf("of a session", r.group, topic, 0, 1, 2)
	r.epochs = [2]int32{}
	r.none("another session", p0, p1, p2)
	r.say("accepts what the session before has had", shared{topic: topic, acks: []word{{0, 2, []int8{accept}}}})
	d.offsetsOf("of another session", r.group, topic, 0, 1, 2)
	r.end("the end", p0)
	r.epochs = [2]int32{3, 3}
	r.none("after the end", p0)
	r.say("after the end", shared{topic: topic, acks: []word{{3, 3, []int8{accept}}}})
	r.epochs = [2]int32{}
	r.get("what was not accepted", p0, p2)
	r.epochs = [2]int32{-1, -1}
	r.say("the end with words", shared{topic: topic, acks: []word{{3, 4, []int8{accept}}}}, shared{topic: topic, n: 2, acks: []word{{0, 0, []int8{accept}}}})
	r.ended()
	r.get("what was not accepted then", p0, p2)
	r.end("the end of all", shared{topic: topic, acks: []word{{5, 5, []int8{reject}}}}, shared{topic: topic, n: 2, acks: []word{{1, 2, []int8{accept, release}}}})
	d.offsetsOf("at the end", r.group, topic, 0, 1, 2)
}

// playSaid is what members say of records.
func (d *dialogue) playSaid(v int16) {
	topic := fmt.Sprint("share-said-", v)
	both := d.readers(v, topic, 2, "a", "b")
	a, b := both[0], both[1]
	of := func(list ...word) shared { return shared{topic: topic, acks: list} }
	all := func(first, last int64, types ...int8) word { return word{first, last, types} }
	a.begin(of(), shared{topic: topic, n: 1})
	a.none("nothing yet", of(), shared{topic: topic, n: 1})
	b.none("nothing yet", of())
	d.fill(topic, 0, 10)
	a.get("thirty records")
	b.none("they are another's")
	a.say("accepts a batch", of(all(0, 2, accept)))
	a.say("accepts it again", of(all(0, 2, accept)))
	a.say("accepts some of it again, and more", of(all(2, 3, accept)))
	for name, list := range inOrder(map[string][]word{
		"what is not acquired":             {all(40, 41, accept)},
		"more than is acquired":            {all(28, 33, accept)},
		"overlapping":                      {all(7, 8, accept), all(8, 9, accept)},
		"one twice":                        {all(7, 8, accept), all(7, 8, accept)},
		"in reverse":                       {all(9, 9, accept), all(7, 7, accept)},
		"last before first":                {all(8, 7, accept)},
		"a negative offset":                {all(-5, 7, accept)},
		"negative offsets":                 {all(-5, -4, accept)},
		"two types for three":              {all(7, 9, accept, accept)},
		"four types for three":             {all(7, 9, accept, accept, accept, accept)},
		"no types":                         {all(7, 9)},
		"type 4":                           {all(7, 9, renew)},
		"type 9":                           {all(7, 9, 9)},
		"type -1":                          {all(7, 9, -1)},
		"a bad type of three":              {all(7, 9, accept, 9, accept)},
		"one good, one that is not there":  {all(7, 7, accept), all(45, 45, accept)},
		"one good, one of a bad type":      {all(7, 7, accept), all(8, 8, 9)},
		"what is accepted and what is not": {all(0, 7, accept)},
		"very many":                        {all(7, 1<<40, accept)},
	}) {
		a.say(name, of(list...))
		a.none(name, of(list...))
	}
	b.say("what is another's", of(all(7, 8, accept)))
	b.none("what is another's", of(all(7, 8, accept)))
	for name, p := range inOrder(map[string]shared{
		"of an unknown topic":                {topic: "no-such", acks: []word{all(0, 0, accept)}},
		"of an unknown partition":            {topic: topic, n: 9, acks: []word{all(0, 0, accept)}},
		"of no id":                           {acks: []word{all(0, 0, accept)}},
		"of an empty partition":              {topic: topic, n: 1, acks: []word{all(0, 0, accept)}},
		"bad types, of an unknown topic":     {topic: "no-such", acks: []word{all(0, 0, 9)}},
		"bad types, of an unknown partition": {topic: topic, n: 9, acks: []word{all(0, 0, 9)}},
	}) {
		a.say(name, p)
		b.say(name, p)
		b.none(name, p)
		b.fetch("forgotten: "+name, false, forget(p))
	}
	a.say("a partition twice", of(all(7, 7, accept)), of(all(8, 8, accept)))
	a.say("releases some", of(all(10, 12, release)))
	b.get("what was released")
	a.say("what was released", of(all(10, 12, accept)))
	b.say("one word each", of(all(10, 12, accept, release, reject)))
	a.get("what was released again")
	a.say("a gap", of(all(13, 15, gap, accept, gap)))
	a.say("gaps", of(all(16, 17, gap)))
	a.say("two batches", of(all(18, 18, accept), all(20, 21, reject)))
	a.none("accepts with a fetch", of(all(19, 19, accept)))
	a.none("accepts and rejects with a fetch", of(all(22, 24, accept, reject, gap)))
	a.say("releases one", of(all(26, 26, release)))
	a.get("what was released alone")
	d.offsetsOf("of what was said", a.group, topic, 0, 1)
	a.say("the first that are left", of(all(4, 9, accept)))
	a.say("some that are accepted and some that are not", of(all(7, 7, accept)))
	d.offsetsOf("of what was said then", a.group, topic, 0, 1)
	b.end("the end of one")
	a.end("the end of the other")
}

// playRedelivery is how often a record is delivered, and who gets what others had.
func (d *dialogue) playRedelivery(v int16) {
	topic := fmt.Sprint("share-again-", v)
	both := d.readers(v, topic, 2, "a", "b")
	a, b := both[0], both[1]
	of := func(list ...word) shared { return shared{topic: topic, acks: list} }
	a.begin(of())
	a.none("nothing yet", of())
	b.none("nothing yet", of())
	d.fill(topic, 0, 2)
	for i := range 4 {
		a.get(fmt.Sprint("delivery ", i+1))
		a.say(fmt.Sprint("release ", i+1), of(word{0, 5, []int8{release}}))
	}
	a.get("delivery 5")
	a.say("the last release", of(word{0, 2, []int8{release}}, word{3, 5, []int8{accept}}))
	a.none("delivered too often")
	d.offsetsOf("delivered too often", a.group, topic, 0)
	d.fill(topic, 0, 2)
	a.get("more")
	a.end("ends with what it has")
	b.get("what another's session had")
	b.say("one of it", of(word{6, 6, []int8{accept}}))
	b.hangUp()
	a.get("what another's connection had", of())
	a.say("releases all", of(word{7, 11, []int8{release}}))
	a.get("has it again")
	a.fetch("ends with a word", false, func(_ *side, r *kmsg.ShareFetchRequest) { r.ShareSessionEpoch = -1 }, of(word{7, 7, []int8{accept}}, word{8, 8, []int8{release}}))
	a.ended()
	b.get("what is left", of())
	b.end("the end", of(word{8, 11, []int8{accept}}))
	d.offsetsOf("the end", a.group, topic, 0, 1)
}

// playShareSizes is how much a member gets of one partition.
func (d *dialogue) playShareSizes(v int16) {
	topic := fmt.Sprint("share-sizes-", v)
	r := d.readers(v, topic, 2, "a")[0]
	p0, p1 := shared{topic: topic}, shared{topic: topic, n: 1}
	r.begin(p0, p1)
	r.none("nothing yet", p0)
	d.fill(topic, 0, 9)
	d.fill(topic, 1, 4)
	type request = kmsg.ShareFetchRequest
	for _, x := range []struct {
		name   string
		long   bool
		change func(*request)
	}{
		{"max records 0", false, func(r *request) { r.MaxRecords = 0 }},
		{"max records -1", false, func(r *request) { r.MaxRecords = -1 }},
		{"max bytes 0", false, func(r *request) { r.MaxBytes = 0 }},
		{"max records 1", true, func(r *request) { r.MaxRecords = 1 }},
		{"max records 4", true, func(r *request) { r.MaxRecords = 4 }},
		{"max bytes 1", true, func(r *request) { r.MaxBytes = 1 }},
		{"max bytes 200", true, func(r *request) { r.MaxBytes = 200 }},
		{"max bytes 400", true, func(r *request) { r.MaxBytes = 400 }},
		{"min bytes more than there is", false, func(r *request) { r.MinBytes = 1 << 20 }},
		{"the rest", false, func(*request) {}},
	} {
		r.fetch(x.name, x.long, func(_ *side, req *request) { x.change(req) })
	}
	for i, size := range []int32{1, 3, 4, 6, 7, 100, 0, -1} {
		r.epochs = [2]int32{}
		name := fmt.Sprint("batch size ", size)
		r.fetch(name, true, func(_ *side, req *request) { req.BatchSize = size }, p1)
		r.say(name, shared{topic: topic, n: 1, acks: []word{{int64(12 * i), int64(12*i + 11), []int8{reject}}}})
		d.fill(topic, 1, 4)
	}
	r.end("the end")
}
