// A coverage-guided fuzzer for one target, LLVMFuzzerTestOneInput, for compilers that bring none.
//
//   parser FILE...                      runs each file once, "-" for what it reads: AFL's @@, too
//   parser --corpus DIR [OPTION N]...   mutates the inputs of DIR, and adds what reaches more
//   parser --corpus DIR --minimise TO   copies inputs that reach all that those of DIR reach, once
//
// Options: --seconds, --runs, --seed, and --max-bytes and --timeout (in seconds) of one input.
// An input that ends the process is left in the working directory as finding-HASH. The target is
// compiled with -fsanitize-coverage=trace-pc, this file without. With Clang, -fsanitize=fuzzer
// takes the place of this file.
#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());
// With GCC, that callback is AddressSanitizer's alone; the other one aborts instead.
extern "C" const char *__ubsan_default_options() {
    return "abort_on_error=1:print_stacktrace=1";
}
extern "C" char __executable_start;

namespace {

using Bytes = std::vector<uint8_t>;

// ---- Coverage: how often each pair of successive blocks was run, by a hash of their addresses

constexpr size_t kMapSize = size_t{1} << 16;
alignas(64) std::array<uint8_t, kMapSize> edges;
uintptr_t previous_block = 0;

} // namespace

extern "C" void __sanitizer_cov_trace_pc() {
    auto address = reinterpret_cast<uintptr_t>(__builtin_return_address(0)) -
                   reinterpret_cast<uintptr_t>(&__executable_start);
    uintptr_t block = address * 0x9E3779B97F4A7C15u >> 48;
    uint8_t &count = edges[(block ^ previous_block) % kMapSize];
    if (count != UINT8_MAX) ++count;
    previous_block = block >> 1;
}

namespace {

// The counts that are told apart, one bit each: 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, to 127, more.
uint8_t class_of(uint8_t count) {
    if (count <= 3) return static_cast<uint8_t>(count == 3 ? 4 : count);
    if (count >= 128) return 128;
    return static_cast<uint8_t>(count >= 32 ? 64 : std::bit_floor(count) << 1);
}

// ---- What is left behind when the target ends the process

struct Running {
    const uint8_t *data = nullptr;
    size_t size = 0;
} running;

uint64_t hash_of(const uint8_t *data, size_t size) {
    uint64_t hash = 0xCBF29CE484222325u;
    for (size_t k = 0; k < size; ++k) hash = (hash ^ data[k]) * 0x100000001B3u;
    return hash;
}

// Called from signal handlers: no memory is allocated.
void save_finding() {
    if (running.data == nullptr) return;
    char name[32] = "finding-";
    uint64_t hash = hash_of(running.data, running.size);
    for (size_t k = 0; k < 16; ++k) name[8 + k] = "0123456789abcdef"[hash >> (60 - 4 * k) & 15];
    int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0) return;
    bool is_whole = write(file, running.data, running.size) == static_cast<ssize_t>(running.size);
    close(file);
    const char *verdict = is_whole ? "\nthe input is in " : "\na part of the input is in ";
    for (const char *text : {verdict, static_cast<const char *>(name), "\n"}) {
        if (write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
    }
    running.data = nullptr;
}

void end_by_signal(int number) {
    constexpr char kTooLong[] = "\nthe input takes too long";
    if (number == SIGPROF && write(STDERR_FILENO, kTooLong, sizeof kTooLong - 1) < 0) return;
    save_finding();
    std::signal(number, SIG_DFL);
    std::raise(number);
}

void watch_for_the_end() {
    bool is_sanitized = __sanitizer_set_death_callback != nullptr;
    if (is_sanitized) __sanitizer_set_death_callback(save_finding);
    alignas(16) static char stack[1 << 16]; // the target may have used up its own
    stack_t other = {};
    other.ss_sp = stack;
    other.ss_size = sizeof stack;
    sigaltstack(&other, nullptr);
    struct sigaction action = {};
    action.sa_handler = end_by_signal;
    action.sa_flags = SA_ONSTACK;
    for (int number : {SIGABRT, SIGPROF, SIGILL, SIGFPE}) sigaction(number, &action, nullptr);
    if (is_sanitized) return; // the sanitizer tells more of these
    for (int number : {SIGSEGV, SIGBUS}) sigaction(number, &action, nullptr);
}

// SIGPROF follows after so many seconds of this process on a processor; 0 for never.
void limit_seconds(unsigned seconds) {
    itimerval timer = {};
    timer.it_value.tv_sec = seconds;
    setitimer(ITIMER_PROF, &timer, nullptr);
}

// ---- Inputs

Bytes read_file(const std::filesystem::path &path) {
    std::ifstream file(path == "-" ? "/dev/stdin" : path, std::ios::binary);
    if (!file) {
        std::fprintf(stderr, "%s cannot be read\n", path.c_str());
        std::exit(2);
    }
    return Bytes(std::istreambuf_iterator<char>(file), {});
}

void write_file(const std::filesystem::path &folder, const Bytes &bytes) {
    char name[17];
    std::snprintf(name, sizeof name, "%016llx",
                  static_cast<unsigned long long>(hash_of(bytes.data(), bytes.size())));
    std::ofstream file(folder / name, std::ios::binary);
    file.write(reinterpret_cast<const char *>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    if (!file) {
        std::fprintf(stderr, "%s cannot be written\n", (folder / name).c_str());
        std::exit(2);
    }
}

struct Options {
    std::string corpus;
    std::string minimise;
    double seconds = std::numeric_limits<double>::infinity();
    uint64_t runs = UINT64_MAX;
    uint64_t seed = 1;
    size_t max_bytes = 1024;
    unsigned timeout = 20; // seconds on a processor
};

class Fuzzer {
  public:
    explicit Fuzzer(const Options &options) : options_(options), random_(options.seed) {}

    void load() {
        for (const auto &entry : std::filesystem::directory_iterator(options_.corpus)) {
            if (entry.is_regular_file()) loaded_.push_back(read_file(entry.path()));
        }
        // Small ones first, so that a large one is kept only for what it alone reaches.
        std::sort(loaded_.begin(), loaded_.end(), [](const Bytes &a, const Bytes &b) {
            return a.size() != b.size() ? a.size() < b.size() : a < b;
        });
        for (const Bytes &input : loaded_) {
            if (run(input)) corpus_.push_back(input);
        }
        std::fprintf(stderr, "%zu inputs, of which %zu reach %zu pairs of blocks\n", loaded_.size(),
                     corpus_.size(), num_reached_);
        if (num_reached_ == 0) corpus_ = loaded_; // a build that does not count
        if (corpus_.empty()) corpus_.emplace_back();
    }

    void minimise() const {
        std::filesystem::create_directories(options_.minimise);
        for (const Bytes &input : corpus_) write_file(options_.minimise, input);
    }

    void fuzz() {
        const auto start = std::chrono::steady_clock::now();
        auto seconds = [&] {
            std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
            return passed.count();
        };
        double last_shown = 0;
        for (uint64_t k = 1; num_runs_ < options_.runs; ++k) {
            Bytes input = mutant();
            if (run(input)) {
                write_file(options_.corpus, input);
                corpus_.push_back(std::move(input));
            }
            if (k % 256 != 0) continue;
            double now = seconds();
            if (now - last_shown >= 10) {
                last_shown = now;
                show(now);
            }
            if (now >= options_.seconds) break;
        }
        show(seconds());
    }

  private:
    void show(double seconds) const {
        std::fprintf(stderr, "%.0f s: %llu runs, %zu inputs reach %zu pairs of blocks\n", seconds,
                     static_cast<unsigned long long>(num_runs_), corpus_.size(), num_reached_);
    }

    // Whether the input reaches what none has reached so far.
    bool run(const Bytes &input) {
        edges.fill(0);
        previous_block = 0;
        limit_seconds(options_.timeout);
        running = {input.data(), input.size()};
        LLVMFuzzerTestOneInput(input.data(), input.size());
        running.data = nullptr;
        limit_seconds(0);
        ++num_runs_;
        bool is_new = false;
        for (size_t k = 0; k < kMapSize; k += sizeof(uint64_t)) {
            uint64_t word;
            std::memcpy(&word, &edges[k], sizeof word);
            if (word == 0) continue;
            for (size_t at = k; at < k + sizeof word; ++at) {
                uint8_t found = class_of(edges[at]) & ~reached_[at];
                if (!options_.minimise.empty() && reached_[at] != 0) found = 0;
                if (found == 0) continue;
                if (reached_[at] == 0) ++num_reached_;
                reached_[at] |= found;
                is_new = true;
            }
        }
        return is_new;
    }

    size_t below(size_t n) { return static_cast<size_t>(random_() % n); }

    // An input of the corpus, of two the later one: what was reached last is explored most.
    const Bytes &parent() {
        return corpus_[std::max(below(corpus_.size()), below(corpus_.size()))];
    }

    Bytes mutant() {
        Bytes input = parent();
        for (size_t num_changes = size_t{1} << below(5); num_changes > 0; --num_changes) {
            change(&input);
        }
        if (input.size() > options_.max_bytes) input.resize(options_.max_bytes);
        return input;
    }

    void change(Bytes *input) {
        constexpr size_t kMaxPiece = 16;
        size_t size = input->size();
        size_t at = below(size + 1);
        auto place = input->begin() + static_cast<std::ptrdiff_t>(at);
        size_t piece = below(std::min(size - at, kMaxPiece) + 1);
        auto piece_end = place + static_cast<std::ptrdiff_t>(piece);
        switch (below(7)) {
        case 0: // another byte
            if (at < size) *place = static_cast<uint8_t>(random_());
            break;
        case 1: // one bit
            if (at < size) *place ^= static_cast<uint8_t>(1u << below(8));
            break;
        case 2: // a little more or less
            if (at < size) *place = static_cast<uint8_t>(*place + below(9) - 4);
            break;
        case 3:
            input->insert(place, static_cast<uint8_t>(random_()));
            break;
        case 4:
            input->erase(place, piece_end);
            break;
        case 5: { // a piece once more, elsewhere
            Bytes copy(place, piece_end);
            input->insert(input->begin() + static_cast<std::ptrdiff_t>(below(size + 1)),
                          copy.begin(), copy.end());
            break;
        }
        case 6: { // from here on, or for a piece, as in another input
            const Bytes &other = parent();
            size_t from = below(other.size() + 1);
            size_t length = below(2) == 0 ? other.size() - from
                                          : std::min(other.size() - from, below(kMaxPiece) + 1);
            Bytes copy(other.begin() + static_cast<std::ptrdiff_t>(from),
                       other.begin() + static_cast<std::ptrdiff_t>(from + length));
            if (from + length == other.size() && below(2) == 0) input->resize(at);
            input->insert(input->begin() + static_cast<std::ptrdiff_t>(at), copy.begin(),
                          copy.end());
            break;
        }
        }
    }

    Options options_;
    std::mt19937_64 random_;
    std::vector<Bytes> loaded_;
    std::vector<Bytes> corpus_; // each reached something that those before it did not
    std::array<uint8_t, kMapSize> reached_{};
    size_t num_reached_ = 0;
    uint64_t num_runs_ = 0;
};

int run_files(int count, char **paths) {
    for (int k = 0; k < count; ++k) {
        Bytes input = read_file(paths[k]);
        running = {input.data(), input.size()};
        LLVMFuzzerTestOneInput(input.data(), input.size());
        running.data = nullptr;
    }
    std::fprintf(stderr, "%d inputs without a finding\n", count);
    return 0;
}

} // namespace

int main(int count, char **words) {
    watch_for_the_end();
    Options options;
    int k = 1;
    for (; k + 1 < count && std::string_view(words[k]).starts_with("--"); k += 2) {
        std::string_view name = words[k];
        const char *value = words[k + 1];
        if (name == "--corpus") {
            options.corpus = value;
        } else if (name == "--minimise") {
            options.minimise = value;
        } else if (name == "--seconds") {
            options.seconds = std::strtod(value, nullptr);
        } else if (name == "--runs") {
            options.runs = std::strtoull(value, nullptr, 10);
        } else if (name == "--seed") {
            options.seed = std::strtoull(value, nullptr, 10);
        } else if (name == "--max-bytes") {
            options.max_bytes = std::strtoull(value, nullptr, 10);
        } else if (name == "--timeout") {
            options.timeout = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
        } else {
            break;
        }
    }
    if (options.corpus.empty() && k < count) return run_files(count - k, words + k);
    if (options.corpus.empty() || k < count) {
        std::fprintf(stderr, "usage: FILE... | --corpus DIR [--minimise TO] [--seconds N] "
                             "[--runs N] [--seed N] [--max-bytes N] [--timeout N]\n");
        return 2;
    }
    Fuzzer fuzzer(options);
    fuzzer.load();
    if (options.minimise.empty()) {
        fuzzer.fuzz();
    } else {
        fuzzer.minimise();
    }
    return 0;
}
