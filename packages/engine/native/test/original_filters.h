// Filters of the original converter with lines that lead through every part of judging by them, and the answer to each
// line, written by hand: the plain reading knows nothing of that dialect. Used where a whole batch of it is needed: by the
// core's tests and by the programs that fail allocations and run threads.
#pragma once

#include <string>

#include "plain_reader.h"

namespace weir_test {

struct OriginalBatch {
  RuleSet filters;
  std::string input;
  PlainBatch plain;  // the answer under full validation
};

// The lines repeated `rounds` times, each round with values of its own.
OriginalBatch EveryOriginalPart(int rounds);

}  // namespace weir_test
