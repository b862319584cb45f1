#!/bin/sh
# Run host test programs; show what failed and one line for each that passed.
# V=1 shows everything.  Exit status 1 if anything failed, crashed or hung.
passed=0 failed=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
for program; do
	timeout "${TEST_TIMEOUT:-120}" "$program" >"$log" 2>&1
	status=$?
	summary=$(sed -n 's/^# \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)
	p=${summary% *} f=${summary#* }
	# Dead before its summary, or killed by a sanitizer after it: one more failure.
	[ -n "$summary" ] || p=$(grep -c '^ok ' "$log") f=0
	[ "$status" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	passed=$((passed + p)) failed=$((failed + f))
	if [ "$status" -ne 0 ]; then
		cat "$log"
		echo "not ok: $program (status $status)"
	elif [ "${V:-0}" != 0 ]; then
		cat "$log"
	else
		echo "  ok      $program: $p tests"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
