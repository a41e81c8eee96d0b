// A rule set, compiled once: conditions as a tree, fields as numbered slots. Read from the JSON that a case holds; what
// this program cannot express is refused with its name. Called by main.cc; record.cc fills the slots.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests.h"

namespace plain {

// A step of a field path: into an object by key, or into an array by index.
struct Step {
  std::string key;
  size_t index = 0;
  bool is_index = false;
};

// All operators of one predicate, joined by and.
struct Predicate {
  size_t slot = 0;
  bool decodes = false;
  // Whether the field must be there; false: it must not.
  bool exists = true;
  std::vector<std::unique_ptr<Test>> tests;
};

struct Condition {
  enum Kind { kAll, kAny, kNot, kPredicate };
  Kind kind = kPredicate;
  std::vector<Condition> children;
  Predicate predicate;
};

struct Rule {
  Condition when;
  bool keeps = false;
};

struct RuleSet {
  std::vector<Rule> rules;
  bool keeps_by_default = false;
  std::vector<std::string> missing;
  // The path of each slot.
  std::vector<std::vector<Step>> fields;
};

// Throws RuleError.
RuleSet ReadRuleSet(std::string_view json);

}  // namespace plain
