// The loop over lines, and the rules over one record: tried in order, the first that holds decides.

#include "filter.h"

#include <algorithm>
#include <cstring>

namespace plain {
namespace {

bool IsBlank(const char* begin, const char* end) {
  return std::all_of(begin, end, [](char c) { return c == ' ' || c == '\t'; });
}

}  // namespace

char* Filter::Run(const char* begin, const char* end, char* out, Counts* counts) {
  counts->by_rule.resize(rules_.rules.size() + 1);
  const char* next = nullptr;
  for (const char* line = begin; line < end; line = next) {
    const auto* feed = static_cast<const char*>(std::memchr(line, '\n', static_cast<size_t>(end - line)));
    next = feed == nullptr ? end : feed + 1;
    const char* line_end = feed == nullptr ? end : feed;
    if (line_end > line && line_end[-1] == '\r') line_end--;
    const auto size = static_cast<size_t>(line_end - line);
    const auto capacity = static_cast<size_t>(end - line) + simdjson::SIMDJSON_PADDING;
    if (!reader_.Read(line, size, capacity)) {
      if (!IsBlank(line, line_end)) counts->malformed++;
      continue;
    }
    const size_t rule = DecidingRule();
    if (reader_.is_broken()) {
      counts->malformed++;
      continue;
    }
    const bool keeps = rule < rules_.rules.size() ? rules_.rules[rule].keeps : rules_.keeps_by_default;
    if (keeps && checks_ && checker_.parse(line, size, false).error() != simdjson::SUCCESS) {
      counts->malformed++;
      continue;
    }
    counts->by_rule[rule]++;
    if (!keeps) continue;
    counts->kept++;
    const auto bytes = static_cast<size_t>(next - line);
    std::memcpy(out, line, bytes);
    out += bytes;
    if (feed == nullptr) *out++ = '\n';
  }
  return out;
}

size_t Filter::DecidingRule() {
  size_t rule = 0;
  while (rule < rules_.rules.size() && !Holds(rules_.rules[rule].when)) rule++;
  return rule;
}

bool Filter::Holds(const Condition& condition) {
  const auto& children = condition.children;
  const auto holds = [this](const Condition& each) { return Holds(each); };
  switch (condition.kind) {
    case Condition::kAll: return std::all_of(children.begin(), children.end(), holds);
    case Condition::kAny: return std::any_of(children.begin(), children.end(), holds);
    case Condition::kNot: return !Holds(children.front());
    default: return Holds(condition.predicate);
  }
}

bool Filter::Holds(const Predicate& predicate) {
  const Value& value = reader_.value(predicate.slot);
  if (!predicate.exists) return value.kind == Value::kMissing && predicate.tests.empty();
  if (predicate.tests.empty()) return value.kind != Value::kMissing;
  if (value.kind != Value::kText) return false;
  const std::string_view text = predicate.decodes ? reader_.Decoded(predicate.slot) : value.text;
  return std::all_of(predicate.tests.begin(), predicate.tests.end(), [text](const auto& test) { return test->Holds(text); });
}

}  // namespace plain
