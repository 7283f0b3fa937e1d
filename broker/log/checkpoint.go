package log

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
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
	if text == c.written || len(b.partitions) == 0 || b.cfg.Failpoints.OnAbout(failpoint.SkipCheckpoint, text, 0, 0) {
		return
	}
	err := c.files.Remove(newCheckpointFile)
	if err == nil {
		err = c.files.Append(newCheckpointFile, machine.Literal([]byte(text)))
	}
	if err != nil {
		b.fail(fmt.Errorf("write %s: %w", newCheckpointFile, err), out)
		return
	}
	b.cfg.Failpoints.Hit(failpoint.StepCheckpoint)
	c.written, c.tag = text, b.tag()
	out.Sync(newCheckpointFile, c.tag)
}

func (c *checkpoint) isMine(tag machine.Tag) bool { return c.tag != 0 && tag == c.tag }

// synced takes the answer to the sync of the new file.
func (c *checkpoint) synced(err error) error {
	c.tag = 0
	if err == nil {
		err = c.files.Rename(newCheckpointFile, checkpointFile)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", checkpointFile, err)
	}
	return nil
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
	lines := strings.Split(text, "\n")
	if len(lines) < 3 || lines[0] != "0" || lines[1] != strconv.Itoa(len(lines)-3) || lines[len(lines)-1] != "" {
		return nil
	}
	known := make(map[wire.TP]int64)
	for _, line := range lines[2 : len(lines)-1] {
		fields := strings.Split(line, " ")
		if len(fields) != 3 {
			return nil
		}
		n, err := strconv.ParseUint(fields[1], 10, 31)
		offset, err2 := strconv.ParseUint(fields[2], 10, 63)
		if err != nil || err2 != nil {
			return nil
		}
		known[wire.TP{Topic: fields[0], Partition: int32(n)}] = int64(offset)
	}
	return known
}
