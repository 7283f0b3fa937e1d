package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// shareAcknowledge takes what a member says of records, and gives it none.
func (b *Broker) shareAcknowledge(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.ShareAcknowledgeRequest)
	of, ok := whoShares(body.GroupID, body.MemberID)
	var x *shareSession
	var code int16
	switch {
	case !ok:
		code = wire.InvalidRequest
	case body.ShareSessionEpoch == newShareSession:
		code = wire.InvalidShareSessionEpoch
	default:
		x, code = b.session(of, body.ShareSessionEpoch)
	}
	if code != 0 {
		resp := kmsg.NewPtrShareAcknowledgeResponse()
		resp.ErrorCode = code
		b.answer(c, &req, resp, nil, out)
		return
	}
	var all sayings
	for i := range body.Topics {
		for j := range body.Topics[i].Partitions {
			p := &body.Topics[i].Partitions[j]
			all.add(sharedTP{body.Topics[i].TopicID, p.Partition}, acksOf(p.AcknowledgementBatches))
		}
	}
	p := &parkedShare{conn: c, req: req, session: x}
	renew := body.Version >= 2 && body.IsRenewAck
	if body.ShareSessionEpoch == lastShareRequest {
		b.acknowledge(now, p, all.list, renew, out)
		b.lastRequest(now, p, out)
		return
	}
	x.next()
	b.parkShare(p)
	b.acknowledge(now, p, all.list, renew, out)
	b.tryShare(now, p, out)
}

// shareAcknowledged is the answer when all is decided.
func (b *Broker) shareAcknowledged(x *parkedShare) *kmsg.ShareAcknowledgeResponse {
	resp := kmsg.NewPtrShareAcknowledgeResponse()
	resp.AcquisitionLockTimeoutMillis = int32(b.shareLimits(x.session.of.group).Lock.Milliseconds())
	var leaders kmsg.ShareFetchResponse
	topics := make(map[[16]byte]int)
	for i := range x.acks {
		a := &x.acks[i]
		j, has := topics[a.topic]
		if !has {
			t := kmsg.NewShareAcknowledgeResponseTopic()
			t.TopicID = a.topic
			j, resp.Topics = len(resp.Topics), append(resp.Topics, t)
			topics[a.topic] = j
		}
		var leader kmsg.ShareFetchResponseTopicPartition
		b.nameLeader(x.conn.listener, a.sharedTP, a.code, &leader, &leaders)
		p := kmsg.NewShareAcknowledgeResponseTopicPartition()
		p.Partition, p.ErrorCode = a.partition, a.code
		p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = leader.CurrentLeader.LeaderID, leader.CurrentLeader.LeaderEpoch
		resp.Topics[j].Partitions = append(resp.Topics[j].Partitions, p)
	}
	for _, n := range leaders.NodeEndpoints {
		resp.NodeEndpoints = append(resp.NodeEndpoints, kmsg.ShareAcknowledgeResponseNodeEndpoint{NodeID: n.NodeID, Host: n.Host, Port: n.Port, Rack: n.Rack})
	}
	return resp
}
