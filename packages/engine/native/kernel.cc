// The loop over a batch. Framing is by LF alone; deciding reads as little of a record as the rules need; only what
// leaves the engine, or everything under `full`, is checked against the whole grammar.

#include "kernel.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <random>

#include "batch_view.h"
#include "decision.h"
#include "delays.h"
#include "field_reader.h"
#include "json_cursor.h"
#include "matcher.h"
#include "original_judge.h"
#include "prefilter.h"

namespace weir {
namespace {

// How far ahead of the record at hand memory is fetched: what one record takes to decide hides the way there.
constexpr size_t kAhead = 2048;
constexpr size_t kCacheLine = 64;

// A line as framing sees it: [begin, end) is the record, [begin, next) what its range covers.
struct Line {
  const char* begin;
  const char* end;
  const char* next;
  bool has_feed;
};

Line NextLine(const char* p, const char* end) {
  const auto* feed = static_cast<const char*>(std::memchr(p, '\n', static_cast<size_t>(end - p)));
  const char* stop = feed == nullptr ? end : feed;
  const char* next = feed == nullptr ? end : feed + 1;
  if (stop > p && stop[-1] == '\r') stop--;
  return {p, stop, next, feed != nullptr};
}

bool IsBlank(const Line& line) {
  const char* p = line.begin;
  while (p < line.end && (*p == ' ' || *p == '\t')) p++;
  return p == line.end;
}

}  // namespace

struct Evaluator::State {
  State(std::unique_ptr<Program> from, std::unique_ptr<Matcher> ready, Techniques techniques, uint64_t seed)
      : program(std::move(from)),
        matcher(std::move(ready)),
        decision(*program),
        reader(*program, *matcher, decision, techniques, seed),
        prefilter(*program, techniques[Technique::kPrefilter]) {
    Order();
    if (program->original) original.emplace(*program, *matcher, decision, reader);
  }

  static uint64_t Seed() {
    std::random_device device;
    return (uint64_t{device()} << 32) | device();
  }

  void Order() {
    decision.Order([this](uint32_t predicate) { return reader.Cost(predicate); });
  }

  struct Outcome {
    uint16_t rule;
    uint8_t route;
    Reason reason;
  };

  bool Run(std::string* error);
  void Continue(const char** p, const char* end);
  void FetchAhead(const Line& line) const;
  Outcome Decide(const Line& line);
  // A line that is open goes on behind the input, and is only cut when it is too long.
  bool IsTooLong(const Line& line) const {
    return (open && !line.has_feed) || static_cast<size_t>(line.end - line.begin) > batch.word[kMaxRecordBytes];
  }
  uint8_t RouteOf(uint32_t rule) const {
    return rule < program->rules.size() ? program->rules[rule].route : program->default_route;
  }
  Outcome Malformed(Reason reason) { return {kNoRule, kMalformedRoute, reason}; }
  void LearnFrom(uint32_t rule, bool is_dropped);
  Outcome Broken(const Line& line);
  void Note(const Line& line, const Outcome& outcome);
  void Flush(const Line* unended);
  void Segment(uint32_t route, uint32_t begin, uint32_t end);

  std::unique_ptr<Program> program;
  std::unique_ptr<Matcher> matcher;
  Decision decision;
  FieldReader reader;
  std::optional<OriginalJudge> original;  // where the program is of that dialect
  Prefilter prefilter;
  Validator validator;
  Delays delays;
  TimeText time;  // of the record at hand
  uint64_t decided = 0;
  // An exception passed through, perhaps through a pattern, which may then wait for ever for what it began to make.
  bool is_interrupted = false;

  // The call at hand.
  BatchView batch;
  Validation mode = Validation::kKept;
  bool open = false;
  uint32_t held = 0;         // records in the arrays
  bool is_continued = false;  // the bytes that continue a too-long record are not gathered yet
  uint32_t continued = 0;     // how many they are
  std::string fault;
};

Evaluator::Evaluator(std::unique_ptr<State> state) : state_(std::move(state)) {}

Evaluator::~Evaluator() {
  if (state_->is_interrupted) state_->matcher->Abandon();
}

std::unique_ptr<Evaluator> Evaluator::Load(const uint8_t* data, size_t size, std::string* error, Techniques techniques,
                                           std::optional<uint64_t> seed) {
  auto program = Program::Read(data, size, error);
  if (program == nullptr) return nullptr;
  auto matcher = std::make_unique<Matcher>(*program);
  if (!matcher->Ready(error)) return nullptr;
  const uint64_t key = seed.has_value() ? *seed : State::Seed();
  auto state = std::make_unique<State>(std::move(program), std::move(matcher), techniques, key);
  return std::unique_ptr<Evaluator>(new Evaluator(std::move(state)));
}

Evaluator::Report Evaluator::report() const {
  Report report;
  state_->reader.Report(report.techniques, &report.fields, &report.cache_bytes);
  report.techniques[static_cast<size_t>(Technique::kPrefilter)] = state_->prefilter.counts();
  return report;
}

int64_t Evaluator::memory() const {
  // A pattern takes some tens of kilobytes with the states it needs for usual texts; buffers about a megabyte.
  return (int64_t{1} << 20) + static_cast<int64_t>(state_->reader.most_cache_bytes()) +
         static_cast<int64_t>(state_->program->predicates.size()) * (32 << 10);
}

bool Evaluator::Evaluate(uint8_t* slab, size_t size, std::string* error) {
  State& state = *state_;
  if (state.is_interrupted) {
    *error = "an earlier call ended in an exception: load the program again";
    return false;
  }
  state.batch = BatchView();
  if (!state.batch.Open(slab, size, state.program->rules.size(), error)) return false;
  const auto mode = static_cast<Validation>(state.batch.word[kFlags] & kValidationMask);
  // Under another mode a value must be sound before it decides.
  if (mode != state.mode) state.prefilter.Forget();
  state.mode = mode;
  state.held = 0;
  state.is_continued = false;
  state.fault.clear();
  state.is_interrupted = true;
  const bool is_done = state.Run(error);
  state.is_interrupted = false;
  return is_done;
}

bool Evaluator::State::Run(std::string* error) {
  uint32_t* word = batch.word;
  const char* p = batch.input + word[kStart];
  const char* const end = batch.input + word[kEnd];
  open = (word[kFlags] & kOpen) != 0;
  delays.Start(word);
  const bool wants_records = (word[kFlags] & kWantRecords) != 0;
  if ((word[kFlags] & kContinues) != 0) Continue(&p, end);
  Line last{};
  while (p < end) {
    if (held == word[kRecordCapacity]) {
      // This flush may add a segment for each route, and so may the last one.
      if (wants_records || word[kSegments] + 2 * program->route_count > kMaxSegments) break;
      Flush(nullptr);
      held = 0;
    }
    last = NextLine(p, end);
    p = last.next;
    // Length comes first, so that a line of spaces is judged alike wherever a stream is cut.
    if (original.has_value() || IsTooLong(last) || !IsBlank(last)) {
      const Outcome outcome = Decide(last);
      if (!fault.empty()) {
        *error = fault;
        return false;
      }
      Note(last, outcome);
    } else {
      last.has_feed = true;  // nothing to end
    }
    word[kLines] += last.next[-1] == '\n';
  }
  word[kConsumed] = static_cast<uint32_t>(p - batch.input);
  const bool unended = p == end && last.begin != nullptr && !last.has_feed && !open;
  Flush(unended ? &last : nullptr);
  delays.Finish();
  return true;
}

// Passes over the bytes that continue a record which an earlier batch counted.
void Evaluator::State::Continue(const char** p, const char* end) {
  const auto* feed = static_cast<const char*>(std::memchr(*p, '\n', static_cast<size_t>(end - *p)));
  const char* next = feed == nullptr ? end : feed + 1;
  is_continued = true;
  continued = static_cast<uint32_t>(next - *p);
  if (feed != nullptr) batch.word[kLines]++;
  *p = next;
}

Evaluator::State::Outcome Evaluator::State::Decide(const Line& line) {
  if (IsTooLong(line)) return Malformed(Reason::kTooLong);
  if (original.has_value()) {
    const auto [rule, reason] = original->Decide(line.begin, line.end, mode);
    if (reason != Reason::kNone) return Malformed(reason);
    const uint8_t route = RouteOf(rule);
    if (program->has_time_field && route != kDropRoute) delays.Add(original->time());
    return {static_cast<uint16_t>(rule), route, reason};
  }
  if (mode == Validation::kFull) {
    const Reason reason = validator.Check(line.begin, line.end);
    if (reason != Reason::kNone) return Malformed(reason);
  }
  decided++;
  // By then the fields' usual places are known; later turns follow a stream that changes.
  if (decided == 128 || decided % 65536 == 0) Order();
  if (prefilter.on()) {
    const uint32_t rule = prefilter.Look(line.begin, line.end);
    if (rule != Prefilter::kNone) return {static_cast<uint16_t>(rule), kDropRoute, Reason::kNone};
  }
  FetchAhead(line);
  reader.Start(line.begin, line.end, mode == Validation::kRead);
  const uint32_t rule = decision.Run(reader);
  if (reader.malformed()) return Broken(line);
  const uint8_t route = RouteOf(rule);
  if (prefilter.learns()) LearnFrom(rule, route == kDropRoute);
  const Outcome outcome = {static_cast<uint16_t>(rule), route, Reason::kNone};
  if (route == kDropRoute) return outcome;
  if (program->has_time_field) {
    time = reader.Time();
    if (reader.malformed()) return Broken(line);
  }
  if (mode == Validation::kKept) {
    const Reason reason = validator.Check(line.begin, line.end);
    if (reason != Reason::kNone) return Malformed(reason);
  }
  if (program->has_time_field) delays.Add(time);
  return outcome;
}

// As many bytes as the record has: the walk reads here and there, so the processor does not see what comes next.
void Evaluator::State::FetchAhead(const Line& line) const {
  const size_t last = std::min<size_t>(static_cast<size_t>(line.next - batch.input) + kAhead, batch.word[kEnd]);
  for (size_t at = static_cast<size_t>(line.begin - batch.input) + kAhead; at < last; at += kCacheLine) {
    __builtin_prefetch(batch.input + at);
  }
}

// The prefilter passes over the next record with a value that alone dropped this one.
void Evaluator::State::LearnFrom(uint32_t rule, bool is_dropped) {
  const uint32_t field = reader.only_field();
  const Value* value = field == Decision::kNone ? nullptr : reader.only_value();
  if (value == nullptr || value->kind != Value::Kind::kString) return prefilter.Learn(Prefilter::kNone, nullptr, 0, rule, false);
  prefilter.Learn(field, value->data, value->size, rule, is_dropped);
}

// The cursor met something that is not JSON: the validator says what. That it finds nothing wrong cannot be.
Evaluator::State::Outcome Evaluator::State::Broken(const Line& line) {
  const Reason reason = validator.Check(line.begin, line.end);
  if (reason == Reason::kNone) fault = "the cursor and the validator disagree about a record";
  return Malformed(reason);
}

void Evaluator::State::Note(const Line& line, const Outcome& outcome) {
  uint32_t* word = batch.word;
  const auto begin = static_cast<uint32_t>(line.begin - batch.input);
  batch.starts[held] = begin;
  batch.ends[held] = static_cast<uint32_t>(line.next - batch.input);
  batch.rule_of[held] = outcome.rule;
  batch.route_of[held] = outcome.route;
  batch.reason_of[held] = static_cast<uint8_t>(outcome.reason);
  held++;
  word[kRecords]++;
  word[kByRoute + outcome.route]++;
  if (outcome.reason == Reason::kNone) {
    word[outcome.route == kDropRoute ? kDropped : kKept]++;
    batch.rule_counts[outcome.rule]++;
    return;
  }
  word[kMalformed]++;
  word[kMalformedBy + static_cast<uint32_t>(outcome.reason) - 1]++;
  if (word[kSampleCount] < kMaxSamples) {
    uint32_t* sample = word + kSample + 3 * word[kSampleCount]++;
    sample[0] = begin;
    sample[1] = word[kLines];
    sample[2] = static_cast<uint32_t>(outcome.reason);
  }
}

// Gathers the records in the arrays, route by route, joining neighbours into one copy. `unended`: the last record
// lacks its LF.
void Evaluator::State::Flush(const Line* unended) {
  if (!batch.gathers) return;
  uint32_t* word = batch.word;
  for (uint32_t route = 0; route < program->route_count; route++) {
    if (!batch.Gathers(route)) continue;
    const uint32_t first = word[kGathered];
    char* out = batch.gather + first;
    if (route == kMalformedRoute && is_continued) {
      std::memcpy(out, batch.input + word[kStart], continued);
      out += continued;
      // Where the input ends with it, it may lack its LF too.
      if (!open && (continued == 0 || out[-1] != '\n')) *out++ = '\n';
      is_continued = false;
    }
    for (uint32_t i = 0; i < held;) {
      if (batch.route_of[i] != route) {
        i++;
        continue;
      }
      const uint32_t begin = batch.starts[i];
      uint32_t end = batch.ends[i];
      for (i++; i < held && batch.route_of[i] == route && batch.starts[i] == end; i++) end = batch.ends[i];
      std::memcpy(out, batch.input + begin, end - begin);
      out += end - begin;
    }
    if (unended != nullptr && held != 0 && batch.route_of[held - 1] == route) *out++ = '\n';
    Segment(route, first, static_cast<uint32_t>(out - batch.gather));
  }
}

void Evaluator::State::Segment(uint32_t route, uint32_t begin, uint32_t end) {
  uint32_t* word = batch.word;
  if (begin == end) return;
  word[kGathered] = end;
  if (word[kSegments] != 0) {
    uint32_t* previous = word + kSegment + 3 * (word[kSegments] - 1);
    if (previous[0] == route && previous[2] == begin) {
      previous[2] = end;
      return;
    }
  }
  uint32_t* segment = word + kSegment + 3 * word[kSegments]++;
  segment[0] = route;
  segment[1] = begin;
  segment[2] = end;
}

}  // namespace weir
