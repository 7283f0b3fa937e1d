package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
)

// describeCluster answers a DescribeCluster request (KIP-700) as a broker does.
func (b *Broker) describeCluster(body *kmsg.DescribeClusterRequest) *kmsg.DescribeClusterResponse {
	const brokers = 1
	resp := kmsg.NewPtrDescribeClusterResponse()
	resp.EndpointType, resp.ClusterID, resp.ControllerID = brokers, clusterID, -1
	resp.Brokers = []kmsg.DescribeClusterResponseBroker{}
	if body.Version >= 1 && body.EndpointType != brokers {
		why := "The request was sent to an endpoint of the wrong type."
		resp.ErrorCode, resp.ErrorMessage = wire.MismatchedEndpointType, &why
		return resp
	}
	for _, id := range b.image.BrokerIDs() {
		info := b.image.Brokers[id]
		if info.Fenced {
			continue
		}
		x := kmsg.NewDescribeClusterResponseBroker()
		x.NodeID, x.Host, x.Port = id, info.Host, info.Port
		if info.Rack != "" {
			x.Rack = &info.Rack
		}
		resp.Brokers = append(resp.Brokers, x)
	}
	resp.ControllerID = b.namedController()
	return resp
}

// namedController is the broker that is said to be the controller: any passes requests
// on to it (KIP-590).
func (b *Broker) namedController() int32 {
	if b.image.Alive(b.cfg.ID) {
		return b.cfg.ID
	}
	for _, id := range b.image.BrokerIDs() {
		if !b.image.Brokers[id].Fenced {
			return id
		}
	}
	return -1
}
