package profile

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"brokersim/broker/near"
)

// The fields of hardware. Of the disk they are those of each of its drives.
const (
	Cores        Field = "cpu.cores"     // as the operating system counts them
	Clock        Field = "cpu.clock_GHz" // for the reader only
	RAM          Field = "memory.ram_GiB"
	NICBaseline  Field = "nic.baseline_MBps" // each direction, with the packets' overhead
	NICBurst     Field = "nic.burst_MBps"    // while there are credits
	NICCredits   Field = "nic.burst_MB"      // what the bucket of credits holds
	Disks        Field = "disk.count"
	DiskWrite    Field = "disk.write_MBps" // sequential
	DiskRead     Field = "disk.read_MBps"
	DiskWriteOps Field = "disk.write_IOPS"
	DiskReadOps  Field = "disk.read_IOPS"
	DiskReadTime Field = "disk.read_p50_ms" // of a random read
	FsyncMedian  Field = "disk.fsync_p50_ms"
	FsyncP99     Field = "disk.fsync_p99_ms"
	FsyncMean    Field = "disk.fsync_mean_ms"
	PriceHour    Field = "price.hour_USD"
)

var hardware = &kind{
	noun: "hardware profile",
	fields: []field{
		{Cores, true, 1, 4096, "nproc"},
		{Clock, false, 0, 100, "lscpu"},
		{RAM, false, 0, 1 << 20, "free -g"},
		{NICBaseline, false, 0, 1_000_000, "iperf3 -c HOST -t 3600 -P 8, the last minute: bytes a second of Ethernet, Gbit/s x 125 / 0.949"},
		{NICBurst, false, 0, 1_000_000, "iperf3 -c HOST -t 60 -P 8, after an idle hour: bytes a second of Ethernet, Gbit/s x 125 / 0.949"},
		{NICCredits, false, 0, 100_000_000, "iperf3 -c HOST -t 3600 -P 8 -i 10: what was sent above the baseline before the rate fell"},
		{Disks, true, 1, 1024, "lsblk -d"},
		{DiskWrite, false, 0, 1_000_000, "dd if=/dev/zero of=FILE bs=1M count=16384 oflag=direct"},
		{DiskRead, false, 0, 1_000_000, "dd if=FILE of=/dev/null bs=1M iflag=direct"},
		{DiskWriteOps, false, 0, 100_000_000, "fio --name=w --rw=randwrite --bs=4k --direct=1 --iodepth=64 --size=16G --runtime=60 --time_based"},
		{DiskReadOps, false, 0, 100_000_000, "fio --name=r --rw=randread --bs=4k --direct=1 --iodepth=64 --size=16G --runtime=60 --time_based"},
		{DiskReadTime, false, 0, 10_000, "fio --name=r --rw=randread --bs=4k --direct=1 --iodepth=1 --size=16G --runtime=60 --time_based, clat 50.00th"},
		{FsyncMedian, false, 0, 10_000, "fio --name=s --rw=write --bs=4k --fsync=1 --size=1G --runtime=60 --time_based, sync 50.00th"},
		{FsyncP99, false, 0, 100_000, "fio --name=s --rw=write --bs=4k --fsync=1 --size=1G --runtime=60 --time_based, sync 99.00th"},
		{FsyncMean, false, 0, 10_000, "fio --name=s --rw=write --bs=4k --fsync=1 --size=1G --runtime=60 --time_based, sync avg"},
		{PriceHour, false, 0, 100_000, "the price list of whoever lets it"},
	},
	check: func(s *Sheet) error {
		if err := s.ordered(NICBaseline, NICBurst); err != nil {
			return err
		}
		return s.ordered(FsyncMedian, FsyncP99)
	},
}

// ordered is an error if both fields are known and the first is above the second.
func (s *Sheet) ordered(low, high Field) error {
	a, b := s.values[low], s.values[high]
	if a.Known && b.Known && a.Number > b.Number {
		return fmt.Errorf("%s %v is above %s %v", low, a.Number, high, b.Number)
	}
	return nil
}

//go:embed data/hardware/*.json data/costs/*.json data/sources.json data/README.md
var data embed.FS

// Hardware is the hardware profile of a name: one of [HardwareNames]. The error is
// one line with the nearest names.
func Hardware(name string) (*Sheet, error) { return hardware.load("data/hardware", name) }

// HardwareNames are the hardware profiles that come with this package, sorted.
func HardwareNames() []string { return names("data/hardware") }

// ParseHardware reads a hardware profile from the text of a file. Errors are one
// line and begin with the file's name and the line number.
func ParseHardware(file string, text []byte) (*Sheet, error) { return hardware.parse(file, text) }

func (k *kind) load(dir, name string) (*Sheet, error) {
	known := names(dir)
	if !slices.Contains(known, name) {
		return nil, fmt.Errorf("there is no %s %q%s", k.noun, name, near.Suggest(name, known))
	}
	file := path.Join(dir, name+".json")
	text, err := data.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return k.parse(file, text)
}

func names(dir string) []string {
	entries, err := data.ReadDir(dir)
	if err != nil {
		panic(err) // it was embedded
	}
	list := make([]string, len(entries))
	for i, e := range entries {
		list[i] = strings.TrimSuffix(e.Name(), ".json")
	}
	return list
}

// Source is where values come from.
type Source struct {
	Title string `json:"title"`
	URL   string `json:"url"` // empty: it is nowhere on the net
}

// Sources are the sources that values name, by their keys.
func Sources() map[string]Source {
	text, err := data.ReadFile("data/sources.json")
	all := make(map[string]Source)
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		panic(err) // it was embedded, and a test reads it
	}
	return all
}
