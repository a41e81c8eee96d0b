// Settings of the kernel's techniques for tests and fuzzers: any of them by a number, and the three that use all alike.
#pragma once

#include <cstdint>

#include "../techniques.h"

namespace weir_test {

constexpr uint32_t CountSettings() {
  uint32_t count = 1;
  for (uint32_t i = 0; i < weir::kTechniques; i++) count *= 3;
  return count;
}
constexpr uint32_t kSettings = CountSettings();

// The setting with a number: the use of each technique is a digit to the base of three, so 0 is all adaptive. From
// kSettings on they begin again.
constexpr weir::Techniques SettingOf(uint32_t number) {
  uint32_t bits = 0;
  for (uint32_t i = 0; i < weir::kTechniques; i++, number /= 3) bits |= number % 3 << (2 * i);
  return weir::Techniques(bits);
}

constexpr weir::Techniques All(weir::Use use) {
  uint32_t bits = 0;
  for (uint32_t i = 0; i < weir::kTechniques; i++) bits |= static_cast<uint32_t>(use) << (2 * i);
  return weir::Techniques(bits);
}

constexpr weir::Techniques kAlike[] = {All(weir::Use::kAdaptive), All(weir::Use::kOff), All(weir::Use::kOn)};

}  // namespace weir_test
