package log

import (
	"bufio"
	"fmt"
	"strings"
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// checkpoint is the high watermarks as they are written down now and then, in
// Kafka's file and format, so that a broker that starts again knows what was
// committed. It is a hint: any lower value is as true.
type checkpoint struct {
	files    machine.Files
	interval time.Duration // replica.high.watermark.checkpoint.interval.ms
	at       machine.Instant
	known    map[wire.TP]int64 // as an earlier life has left them
	written  string
	tag      machine.Tag // of the sync of the new file; 0: none is under way
}

const (
	checkpointFile    = "replication-offset-checkpoint"
	newCheckpointFile = checkpointFile + ".tmp"
)

func (c *checkpoint) start(now machine.Instant, files machine.Files, interval time.Duration) {
	c.files, c.interval, c.at = files, interval, now.Add(interval)
	if size, ok := files.Size(checkpointFile); ok {
		if b, err := files.ReadAt(checkpointFile, 0, size); err == nil {
			c.known = parseCheckpoint(string(b.Contiguous()))
		}
	}
}

func (c *checkpoint) highWatermark(tp wire.TP) int64 { return c.known[tp] }

func (c *checkpoint) due() machine.Instant {
	if c.tag != 0 {
		return machine.Never
	}
	return c.at
}

// saveCheckpoint begins to write a new file when it is time. It takes the place
// of the old one when it is durable.
func (b *Broker) saveCheckpoint(now machine.Instant, out *machine.Effects) {
	c := &b.checkpoint
	if now < c.due() {
		return
	}
	c.at = now.Add(c.interval)
	text := b.checkpointText()
	if text == c.written || len(b.partitions) == 0 {
		return
	}
	// What cannot be written is tried again next time.
	if c.files.Remove(newCheckpointFile) != nil || c.files.Append(newCheckpointFile, machine.Literal([]byte(text))) != nil {
		return
	}
	c.written, c.tag = text, b.tag()
	out.Sync(newCheckpointFile, c.tag)
}

// synced takes the answer to the sync of the new file.
func (c *checkpoint) synced(in *machine.Input) (mine bool) {
	if in.Tag != c.tag {
		return false
	}
	c.tag = 0
	if in.Err != nil || c.files.Rename(newCheckpointFile, checkpointFile) != nil {
		c.written = ""
	}
	return true
}

// checkpointText is Kafka's OffsetCheckpointFile: the version, the number of
// entries, and a topic, partition and offset a line.
func (b *Broker) checkpointText() string {
	var s strings.Builder
	fmt.Fprintf(&s, "0\n%d\n", len(b.partitions))
	for _, p := range b.partitions {
		fmt.Fprintf(&s, "%s %d %d\n", p.TP().Topic, p.TP().Partition, p.HighWatermark())
	}
	return s.String()
}

// parseCheckpoint reads a checkpoint. A file that is not whole tells nothing.
func parseCheckpoint(text string) map[wire.TP]int64 {
	in := bufio.NewScanner(strings.NewReader(text))
	var version, n int
	if !in.Scan() || !scanExactly(in.Text(), &version) || version != 0 || !in.Scan() || !scanExactly(in.Text(), &n) {
		return nil
	}
	known := make(map[wire.TP]int64)
	for in.Scan() {
		var tp wire.TP
		var offset int64
		if !scanExactly(in.Text(), &tp.Topic, &tp.Partition, &offset) || offset < 0 || tp.Partition < 0 {
			return nil
		}
		known[tp] = offset
	}
	if len(known) != n {
		return nil
	}
	return known
}

// scanExactly reads fields separated by single spaces, and nothing else.
func scanExactly(line string, to ...any) bool {
	if len(strings.Split(line, " ")) != len(to) {
		return false
	}
	n, err := fmt.Sscan(line, to...)
	return err == nil && n == len(to)
}
