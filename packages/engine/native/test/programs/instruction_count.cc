// What valgrind's callgrind counts: a program over a stream of batches, so that the caches are warm and the values new, as
// in an engine's worker that runs for long. Only CountedEvaluation() is counted (--toggle-collect), and it only gets the
// batches behind the first `WARM` records. .ci/count.mjs builds this as the kernel is built, and runs it.
//
//   instruction_count PROGRAM INPUT WARM         a program block, NDJSON, records
//
// Prints one line of JSON: the records that were counted, how many of them were kept, and which code for which processor
// and of which C library was at work. The seed of the value caches is always the same.

#include <gnu/libc-version.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "../test_slab.h"
#include "simdjson.h"

namespace weir_test {

// Apart, and with a name that no compiler changes, since callgrind switches its counter by it.
extern "C" __attribute__((noinline)) bool CountedEvaluation(weir::Evaluator* evaluator, TestSlab* slab, std::string* error) {
  return evaluator->Evaluate(slab->data(), slab->size(), error);
}

namespace {

constexpr uint64_t kSeed = 0x9e3779b97f4a7c15;
constexpr size_t kBatchBytes = 256 << 10;

std::string ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.is_open() && !bytes.empty()) return bytes;
  std::fprintf(stderr, "%s cannot be read, or is empty\n", path);
  std::exit(1);
}

// Lines of about so many bytes from the front of `input`.
std::string_view NextBatch(std::string_view input) {
  if (input.size() <= kBatchBytes) return input;
  const size_t feed = input.find('\n', kBatchBytes);
  return input.substr(0, feed == input.npos ? input.size() : feed + 1);
}

int Count(const char* program, const char* records, uint64_t warm) {
  const std::string block = ReadFile(program), input = ReadFile(records);
  // A block is 4-aligned.
  std::vector<uint32_t> words(block.size() / 4 + 1);
  std::memcpy(words.data(), block.data(), block.size());
  std::string error;
  const auto evaluator =
      weir::Evaluator::Load(reinterpret_cast<const uint8_t*>(words.data()), block.size(), &error, {}, kSeed);
  uint64_t seen = 0, counted = 0, kept = 0;
  for (std::string_view left = input; evaluator != nullptr && !left.empty();) {
    const std::string_view batch = NextBatch(left);
    left.remove_prefix(batch.size());
    SlabShape shape{.input = batch, .record_capacity = 8192, .count_capacity = 4096, .mode = weir::Validation::kKept};
    shape.routes = 1u << weir::kKeepRoute;
    TestSlab slab(shape);
    const bool is_warm = seen >= warm;
    const bool is_done = is_warm ? CountedEvaluation(evaluator.get(), &slab, &error)
                                 : evaluator->Evaluate(slab.data(), slab.size(), &error);
    if (is_done && slab.word(weir::kConsumed) != slab.word(weir::kEnd)) error = "a batch does not fit its arrays";
    if (!error.empty()) break;
    seen += slab.word(weir::kRecords);
    counted += is_warm ? slab.word(weir::kRecords) : 0;
    kept += is_warm ? slab.word(weir::kKept) : 0;
  }
  if (counted == 0 || !error.empty()) {
    std::fprintf(stderr, "%s\n", error.empty() ? "nothing was counted" : error.c_str());
    return 1;
  }
  std::printf("{\"records\":%llu,\"kept\":%llu,\"processor\":\"%s\",\"libc\":\"%s\"}\n",
              static_cast<unsigned long long>(counted), static_cast<unsigned long long>(kept),
              simdjson::get_active_implementation()->name().c_str(), gnu_get_libc_version());
  return 0;
}

}  // namespace
}  // namespace weir_test

int main(int argc, char** argv) {
  if (argc == 4) return weir_test::Count(argv[1], argv[2], std::strtoull(argv[3], nullptr, 10));
  std::fprintf(stderr, "usage: instruction_count PROGRAM INPUT WARM\n");
  return 2;
}
