package capacity

import (
	"time"

	"brokersim/sim"
	"brokersim/sim/profile"
	"brokersim/sim/scenario"
)

// needed are the fields without which no run can be made.
var (
	neededOfHardware = []profile.Field{profile.Cores, profile.RAM, profile.NICBaseline, profile.Disks, profile.DiskWrite, profile.DiskRead}
	neededOfCosts    = []profile.Field{
		profile.BrokerRequest, profile.BrokerBytes, profile.BrokerHeap, profile.ProducerRecord,
		profile.PacketPayload, profile.PacketOverhead, profile.Amplification, profile.DirtyBackground, profile.DirtyHard, profile.DirtyExpire,
	}
)

// check says what a study needs and its sheets do not have.
func (s *Study) checkSheets() error {
	if err := s.Hardware.Need(neededOfHardware...); err != nil {
		return err
	}
	if s.Cluster.SyncEvery {
		if err := s.Hardware.Need(profile.FsyncMedian); err != nil {
			return err
		}
	}
	if s.Clients != nil {
		if err := s.Clients.Need(profile.NICBaseline); err != nil {
			return err
		}
	}
	return s.Costs.Need(append(neededOfCosts, s.rtt())...)
}

const (
	mega   = 1_000_000
	gibi   = 1 << 30
	nanoMS = int64(time.Millisecond) // of a field in ms
	nanoUS = int64(time.Microsecond)
)

// duration is a field in so many nanoseconds a unit.
func duration(s *profile.Sheet, f profile.Field, unit int64) time.Duration {
	return time.Duration(s.Times(f, unit))
}

// machines are what the nodes of a run are made of, at so many bytes a second into
// each broker's log.
func (s *Study) machines(perBroker int64) *scenario.Machines {
	m := &scenario.Machines{
		Latency:  sim.Fixed((duration(s.Costs, s.rtt(), nanoMS) + duration(s.Costs, profile.SoftwareRTT, nanoMS)) / 2),
		Broker:   scenario.Machine{Cores: int(s.Hardware.Times(profile.Cores, 1)), Hardware: s.broker(perBroker)},
		Producer: scenario.Machine{Cores: 1, Hardware: sim.Hardware{Prices: s.producerPrices()}},
		Reader:   scenario.Machine{Cores: 1, Hardware: sim.Hardware{Prices: s.readerPrices()}},
	}
	if s.Clients != nil {
		m.Producer.Hardware.NIC, m.Reader.Hardware.NIC = s.nic(s.Clients), s.nic(s.Clients)
	}
	return m
}

// rtt is what the wire adds to a way there and back.
func (s *Study) rtt() profile.Field {
	if s.Cluster.Zones > 1 {
		return profile.CrossZoneRTT
	}
	return profile.ZoneRTT
}

func (s *Study) broker(perBroker int64) sim.Hardware {
	h, c := s.Hardware, s.Costs
	ram := h.Times(profile.RAM, gibi)
	hw := sim.Hardware{
		Prices:    s.brokerPrices(),
		NIC:       s.nic(s.Hardware),
		Disk:      s.disk(ram),
		PageCache: max(ram-c.Times(profile.BrokerHeap, gibi), 1),
	}
	if !s.clean && !s.Cluster.SyncEvery {
		hw.Disk.Dirty = hw.Disk.SteadyDirty(perBroker)
	}
	if every := duration(c, profile.GCEvery, int64(time.Second)); every > 0 && !s.NoInterference {
		hw.GC = sim.Interference{Every: every, For: sim.LogNormal(duration(c, profile.GCMedian, nanoMS), duration(c, profile.GCP99, nanoMS))}
	}
	return hw
}

func (s *Study) brokerPrices() sim.Prices {
	c := s.Costs
	return sim.Prices{
		Request:   duration(c, profile.BrokerRequest, nanoUS),
		KiB:       duration(c, profile.BrokerBytes, nanoMS) / 1024,
		Record:    duration(c, profile.BrokerRecord, nanoUS),
		Partition: duration(c, profile.BrokerPartition, nanoUS),
	}
}

func (s *Study) producerPrices() sim.Prices {
	c := s.Costs
	return sim.Prices{
		Request: duration(c, profile.ProducerRequest, nanoUS), Record: duration(c, profile.ProducerRecord, nanoUS),
		KiB: duration(c, profile.ProducerBytes, nanoMS) / 1024,
	}
}

// readerPrices are those of the client alone: what records and waking up cost is time of
// the application's thread, which a record waits for before it has been read.
func (s *Study) readerPrices() sim.Prices {
	return sim.Prices{KiB: duration(s.Costs, profile.ConsumerBytes, nanoMS) / 1024}
}

// bucket is how long an interface that rests has to save for the credits that it may
// have if nobody knows how many: little enough for no plan to hang on them, and enough
// for the baseline to be one of rates and not of single frames.
const bucket = 100 * time.Millisecond

// nic is the interface of a machine. Its bucket of credits is full if its size is
// known; otherwise small, and spent: what rests below the baseline saves for a burst,
// and in the long run there is none.
func (s *Study) nic(h *profile.Sheet) sim.NIC {
	c := s.Costs
	n := sim.NIC{BytesPerSecond: h.Times(profile.NICBaseline, mega), Payload: c.Times(profile.PacketPayload, 1), Overhead: c.Times(profile.PacketOverhead, 1)}
	n.Burst, n.Credits = h.Times(profile.NICBurst, mega), h.Times(profile.NICCredits, mega)
	if len(h.Missing(profile.NICCredits)) > 0 {
		n.Credits, n.Drained = n.BytesPerSecond*int64(bucket)/int64(time.Second), true
	}
	return n
}

func (s *Study) disk(ram int64) sim.Disk {
	h, c := s.Hardware, s.Costs
	d := sim.Disk{
		Drives: int(h.Times(profile.Disks, 1)),
		// What the log writes comes with indexes and the rest.
		Write:      h.Times(profile.DiskWrite, mega) * 1000 / max(c.Times(profile.Amplification, 1000), 1000),
		Read:       h.Times(profile.DiskRead, mega),
		Background: ram / 100 * c.Times(profile.DirtyBackground, 1),
		Limit:      ram / 100 * c.Times(profile.DirtyHard, 1),
		Expire:     duration(c, profile.DirtyExpire, int64(time.Second)),
		Flush:      sim.Fixed(duration(h, profile.FsyncMedian, nanoMS)),
	}
	if seek := duration(h, profile.DiskReadTime, nanoMS); seek > 0 {
		d.Seek = sim.Fixed(seek)
	}
	if p99 := duration(h, profile.FsyncP99, nanoMS); p99 > 0 {
		d.Flush = sim.LogNormal(duration(h, profile.FsyncMedian, nanoMS), p99)
	}
	return d
}
