// The native kernel: a program over one batch in one call. Frames records, decides each, writes the verdict beside the
// bytes and gathers what is kept. Plain C++: it knows nothing of Node, threads or files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "program.h"
#include "slab.h"
#include "techniques.h"

namespace weir {

class Evaluator {
 public:
  // Makes a program ready. Null and a message when the block is damaged or a pattern cannot be compiled. `data` is
  // 4-aligned and must outlive the evaluator; other threads may read it too. `seed` keys the value caches, for who counts
  // instructions and wants the same ones every time; without it, it is drawn, so that no sender can aim at one bucket.
  static std::unique_ptr<Evaluator> Load(const uint8_t* data, size_t size, std::string* error, Techniques techniques = {},
                                         std::optional<uint64_t> seed = std::nullopt);
  ~Evaluator();

  // Evaluates the request in the slab's header and writes the answer there (slab.h). Reads the input region and up to
  // kPaddingBytes behind it; writes the answer words, the verdict arrays, the counts and the gather region only.
  // False and a message when the request does not fit the slab, or on a fault; the answer then means nothing.
  // Not reentrant: one thread, one evaluator. May throw std::bad_alloc; every later call then is a fault.
  bool Evaluate(uint8_t* slab, size_t size, std::string* error);

  // What its techniques did so far, over all calls.
  struct Report {
    TechniqueCounts techniques[kTechniques];
    std::vector<FieldCounts> fields;  // in the order of the program's
    uint64_t cache_bytes = 0;         // what all value caches hold
  };
  Report report() const;

  // About how many bytes it holds, for those who decide when to free it.
  int64_t memory() const;

 private:
  struct State;
  explicit Evaluator(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace weir
