package gate

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"brokersim/checker/result"
)

// ShardFile is the file of a shard.
type ShardFile struct {
	Name   string
	Reader io.Reader
}

// Merge makes of the files of shards what one check of everything comes to, and
// adds the table of shards. Files of different plans are refused, and so is a
// shard that is given twice. A shard that is missing or was cut short makes the
// whole inconclusive, unless the others show a failure.
func Merge(files []ShardFile) (result.Check, error) {
	shards, err := openShards(files)
	if err != nil {
		return result.Check{}, err
	}
	plan := shards[0].head.Plan
	t := newTally(&plan)
	if err := t.merge(shards); err != nil {
		return result.Check{}, err
	}
	t.ends(shards)
	t.adopt(shards)
	t.adoptCases(shards)
	t.holes(shards)
	c := t.finish(false)
	for _, s := range shards {
		c.Shards = append(c.Shards, s.row)
	}
	return c, nil
}

// openShards reads the heads of all files, in the order of the shards.
func openShards(files []ShardFile) ([]*runsReader, error) {
	if len(files) == 0 {
		return nil, errors.New("there is no shard to merge")
	}
	var shards []*runsReader
	for _, file := range files {
		f, err := newRunsReader(file.Name, file.Reader)
		if err != nil {
			return nil, err
		}
		shards = append(shards, f)
	}
	first := shards[0]
	for _, f := range shards[1:] {
		if how := first.head.Plan.differs(&f.head.Plan); how != "" {
			return nil, fmt.Errorf("%s: %s as in %s: these are no parts of one check", f.name, how, first.name)
		}
		if f.head.Shard.Count != first.head.Shard.Count {
			return nil, fmt.Errorf("%s: is part %s, and %s is part %s: these are no parts of one check", f.name, f.head.Shard, first.name, first.head.Shard)
		}
	}
	slices.SortStableFunc(shards, func(a, b *runsReader) int { return cmp.Compare(a.head.Shard.Index, b.head.Shard.Index) })
	for i := 1; i < len(shards); i++ {
		if a, b := shards[i-1], shards[i]; a.head.Shard == b.head.Shard {
			return nil, fmt.Errorf("%s: is part %s, and so is %s", b.name, b.head.Shard, a.name)
		}
	}
	return shards, nil
}

// merge folds the runs of all shards in the order of their numbers. It reads all
// of them to their ends, for the table of shards, but folds no more than a check
// of everything would have made.
func (t *tally) merge(shards []*runsReader) error {
	wanted := true
	for {
		var least *runsReader
		for _, f := range shards {
			if f.next != nil && (least == nil || f.next.Index < least.next.Index) {
				least = f
			}
		}
		if least == nil {
			return nil
		}
		if wanted {
			wanted = t.add(least.next)
		}
		if err := least.advance(); err != nil {
			return err
		}
	}
}

// ends takes from the last lines what no run says. The canary is the same in
// each shard; a blind one is not hidden by another that sees.
func (t *tally) ends(shards []*runsReader) {
	c := &t.check
	for _, f := range shards {
		if f.end == nil {
			continue
		}
		if c.Canary == nil || f.end.Canary != nil && f.end.Canary.Seed == "" {
			c.Canary = f.end.Canary
		}
		if c.Stopped == "" && f.end.Stopped == "time" {
			c.Stopped = f.end.Stopped
		}
	}
}

// holes says what is missing. Where failures have ended the check, what lies
// above them is not missed, but whether something lies below is not known.
func (t *tally) holes(shards []*runsReader) {
	have := make(map[uint64]bool)
	var cut []string
	for _, f := range shards {
		have[f.head.Shard.Index] = true
		if !f.row.Complete {
			cut = append(cut, f.row.Shard)
		}
	}
	var missing []string
	count := shards[0].head.Shard.Count
	for i := range count {
		if !have[i] {
			missing = append(missing, Shard{i, count}.String())
		}
	}
	if len(missing) > 0 {
		t.doubt("Missing: %s %s.", shardWord(missing), strings.Join(missing, ", "))
	}
	if len(cut) > 0 {
		t.doubt("Cut short: %s %s.", shardWord(cut), strings.Join(cut, ", "))
	}
}

func shardWord(list []string) string {
	if len(list) == 1 {
		return "shard"
	}
	return "shards"
}
