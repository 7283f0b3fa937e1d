package storage

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// The names of Kafka's files beside the logs, in the directory of all logs of a node.
const (
	RecoveryPointFile = "recovery-point-offset-checkpoint"
	HighWatermarkFile = "replication-offset-checkpoint"
	LogStartFile      = "log-start-offset-checkpoint"
	CleanerOffsetFile = "cleaner-offset-checkpoint"
	CleanShutdownFile = ".kafka_cleanshutdown"
)

// PartitionOffset is one line of an offset checkpoint.
type PartitionOffset struct {
	Topic     string
	Partition int32
	Offset    int64
}

// FormatOffsets is an offset checkpoint (OffsetCheckpointFile): a version, the number of
// entries, and a topic, partition and offset a line.
func FormatOffsets(list []PartitionOffset) []byte {
	b := fmt.Appendf(nil, "%d\n%d\n", checkpointVersion, len(list))
	for _, e := range list {
		b = fmt.Appendf(b, "%s %d %d\n", e.Topic, e.Partition, e.Offset)
	}
	return b
}

// ParseOffsets reads an offset checkpoint. The error names the line.
func ParseOffsets(b []byte) ([]PartitionOffset, error) {
	return parseLines(b, 3, func(f []string) (e PartitionOffset, err error) {
		n, err := strconv.ParseUint(f[1], 10, 31)
		if err != nil {
			return e, fmt.Errorf("partition %q", f[1])
		}
		offset, err := strconv.ParseUint(f[2], 10, 63)
		if err != nil {
			return e, fmt.Errorf("offset %q", f[2])
		}
		return PartitionOffset{f[0], int32(n), int64(offset)}, nil
	})
}

// EpochStart is one line of a leader-epoch-checkpoint: where a leader epoch begins in a
// log (KIP-101).
type EpochStart struct {
	Epoch int32
	Start int64
}

func formatEpochs(list []EpochStart) []byte {
	b := fmt.Appendf(nil, "%d\n%d\n", checkpointVersion, len(list))
	for _, e := range list {
		b = fmt.Appendf(b, "%d %d\n", e.Epoch, e.Start)
	}
	return b
}

// parseEpochs reads a leader-epoch-checkpoint, in which both numbers must rise.
func parseEpochs(b []byte) ([]EpochStart, error) {
	last := EpochStart{-1, -1}
	return parseLines(b, 2, func(f []string) (e EpochStart, err error) {
		epoch, err := strconv.ParseUint(f[0], 10, 31)
		if err != nil {
			return e, fmt.Errorf("leader epoch %q", f[0])
		}
		start, err := strconv.ParseUint(f[1], 10, 63)
		if err != nil {
			return e, fmt.Errorf("offset %q", f[1])
		}
		if e = (EpochStart{int32(epoch), int64(start)}); e.Epoch <= last.Epoch || e.Start <= last.Start {
			return e, fmt.Errorf("epoch %d at %d after epoch %d at %d", e.Epoch, e.Start, last.Epoch, last.Start)
		}
		last = e
		return e, nil
	})
}

const checkpointVersion = 0

// parseLines reads a version, a number of lines and those lines, of so many fields each.
// The file must be whole.
func parseLines[E any](b []byte, fields int, parse func([]string) (E, error)) ([]E, error) {
	lines := strings.Split(string(b), "\n")
	switch {
	case lines[len(lines)-1] != "":
		return nil, fmt.Errorf("line %d has no end", len(lines))
	case len(lines) < 3:
		return nil, fmt.Errorf("line %d: there is no more", len(lines))
	case lines[0] != strconv.Itoa(checkpointVersion):
		return nil, fmt.Errorf("line 1: version %.20q, not %d", lines[0], checkpointVersion)
	case lines[1] != strconv.Itoa(len(lines)-3):
		return nil, fmt.Errorf("line 2: %.20q entries, and there are %d", lines[1], len(lines)-3)
	}
	list := make([]E, 0, len(lines)-3)
	for i, line := range lines[2 : len(lines)-1] {
		f := strings.Split(line, " ")
		if len(f) != fields {
			return nil, fmt.Errorf("line %d: %d fields, not %d", i+3, len(f), fields)
		}
		e, err := parse(f)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+3, err)
		}
		list = append(list, e)
	}
	return list, nil
}

// cleanShutdown is what a .kafka_cleanshutdown file holds (CleanShutdownFileHandler).
type cleanShutdown struct {
	Version     int   `json:"version"`
	BrokerEpoch int64 `json:"brokerEpoch"`
}

// FormatCleanShutdown is the marker that a broker leaves behind that was shut down
// cleanly, with the epoch that it had.
func FormatCleanShutdown(brokerEpoch int64) []byte {
	b, err := json.Marshal(cleanShutdown{BrokerEpoch: brokerEpoch})
	if err != nil {
		panic(fmt.Sprintf("storage: marker of broker epoch %d: %v", brokerEpoch, err))
	}
	return b
}

// ParseCleanShutdown reads the marker.
func ParseCleanShutdown(b []byte) (brokerEpoch int64, err error) {
	m := cleanShutdown{Version: -1, BrokerEpoch: -1}
	if err := json.Unmarshal(b, &m); err != nil {
		return -1, err
	}
	if m.Version != 0 {
		return -1, fmt.Errorf("version %d, not 0", m.Version)
	}
	return m.BrokerEpoch, nil
}

// FormatPartitionMetadata is a partition.metadata file: the id of the topic (KIP-516).
func FormatPartitionMetadata(topicID [16]byte) []byte {
	return fmt.Appendf(nil, "version: 0\ntopic_id: %s\n", base64.RawURLEncoding.EncodeToString(topicID[:]))
}

// ParsePartitionMetadata reads a partition.metadata file.
func ParsePartitionMetadata(b []byte) (topicID [16]byte, err error) {
	for i, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		key, value, ok := strings.Cut(line, ": ")
		switch {
		case !ok:
			return topicID, fmt.Errorf("line %d: no colon", i+1)
		case key == "version" && value != "0":
			return topicID, fmt.Errorf("line %d: version %.20q, not 0", i+1, value)
		case key == "topic_id":
			id, err := base64.RawURLEncoding.DecodeString(value)
			if err != nil || len(id) != len(topicID) {
				return topicID, fmt.Errorf("line %d: topic id %.40q", i+1, value)
			}
			return [16]byte(id), nil
		}
	}
	return topicID, fmt.Errorf("no topic_id in %.40q", bytes.TrimSpace(b))
}
