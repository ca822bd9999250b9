#!/usr/bin/env bash
# Fuzzes all targets, so many seconds each: fuzz.sh SECONDS [SEED]
# What they reach is kept in build/corpus, and begins with tests/corpus. A finding is in build/findings:
#   build/address/fuzz/programs build/findings/finding-HASH      (SHOW=1 prints the program)
# To keep what a long run reached: build/address/fuzz/parser --corpus build/corpus/parser --minimise DIR
set -euo pipefail
cd "$(dirname "$0")/../.."

make -s -j "$(nproc)" -C csrc fuzz KIND=address
for target in parser codes programs rows populations pools; do
    corpus=$PWD/build/corpus/$target
    mkdir -p "$corpus" build/findings
    cp tests/corpus/$target/* "$corpus"
    echo "== $target"
    (cd build/findings && ../address/fuzz/$target --corpus "$corpus" --seconds "$1" --seed "${2:-1}")
done
