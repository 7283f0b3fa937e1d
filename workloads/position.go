package workloads

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// position is where a reader stands in one partition: everything below offset
// has been processed.
type position struct {
	tp     wire.TP
	offset int64 // -1: nothing yet
	epoch  int32 // leader epoch of the record before; -1 if not known
}

// A position file holds all positions of a reader. Every save writes a new file,
// under the next number, and the one before goes only when the new one is
// durable: a crash at any moment leaves a whole one, and a file whose sync failed
// is never written again.
const positionPrefix = "position."

func positionFile(generation uint64) string {
	return fmt.Sprintf("%s%012d", positionPrefix, generation)
}

var errPosition = errors.New("not a whole position file")

func encodePositions(list []position) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(list)))
	for _, p := range list {
		b = binary.BigEndian.AppendUint16(b, uint16(len(p.tp.Topic)))
		b = append(b, p.tp.Topic...)
		b = binary.BigEndian.AppendUint32(b, uint32(p.tp.Partition))
		b = binary.BigEndian.AppendUint64(b, uint64(p.offset))
		b = binary.BigEndian.AppendUint32(b, uint32(p.epoch))
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodePositions(b []byte) ([]position, error) {
	if len(b) < 6 {
		return nil, errPosition
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, errPosition
	}
	n := binary.BigEndian.Uint16(body)
	body = body[2:]
	list := make([]position, 0, n)
	for range n {
		if len(body) < 2 {
			return nil, errPosition
		}
		topic := int(binary.BigEndian.Uint16(body))
		body = body[2:]
		if len(body) < topic+16 {
			return nil, errPosition
		}
		p := position{tp: wire.TP{Topic: string(body[:topic])}}
		body = body[topic:]
		p.tp.Partition = int32(binary.BigEndian.Uint32(body))
		p.offset = int64(binary.BigEndian.Uint64(body[4:]))
		p.epoch = int32(binary.BigEndian.Uint32(body[12:]))
		body = body[16:]
		list = append(list, p)
	}
	if len(body) > 0 {
		return nil, errPosition
	}
	return list, nil
}

// loadPositions returns what the newest whole position file says, and the highest
// number in use; no file at all is a first start.
func loadPositions(files machine.Files) (list []position, generation uint64) {
	found := uint64(0)
	for _, name := range files.List() {
		digits, is := strings.CutPrefix(name, positionPrefix)
		g, err := strconv.ParseUint(digits, 10, 63)
		if !is || err != nil {
			continue
		}
		generation = max(generation, g)
		size, _ := files.Size(name)
		b, err := files.ReadAt(name, 0, size)
		if err != nil {
			continue
		}
		if got, err := decodePositions(b.Contiguous()); err == nil && g >= found {
			list, found = got, g
		}
	}
	return list, generation
}
