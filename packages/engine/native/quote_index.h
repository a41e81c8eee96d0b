// Where the quotes of a record are, found some blocks at a time and only as far as somebody asks. In well-formed JSON
// the quotes that no backslash escapes alternate between opening and closing, so strings are found by counting instead
// of by scanning, and positions do not wait for each other (benchmark case hundred-rules).
#pragma once

#include <cstdint>
#include <vector>

namespace weir {

class QuoteIndex {
 public:
  // Instructions to index with, in rising order of what they ask of the processor.
  enum class Level : uint8_t { kPlain, kAvx2, kAvx512 };

  // Chooses the instructions once: the highest level that the processor has, and at most `most`.
  explicit QuoteIndex(Level most = Level::kAvx512);

  // Turns to the record of `size` bytes at `text`. Reads up to 63 bytes behind it.
  void Start(const char* text, uint32_t size) {
    text_ = text;
    size_ = size;
    indexed_ = 0;
    count_ = 0;
    escape_carry_ = 0;
    first_escape_ = size;
  }

  // Positions of quote number `i` and its three successors; where there are fewer, the record's size stands for them.
  const uint32_t* Four(uint32_t i) {
    if (count_ < i + 4) Provide(i + 4);
    return positions_.data() + i;
  }

  // Behind the positions there are; Four may move them.
  const uint32_t* end() const { return positions_.data() + count_; }

  // The number of the quote whose position `position` points at.
  uint32_t NumberOf(const uint32_t* position) const { return static_cast<uint32_t>(position - positions_.data()); }

  // The number of the first quote at or behind position `p`, counting from `i`.
  uint32_t NumberAt(uint32_t i, uint32_t p) {
    while (*Four(i) < p) i++;
    return i;
  }

  // The first backslash of what was indexed so far, or the record's size.
  uint32_t first_escape() const { return first_escape_; }

 private:
  // Indexes blocks until there are `count` positions, or no more to be had.
  void Provide(uint32_t count);
  uint64_t Escaped(uint64_t backslashes);
  void IndexPlain(uint32_t blocks);
#if defined(__x86_64__) && defined(__GNUC__)
  void IndexAvx2(uint32_t blocks);
  void IndexAvx512(uint32_t blocks);
#endif

  void (QuoteIndex::*index_)(uint32_t blocks);
  const char* text_ = nullptr;
  uint32_t size_ = 0;
  uint32_t indexed_ = 0;  // bytes
  uint32_t count_ = 0;
  uint32_t first_escape_ = 0;
  uint64_t escape_carry_ = 0;  // 1 when the byte before the next block escapes its first
  std::vector<uint32_t> positions_;
};

}  // namespace weir
