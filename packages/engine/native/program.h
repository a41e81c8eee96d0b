// A compiled rule set as the kernel reads it: the block that src/rules/program.ts describes, checked once and turned
// into plain structures. Lists stay where they lie, in the block, which must outlive the Program.
// Knows nothing of Node, of records, or of matching.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "network.h"
#include "number.h"

namespace weir {

// Distinct texts in ascending order of (hash, bytes). Offsets delimit entry i as [offsets[i], offsets[i + 1]).
struct SetList {
  uint32_t count = 0;
  const uint32_t* hashes = nullptr;
  const uint32_t* offsets = nullptr;
  const char* bytes = nullptr;
  const uint32_t* buckets = nullptr;
  uint32_t bucket_bits = 1;

  bool Contains(std::string_view text) const;
  std::string_view entry(uint32_t i) const { return {bytes + offsets[i], offsets[i + 1] - offsets[i]}; }
};

// Distinct texts in ascending byte order, with a bitmap of their first two bytes.
struct SubstringsList {
  uint32_t count = 0;
  const uint32_t* offsets = nullptr;
  const char* bytes = nullptr;
  const uint8_t* pairs = nullptr;

  // Whether `text` contains an entry. Cost: proportional to the text, times the logarithm of the count where the
  // first two bytes of an entry occur; `*tries` grows by one for each such place.
  bool FoundIn(std::string_view text, uint64_t* tries) const;
  std::string_view entry(uint32_t i) const { return {bytes + offsets[i], offsets[i + 1] - offsets[i]}; }
};

// Disjoint ascending inclusive ranges of addresses.
struct NetworksList {
  uint32_t v4_count = 0;
  const uint32_t* v4 = nullptr;
  uint32_t v6_count = 0;
  const uint32_t* v6 = nullptr;

  bool Contains(const Address& address) const;
};

struct List {
  uint32_t kind = 0;
  SetList set;
  SubstringsList substrings;
  NetworksList networks;
};

enum class Op : uint8_t { kExists, kRegex, kSet, kPrefix, kSuffix, kSubstrings, kCompare, kNetworks };

struct Predicate {
  Op op = Op::kExists;
  uint32_t field = 0;
  bool whole = false;
  bool fold = false;
  std::string pattern;
  std::vector<std::string> texts;
  uint32_t list = 0;
  Number lt, lte, gt, gte;
};

// One step of a field path.
struct Step {
  bool is_index = false;
  uint32_t index = 0;
  std::string key;
};

struct Field {
  std::vector<Step> path;
  bool decode_url = false;
};

// A condition as a tree over predicate numbers.
struct Condition {
  enum class Kind : uint8_t { kTest, kAll, kAny, kNot } kind = Kind::kTest;
  uint32_t predicate = 0;
  std::vector<Condition> children;
};

struct Rule {
  Condition when;
  uint8_t route = 0;
};

// Code point to the one that stands for all it folds to; ascending pairs, as in the block.
struct FoldTable {
  const uint32_t* pairs = nullptr;
  uint32_t count = 0;

  uint32_t Fold(uint32_t code_point) const;
};

class Program {
 public:
  // Reads the block; `data` is 4-aligned and must stay valid and unchanged. Null and a message when it is not a
  // well-formed program: every position in it is checked against `size`.
  static std::unique_ptr<Program> Read(const uint8_t* data, size_t size, std::string* error);

  bool original = false;  // records are read as the original converter does: original_judge.h
  std::vector<std::string> missing;
  std::vector<Field> fields;
  bool has_time_field = false;
  uint32_t time_field = 0;  // whose delay is counted; never decoded
  std::vector<Predicate> predicates;
  std::vector<Rule> rules;
  std::vector<List> lists;
  FoldTable fold;
  uint8_t default_route = 0;
  uint32_t route_count = 0;
};

// MurmurHash3 x86 32 with seed 0: the order of set lists.
uint32_t HashText(std::string_view text);

}  // namespace weir
