package log

import (
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// reconfigure takes over the settings that were changed while the broker runs (KIP-226): its
// own above those of all brokers, and both above those that it was started with.
func (b *Broker) reconfigure(now machine.Instant, out *machine.Effects) error {
	if !b.reconfigured {
		return nil
	}
	b.reconfigured = false
	fetchers := b.cfg.Settings.NumReplicaFetchers
	b.cfg.Settings = b.static.With(b.image.BrokerConfigs[controller.AllBrokers]).With(b.image.BrokerConfigs[b.cfg.ID])
	for _, p := range b.partitions {
		if p.SetTopic(b.topicConfig(p.TP().Topic)); p.Compacted() {
			b.cleaning.wake(now)
		}
		b.flush(p, out)
		b.touch(p)
		if b.cfg.Settings.NumReplicaFetchers != fetchers {
			if err := b.assignFetcher(p); err != nil {
				return err
			}
		}
	}
	b.retention.needed = len(b.partitions) > 0 // what is kept may have changed
	return nil
}

// forwardConfigs passes on a change of configuration, for which the client sets no time. The
// settings of a broker are changed by way of that broker (ConfigAdminManager.preprocess).
func (b *Broker) forwardConfigs(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	resp := refused(req.Body, wire.None)
	bad := false
	check := func(kind kmsg.ConfigResourceType, name string, code *int16, message **string) {
		if kind != kmsg.ConfigResourceTypeBroker || name == "" || name == strconv.Itoa(int(b.cfg.ID)) {
			return
		}
		why := fmt.Sprintf("Unexpected broker id, expected %d, but received %s", b.cfg.ID, name)
		if _, err := strconv.ParseInt(name, 10, 32); err != nil {
			why = "Node id must be an integer, but it is: " + name
		}
		*code, *message, bad = wire.InvalidRequest, &why, true
	}
	switch resp := resp.(type) {
	case *kmsg.AlterConfigsResponse:
		for i := range resp.Resources {
			x := &resp.Resources[i]
			check(x.ResourceType, x.ResourceName, &x.ErrorCode, &x.ErrorMessage)
		}
	case *kmsg.IncrementalAlterConfigsResponse:
		for i := range resp.Resources {
			x := &resp.Resources[i]
			check(x.ResourceType, x.ResourceName, &x.ErrorCode, &x.ErrorMessage)
		}
	}
	if !bad {
		b.forward(now.Mono, c, req, req.Body, int32(controllerTimeout.Milliseconds()))
		return
	}
	// Kafka does what it can of the others. Nobody asks one broker about two.
	b.answer(c, &req, resp, nil, out)
}
