#!/bin/bash
# SPDX-License-Identifier: MIT
# Whole programs, run inside a machine by bench/run: "name<tab>nanoseconds" a line, or "name<tab>failed".
#   programs.sh [-q] [WORD]     only the rows with WORD in their name; -q: each once
# Each row runs in a directory of its own that `setup` filled; the better of two runs counts.  To add a row: one line
# `row NAME SETUP BODY`; what it needs must be in PACKAGES of bench/run.
times=2
[ "$1" != -q ] || { times=1; shift; }
word=$1
export LC_ALL=C HOME=/root GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0=bench
export GIT_CONFIG_KEY_1=user.email GIT_CONFIG_VALUE_1=bench@example.org

once() { # SETUP BODY: prints the body's nanoseconds
	local start end
	rm -rf /var/tmp/bench; mkdir /var/tmp/bench && cd /var/tmp/bench || return 1
	bash -ec "$1" >/dev/null 2>&1 || return 1
	start=${EPOCHREALTIME/./}
	bash -ec "$2" >/dev/null 2>&1 || return 1
	end=${EPOCHREALTIME/./}
	echo $(((end - start) * 1000))
}

row() { # NAME SETUP BODY
	local best= t i
	[[ $1 == *"$word"* ]] || return
	for ((i = 0; i < times; i++)); do
		t=$(once "$2" "$3") || { printf '%s\tfailed\n' "$1"; return; }
		[ -n "$best" ] && [ "$best" -le "$t" ] || best=$t
	done
	printf '%s\t%s\n' "$1" "$best"
}

tree='mkdir -p t/{a,b,c,d}; for i in {1..100}; do for d in a b c d; do echo "$d $i" >t/$d/file-$i; done; done'
lines='seq 1 60000 | sed "s/.*/& some words on line & of a text/" >text'
large='head -c 24M /dev/zero >large'
sources='for i in {1..6}; do printf "#include <stdio.h>\nint f%d(int a)\n{\n\treturn printf(\"%%d\", a);\n}\n" $i >f$i.c; done
printf "all: f1.o f2.o f3.o f4.o f5.o f6.o\n" >Makefile'

row 'bash: a loop' '' 'for ((i = 0; i < 20000; i++)); do x=$((x + i)); done'
row 'bash: 100 commands' '' 'for ((i = 0; i < 100; i++)); do /bin/true; done'
row 'bash: 50 substitutions' '' 'for ((i = 0; i < 50; i++)); do x=$(echo $i); done'
row 'bash: 30 pipelines' '' 'for ((i = 0; i < 30; i++)); do echo $i | cat | cat; done'
row 'cp -r of 400 files' "$tree" 'cp -r t u'
row 'rm -r of 400 files' "$tree" 'rm -r t'
row 'tar c of 400 files' "$tree" 'tar cf t.tar t'
row 'tar x of 400 files' "$tree; tar cf t.tar t; rm -r t" 'tar xf t.tar'
row 'find' '' 'find /usr/share -type f -name "*.so" || true'
row 'ls -lR' '' 'ls -lR /usr/share'
row 'du' '' 'du -s /usr'
row 'grep -r' "$tree" 'grep -r "c 77" t; grep -r nothing t || true'
row 'sort' "$lines" 'sort -r text >sorted'
row 'wc, cut, uniq' "$lines" 'wc text; cut -d" " -f1 text | uniq -c'
row 'sed' "$lines" 'sed "s/words/things/" text >other'
row 'awk' "$lines" 'awk "{ s += \$1 } END { print s }" text'
row 'dd 24 MiB' "$large" 'dd if=large of=copy bs=64k'
row 'dd 24 MiB, fsync' "$large" 'dd if=large of=copy bs=64k conv=fsync'
row 'dd 4 MiB, 512 B at a time' '' 'dd if=/dev/zero of=copy bs=512 count=8192'
row 'gzip' "$lines" 'gzip -1 text'
row 'sha256sum' "$large" 'sha256sum large'
row 'cmp' "$large; cp large copy" 'cmp large copy'
row 'perl: start' '' 'for i in 1 2 3 4 5; do perl -e 1; done'
row 'perl: a loop' '' 'perl -e "for (1..200000) { \$h{\$_ % 1000} += \$_ }"'
row 'python: start' '' 'python3 -c pass'
row 'python: imports' '' 'python3 -c "import json, re, subprocess, argparse, tempfile"'
row 'python: 500 files' '' 'python3 -c "
for i in range(500):
    open(f\"f{i}\", \"w\").write(str(i))"'
row 'sqlite: 2000 rows' '' '(echo "create table t(a, b); begin;"
for i in {1..2000}; do echo "insert into t values($i, $i * 7);"; done
echo "commit; select sum(b) from t;") | sqlite3 db'
row 'sqlite: 30 commits' '' '(echo "create table t(a);"; for i in {1..30}; do echo "insert into t values($i);"; done) | sqlite3 db'
row 'git: init, add, commit' "$tree" 'git init -q; git add t; git commit -qm one'
row 'git: status' "$tree; git init -q; git add t; git commit -qm one" 'git status'
row 'git: clone' "$tree; git init -q; git add t; git commit -qm one" 'git clone -q . u'
row 'cc: one file' "$sources" 'gcc -c f1.c'
row 'make: 6 files' "$sources" 'make'
row 'make: nothing to do' "$sources; make" 'make'
