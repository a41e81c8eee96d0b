// A slab of exactly the memory that its request names, so that a sanitizer sees every byte beyond; and whole runs of the
// kernel, judged by the plain reading.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../kernel.h"
#include "../slab.h"
#include "plain_reader.h"

namespace weir_test {

struct SlabShape {
  std::string_view input;
  uint32_t lead = 0;  // bytes of the input region before the input
  uint32_t record_capacity = 8;
  uint32_t count_capacity = 8;
  uint32_t flags = 0;
  weir::Validation mode = weir::Validation::kFull;
  uint32_t max_record_bytes = 1 << 20;
  uint32_t routes = ~uint32_t{0};  // bit r: gather route r, below 32
  uint64_t now_ms = 0;
  char filler = '"';
};

// Header, verdict arrays, counts, gather region, then the input with its padding, which ends the memory.
class TestSlab {
 public:
  explicit TestSlab(const SlabShape& shape);

  uint8_t* data() { return memory_.get(); }
  size_t size() const { return size_; }
  uint32_t& word(uint32_t number) { return reinterpret_cast<uint32_t*>(memory_.get())[number]; }
  const uint32_t* words_at(uint32_t word_of_position) {
    return reinterpret_cast<const uint32_t*>(memory_.get() + word(word_of_position));
  }
  std::string gathered(uint32_t from, uint32_t to) {
    return {reinterpret_cast<const char*>(memory_.get()) + word(weir::kGatherAt) + from, to - from};
  }

 private:
  std::unique_ptr<uint8_t[]> memory_;
  size_t size_;
};

// The answer to a whole request, of as many calls as it took.
struct Answer {
  bool ok = false;  // false: a fault, `problem` being its message
  std::string problem;
  std::vector<PlainRecord> records;  // of requests that want them
  uint32_t kept = 0, dropped = 0, malformed = 0, count = 0, lines = 0, calls = 0;
  std::vector<uint32_t> by_rule, by_route;
  std::vector<std::string> gathered;
  std::vector<std::vector<uint32_t>> samples;  // start, lines before, reason; the first sixteen
  PlainDelays delays;
};

// Runs a request to its end. Beside the kernel's own faults, `ok` is false for an answer that contradicts itself or its
// layout.
Answer RunKernel(weir::Evaluator& evaluator, const RuleSet& rules, const SlabShape& shape);

// What of an answer differs from the plain reading, or nothing: all of it under full validation; under the other modes
// whatever must be the same.
std::string Differs(const RuleSet& rules, const SlabShape& shape, const Answer& answer, const PlainBatch& plain);

// The plain reading of a request.
PlainRequest PlainOf(const SlabShape& shape);

}  // namespace weir_test
