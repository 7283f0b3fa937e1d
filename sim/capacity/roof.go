package capacity

import (
	"fmt"
	"time"

	"brokersim/checker/result"
	"brokersim/sim/profile"
	"brokersim/sim/roofline"
)

// roofs are what no run can exceed, and then what published rules would have said.
func (s *Study) roofs(lost int64) []result.Roof {
	b, l := s.roofBroker(), s.roofLoad(lost)
	producers := roofline.Producers{Count: s.Load.Topics * s.Load.Producers, RecordNS: s.Costs.Times(profile.ProducerRecord, nanoUS)}
	roofs := roofline.Roofs(b, producers, l)
	cloud := roofline.Cloud{Storage: b.WriteBytes * b.LogDirs, Net: b.NICBits / 8}
	roofs = append(roofs, roofline.AWSEquation(cloud, l)...)
	if r := roofline.AWSScript(cloud, l); r != nil {
		roofs = append(roofs, *r)
	}
	return append(roofs, roofline.Netflix(b, l)...)
}

// roofline is the lowest of those that bound, and its resource.
func (s *Study) roofline(lost int64) (rate int64, limit string) {
	for _, r := range s.roofs(lost) {
		if r.Bound {
			return r.Rate, r.What
		}
	}
	return 0, ""
}

func (s *Study) roofBroker() roofline.Broker {
	h, c, p := s.Hardware, s.Costs, s.brokerPrices()
	perByte := int64(p.KiB) * 1000 / 1024 // ps
	return roofline.Broker{
		Cores: h.Times(profile.Cores, 1), NICBits: h.Times(profile.NICBaseline, 8*mega),
		Payload: c.Times(profile.PacketPayload, 1), Frame: c.Times(profile.PacketPayload, 1) + c.Times(profile.PacketOverhead, 1),
		LogDirs: h.Times(profile.Disks, 1), WriteBytes: h.Times(profile.DiskWrite, mega),
		FsyncUS: h.Times(profile.FsyncMedian, 1000), Joined: s.Load.Producers * s.Load.Topics * inFlight,
		Append: roofline.Cost{RequestNS: int64(p.Request), RecordNS: int64(p.Record), BytePS: 2 * perByte}, // it is taken, and appended
		Copy:   roofline.Cost{BytePS: 2 * perByte},                                                         // it is sent, and appended
		Serve:  roofline.Cost{BytePS: perByte},
	}
}

// inFlight is Kafka's max.in.flight.requests.per.connection.
const inFlight = 5

func (s *Study) roofLoad(lost int64) roofline.Load {
	c, l := &s.Cluster, &s.Load
	most := max(c.BatchSize/s.stored(), 1)
	return roofline.Load{
		Brokers: c.Brokers, Lost: lost, Partitions: l.Topics * l.Partitions, RF: c.RF, Groups: l.Groups,
		Readers: l.Topics * l.Members, ReadNS: int64(s.readCost()),
		Value: l.value(), Stored: s.stored() + s.Costs.Times(profile.BatchHeader, 1)/most, BatchMilli: most * 1000, SyncEvery: c.SyncEvery,
	}
}

// readCost is how long a record takes a reader.
func (s *Study) readCost() time.Duration {
	return s.Load.Work + duration(s.Costs, profile.ConsumerRecord, nanoUS)
}

// gap explains why a knee lies more than a quarter below the roofline, from the point
// nearest to it: what is busiest there, and what is waited for.
func (s *Study) gap(c *result.Curve, knee int64) string {
	if knee == 0 || c.Roofline == 0 || knee*4 >= c.Roofline*3 {
		return ""
	}
	var at *result.Point
	for i := range c.Points {
		if p := &c.Points[i]; p.Offered <= knee && (at == nil || p.Offered > at.Offered) {
			at = p
		}
	}
	text := fmt.Sprintf("the roofline is %s records/s, the SLO ends at %s: ", result.Count(c.Roofline), result.Count(knee))
	busiest := busiest(at)
	switch {
	case busiest == nil:
		return text + "the latency of the way there and back binds before any resource"
	case busiest.Busy >= 800:
		return text + fmt.Sprintf("the %s of %s is busy %s of the time, and what waits for it waits %s", busiest.Resource, busiest.Node, percent(busiest.Busy), micros(busiest.WaitUS))
	}
	return text + fmt.Sprintf("no resource is busy all the time (the %s of %s is for %s), but requests wait for each other: followers fetch one answer after the other, and a connection is served in order",
		busiest.Resource, busiest.Node, percent(busiest.Busy))
}

// busiest is the resource that breaks first; nil if none is known.
func busiest(p *result.Point) (u *result.Utilisation) {
	if p == nil {
		return nil
	}
	for i := range p.Utilisation {
		if u == nil || p.Utilisation[i].Busy > u.Busy {
			u = &p.Utilisation[i]
		}
	}
	return u
}

func percent(thousandths int64) string { return fmt.Sprintf("%d %%", (thousandths+5)/10) }

func micros(us int64) string { return time.Duration(us * int64(time.Microsecond)).String() }
