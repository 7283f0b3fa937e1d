#!/bin/sh
# Runs slurm-array.sh on a Slurm of one node that is this machine, and takes it down
# again. It needs root (in a container, say) and Debian's packages:
#   apt-get update && apt-get install -y --no-install-recommends slurm-wlm munge
# and brokersim in PATH. CHECK is what to check, SHARDS into how many parts:
#   go build -o /usr/local/bin/brokersim ./cmd/brokersim
#   CHECK='orders --seeds 200' SHARDS=4 cmd/brokersim/examples/slurm-try.sh
# PORTS are the two that it listens on, 16817 16818. It ends with the exit code of the
# merge. Nothing of /etc/slurm or of a munge key that
# is there already is touched; a Slurm that runs here already is left alone.
set -eu
array=$(cd "$(dirname "$0")" && pwd)/slurm-array.sh
for program in munged munge slurmctld slurmd sbatch scontrol brokersim; do
	command -v "$program" >/dev/null || { echo "slurm-try: there is no $program; see the head of this file" >&2; exit 2; }
done
[ "$(id -u)" = 0 ] || { echo "slurm-try: slurmd wants to be root" >&2; exit 2; }

ports=${PORTS:-16817 16818}
dir=$(mktemp -d /tmp/slurm-try.XXXXXX)
node=$(hostname -s)
stop() {
	for name in slurmd slurmctld munged; do
		[ ! -f "$dir/$name.pid" ] || kill "$(cat "$dir/$name.pid")" 2>/dev/null || true
	done
	tries=0
	while [ $tries -lt 100 ] && [ -n "$(ls "$dir"/*.pid 2>/dev/null)" ]; do
		tries=$((tries + 1)) # each takes its file away when it ends
		sleep 0.1
	done
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT TERM

# munge vouches for who talks to whom, with a key and a socket of its own.
dd if=/dev/urandom of="$dir/munge.key" bs=128 count=1 2>/dev/null
chmod 400 "$dir/munge.key"
chmod 755 "$dir"
munged --force --key-file="$dir/munge.key" --socket="$dir/munge.sock" --pid-file="$dir/munged.pid" \
	--log-file="$dir/munged.log" --seed-file="$dir/munge.seed"

mkdir "$dir/state" "$dir/spool" "$dir/job"
cat >"$dir/slurm.conf" <<EOF
ClusterName=one
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=${ports% *}
SlurmdPort=${ports#* }
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.sock
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1
MpiDefault=none
ReturnToService=2
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$node Default=YES MaxTime=INFINITE State=UP
EOF
export SLURM_CONF="$dir/slurm.conf"
slurmctld -c
slurmd -N "$node"

# The node has to register before it can be given anything.
tries=0
until sinfo -h -t idle -o %n | grep -q .; do
	tries=$((tries + 1))
	[ $tries -lt 100 ] || { tail -n 20 "$dir/slurmctld.log" "$dir/slurmd.log" >&2; echo "slurm-try: the node did not come up" >&2; exit 3; }
	sleep 0.3
done
sinfo

cd "$dir/job"
cpus=2
[ "$(nproc)" -ge 2 ] || cpus=1
id=$(sbatch --parsable --cpus-per-task=$cpus --array=1-"${SHARDS:-4}" "$array")
merge=$(sbatch --parsable --cpus-per-task=1 --dependency=afterany:"$id" --array=0-0 --output=merge.log "$array" merge)
squeue
until [ -z "$(squeue -h -j "$merge" 2>/dev/null)" ]; do sleep 0.3; done
scontrol -o show job "$id" | sed 's/.*ArrayTaskId=\([0-9]*\).* JobState=\([A-Z]*\).* ExitCode=\([0-9:]*\).*/task \1 \2 \3/' | sort
ls shards
cat merge.log
code=$(scontrol -o show job "$merge" | sed 's/.* ExitCode=\([0-9]*\):.*/\1/')
exit "$code"
