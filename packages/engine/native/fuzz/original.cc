// Filters of the original converter over one line: what the usual, quick way of reading decides, against the exact
// reading of the same line by itself. That the exact one is right, the comparison with Jackson and Java shows.

#include <algorithm>

#include "../arena.h"
#include "../delays.h"
#include "../matcher.h"
#include "../original_record.h"
#include "../test/check.h"
#include "drawing.h"

namespace {

using weir::OriginalRecord;
using weir::Reason;
using weir::Validation;

constexpr uint64_t kNowMs = 1'600'000'000'000;

struct Decided {
  uint32_t rule;
  Reason reason;
  weir_test::PlainDelays delays;  // but for the buckets, of a record that is kept
};

weir_test::PlainDelays DelayExactly(const weir::Program& program, const OriginalRecord& record) {
  weir_test::PlainDelays out;
  std::string bytes;
  if (!record.Text(program.fields[program.time_field].path, &bytes)) {
    out.missing = 1;
    return out;
  }
  const weir_test::Padded padded(bytes, '1');
  uint64_t ms = 0;
  if (!weir::ReadTimeMs(padded.view(), &ms)) {
    out.unreadable = 1;
  } else if (ms > kNowMs) {
    out.ahead = 1;
  } else {
    out.sum_ms = kNowMs - ms;
  }
  return out;
}

Decided DecideExactly(const weir::Program& program, const weir::Matcher& matcher, const char* begin, const char* end) {
  const auto rules = static_cast<uint32_t>(program.rules.size());
  OriginalRecord record;
  switch (record.Read(begin, end)) {
    case OriginalRecord::Kind::kMalformed: return {rules, record.reason(), {}};
    case OriginalRecord::Kind::kNull: return {rules - 1, Reason::kNone, {}};
    case OriginalRecord::Kind::kObject: break;
  }
  weir::Arena arena;
  for (uint32_t rule = 0; rule + 1 < rules; rule++) {
    const weir::Condition& when = program.rules[rule].when;
    const bool is_negated = when.kind == weir::Condition::Kind::kNot;
    const uint32_t test = is_negated ? when.children[0].predicate : when.predicate;
    std::string bytes;
    bool holds = record.Text(program.fields[program.predicates[test].field].path, &bytes);
    weir::Text text(bytes);
    holds = holds && matcher.Holds(test, &text, &arena);
    if (holds != is_negated) return {rule, Reason::kNone, {}};
  }
  return {rules, Reason::kNone, program.has_time_field ? DelayExactly(program, record) : weir_test::PlainDelays()};
}

bool IsAlike(const weir_test::Answer& answer, const Decided& wanted, Validation mode, uint32_t rules) {
  if (!answer.ok || answer.records.size() != 1) return false;
  const weir_test::PlainRecord& found = answer.records[0];
  const uint32_t rule = found.rule == weir::kNoRule ? rules : found.rule;
  if (rule == wanted.rule && found.reason == wanted.reason) {
    weir_test::PlainDelays delays = answer.delays;
    delays.buckets = wanted.delays.buckets;
    return delays == wanted.delays;
  }
  // What is dropped early may be malformed further on; under `read`, so may what is kept.
  return mode != Validation::kFull && wanted.reason != Reason::kNone && found.reason == Reason::kNone &&
         (rule < rules || mode == Validation::kRead);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider from(data, size);
  weir_test::RuleSet filters = weir_fuzz::DrawFilters(from);
  weir_test::SlabShape shape;
  shape.count_capacity = static_cast<uint32_t>(filters.rules.size()) + 1;
  shape.flags = weir::kWantRecords;
  shape.filler = static_cast<char>(from.ConsumeIntegral<uint8_t>());
  // Drawn last, so that what the corpus holds keeps its meaning.
  const auto time = from.ConsumeIntegral<uint8_t>();
  filters.has_time_field = time % 4 != 0;
  filters.time_field = time / 4 % static_cast<uint32_t>(filters.fields.size());
  const weir::Techniques techniques = weir_fuzz::DrawTechniques(from);
  shape.now_ms = kNowMs;
  std::string line = from.ConsumeRemainingBytesAsString();
  std::replace(line.begin(), line.end(), '\n', ' ');
  if (line.empty() || line.back() == '\r') return 0;
  shape.input = line;
  const weir_test::Block block = weir_test::WriteProgram(filters);
  std::string error;
  const auto program = weir::Program::Read(block.data(), block.size, &error);
  const auto evaluator = weir::Evaluator::Load(block.data(), block.size, &error, techniques);
  if (program == nullptr || evaluator == nullptr) weir_fuzz::Fail("original", error);
  weir::Matcher matcher(*program);
  if (!matcher.Ready(&error)) weir_fuzz::Fail("original", error);
  const weir_test::Padded padded(line, shape.filler);
  const Decided wanted = DecideExactly(*program, matcher, padded.begin(), padded.end());
  // The second turn finds what the first one remembered.
  for (int turn = 0; turn < 2; turn++) {
    for (const auto mode : {Validation::kFull, Validation::kKept, Validation::kRead}) {
      shape.mode = mode;
      const weir_test::Answer answer = weir_test::RunKernel(*evaluator, filters, shape);
      if (IsAlike(answer, wanted, mode, static_cast<uint32_t>(filters.rules.size()))) continue;
      weir_fuzz::Fail("original", "mode " + std::to_string(static_cast<int>(mode)) + " differs: " + answer.problem + "\nplan: " +
                                      weir_test::PlanOf(filters));
    }
  }
  return 0;
}
