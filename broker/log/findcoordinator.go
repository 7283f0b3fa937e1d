package log

import (
	"encoding/base64"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// What a coordinator is asked for of (FindCoordinatorRequest.CoordinatorType).
const (
	ofGroup int8 = iota
	ofTransaction
	ofShares
)

// findCoordinator says which broker coordinates a group or a transactional id: the one that
// leads its partition of the internal topic, as far as this broker has replayed the metadata.
// The topic is created if it is not there.
//
// A broker without coordinators serves the API all the same, because librdkafka sends lz4 as
// it is, and says nothing, where it does not see version 0 of it.
func (b *Broker) findCoordinator(now machine.Instant, c *conn, body *kmsg.FindCoordinatorRequest) *kmsg.FindCoordinatorResponse {
	resp := kmsg.NewPtrFindCoordinatorResponse()
	resp.Coordinators = []kmsg.FindCoordinatorResponseCoordinator{}
	const ofSeveral = 4
	if body.Version < ofSeveral {
		resp.ErrorCode, resp.NodeID, resp.Host, resp.Port = b.coordinatorOf(now, c, body, body.CoordinatorKey)
		resp.ErrorMessage = b.whyNoCoordinator(body, resp.ErrorCode)
		return resp
	}
	for _, key := range body.CoordinatorKeys {
		x := kmsg.NewFindCoordinatorResponseCoordinator()
		x.Key = key
		x.ErrorCode, x.NodeID, x.Host, x.Port = b.coordinatorOf(now, c, body, key)
		x.ErrorMessage = b.whyNoCoordinator(body, x.ErrorCode)
		resp.Coordinators = append(resp.Coordinators, x)
	}
	return resp
}

// coordinatorOf is where to find the coordinator of a group or a transactional id.
func (b *Broker) coordinatorOf(now machine.Instant, c *conn, body *kmsg.FindCoordinatorRequest, id string) (code int16, node int32, host string, port int32) {
	kind := body.CoordinatorType
	topic := coordinator.Offsets
	switch {
	case body.Version == 0, kind == ofGroup:
	case kind == ofTransaction:
		topic = coordinator.Transactions
	case kind == ofShares && b.cfg.ShareVersion > 0 && body.Version >= 6:
		if topic = coordinator.ShareState; !isShareKey(id) {
			return wire.InvalidRequest, replica.NoLeader, "", -1
		}
	default:
		return wire.InvalidRequest, replica.NoLeader, "", -1
	}
	if !b.cfg.Coordinators {
		return wire.CoordinatorNotAvailable, replica.NoLeader, "", -1
	}
	t := b.image.Topics[topic]
	if t == nil {
		b.createTopic(now, topic)
		return wire.CoordinatorNotAvailable, replica.NoLeader, "", -1
	}
	n := coordinator.PartitionFor(id, int32(len(t.Partitions)))
	if b.cfg.Failpoints.OnAbout(failpoint.G14OtherHash, id, 0, 0) {
		hash := fnv.New32a()
		hash.Write([]byte(id))
		n = int32(hash.Sum32() % uint32(len(t.Partitions)))
	}
	info := b.image.Partition(topic, n)
	leader := b.image.Brokers[info.Leader]
	if leader == nil || leader.Fenced { // or there is none
		return wire.CoordinatorNotAvailable, replica.NoLeader, "", -1
	}
	host, port, ok := leader.Endpoint(c.listener)
	if !ok {
		return wire.CoordinatorNotAvailable, replica.NoLeader, "", -1
	}
	return 0, info.Leader, host, port
}

// isShareKey reports whether a key is "group:topic id:partition" (SharePartitionKey.validate).
func isShareKey(key string) bool {
	i := strings.LastIndexByte(key, ':')
	if i < 0 {
		return false
	}
	n, err := strconv.ParseInt(key[i+1:], 10, 32)
	j := strings.LastIndexByte(key[:i], ':')
	if j < 0 || err != nil || n < 0 || strings.TrimSpace(key[:j]) == "" {
		return false
	}
	id, err := base64.RawURLEncoding.DecodeString(key[j+1 : i])
	return err == nil && len(id) == 16
}

// whyNoCoordinator is what Kafka says beside a code, if anything.
func (b *Broker) whyNoCoordinator(body *kmsg.FindCoordinatorRequest, code int16) *string {
	why := "The coordinator is not available."
	const ofSeveral = 4
	switch {
	case code == wire.None && body.Version < ofSeveral:
		why = "NONE"
	case body.Version >= ofSeveral && (code != wire.InvalidRequest || body.CoordinatorType == ofShares):
		why = "" // Kafka leaves it out there
	case code == wire.InvalidRequest:
		why = malformed
	}
	return &why
}
