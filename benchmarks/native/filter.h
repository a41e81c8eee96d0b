// A rule set over lines in memory: which are kept, and how many each rule decided. Called by main.cc, one filter a thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "record.h"
#include "rule_set.h"

namespace plain {

struct Counts {
  uint64_t kept = 0;
  uint64_t malformed = 0;
  // Records that each rule decided, then those that none did.
  std::vector<uint64_t> by_rule;
};

class Filter {
 public:
  // `rules` must outlive the filter. `checks`: a record is kept only when all of it is well-formed.
  Filter(const RuleSet& rules, bool checks) : rules_(rules), reader_(rules), checks_(checks) {}

  // Decides the lines in [begin, end), adds to `counts` and copies what is kept to `out`, which has room for
  // end - begin + 1 bytes. Behind `end` simdjson::SIMDJSON_PADDING bytes may be read. Returns the end of the copies.
  char* Run(const char* begin, const char* end, char* out, Counts* counts);

 private:
  size_t DecidingRule();
  bool Holds(const Condition& condition);
  bool Holds(const Predicate& predicate);

  const RuleSet& rules_;
  RecordReader reader_;
  bool checks_;
  simdjson::dom::parser checker_;
};

}  // namespace plain
