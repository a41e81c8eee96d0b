// Tests of what filters of the original converter need beside the rest: the scan for repeated keys, Java's way to print
// and to decode values, and batches that lead through all of it.

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../java_text.h"
#include "../original_record.h"
#include "../repeated_keys.h"
#include "check.h"
#include "original_filters.h"
#include "settings.h"
#include "test_slab.h"

namespace weir_test {

// A key further on is found wherever it stands, and not behind the end, where this puts everything.
void TestRepeatedKeys() {
  const auto field = [](const char* key) {
    weir::Field made;
    made.path.push_back({false, 0, key});
    return made;
  };
  const std::vector<weir::Field> fields = {field("statusCode"), field("UA"), field(""), field("a/b")};
  weir::RepeatedKeys keys(fields);
  const std::string behind = R"("statusCode":1,"UA":2,"":3,\u0041)" + std::string(64, '"');
  // `reads`: numbers of fields, and places in `rest` behind which they were met.
  const auto follows = [&keys, &behind](const std::string& rest, const std::vector<std::pair<uint32_t, size_t>>& reads) {
    const std::string before = "{\"statusCode\":\"";
    const std::string text = before + rest + behind;
    std::vector<weir::FieldRead> met;
    for (const auto& [number, place] : reads) met.push_back({number, text.data() + before.size() + place});
    return keys.MayFollow(met, text.data() + before.size() + rest.size());
  };
  for (size_t gap = 0; gap < 200; gap++) {
    const std::string pad(gap, 's');
    CHECK(follows(pad + R"("statusCode")", {{0, 0}}));
    CHECK(!follows(pad + R"("statusCode)", {{0, 0}}));
    CHECK(!follows(pad + R"("statusCodf""statusCod")", {{0, 0}}));
    CHECK(follows(pad + R"(\u)", {{0, 0}}));
    CHECK(!follows(pad + R"(\)", {{0, 0}}));
    CHECK(follows(pad + R"("UA")", {{0, 0}, {1, gap}}));
    CHECK(!follows(R"("UA")" + pad, {{0, 0}, {1, 4}}));
    CHECK(follows(R"("statusCode")" + pad, {{1, gap}, {0, 0}}));
    CHECK(follows(pad + R"("")", {{2, 0}}));
  }
  CHECK(follows("", {{3, 0}}));  // a slash has a short escape, which the scan does not know
  CHECK(!follows("", {}));
}

void TestJavaText() {
  const char* numbers[][2] = {{"1.0", "1.0"},       {"1e2", "100.0"},      {"1E7", "1.0E7"},      {"-2e-3", "-0.002"},
                              {"9.9e-4", "9.9E-4"}, {"1e400", "Infinity"}, {"-1e400", "-Infinity"}, {"5e-324", "4.9E-324"},
                              {"-0.0", "-0.0"},     {"1e-400", "0.0"},     {"2e23", "2.0E23"},    {"9999999.5", "9999999.5"}};
  for (const auto& [written, printed] : numbers) CHECK(weir::JavaDouble(written) == printed);
  const auto decoded = [](std::string_view bytes) {
    std::u16string out;
    weir::AppendUnescaped(bytes, &out);
    return weir::ToUtf8(out);
  };
  CHECK(decoded("a\xff\xed\xa0\x80z\\n") == "a\xef\xbf\xbd\xef\xbf\xbdz\n");
  CHECK(decoded(R"(\ud83d\ude00\u00e9)") == "\xf0\x9f\x98\x80\xc3\xa9");
  CHECK(decoded(R"(\ud83d)") == "\xf4\x8f\xbf\xbf");
}

// What no filter asks for takes no memory, and what one asks for gives it back.
void TestOriginalMemory() {
  std::string many = "[0";
  for (int i = 0; i < 200'000; i++) many += ",0";
  many += ']';
  const std::vector<weir::Field> fields = {Key("UA"), Key("a")};
  weir::OriginalRecord record(fields);
  std::string text;
  const auto reads = [&record, &text](const std::string& line) {
    const Padded padded(line);
    return record.Read(padded.begin(), padded.end()) == weir::OriginalRecord::Kind::kObject && record.Text(Key("UA").path, &text);
  };
  CHECK(reads("{\"x\":" + many + ",\"y\":{\"UA\":" + many + "},\"UA\":\"bot\"}") && text == "bot");
  CHECK(record.memory() < 4096);
  CHECK(reads("{\"UA\":" + many + "}") && text.size() == 3 * 200'001);
  CHECK(record.memory() > many.size());
  record.Forget();
  CHECK(record.memory() == 0);
  CHECK(reads(R"({"x":[{"UA":1}],"\u0055A":[2]})") && text == "[2]");
  record.Forget();
  CHECK(record.memory() > 0);
  // What is not kept is still checked.
  CHECK(!reads(R"({"UA":"bot","x":[0,01]})") && record.reason() == weir::Reason::kSyntax);
  CHECK(!reads("{\"x\":" + std::string(1000, '[') + std::string(1000, ']') + ",\"UA\":1}") && record.reason() == weir::Reason::kDepth);
}

// Every line has the answer that was written for it, also when the evaluator remembers what it read before.
void TestOriginalBatch() {
  const OriginalBatch batch = EveryOriginalPart(20);
  const Block block = WriteProgram(batch.filters);
  for (const weir::Techniques alike : kAlike) {
    std::string error;
    const auto evaluator = weir::Evaluator::Load(block.data(), block.size, &error, alike);
    CHECK(evaluator != nullptr);
    for (const auto mode : {weir::Validation::kFull, weir::Validation::kKept, weir::Validation::kFull}) {
      SlabShape shape;
      shape.input = batch.input;
      shape.mode = mode;
      shape.flags = weir::kWantRecords;
      shape.count_capacity = static_cast<uint32_t>(batch.filters.rules.size()) + 1;
      const std::string difference = Differs(batch.filters, shape, RunKernel(*evaluator, batch.filters, shape), batch.plain);
      if (!difference.empty()) std::fprintf(stderr, "mode %d differs in: %s\n", static_cast<int>(mode), difference.c_str());
      CHECK(difference.empty());
    }
  }
}

}  // namespace weir_test
