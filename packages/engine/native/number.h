// Numbers as rules compare them: integers exactly, everything else as doubles.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

// A bound of a comparison; `present` is false where the rule gives none.
struct Number {
  bool present = false;
  bool is_integer = false;  // exact: negative ? -magnitude : magnitude
  bool negative = false;
  uint64_t magnitude = 0;
  double value = 0;
};

// Parses text that is a JSON number, leading zeros allowed. False when it is not. Reads up to
// eight bytes from `text`, whatever its size.
bool ParseNumber(std::string_view text, Number* out);

// -1, 0 or 1. Exact when both are integers between -2^63 and 2^64 - 1, else by double.
inline int CompareNumbers(const Number& a, const Number& b) {
  if (!a.is_integer || !b.is_integer) return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  if (a.magnitude == b.magnitude) return 0;
  return (a.magnitude < b.magnitude) != a.negative ? -1 : 1;
}

}  // namespace weir
