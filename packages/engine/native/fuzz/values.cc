// Value decoding: escapes, percent escapes, folding's UTF-8, numbers, addresses and scalars of arbitrary bytes, each
// against the plain reading.

#include <cstring>

#include "../arena.h"
#include "../json_cursor.h"
#include "../matcher.h"
#include "../network.h"
#include "../number.h"
#include "../test/check.h"
#include "../utf8.h"
#include "drawing.h"

namespace {

void Require(bool holds, const char* what) {
  if (!holds) weir_fuzz::Fail("values", what);
}

void CompareStrings(std::string_view bytes) {
  const weir_test::Padded raw(bytes);
  std::string wanted;
  const bool valid = weir_test::PlainUnescape(bytes, &wanted);
  const std::unique_ptr<char[]> out(new char[bytes.size()]);
  const ptrdiff_t written = weir::Unescape(raw.view(), out.get());
  Require((written >= 0) == valid, "which escapes are valid");
  Require(!valid || std::string_view(out.get(), static_cast<size_t>(written)) == wanted, "escapes");
  for (size_t i = 0; i < bytes.size();) {
    const auto step = weir::DecodeUtf8(raw.begin() + i, raw.end());
    const auto point = weir_test::PlainPointAt(bytes, i);
    Require(step.code_point == point.code_point && step.size == point.size && step.valid == point.valid, "UTF-8");
    char encoded[4];
    const char* end = weir::EncodeUtf8(step.code_point, encoded);
    Require(weir_test::PlainUtf8(point.code_point) == std::string_view(encoded, static_cast<size_t>(end - encoded)), "encoding");
    i += point.size;
  }
  weir::Arena arena;
  // Values are valid UTF-8 by then; others only must not do harm.
  const std::string decoded(weir::DecodeUrl(raw.view(), &arena));
  Require(!weir_test::PlainIsUtf8(bytes) || decoded == weir_test::PlainDecodeUrl(bytes), "percent escapes");
}

void CompareNumbers(const std::string& bytes, size_t cut) {
  const std::string a = bytes.substr(0, cut);
  const std::string b = bytes.substr(cut);
  weir::Number left;
  weir::Number right;
  const weir_test::Padded first(a, '0');
  const weir_test::Padded second(b, '0');
  const bool has_left = weir::ParseNumber(first.view(), &left);
  const bool has_right = weir::ParseNumber(second.view(), &right);
  Require(has_left == weir_test::PlainIsNumber(a, true), "what is a number");
  Require(has_right == weir_test::PlainIsNumber(b, true), "what is a number");
  Require(!has_left || !has_right || weir::CompareNumbers(left, right) == weir_test::PlainCompare(a, b), "the order of numbers");
  const bool scalar = a == "true" || a == "false" || a == "null" || weir_test::PlainIsNumber(a, false);
  Require(weir::IsScalar(first.view()) == scalar, "what is a scalar");
}

void CompareAddresses(std::string_view bytes) {
  const weir_test::Padded text(bytes, '1');
  weir::Address address;
  uint8_t wanted[16];
  const bool valid = weir_test::PlainAddress(bytes, wanted);
  Require(weir::ParseAddress(text.view(), &address) == valid, "what is an address");
  if (!valid) return;
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  Require(address.is_v4 == (std::memcmp(wanted, kMapped, 12) == 0), "which family");
  for (int i = address.is_v4 ? 3 : 0; i < 4; i++) {
    const uint32_t word = wanted[4 * i] << 24 | wanted[4 * i + 1] << 16 | wanted[4 * i + 2] << 8 | wanted[4 * i + 3];
    Require((address.is_v4 ? address.v4 : address.v6[i]) == word, "the bits of an address");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data), size - 1);
  CompareStrings(bytes);
  CompareNumbers(bytes, data[size - 1] % size);
  CompareAddresses(bytes);
  return 0;
}
