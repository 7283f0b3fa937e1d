package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

var codecs = []string{"none", "gzip", "snappy", "lz4", "zstd"}

func kcatTests(*env) ([]test, error) {
	list := []test{{"metadata", kcatMetadata}, {"metadata-json", kcatMetadataJSON}}
	for _, codec := range codecs {
		list = append(list, test{"codec-" + codec, func(ctx context.Context, e *env) error { return kcatCodec(ctx, e, codec) }})
	}
	return append(list,
		test{"keys-and-headers", kcatKeys}, test{"acks", kcatAcks}, test{"offsets", kcatOffsets},
		test{"timestamp-query", kcatTimestamp}, test{"idempotent", kcatIdempotent}, test{"large-message", kcatLarge},
		test{"group-range", kcatGroup("range")}, test{"group-cooperative", kcatGroup("cooperative-sticky")},
		test{"group-static", kcatGroup("range", "-X", "group.instance.id=one")}, test{"transaction", kcatTransaction}), nil
}

func kcatMetadata(ctx context.Context, e *env) error {
	out, err := command(ctx, "", "kcat", "-b", e.bootstrap(), "-L")
	if err == nil && !strings.Contains(out, "3 brokers:") {
		err = fmt.Errorf("%s", out)
	}
	return err
}

func kcatMetadataJSON(ctx context.Context, e *env) error {
	if _, err := command(ctx, "x\n", "kcat", "-b", e.bootstrap(), "-P", "-t", "meta"); err != nil {
		return err
	}
	out, err := command(ctx, "", "kcat", "-b", e.bootstrap(), "-L", "-J", "-t", "meta")
	if err == nil && !strings.Contains(out, `"topic":"meta","partitions":[{"partition":0,"leader":`) {
		err = fmt.Errorf("%s", out)
	}
	return err
}

// kcatRecords is how many records of each codec go through.
const kcatRecords = 100_000

// kcatCodec produces with a codec and reads everything back, and looks at how much is
// stored: librdkafka says nothing where it leaves compression out, because a broker does
// not advertise what it goes by.
func kcatCodec(ctx context.Context, e *env, codec string) error {
	var in strings.Builder
	for i := range kcatRecords {
		fmt.Fprintf(&in, "%s record %d of the conformance run, which is made to be compressed well\n", codec, i)
	}
	topic := "codec-" + codec
	if _, err := command(ctx, in.String(), "kcat", "-b", e.bootstrap(), "-P", "-t", topic, "-z", codec, "-X", "request.required.acks=-1"); err != nil {
		return err
	}
	out, err := command(ctx, "", "kcat", "-b", e.bootstrap(), "-C", "-t", topic, "-e", "-q", "-p", "0", "-X", "check.crcs=true")
	if err != nil {
		return err
	}
	if out != in.String() {
		return fmt.Errorf("%d bytes were produced and %d consumed, or others", in.Len(), len(out))
	}
	stored := int64(0)
	files, err := filepath.Glob(filepath.Join(e.dir, "data", "b1", topic+"-0", "*.log"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			stored += info.Size()
		}
	}
	if small := stored < int64(in.Len())/2; err != nil || stored == 0 || small != (codec != "none") {
		return fmt.Errorf("%d bytes are stored as %d: %w", in.Len(), stored, orNone(err))
	}
	return nil
}

func kcatKeys(ctx context.Context, e *env) error {
	if _, err := command(ctx, "k1:v1\nk2:v2\n", "kcat", "-b", e.bootstrap(), "-P", "-t", "keys", "-K:", "-H", "h=1", "-H", "g=2"); err != nil {
		return err
	}
	out, err := command(ctx, "", "kcat", "-b", e.bootstrap(), "-C", "-t", "keys", "-e", "-q", "-f", `%k=%s@%o %h\n`)
	if want := "k1=v1@0 h=1,g=2\nk2=v2@1 h=1,g=2\n"; err == nil && out != want {
		err = fmt.Errorf("%q, want %q", out, want)
	}
	return err
}

func kcatAcks(ctx context.Context, e *env) error {
	for _, acks := range []string{"0", "1", "-1"} {
		if _, err := command(ctx, "x"+acks+"\n", "kcat", "-b", e.bootstrap(), "-P", "-t", "acks", "-X", "request.required.acks="+acks); err != nil {
			return err
		}
	}
	out, err := command(ctx, "", "kcat", "-b", e.bootstrap(), "-C", "-t", "acks", "-e", "-q")
	if err == nil && out != "x0\nx1\nx-1\n" && out != "x1\nx-1\n" { // acks=0 has no answer
		err = fmt.Errorf("%q", out)
	}
	return err
}

func kcatOffsets(ctx context.Context, e *env) error {
	if _, err := command(ctx, "a\nb\nc\nd\n", "kcat", "-b", e.bootstrap(), "-P", "-t", "offsets"); err != nil {
		return err
	}
	for offset, want := range map[string]string{"beginning": "a\nb\nc\nd\n", "2": "c\nd\n", "-1": "d\n", "end": ""} {
		out, err := command(ctx, "", "kcat", "-b", e.bootstrap(), "-C", "-t", "offsets", "-p", "0", "-o", offset, "-e", "-q")
		if err != nil {
			return err
		}
		if out != want {
			return fmt.Errorf("from %s: %q, want %q", offset, out, want)
		}
	}
	return nil
}

func kcatTimestamp(ctx context.Context, e *env) error {
	if _, err := command(ctx, "a\nb\n", "kcat", "-b", e.bootstrap(), "-P", "-t", "times"); err != nil {
		return err
	}
	for when, want := range map[string]string{"0": "times [0] offset 0", "-2": "times [0] offset 0", "-1": "times [0] offset 2", "9999999999999": "times [0] offset -1"} {
		out, err := command(ctx, "", "kcat", "-b", e.bootstrap(), "-Q", "-t", "times:0:"+when)
		if err != nil {
			return err
		}
		if strings.TrimSpace(out) != want && !(when == "9999999999999" && strings.TrimSpace(out) == "times [0] offset 2") {
			return fmt.Errorf("at %s: %q, want %q", when, out, want)
		}
	}
	return nil
}

func kcatIdempotent(ctx context.Context, e *env) error {
	if _, err := command(ctx, strings.Repeat("x\n", 5000), "kcat", "-b", e.bootstrap(), "-P", "-t", "idempotent", "-X", "enable.idempotence=true", "-X", "batch.num.messages=10"); err != nil {
		return err
	}
	out, err := command(ctx, "", "kcat", "-b", e.bootstrap(), "-C", "-t", "idempotent", "-e", "-q")
	if err == nil && strings.Count(out, "x\n") != 5000 {
		err = fmt.Errorf("%d records", strings.Count(out, "x\n"))
	}
	return err
}

func kcatLarge(ctx context.Context, e *env) error {
	big := strings.Repeat("b", 900_000)
	if _, err := command(ctx, big+"\n", "kcat", "-b", e.bootstrap(), "-P", "-t", "large"); err != nil {
		return err
	}
	out, err := command(ctx, "", "kcat", "-b", e.bootstrap(), "-C", "-t", "large", "-e", "-q")
	if err == nil && out != big+"\n" {
		err = fmt.Errorf("%d bytes", len(out))
	}
	return err
}

// kcatGroup has a member of a group read a topic to its end, and a second one only what has
// come since: the first has committed how far it was.
func kcatGroup(assignor string, more ...string) func(context.Context, *env) error {
	return func(ctx context.Context, e *env) error {
		topic := "group-" + strings.Join(append([]string{assignor}, more...), "-")
		topic = strings.NewReplacer("=", "-", " ", "-").Replace(topic)
		for _, part := range []string{"a\nb\nc\n", "d\ne\n"} {
			if _, err := command(ctx, part, "kcat", "-b", e.bootstrap(), "-P", "-t", topic, "-p", "0"); err != nil {
				return err
			}
			args := []string{"-b", e.bootstrap(), "-G", topic, "-q", "-e", "-X", "auto.offset.reset=earliest", "-X", "partition.assignment.strategy=" + assignor, "-X", "session.timeout.ms=10000"}
			out, err := command(ctx, "", "kcat", append(append(args, more...), topic)...)
			if err != nil {
				return err
			}
			if out != part {
				return fmt.Errorf("%q is read, want %q", out, part)
			}
		}
		return nil
	}
}

// kcatTransaction sends in two transactions, and reads what was committed: between them is
// a marker.
func kcatTransaction(ctx context.Context, e *env) error {
	for _, text := range []string{"a\nb\n", "c\n"} {
		if _, err := command(ctx, text, "kcat", "-b", e.bootstrap(), "-P", "-t", "kcat-txn", "-X", "transactional.id=kcat-txn"); err != nil {
			return err
		}
	}
	out, err := command(ctx, "", "kcat", "-b", e.bootstrap(), "-C", "-t", "kcat-txn", "-e", "-q", "-X", "isolation.level=read_committed", "-f", `%s@%o\n`)
	return first(err, want("read", out, "a@0\nb@1\nc@3\n"))
}

// kcatTransactions: two producers one after the other, each with one transaction, under the
// same transactional id; a reader of committed records sees both.
func kcatTransactions(ctx context.Context, e *env) error {
	for _, part := range []string{"a\nb\n", "c\n"} {
		if _, err := command(ctx, part, "kcat", "-b", e.bootstrap(), "-P", "-t", "transactions", "-p", "0", "-X", "transactional.id=kcat"); err != nil {
			return err
		}
	}
	out, err := command(ctx, "", "kcat", "-b", e.bootstrap(), "-C", "-t", "transactions", "-p", "0", "-e", "-q", "-X", "isolation.level=read_committed")
	if err == nil && out != "a\nb\nc\n" {
		err = fmt.Errorf("%q", out)
	}
	return err
}
