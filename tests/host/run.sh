#!/bin/sh
# SPDX-License-Identifier: MIT
# Run host test programs.  On a terminal: one line for each program that passed,
# everything of one that failed; elsewhere, or with V=1, all of the TAP.  Exit
# status 1 if anything failed, crashed, hung or leaked.
passed=0 failed=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
[ "${V:-0}" = 0 ] && [ -t 1 ] && brief=y || brief=
for program; do
	timeout "${TEST_TIMEOUT:-120}" "$program" ${CASES:+"$CASES"} >"$log" 2>&1
	status=$?
	p=$(grep -c '^ok ' "$log")
	f=$(grep -c '^not ok ' "$log")
	[ "$brief" ] || echo "# $program"
	if [ "$status" -ne 0 ] || [ ! "$brief" ]; then
		cat "$log"
	else
		echo "  ok      $program: $p tests"
	fi
	# Died without a failed test: a crash, a time-out, a sanitizer's verdict at exit.
	if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
		echo "not ok - $program ended with status $status"
	fi
	passed=$((passed + p)) failed=$((failed + f))
done
echo "# $passed passed, $failed failed"
[ "$failed" -eq 0 ]
