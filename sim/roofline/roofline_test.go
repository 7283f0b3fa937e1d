package roofline

import (
	"strings"
	"testing"

	"brokersim/checker/result"
)

// m5 are the figures of AWS's article for its three sizes: 3 brokers, 3 copies, 2 groups.
func TestAWSEquation(t *testing.T) {
	for _, x := range []struct {
		size            string
		cloud           Cloud
		limit, sustains int64 // bytes a second
	}{
		{"m5.large", Cloud{Storage: 262_100_000, EBS: 81_250_000, Net: 93_750_000}, 70_312_500, 56_250_000},
		{"m5.xlarge", Cloud{Storage: 262_100_000, EBS: 143_750_000, Net: 156_250_000}, 117_187_500, 93_750_000},
		{"m5.2xlarge", Cloud{Storage: 262_100_000, EBS: 287_500_000, Net: 312_500_000}, 234_375_000, 187_500_000},
		{"no volume network", Cloud{Storage: 262_100_000, Net: 1_250_000_000}, 262_100_000, 209_680_000},
	} {
		got := AWSEquation(x.cloud, Load{Brokers: 3, RF: 3, Groups: 2, Value: 1})
		if len(got) != 2 || got[0].Rate != x.limit || got[1].Rate != x.sustains || got[0].Bound || got[1].Bound {
			t.Errorf("%s: %+v, want %d and %d", x.size, got, x.limit, x.sustains)
		}
	}
	got := AWSEquation(Cloud{EBS: 81_250_000, Net: 93_750_000}, Load{Brokers: 3, RF: 3, Groups: 2, Value: 1024})
	const how = "the least of network to it 81.3 MB/s x 3 / 3 = 81.3 MB/s, network 93.8 MB/s x 3 / (2 + 3 - 1) = 70.3 MB/s; 70.3 MB/s / 1,024 B = 68,664 records/s"
	if got[0].How != how || got[0].Rate != 68_664 {
		t.Errorf("%d %q", got[0].Rate, got[0].How)
	}
	if got := AWSEquation(Cloud{}, Load{Brokers: 3, RF: 3}); got != nil {
		t.Errorf("of nothing: %+v", got)
	}
}

// AWS's own table says 4.8 MB/s a broker of m5.large, its script 5.5 MiB/s for two
// readers.
func TestAWSScript(t *testing.T) {
	got := AWSScript(Cloud{EBS: 81 << 20, Net: 96 << 20}, Load{Brokers: 1, RF: 3, Groups: 2, Value: 1})
	if got.Rate/1000 != 5785 { // 5.517 MiB/s
		t.Errorf("%+v", got)
	}
	if want := "the less of network to the volume 81 MiB/s / 6.5 = 12.5 MiB/s and network 96 MiB/s / (5.7 + 1.5 x 2) = 11 MiB/s; x 0.5 = 5.52 MiB/s a broker; x 1: 5.79 MB/s / 1 B = 5,785,246 records/s"; got.How != want {
		t.Errorf("%q", got.How)
	}
	// A volume that is slower than the network decides.
	if slow := AWSScript(Cloud{EBS: 13 << 20, Net: 96 << 20}, Load{Brokers: 2, RF: 3, Groups: 2, Value: 1 << 20}); slow.Rate != 2 {
		t.Errorf("%+v", slow)
	}
}

func TestNetflix(t *testing.T) {
	got := Netflix(Broker{Cores: 8, NICBits: 8_400_000_000}, Load{Brokers: 3, RF: 3, Groups: 1, Value: 1024})
	// 3.15 GB/s over 1.4 x 3; 24 cores over 70 ms a MiB.
	if len(got) != 2 || got[0].Rate != 732_421 || got[1].Rate != 351_085 {
		t.Errorf("%+v", got)
	}
	// With four groups more is sent than received: 4 + 3 - 1.
	if got := Netflix(Broker{NICBits: 8_400_000_000}, Load{Brokers: 3, RF: 3, Groups: 4, Value: 1024}); got[0].Rate != 366_210 {
		t.Errorf("%+v", got)
	}
}

// Three i3en.2xlarge as in Confluent's test of 2020, where the disk was the limit:
// 655 MB/s of disk a broker and 604 MB/s measured.
func TestRoofsOfThreeBrokers(t *testing.T) {
	b := Broker{
		Cores: 8, NICBits: 8_400_000_000, LogDirs: 2, WriteBytes: 327_500_000,
		Append: Cost{RequestNS: 20_000, RecordNS: 200, BytePS: 1000}, Copy: Cost{BytePS: 500}, Serve: Cost{BytePS: 250},
	}
	l := Load{Brokers: 3, Partitions: 99, RF: 3, Groups: 1, Value: 1024, Stored: 1034, BatchMilli: 100_000}
	roofs := Roofs(b, Producers{Count: 4, RecordNS: 1060}, l)
	var names []string
	for i, r := range roofs {
		names = append(names, r.What)
		if !r.Bound || r.Source == "" || r.How == "" || i > 0 && r.Rate < roofs[i-1].Rate {
			t.Errorf("%+v", r)
		}
	}
	if got := strings.Join(names, ", "); got != "disk write, network in, network out, producer CPU, broker CPU" {
		t.Error(got)
	}
	for what, how := range map[string]string{
		"disk write":  "2 disks x 328 MB/s x 3 brokers / (3 copies x 1.05) = 624 MB/s / 1,034 B = 603,297 records/s",
		"network out": "8.4 Gbit/s x 0.949 x 3 brokers / (1 group + 3 - 1) = 997 MB/s / 1,034 B = 963,973 records/s",
		"network in":  "8.4 Gbit/s x 0.949 x 3 brokers / 3 copies = 997 MB/s / 1,034 B = 963,973 records/s",
		"broker CPU":  "8 cores x 3 brokers / (append 1 x 1.43 us + copy 2 x 0.517 us + serve 1 x 0.259 us = 2.73 us a record) = 8,802,494 records/s",
	} {
		if got := roofOf(roofs, what); got == nil || got.How != how {
			t.Errorf("%s: %+v\nwant %s", what, got, how)
		}
	}
	// Every acknowledgement waits for a disk: 2 disks x 2500 batches of 100 on each.
	l.SyncEvery = true
	b.FsyncUS = 400
	if got := roofOf(Roofs(b, Producers{}, l), "fsync"); got == nil || got.Rate != 500_000 {
		t.Errorf("%+v", got)
	}
	b.Joined = 4
	if got := roofOf(Roofs(b, Producers{}, l), "fsync"); got == nil || got.Rate != 2_000_000 {
		t.Errorf("%+v", got)
	}
}

func roofOf(roofs []result.Roof, what string) *result.Roof {
	for i := range roofs {
		if roofs[i].What == what {
			return &roofs[i]
		}
	}
	return nil
}

// A broker that leads more than its share is busy first, and a lost one takes its
// share of disks, network and copies with it.
func TestUnevenAndLost(t *testing.T) {
	b := Broker{NICBits: 8_000_000_000, Payload: 1, Frame: 1, LogDirs: 1, WriteBytes: 105_000_000}
	l := Load{Brokers: 4, Partitions: 9, RF: 2, Groups: 3, Value: 1000, Stored: 1000}
	// 3 of 9 partitions are led by one: 3 brokers' worth, 3 GB/s over 3 + 2 - 1.
	if got := roofOf(Roofs(b, Producers{}, l), "network out"); got.Rate != 750_000 || !strings.HasSuffix(got.How, "; the busiest broker leads 3 of 9 partitions") {
		t.Errorf("%+v", got)
	}
	// 5 of 18 replicas: 3.6 brokers' worth of 100 MB/s over 2 copies.
	if got := roofOf(Roofs(b, Producers{}, l), "disk write"); got.Rate != 180_000 || !strings.HasSuffix(got.How, "; the busiest broker holds 5 of 18 replicas") {
		t.Errorf("%+v", got)
	}
	l.Partitions = 0
	if got := roofOf(Roofs(b, Producers{}, l), "disk write"); got.Rate != 200_000 {
		t.Errorf("%+v", got)
	}
	// One of 4 is lost: of 2 copies 1.5 are left, on 3 disks.
	l.Lost = 1
	if got := roofOf(Roofs(b, Producers{}, l), "disk write"); got.Rate != 200_000 {
		t.Errorf("%+v", got)
	}
	if got := roofOf(Roofs(b, Producers{}, l), "network out"); got.Rate != 857_142 { // 3 GB/s over 3.5
		t.Errorf("%+v", got)
	}
}

// What a profile does not know bounds nothing.
func TestUnknownIsNoRoof(t *testing.T) {
	if got := Roofs(Broker{}, Producers{}, Load{Brokers: 3, RF: 3, Stored: 100}); got != nil {
		t.Errorf("%+v", got)
	}
	// Nobody reads and nobody follows: nothing is sent.
	if got := roofOf(Roofs(Broker{NICBits: 1000}, Producers{}, Load{Brokers: 1, RF: 1, Stored: 1}), "network out"); got != nil {
		t.Errorf("%+v", got)
	}
}

// One sender of Kreps' benchmark of 2014: 1.03 us a record and 99 MB/s are within
// 7 % of the ends of his sweep over sizes. (His headline of 821,557 for 100 B, of
// another run, is 11 % above.)
func TestProducerCombines(t *testing.T) {
	p := Producers{RecordNS: 1030, NetBytes: 99_000_000}
	for _, x := range []struct{ value, measured int64 }{{10, 945_000}, {100_000, 1060}} {
		got := ProducerRate(p, x.value+22)
		if off := (got - x.measured) * 1000 / x.measured; off < -70 || off > 70 {
			t.Errorf("%d B: %d records/s, measured %d: %d thousandths off", x.value, got, x.measured, off)
		}
	}
	if got := combined(whole(3), whole(0)); got.Cmp(whole(3)) != 0 {
		t.Errorf("CPU alone: %v", got)
	}
	// 2^(1/4) = 1.189207.
	if got := decimal(combined(whole(1), whole(1)), 5); got != "1.18921" {
		t.Error(got)
	}
}

func TestBatching(t *testing.T) {
	for _, x := range []struct {
		rate, linger, most int64
		want               Batch
	}{
		{1_000_000, 5000, 0, Batch{6000, 2917}},
		{1_000_000, 5000, 1000, Batch{6000, 2917}}, // so large that it never fills
		{1_000_000, 0, 0, Batch{1000, 0}},
		{0, 5000, 0, Batch{1000, 5000}},
		{1_000_000, 5000, 1, Batch{1000, 0}},
		{1000, 5000, 0, Batch{1005, 4988}},
		// P(Poisson(1) >= 1) = 0.63212: 1.632 records, of which one waits 632 us.
		{1_000_000, 1000, 2, Batch{1632, 387}},
		// So much that every batch fills: its first record waits for 9 more.
		{1_000_000_000, 5000, 10, Batch{10_000, 5}},
	} {
		if got := Batching(x.rate, x.linger, x.most); got != x.want {
			t.Errorf("%d/s, %d us, %d: %+v, want %+v", x.rate, x.linger, x.most, got, x.want)
		}
	}
}

// The series is the closed form where nothing fills, and never above it.
func TestBatchingAgreesWithClosedForm(t *testing.T) {
	for _, mean := range []int64{1, 2, 7, 50, 300} {
		open := Batching(mean*1_000_000, 1000, 0)
		if got := Batching(mean*1_000_000, 1000, 20*mean+40); got != open {
			t.Errorf("mean %d: %+v, closed form %+v", mean, got, open)
		}
		last := Batch{}
		for most := int64(1); most < 2*mean; most += 1 + mean/25 {
			got := Batching(mean*1_000_000, 1000, most)
			if got.RecordsMilli < last.RecordsMilli || got.RecordsMilli > open.RecordsMilli || got.RecordsMilli > most*1000 || got.WaitUS > open.WaitUS+1 {
				t.Errorf("mean %d, at most %d: %+v after %+v", mean, most, got, last)
			}
			last = got
		}
	}
}

func TestDisk(t *testing.T) {
	// 100 MB/s for three days in three copies and 20 %: 93.3 TB.
	r := Retention(100_000_000, 3*24*3600, 5_000_000_000_000, Load{Brokers: 30, RF: 3})
	if r.Bytes != 93_312_000_000_000 || r.PerNode != 3_110_400_000_000 || r.Used != 622 || r.FullAfter != 425_000 {
		t.Errorf("%+v", r)
	}
	if want := "100 MB/s x 3 d x 3 copies x 1.2 = 93.3 TB, on 30 brokers 3.11 TB each: 62.2 % of 5 TB; without deletion it is at 85 % after 4.92 d"; r.How != want {
		t.Errorf("%q", r.How)
	}
	if r := Retention(1, 1, 0, Load{Brokers: 1, RF: 1}); r.Used != 0 || r.FullAfter != 0 || r.Disk != 0 {
		t.Errorf("unknown disk: %+v", r)
	}
	// Cloudera: 32 GB at 50 MB/s hold about ten minutes.
	if s, how := CacheSeconds(32_000_000_000, 50_000_000, Load{Brokers: 1, RF: 1}); s != 640 || how != "32 GB x 1 broker / (50 MB/s x 1 copy) = 10.7 min" {
		t.Errorf("%d %q", s, how)
	}
	if n, how := Partitions(100_000, 30_000, 9_000); n != 12 || how != "the larger of 100,000 / 30,000 and 100,000 / 9,000 records/s, rounded up = 12" {
		t.Errorf("%d %q", n, how)
	}
}
