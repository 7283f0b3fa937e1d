#!/bin/sh
#SBATCH --job-name=brokersim
#SBATCH --array=1-16
#SBATCH --cpus-per-task=2
#SBATCH --output=shard-%a.log
# Slurm: an array of tasks in one directory that all nodes see. SLURM_ARRAY_TASK_ID
# and its companions reach --shard auto. CHECK is what to check: scenarios, --seeds,
# --set; empty for the default gate.
#   id=$(sbatch --parsable slurm-array.sh)
#   sbatch --dependency=afterany:"$id" --array=0-0 slurm-array.sh merge
set -u
if [ "${1:-}" = merge ]; then
	exec brokersim merge shards
fi
mkdir -p shards
exec brokersim check ${CHECK:-} -j "${SLURM_CPUS_PER_TASK:-0}" --shard auto --out shards
