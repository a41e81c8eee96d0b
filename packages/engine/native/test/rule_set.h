// Rule sets as tests and fuzzers write them, and the program block that stands for one: what src/rules/write-program.ts
// does for the engine, for programs of C++ alone. The plain reading judges by the same rule set.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../program.h"

namespace weir_test {

// A predicate as a rule says it: texts are not folded yet, networks are written as ADDRESS/BITS.
struct TestPredicate {
  weir::Op op = weir::Op::kExists;
  uint32_t field = 0;
  bool whole = false;
  bool fold = false;
  std::string pattern;
  std::vector<std::string> texts;
  std::string lt, lte, gt, gte;  // bounds as text; empty where there is none
};

struct RuleSet {
  std::vector<std::string> missing;
  std::vector<weir::Field> fields;
  bool has_time_field = false;
  uint32_t time_field = 0;
  std::vector<TestPredicate> predicates;
  std::vector<weir::Rule> rules;
  uint32_t route_count = 3;
  bool original = false;  // its dialect is the original converter's
  uint8_t default_route = 0;
};

// A predicate on texts, and one by a pattern; both on the first field.
TestPredicate Predicate(weir::Op op, std::vector<std::string> texts, bool fold = false);
TestPredicate Regex(std::string pattern, bool whole);
// A field of one key.
weir::Field Key(std::string key);
// A condition that asks for one predicate.
weir::Condition Test(uint32_t predicate);
// A condition over others; `kind` is not kTest.
weir::Condition Group(weir::Condition::Kind kind, std::vector<weir::Condition> children);

// Code points that fold in the blocks written here, beside ASCII: ascending pairs, the second never greater.
const std::vector<std::pair<uint32_t, uint32_t>>& FoldPairs();
// Text as folding predicates compare it. Bytes that are not UTF-8 stay.
std::string PlainFold(std::string_view text);

// Memory of exactly the size of what is in it.
struct Block {
  std::unique_ptr<uint32_t[]> words;
  size_t size = 0;  // bytes
  const uint8_t* data() const { return reinterpret_cast<const uint8_t*>(words.get()); }
  uint8_t* data() { return reinterpret_cast<uint8_t*>(words.get()); }
};

// The program of a rule set. Networks must be disjoint.
Block WriteProgram(const RuleSet& rules);
// A block whose plan is `plan`, with the lists and the fold table of `rules`.
Block WriteBlock(std::string_view plan, const RuleSet& rules);
// The plan of a rule set as JSON.
std::string PlanOf(const RuleSet& rules);
// `text` as a JSON string.
std::string Quoted(std::string_view text);

}  // namespace weir_test
