// Building the chain backwards: a test's targets exist before it does.

#include "decision.h"

#include <algorithm>

namespace weir {

void Decision::Build(const std::vector<Rule>& rules, const std::function<double(uint32_t)>& cost) {
  tests_.clear();
  cost_ = &cost;
  first_ = ~static_cast<int32_t>(rules.size());
  for (size_t i = rules.size(); i-- > 0;) first_ = Append(rules[i].when, ~static_cast<int32_t>(i), first_);
  cost_ = nullptr;
}

int32_t Decision::Append(const Condition& condition, int32_t if_true, int32_t if_false) {
  switch (condition.kind) {
    case Condition::Kind::kTest:
      // A predicate keeps its answer: where the next test asks for it again, the way goes on behind that test.
      while (if_true >= 0 && At(if_true).predicate == condition.predicate) if_true = At(if_true).if_true;
      while (if_false >= 0 && At(if_false).predicate == condition.predicate) if_false = At(if_false).if_false;
      tests_.push_back({condition.predicate, if_true, if_false});
      return static_cast<int32_t>(tests_.size()) - 1;
    case Condition::Kind::kNot: return Append(condition.children[0], if_false, if_true);
    default: break;
  }
  std::vector<std::pair<double, const Condition*>> members;
  for (const Condition& child : condition.children) members.emplace_back(Cost(child), &child);
  std::stable_sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const bool all = condition.kind == Condition::Kind::kAll;
  int32_t next = all ? if_true : if_false;
  for (size_t i = members.size(); i-- > 0;) {
    next = all ? Append(*members[i].second, next, if_false) : Append(*members[i].second, if_true, next);
  }
  return next;
}

double Decision::Cost(const Condition& condition) const {
  if (condition.kind == Condition::Kind::kTest) return (*cost_)(condition.predicate);
  double sum = 0;
  for (const Condition& child : condition.children) sum += Cost(child);
  return sum;
}

}  // namespace weir
