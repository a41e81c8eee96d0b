// Making slabs, running the kernel over them, and comparing.

#include "test_slab.h"

#include <algorithm>
#include <cstring>

namespace weir_test {
namespace {

using weir::Reason;
using weir::Validation;

constexpr uint32_t Aligned(uint32_t bytes) { return (bytes + 3) & ~3u; }

// Adds one call's records, from its verdict arrays.
void AddRecords(TestSlab* slab, uint32_t lead, Answer* answer) {
  const uint32_t capacity = slab->word(weir::kRecordCapacity);
  const uint32_t* starts = slab->words_at(weir::kRecordsAt);
  const uint32_t* ends = starts + capacity;
  const auto* rules = reinterpret_cast<const uint16_t*>(ends + capacity);
  const auto* routes = reinterpret_cast<const uint8_t*>(rules + capacity);
  const uint8_t* reasons = routes + capacity;
  for (uint32_t i = 0; i < slab->word(weir::kRecords); i++) {
    PlainRecord& record = answer->records.emplace_back();
    record = {starts[i] - lead, ends[i] - lead, static_cast<Reason>(reasons[i]), rules[i], routes[i]};
  }
}

// Adds one call's segments; false when they are not in order, side by side, and within what was gathered.
bool AddSegments(TestSlab* slab, Answer* answer) {
  const uint32_t count = slab->word(weir::kSegments);
  if (count > weir::kMaxSegments) return false;
  uint32_t at = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t* segment = &slab->word(weir::kSegment + 3 * i);
    if (segment[1] != at || segment[2] <= at || segment[0] >= answer->gathered.size()) return false;
    at = segment[2];
    if (at > slab->word(weir::kGatherCapacity)) return false;
    answer->gathered[segment[0]] += slab->gathered(segment[1], segment[2]);
  }
  return at == slab->word(weir::kGathered);
}

bool AddCounts(TestSlab* slab, uint32_t lead, Answer* answer) {
  uint32_t reasons = 0;
  for (uint32_t i = 0; i < 5; i++) reasons += slab->word(weir::kMalformedBy + i);
  if (reasons != slab->word(weir::kMalformed) || slab->word(weir::kSampleCount) > weir::kMaxSamples) return false;
  for (uint32_t i = 0; i < slab->word(weir::kSampleCount); i++) {
    const uint32_t* sample = &slab->word(weir::kSample + 3 * i);
    if (answer->samples.size() < weir::kMaxSamples) {
      answer->samples.push_back({sample[0] - lead, sample[1] + answer->lines, sample[2]});
    }
  }
  answer->count += slab->word(weir::kRecords);
  answer->kept += slab->word(weir::kKept);
  answer->dropped += slab->word(weir::kDropped);
  answer->malformed += slab->word(weir::kMalformed);
  answer->lines += slab->word(weir::kLines);
  for (uint32_t route = 0; route < 256; route++) {
    const uint32_t count = slab->word(weir::kByRoute + route);
    if (route < answer->by_route.size()) {
      answer->by_route[route] += count;
    } else if (count != 0) {
      return false;
    }
  }
  return true;
}

void AddDelays(TestSlab* slab, PlainDelays* out) {
  for (uint32_t i = 0; i < out->buckets.size(); i++) out->buckets[i] += slab->word(weir::kDelay + i);
  out->ahead += slab->word(weir::kTimeAhead);
  out->missing += slab->word(weir::kTimeMissing);
  out->unreadable += slab->word(weir::kTimeUnreadable);
  out->sum_ms += slab->word(weir::kDelaySum) + (uint64_t{slab->word(weir::kDelaySum + 1)} << 32);
}

Answer Failed(Answer answer, std::string problem) {
  answer.ok = false;
  answer.problem = std::move(problem);
  return answer;
}

bool IsGathered(const SlabShape& shape, uint32_t route) {
  return shape.routes == ~uint32_t{0} || (route < 32 && ((shape.routes >> route) & 1) != 0);
}

// Whether the kernel may say `got` of a record that the plain reading calls `want`. A malformed one may go unnoticed
// where it is dropped, or where validation is `read`; the reason may not be another.
bool IsAllowed(const PlainRecord& got, const PlainRecord& want, Validation mode, uint8_t drop) {
  if (got.begin != want.begin || got.end != want.end) return false;
  const bool same = got.reason == want.reason && got.rule == want.rule && got.route == want.route;
  if (same || mode == Validation::kFull || want.reason == Reason::kNone || want.reason == Reason::kTooLong) return same;
  return got.reason == Reason::kNone && (mode == Validation::kRead || got.route == drop);
}

}  // namespace

TestSlab::TestSlab(const SlabShape& shape) {
  const auto bytes = static_cast<uint32_t>(shape.input.size());
  const uint32_t records_at = weir::kSlabHeaderBytes;
  const uint32_t counts_at = records_at + shape.record_capacity * 12;
  const uint32_t gather_at = counts_at + shape.count_capacity * 4;
  const uint32_t input_at = gather_at + Aligned(bytes + 1);
  size_ = size_t{input_at} + shape.lead + bytes + weir::kPaddingBytes;
  memory_ = std::make_unique<uint8_t[]>(size_);
  std::memset(memory_.get() + input_at, shape.filler, size_ - input_at);
  if (bytes != 0) std::memcpy(memory_.get() + input_at + shape.lead, shape.input.data(), bytes);
  const std::pair<uint32_t, uint32_t> words[] = {
      {weir::kFormat, weir::kSlabFormat},
      {weir::kInputAt, input_at},
      {weir::kStart, shape.lead},
      {weir::kEnd, shape.lead + bytes},
      {weir::kFlags, shape.flags | static_cast<uint32_t>(shape.mode)},
      {weir::kMaxRecordBytes, shape.max_record_bytes},
      {weir::kRecordsAt, records_at},
      {weir::kRecordCapacity, shape.record_capacity},
      {weir::kGatherAt, gather_at},
      {weir::kGatherCapacity, bytes + 1},
      {weir::kCountsAt, counts_at},
      {weir::kCountCapacity, shape.count_capacity},
      {weir::kGatherRoutes, shape.routes},
      {weir::kNow, static_cast<uint32_t>(shape.now_ms)},
      {weir::kNow + 1, static_cast<uint32_t>(shape.now_ms >> 32)},
  };
  for (const auto& [number, value] : words) word(number) = value;
  for (uint32_t i = 1; i < 8; i++) word(weir::kGatherRoutes + i) = shape.routes == ~uint32_t{0} ? shape.routes : 0;
}

Answer RunKernel(weir::Evaluator& evaluator, const RuleSet& rules, const SlabShape& shape) {
  TestSlab slab(shape);
  const std::vector<uint8_t> before(slab.data() + slab.word(weir::kInputAt), slab.data() + slab.size());
  Answer answer;
  answer.by_route.assign(rules.route_count, 0);
  answer.gathered.assign(rules.route_count, "");
  for (;;) {
    const uint32_t from = slab.word(weir::kStart);
    std::string error;
    if (!evaluator.Evaluate(slab.data(), slab.size(), &error)) return Failed(answer, "fault: " + error);
    answer.calls++;
    if (!AddSegments(&slab, &answer)) return Failed(answer, "segments");
    if (!AddCounts(&slab, shape.lead, &answer)) return Failed(answer, "counts");
    AddDelays(&slab, &answer.delays);
    if ((shape.flags & weir::kWantRecords) != 0) {
      if (slab.word(weir::kRecords) > shape.record_capacity) return Failed(answer, "more records than fit");
      AddRecords(&slab, shape.lead, &answer);
    }
    const uint32_t consumed = slab.word(weir::kConsumed);
    if (consumed == slab.word(weir::kEnd)) break;
    if (consumed <= from || consumed > slab.word(weir::kEnd)) return Failed(answer, "no headway");
    slab.word(weir::kStart) = consumed;
    slab.word(weir::kFlags) &= ~static_cast<uint32_t>(weir::kContinues);
  }
  const uint32_t* counts = slab.words_at(weir::kCountsAt);
  answer.by_rule.assign(counts, counts + shape.count_capacity);
  if (!std::equal(before.begin(), before.end(), slab.data() + slab.word(weir::kInputAt))) return Failed(answer, "input written");
  answer.ok = true;
  return answer;
}

PlainRequest PlainOf(const SlabShape& shape) {
  return {shape.input, shape.max_record_bytes, (shape.flags & weir::kOpen) != 0, (shape.flags & weir::kContinues) != 0,
          shape.now_ms};
}

std::string Differs(const RuleSet& rules, const SlabShape& shape, const Answer& answer, const PlainBatch& plain) {
  if (!answer.ok) return answer.problem;
  if (answer.lines != plain.lines) return "lines";
  if (answer.count != plain.records.size()) return "number of records";
  // What goes on is known exactly but under `read`.
  if (shape.mode != Validation::kRead && answer.delays != plain.delays) return "delays";
  const bool has_records = (shape.flags & weir::kWantRecords) != 0;
  // Without the arrays nothing tells which record was judged how, so only what validation cannot change is compared.
  if (!has_records && shape.mode != Validation::kFull) {
    const auto keeps = [&](uint32_t route) { return route != weir::kDropRoute && route != weir::kMalformedRoute; };
    for (uint32_t route = 0; shape.mode == Validation::kKept && route < rules.route_count; route++) {
      if (keeps(route) && IsGathered(shape, route) && answer.gathered[route] != plain.gathered[route]) return "kept bytes";
    }
    return "";
  }
  std::vector<PlainRecord> records = has_records ? answer.records : plain.records;
  std::vector<uint32_t> by_rule(answer.by_rule.size(), 0);
  std::vector<uint32_t> by_route(rules.route_count, 0);
  std::vector<std::vector<uint32_t>> samples;
  for (size_t i = 0; i < records.size(); i++) {
    if (!IsAllowed(records[i], plain.records[i], shape.mode, weir::kDropRoute)) return "record " + std::to_string(i);
    by_route[records[i].route]++;
    if (records[i].reason == Reason::kNone) {
      by_rule[records[i].rule]++;
    } else if (samples.size() < weir::kMaxSamples) {
      samples.push_back({records[i].begin, plain.records[i].lines_before, static_cast<uint32_t>(records[i].reason)});
    }
  }
  if (by_rule != answer.by_rule) return "counts by rule";
  if (by_route != answer.by_route) return "counts by route";
  if (answer.dropped != by_route[weir::kDropRoute] || answer.malformed != by_route[weir::kMalformedRoute] ||
      answer.kept + answer.dropped + answer.malformed != answer.count) {
    return "counts";
  }
  if (samples != answer.samples) return "samples";
  const auto gathered = PlainGather(rules, PlainOf(shape), records);
  for (uint32_t route = 0; route < rules.route_count; route++) {
    if (answer.gathered[route] != (IsGathered(shape, route) ? gathered[route] : "")) return "gathered bytes of route " + std::to_string(route);
  }
  return "";
}

}  // namespace weir_test
