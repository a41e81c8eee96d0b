// The native core's test program, without Node: checks of each part (the *_test.cc beside this), then, for every FILE
// given, recorded kernel calls whose answers must repeat to the byte, with techniques adaptive, off and on.
// packages/engine/test/native-core.test.ts writes such files and runs this program, also on an emulated older processor:
// there with `--by-processor` before the files, which leaves out the parts that are the same on every processor.
//
// A file holds little-endian words: magic, count, then for each call: program bytes, slab bytes (both multiples of 4),
// the program, the slab before the call, the slab after it.

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "../kernel.h"
#include "check.h"
#include "settings.h"

namespace weir_test {
namespace {

int failures = 0;
int checks = 0;

}  // namespace

void Check(bool holds, const char* what, const char* file, int line) {
  checks++;
  if (holds) return;
  failures++;
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what);
}

namespace {

// Whether the answer in `got` is the answer in `want`: the words, and what they say is filled.
bool SameAnswer(const uint8_t* got, const uint8_t* want) {
  const auto* a = reinterpret_cast<const uint32_t*>(got);
  const auto* b = reinterpret_cast<const uint32_t*>(want);
  if (std::memcmp(a + weir::kConsumed, b + weir::kConsumed, (weir::kSample + 48 - weir::kConsumed) * 4) != 0) return false;
  const uint32_t capacity = b[weir::kRecordCapacity];
  const uint32_t records = b[weir::kRecords];
  const auto same = [got, want](uint64_t at, uint64_t bytes) { return std::memcmp(got + at, want + at, bytes) == 0; };
  const uint64_t at = b[weir::kRecordsAt];
  if ((b[weir::kFlags] & weir::kWantRecords) != 0 &&
      !(same(at, records * 4ull) && same(at + capacity * 4ull, records * 4ull) && same(at + capacity * 8ull, records * 2ull) &&
        same(at + capacity * 10ull, records) && same(at + capacity * 11ull, records))) {
    return false;
  }
  return same(b[weir::kCountsAt], b[weir::kCountCapacity] * 4ull) && same(b[weir::kGatherAt], b[weir::kGathered]);
}

void TestRecorded(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<uint32_t> words(bytes.size() / 4);
  std::memcpy(words.data(), bytes.data(), words.size() * 4);
  CHECK(words.size() >= 2 && words[0] == 0x43524557);
  if (words.size() < 2) return;
  size_t at = 2;
  for (uint32_t i = 0; i < words[1]; i++) {
    const uint32_t program_bytes = words[at];
    const uint32_t slab_bytes = words[at + 1];
    const auto* program = reinterpret_cast<const uint8_t*>(&words[at + 2]);
    const uint32_t* before = &words[at + 2 + program_bytes / 4];
    const auto* after = reinterpret_cast<const uint8_t*>(before) + slab_bytes;
    for (const weir::Techniques alike : kAlike) {
      std::vector<uint32_t> slab(before, before + slab_bytes / 4);
      auto* bytes = reinterpret_cast<uint8_t*>(slab.data());
      std::string error;
      const auto evaluator = weir::Evaluator::Load(program, program_bytes, &error, alike);
      CHECK(evaluator != nullptr);
      const bool ran = evaluator != nullptr && evaluator->Evaluate(bytes, slab_bytes, &error);
      if (!error.empty()) std::fprintf(stderr, "%s\n", error.c_str());
      CHECK(ran);
      const bool same = ran && SameAnswer(bytes, after);
      CHECK(same);
      if (!same) std::fprintf(stderr, "call %u of %s\n", i, path);
    }
    at += 2 + program_bytes / 4 + slab_bytes / 2;
  }
}

}  // namespace

// Parts with code that is chosen by the processor, their own or simdjson's below them.
constexpr void (*kByProcessor[])() = {
    TestUtf8,      TestArena,      TestNumbers,    TestAddresses, TestUnescape,     TestDecodeUrl,
    TestLists,     TestQuoteIndex, TestScans,      TestCursor,    TestValidator,    TestMatcher,
    TestFieldIndex, TestScreen,    TestBatchView,  TestKernel,    TestRepeatedKeys, TestJavaText,
};

// Parts about what is learned from records and when, what is kept of it, and how programs are read.
constexpr void (*kOnEveryProcessor[])() = {
    TestLearnedLiterals, TestScreeningTurns, TestSharedPrefixes, TestValueCache,    TestCachedShares,   TestSwitches,
    TestKeyedHash,       TestDecision,       TestPatternMemory,  TestProgram,       TestOriginalMemory, TestOriginalBatch,
};

int Run(int argc, char** argv) {
  const bool by_processor = argc > 1 && std::strcmp(argv[1], "--by-processor") == 0;
  for (const auto part : kByProcessor) part();
  if (!by_processor) {
    for (const auto part : kOnEveryProcessor) part();
  }
  for (int i = by_processor ? 2 : 1; i < argc; i++) TestRecorded(argv[i]);
  std::printf("%d checks, %d failures\n", checks, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace weir_test

int main(int argc, char** argv) { return weir_test::Run(argc, argv); }
