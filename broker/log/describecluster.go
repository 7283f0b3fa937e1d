package log

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/wire"
)

// describeCluster answers a DescribeCluster request (KIP-700) as a broker does.
func (b *Broker) describeCluster(c *conn, body *kmsg.DescribeClusterRequest) *kmsg.DescribeClusterResponse {
	const brokers, controllers = 1, 2
	resp := kmsg.NewPtrDescribeClusterResponse()
	resp.EndpointType, resp.ClusterID, resp.ControllerID = brokers, ClusterID, -1
	resp.Brokers = []kmsg.DescribeClusterResponseBroker{}
	if body.Version >= 1 && body.EndpointType != brokers {
		code, why := wire.UnsupportedEndpointType, fmt.Sprintf("Unsupported endpoint type %d", body.EndpointType)
		if body.EndpointType == controllers {
			code, why = wire.MismatchedEndpointType, "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
		}
		resp.ErrorCode, resp.ErrorMessage, resp.ClusterID = code, &why, ""
		return resp
	}
	if body.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = b.access(c).of(clusterOperations, acl.Cluster, acl.ClusterName)
	}
	for _, id := range b.image.BrokerIDs() {
		info := b.image.Brokers[id]
		host, port, ok := info.Endpoint(c.listener)
		if info.Fenced || !ok {
			continue
		}
		x := kmsg.NewDescribeClusterResponseBroker()
		x.NodeID, x.Host, x.Port = id, host, port
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
