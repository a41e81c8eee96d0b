// What the tests of the core share: the check that counts, and bytes as they lie in a slab.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "../slab.h"

namespace weir_test {

// Counts a check, and prints a failed one with its place.
void Check(bool holds, const char* what, const char* file, int line);

#define CHECK(condition) weir_test::Check((condition), #condition, __FILE__, __LINE__)

// A copy of some bytes with exactly the padding behind it that readers may look at, in memory of its own, so that a
// sanitizer sees a read of one byte more. `filler` fills the padding.
class Padded {
 public:
  explicit Padded(std::string_view bytes, char filler = '"')
      : memory_(new char[bytes.size() + weir::kPaddingBytes]), size_(bytes.size()) {
    if (size_ != 0) std::memcpy(memory_.get(), bytes.data(), size_);
    std::memset(memory_.get() + size_, filler, weir::kPaddingBytes);
  }
  const char* begin() const { return memory_.get(); }
  const char* end() const { return memory_.get() + size_; }
  std::string_view view() const { return {memory_.get(), size_}; }

 private:
  std::unique_ptr<char[]> memory_;
  size_t size_;
};

// A sequence of numbers that is the same everywhere (splitmix64).
class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // A number below `bound`.
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(Next() % bound); }

 private:
  uint64_t state_;
};

// One function for each part of the core, called by core_test.cc in this order.
void TestUtf8();
void TestArena();
void TestNumbers();
void TestAddresses();
void TestLists();
void TestQuoteIndex();
void TestScans();
void TestCursor();
void TestUnescape();
void TestValidator();
void TestDecodeUrl();
void TestMatcher();
void TestFieldIndex();
void TestLearnedLiterals();
void TestScreeningTurns();
void TestSharedPrefixes();
void TestScreen();
void TestValueCache();
void TestCachedShares();
void TestSwitches();
void TestKeyedHash();
void TestDecision();
void TestProgram();
void TestBatchView();
void TestKernel();
void TestPatternMemory();
void TestRepeatedKeys();
void TestJavaText();
void TestOriginalMemory();
void TestOriginalBatch();

}  // namespace weir_test
