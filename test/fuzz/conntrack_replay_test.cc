// Runs the fuzz target without libFuzzer: the committed corpus, then mutations of it in an order that a seed
// gives.
#include <doctest/doctest.h>
#include <sanitizer/common_interface_defs.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "conntrack_seeds.h"
#include "conntrack_target.h"

using namespace hawser;

namespace {

using Bytes = std::vector<uint8_t>;

/** HAWSER_FUZZ_RUNS has more of them made, HAWSER_FUZZ_SEED others. */
constexpr uint64_t kRuns = 150'000;
constexpr uint64_t kSeed = 20261122;

uint64_t setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::filesystem::path corpusFolder() {
  return std::filesystem::path(HAWSER_CORPUS) / "conntrack";
}

std::vector<std::pair<std::string, Bytes>> corpus() {
  std::vector<std::pair<std::string, Bytes>> inputs;
  for (const auto& file : std::filesystem::directory_iterator(corpusFolder())) {
    std::ifstream stream(file.path(), std::ios::binary);
    inputs.emplace_back(file.path().filename(), Bytes(std::istreambuf_iterator<char>(stream), {}));
  }
  std::sort(inputs.begin(), inputs.end());
  return inputs;
}

/** The input under way, for whoever finds out that it was the last one. */
Bytes current;

void showCurrent() {
  std::fprintf(stderr, "\nthe input was, in hex:\n");
  for (const uint8_t byte : current) std::fprintf(stderr, "%02x", byte);
  std::fprintf(stderr, "\n");
}

void run(Bytes input) {
  current = std::move(input);
  // A heap block of its own size, so that reading beyond it is seen.
  const Bytes exact(current.begin(), current.end());
  (void)LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  /** One to eight changes of the kinds that netlink is sensitive to. */
  Bytes operator()(const Bytes& seed, const Bytes& other) {
    Bytes bytes = seed;
    for (size_t changes = pick(8) + 1; changes > 0 && !bytes.empty(); changes--) change(bytes, other);
    return bytes;
  }
  size_t pick(size_t below) { return random_() % below; }

 private:
  void change(Bytes& bytes, const Bytes& other) {
    const size_t at = pick(bytes.size());
    const auto place = bytes.begin() + static_cast<ptrdiff_t>(at);
    switch (pick(6)) {
      case 0:
        bytes[at] ^= static_cast<uint8_t>(1u << pick(8));
        break;
      case 1:
        bytes[at] = static_cast<uint8_t>(random_());
        break;
      case 2:  // lengths and types stand at multiples of four
        bytes[at & ~size_t{3}] = static_cast<uint8_t>(pick(72));
        break;
      case 3:
        bytes.resize(at);
        break;
      case 4:
        bytes.insert(place, other.begin(), other.begin() + static_cast<ptrdiff_t>(pick(other.size() + 1)));
        break;
      case 5:
        bytes.erase(place, place + static_cast<ptrdiff_t>(std::min<size_t>(pick(16), bytes.size() - at)));
        break;
    }
  }

  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("the committed corpus holds what the seeds are today") {
  // HAWSER_FUZZ_WRITE=1 writes the seeds into the corpus, beside inputs that were found since.
  for (const auto& [name, bytes] : fuzz::conntrackSeeds()) {
    CAPTURE(name);
    const auto path = corpusFolder() / name;
    if (std::getenv("HAWSER_FUZZ_WRITE") != nullptr)
      std::ofstream(path, std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    std::ifstream stream(path, std::ios::binary);
    CHECK(Bytes(std::istreambuf_iterator<char>(stream), {}) == bytes);
  }
}

TEST_CASE("conntrack's datagrams, whole, cut and mutated, are read without a fault or a contradiction") {
  __sanitizer_set_death_callback(showCurrent);
  const auto inputs = corpus();
  REQUIRE(inputs.size() >= fuzz::conntrackSeeds().size());
  for (const auto& [name, bytes] : inputs) {
    CAPTURE(name);
    run(bytes);
    for (size_t length = 0; length < bytes.size(); length++)
      run(Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(length)));
  }
  Mutator mutate(setting("HAWSER_FUZZ_SEED", kSeed));
  for (uint64_t left = setting("HAWSER_FUZZ_RUNS", kRuns); left > 0; left--) {
    const Bytes& seed = inputs[mutate.pick(inputs.size())].second;
    run(mutate(seed, inputs[mutate.pick(inputs.size())].second));
  }
  __sanitizer_set_death_callback(nullptr);
}
