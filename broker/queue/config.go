package queue

import (
	"time"

	"brokersim/faults/failpoint"
)

// Config is what a broker is started with.
type Config struct {
	Name       string // of the node: "b1"
	Seed       uint64 // with Name and Life it names queues and consumers that are given no name
	Life       uint32 // how often the node has been started before
	Settings   Settings
	Failpoints *failpoint.Set // nil: off
}

// Settings are RabbitMQ's, by the names of rabbitmq.conf that stand beside them. The
// zero value of a field means the default that it names.
type Settings struct {
	User, Password   string        // default_user, default_pass: guest, guest
	Heartbeat        time.Duration // heartbeat: 60 s
	ChannelMax       uint16        // channel_max: 2047
	FrameMax         uint32        // frame_max: 131072, and no more than that
	HandshakeTimeout time.Duration // handshake_timeout: 10 s

	// MemoryHighWatermark is how many bytes of messages are held before publishers are
	// blocked (vm_memory_high_watermark.absolute, which counts all memory); 0 is
	// without bound.
	MemoryHighWatermark int64
	// Credit is how many messages of one connection may wait for the disk before no
	// more are read, and CreditMore how many of them must be written before it goes on
	// (credit_flow_default_credit: 400, 200).
	Credit, CreditMore int

	// SegmentBytes is the size from which the journal goes on in a new file
	// (msg_store_file_size_limit: 16 MiB).
	SegmentBytes int64
	// SyncInterval is how long an acknowledgement may stay un-synced
	// (SYNC_INTERVAL of rabbit_variable_queue: 200 ms).
	SyncInterval time.Duration
}

func (s *Settings) setDefaults() {
	if s.User == "" {
		s.User, s.Password = "guest", "guest"
	}
	orDefault(&s.Heartbeat, 60*time.Second)
	orDefault(&s.ChannelMax, 2047)
	orDefault(&s.FrameMax, 131072)
	orDefault(&s.HandshakeTimeout, 10*time.Second)
	orDefault(&s.Credit, 400)
	orDefault(&s.CreditMore, 200)
	orDefault(&s.SegmentBytes, 16<<20)
	orDefault(&s.SyncInterval, 200*time.Millisecond)
}

func orDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// virtualHost is the only one that there is.
const virtualHost = "/"
