#!/usr/bin/env bash
# Runs the same study alone, as a Slurm job array on two workers of this host, and under Snakemake; one
# shard fails at its first attempt each time. The results must be the same bytes. Slurm's daemons are
# started and stopped here. Needs root, slurm-wlm, munge and snakemake (Debian packages) and
# target/release/hif-switch.
set -euo pipefail
cd "$(dirname "$0")/.."

program=${HIF_SWITCH:-$PWD/target/release/hif-switch}
work=$(mktemp -d)
shards=6
study=(sensitivity --method sobol --points 64 --days 7 --parameter hif.haf_loss --parameter tumour.growth_rate
    --endpoint log10_burden --part-rows 16)
daemons=()

stop() {
    for daemon in "${daemons[@]}"; do
        kill "$daemon" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

# A program that fails once for shard 2, to see the retry.
cat >"$work/flaky" <<END
#!/usr/bin/env bash
case "\$*" in
*"--shard 2/$shards"*)
    if mkdir "\$(dirname "\$0")/failed-\${FLAKY:-once}" 2>/dev/null; then
        echo "failing once" >&2
        exit 1
    fi
    ;;
esac
exec "$program" "\$@"
END
chmod +x "$work/flaky"

compare() {
    for folder in results plots; do
        diff -r "$work/single/$folder" "$1/$folder"
    done
    echo "$2: the bytes of the single run"
}

echo "== single run"
"$program" "${study[@]}" --out "$work/single" --quiet

echo "== Slurm: two workers on this host"
mkdir -p "$work/slurm/state" "$work/slurm/spool1" "$work/slurm/spool2"
dd if=/dev/urandom of="$work/munge.key" bs=1 count=1024 status=none
chmod 700 "$work"
chmod 400 "$work/munge.key"
munged --foreground --force --key-file "$work/munge.key" --socket "$work/munge.socket" \
    --pid-file "$work/munged.pid" --log-file "$work/munged.log" --seed-file "$work/munge.seed" &
daemons+=($!)
host=$(hostname -s)
cat >"$work/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
CredType=cred/munge
SlurmctldPort=16817
StateSaveLocation=$work/slurm/state
SlurmdSpoolDir=$work/slurm/spool-%n
SlurmctldPidFile=$work/slurm/slurmctld.pid
SlurmdPidFile=$work/slurm/slurmd-%n.pid
SlurmctldLogFile=$work/slurm/slurmctld.log
SlurmdLogFile=$work/slurm/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SchedulerParameters=bf_interval=1,sched_interval=1
NodeName=worker1 NodeHostname=$host NodeAddr=127.0.0.1 Port=16818 CPUs=1
NodeName=worker2 NodeHostname=$host NodeAddr=127.0.0.1 Port=16819 CPUs=1
PartitionName=main Nodes=worker1,worker2 Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF=$work/slurm.conf
until [ -S "$work/munge.socket" ]; do sleep 0.1; done
slurmctld -D -f "$SLURM_CONF" &
daemons+=($!)
for worker in worker1 worker2; do
    mkdir -p "$work/slurm/spool-$worker"
    slurmd -D -N "$worker" -f "$SLURM_CONF" &
    daemons+=($!)
done
for _ in $(seq 100); do
    [ "$(sinfo --noheader --states idle --format %D 2>/dev/null | head -1)" = 2 ] && break
    sleep 0.2
done
sinfo
HIF_SWITCH=$work/flaky cluster/slurm.sh "$shards" "$work/array" "${study[@]}"
for _ in $(seq 300); do
    [ -z "$(squeue --noheader)" ] && break
    sleep 0.4
done
grep -h "failed" "$work/array/logs/shard-2.log"
compare "$work/array" "Slurm array of $shards shards"

echo "== Snakemake"
printf -v quoted '%s ' "${study[@]}"
FLAKY=snakemake snakemake --snakefile cluster/Snakefile --cores 2 --quiet --directory "$work" --config \
    program="$work/flaky" shards="$shards" out="$work/flow" study="$quoted"
[ -d "$work/failed-snakemake" ]
compare "$work/flow" "Snakemake with $shards shards"
echo "all the same"
