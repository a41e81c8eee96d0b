// Rule sets and requests drawn from a fuzzer's bytes: small, always valid, and made of words that the records of the
// corpus use, so that predicates meet values they hold for. Control bytes come from the end of an input; what is left in
// front is the records.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../test/rule_set.h"
#include "../test/settings.h"
#include "../test/test_slab.h"

namespace weir_fuzz {

// Says why a target gives up, and ends the program so that the fuzzer keeps the input.
[[noreturn]] inline void Fail(std::string_view target, std::string_view why) {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(target.size()), target.data(), static_cast<int>(why.size()), why.data());
  std::abort();
}

// The end of [0, `most`] that a byte names.
inline uint32_t DrawUpTo(FuzzedDataProvider& from, uint32_t most) { return from.ConsumeIntegralInRange<uint32_t>(0, most); }

// How techniques are used: all adaptive where no bytes are left. One byte, so that it takes little from the records that
// inputs hold which were found before it was drawn.
inline weir::Techniques DrawTechniques(FuzzedDataProvider& from) {
  static_assert(weir_test::kSettings <= 256, "a byte cannot name every setting");
  return weir_test::SettingOf(from.ConsumeIntegral<uint8_t>());
}

weir::Field DrawField(FuzzedDataProvider& from);
weir_test::RuleSet DrawRules(FuzzedDataProvider& from);
// Filters of the original converter, and the rule behind them that stands for `null`.
weir_test::RuleSet DrawFilters(FuzzedDataProvider& from);
// Everything of a request but its input and how many counts it has room for.
weir_test::SlabShape DrawShape(FuzzedDataProvider& from);

}  // namespace weir_fuzz
