#!/usr/bin/env bash
# Runs the native code under sanitizers and valgrind: sanitize.sh BIN, the folder of python and pytest.
# What a machine lacks is left out, and said.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$(realpath -s "$1")
cxx=${CXX:-g++}

# The run time of a sanitizer, or nothing where the compiler has none.
runtime() {
    local path
    path=$("$cxx" -print-file-name="$1")
    [[ $path == /* ]] && echo "$path"
}

if asan=$(runtime libasan.so) && ubsan=$(runtime libubsan.so); then
    echo "== the tests of the core under AddressSanitizer and UndefinedBehaviorSanitizer"
    CODEIT_SANITIZE=address,undefined "$bin/python" setup.py -q build --build-base build/sanitized \
        --build-lib build/sanitized/lib >/dev/null
    # The interpreter never frees all it holds; leaks are looked for below, without it. What is freed is
    # not kept for long, as a test watches the memory of the process. What a sanitizer writes goes past pytest,
    # which would keep it to itself when the process ends.
    sanitized() {
        LD_PRELOAD="$asan $ubsan $("$cxx" -print-file-name=libstdc++.so)" \
            ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=1 PYTHONPATH=$PWD/build/sanitized/lib \
            "$bin/pytest" -q --capture=sys -p no:cacheprovider "$@"
    }
    sanitized tests/test_{primitives,set_order,both_paths,sharing,limits,ends,memory,program,code}.py \
        tests/test_{executor,results,broken_runs,mutation,population,extent,native_search,minimise}.py
    echo "== those of the automaton, the kernels and the buffer, and hostile arrays, under the same"
    # Apart, because torch takes memory of the process.
    sanitized tests/test_{hostile_arrays,changing_arrays,constraint,constraint_tables,text,tokenizer}.py \
        tests/test_{priority_buffer,replay,decoding,sampling_law}.py
    sanitized tests/test_engine.py -k "seed or specul or foreign or grammar"
    if echo '#include <doctest/doctest.h>' | "$cxx" -E -x c++ - >/dev/null 2>&1; then
        echo "== the unit tests under the same"
        make -s -j "$(nproc)" -C csrc tests KIND=address+undefined
        for program in build/address+undefined/tests/{language,memory,values,runs,search,mutants}; do
            "$program" --minimal
        done
    else
        echo "LEFT OUT: there is no doctest"
    fi
    echo "== the corpora, then new inputs, under the same"
    csrc/fuzz/fuzz.sh 10
else
    echo "LEFT OUT: $cxx has no AddressSanitizer or no UndefinedBehaviorSanitizer"
fi

if runtime libtsan.so >/dev/null; then
    echo "== threads under ThreadSanitizer"
    make -s -j "$(nproc)" -C csrc fuzz KIND=thread
    build/thread/fuzz/threads codeit/data/seed_programs.jsonl 4
else
    echo "LEFT OUT: $cxx has no ThreadSanitizer"
fi

if command -v valgrind >/dev/null; then
    echo "== the corpora of all targets but the parser under valgrind"
    make -s -j "$(nproc)" -C csrc fuzz
    for target in codes programs rows populations pools; do
        valgrind -q --error-exitcode=1 --leak-check=full build/release/fuzz/$target tests/corpus/$target/*
    done
else
    echo "LEFT OUT: there is no valgrind"
fi
