// Tests of reading records: the quotes, the scans, the walk over keys, the grammar.

#include <cstdio>
#include <string>
#include <vector>

#include "../json_cursor.h"
#include "../json_scan.h"
#include "../quote_index.h"
#include "check.h"
#include "plain_reader.h"

namespace weir_test {
namespace {

using weir::QuoteIndex;
using weir::Reason;
using weir::Value;

std::vector<uint32_t> PlainQuotes(std::string_view record) {
  std::vector<uint32_t> out;
  for (uint32_t i = 0; i < record.size(); i++) {
    if (record[i] == '\\') {
      i++;
    } else if (record[i] == '"') {
      out.push_back(i);
    }
  }
  return out;
}

// Whether the index finds what the plain scan does, asked for in one way: `step` quotes at a time.
bool FindsQuotes(QuoteIndex& index, std::string_view bytes, uint32_t step) {
  const Padded record(bytes);
  const std::vector<uint32_t> wanted = PlainQuotes(bytes);
  const auto size = static_cast<uint32_t>(bytes.size());
  index.Start(record.begin(), size);
  for (uint32_t i = 0; i < wanted.size() + 8; i += step) {
    const uint32_t* four = index.Four(i);
    for (uint32_t k = 0; k < 4; k++) {
      if (four[k] != (i + k < wanted.size() ? wanted[i + k] : size)) return false;
    }
  }
  const size_t escape = bytes.find('\\');
  return index.first_escape() == (escape == std::string_view::npos ? size : escape);
}

// A record of random bytes in which quotes and backslashes abound.
std::string RandomQuotes(Numbers& numbers) {
  std::string out(numbers.Below(700), 'x');
  const uint32_t often = 2 + numbers.Below(40);
  for (char& c : out) {
    if (numbers.Below(often) == 0) c = '"';
    if (numbers.Below(often) == 0) c = '\\';
  }
  return out;
}

Reason Judge(weir::Validator& validator, std::string_view record) {
  const Padded padded(record);
  const Reason reason = validator.Check(padded.begin(), padded.end());
  Json tree;
  if (record.size() < 5000) CHECK(PlainParse(record, &tree) == reason);
  return reason;
}

std::string Found(weir::Cursor& cursor, uint32_t slot) {
  const Value* value = cursor.Find(slot);
  if (cursor.malformed()) return "malformed";
  if (value == nullptr) return "absent";
  if (value->kind == Value::Kind::kNull) return "null";
  if (value->kind == Value::Kind::kContainer) return "container";
  return std::string(value->data, value->size);
}

}  // namespace

void TestQuoteIndex() {
  for (const auto level : {QuoteIndex::Level::kPlain, QuoteIndex::Level::kAvx2, QuoteIndex::Level::kAvx512}) {
    Numbers numbers(1);
    QuoteIndex index(level);
    bool same = true;
    for (int i = 0; i < 2000; i++) same = FindsQuotes(index, RandomQuotes(numbers), 1 + numbers.Below(9)) && same;
    CHECK(same);
    // Every length around the blocks, nothing but quotes, and a run of backslashes across each border.
    for (uint32_t size = 0; size <= 330; size++) {
      same = FindsQuotes(index, std::string(size, '"'), 3) && same;
      same = FindsQuotes(index, std::string(size, '\\') + "\"\"", 1) && same;
      same = FindsQuotes(index, std::string(size, 'x') + "\\\"\"", 1) && same;
    }
    CHECK(same);
    const Padded record("\"a\" \"b\"");
    index.Start(record.begin(), 7);
    CHECK(index.NumberAt(0, 3) == 2 && index.NumberAt(0, 7) == 4);
  }
}

void TestScans() {
  const std::string quotes = "{\"a\":\"b}\\\"\"}]" + std::string(16, '}');
  CHECK(weir::SkipContainer(quotes.data(), quotes.data() + 13) == quotes.data() + 12);
  const Padded open("[[{\"a\":[]}");
  CHECK(weir::SkipContainer(open.begin(), open.end()) == nullptr);
  const Padded string("[\"a]");
  CHECK(weir::SkipContainer(string.begin(), string.end()) == nullptr);
  const Padded escape("\"\\", '"');
  CHECK(weir::StringEnd(escape.begin() + 1, escape.end()) == escape.end());
  const Padded space(" \t\r\n x");
  CHECK(weir::SkipSpace(space.begin(), space.end()) == space.begin() + 5);
  const Padded blank("  ", ' ');
  CHECK(weir::SkipSpace(blank.begin(), blank.end()) == blank.end());
  const Padded scalar("123", '4');
  CHECK(weir::ScalarEnd(scalar.begin(), scalar.end()) == scalar.end());
}

void TestCursor() {
  std::vector<weir::Field> fields = {Key("a"), Key("b"), Key("a"), Key("long-key-of-more-than-sixteen-bytes"), Key("")};
  fields[1].path.push_back({true, 1, ""});
  fields[2].path.push_back({false, 0, "c"});
  const weir::FieldTree tree(fields);
  weir::Cursor cursor(tree);
  const auto look = [&](std::string_view record, const std::vector<std::string>& wanted) {
    const Padded padded(record);
    for (int turn = 0; turn < 2; turn++) {
      cursor.Start(padded.begin(), padded.end());
      for (size_t i = 0; i < wanted.size(); i++) {
        const std::string found = Found(cursor, tree.slot_of_field(i));
        CHECK(found == wanted[i]);
        if (found != wanted[i]) std::fprintf(stderr, "%s: field %zu is %s\n", std::string(record).c_str(), i, found.c_str());
      }
    }
  };
  look(R"({"a":"x","b":["y","z"],"long-key-of-more-than-sixteen-bytes":7,"":null})", {"x", "z", "absent", "7", "null"});
  look(R"({"a":{"c":1,"c":2},"a":3})", {"container", "absent", "1", "absent", "absent"});
  look(R"( { "b" : [ [ 1 ] , { } ] , "\u0061" : "\u0041" } )", {"\\u0041", "container", "absent", "absent", "absent"});
  look(R"({"x":"\"","y":[{"a":"]"}],"a":"1"})", {"1", "absent"});
  look("{}", {"absent", "absent", "absent", "absent", "absent"});
  for (const char* record : {"", "[]", "{\"x\"}", "{\"x\":1", "{\"x\" 1}", "{\"x\":\"", "{\"x\":[1}", "{\"x\":}", "{x:1}", "\"a\""}) {
    look(record, {"malformed"});
  }
  // Keys that differ from one record to the next where the guess for their place has to look: in front, in length, behind.
  const weir::FieldTree guessed({Key("statusCode"), Key("status"), Key("")});
  weir::Cursor guessing(guessed);
  for (const char* key : {"statusCode", "statusCodf", "statusKode", "statusCod", "ztatusCode", "statusCode", "status", "statuz", "statu", "", "status"}) {
    const Padded padded("{\"" + std::string(key) + "\":\"v\"}");
    guessing.Start(padded.begin(), padded.end());
    CHECK((Found(guessing, guessed.slot_of_field(0)) == "v") == (std::string_view(key) == "statusCode"));
    CHECK((Found(guessing, guessed.slot_of_field(1)) == "v") == (std::string_view(key) == "status"));
    CHECK((Found(guessing, guessed.slot_of_field(2)) == "v") == (std::string_view(key).empty()));
  }
  // More members than there are guesses, in another order each time.
  Numbers numbers(7);
  for (int i = 0; i < 20; i++) {
    std::string record = "{";
    const uint32_t place = numbers.Below(600);
    for (uint32_t k = 0; k < 600; k++) record += k == place ? R"("a":"here",)" : "\"k" + std::to_string(numbers.Below(50)) + "\":\"\",";
    look(record + "\"b\":[0,true]}", {"here", "true"});
  }
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
  for (const char* text : {"0", "-1", "1e5", "true", "false", "null"}) CHECK(weir::IsScalar(text));
  for (const char* text : {"", "01", "tru", "truee", "nul", "1.", "\"a\"", "-"}) CHECK(!weir::IsScalar(text));
}

}  // namespace weir_test
