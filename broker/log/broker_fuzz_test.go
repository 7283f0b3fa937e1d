package log

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// Whatever comes over a connection, a broker does not panic, does not give up, and
// goes on serving the others.
func FuzzBrokerFrame(f *testing.F) {
	format := kmsg.NewRequestFormatter(kmsg.FormatterClientID("fuzz"))
	versions := kmsg.NewPtrApiVersionsRequest()
	versions.ClientSoftwareName, versions.ClientSoftwareVersion = "fuzz", "1"
	create := labCreate("more", 1)
	create.TimeoutMillis = 1000
	cfg := BrokerConfig{Admin: &Admin{Tools: true}, Coordinators: true}
	list := handlers(&cfg)
	table := servedBy(&list, &cfg)
	for _, req := range []kmsg.Request{
		versions, kmsg.NewPtrMetadataRequest(), kmsg.NewPtrInitProducerIDRequest(), create,
		produceRequest("orders", -1, time.Second, batch("a")), produceRequest("orders", 0, time.Second, batch("a", "b"), nil),
		produceRequest("orders", 1, time.Second, batchOf(7, 0, 0, "a")),
		fetchRequest("orders", 0, 1, time.Second), fetchRequest("orders", 1, 1, time.Second), followerFetch(1, 0), followerFetch(2, 0),
		listRequest("orders", -1), listRequest("orders", -2), listRequest("orders", 0), listRequest("orders", 1000), epochRequest("orders", 0, 0),
		sessionFetch(0, 0, "orders", map[int32]int64{0: 0}), sessionFetch(1, 1, "orders", nil, 0),
		moveTo("orders", 1), moveTo("orders"), kmsg.NewPtrElectLeadersRequest(), kmsg.NewPtrListPartitionReassignmentsRequest(),
		brokerConfigs("1", "log.retention.ms=1"), brokerConfigs("", "log.retention.ms"), kmsg.NewPtrDescribeConfigsRequest(),
		kmsg.NewPtrDeleteTopicsRequest(), kmsg.NewPtrCreatePartitionsRequest(), kmsg.NewPtrDescribeLogDirsRequest(), kmsg.NewPtrDescribeClusterRequest(),
		findRequest(ofGroup, "g"), findRequest(ofTransaction, "t"), joinRequest("g", ""), joinRequest("", "m"), commitRequest("g", 1, "orders", "nothing"),
		commitRequest("g", 1), fetchOffsetRequest("g", "orders"), kmsg.NewPtrSyncGroupRequest(), kmsg.NewPtrHeartbeatRequest(), kmsg.NewPtrLeaveGroupRequest(),
		kmsg.NewPtrDescribeGroupsRequest(), kmsg.NewPtrListGroupsRequest(), kmsg.NewPtrDeleteGroupsRequest(), kmsg.NewPtrOffsetDeleteRequest(),
		kmsg.NewPtrTxnOffsetCommitRequest(), kmsg.NewPtrOffsetFetchRequest(),
	} {
		api, ok := table.Find(req.Key())
		if !ok {
			f.Fatalf("%s is not served", kmsg.NameForKey(req.Key()))
		}
		for _, v := range []int16{api.Min, api.ServedFrom, api.Max} {
			req.SetVersion(v)
			f.Add(format.AppendRequest(nil, req, 1))
		}
	}
	f.Add([]byte{0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 10, 0, 18, 0, 99, 0, 0, 0, 1, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, frame []byte) {
		l := newAdministered(t, 1, nil)
		l.create("orders", nil, 1)
		l.create("others", nil, 1)
		l.coordinate("g")
		good := l.client(l.brokers[0])
		bad := l.fake("bad", "", nil)
		bad.n.machine = deaf{}
		l.perform(bad.n, &machine.Effect{Kind: machine.DoDial, Name: "b1:9092", Tag: 1})
		l.run()
		bad.send(1, bytes.Clone(frame))
		bad.send(1, bytes.Clone(frame))
		l.advance(time.Minute)
		if err := l.broker(1).Err(); err != nil {
			t.Fatal(err)
		}
		if p := ask[*kmsg.ProduceResponse](good, produceRequest("others", -1, time.Second, batch("z")), 9).Topics[0].Partitions[0]; p.ErrorCode != 0 {
			t.Errorf("another client gets %s", wire.ErrorName(p.ErrorCode))
		}
	})
}

// Whatever a controller or a leader answers, a broker does not panic; it may give
// up when the metadata make no sense.
func FuzzBrokerAnswer(f *testing.F) {
	fetch := kmsg.NewPtrFetchResponse()
	topic := kmsg.NewFetchResponseTopic()
	topic.TopicID = lonelyTopic
	p := kmsg.NewFetchResponseTopicPartition()
	p.RecordBatches, p.HighWatermark = batch("a"), 1
	topic.Partitions = append(topic.Partitions, p)
	fetch.Topics = append(fetch.Topics, topic)
	fetch.SetVersion(15)
	f.Add(fetch.AppendTo(nil))
	diverging := &fetch.Topics[0].Partitions[0].DivergingEpoch
	diverging.Epoch, diverging.EndOffset = 0, 0
	f.Add(fetch.AppendTo(nil))
	beat := kmsg.NewPtrBrokerHeartbeatResponse()
	beat.SetVersion(1)
	f.Add(beat.AppendTo(nil))
	f.Fuzz(func(t *testing.T, body []byte) {
		l, c := newServing(t, nil)
		leader := l.fake("b2", "b2:9092", wire.BrokerTable())
		c.publish(led("orders", 2, 1, 2)...)
		l.advance(2 * time.Second)
		for _, n := range []*fake{c, leader} {
			for _, r := range n.asked {
				n.send(r.conn, answerFrame(&r.Request, body))
			}
		}
		l.advance(2 * time.Second)
	})
}

// answerFrame is the frame of an answer with any body.
func answerFrame(r *wire.Request, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 4), uint32(r.Correlation))
	resp := r.Body.ResponseKind()
	if resp.SetVersion(r.Version); resp.IsFlexible() {
		b = append(b, 0)
	}
	b = append(b, body...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// deaf takes everything and says nothing.
type deaf struct{}

func (deaf) Step(machine.Now, *machine.Input, *machine.Effects) {}
func (deaf) Deadline() machine.Instant                          { return machine.Never }
