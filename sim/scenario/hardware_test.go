package scenario

import (
	"strings"
	"testing"
	"time"

	"brokersim/sim/profile"
)

// A published machine becomes the hardware of a broker without losing a byte.
func TestBrokerHardware(t *testing.T) {
	costs, err := profile.Costs("kafka")
	if err != nil {
		t.Fatal(err)
	}
	m, err := profile.Hardware("aws-i3en.2xlarge")
	if err != nil {
		t.Fatal(err)
	}
	cores, h, err := BrokerHardware(m, costs)
	if err != nil {
		t.Fatal(err)
	}
	if cores != 8 || h.NIC.BytesPerSecond != 1_050_000_000 || h.NIC.Burst != 3_125_000_000 || h.NIC.Credits != 0 || h.NIC.Payload != 1460 || h.NIC.Overhead != 78 {
		t.Errorf("%d cores, network %+v", cores, h.NIC)
	}
	d := h.Disk
	if d.Drives != 2 || d.Write != 327_500_000 || d.Read != 667_000_000 || d.Flush.Median() != 400*time.Microsecond || d.Seek.Median() != 125*time.Microsecond {
		t.Errorf("disk %+v", d)
	}
	const gib = 1 << 30
	if d.Background/gib != 6 || d.Limit/gib != 12 || d.Expire != 30*time.Second || h.PageCache != 58*gib {
		t.Errorf("page cache of %d, dirty from %d to %d for %v", h.PageCache, d.Background, d.Limit, d.Expire)
	}
	if p := h.Prices; p.Request != 20*time.Microsecond || p.KiB != 14648 || p.Record != 0 || p.Partition != 20*time.Microsecond {
		t.Errorf("prices %+v", p)
	}
	if h.GC.Every != 5*time.Second || h.GC.For.Median().Round(time.Microsecond) != 15*time.Millisecond {
		t.Errorf("collections of garbage %+v", h.GC)
	}
	if p := ProducerPrices(costs); p.Record != 1060 {
		t.Errorf("a producer pays %+v", p)
	}
	hdd, err := profile.Hardware("commodity-2014-hdd")
	if err != nil {
		t.Fatal(err)
	}
	if _, h, err := BrokerHardware(hdd, costs); err != nil || h.NIC.Burst != 0 || h.Disk.Flush.Median().Round(time.Microsecond) != 8*time.Millisecond {
		t.Errorf("%v: network %+v, flush %v", err, h.NIC, h.Disk.Flush.Median())
	}
}

// Every profile gives a broker, or one line that names what is missing.
func TestEveryProfileIsABrokerOrSaysWhyNot(t *testing.T) {
	costs, err := profile.Costs("kafka")
	if err != nil {
		t.Fatal(err)
	}
	whole := 0
	for _, name := range profile.HardwareNames() {
		m, err := profile.Hardware(name)
		if err != nil {
			t.Fatal(err)
		}
		missing := m.Missing(neededHardware()...)
		_, h, err := BrokerHardware(m, costs)
		switch {
		case len(missing) == 0 && (err != nil || h.Disk.Write == 0 || h.NIC.BytesPerSecond == 0 || h.PageCache == 0):
			t.Errorf("%s: %v, %+v", name, err, h)
		case len(missing) > 0 && (err == nil || !strings.Contains(err.Error(), string(missing[0])) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: %v, want a line that names %v", name, err, missing)
		}
		if err == nil {
			whole++
		}
	}
	if whole < 18 {
		t.Errorf("only %d profiles give a broker", whole)
	}
}
