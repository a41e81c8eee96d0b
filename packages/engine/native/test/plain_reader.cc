// Judging a record: texts, predicates, rules, lines. The tree itself is made in plain_json.cc.

#include "plain_reader.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>

#include "re2/re2.h"

namespace weir_test {
namespace {

using weir::Condition;
using weir::Op;
using weir::Reason;

// Compiling takes longer than matching, and fuzzers ask for the same patterns again and again.
const re2::RE2& Pattern(const std::string& pattern) {
  static auto* known = new std::map<std::string, std::unique_ptr<re2::RE2>>();
  if (known->size() > 1000) known->clear();
  auto& entry = (*known)[pattern];
  if (entry == nullptr) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    entry = std::make_unique<re2::RE2>(pattern, options);
  }
  return *entry;
}

bool IsIn(const std::string& network, const uint8_t* address) {
  const size_t slash = network.find('/');
  uint8_t base[16];
  if (!PlainAddress(network.substr(0, slash), base)) return false;
  const int written = std::atoi(network.c_str() + slash + 1);
  const int bits = network.find(':') == std::string::npos ? 96 + written : written;
  for (int i = 0; i < bits; i++) {
    if (((base[i / 8] ^ address[i / 8]) >> (7 - i % 8) & 1) != 0) return false;
  }
  return true;
}

bool Compares(const TestPredicate& predicate, const std::string& text) {
  if (!PlainIsNumber(text, true)) return false;
  return (predicate.lt.empty() || PlainCompare(text, predicate.lt) < 0) &&
         (predicate.lte.empty() || PlainCompare(text, predicate.lte) <= 0) &&
         (predicate.gt.empty() || PlainCompare(text, predicate.gt) > 0) &&
         (predicate.gte.empty() || PlainCompare(text, predicate.gte) >= 0);
}

bool HoldsForText(const TestPredicate& predicate, std::string text) {
  if (predicate.op == Op::kExists) return true;
  if (predicate.op == Op::kRegex) {
    const auto anchor = predicate.whole ? re2::RE2::ANCHOR_BOTH : re2::RE2::UNANCHORED;
    return Pattern(predicate.pattern).Match(text, 0, text.size(), anchor, nullptr, 0);
  }
  if (predicate.op == Op::kCompare) return Compares(predicate, text);
  if (predicate.op == Op::kNetworks) {
    uint8_t address[16];
    return PlainAddress(text, address) &&
           std::any_of(predicate.texts.begin(), predicate.texts.end(),
                       [&address](const std::string& network) { return IsIn(network, address); });
  }
  if (predicate.fold) text = PlainFold(text);
  for (const std::string& written : predicate.texts) {
    const std::string wanted = predicate.fold ? PlainFold(written) : written;
    const bool fits = wanted.size() <= text.size();
    if (predicate.op == Op::kSet && text == wanted) return true;
    if (predicate.op == Op::kSubstrings && text.find(wanted) != std::string::npos) return true;
    if (predicate.op == Op::kPrefix && fits && text.substr(0, wanted.size()) == wanted) return true;
    if (predicate.op == Op::kSuffix && fits && text.substr(text.size() - wanted.size()) == wanted) return true;
  }
  return false;
}

bool Holds(const RuleSet& rules, const TestPredicate& predicate, const Json& record) {
  const weir::Field& field = rules.fields[predicate.field];
  const Json* value = PlainFind(record, field);
  if (value == nullptr || value->kind == Json::Kind::kNull) return false;
  if (value->kind == Json::Kind::kObject || value->kind == Json::Kind::kArray) return predicate.op == Op::kExists;
  if (std::find(rules.missing.begin(), rules.missing.end(), value->text) != rules.missing.end()) return false;
  return HoldsForText(predicate, field.decode_url ? PlainDecodeUrl(value->text) : value->text);
}

bool Holds(const RuleSet& rules, const Condition& condition, const Json& record) {
  const auto holds = [&](const Condition& child) { return Holds(rules, child, record); };
  const auto& children = condition.children;
  switch (condition.kind) {
    case Condition::Kind::kTest: return Holds(rules, rules.predicates[condition.predicate], record);
    case Condition::Kind::kAll: return std::all_of(children.begin(), children.end(), holds);
    case Condition::Kind::kAny: return std::any_of(children.begin(), children.end(), holds);
    case Condition::Kind::kNot: break;
  }
  return !holds(children[0]);
}

// An integer that compares exactly: from -2^63 to 2^64 - 1.
std::optional<__int128> Exact(const std::string& text) {
  if (text.find_first_of(".eE") != std::string::npos) return std::nullopt;
  __int128 value = 0;
  for (const char c : text) {
    if (c == '-') continue;
    value = value * 10 + (c - '0');
    if (value > UINT64_MAX) return std::nullopt;
  }
  if (text[0] == '-') value = -value;
  return value < INT64_MIN ? std::nullopt : std::optional<__int128>(value);
}

// Counts the delay of a record that goes on.
void AddDelay(const RuleSet& rules, const Json& record, uint64_t now_ms, PlainDelays* out) {
  static const double kBoundSeconds[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,  0.2,  0.5,  1,     2,     5,     10,   15,    20,    30,
                                         45,    60,    90,    120,  180,  300,  600,  900,  1800, 3600,  10800, 21600, 86400, 259200, 604800};
  const Json* value = PlainFind(record, rules.fields[rules.time_field]);
  if (value == nullptr || value->kind == Json::Kind::kNull) {
    out->missing++;
    return;
  }
  const bool has_text = value->kind != Json::Kind::kObject && value->kind != Json::Kind::kArray;
  if (has_text && std::find(rules.missing.begin(), rules.missing.end(), value->text) != rules.missing.end()) {
    out->missing++;
    return;
  }
  const double time = has_text && PlainIsNumber(value->text, true) ? std::strtod(value->text.c_str(), nullptr) : 0;
  if (time < 1e8 || time >= 1e14) {
    out->unreadable++;
    return;
  }
  const double ms = time < 1e11 ? time * 1000 : time;
  const long long delay = static_cast<long long>(now_ms) - std::llround(ms);
  if (delay < 0) {
    out->ahead++;
    return;
  }
  size_t bucket = 0;
  while (bucket < 31 && delay > std::llround(kBoundSeconds[bucket] * 1000)) bucket++;
  out->buckets[bucket]++;
  out->sum_ms += static_cast<uint64_t>(delay);
}

}  // namespace

int PlainCompare(const std::string& a, const std::string& b) {
  const auto left = Exact(a);
  const auto right = Exact(b);
  if (left && right) return *left < *right ? -1 : *left > *right ? 1 : 0;
  const double x = std::strtod(a.c_str(), nullptr);
  const double y = std::strtod(b.c_str(), nullptr);
  return x < y ? -1 : x > y ? 1 : 0;
}

bool PlainAddress(std::string_view text, uint8_t* out) {
  if (text.find('\0') != std::string_view::npos) return false;
  const std::string zero_ended(text);
  std::memset(out, 0, 10);
  out[10] = out[11] = 0xff;
  if (inet_pton(AF_INET, zero_ended.c_str(), out + 12) == 1) return true;
  return inet_pton(AF_INET6, zero_ended.c_str(), out) == 1;
}

const Json* PlainFind(const Json& record, const weir::Field& field) {
  const Json* at = &record;
  for (const weir::Step& step : field.path) {
    const Json* next = nullptr;
    if (step.is_index && at->kind == Json::Kind::kArray && step.index < at->items.size()) next = &at->items[step.index];
    const auto key = std::find(at->keys.begin(), at->keys.end(), step.key);
    if (!step.is_index && key != at->keys.end()) next = &at->items[static_cast<size_t>(key - at->keys.begin())];
    if (next == nullptr) return nullptr;
    at = next;
  }
  return at;
}

uint32_t PlainDecide(const RuleSet& rules, const Json& record) {
  for (uint32_t i = 0; i < rules.rules.size(); i++) {
    if (Holds(rules, rules.rules[i].when, record)) return i;
  }
  return static_cast<uint32_t>(rules.rules.size());
}

PlainBatch PlainRead(const RuleSet& rules, const PlainRequest& request) {
  PlainBatch batch;
  const std::string_view input = request.input;
  bool continues = request.continues;
  for (size_t at = 0; at < input.size() || continues;) {
    const size_t feed = input.find('\n', at);
    const bool ended = feed != std::string_view::npos;
    const size_t next = ended ? feed + 1 : input.size();
    std::string_view content = input.substr(at, (ended ? feed : next) - at);
    if (!content.empty() && content.back() == '\r') content.remove_suffix(1);
    PlainRecord record{static_cast<uint32_t>(at), static_cast<uint32_t>(next)};
    record.lines_before = batch.lines;
    at = next;
    batch.lines += ended ? 1 : 0;
    if (std::exchange(continues, false)) continue;
    if ((!ended && request.open) || content.size() > request.max_record_bytes) {
      record.reason = Reason::kTooLong;
    } else if (content.find_first_not_of(" \t") == std::string_view::npos) {
      continue;
    } else {
      Json tree;
      record.reason = PlainParse(content, &tree);
      if (record.reason == Reason::kNone) {
        record.rule = static_cast<uint16_t>(PlainDecide(rules, tree));
        record.route = record.rule < rules.rules.size() ? rules.rules[record.rule].route : rules.default_route;
        if (rules.has_time_field && record.route != weir::kDropRoute) AddDelay(rules, tree, request.now_ms, &batch.delays);
      }
    }
    batch.records.push_back(record);
  }
  batch.gathered = PlainGather(rules, request, batch.records);
  return batch;
}

std::vector<std::string> PlainGather(const RuleSet& rules, const PlainRequest& request, const std::vector<PlainRecord>& records) {
  std::vector<std::string> out(rules.route_count);
  const std::string_view input = request.input;
  const auto add = [&](uint32_t route, size_t begin, size_t end) {
    std::string line(input.substr(begin, end - begin));
    if (!request.open && (line.empty() || line.back() != '\n')) line += '\n';
    out[route] += line;
  };
  if (request.continues) add(weir::kMalformedRoute, 0, std::min(input.find('\n'), input.size() - 1) + 1);
  for (const PlainRecord& record : records) add(record.route, record.begin, record.end);
  return out;
}

}  // namespace weir_test
