// JSON's numbers, with leading zeros, from text that need not be one.

#include "number.h"

#include <cstring>
#include <limits>
#include <system_error>

#include "absl/strings/charconv.h"

namespace weir {

namespace {

// Text of up to eight digits and nothing else, which most numbers in logs are. False for any other. Reads eight bytes.
// All digits at once: in logs lengths vary, and a loop over them would be mispredicted nearly every time.
bool ParseDigits(std::string_view text, Number* out) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (text.empty() || text.size() > 8) return false;
  uint64_t digits;
  std::memcpy(&digits, text.data(), 8);
  const uint64_t zeros = 0x3030303030303030u;
  const size_t unused = 8 * (8 - text.size());
  // The last digit goes to the highest byte, with zeros in front.
  digits <<= unused;
  if (unused != 0) digits |= zeros >> (64 - unused);
  const uint64_t high = 0xf0f0f0f0f0f0f0f0u;
  if ((digits & high) != zeros || ((digits + 0x0606060606060606u) & high) != zeros) return false;
  digits &= 0x0f0f0f0f0f0f0f0fu;
  digits = digits * 10 + (digits >> 8);
  digits = ((digits & 0x000000ff000000ffu) * (100 + (uint64_t{1000000} << 32)) +
            ((digits >> 16) & 0x000000ff000000ffu) * (1 + (uint64_t{10000} << 32))) >> 32;
  const uint64_t magnitude = digits & 0xffffffffu;
  *out = {true, true, false, magnitude, static_cast<double>(magnitude)};
  return true;
#else
  return false;
#endif
}

}  // namespace

bool ParseNumber(std::string_view text, Number* out) {
  if (ParseDigits(text, out)) return true;
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

}  // namespace weir
