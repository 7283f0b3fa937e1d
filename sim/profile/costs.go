package profile

// The fields of what work costs.
const (
	BrokerRequest     Field = "broker.request_us"
	BrokerWrite       Field = "broker.write_ms_per_MiB"         // of processor time, for what clients produce
	BrokerRead        Field = "broker.read_ms_per_MiB"          // and for what they fetch
	BrokerIngressLow  Field = "broker.ingress_ms_per_MiB_floor" // demonstrated, replication and one reader included
	BrokerBytes       Field = "broker.byte_ms_per_MiB"          // each time that one is taken, appended or sent
	BrokerRecord      Field = "broker.record_us"
	BrokerPartition   Field = "broker.partition_us" // each in a request
	BrokerHeap        Field = "broker.heap_GiB"     // of RAM, which is then no page cache
	ProducerRequest   Field = "producer.request_us"
	ProducerRecord    Field = "producer.record_us"
	ProducerBytes     Field = "producer.byte_ms_per_MiB"
	ProducerOrder     Field = "producer.record_byte_order" // n of (cpu^n + nic^n)^(1/n)
	ConsumerWake      Field = "consumer.wake_us"           // of a poll that had to wait for records
	ConsumerRecord    Field = "consumer.record_us"
	ConsumerBytes     Field = "consumer.byte_ms_per_MiB"
	BatchHeader       Field = "log.batch_header_B"
	RecordHeader      Field = "log.record_header_B"
	Amplification     Field = "log.write_amplification" // bytes on the disk for each of the log
	PacketPayload     Field = "net.packet_payload_B"
	PacketOverhead    Field = "net.packet_overhead_B"
	StreamShare       Field = "net.single_stream_share" // of the payload rate
	ZoneRTT           Field = "net.rtt_zone_ms"
	CrossZoneRTT      Field = "net.rtt_cross_zone_ms"
	SoftwareRTT       Field = "net.rtt_software_ms"                 // on top of either
	DirtyBackground   Field = "page_cache.dirty_background_percent" // of RAM: write-back begins
	DirtyHard         Field = "page_cache.dirty_percent"            // of RAM: writers wait
	DirtyExpire       Field = "page_cache.dirty_expire_s"
	GCEvery           Field = "gc.every_s" // a Poisson process with this mean
	GCMedian          Field = "gc.pause_median_ms"
	GCP99             Field = "gc.pause_p99_ms"
	LZ4               Field = "compression.lz4_MBps"
	LZ4Decompress     Field = "compression.lz4_decompress_MBps"
	LZ4Ratio          Field = "compression.lz4_ratio"
	Snappy            Field = "compression.snappy_MBps"
	SnappyDecompress  Field = "compression.snappy_decompress_MBps"
	SnappyRatio       Field = "compression.snappy_ratio"
	Zstd1             Field = "compression.zstd1_MBps"
	Zstd1Decompress   Field = "compression.zstd1_decompress_MBps"
	Zstd6Ratio        Field = "compression.zstd6_ratio"
	GzipRatio         Field = "compression.gzip_ratio"
	QuorumQueue       Field = "queue.quorum_us" // a message; one server a queue
	MirroredQueue     Field = "queue.mirrored_us"
	ClassicQueue      Field = "queue.classic_us"
	CreditInitial     Field = "flow.credit_initial"
	CreditMore        Field = "flow.credit_more"
	QuorumSoftLimit   Field = "flow.quorum_soft_limit"
	PubSubDelivery    Field = "pubsub.delivery_us" // each subscriber; one server a node
	PubSubPublish     Field = "pubsub.publish_us"  // pipelined
	PubSubPublishSync Field = "pubsub.publish_unpipelined_us"
	BufferHard        Field = "buffer.hard_MB" // of a subscriber, which is then disconnected
	BufferSoft        Field = "buffer.soft_MB"
	BufferSoftFor     Field = "buffer.soft_s"
)

const (
	fromProfiler  = "perf record, or one client at a known rate and pidstat -u"
	fromSettings  = "the settings of the program"
	fromBenchmark = "a benchmark of one queue, its rate inverted"
	fromLZBench   = "lzbench on a sample of the records"
	fromSysctl    = "sysctl vm.dirty_background_ratio vm.dirty_ratio vm.dirty_expire_centisecs"
	fromGCLog     = "java -Xlog:gc"
)

var costs = &kind{
	noun: "cost sheet",
	fields: []field{
		{BrokerRequest, false, 0, 1_000_000, fromProfiler},
		{BrokerWrite, false, 0, 1_000_000, fromProfiler},
		{BrokerRead, false, 0, 1_000_000, fromProfiler},
		{BrokerIngressLow, false, 0, 1_000_000, fromProfiler},
		{BrokerBytes, false, 0, 1_000_000, fromProfiler},
		{BrokerRecord, false, 0, 1_000_000, fromProfiler},
		{BrokerPartition, false, 0, 1_000_000, fromProfiler},
		{BrokerHeap, false, 0, 1 << 20, fromSettings},
		{ProducerRequest, false, 0, 1_000_000, fromProfiler},
		{ProducerRecord, false, 0, 1_000_000, fromProfiler},
		{ProducerBytes, false, 0, 1_000_000, "openssl speed -evp aes-128-gcm for TLS; " + fromProfiler},
		{ProducerOrder, false, 1, 64, "a sweep over record sizes"},
		{ConsumerWake, false, 0, 1_000_000, "the least of end-to-end latency less that of acknowledgement, one record at a time"},
		{ConsumerRecord, false, 0, 1_000_000, fromProfiler},
		{ConsumerBytes, false, 0, 1_000_000, fromProfiler},
		{BatchHeader, true, 0, 1_000_000, "the protocol guide"},
		{RecordHeader, true, 0, 1_000_000, "the protocol guide"},
		{Amplification, false, 1, 100, "iostat beside what was produced"},
		{PacketPayload, true, 1, 65535, "ip link: the MTU less 40 bytes of headers"},
		{PacketOverhead, true, 0, 65535, "78 of Ethernet with TCP over IPv4"},
		{StreamShare, false, 0, 1, "iperf3 -P 1 beside -P 8"},
		{ZoneRTT, false, 0, 10_000, "ping within a zone"},
		{CrossZoneRTT, false, 0, 10_000, "ping between zones"},
		{SoftwareRTT, false, 0, 10_000, "the least that a request of the program takes, less ping"},
		{DirtyBackground, false, 0, 100, fromSysctl},
		{DirtyHard, false, 0, 100, fromSysctl},
		{DirtyExpire, false, 0, 86_400, fromSysctl},
		{GCEvery, false, 0, 86_400, fromGCLog},
		{GCMedian, false, 0, 100_000, fromGCLog},
		{GCP99, false, 0, 100_000, fromGCLog},
		{LZ4, false, 0, 1_000_000, fromLZBench},
		{LZ4Decompress, false, 0, 1_000_000, fromLZBench},
		{LZ4Ratio, false, 1, 1000, fromLZBench},
		{Snappy, false, 0, 1_000_000, fromLZBench},
		{SnappyDecompress, false, 0, 1_000_000, fromLZBench},
		{SnappyRatio, false, 1, 1000, fromLZBench},
		{Zstd1, false, 0, 1_000_000, fromLZBench},
		{Zstd1Decompress, false, 0, 1_000_000, fromLZBench},
		{Zstd6Ratio, false, 1, 1000, fromLZBench},
		{GzipRatio, false, 1, 1000, fromLZBench},
		{QuorumQueue, false, 0, 1_000_000, fromBenchmark},
		{MirroredQueue, false, 0, 1_000_000, fromBenchmark},
		{ClassicQueue, false, 0, 1_000_000, fromBenchmark},
		{CreditInitial, true, 0, 1_000_000, fromSettings},
		{CreditMore, true, 0, 1_000_000, fromSettings},
		{QuorumSoftLimit, true, 0, 1_000_000, fromSettings},
		{PubSubDelivery, false, 0, 1_000_000, fromBenchmark},
		{PubSubPublish, false, 0, 1_000_000, fromBenchmark},
		{PubSubPublishSync, false, 0, 1_000_000, fromBenchmark},
		{BufferHard, false, 0, 1_000_000, fromSettings},
		{BufferSoft, false, 0, 1_000_000, fromSettings},
		{BufferSoftFor, false, 0, 86_400, fromSettings},
	},
	check: func(s *Sheet) error {
		if err := s.ordered(DirtyBackground, DirtyHard); err != nil {
			return err
		}
		return s.ordered(GCMedian, GCP99)
	},
}

// Costs is the cost sheet of a name: one of [CostNames]. The error is one line
// with the nearest names.
func Costs(name string) (*Sheet, error) { return costs.load("data/costs", name) }

// CostNames are the cost sheets that come with this package, sorted.
func CostNames() []string { return names("data/costs") }
