#!/usr/bin/env bash
# A study as a Slurm job array: N shards into one folder, each retried where it stopped, then the merge.
#
#   cluster/slurm.sh N OUT STUDY...      N shards, folder that every node sees, the command of the study
#   cluster/slurm.sh 50 /scratch/sobol sensitivity --method sobol --points 65536
#
# HIF_SWITCH names the program (default: hif-switch on the PATH), SBATCH_OPTIONS is handed to sbatch
# (partition, account, time), ATTEMPTS is how often a shard is tried (default 3).
set -euo pipefail

if [ $# -lt 3 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
shards=$1
out=$2
shift 2
program=${HIF_SWITCH:-hif-switch}
attempts=${ATTEMPTS:-3}
read -r -a options <<<"${SBATCH_OPTIONS:-}"
mkdir -p "$out/logs"
study=$(printf '%q ' "$program" "$@" --out "$out" --quiet)

# A shard that stops loses no more than one part: the next attempt goes on after what is on disk.
array=$(sbatch --parsable "${options[@]}" --job-name hif-switch --array "1-$shards" \
    --output "$out/logs/shard-%a.log" --open-mode append --requeue <<END
#!/usr/bin/env bash
for attempt in \$(seq $attempts); do
    if RAYON_NUM_THREADS=\${SLURM_CPUS_PER_TASK:-1} $study --shard \$SLURM_ARRAY_TASK_ID/$shards; then
        exit 0
    fi
    echo "attempt \$attempt of shard \$SLURM_ARRAY_TASK_ID failed" >&2
done
exit 1
END
)
merge=$(printf '%q ' "$program" merge "$out" --quiet)
joined=$(sbatch --parsable "${options[@]}" --job-name hif-switch-merge --dependency "afterok:$array" \
    --kill-on-invalid-dep yes --output "$out/logs/merge.log" --wrap "$merge")
echo "array $array, merge $joined; logs in $out/logs"
