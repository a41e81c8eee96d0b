// Lines and answers. A line's answer is the filter that drops it, or one of the marks below.

#include "original_filters.h"

#include <vector>

namespace weir_test {
namespace {

using weir::Condition;
using weir::Reason;

constexpr int kUserAgent = 0;
constexpr int kStatus = 1;
constexpr int kNested = 2;
constexpr int kNullRecord = 3;
constexpr int kKept = 4;
constexpr int kNotObject = 5;
constexpr int kSyntax = 6;
constexpr int kTooDeep = 7;

RuleSet Filters() {
  RuleSet out;
  out.original = true;
  out.default_route = weir::kKeepRoute;
  out.fields = {Key("UA"), Key("statusCode"), Key("a")};
  out.fields[2].path.push_back({false, 0, "b"});
  const char* patterns[] = {"(?i).*(bot|fire).*", "2[0-9][0-9]", R"(\{k=\[1, 2\.5, null\].*\}|\[1, 100\.0.*|[0-9]\.0E-9)"};
  for (uint32_t i = 0; i < 3; i++) {
    TestPredicate& test = out.predicates.emplace_back();
    test.op = weir::Op::kRegex;
    test.whole = true;
    test.field = i;
    test.pattern = patterns[i];
    // The first is one that must match, and the others must not.
    out.rules.push_back({i == 0 ? Group(Condition::Kind::kNot, {Test(i)}) : Test(i), weir::kDropRoute});
  }
  out.rules.push_back({Group(Condition::Kind::kAll, {Test(0), Group(Condition::Kind::kNot, {Test(0)})}), weir::kDropRoute});
  return out;
}

struct Line {
  std::string text;
  int answer;
};

std::vector<Line> Round(int round) {
  const std::string n = std::to_string(round);
  const std::string deep(1001, '[');
  return {
      // Read once, in the quick way.
      {R"({"UA":"Fire )" + n + R"(","statusCode":"503"})", kKept},
      {R"({"UA":"robots )" + n + R"(","statusCode":204,"x":[{}]} and more)", kStatus},
      {R"({"UA":"Chrome )" + n + R"("})", kUserAgent},
      {R"({"statusCode":"503","n":)" + n + "}", kUserAgent},
      {R"({"UA":null})", kUserAgent},
      // The last of several equal keys decides, however it is written.
      {R"({"UA":"bot","statusCode":"200","x":)" + n + R"(,"statusCode":"500"})", kKept},
      {R"({"UA":"bot","statusCode":"500","x":)" + n + R"(,"status\u0043ode":"20)" + std::to_string(round % 10) + R"("})", kStatus},
      {R"({"UA":"no )" + n + R"(","UA":"Fire\u0042ot )" + n + R"("})", kKept},
      // Texts as Java prints them.
      {R"({"UA":"bot","statusCode":2e2})", kKept},
      {R"({"UA":"bot","a":{"b":{"k":[1,2.50,null],"k2":)" + n + R"(,"k2":true}}})", kNested},
      {R"({"UA":"bot","a":{"b":[1,1e2,"\ud83d\ude00 é )" + n + R"("]}})", kNested},
      {R"({"UA":"bot","a":{"b":)" + std::to_string(1 + round % 9) + R"(e-9}})", kNested},
      {R"({"UA":"bot","a":{"b":{"k":[1,2.5]}}})", kKept},
      // A way that breaks off, and one that leads into a value.
      {R"({"UA":"bot","b":[1,100.0,)" + n + "]}", kNested},
      {R"({"UA":"bot","a":[1,100.0,)" + n + "]}", kKept},
      // Half a surrogate pair, and bytes that are no UTF-8, in a value and in a key.
      {R"({"UA":"bot \ud83d )" + n + R"(","a":{}})", kKept},
      {"{\"UA\":\"bot \xff " + n + "\",\"\xed\xa0\x80\":{\"statusCode\":200}}", kKept},
      // What is no record.
      {"null", kNullRecord},
      {"[1]", kNotObject},
      {"\"UA\"", kNotObject},
      {"", kSyntax},
      {R"({"UA":bot)" + n + "}", kSyntax},
      {R"({"UA":"bot","x":01,"y":)" + n + "}", kSyntax},
      {R"({"UA":"bot","x":"\u12"})", kSyntax},
      {R"({"UA":"bot","x":)" + deep + "}", kTooDeep},
  };
}

}  // namespace

OriginalBatch EveryOriginalPart(int rounds) {
  OriginalBatch out;
  out.filters = Filters();
  std::vector<PlainRecord>& records = out.plain.records;
  for (int round = 0; round < rounds; round++) {
    for (const Line& line : Round(round)) {
      PlainRecord& record = records.emplace_back();
      record.begin = static_cast<uint32_t>(out.input.size());
      out.input += line.text + "\n";
      record.end = static_cast<uint32_t>(out.input.size());
      record.lines_before = out.plain.lines++;
      if (line.answer <= kKept) {
        record.rule = static_cast<uint16_t>(line.answer);
        record.route = line.answer == kKept ? weir::kKeepRoute : weir::kDropRoute;
      } else {
        record.reason = line.answer == kNotObject ? Reason::kNotObject : line.answer == kSyntax ? Reason::kSyntax : Reason::kDepth;
      }
    }
  }
  PlainRequest request;
  request.input = out.input;
  out.plain.gathered = PlainGather(out.filters, request, records);
  return out;
}

}  // namespace weir_test
