package capacity

import (
	"fmt"
	"time"

	"brokersim/sim"
	"brokersim/sim/profile"
	"brokersim/sim/scenario"
)

// comparedHardware is the computer of every broker of a comparison.
const comparedHardware = "aws-i3en.2xlarge"

// Compared are the machines on which kinds of broker are compared under more than they can
// take: the same computer for each, and what a message costs there by kind. A queue is one
// process; the queues of a message, so many, work side by side, and it costs the broker what
// it costs one of them: a part when it is taken, and one whenever it is handed over. Pub/sub
// has one thread. Clients cost nothing. About says it in words.
func Compared(queues int) (machines map[string]*scenario.Machines, about string, err error) {
	s := &Study{NoInterference: true, clean: true}
	if s.Hardware, err = profile.Hardware(comparedHardware); err != nil {
		return nil, "", err
	}
	sheets := map[string]*profile.Sheet{}
	for _, name := range []string{"kafka", "rabbitmq", "redis"} {
		if sheets[name], err = profile.Costs(name); err != nil {
			return nil, "", err
		}
	}
	s.Costs = sheets["kafka"]
	if err := s.checkSheets(); err != nil {
		return nil, "", err
	}
	if err := sheets["rabbitmq"].Need(profile.ClassicQueue); err != nil {
		return nil, "", err
	}
	if err := sheets["redis"].Need(profile.PubSubPublish, profile.PubSubDelivery); err != nil {
		return nil, "", err
	}
	log := s.machines(0)
	log.Producer, log.Reader = scenario.Machine{}, scenario.Machine{}
	message := duration(sheets["rabbitmq"], profile.ClassicQueue, nanoUS)
	publish, deliver := duration(sheets["redis"], profile.PubSubPublish, nanoUS), duration(sheets["redis"], profile.PubSubDelivery, nanoUS)
	machines = map[string]*scenario.Machines{
		scenario.KindLog:    log,
		scenario.KindQueue:  priced(log, 1, sim.Prices{Record: message / time.Duration(queues+1)}),
		scenario.KindPubSub: priced(log, 1, sim.Prices{Request: publish, Record: deliver}),
	}
	return machines, comparedAbout(log, queues, message, publish, deliver), nil
}

func comparedAbout(log *scenario.Machines, queues int, message, publish, deliver time.Duration) string {
	p := &log.Broker.Hardware.Prices
	return fmt.Sprintf("every broker is an %s (network, disk, page cache); a log has its %d cores, a request costs %v and a KiB %v (cost sheet kafka); "+
		"a message costs a queue's process %v, and the %d queues of one work side by side (rabbitmq, classic); "+
		"pub/sub has one thread, a publish costs %v and a delivery %v (redis); clients cost nothing",
		comparedHardware, log.Broker.Cores, p.Request, p.KiB, message, queues, publish, deliver)
}

// priced are machines of which a broker has other cores, on which work costs something else.
func priced(m *scenario.Machines, cores int, p sim.Prices) *scenario.Machines {
	c := *m
	c.Broker.Cores, c.Broker.Hardware.Prices = cores, p
	return &c
}
