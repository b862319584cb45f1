#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs fuzzers for SECONDS each: TAP.  What they find new stays in build/hostfs/corpus/NAME, an input that fails in
# build/hostfs/NAME-crash-*: run the fuzzer with its name to see it again.
#
#     tests/hostfs/fuzz.sh SECONDS FUZZER...
#
# FUZZ_SEED (1; 0: another each time) makes a run repeatable: make test asks whether anything got worse, a long run
# with other seeds looks for what is not known.
seconds=$1
shift
failed=0 n=0
for fuzzer; do
	name=$(basename "$fuzzer")
	out=$(dirname "$fuzzer")
	n=$((n + 1))
	mkdir -p "$out/corpus/$name"
	log=$out/$name.log
	if timeout $((seconds * 3 + 300)) "$fuzzer" -seed="${FUZZ_SEED:-1}" -max_total_time="$seconds" -max_len=600 -timeout=60 -rss_limit_mb=2048 \
		-artifact_prefix="$out/$name-" "$out/corpus/$name" >"$log" 2>&1; then
		echo "ok $n - $name: $(sed -n 's/^Done \([0-9]*\) runs.*/\1 runs/p' "$log")"
	else
		failed=$((failed + 1))
		tail -40 "$log"
		echo "not ok $n - $name (log: $log)"
	fi
done
[ "$failed" -eq 0 ]
