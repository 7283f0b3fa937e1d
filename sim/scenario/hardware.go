package scenario

import (
	"time"

	"brokersim/sim"
	"brokersim/sim/profile"
)

// What [BrokerHardware] needs to know of a profile. Without a field beyond these
// the part of the hardware that it is about has no bound.
func neededHardware() []profile.Field {
	return []profile.Field{profile.Cores, profile.RAM, profile.NICBaseline, profile.Disks, profile.DiskWrite}
}

// BrokerHardware is a broker on a machine: its cores, and what else it is made of.
// The error is one line, and names what the sheets do not know.
func BrokerHardware(machine, costs *profile.Sheet) (cores int, h sim.Hardware, err error) {
	if err := machine.Need(neededHardware()...); err != nil {
		return 0, h, err
	}
	if err := costs.Need(profile.BrokerRequest, profile.BrokerWrite); err != nil {
		return 0, h, err
	}
	ram := machine.Times(profile.RAM, 1<<30)
	h = sim.Hardware{
		Prices:    BrokerPrices(costs),
		NIC:       nicOf(machine, costs),
		Disk:      diskOf(machine, costs, ram),
		PageCache: max(ram-costs.Times(profile.BrokerHeap, 1<<30), 1<<20),
	}
	if every := duration(costs, profile.GCEvery, time.Second); every > 0 {
		h.GC = sim.Interference{Every: every, For: spread(costs, profile.GCMedian, profile.GCP99, "")}
	}
	return int(machine.Times(profile.Cores, 1)), h, nil
}

// BrokerPrices are what a broker's work costs a core. A broker counts the bytes
// that are produced twice, when the request comes and when they are appended, and
// those that are fetched once: half of the price of writing is charged each time,
// so that reading costs what the sheet says only if that is half of writing.
func BrokerPrices(costs *profile.Sheet) sim.Prices {
	return sim.Prices{
		Request:   duration(costs, profile.BrokerRequest, time.Microsecond),
		KiB:       duration(costs, profile.BrokerWrite, time.Millisecond) / 2 / 1024,
		Record:    duration(costs, profile.BrokerRecord, time.Microsecond),
		Partition: duration(costs, profile.BrokerPartition, time.Microsecond),
	}
}

// ProducerPrices are what a producer's work costs a core, and ConsumerPrices a
// consumer's. What the sheet does not know is free.
func ProducerPrices(costs *profile.Sheet) sim.Prices {
	return clientPrices(costs, profile.ProducerRequest, profile.ProducerRecord, profile.ProducerBytes)
}

// ConsumerPrices: see [ProducerPrices].
func ConsumerPrices(costs *profile.Sheet) sim.Prices {
	return clientPrices(costs, profile.ConsumerRequest, profile.ConsumerRecord, profile.ConsumerBytes)
}

func clientPrices(costs *profile.Sheet, request, record, bytes profile.Field) sim.Prices {
	return sim.Prices{
		Request: duration(costs, request, time.Microsecond),
		Record:  duration(costs, record, time.Microsecond),
		KiB:     duration(costs, bytes, time.Millisecond) / 1024,
	}
}

// ClientHardware is a client on a machine of which only the network is looked at.
func ClientHardware(machine, costs *profile.Sheet, prices sim.Prices) sim.Hardware {
	return sim.Hardware{Prices: prices, NIC: nicOf(machine, costs)}
}

const megabyte = 1_000_000

func nicOf(machine, costs *profile.Sheet) sim.NIC {
	n := sim.NIC{
		BytesPerSecond: machine.Times(profile.NICBaseline, megabyte),
		Payload:        costs.Times(profile.PacketPayload, 1),
		Overhead:       costs.Times(profile.PacketOverhead, 1),
	}
	if burst := machine.Times(profile.NICBurst, megabyte); burst > n.BytesPerSecond {
		n.Burst, n.Credits = burst, machine.Times(profile.NICCredits, megabyte)
	}
	return n
}

func diskOf(machine, costs *profile.Sheet, ram int64) sim.Disk {
	d := sim.Disk{
		Drives: int(machine.Times(profile.Disks, 1)),
		Write:  machine.Times(profile.DiskWrite, megabyte),
		Read:   machine.Times(profile.DiskRead, megabyte),
		Flush:  spread(machine, profile.FsyncMedian, profile.FsyncP99, profile.FsyncMean),
		Expire: duration(costs, profile.DirtyExpire, time.Second),

		Background: costs.Times(profile.DirtyBackground, ram/100),
		Limit:      costs.Times(profile.DirtyHard, ram/100),
	}
	if machine.Get(profile.DiskReadTime).Known {
		d.Seek = sim.Fixed(duration(machine, profile.DiskReadTime, time.Millisecond))
	}
	return d
}

func duration(s *profile.Sheet, f profile.Field, unit time.Duration) time.Duration {
	return time.Duration(s.Times(f, int64(unit)))
}

// spread is a distribution in milliseconds of which a median and a p99 are known,
// or only one value; nil if none is.
func spread(s *profile.Sheet, median, p99, mean profile.Field) *sim.Latency {
	m := duration(s, median, time.Millisecond)
	switch {
	case m > 0 && s.Get(p99).Known:
		return sim.LogNormal(m, max(m, duration(s, p99, time.Millisecond)))
	case s.Get(median).Known:
		return sim.Fixed(m)
	case mean != "" && s.Get(mean).Known:
		return sim.Fixed(duration(s, mean, time.Millisecond))
	}
	return nil
}
