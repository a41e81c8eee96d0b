// The quick way, the doubts about it, and the exact way.

#include "original_judge.h"

namespace weir {
namespace {

// original_record.cc has the limits of which these are a part.
constexpr size_t kMostDepth = 1000;
constexpr ptrdiff_t kMostKeyUnits = 50'000;
constexpr ptrdiff_t kMostDigits = 1000;

// Bytes of a field's text whose memory is kept from record to record.
constexpr size_t kKeptTextBytes = 1 << 16;

bool MayBeInNumber(char c) { return (c >= '0' && c <= '9') || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-'; }

// Whether a number may be longer than the original reads: it would cover one byte in so many.
bool MayHoldLongNumber(const char* begin, const char* end) {
  for (const char* p = begin + kMostDigits; p < end; p += kMostDigits) {
    const char* first = p;
    while (first > begin && MayBeInNumber(first[-1])) first--;
    const char* last = p;
    while (last < end && MayBeInNumber(*last)) last++;
    if (last - first > kMostDigits) return true;
  }
  return false;
}

}  // namespace

OriginalJudge::OriginalJudge(const Program& program, const Matcher& matcher, Decision& decision, FieldReader& reader)
    : program_(program),
      matcher_(matcher),
      decision_(decision),
      reader_(reader),
      repeated_(program.fields),
      validator_(kMostDepth),
      record_(program.fields),
      texts_(program.fields.size()) {}

OriginalJudge::Answer OriginalJudge::Decide(const char* begin, const char* end, Validation mode) {
  const auto rules = static_cast<uint32_t>(program_.rules.size());
  if (program_.has_time_field) time_ = {};
  // Without filters the original looked into nothing, and kept what is no JSON.
  if (rules == 0) {
    if (program_.has_time_field) ReadTime(begin, end);
    return {0, Reason::kNone};
  }
  reader_.Start(begin, end, false);
  const uint32_t rule = decision_.Run(reader_);
  const bool is_kept = rule == rules;
  if (program_.has_time_field && is_kept) time_ = reader_.Time();
  if (MayDiffer(end)) return DecideExactly(begin, end);
  const bool is_checked = mode == Validation::kFull || (mode == Validation::kKept && is_kept);
  if (is_checked && !IsOrdinary(begin, end)) return DecideExactly(begin, end);
  return {rule, Reason::kNone};
}

// Whether the original may have read something else than the reader did.
bool OriginalJudge::MayDiffer(const char* end) {
  return reader_.malformed() || reader_.differs() || repeated_.MayFollow(reader_.reads(), end);
}

// Whether the line is one well-formed record and within the limits of the original.
bool OriginalJudge::IsOrdinary(const char* begin, const char* end) {
  if (end - begin > kMostKeyUnits || MayHoldLongNumber(begin, end)) return false;
  return validator_.Check(begin, end) == Reason::kNone;
}

OriginalJudge::Answer OriginalJudge::DecideExactly(const char* begin, const char* end) {
  const auto rules = static_cast<uint32_t>(program_.rules.size());
  Answer answer{rules, Reason::kNone};
  time_ = {};
  switch (record_.Read(begin, end)) {
    case OriginalRecord::Kind::kMalformed: answer.reason = record_.reason(); break;
    case OriginalRecord::Kind::kNull: answer.rule = rules - 1; break;
    case OriginalRecord::Kind::kObject:
      for (FieldText& field : texts_) field.is_known = false;
      arena_.Reset();
      answer.rule = decision_.Run(*this);
      if (program_.has_time_field && answer.rule == rules) ReadTimeExactly();
      for (FieldText& field : texts_) {
        if (field.bytes.capacity() > kKeptTextBytes) std::string().swap(field.bytes);
      }
      break;
  }
  record_.Forget();
  return answer;
}

// The time of a line that nothing is decided by. What is no record has none, and only the whole line tells that.
void OriginalJudge::ReadTime(const char* begin, const char* end) {
  reader_.Start(begin, end, false);
  time_ = reader_.Time();
  if (!MayDiffer(end) && IsOrdinary(begin, end)) return;
  time_ = {};
  if (record_.Read(begin, end) == OriginalRecord::Kind::kObject) ReadTimeExactly();
  record_.Forget();
}

void OriginalJudge::ReadTimeExactly() {
  if (!record_.Text(program_.fields[program_.time_field].path, &time_bytes_)) return;
  const size_t size = time_bytes_.size();
  time_bytes_.append(8, '\0');
  time_ = {TimeText::Kind::kText, {time_bytes_.data(), size}};
}

bool OriginalJudge::Holds(uint32_t number) {
  const uint32_t index = program_.predicates[number].field;
  FieldText& field = texts_[index];
  if (!field.is_known) {
    field.is_known = true;
    field.is_present = record_.Text(program_.fields[index].path, &field.bytes);
    field.text = Text(field.bytes);
  }
  return field.is_present && matcher_.Holds(number, &field.text, &arena_);
}

}  // namespace weir
