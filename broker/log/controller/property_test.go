package controller

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/log/sasl"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// world is a controller under test beside a standby that replays the bytes of
// its records.
type world struct {
	t       *rapid.T
	now     machine.Now
	c       *Controller
	standby *Image
	log     []Record // all of them, by offset

	leaders map[string]int32 // who led a partition in a leader epoch
	epochs  map[int32]int64  // the last broker epoch of each broker
	pids    int64            // the end of the last block of producer ids
	unclean bool             // somebody has asked for an unclean election
}

const sessionTimeout = 9 * time.Second

// mayBeUnclean is what Kafka's documentation says of unclean.leader.election.enable.
func (w *world) mayBeUnclean(topic string) bool {
	if v, ok := w.c.image.Topics[topic].Configs["unclean.leader.election.enable"]; ok {
		return v == "true"
	}
	return w.c.settings.UncleanLeaderElection
}

func settings(unclean bool) Settings {
	return Settings{Seed: 7, SessionTimeout: sessionTimeout, NumPartitions: 2, DefaultReplicationFactor: 1, UncleanLeaderElection: unclean, PlaceOnFenced: true}
}

// do takes one command through Decide and Replay and checks what must hold after.
func (w *world) do(cmd Command) Response {
	before, sessions := w.c.image.String(), w.c.Sessions()
	records, resp := w.c.Decide(w.now, cmd)
	again, respAgain := w.c.Decide(w.now, cmd)
	if !reflect.DeepEqual(records, again) || !reflect.DeepEqual(resp.Body, respAgain.Body) {
		w.t.Fatalf("%#v decided twice: %#v, then %#v", cmd, records, again)
	}
	if after := w.c.image.String(); after != before || !reflect.DeepEqual(sessions, w.c.Sessions()) {
		w.t.Fatalf("deciding %#v changed\n%sinto\n%s", cmd, before, after)
	}
	for _, r := range records {
		w.replay(r)
	}
	if resp.Alive != nil {
		w.c.Contacted(w.now, *resp.Alive)
	}
	w.snapshot()
	if got := w.standby.String(); got != w.c.image.String() {
		w.t.Fatalf("the standby has\n%snot\n%s", got, w.c.image)
	}
	w.settled()
	return resp
}

func (w *world) replay(r Record) {
	offset := int64(len(w.log))
	w.log = append(w.log, r)
	var was PartitionInfo
	if change, ok := r.(PartitionChange); ok {
		was = *w.c.image.ByID[change.TopicID].Partitions[change.Partition]
	}
	change, err := w.c.Replay(offset, r)
	if err != nil {
		w.t.Fatalf("%#v: %v", r, err)
	}
	decoded, err := DecodeRecord(EncodeRecord(r))
	if err != nil {
		w.t.Fatalf("%#v: %v", r, err)
	}
	if _, err := w.standby.Replay(offset, decoded); err != nil {
		w.t.Fatalf("%#v at the standby: %v", r, err)
	}
	if reg, ok := r.(RegisterBroker); ok {
		switch last, known := w.epochs[reg.ID]; {
		case known && reg.Epoch == last: // the same incarnation again
		case reg.Epoch != offset || known && reg.Epoch <= last:
			w.t.Fatalf("broker %d registered at offset %d with epoch %d after %d", reg.ID, offset, reg.Epoch, last)
		}
		w.epochs[reg.ID] = reg.Epoch
	}
	if is := change.Partition; is != nil {
		w.changed(&was, is)
	}
	w.sound()
}

// changed checks one step of one partition.
func (w *world) changed(was, is *PartitionInfo) {
	if was.Replicas != nil {
		if is.PartitionEpoch <= was.PartitionEpoch {
			w.t.Fatalf("%v\nbecame\n%v", was, is)
		}
		if is.Leader != was.Leader && is.LeaderEpoch <= was.LeaderEpoch {
			w.t.Fatalf("a new leader in an old epoch: %v\nbecame\n%v", was, is)
		}
		// Who completes a reassignment by being in sync may lead at once.
		comes := was.Reassigning() && !is.Reassigning() && is.Recovery == Recovered
		clean := is.Leader == was.Leader || is.Leader == NoLeader || slices.Contains(was.ISR, is.Leader) || comes
		if !clean && (is.Recovery != Recovering || !w.mayBeUnclean(is.Topic) && !w.unclean || len(is.ISR) > 1) {
			w.t.Fatalf("an unclean election: %v\nbecame\n%v", was, is)
		}
		w.moved(was, is)
	}
	if is.Leader == NoLeader {
		return
	}
	key := fmt.Sprintf("%s-%d@%d", is.Topic, is.Partition, is.LeaderEpoch)
	if other, ok := w.leaders[key]; ok && other != is.Leader {
		w.t.Fatalf("%s was led by %d, now by %d", key, other, is.Leader)
	}
	w.leaders[key] = is.Leader
}

// moved checks one step of a reassignment: who has been in sync with the rest leaves only for
// those who are, and cannot speak for the partition any more.
func (w *world) moved(was, is *PartitionInfo) {
	gone := minus(was.Replicas, is.Replicas)
	if len(gone) > 0 && is.LeaderEpoch == was.LeaderEpoch {
		w.t.Fatalf("brokers %d leave in the same leader epoch: %v\nbecame\n%v", gone, was, is)
	}
	if lost := minus(gone, was.Adding); len(lost) > 0 && !containsAll(is.ISR, minus(was.Adding, gone)) {
		w.t.Fatalf("brokers %d leave before those that are added are in sync: %v\nbecame\n%v", lost, was, is)
	}
	if is.Recovery == Recovered && len(is.ISR) < len(was.ISR) && len(minus(was.ISR, gone)) > len(is.ISR) && slices.Contains(is.ISR, was.Leader) && was.Leader == is.Leader && len(gone) > 0 {
		w.t.Fatalf("somebody who stays leaves the ISR: %v\nbecame\n%v", was, is)
	}
}

// move asks for a reassignment, or for the end of one.
func (w *world) move() {
	partitions := slices.Collect(w.c.image.Partitions())
	if len(partitions) == 0 {
		return
	}
	p := rapid.SampledFrom(partitions).Draw(w.t, "partition")
	x := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	x.Partition = p.Partition
	if rapid.IntRange(0, 3).Draw(w.t, "cancel") > 0 {
		x.Replicas = rapid.Permutation([]int32{1, 2, 3, 4}).Draw(w.t, "target")[:rapid.IntRange(0, 4).Draw(w.t, "factor")]
	}
	t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	t.Topic, t.Partitions = p.Topic, append(t.Partitions, x)
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.Topics = append(req.Topics, t)
	was := *p
	resp := w.do(AlterPartitionReassignments{req}).Body.(*kmsg.AlterPartitionAssignmentsResponse)
	switch code := resp.Topics[0].Partitions[0].ErrorCode; {
	case code != 0:
		if was.String() != p.String() {
			w.t.Fatalf("refused, and %v\nbecame\n%v", &was, p)
		}
	case x.Replicas == nil:
		if p.Reassigning() || !containsAll(was.Replicas, p.Replicas) || !containsAll(p.Replicas, was.Removing) {
			w.t.Fatalf("called off: %v\nbecame\n%v", &was, p)
		}
	case !slices.Equal(minus(p.Replicas, p.Removing), x.Replicas):
		w.t.Fatalf("asked for %d: %v", x.Replicas, p)
	}
	w.listed()
}

// listed holds what is said to be under way against the image.
func (w *world) listed() {
	resp := w.do(ListPartitionReassignments{kmsg.NewPtrListPartitionReassignmentsRequest()}).Body.(*kmsg.ListPartitionReassignmentsResponse)
	n := 0
	for _, t := range resp.Topics {
		for _, x := range t.Partitions {
			p := w.c.image.Partition(t.Topic, x.Partition)
			if n++; !slices.Equal(x.Replicas, p.Replicas) || !slices.Equal(x.AddingReplicas, p.Adding) || !slices.Equal(x.RemovingReplicas, p.Removing) {
				w.t.Fatalf("listed as %+v: %v", x, p)
			}
		}
	}
	for p := range w.c.image.Partitions() {
		if p.Reassigning() {
			n--
		}
	}
	if n != 0 {
		w.t.Fatalf("%d reassignments too many are listed: %+v\n%v", n, resp, w.c.image)
	}
}

// elect asks for an election.
func (w *world) elect() {
	req := kmsg.NewPtrElectLeadersRequest()
	req.ElectionType = int8(rapid.IntRange(0, 2).Draw(w.t, "election"))
	w.unclean = req.ElectionType == electUnclean
	resp := w.do(ElectLeaders{req}).Body.(*kmsg.ElectLeadersResponse)
	w.unclean = false
	for _, t := range resp.Topics {
		for _, x := range t.Partitions {
			p := w.c.image.Partition(t.Topic, x.Partition)
			if x.ErrorCode == 0 && (p.Leader == NoLeader || req.ElectionType == electPreferred && p.Leader != p.Replicas[0]) {
				w.t.Fatalf("elected: %v", p)
			}
		}
	}
}

// sound holds after every single record.
func (w *world) sound() {
	for p := range w.c.image.Partitions() {
		if err := p.check(); err != nil {
			w.t.Fatal(err)
		}
		if p.Leader != NoLeader && w.c.image.Brokers[p.Leader].Fenced {
			w.t.Fatalf("led by a fenced broker: %v", p)
		}
	}
}

// settled holds after every command.
func (w *world) settled() {
	for p := range w.c.image.Partitions() {
		alive := func(id int32) bool { return w.c.image.Alive(id) }
		candidates := p.ISR
		if w.mayBeUnclean(p.Topic) {
			candidates = p.Replicas
		}
		if p.Leader == NoLeader && slices.ContainsFunc(candidates, alive) {
			w.t.Fatalf("nobody leads although somebody could: %v\n%v", p, w.c.image)
		}
		if p.Leader != NoLeader && !alive(p.Leader) {
			w.t.Fatalf("the leader is not alive: %v", p)
		}
		for _, id := range p.ISR {
			if !alive(id) && len(p.ISR) > 1 {
				w.t.Fatalf("broker %d is not alive, in sync and not the last: %v", id, p)
			}
		}
	}
	if ids, next := w.c.Expired(w.now), w.c.NextExpiry(); (len(ids) > 0) != (next <= w.now.Mono) {
		w.t.Fatalf("at %d brokers %d have expired and the next expiry is at %d", w.now.Mono, ids, next)
	}
}

// restart replays the log into a new controller.
func (w *world) restart(s Settings) {
	was := w.c.image.String()
	w.c = New(s)
	for offset, r := range w.log {
		if _, err := w.c.Replay(int64(offset), r); err != nil {
			w.t.Fatal(err)
		}
	}
	if is := w.c.image.String(); is != was {
		w.t.Fatalf("after a restart\n%snot\n%s", is, was)
	}
	w.c.Activate(w.now)
	if ids := w.c.Expired(w.now); len(ids) > 0 {
		w.t.Fatalf("brokers %d have expired at the moment of a restart", ids)
	}
}

func (w *world) epoch(id int32) int64 {
	if rapid.IntRange(0, 9).Draw(w.t, "stale") == 0 {
		return rapid.Int64Range(-1, int64(len(w.log))).Draw(w.t, "epoch")
	}
	if b := w.c.image.Brokers[id]; b != nil {
		return b.Epoch
	}
	return -1
}

// alter asks what a leader might, or nearly.
func (w *world) alter() {
	partitions := slices.Collect(w.c.image.Partitions())
	if len(partitions) == 0 {
		return
	}
	p := rapid.SampledFrom(partitions).Draw(w.t, "partition")
	want := kmsg.NewAlterPartitionRequestTopicPartition()
	want.Partition, want.LeaderEpoch, want.PartitionEpoch = p.Partition, p.LeaderEpoch, p.PartitionEpoch
	want.LeaderRecoveryState = int8(rapid.IntRange(0, 1).Draw(w.t, "recovery")) & int8(p.Recovery)
	from := p.Leader
	switch rapid.IntRange(0, 9).Draw(w.t, "wrong") {
	case 0:
		want.LeaderEpoch += rapid.Int32Range(-1, 1).Draw(w.t, "leader epoch")
	case 1:
		want.PartitionEpoch += rapid.Int32Range(-1, 1).Draw(w.t, "partition epoch")
	case 2:
		from = rapid.SampledFrom(p.Replicas).Draw(w.t, "from")
	case 3:
		want.LeaderRecoveryState = int8(rapid.IntRange(-1, 2).Draw(w.t, "any recovery"))
	}
	for _, id := range rapid.Permutation(p.Replicas).Draw(w.t, "isr")[:rapid.IntRange(0, len(p.Replicas)).Draw(w.t, "members")] {
		r := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
		r.BrokerID, r.BrokerEpoch = id, w.epoch(id)
		want.NewEpochISR = append(want.NewEpochISR, r)
	}
	topic := kmsg.NewAlterPartitionRequestTopic()
	topic.TopicID = p.TopicID
	topic.Partitions = append(topic.Partitions, want)
	req := kmsg.NewPtrAlterPartitionRequest()
	req.BrokerID, req.BrokerEpoch = from, w.epoch(from)
	req.Topics = append(req.Topics, topic)
	leader := p.Leader
	resp := w.do(AlterPartition{req}).Body.(*kmsg.AlterPartitionResponse)
	if len(resp.Topics) > 0 && resp.Topics[0].Partitions[0].ErrorCode == wire.NewLeaderElected && p.Leader == leader {
		w.t.Fatalf("no new leader was elected: %v", p)
	}
	if resp.ErrorCode != 0 || resp.Topics[0].Partitions[0].ErrorCode != 0 {
		return
	}
	a := resp.Topics[0].Partitions[0]
	if a.LeaderID != p.Leader || a.LeaderEpoch != p.LeaderEpoch || a.PartitionEpoch != p.PartitionEpoch || !slices.Equal(a.ISR, p.ISR) {
		w.t.Fatalf("answered %+v about %v", a, p)
	}
}

func (w *world) create() {
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic = rapid.SampledFrom([]string{"a", "b", "c", "d.e", "d_e", "..", ""}).Draw(w.t, "topic")
	topic.NumPartitions = rapid.Int32Range(-1, 3).Draw(w.t, "partitions")
	topic.ReplicationFactor = int16(rapid.IntRange(-1, 4).Draw(w.t, "factor"))
	if v := rapid.SampledFrom([]string{"", "true", "FALSE", "maybe"}).Draw(w.t, "unclean"); v != "" {
		x := kmsg.NewCreateTopicsRequestTopicConfig()
		x.Name, x.Value = uncleanLeaderElection, &v
		topic.Configs = append(topic.Configs, x)
	}
	req.Topics = append(req.Topics, topic)
	req.ValidateOnly = rapid.IntRange(0, 9).Draw(w.t, "validate only") == 0
	resp := w.do(CreateTopics{req}).Body.(*kmsg.CreateTopicsResponse)
	if a := resp.Topics[0]; a.ErrorCode == 0 && !req.ValidateOnly {
		t := w.c.image.Topics[topic.Topic]
		if t.ID != a.TopicID || len(t.Partitions) != int(a.NumPartitions) || len(t.Partitions[0].Replicas) != int(a.ReplicationFactor) {
			w.t.Fatalf("answered %+v about %v", a, t)
		}
	}
}

// quotas changes a quota of one of few, or two of the same.
func (w *world) quotas() {
	req := kmsg.NewPtrAlterClientQuotasRequest()
	req.ValidateOnly = rapid.IntRange(0, 9).Draw(w.t, "validate only") == 0
	for range rapid.IntRange(1, 2).Draw(w.t, "entries") {
		e := kmsg.NewAlterClientQuotasRequestEntry()
		for _, kind := range rapid.SliceOfN(rapid.SampledFrom([]string{QuotaUser, QuotaClientID, QuotaIP, "x"}), 0, 2).Draw(w.t, "kinds") {
			p := kmsg.NewAlterClientQuotasRequestEntryEntity()
			p.Type = kind
			if name := rapid.SampledFrom([]string{"", "a", "::1", "default"}).Draw(w.t, "name"); name != "default" {
				p.Name = &name
			}
			e.Entity = append(e.Entity, p)
		}
		for _, key := range rapid.SliceOfN(rapid.SampledFrom([]string{"producer_byte_rate", "request_percentage", "connection_creation_rate"}), 0, 2).Draw(w.t, "keys") {
			op := kmsg.NewAlterClientQuotasRequestEntryOp()
			op.Key, op.Remove, op.Value = key, rapid.Bool().Draw(w.t, "remove"), rapid.SampledFrom([]float64{0.5, 1, 2, 1e12, math.NaN()}).Draw(w.t, "value")
			e.Ops = append(e.Ops, op)
		}
		req.Entries = append(req.Entries, e)
	}
	w.do(AlterClientQuotas{req})
}

// entries makes entries of few, of which those that are there are made once, or deletes some.
func (w *world) entries() {
	names, operations := rapid.SampledFrom([]string{"", "a", "ab", "*"}), rapid.Int8Range(1, 4)
	if rapid.IntRange(0, 2).Draw(w.t, "delete") == 0 {
		f := kmsg.NewDeleteACLsRequestFilter()
		f.ResourceType, f.ResourcePatternType, f.Operation, f.PermissionType = 1, kmsg.ACLResourcePatternType(rapid.Int8Range(0, 4).Draw(w.t, "pattern")), 1, 1
		if name := names.Draw(w.t, "name"); name != "" {
			f.ResourceName = &name
		}
		resp := w.do(DeleteACLs{&kmsg.DeleteACLsRequest{Filters: []kmsg.DeleteACLsRequestFilter{f, f}}}).Body.(*kmsg.DeleteACLsResponse)
		for _, x := range resp.Results[0].MatchingACLs {
			if w.c.image.ACLs().Has(EntryOf(int8(x.ResourceType), int8(x.ResourcePatternType), x.ResourceName, x.Principal, x.Host, int8(x.Operation), int8(x.PermissionType))) {
				w.t.Fatalf("%+v was deleted and is there", x)
			}
		}
		return
	}
	req := kmsg.NewPtrCreateACLsRequest()
	for range rapid.IntRange(1, 3).Draw(w.t, "entries") {
		x := kmsg.NewCreateACLsRequestCreation()
		x.ResourceType, x.ResourceName, x.ResourcePatternType = 2, names.Draw(w.t, "name"), kmsg.ACLResourcePatternType(rapid.Int8Range(2, 4).Draw(w.t, "pattern"))
		x.Principal, x.Host, x.Operation, x.PermissionType = "User:x", "*", kmsg.ACLOperation(operations.Draw(w.t, "operation")), 3
		req.Creations = append(req.Creations, x)
	}
	resp := w.do(CreateACLs{req}).Body.(*kmsg.CreateACLsResponse)
	for i, x := range req.Creations {
		e := EntryOf(int8(x.ResourceType), int8(x.ResourcePatternType), x.ResourceName, x.Principal, x.Host, int8(x.Operation), int8(x.PermissionType))
		if w.c.image.ACLs().Has(e) != (resp.Results[i].ErrorCode == 0) {
			w.t.Fatalf("%+v: %+v", e, resp.Results[i])
		}
	}
}

// scram changes credentials of few users: what is answered is what is so then.
func (w *world) scram() {
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	names := rapid.SampledFrom([]string{"", "a", "b"})
	mechanisms := rapid.Int8Range(0, 3)
	for range rapid.IntRange(0, 2).Draw(w.t, "deletions") {
		req.Deletions = append(req.Deletions, kmsg.AlterUserSCRAMCredentialsRequestDeletion{Name: names.Draw(w.t, "user"), Mechanism: mechanisms.Draw(w.t, "mechanism")})
	}
	for range rapid.IntRange(0, 2).Draw(w.t, "upsertions") {
		req.Upsertions = append(req.Upsertions, kmsg.AlterUserSCRAMCredentialsRequestUpsertion{Name: names.Draw(w.t, "user"), Mechanism: mechanisms.Draw(w.t, "mechanism"),
			Iterations: rapid.SampledFrom([]int32{4095, 4096, 16384, 16385}).Draw(w.t, "iterations"), Salt: []byte{1}, SaltedPassword: []byte{2}})
	}
	for _, x := range w.do(AlterUserScramCredentials{req}).Body.(*kmsg.AlterUserSCRAMCredentialsResponse).Results {
		if x.ErrorCode != 0 {
			continue
		}
		for _, d := range req.Deletions {
			if _, ok := w.c.image.Scram(sasl.Scram(d.Mechanism), d.Name); ok && d.Name == x.User {
				w.t.Fatalf("%+v is there and was said to be deleted", d)
			}
		}
		for _, u := range req.Upsertions {
			if c, _ := w.c.image.Scram(sasl.Scram(u.Mechanism), u.Name); u.Name == x.User && c.Iterations != u.Iterations {
				w.t.Fatalf("%+v is not there and was said to be: %+v", u, c)
			}
		}
	}
}

// Whatever is asked, in whatever order: decisions change nothing, everybody who
// replays the records agrees, and the rules of leaders and ISRs hold.
func TestCommands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settings(rapid.Bool().Draw(t, "unclean by default"))
		w := &world{t: t, c: New(s), standby: NewImage(), leaders: map[string]int32{}, epochs: map[int32]int64{}}
		broker := rapid.Int32Range(1, 4)
		incarnation := byte(0)
		register := func(id int32, fresh bool) {
			req := kmsg.NewPtrBrokerRegistrationRequest()
			req.BrokerID = id
			if b := w.c.image.Brokers[id]; b != nil && !fresh {
				req.IncarnationID = b.Incarnation
			} else {
				incarnation++
				req.IncarnationID = [16]byte{incarnation}
			}
			l := kmsg.NewBrokerRegistrationRequestListener()
			l.Host, l.Port = fmt.Sprintf("b%d", id), 9092
			req.Listeners = append(req.Listeners, l)
			w.do(Register{req})
		}
		heartbeat := func(id int32, fence, shutdown bool) {
			req := kmsg.NewPtrBrokerHeartbeatRequest()
			req.BrokerID, req.BrokerEpoch = id, w.epoch(id)
			req.CurrentMetadataOffset = w.c.image.Offset
			if rapid.IntRange(0, 4).Draw(t, "behind") == 0 {
				req.CurrentMetadataOffset = rapid.Int64Range(-1, w.c.image.Offset).Draw(t, "offset")
			}
			req.WantFence, req.WantShutdown = fence, shutdown
			w.do(Heartbeat{req})
		}
		for id := int32(1); id <= 3; id++ { // most of what matters needs brokers
			register(id, true)
			heartbeat(id, false, false)
		}
		t.Repeat(map[string]func(*rapid.T){
			"register":  func(t *rapid.T) { register(broker.Draw(t, "broker"), rapid.Bool().Draw(t, "fresh")) },
			"heartbeat": func(t *rapid.T) { heartbeat(broker.Draw(t, "broker"), false, false) },
			"everybody lives": func(t *rapid.T) {
				for id := int32(1); id <= 4; id++ {
					heartbeat(id, false, false)
				}
			},
			"stop": func(t *rapid.T) {
				heartbeat(broker.Draw(t, "broker"), rapid.Bool().Draw(t, "fence"), rapid.Bool().Draw(t, "shutdown"))
			},
			"time passes": func(t *rapid.T) {
				w.now.Mono = w.now.Mono.Add(time.Duration(rapid.Int64Range(0, int64(sessionTimeout)).Draw(t, "time")))
			},
			"sessions end": func(t *rapid.T) {
				w.now.Mono = max(w.now.Mono, min(w.c.NextExpiry(), w.now.Mono.Add(sessionTimeout)))
				for _, id := range w.c.Expired(w.now) {
					w.do(Expire{id})
					if !w.c.image.Brokers[id].Fenced {
						t.Fatalf("broker %d has expired and is not fenced", id)
					}
				}
			},
			"expire anybody": func(t *rapid.T) { w.do(Expire{broker.Draw(t, "broker")}) },
			"create":         func(*rapid.T) { w.create() },
			"alter":          func(*rapid.T) { w.alter() },
			"move":           func(*rapid.T) { w.move() },
			"elect":          func(*rapid.T) { w.elect() },
			"rebalance":      func(*rapid.T) { w.do(Rebalance{}) },
			"elect unclean":  func(*rapid.T) { w.do(ElectUnclean{}) },
			"producer ids": func(t *rapid.T) {
				req := kmsg.NewPtrAllocateProducerIDsRequest()
				req.BrokerID = broker.Draw(t, "broker")
				req.BrokerEpoch = w.epoch(req.BrokerID)
				resp := w.do(AllocateProducerIDs{req}).Body.(*kmsg.AllocateProducerIDsResponse)
				if resp.ErrorCode == 0 {
					if resp.ProducerIDStart < w.pids || resp.ProducerIDLen != ProducerIDBlock {
						t.Fatalf("block of %d from %d after %d", resp.ProducerIDLen, resp.ProducerIDStart, w.pids)
					}
					w.pids = resp.ProducerIDStart + int64(resp.ProducerIDLen)
				}
			},
			"quotas":  func(*rapid.T) { w.quotas() },
			"scram":   func(*rapid.T) { w.scram() },
			"acls":    func(*rapid.T) { w.entries() },
			"restart": func(*rapid.T) { w.restart(s) },
		})
	})
}

// snapshot holds the image against one that was made of its snapshot.
func (w *world) snapshot() {
	im := w.c.image
	var records []Record
	for _, r := range im.Records() {
		decoded, err := DecodeRecord(EncodeRecord(r))
		if err != nil {
			w.t.Fatalf("%#v in a snapshot: %v", r, err)
		}
		records = append(records, decoded)
	}
	again, err := LoadImage(im.Offset, records)
	if err != nil || again.String() != im.String() {
		w.t.Fatalf("a snapshot of\n%vis loaded as\n%v, %v", im, again, err)
	}
}
