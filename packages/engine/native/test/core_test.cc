// Tests of the native core without Node: small checks of each part, then, for every FILE given, recorded kernel calls
// whose answers must repeat to the byte. packages/engine/test/native-core.test.ts writes such files and runs this
// program, also on an emulated older processor.
//
// A file holds little-endian words: magic, count, then for each call: program bytes, slab bytes (both multiples of 4),
// the program, the slab before the call, the slab after it.

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "../json_cursor.h"
#include "../json_scan.h"
#include "../kernel.h"
#include "../matcher.h"
#include "../network.h"
#include "../program.h"
#include "../utf8.h"

namespace {

int failures = 0;
int checks = 0;

void Check(bool holds, const char* what, int line) {
  checks++;
  if (holds) return;
  failures++;
  std::fprintf(stderr, "core_test.cc:%d: %s\n", line, what);
}

#define CHECK(condition) Check((condition), #condition, __LINE__)

using weir::Reason;

// A record with garbage of the most misleading kind behind it, as in a slab.
Reason Judge(weir::Validator& validator, const std::string& record) {
  const std::string padded = record + std::string(64, '"');
  return validator.Check(padded.data(), padded.data() + record.size());
}

void TestValidator() {
  weir::Validator validator;
  const char* good[] = {"{}", " { } ", R"({"a":[1,-0,1.5e+400,true,false,null,"\ud800\u0041\/"]})", R"({"a":{"b":[[],{}]}})",
                        "{\"a\":1e400}", "{\"\":\"\"}"};
  for (const char* record : good) CHECK(Judge(validator, record) == Reason::kNone);
  const char* bad[] = {"{", "{\"a\"}", "{\"a\":}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":+1}", "{\"a\":tru}", "{\"a\":1,}",
                       "{,}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\x01\"}", "{\"a\":1}x", "{\"a\":1 2}",
                       "{'a':1}", "{\"a\":\"b\"c}", "{\"a\":1\"b\"}", "{\"a\":[1}}", "\"a", "{\"a\":\f1}", "{\"a\":1\x1a 2}"};
  for (const char* record : bad) CHECK(Judge(validator, record) == Reason::kSyntax);
  for (const char* record : {"1", "[]", "\"x\"", " null "}) CHECK(Judge(validator, record) == Reason::kNotObject);
  for (const char* record : {"{\"a\":\"\xff\"}", "\xc0\xaf", "{\"a\":\xed\xa0\x80}"}) {
    CHECK(Judge(validator, record) == Reason::kUtf8);
  }
  const auto nested = [](int depth) { return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}"; };
  CHECK(Judge(validator, nested(1024)) == Reason::kNone);
  CHECK(Judge(validator, nested(1025)) == Reason::kDepth);
  CHECK(Judge(validator, nested(100000)) == Reason::kDepth);
  CHECK(Judge(validator, nested(100000) + "x") == Reason::kSyntax);
}

// With the eight readable bytes behind it that the parser wants; digits, which must not count.
bool Parses(std::string_view text, weir::Number* number) {
  const std::string padded = std::string(text) + "12345678";
  return weir::ParseNumber({padded.data(), text.size()}, number);
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
  for (const char* text : {"", "1.2.3", "1.2.3.04", "1.2.3.256", "1.2.3.4.5", ":::", "1::2::3", "1:2:3:4:5:6:7:8::", "12345::",
                           "fe80::1%eth0", "1:2:3:4:5:6:7", ":1", "1:", "1.2.3.4::", "10.0.0.0/8", "[::1]"}) {
    CHECK(!weir::ParseAddress(text, &address));
  }
}

std::string Unescaped(std::string_view raw) {
  std::string out(raw.size(), '\0');
  const ptrdiff_t size = weir::Unescape(raw, out.data());
  if (size < 0) return "invalid";
  out.resize(static_cast<size_t>(size));
  return out;
}

void TestText() {
  CHECK(Unescaped(R"(a\"\\\/\b\f\n\r\tz)") == "a\"\\/\b\f\n\r\tz");
  CHECK(Unescaped(R"(\u0041\u00e9\u20ac\ud83d\ude00)") == "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(Unescaped(R"(\ud800x\udc00\ud800\u0041)") == "\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd" "A");
  for (const char* raw : {"\\", "\\u", "\\u12", "\\u123g", "\\x"}) CHECK(Unescaped(raw) == "invalid");
  weir::Arena arena;
  CHECK(weir::DecodeUrl("a%20b+c%zz%4", &arena) == "a b c%zz%4");
  CHECK(weir::DecodeUrl("%ff%e2%82x", &arena) == "\xef\xbf\xbd\xef\xbf\xbdx");
  const std::string quotes = "{\"a\":\"b}\\\"\"}]" + std::string(16, '}');
  CHECK(weir::SkipContainer(quotes.data(), quotes.data() + 13) == quotes.data() + 12);
}

// Whether the answer in `got` is the answer in `want`: the words, and what they say is filled.
bool SameAnswer(const uint8_t* got, const uint8_t* want) {
  const auto* a = reinterpret_cast<const uint32_t*>(got);
  const auto* b = reinterpret_cast<const uint32_t*>(want);
  if (std::memcmp(a + weir::kConsumed, b + weir::kConsumed, (weir::kSample + 48 - weir::kConsumed) * 4) != 0) return false;
  const uint32_t capacity = b[weir::kRecordCapacity];
  const uint32_t records = b[weir::kRecords];
  const auto same = [got, want](uint64_t at, uint64_t bytes) { return std::memcmp(got + at, want + at, bytes) == 0; };
  const uint64_t at = b[weir::kRecordsAt];
  if ((b[weir::kFlags] & weir::kWantRecords) != 0 &&
      !(same(at, records * 4ull) && same(at + capacity * 4ull, records * 4ull) && same(at + capacity * 8ull, records * 2ull) &&
        same(at + capacity * 10ull, records) && same(at + capacity * 11ull, records))) {
    return false;
  }
  return same(b[weir::kCountsAt], b[weir::kCountCapacity] * 4ull) && same(b[weir::kGatherAt], b[weir::kGathered]);
}

void TestRecorded(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<uint32_t> words(bytes.size() / 4);
  std::memcpy(words.data(), bytes.data(), words.size() * 4);
  CHECK(words.size() >= 2 && words[0] == 0x43524557);
  if (words.size() < 2) return;
  size_t at = 2;
  for (uint32_t i = 0; i < words[1]; i++) {
    const uint32_t program_bytes = words[at];
    const uint32_t slab_bytes = words[at + 1];
    const auto* program = reinterpret_cast<const uint8_t*>(&words[at + 2]);
    auto* slab = reinterpret_cast<uint8_t*>(&words[at + 2 + program_bytes / 4]);
    const uint8_t* after = slab + slab_bytes;
    std::string error;
    const auto evaluator = weir::Evaluator::Load(program, program_bytes, &error);
    CHECK(evaluator != nullptr);
    const bool ran = evaluator != nullptr && evaluator->Evaluate(slab, slab_bytes, &error);
    if (!error.empty()) std::fprintf(stderr, "%s\n", error.c_str());
    CHECK(ran);
    const bool same = ran && SameAnswer(slab, after);
    CHECK(same);
    if (!same) std::fprintf(stderr, "call %u of %s\n", i, path);
    at += 2 + program_bytes / 4 + slab_bytes / 2;
  }
}

}  // namespace

int main(int argc, char** argv) {
  TestValidator();
  TestNumbers();
  TestAddresses();
  TestText();
  for (int i = 1; i < argc; i++) TestRecorded(argv[i]);
  std::printf("%d checks, %d failures\n", checks, failures);
  return failures == 0 ? 0 : 1;
}
