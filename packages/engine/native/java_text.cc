// Decoding and number formatting of Java's.

#include "java_text.h"

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <system_error>

#include "absl/strings/charconv.h"
#include "utf8.h"

namespace weir {
namespace {

constexpr char16_t kReplacement = 0xfffd;

// How many bytes at `p` are an encoded half of a surrogate pair, whole or cut off; 0 when there is none. Java takes all
// of them for one malformed sequence.
size_t EncodedSurrogate(const char* p, const char* end) {
  const auto byte = [p, end](size_t i) -> uint32_t { return p + i < end ? static_cast<uint8_t>(p[i]) : 0u; };
  if (byte(0) != 0xed || byte(1) < 0xa0 || byte(1) > 0xbf) return 0;
  return (byte(2) & 0xc0) == 0x80 ? 3 : 2;
}

uint32_t Hex4(const char* p) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) value = value * 16 + static_cast<uint32_t>(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
  return value;
}

void AppendCodePoint(uint32_t code, std::u16string* out) {
  if (code < 0x10000) {
    out->push_back(static_cast<char16_t>(code));
    return;
  }
  out->push_back(static_cast<char16_t>(0xd800 + ((code - 0x10000) >> 10)));
  out->push_back(static_cast<char16_t>(0xdc00 + (code & 0x3ff)));
}

char16_t EscapedUnit(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return static_cast<char16_t>(c);
  }
}

}  // namespace

void AppendUtf16(std::string_view bytes, std::u16string* out) {
  const char* p = bytes.data();
  const char* const end = p + bytes.size();
  out->reserve(out->size() + bytes.size());
  while (p < end) {
    if (static_cast<uint8_t>(*p) < 0x80) {
      out->push_back(static_cast<char16_t>(*p++));
    } else if (const size_t size = EncodedSurrogate(p, end); size != 0) {
      out->push_back(kReplacement);
      p += size;
    } else {
      const Utf8Step step = DecodeUtf8(p, end);
      AppendCodePoint(step.code_point, out);
      p += step.size;
    }
  }
}

void AppendUnescaped(std::string_view raw, std::u16string* out) {
  const char* p = raw.data();
  const char* const end = p + raw.size();
  while (p < end) {
    const auto* stop = static_cast<const char*>(std::memchr(p, '\\', static_cast<size_t>(end - p)));
    if (stop == nullptr) stop = end;
    AppendUtf16({p, static_cast<size_t>(stop - p)}, out);
    if (stop == end) return;
    const bool is_number = stop[1] == 'u';
    out->push_back(is_number ? static_cast<char16_t>(Hex4(stop + 2)) : EscapedUnit(stop[1]));
    p = stop + (is_number ? 6 : 2);
  }
}

std::string ToUtf8(std::u16string_view text) {
  std::string out(4 * text.size(), '\0');
  char* p = out.data();
  for (size_t i = 0; i < text.size(); i++) {
    uint32_t code = text[i];
    if ((code & 0xf800) == 0xd800) {
      const bool is_pair = code < 0xdc00 && i + 1 < text.size() && (text[i + 1] & 0xfc00) == 0xdc00;
      code = is_pair ? 0x10000 + ((code - 0xd800) << 10) + (text[i + 1] - 0xdc00u) : kHalfPair;
      if (is_pair) i++;
    }
    p = EncodeUtf8(code, p);
  }
  out.resize(static_cast<size_t>(p - out.data()));
  return out;
}

std::string JavaDouble(std::string_view number) {
  double value = 0;
  const auto parsed = absl::from_chars(number.data(), number.data() + number.size(), value);
  const std::string sign = number[0] == '-' ? "-" : "";
  if (parsed.ec == std::errc::result_out_of_range && (value > 1 || value < -1)) return sign + "Infinity";
  const double size = value < 0 ? -value : value;
  if (!(size > 0)) return sign + "0.0";
  char buffer[32];
  const auto write = [&buffer](std::to_chars_result end) { return std::string(buffer, end.ptr); };
  std::string text = write(std::to_chars(buffer, buffer + sizeof buffer, size, std::chars_format::scientific));
  // One digit is enough to read it back, but of two there may be some that are nearer.
  if (text[1] != '.') text = write(std::to_chars(buffer, buffer + sizeof buffer, size, std::chars_format::scientific, 1));
  const size_t e = text.find('e');
  const int exponent = std::atoi(text.c_str() + e + 1);
  std::string digits = text[0] + text.substr(2, e - 2);
  if (exponent >= 7 || exponent < -3) return sign + digits[0] + "." + digits.substr(1) + "E" + std::to_string(exponent);
  if (exponent < 0) digits.insert(0, static_cast<size_t>(-exponent), '0');
  const size_t whole = exponent < 0 ? 1 : static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) digits.resize(whole + 1, '0');
  std::string fraction = digits.substr(whole);
  while (fraction.size() > 1 && fraction.back() == '0') fraction.pop_back();
  return sign + digits.substr(0, whole) + "." + fraction;
}

}  // namespace weir
