// A rule set's conditions as a chain of tests: each says where to go when it holds and where when it does not, so that
// nothing is tested that cannot matter. The first rule whose condition holds decides.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "program.h"

namespace weir {

class Decision {
 public:
  struct Test {
    uint32_t predicate;
    int32_t if_true;  // >= 0: the next test; below: ~(number of the deciding rule)
    int32_t if_false;
  };

  // Orders the members of `all` and `any` by rising `cost` of their predicates: predicates have no side effects, so
  // their order is free.
  void Build(const std::vector<Rule>& rules, const std::function<double(uint32_t)>& cost);

  // The deciding rule; the number of rules stands for the default. `holds(predicate)` is called as few times as the
  // chain allows.
  template <typename Holds>
  uint32_t Run(Holds&& holds) const {
    int32_t at = first_;
    while (at >= 0) {
      const Test& test = tests_[static_cast<size_t>(at)];
      at = holds(test.predicate) ? test.if_true : test.if_false;
    }
    return static_cast<uint32_t>(~at);
  }

 private:
  // Appends the tests of a condition, last first; returns where it starts.
  int32_t Append(const Condition& condition, int32_t if_true, int32_t if_false);
  double Cost(const Condition& condition) const;
  const Test& At(int32_t number) const { return tests_[static_cast<size_t>(number)]; }

  const std::function<double(uint32_t)>* cost_ = nullptr;
  std::vector<Test> tests_;
  int32_t first_ = ~0;
};

}  // namespace weir
