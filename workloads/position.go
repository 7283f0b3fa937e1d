package workloads

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// place is a position in a partition: everything below offset has been processed.
type place struct {
	offset int64 // -1: nothing yet
	epoch  int32 // leader epoch of the record before; -1 if not known
}

var nowhere = place{-1, -1}

// position is where a reader stands in one partition, before and after the
// records that it has in hand.
type position struct {
	tp         wire.TP
	done, next place
	passed     int64 // how far auto.offset.reset has last moved it on: not saved
	worked     int64 // below it all has been processed, by this life or those before: not saved
}

// A position file holds all positions of a reader. Every save writes a new file,
// under the next number, and those before go only when the new one is durable: a
// crash at any moment leaves a whole one, and a file whose sync failed is never
// written again.
//
// A file can outlive the reader that did not live to see it durable: whoever
// finds it cannot say that its records have been processed, for nobody has said
// so. Hence both positions. The older files go in the step that takes the sync's
// answer, so as long as a durable one is there the answer has not come, and done
// is where to go on. A file that says it is the first has none before it, and
// nobody can tell. A power loss may bring an older file back; then the last records
// are processed again, which is allowed.
const positionPrefix = "position."

// What the first byte of a position file says.
const (
	positionsFirst = 1 // no file was known to be durable when it was written
	positionsNext  = 2
)

func positionFile(generation uint64) string {
	var room [len(positionPrefix) + 20]byte
	b := append(room[:0], positionPrefix...)
	for n := generation; n < 1e11; n = max(n, 1) * 10 { // twelve digits at least
		b = append(b, '0')
	}
	return string(strconv.AppendUint(b, generation, 10))
}

var errPosition = errors.New("not a whole position file")

func encodePositions(list []position, first bool) []byte {
	size := 3 + 4
	for _, p := range list {
		size += 2 + len(p.tp.Topic) + 4 + 2*12
	}
	b := append(make([]byte, 0, size), positionsNext)
	if first {
		b[0] = positionsFirst
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(list)))
	for _, p := range list {
		b = binary.BigEndian.AppendUint16(b, uint16(len(p.tp.Topic)))
		b = append(b, p.tp.Topic...)
		b = binary.BigEndian.AppendUint32(b, uint32(p.tp.Partition))
		for _, at := range [...]place{p.done, p.next} {
			b = binary.BigEndian.AppendUint64(b, uint64(at.offset))
			b = binary.BigEndian.AppendUint32(b, uint32(at.epoch))
		}
	}
	return binary.BigEndian.AppendUint32(b, checksum(b))
}

func decodePositions(b []byte) (list []position, first bool, err error) {
	if len(b) < 7 {
		return nil, false, errPosition
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if checksum(body) != sum || body[0] != positionsFirst && body[0] != positionsNext {
		return nil, false, errPosition
	}
	first, body = body[0] == positionsFirst, body[1:]
	n := binary.BigEndian.Uint16(body)
	body = body[2:]
	list = make([]position, 0, min(int(n), len(body)/(2+4+2*placeSize)))
	for range n {
		if len(body) < 2 {
			return nil, false, errPosition
		}
		topic := int(binary.BigEndian.Uint16(body))
		body = body[2:]
		if len(body) < topic+4+2*placeSize {
			return nil, false, errPosition
		}
		p := position{tp: wire.TP{Topic: string(body[:topic])}}
		body = body[topic:]
		p.tp.Partition = int32(binary.BigEndian.Uint32(body))
		p.done, p.next = decodePlace(body[4:]), decodePlace(body[4+placeSize:])
		body = body[4+2*placeSize:]
		list = append(list, p)
	}
	if len(body) > 0 {
		return nil, false, errPosition
	}
	return list, first, nil
}

const placeSize = 8 + 4

func decodePlace(b []byte) place {
	return place{int64(binary.BigEndian.Uint64(b)), int32(binary.BigEndian.Uint32(b[8:]))}
}

// positionNumber is the number of a position file.
func positionNumber(name string) (n uint64, is bool) {
	digits, is := strings.CutPrefix(name, positionPrefix)
	n, err := strconv.ParseUint(digits, 10, 63)
	return n, is && err == nil && name == positionFile(n)
}

// loadPositions returns the positions from which to go on, the highest number in
// use, and whether no file is known to have become durable; no file at all is a
// first start. Written says that a position holds if it has been written, whoever knows of
// it: then nothing has to be done again to be sure.
func loadPositions(files machine.Files, written bool) (list []position, highest uint64, first bool) {
	lowest, found := uint64(0), uint64(0)
	first = true
	for _, name := range files.List() {
		n, is := positionNumber(name)
		if !is {
			continue
		}
		highest = max(highest, n)
		if lowest == 0 || n < lowest {
			lowest = n
		}
		size, _ := files.Size(name)
		b, err := files.ReadAt(name, 0, size)
		if err != nil {
			continue
		}
		if got, isFirst, err := decodePositions(b.Contiguous()); err == nil && n >= found {
			list, first, found = got, isFirst, n
		}
	}
	for i := range list {
		if p := &list[i]; written || found == lowest && !first {
			p.done = p.next
		} else {
			p.next = p.done
		}
	}
	return list, highest, first
}
