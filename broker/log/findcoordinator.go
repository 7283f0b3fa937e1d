package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
)

// findCoordinator says of every group and transaction that its coordinator is not
// available: there are none. The API is served all the same because librdkafka sends lz4
// as it is, and says nothing, where it does not see version 0 of it.
func (b *Broker) findCoordinator(body *kmsg.FindCoordinatorRequest) *kmsg.FindCoordinatorResponse {
	resp := kmsg.NewPtrFindCoordinatorResponse()
	const groups, transactions = 0, 1
	code, why := wire.CoordinatorNotAvailable, "The coordinator is not available."
	if body.Version >= 1 && body.CoordinatorType != groups && body.CoordinatorType != transactions {
		code, why = wire.InvalidRequest, malformed
	}
	const ofSeveral, shares = 4, 2
	if body.Version >= ofSeveral && (code != wire.InvalidRequest || body.CoordinatorType == shares) {
		why = "" // Kafka leaves it out there
	}
	resp.ErrorCode, resp.ErrorMessage, resp.NodeID, resp.Port = code, &why, -1, -1
	resp.Coordinators = []kmsg.FindCoordinatorResponseCoordinator{}
	for _, key := range body.CoordinatorKeys { // from version 4 on
		x := kmsg.NewFindCoordinatorResponseCoordinator()
		x.Key, x.NodeID, x.Port, x.ErrorCode, x.ErrorMessage = key, -1, -1, code, &why
		resp.Coordinators = append(resp.Coordinators, x)
	}
	return resp
}
