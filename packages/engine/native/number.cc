// JSON's numbers, with leading zeros, from text that need not be one.

#include "number.h"

#include <limits>
#include <system_error>

#include "absl/strings/charconv.h"

namespace weir {

bool ParseNumber(std::string_view text, Number* out) {
  const auto is_digit = [&text](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  size_t i = 0;
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) i++;
  if (!is_digit(i)) return false;
  uint64_t magnitude = 0;
  bool fits = true;
  for (; is_digit(i); i++) {
    fits = fits && !__builtin_mul_overflow(magnitude, uint64_t{10}, &magnitude) &&
           !__builtin_add_overflow(magnitude, static_cast<uint64_t>(text[i] - '0'), &magnitude);
  }
  const bool integral = i == text.size();
  if (i < text.size() && text[i] == '.') {
    if (!is_digit(++i)) return false;
    while (is_digit(i)) i++;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    i++;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) i++;
    if (!is_digit(i)) return false;
    while (is_digit(i)) i++;
  }
  if (i != text.size()) return false;
  out->present = true;
  out->negative = negative && magnitude != 0;
  out->magnitude = magnitude;
  out->is_integer = integral && fits && (!negative || magnitude <= uint64_t{1} << 63);
  if (out->is_integer) {
    out->value = negative ? -static_cast<double>(magnitude) : static_cast<double>(magnitude);
    return true;
  }
  const auto parsed = absl::from_chars(text.data(), text.data() + text.size(), out->value);
  if (parsed.ec == std::errc::result_out_of_range && (out->value > 1 || out->value < -1)) {
    out->value = negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  }
  return true;
}

int CompareNumbers(const Number& a, const Number& b) {
  if (!a.is_integer || !b.is_integer) return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  if (a.magnitude == b.magnitude) return 0;
  return (a.magnitude < b.magnitude) != a.negative ? -1 : 1;
}

}  // namespace weir
