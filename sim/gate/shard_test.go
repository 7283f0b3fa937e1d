package gate

import (
	"strings"
	"testing"
)

// What each engine sets, from its documentation, and what must be refused.
func TestParseShard(t *testing.T) {
	for _, row := range []struct {
		flag, env, want string // an error begins with "!"
	}{
		{"3/16", "", "3/16"}, {"1/1", "", "1/1"},
		{"0/3", "", "!the parts are 1/3 to 3/3"}, {"4/3", "", "!the parts"}, {"3", "", "!want one part"}, {"a/b", "", "!want one part"}, {"1/0", "", "!want from 1"}, {"-1/3", "", "!want one part"},
		{"auto", "", "!none of SLURM_ARRAY_TASK_ID"},
		{"auto", "SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=7 SLURM_ARRAY_TASK_STEP=2", "3/4"},
		{"auto", "SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=3", "1/4"},
		{"auto", "SLURM_ARRAY_TASK_ID=9 SLURM_ARRAY_TASK_COUNT=2 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=9 SLURM_ARRAY_TASK_STEP=1", "!SLURM_ARRAY_TASK_ID=9 is none of 2"},
		{"auto/16", "JOB_COMPLETION_INDEX=15", "16/16"},
		{"auto", "JOB_COMPLETION_INDEX=0", "!say auto/N"},
		{"auto/2", "JOB_COMPLETION_INDEX=2", "!is none of 2 parts"},
		{"auto", "CI_NODE_INDEX=1 CI_NODE_TOTAL=4", "1/4"},
		{"auto", "CI_NODE_TOTAL=1", "1/1"}, // a GitLab job without parallel
		{"auto", "CI_NODE_INDEX=0 CI_NODE_TOTAL=4", "!is none of 4"},
		{"auto", "TEST_SHARD_INDEX=0 TEST_TOTAL_SHARDS=5", "1/5"},
		{"auto", "BUILDKITE_PARALLEL_JOB=4 BUILDKITE_PARALLEL_JOB_COUNT=5", "5/5"},
		{"auto", "CIRCLE_NODE_INDEX=2 CIRCLE_NODE_TOTAL=3", "3/3"},
		{"auto", "CIRCLE_NODE_INDEX=x CIRCLE_NODE_TOTAL=3", "!is no number"},
		{"auto", "CI_NODE_INDEX=1 CI_NODE_TOTAL=4 TEST_SHARD_INDEX=1 TEST_TOTAL_SHARDS=4", "!name one"},
		{"auto", "CI_NODE_INDEX=2 CI_NODE_TOTAL=4 TEST_SHARD_INDEX=1 TEST_TOTAL_SHARDS=4", "2/4"},
		{"auto/0", "JOB_COMPLETION_INDEX=0", "!want from 1"},
	} {
		env := map[string]string{}
		for _, pair := range strings.Fields(row.env) {
			k, v, _ := strings.Cut(pair, "=")
			env[k] = v
		}
		got, err := ParseShard(row.flag, func(k string) string { return env[k] })
		message, bad := strings.CutPrefix(row.want, "!")
		switch {
		case bad && (err == nil || !strings.Contains(err.Error(), message) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s with %s: %v, %v, want the error %s", row.flag, row.env, got, err, message)
		case !bad && (err != nil || got.String() != row.want):
			t.Errorf("%s with %s: %v, %v, want %s", row.flag, row.env, got, err, row.want)
		}
	}
}

// Together the parts have every seed once.
func TestShardsCover(t *testing.T) {
	for count := uint64(1); count < 12; count++ {
		for n := range uint64(40) {
			sum := uint64(0)
			for i := range count {
				sum += Shard{i, count}.of(n)
			}
			if sum != n {
				t.Errorf("%d parts of %d seeds have %d", count, n, sum)
			}
		}
	}
}
