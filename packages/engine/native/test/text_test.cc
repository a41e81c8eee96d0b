// Tests of what knows text alone: UTF-8, numbers, addresses, escapes, percent escapes; and of the arena that texts lie in.

#include <string>

#include "../arena.h"
#include "../json_cursor.h"
#include "../matcher.h"
#include "../network.h"
#include "../number.h"
#include "../utf8.h"
#include "check.h"
#include "plain_reader.h"

namespace weir_test {
namespace {

std::string Unescaped(std::string_view raw) {
  const Padded padded(raw);
  const std::unique_ptr<char[]> out(new char[raw.size()]);
  const ptrdiff_t size = weir::Unescape(padded.view(), out.get());
  return size < 0 ? "invalid" : std::string(out.get(), static_cast<size_t>(size));
}

// With readable bytes behind it, as the parser wants; digits, which must not count.
bool Parses(std::string_view text, weir::Number* number) {
  const weir_test::Padded padded(text, '7');
  return weir::ParseNumber(padded.view(), number);
}

}  // namespace

void TestUtf8() {
  for (uint32_t code_point = 0; code_point < 0x110000; code_point += code_point < 0x900 ? 1 : 0x31) {
    if (code_point >= 0xd800 && code_point < 0xe000) continue;
    char bytes[4];
    const char* end = weir::EncodeUtf8(code_point, bytes);
    const std::string text(bytes, static_cast<size_t>(end - bytes));
    const auto step = weir::DecodeUtf8(text.data(), text.data() + text.size());
    if (text == PlainUtf8(code_point) && step.valid && step.code_point == code_point && step.size == text.size()) continue;
    CHECK(!"a code point survives encoding and decoding");
  }
  // Every pair of bytes: as a whole text, and with something behind it.
  bool same = true;
  for (uint32_t pair = 0; pair < 0x10000; pair++) {
    const char first = static_cast<char>(pair >> 8);
    const char second = static_cast<char>(pair);
    for (const std::string& text : {std::string{first, second}, std::string{first, second, '\x80', '\xbf'}}) {
      const auto step = weir::DecodeUtf8(text.data(), text.data() + text.size());
      const auto point = PlainPointAt(text, 0);
      same = same && step.valid == point.valid && step.size == point.size && step.code_point == point.code_point;
    }
  }
  CHECK(same);
}

void TestArena() {
  weir::Arena arena;
  // Eight bytes behind what was asked for may be read and written: a sanitizer sees whether they are there, also where
  // the text fills a block or has one of its own.
  for (const size_t size : {size_t{0}, size_t{1}, size_t{7}, size_t{8}, size_t{100}, size_t{16 << 10}, size_t{(16 << 10) - 8}, size_t{(16 << 10) - 9}, size_t{1 << 20}}) {
    char* bytes = arena.Allocate(size);
    std::memset(bytes, 'x', size + 8);
    CHECK(reinterpret_cast<uintptr_t>(bytes) % 8 == 0);
  }
  weir::Arena crowded;
  char* last = nullptr;
  for (int i = 0; i < 5000; i++) {
    char* bytes = crowded.Allocate(static_cast<size_t>(i % 37));
    CHECK(last == nullptr || bytes != last);
    std::memset(bytes, i, static_cast<size_t>(i % 37) + 8);
    last = bytes;
  }
  CHECK(crowded.used() > 16 << 10);
  crowded.Reset();
  CHECK(crowded.used() == 0);
  char* const first = crowded.Allocate(10);
  crowded.Reset();
  CHECK(crowded.Allocate(10) == first);  // the first block is kept
}

void TestNumbers() {
  const auto compare = [](const char* a, const char* b) {
    weir::Number left, right;
    CHECK(Parses(a, &left));
    CHECK(Parses(b, &right));
    return weir::CompareNumbers(left, right);
  };
  CHECK(compare("18446744073709551615", "18446744073709551614") > 0);
  CHECK(compare("-9223372036854775808", "-9223372036854775807") < 0);
  CHECK(compare("-0", "0") == 0);
  CHECK(compare("007", "7.0") == 0);
  CHECK(compare("1e400", "1e308") > 0);
  CHECK(compare("-1e400", "0") < 0);
  CHECK(compare("1e-400", "0") == 0);
  CHECK(compare("5e-324", "0") > 0);
  CHECK(compare("18446744073709551616", "18446744073709551615") == 0);  // by double
  CHECK(compare("-1", "1") < 0 && compare("1", "-1") > 0 && compare("-5", "-3") < 0);
  weir::Number number;
  for (const char* text : {"0", "9", "10", "4567", "00012345", "99999999", "123456789"}) {
    CHECK(Parses(text, &number) && number.is_integer && number.magnitude == std::stoull(text));
  }
  for (const char* text : {"1234567:", "/", ":", "1/", "12345678x", "\xb1", "1\xb0"}) CHECK(!Parses(text, &number));
  for (const char* text : {"", "-", "+1", ".5", "1.", "1e", "1e+", " 1", "1 ", "0x1", "1_0", "--1", "NaN"}) {
    CHECK(!Parses(text, &number));
  }
}

void TestAddresses() {
  weir::Address address;
  CHECK(weir::ParseAddress("255.0.1.2", &address) && address.is_v4 && address.v4 == 0xff000102u);
  address = {};
  CHECK(weir::ParseAddress("::FFFF:1.2.3.4", &address) && address.is_v4 && address.v4 == 0x01020304u);
  address = {};
  CHECK(weir::ParseAddress("2001:db8::1", &address) && !address.is_v4 && address.v6[0] == 0x20010db8u && address.v6[3] == 1);
  for (const char* text : {"::", "1::", "::1", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4"}) {
    CHECK(weir::ParseAddress(text, &address));
  }
  for (const char* text : {"", "1.2.3", "1.2.3.04", "1.2.3.256", "1.2.3.4.5", ":::", "1::2::3", "1:2:3:4:5:6:7:8::", "1:2:3:4::5:6:7:8", "::1:2:3:4:5:6:7:8", "12345::",
                           "fe80::1%eth0", "1:2:3:4:5:6:7", ":1", "1:", "1.2.3.4::", "10.0.0.0/8", "[::1]"}) {
    CHECK(!weir::ParseAddress(text, &address));
  }
}

void TestUnescape() {
  CHECK(Unescaped(R"(a\"\\\/\b\f\n\r\tz)") == "a\"\\/\b\f\n\r\tz");
  CHECK(Unescaped(R"(\u0041\u00e9\u20ac\ud83d\ude00)") == "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(Unescaped(R"(\ud800x\udc00\ud800\u0041)") == "\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd" "A");
  for (const char* raw : {"\\", "\\u", "\\u12", "\\u123g", "\\x", "\\ud800\\u12"}) CHECK(Unescaped(raw) == "invalid");
  CHECK(Unescaped("").empty());
}

void TestDecodeUrl() {
  weir::Arena arena;
  CHECK(weir::DecodeUrl("a%20b+c%zz%4", &arena) == "a b c%zz%4");
  CHECK(weir::DecodeUrl("%ff%e2%82x", &arena) == "\xef\xbf\xbd\xef\xbf\xbdx");
  CHECK(weir::DecodeUrl("%", &arena) == "%" && weir::DecodeUrl("", &arena).empty());
  // The most that a text can grow: each of its bytes becomes three.
  std::string wanted;
  std::string escaped;
  for (int i = 0; i < 9000; i++) {
    escaped += "%FF";
    wanted += "\xef\xbf\xbd";
  }
  CHECK(weir::DecodeUrl(escaped, &arena) == wanted);
}

}  // namespace weir_test
