package wire

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// The codecs of a batch.
const (
	gzipCodec   = 1
	snappyCodec = 2
	lz4Codec    = 3
	zstdCodec   = 4
)

// maxRecords is how many bytes the records of one batch may come to when they are no
// longer compressed: a few bytes can ask for any number of them.
const maxRecords = 64 << 20

// ErrCompression means that the records of a batch are not what its codec makes.
var ErrCompression = errors.New("records cannot be decompressed")

// decompress returns the records of a batch as they are without its codec.
func decompress(codec int8, b []byte) (out []byte, err error) {
	switch codec {
	case 0:
		return b, nil
	case gzipCodec:
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(b)); err == nil {
			out, err = readAll(r)
		}
	case snappyCodec:
		out, err = unsnappy(b)
	case lz4Codec:
		out, err = readAll(lz4.NewReader(bytes.NewReader(b)))
	case zstdCodec:
		var d *zstd.Decoder
		if d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxRecords), zstd.WithDecoderLowmem(true)); err == nil {
			out, err = d.DecodeAll(b, nil)
			d.Close()
		}
	default:
		err = errors.New("there is no such codec")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: codec %d: %w", ErrCompression, codec, err)
	}
	return out, nil
}

func readAll(r io.Reader) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, maxRecords+1))
	if err == nil && len(out) > maxRecords {
		err = fmt.Errorf("more than %d bytes", maxRecords)
	}
	return out, err
}

// xerial is how snappy-java begins: a magic, a version, and the oldest version that can
// read it. Blocks follow, each behind its length; Kafka's clients in Java write that.
var xerial = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHead = 8 + 4 + 4

func unsnappy(b []byte) ([]byte, error) {
	if !bytes.HasPrefix(b, xerial) {
		return snappyBlock(nil, b)
	}
	if len(b) < xerialHead {
		return nil, io.ErrUnexpectedEOF
	}
	var out []byte
	for b = b[xerialHead:]; len(b) > 0; {
		if len(b) < 4 {
			return nil, io.ErrUnexpectedEOF
		}
		n := int64(binary.BigEndian.Uint32(b))
		if b = b[4:]; n > int64(len(b)) {
			return nil, io.ErrUnexpectedEOF
		}
		var err error
		if out, err = snappyBlock(out, b[:n]); err != nil {
			return nil, err
		}
		b = b[n:]
	}
	return out, nil
}

// snappyBlock adds what a block of snappy holds.
func snappyBlock(dst, b []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(b)
	switch {
	case err != nil:
		return nil, err
	case n > maxRecords-len(dst):
		return nil, fmt.Errorf("more than %d bytes", maxRecords)
	}
	block, err := snappy.Decode(nil, b)
	return append(dst, block...), err
}

// compress is what a batch of a codec holds instead of its records. The codec is one that
// decompress has read.
func compress(codec int8, b []byte) ([]byte, error) {
	var out bytes.Buffer
	var w io.WriteCloser
	switch codec {
	case 0:
		return b, nil
	case gzipCodec:
		w = gzip.NewWriter(&out)
	case snappyCodec:
		out.Write(xerial)
		out.Write([]byte{0, 0, 0, 1, 0, 0, 0, 1})
		for len(b) > 0 {
			n := min(len(b), xerialBlock)
			block := snappy.Encode(nil, b[:n])
			out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(block))))
			out.Write(block)
			b = b[n:]
		}
		return out.Bytes(), nil
	case lz4Codec:
		w = lz4.NewWriter(&out)
	case zstdCodec:
		z, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		w = z
	default:
		return nil, fmt.Errorf("%w: there is no codec %d", ErrCompression, codec)
	}
	_, err := w.Write(b)
	err = errors.Join(err, w.Close())
	return out.Bytes(), err
}

// xerialBlock is how much snappy-java puts into one block.
const xerialBlock = 32 << 10
