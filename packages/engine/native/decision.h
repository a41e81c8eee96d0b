// A rule set's conditions, taken apart so that one value can rule out many rules at once. Each rule is one or more
// alternatives, an alternative is clauses that all have to hold, and a clause is a chain of tests. A clause that looks at
// one field alone fails for a value whatever the rest of the record says, so what failed is remembered with the value:
// meeting the value again strikes those alternatives without a test (benchmark case hundred-rules).
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "program.h"

namespace weir {

class Decision {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  // Takes the program's conditions apart. Alternatives are numbered in the order of their rules, once and for all.
  explicit Decision(const Program& program);

  // Orders clauses, and the members of `all` and `any` within them, by rising `cost` of their predicates: predicates
  // have no side effects, so their order is free.
  void Order(const std::function<double(uint32_t)>& cost);

  uint32_t alternative_count() const { return static_cast<uint32_t>(alternatives_.size()); }

  // Calls `use(predicate, alternative, negated)` for each alternative that a predicate strikes by itself: where it fails,
  // or `negated`, where it holds.
  template <typename Use>
  void EachStriking(Use&& use) const {
    for (uint32_t number = 0; number < alternatives_.size(); number++) {
      for (const Clause& clause : alternatives_[number].clauses) {
        if (clause.condition->kind == Condition::Kind::kTest) use(clause.condition->predicate, number, clause.negated);
      }
    }
  }

  // The deciding rule; the number of rules stands for the default. Of `reader` it asks
  //   const uint64_t* Struck(field): what the field's value in the record at hand is known to strike, a bit for each
  //     alternative; null where that is nothing, or was told before,
  //   const uint64_t* Strike(field, alternative): to remember that this value strikes it; the same, or null,
  //   bool Holds(predicate).
  template <typename Reader>
  uint32_t Run(Reader& reader) {
    switch (all_.size()) {
      case 1: return RunOf(reader, [] { return size_t{1}; });
      case 2: return RunOf(reader, [] { return size_t{2}; });
      default: return RunOf(reader, [words = all_.size()] { return words; });
    }
  }

 private:
  static constexpr int32_t kHolds = -1;
  static constexpr int32_t kFails = -2;

  struct Test {
    uint32_t predicate;
    int32_t if_true;  // >= 0: the next test; else kHolds or kFails
    int32_t if_false;
  };

  struct Clause {
    const Condition* condition;
    bool negated;
    uint32_t field;  // whose value alone decides it, or kNone
    int32_t first;   // the test it begins with
    double cost;
  };

  struct Alternative {
    uint32_t rule;
    std::vector<Clause> clauses;
  };

  // What a run needs to know of a clause. The clauses of an alternative lie one after another.
  struct Step {
    uint32_t field;
    int32_t first;
    uint32_t rule;  // decided when this step holds; kNone where more steps follow
  };

  // `words()` is how many words a bit for each alternative takes, known to the compiler where they are few.
  template <typename Reader, typename Words>
  uint32_t RunOf(Reader& reader, Words words) {
    uint64_t* const left = left_.data();
    for (size_t word = 0; word < words(); word++) left[word] = all_[word];
    for (size_t word = 0; word < words(); word++) {
      while (left[word] != 0) {
        const auto bit = static_cast<uint32_t>(__builtin_ctzll(left[word]));
        const auto number = static_cast<uint32_t>(word * 64 + bit);
        for (const Step* step = &steps_[first_step_[number]];; step++) {
          const uint64_t* struck = step->field == kNone ? nullptr : reader.Struck(step->field);
          if (struck != nullptr) {
            for (size_t i = word; i < words(); i++) left[i] &= ~struck[i];
            if (((left[word] >> bit) & 1) == 0) break;
          }
          if (!HoldsFrom(step->first, reader)) {
            struck = step->field == kNone ? nullptr : reader.Strike(step->field, number);
            if (struck != nullptr) {
              for (size_t i = word; i < words(); i++) left[i] &= ~struck[i];
            }
            left[word] &= ~(uint64_t{1} << bit);
            break;
          }
          if (step->rule != kNone) return step->rule;
        }
      }
    }
    return rule_count_;
  }

  template <typename Reader>
  bool HoldsFrom(int32_t at, Reader& reader) const {
    while (at >= 0) {
      const Test& test = tests_[static_cast<size_t>(at)];
      at = reader.Holds(test.predicate) ? test.if_true : test.if_false;
    }
    return at == kHolds;
  }

  void AddRule(uint32_t rule, const Condition& condition);
  void AddClauses(const Condition& condition, bool negated, std::vector<Clause>* clauses) const;
  uint32_t OnlyField(const Condition& condition) const;
  // Appends the tests of a condition, last first; returns where it starts.
  int32_t Append(const Condition& condition, bool negated, int32_t if_true, int32_t if_false);
  double Cost(const Condition& condition) const;
  const Test& At(int32_t number) const { return tests_[static_cast<size_t>(number)]; }

  const Program& program_;
  const std::function<double(uint32_t)>* cost_ = nullptr;
  std::vector<Alternative> alternatives_;
  std::vector<Test> tests_;
  std::vector<Step> steps_;
  std::vector<uint32_t> first_step_;  // by alternative
  std::vector<uint64_t> all_;   // a bit for each alternative
  std::vector<uint64_t> left_;  // those that may still hold for the record at hand
  uint32_t rule_count_;
};

}  // namespace weir
