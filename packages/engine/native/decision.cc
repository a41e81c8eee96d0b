// Taking conditions apart, and building chains backwards: a test's targets exist before it does.

#include "decision.h"

#include <algorithm>

namespace weir {
namespace {

// Rules are split into alternatives up to about this many: each takes a bit beside every value that is remembered.
constexpr size_t kMostAlternatives = 2048;

using Kind = Condition::Kind;

// `all`, or under a `not` what says the same.
bool IsAll(const Condition& condition, bool negated) { return condition.kind == (negated ? Kind::kAny : Kind::kAll); }

bool IsAny(const Condition& condition, bool negated) { return condition.kind == (negated ? Kind::kAll : Kind::kAny); }

}  // namespace

Decision::Decision(const Program& program)
    : program_(program), rule_count_(static_cast<uint32_t>(program.rules.size())) {
  for (uint32_t rule = 0; rule < rule_count_; rule++) AddRule(rule, program.rules[rule].when);
  all_.assign((alternatives_.size() + 63) / 64, 0);
  for (size_t i = 0; i < alternatives_.size(); i++) all_[i / 64] |= uint64_t{1} << (i % 64);
  left_ = all_;
  Order([](uint32_t) { return 1.0; });
}

void Decision::AddRule(uint32_t rule, const Condition& condition) {
  const Condition* inner = &condition;
  bool negated = false;
  for (; inner->kind == Kind::kNot; inner = &inner->children[0]) negated = !negated;
  const bool splits = IsAny(*inner, negated) && OnlyField(*inner) == kNone &&
                      alternatives_.size() + inner->children.size() <= kMostAlternatives;
  if (!splits) {
    alternatives_.push_back({rule, {}});
    AddClauses(*inner, negated, &alternatives_.back().clauses);
    return;
  }
  for (const Condition& child : inner->children) {
    alternatives_.push_back({rule, {}});
    AddClauses(child, negated, &alternatives_.back().clauses);
  }
}

void Decision::AddClauses(const Condition& condition, bool negated, std::vector<Clause>* clauses) const {
  if (condition.kind == Kind::kNot) return AddClauses(condition.children[0], !negated, clauses);
  if (IsAll(condition, negated)) {
    for (const Condition& child : condition.children) AddClauses(child, negated, clauses);
    return;
  }
  clauses->push_back({&condition, negated, OnlyField(condition), 0, 0});
}

// The one field that a condition looks at, or kNone.
uint32_t Decision::OnlyField(const Condition& condition) const {
  if (condition.kind == Kind::kTest) return program_.predicates[condition.predicate].field;
  const uint32_t field = OnlyField(condition.children[0]);
  for (const Condition& child : condition.children) {
    if (OnlyField(child) != field) return kNone;
  }
  return field;
}

void Decision::Order(const std::function<double(uint32_t)>& cost) {
  tests_.clear();
  steps_.clear();
  first_step_.clear();
  cost_ = &cost;
  // Who looks at a field learns what its value strikes: alternatives that look at the same one share what that costs.
  std::vector<double> sharers(program_.fields.size(), 0);
  for (const Alternative& alternative : alternatives_) {
    for (const Clause& clause : alternative.clauses) {
      if (clause.field != kNone) sharers[clause.field]++;
    }
  }
  for (Alternative& alternative : alternatives_) {
    for (Clause& clause : alternative.clauses) {
      clause.cost = Cost(*clause.condition) / (clause.field == kNone ? 1 : sharers[clause.field]);
      clause.first = Append(*clause.condition, clause.negated, kHolds, kFails);
    }
    std::stable_sort(alternative.clauses.begin(), alternative.clauses.end(),
                     [](const Clause& a, const Clause& b) { return a.cost < b.cost; });
    first_step_.push_back(static_cast<uint32_t>(steps_.size()));
    for (const Clause& clause : alternative.clauses) steps_.push_back({clause.field, clause.first, kNone});
    steps_.back().rule = alternative.rule;
  }
  cost_ = nullptr;
}

int32_t Decision::Append(const Condition& condition, bool negated, int32_t if_true, int32_t if_false) {
  switch (condition.kind) {
    case Kind::kTest:
      if (negated) std::swap(if_true, if_false);
      // A predicate keeps its answer: where the next test asks for it again, the way goes on behind that test.
      while (if_true >= 0 && At(if_true).predicate == condition.predicate) if_true = At(if_true).if_true;
      while (if_false >= 0 && At(if_false).predicate == condition.predicate) if_false = At(if_false).if_false;
      tests_.push_back({condition.predicate, if_true, if_false});
      return static_cast<int32_t>(tests_.size()) - 1;
    case Kind::kNot: return Append(condition.children[0], !negated, if_true, if_false);
    default: break;
  }
  std::vector<std::pair<double, const Condition*>> members;
  for (const Condition& child : condition.children) members.emplace_back(Cost(child), &child);
  std::stable_sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const bool all = IsAll(condition, negated);
  int32_t next = all ? if_true : if_false;
  for (size_t i = members.size(); i-- > 0;) {
    next = all ? Append(*members[i].second, negated, next, if_false) : Append(*members[i].second, negated, if_true, next);
  }
  return next;
}

double Decision::Cost(const Condition& condition) const {
  if (condition.kind == Kind::kTest) return (*cost_)(condition.predicate);
  double sum = 0;
  for (const Condition& child : condition.children) sum += Cost(child);
  return sum;
}

}  // namespace weir
