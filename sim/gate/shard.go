package gate

import (
	"fmt"
	"strconv"
	"strings"
)

// Shard is one part of a check: the seeds whose place, counted from 0, leaves
// Index when divided by Count. Each shard has all scenarios.
type Shard struct {
	Index uint64 // from 0
	Count uint64
}

// maxShards bounds the parts of a check.
const maxShards = 10_000

// String is as people count: "1/3" is the first of three.
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index+1, s.Count) }

// of is how many of n seeds are the shard's.
func (s Shard) of(n uint64) uint64 {
	if n <= s.Index {
		return 0
	}
	return (n - s.Index + s.Count - 1) / s.Count
}

// engine is a system that starts one program several times and says to each, by
// environment variables, which it is.
type engine struct {
	name         string
	index, count string // variables
	from         uint64 // the index of the first; Slurm: see min
	min, step    string // variables, Slurm's only
}

var engines = []engine{
	{name: "a Slurm array", index: "SLURM_ARRAY_TASK_ID", count: "SLURM_ARRAY_TASK_COUNT", min: "SLURM_ARRAY_TASK_MIN", step: "SLURM_ARRAY_TASK_STEP"},
	{name: "a Kubernetes Indexed Job", index: "JOB_COMPLETION_INDEX"},
	{name: "GitLab", index: "CI_NODE_INDEX", count: "CI_NODE_TOTAL", from: 1},
	{name: "Bazel", index: "TEST_SHARD_INDEX", count: "TEST_TOTAL_SHARDS"},
	{name: "Buildkite", index: "BUILDKITE_PARALLEL_JOB", count: "BUILDKITE_PARALLEL_JOB_COUNT"},
	{name: "CircleCI", index: "CIRCLE_NODE_INDEX", count: "CIRCLE_NODE_TOTAL"},
}

// ParseShard reads 3/16, which is the third of sixteen; auto, which asks the
// environment; or auto/16, which asks it for nothing but the index.
func ParseShard(text string, getenv func(string) string) (Shard, error) {
	first, second, both := strings.Cut(text, "/")
	if first == "auto" {
		var count uint64
		if both {
			var err error
			if count, err = shardCount(second); err != nil {
				return Shard{}, fmt.Errorf("%q: %w", text, err)
			}
		}
		return autoShard(getenv, count)
	}
	bad := fmt.Errorf("%q: want one part of several, such as 3/16, or auto", text)
	i, err := strconv.ParseUint(first, 10, 32)
	if err != nil || !both {
		return Shard{}, bad
	}
	n, err := shardCount(second)
	switch {
	case err != nil:
		return Shard{}, fmt.Errorf("%q: %w", text, err)
	case i < 1 || i > n:
		return Shard{}, fmt.Errorf("%q: the parts are 1/%d to %d/%d", text, n, n, n)
	}
	return Shard{i - 1, n}, nil
}

func shardCount(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n < 1 || n > maxShards {
		return 0, fmt.Errorf("want from 1 to %d parts, got %q", maxShards, text)
	}
	return n, nil
}

// autoShard asks every engine's variables; count, if it is not 0, is what the
// user says instead of the engine. Two engines that say different things are no
// answer.
func autoShard(getenv func(string) string, count uint64) (Shard, error) {
	var found *engine
	var shard Shard
	for i := range engines {
		e := &engines[i]
		s, ok, err := e.shard(getenv, count)
		switch {
		case err != nil:
			return Shard{}, fmt.Errorf("auto: %w", err)
		case !ok:
		case found != nil && s != shard:
			return Shard{}, fmt.Errorf("auto: %s says part %s (%s) and %s says %s (%s): name one", found.name, shard, found.index, e.name, s, e.index)
		default:
			found, shard = e, s
		}
	}
	if found == nil {
		var names []string
		for i := range engines {
			names = append(names, engines[i].index)
		}
		return Shard{}, fmt.Errorf("auto: none of %s is set; 1/1 is everything", strings.Join(names, ", "))
	}
	return shard, nil
}

// shard is what an engine says, or not ok if it did not start this program.
func (e *engine) shard(getenv func(string) string, count uint64) (s Shard, ok bool, err error) {
	index, total := getenv(e.index), ""
	if e.count != "" {
		total = getenv(e.count)
	}
	if index == "" {
		// GitLab always says how many there are, and not which when it is one.
		return Shard{0, 1}, total == "1" && count <= 1, nil
	}
	i, err := number(e.index, index)
	if err != nil {
		return s, false, err
	}
	if count == 0 {
		if total == "" {
			return s, false, fmt.Errorf("%s is set but not how many there are: say auto/N", e.index)
		}
		if count, err = shardCount(total); err != nil {
			return s, false, fmt.Errorf("%s: %w", e.count, err)
		}
	}
	from, step := e.from, uint64(1)
	if e.min != "" {
		if from, err = number(e.min, getenv(e.min)); err != nil {
			return s, false, err
		}
		if text := getenv(e.step); text != "" {
			if step, err = number(e.step, text); err != nil {
				return s, false, err
			}
		}
	}
	if i < from || step == 0 || (i-from)%step != 0 || (i-from)/step >= count {
		return s, false, fmt.Errorf("%s=%s is none of %d parts from %d in steps of %d", e.index, index, count, from, step)
	}
	return Shard{(i - from) / step, count}, true, nil
}

func number(name, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s=%q is no number", name, text)
	}
	return n, nil
}
