// Tests of the loop over a batch: requests that do not fit, framing, segments, validation, and drawn rule sets over drawn
// records, all judged by the plain reading, with techniques adaptive, off and on.

#include <functional>
#include <string>
#include <vector>

#include "../batch_view.h"
#include "../kernel.h"
#include "check.h"
#include "plain_reader.h"
#include "settings.h"
#include "test_slab.h"

namespace weir_test {
namespace {

using weir::Condition;
using weir::Op;
using weir::Validation;

std::unique_ptr<weir::Evaluator> Load(const Block& block, weir::Techniques techniques = {}) {
  std::string error;
  auto evaluator = weir::Evaluator::Load(block.data(), block.size, &error, techniques);
  CHECK(evaluator != nullptr && evaluator->memory() > 0);
  return evaluator;
}

// Whether the kernel's answer to a request is the plain reading's.
bool IsRight(const RuleSet& rules, weir::Evaluator& evaluator, SlabShape shape) {
  shape.count_capacity = static_cast<uint32_t>(rules.rules.size()) + 1;
  const std::string difference = Differs(rules, shape, RunKernel(evaluator, rules, shape), PlainRead(rules, PlainOf(shape)));
  if (!difference.empty()) std::fprintf(stderr, "differs in: %s\nplan: %s\n", difference.c_str(), PlanOf(rules).c_str());
  return difference.empty();
}

void TestFraming() {
  const RuleSet keeps_all;
  const Block block = WriteProgram(keeps_all);
  const auto evaluator = Load(block);
  const char* inputs[] = {"", "\n", "{}", "{}\n", "{}\r\n{}\n", " \t\n{}\n\r\n{}", "x\n{\n{}", "\r\r\n", "{}\n \r", "                    \n{}",
                          "{\"a\":\"\xff\"}\n[1]\n{}\n{\"a\":01}\n", "{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}"};
  for (const char* input : inputs) {
    for (const uint32_t flags : {0u, 4u, 8u, 12u, 16u, 20u, 24u, 28u}) {
      for (const uint32_t most : {0u, 2u, 10u, 1u << 20}) {
        for (const uint32_t capacity : {4u, 8u, 64u}) {
          SlabShape shape;
          shape.input = input;
          shape.flags = flags;
          shape.max_record_bytes = most;
          shape.record_capacity = capacity;
          // What stands before and behind the input must not matter.
          for (const char filler : {'"', '\r', '\n', ' '}) {
            shape.lead = flags % 5;
            shape.filler = filler;
            CHECK(IsRight(keeps_all, *evaluator, shape));
          }
        }
      }
    }
  }
}

// More flushes than segments fit: the kernel has to stop in time, also with very many routes.
void TestSegments(weir::Techniques techniques) {
  for (const uint32_t routes : {3u, 100u, 256u}) {
    RuleSet rules;
    rules.fields = {Key("r")};
    rules.route_count = routes;
    for (uint32_t route = 3; route < routes; route++) {
      TestPredicate& predicate = rules.predicates.emplace_back();
      predicate.op = Op::kSet;
      predicate.texts = {std::to_string(route)};
      rules.rules.push_back({Test(route - 3), static_cast<uint8_t>(route)});
    }
    TestPredicate& last = rules.predicates.emplace_back();
    last.op = Op::kExists;
    rules.rules.push_back({Test(static_cast<uint32_t>(rules.predicates.size()) - 1), weir::kDropRoute});
    const Block block = WriteProgram(rules);
    const auto evaluator = Load(block, techniques);
    std::string input;
    for (uint32_t i = 0; i < 2000; i++) {
      const uint32_t route = i * 7 % routes;
      input += route == 0 ? "{}\n" : route == weir::kMalformedRoute ? "x\n" : "{\"r\":\"" + std::to_string(route) + "\"}\n";
    }
    for (const uint32_t capacity : {4u, 200u, 512u}) {
      for (const uint32_t flags : {0u, static_cast<uint32_t>(weir::kWantRecords)}) {
        SlabShape shape;
        shape.input = input;
        shape.record_capacity = capacity;
        shape.flags = flags;
        CHECK(IsRight(rules, *evaluator, shape));
      }
    }
  }
}

// What `read` refuses: values that are read and are none of JSON's, whatever stands where nobody looks.
void TestReadValidation(weir::Techniques techniques) {
  RuleSet rules;
  rules.fields = {Key("a")};
  TestPredicate& predicate = rules.predicates.emplace_back();
  predicate.op = Op::kPrefix;
  predicate.texts = {"x"};
  rules.rules.push_back({Test(0), weir::kKeepRoute});
  const Block block = WriteProgram(rules);
  const auto evaluator = Load(block, techniques);
  const auto route_of = [&](std::string_view record) {
    SlabShape shape;
    shape.input = record;
    shape.count_capacity = 2;
    shape.flags = weir::kWantRecords;
    shape.mode = Validation::kRead;
    const Answer answer = RunKernel(*evaluator, rules, shape);
    CHECK(answer.ok && answer.records.size() == 1);
    return answer.ok ? answer.records[0].route : 255;
  };
  for (const char* broken : {"{\"a\":tru}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":x}", "{\"a\":+1}", "{\"a\":nul}", "{\"a\":1e}", "{\"a\":\"\x01\"}",
                             "{\"a\":\"\xff\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\ud8\"}"}) {
    CHECK(route_of(broken) == weir::kMalformedRoute);
  }
  for (const char* sound : {"{\"a\":true}", "{\"a\":10}", "{\"a\":null}", "{\"a\":\"\\ud800\"}", "{\"a\":\"x\"}", "{\"a\":1,\"b\":tru}"}) {
    CHECK(route_of(sound) == weir::kKeepRoute);
  }
}

// Every bound and what lies beside it, times in each form, and what is no time; each in a batch of its own and all together.
void TestDelays(weir::Techniques techniques) {
  constexpr uint64_t kNowMs = 1'700'000'000'250;
  RuleSet rules;
  rules.fields = {Key("a"), Key("drop")};
  rules.fields[0].path.push_back({true, 1, ""});
  rules.has_time_field = true;
  rules.missing = {"-", "0"};
  TestPredicate& predicate = rules.predicates.emplace_back();
  predicate.field = 1;
  rules.rules.push_back({Test(0), weir::kDropRoute});
  std::vector<std::string> values = {"1.7e9",  "\"1.7e9\"", "\"\\u0031700000000\"", "99999999.99",     "100000000",     "99999999999.9", "100000000000",
                                     "1e14",   "99999999999999.5", "-1700000000", "null", "true",       "\"-\"",         "0",             "00",
                                     "\"\"",   "\" 1700000000\"", "[1700000000]", "{}",   "1e400",      "1700000000.0005", "1700000000.2505", "01700000000"};
  for (const uint32_t bound : weir::kDelayBoundsMs) {
    for (const int beside : {-1, 0, 1}) {
      const uint64_t ms = kNowMs - bound - static_cast<uint64_t>(beside);
      const std::string fraction = std::to_string(1000 + ms % 1000).substr(1);
      values.push_back(std::to_string(ms));
      values.push_back("\"" + std::to_string(ms / 1000) + "." + fraction + "\"");
    }
  }
  const Block block = WriteProgram(rules);
  const auto evaluator = Load(block, techniques);
  std::string all;
  for (const std::string& value : values) {
    const std::string records = "{\"a\":[0," + value + "],\"a\":[0,1]}\n{\"a\":[0," + value + "],\"drop\":1}\n{\"a\":[0," + value + "],}\n{}\n";
    all += records;
    for (const std::string& input : {records, all}) {
      for (const auto mode : {Validation::kFull, Validation::kKept, Validation::kRead}) {
        SlabShape shape;
        shape.input = input;
        shape.mode = mode;
        shape.now_ms = kNowMs;
        CHECK(IsRight(rules, *evaluator, shape));
      }
    }
  }
  // The sum needs more than 32 bits, and not one of these is unknown to the plain reading.
  SlabShape shape;
  const std::string input = "{\"a\":[0,100000000]}\n{\"a\":[0,1600000000]}\n{\"a\":[0,1700000001]}\n";
  shape.input = input;
  shape.now_ms = kNowMs;
  shape.count_capacity = 2;
  const Answer answer = RunKernel(*evaluator, rules, shape);
  CHECK(answer.ok && answer.delays.buckets[31] == 2 && answer.delays.ahead == 1);
  CHECK(answer.delays.sum_ms == 1'600'000'000'250 + 100'000'000'250);
  // Under `read` the time of a record that goes on is read, and so are its faults; that of a dropped one is not.
  const std::string broken = "{\"a\":[0,\"\xff\"]}\n{\"drop\":1,\"a\":[0,\"\xff\"]}\n";
  shape.input = broken;
  shape.mode = Validation::kRead;
  const Answer read = RunKernel(*evaluator, rules, shape);
  CHECK(read.ok && read.malformed == 1 && read.dropped == 1 && read.delays == PlainDelays());
}

std::string DrawRecord(Numbers& numbers) {
  static const char* const kValues[] = {"1600000000.5", "\"1600000100\"", "\"Chrome\"", "503", "\"503\"", "null", "\"-\"", "true", "\"a%20b+\\u0041\"", "\"10.1.2.3\"", "[1,\"Chrome\"]",
                                        "{\"b\":\"fox\"}", "\"\xc3\xa9\xe2\x84\xaa\"", "1e400", "\"quick brown fox\"", "\"\""};
  static const char* const kKeys[] = {"\"a\"", "\"b\"", "\"\\u0061\"", "\"status\"", "\"a-key-that-is-long-enough-to-miss\""};
  std::string out = "{";
  for (uint32_t i = numbers.Below(7); i > 0; i--) {
    out += kKeys[numbers.Below(std::size(kKeys))];
    out += numbers.Below(8) == 0 ? " : " : ":";
    out += kValues[numbers.Below(std::size(kValues))];
    out += i == 1 ? "" : ",";
  }
  out += "}";
  if (numbers.Below(12) == 0) out[numbers.Below(static_cast<uint32_t>(out.size()))] = static_cast<char>(numbers.Next());
  return out;
}

RuleSet DrawRules(Numbers& numbers) {
  static const char* const kTexts[] = {"503", "Chrome", "chrome", "a b A", "fox", "", "5", "\xc3\x89k", "x", "brown"};
  static const char* const kPatterns[] = {"(?i)chrome|fox", "5\\d\\d", "^$", "brown.*x", "[a-c] ", "(?i)k", "true|false"};
  RuleSet rules;
  if (numbers.Below(2) == 0) rules.missing = {"-", ""};
  rules.fields = {Key("a"), Key("status"), Key("a"), Key("a"), Key("b")};
  rules.fields[2].path.push_back({false, 0, "b"});
  rules.fields[3].decode_url = true;
  rules.fields[4].path.push_back({true, 1, ""});
  rules.has_time_field = numbers.Below(2) == 0;
  rules.time_field = numbers.Below(3);
  for (uint32_t i = 0; i < 3 + numbers.Below(90); i++) {
    TestPredicate& predicate = rules.predicates.emplace_back();
    predicate.op = static_cast<Op>(numbers.Below(8));
    predicate.field = numbers.Below(5);
    predicate.fold = numbers.Below(2) == 0;
    predicate.whole = numbers.Below(2) == 0;
    predicate.pattern = kPatterns[numbers.Below(std::size(kPatterns))];
    for (uint32_t k = 1 + numbers.Below(3); k > 0; k--) predicate.texts.emplace_back(kTexts[numbers.Below(std::size(kTexts))]);
    if (predicate.op == Op::kNetworks) predicate.texts = {"10.0.0.0/8", "2001:db8::/32"};
    predicate.gt = numbers.Below(2) == 0 ? "500" : "";
  }
  const auto test = [&] { return Test(numbers.Below(static_cast<uint32_t>(rules.predicates.size()))); };
  for (uint32_t i = 1 + numbers.Below(6); i > 0; i--) {
    const auto kind = static_cast<Condition::Kind>(1 + numbers.Below(3));
    std::vector<Condition> children = {test()};
    if (kind != Condition::Kind::kNot) children.push_back(Group(Condition::Kind::kNot, {test()}));
    rules.rules.push_back({Group(kind, std::move(children)), static_cast<uint8_t>(numbers.Below(2))});
  }
  rules.default_route = static_cast<uint8_t>(numbers.Below(2));
  return rules;
}

// Batches long enough that orders are made anew and caches fill: the same records come again and again. Every rule set
// with techniques that are all adaptive, off and on, and with one of the other settings.
void TestDrawn() {
  Numbers numbers(2024);
  for (uint32_t i = 0; i < 60; i++) {
    const RuleSet rules = DrawRules(numbers);
    const Block block = WriteProgram(rules);
    std::vector<std::unique_ptr<weir::Evaluator>> evaluators;
    for (const weir::Techniques alike : kAlike) evaluators.push_back(Load(block, alike));
    evaluators.push_back(Load(block, SettingOf(i * 7)));
    for (int turn = 0; turn < 3; turn++) {
      std::string input;
      for (int k = 0; k < 120; k++) input += DrawRecord(numbers) + "\n";
      for (const auto mode : {Validation::kFull, Validation::kKept, Validation::kRead}) {
        SlabShape shape;
        shape.input = input;
        shape.mode = mode;
        shape.flags = weir::kWantRecords;
        shape.record_capacity = 64;
        shape.now_ms = 1'600'000'050'000;
        for (const auto& evaluator : evaluators) CHECK(IsRight(rules, *evaluator, shape));
      }
    }
  }
}

// Three records, of which two have a value that decides them and one has another: how often it is known and screened.
void TestReport() {
  RuleSet rules;
  rules.fields = {Key("a"), Key("b")};
  TestPredicate& predicate = rules.predicates.emplace_back();
  predicate.op = Op::kRegex;
  predicate.pattern = "chrome|firefox";
  rules.rules.push_back({Test(0), weir::kKeepRoute});
  const Block block = WriteProgram(rules);
  SlabShape shape;
  shape.input = "{\"a\":\"a firefox\"}\n{\"a\":\"curl\"}\n{\"a\":\"a firefox\"}\n{\"b\":1}\n";
  const auto report = [&](weir::Techniques techniques) {
    const auto evaluator = Load(block, techniques);
    CHECK(IsRight(rules, *evaluator, shape));
    return evaluator->report();
  };
  const weir::Evaluator::Report on = report(All(weir::Use::kOn));
  CHECK(on.fields.size() == 2 && on.fields[0].values == 3 && on.fields[1].values == 0);
  CHECK(on.fields[0].looked_up == 3 && on.fields[0].known == 1);
  CHECK(on.fields[0].screened == 2 && on.fields[0].candidates == 1);
  CHECK(on.cache_bytes > 0);
  const weir::Evaluator::Report off = report(All(weir::Use::kOff));
  CHECK(off.fields.size() == 2 && off.fields[0].values == 3);
  CHECK(off.fields[0].looked_up == 0 && off.fields[0].screened == 0 && off.cache_bytes == 0);
  for (const weir::TechniqueCounts& counts : off.techniques) CHECK(counts.used == 0);
}

}  // namespace

void TestBatchView() {
  const RuleSet keeps_all;
  const Block block = WriteProgram(keeps_all);
  const auto evaluator = Load(block);
  const auto refuses = [&](const std::function<void(TestSlab& slab)>& damage) {
    SlabShape shape;
    shape.input = "{}\n{}\n";
    TestSlab slab(shape);
    damage(slab);
    const std::vector<uint8_t> before(slab.data(), slab.data() + slab.size());
    std::string error;
    const bool refused = !evaluator->Evaluate(slab.data(), slab.size(), &error);
    CHECK(refused == !error.empty());
    return refused && std::equal(before.begin(), before.end(), slab.data());
  };
  CHECK(!refuses([](TestSlab&) {}));
  CHECK(refuses([](TestSlab& slab) { slab.word(weir::kFormat)++; }));
  CHECK(refuses([](TestSlab& slab) { slab.word(weir::kStart) = slab.word(weir::kEnd) + 1; }));
  // One byte of the padding is not there, and all else is as it should be.
  CHECK(refuses([](TestSlab& slab) {
    slab.word(weir::kStart)++;
    slab.word(weir::kEnd)++;
  }));
  CHECK(refuses([](TestSlab& slab) { slab.word(weir::kEnd) = ~0u; }));
  CHECK(refuses([](TestSlab& slab) { slab.word(weir::kRecordCapacity) = 0; }));
  CHECK(refuses([](TestSlab& slab) { slab.word(weir::kRecordCapacity) = 5; }));
  CHECK(refuses([](TestSlab& slab) { slab.word(weir::kCountCapacity) = 0; }));
  CHECK(refuses([](TestSlab& slab) { slab.word(weir::kGatherCapacity)--; slab.word(weir::kGatherCapacity) &= 4; }));
  for (const uint32_t region : {weir::kInputAt, weir::kRecordsAt, weir::kCountsAt, weir::kGatherAt}) {
    CHECK(refuses([region](TestSlab& slab) { slab.word(region) = 0; }));  // in the header
    CHECK(refuses([region](TestSlab& slab) { slab.word(region) = static_cast<uint32_t>(slab.size()); }));
    CHECK(refuses([region](TestSlab& slab) { slab.word(region) = ~3u; }));
    // Onto each of the others.
    for (const uint32_t other : {weir::kInputAt, weir::kRecordsAt, weir::kCountsAt, weir::kGatherAt}) {
      if (other != region) CHECK(refuses([region, other](TestSlab& slab) { slab.word(region) = slab.word(other); }));
    }
  }
  CHECK(refuses([](TestSlab& slab) { slab.word(weir::kRecordsAt) += 2; }));
  CHECK(refuses([](TestSlab& slab) { slab.word(weir::kCountsAt) += 1; }));
  // The last byte of one region on the first of the next.
  CHECK(refuses([](TestSlab& slab) { slab.word(weir::kCountsAt) -= 4; }));
  CHECK(refuses([](TestSlab& slab) { slab.word(weir::kGatherAt) -= 1; }));
  uint32_t small[4] = {weir::kSlabFormat, 0, 0, 0};
  std::string error;
  CHECK(!evaluator->Evaluate(reinterpret_cast<uint8_t*>(small), sizeof small, &error) && !error.empty());
}

void TestKernel() {
  TestFraming();
  for (const weir::Techniques alike : kAlike) {
    TestSegments(alike);
    TestReadValidation(alike);
    TestDelays(alike);
  }
  TestDrawn();
  TestReport();
}

}  // namespace weir_test
