package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// handler does what a request of one API asks for, and answers it now or later.
type handler func(b *Broker, now machine.Now, c *conn, req wire.Request, out *machine.Effects)

// handlers are those of a broker, by key. What ApiVersions says is made from them, so
// that an API that is advertised is one that is handled.
func handlers(cfg *BrokerConfig) (list [numAPIs]handler) {
	list[wire.ApiVersions] = (*Broker).apiVersions
	list[wire.Produce] = func(b *Broker, now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
		b.produce(now, c, req, req.Body.(*kmsg.ProduceRequest), out)
	}
	list[wire.Fetch] = func(b *Broker, now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
		b.fetch(now.Mono, c, req, req.Body.(*kmsg.FetchRequest), out)
	}
	list[wire.CreateTopics] = func(b *Broker, now machine.Now, c *conn, req wire.Request, _ *machine.Effects) {
		b.forward(now.Mono, c, req, req.Body, req.Body.(*kmsg.CreateTopicsRequest).TimeoutMillis)
	}
	list[wire.ListOffsets] = at(func(b *Broker, _ machine.Now, req *wire.Request, body *kmsg.ListOffsetsRequest) kmsg.Response {
		return b.listOffsets(req.Version, body)
	})
	list[wire.OffsetForLeaderEpoch] = at(func(b *Broker, _ machine.Now, _ *wire.Request, body *kmsg.OffsetForLeaderEpochRequest) kmsg.Response {
		return b.offsetForLeaderEpoch(body)
	})
	list[wire.Metadata] = func(b *Broker, now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
		b.answer(c, &req, b.describeTopics(now.Mono, c, req.Version, req.Body.(*kmsg.MetadataRequest)), nil, out)
	}
	list[wire.InitProducerID] = at(func(b *Broker, _ machine.Now, _ *wire.Request, body *kmsg.InitProducerIDRequest) kmsg.Response {
		return b.initProducerID(body)
	})
	if cfg.Admin != nil {
		adminHandlers(&list)
	}
	if cfg.tools() {
		toolHandlers(&list)
	}
	if cfg.Security != nil {
		securityHandlers(&list)
	}
	if cfg.Coordinators {
		groupHandlers(&list)
		transactionHandlers(&list)
	}
	if cfg.shares() {
		shareHandlers(&list)
	}
	if cfg.Admin != nil || cfg.Coordinators {
		list[wire.FindCoordinator] = func(b *Broker, now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
			b.answer(c, &req, b.findCoordinator(now.Mono, c, req.Body.(*kmsg.FindCoordinatorRequest)), nil, out)
		}
	}
	if cfg.Coordinators {
		list[wire.WriteTxnMarkers] = (*Broker).writeTxnMarkers
		list[wire.DescribeProducers] = at(func(b *Broker, _ machine.Now, _ *wire.Request, body *kmsg.DescribeProducersRequest) kmsg.Response {
			return b.describeProducers(body)
		})
	}
	return list
}

// adminHandlers are for operators and their tools.
func adminHandlers(list *[numAPIs]handler) {
	list[wire.DeleteRecords] = (*Broker).deleteRecords
	list[wire.DeleteTopics] = (*Broker).forwardDeleteTopics
	list[wire.CreatePartitions] = func(b *Broker, now machine.Now, c *conn, req wire.Request, _ *machine.Effects) {
		b.forward(now.Mono, c, req, req.Body, req.Body.(*kmsg.CreatePartitionsRequest).TimeoutMillis)
	}
	list[wire.AlterConfigs] = (*Broker).forwardConfigs
	list[wire.IncrementalAlter] = (*Broker).forwardConfigs
	list[wire.ElectLeaders] = func(b *Broker, now machine.Now, c *conn, req wire.Request, _ *machine.Effects) {
		b.forward(now.Mono, c, req, req.Body, req.Body.(*kmsg.ElectLeadersRequest).TimeoutMillis)
	}
	list[wire.AlterReassignments] = func(b *Broker, now machine.Now, c *conn, req wire.Request, _ *machine.Effects) {
		b.forward(now.Mono, c, req, req.Body, req.Body.(*kmsg.AlterPartitionAssignmentsRequest).TimeoutMillis)
	}
	list[wire.ListReassignments] = func(b *Broker, now machine.Now, c *conn, req wire.Request, _ *machine.Effects) {
		b.forward(now.Mono, c, req, req.Body, int32(controllerTimeout.Milliseconds())) // as Kafka, whatever the client gives it
	}
	list[wire.DescribeConfigs] = at(func(b *Broker, _ machine.Now, _ *wire.Request, body *kmsg.DescribeConfigsRequest) kmsg.Response {
		return b.describeConfigs(body)
	})
	list[wire.DescribeCluster] = func(b *Broker, _ machine.Now, c *conn, req wire.Request, out *machine.Effects) {
		b.answer(c, &req, b.describeCluster(c, req.Body.(*kmsg.DescribeClusterRequest)), nil, out)
	}
	list[wire.DescribeLogDirs] = at(func(b *Broker, _ machine.Now, _ *wire.Request, body *kmsg.DescribeLogDirsRequest) kmsg.Response {
		return b.describeLogDirs(body)
	})
}

// toolHandlers are for tools alone: no simulated operator asks for what they do.
func toolHandlers(list *[numAPIs]handler) {
	list[wire.DescribeClientQuotas] = at(func(b *Broker, _ machine.Now, _ *wire.Request, body *kmsg.DescribeClientQuotasRequest) kmsg.Response {
		return b.describeClientQuotas(body)
	})
	list[wire.AlterClientQuotas] = func(b *Broker, now machine.Now, c *conn, req wire.Request, _ *machine.Effects) {
		b.forward(now.Mono, c, req, req.Body, int32(controllerTimeout.Milliseconds()))
	}
	list[wire.UpdateFeatures] = at(func(b *Broker, _ machine.Now, req *wire.Request, body *kmsg.UpdateFeaturesRequest) kmsg.Response {
		return b.updateFeatures(req.Version, body)
	})
}

// securityHandlers are about who a client is.
func securityHandlers(list *[numAPIs]handler) {
	// What may come on a connection whose client is known, or need not be, comes here.
	list[wire.SASLHandshake] = at(func(*Broker, machine.Now, *wire.Request, *kmsg.SASLHandshakeRequest) kmsg.Response {
		resp := kmsg.NewPtrSASLHandshakeResponse()
		resp.ErrorCode, resp.SupportedMechanisms = wire.IllegalSASLState, []string{}
		return resp
	})
	list[wire.SASLAuthenticate] = at(func(*Broker, machine.Now, *wire.Request, *kmsg.SASLAuthenticateRequest) kmsg.Response {
		resp := kmsg.NewPtrSASLAuthenticateResponse()
		why := "SaslAuthenticate request received after successful authentication"
		resp.ErrorCode, resp.ErrorMessage, resp.SASLAuthBytes = wire.IllegalSASLState, &why, []byte{}
		return resp
	})
	list[wire.DescribeUserSCRAMCredentials] = at(func(b *Broker, _ machine.Now, _ *wire.Request, body *kmsg.DescribeUserSCRAMCredentialsRequest) kmsg.Response {
		return b.describeScram(body)
	})
	list[wire.DescribeACLs] = at(func(b *Broker, _ machine.Now, _ *wire.Request, body *kmsg.DescribeACLsRequest) kmsg.Response {
		return b.describeACLs(body)
	})
	list[wire.CreateACLs], list[wire.DeleteACLs] = (*Broker).forwardACLs, (*Broker).forwardACLs
	list[wire.AlterUserSCRAMCredentials] = func(b *Broker, now machine.Now, c *conn, req wire.Request, _ *machine.Effects) {
		b.forward(now.Mono, c, req, req.Body, int32(controllerTimeout.Milliseconds()))
	}
}

// at is a handler that answers at once.
func at[T kmsg.Request](answer func(*Broker, machine.Now, *wire.Request, T) kmsg.Response) handler {
	return func(b *Broker, now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
		b.answer(c, &req, answer(b, now, &req, req.Body.(T)), nil, out)
	}
}

// servedBy is the table of what is handled.
func servedBy(list *[numAPIs]handler, cfg *BrokerConfig) *wire.Table {
	t := wire.BrokerTable().With(wire.BrokerAdmin()).With(wire.BrokerTools()).With(wire.BrokerSecurity())
	if cfg.Coordinators {
		t = t.Replace(wire.BrokerCoordinators())
	}
	if cfg.shares() {
		t = t.With(wire.BrokerShares())
	}
	return t.Only(func(key int16) bool { return list[key] != nil })
}

func (b *Broker) apiVersions(_ machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	b.answer(c, &req, b.versions(&req), nil, out)
}

func (b *Broker) versions(req *wire.Request) *kmsg.ApiVersionsResponse {
	resp := b.serves.ApiVersions()
	switch body := req.Body.(*kmsg.ApiVersionsRequest); {
	case req.UnsupportedVersion:
		resp.ErrorCode = wire.UnsupportedVersion
	case req.Version >= 3 && !(softwareName(body.ClientSoftwareName) && softwareName(body.ClientSoftwareVersion)):
		resp.ErrorCode, resp.ApiKeys = wire.InvalidRequest, []kmsg.ApiVersionsResponseApiKey{}
	case b.cfg.Coordinators:
		b.features(req.Version, resp)
	}
	return resp
}

// softwareName reports whether s may name a client or its version (KIP-511): letters and
// digits, with dots and dashes between them.
func softwareName(s string) bool {
	ends := func(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' }
	for i := range len(s) {
		if c := s[i]; !ends(c) && (c != '.' && c != '-' || i == 0 || i == len(s)-1) {
			return false
		}
	}
	return s != ""
}
