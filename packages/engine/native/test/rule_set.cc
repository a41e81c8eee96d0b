// Writing blocks: the plan as JSON, then lists and fold table as words.

#include "rule_set.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "plain_reader.h"

namespace weir_test {
namespace {

using weir::Condition;
using weir::Op;

using Words = std::vector<uint32_t>;

constexpr uint32_t kMagic = 0x52494557;
constexpr uint32_t kFormat = 3;
constexpr uint32_t kHeaderWords = 16;
constexpr uint32_t kListWords = 8;
constexpr uint32_t kBucketBits = 4;

bool IsListed(Op op) { return op == Op::kSet || op == Op::kSubstrings || op == Op::kNetworks; }

std::string Bool(bool value) { return value ? "true" : "false"; }

std::string ListOf(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? "," : "") + Quoted(text);
  return out + "]";
}

std::vector<std::string> Folded(const TestPredicate& predicate) {
  std::vector<std::string> texts = predicate.texts;
  if (predicate.fold) {
    for (std::string& text : texts) text = PlainFold(text);
  }
  return texts;
}

std::string PlanOf(const weir::Field& field) {
  std::string path;
  for (const weir::Step& step : field.path) {
    path += (path.empty() ? "" : ",") + (step.is_index ? std::to_string(step.index) : Quoted(step.key));
  }
  return "{\"path\":[" + path + "],\"decode\":\"" + (field.decode_url ? "url" : "none") + "\"}";
}

std::string PlanOf(const TestPredicate& predicate, uint32_t list) {
  const std::string field = ",\"field\":" + std::to_string(predicate.field);
  const std::string fold = ",\"fold\":" + Bool(predicate.fold);
  const std::string listed = field + ",\"list\":" + std::to_string(list);
  switch (predicate.op) {
    case Op::kExists: return "{\"op\":\"exists\"" + field + "}";
    case Op::kRegex:
      return "{\"op\":\"regex\"" + field + ",\"pattern\":" + Quoted(predicate.pattern) + ",\"whole\":" + Bool(predicate.whole) + "}";
    case Op::kSet: return "{\"op\":\"set\"" + listed + fold + "}";
    case Op::kSubstrings: return "{\"op\":\"substrings\"" + listed + fold + "}";
    case Op::kNetworks: return "{\"op\":\"networks\"" + listed + "}";
    case Op::kPrefix:
    case Op::kSuffix:
      return std::string("{\"op\":\"") + (predicate.op == Op::kPrefix ? "prefix" : "suffix") + "\"" + field +
             ",\"texts\":" + ListOf(Folded(predicate)) + fold + "}";
    case Op::kCompare: break;
  }
  std::string bounds;
  const std::pair<const char*, const std::string*> all[] = {
      {"lt", &predicate.lt}, {"lte", &predicate.lte}, {"gt", &predicate.gt}, {"gte", &predicate.gte}};
  for (const auto& [name, text] : all) {
    if (!text->empty()) bounds += std::string(",\"") + name + "\":" + Quoted(*text);
  }
  return "{\"op\":\"compare\"" + field + bounds + "}";
}

std::string PlanOf(const Condition& condition) {
  if (condition.kind == Condition::Kind::kTest) return std::to_string(condition.predicate);
  const bool all = condition.kind == Condition::Kind::kAll;
  std::string out = all ? "[\"all\"" : condition.kind == Condition::Kind::kAny ? "[\"any\"" : "[\"not\"";
  for (const Condition& child : condition.children) out += "," + PlanOf(child);
  return out + "]";
}

// A block that grows; positions are in bytes.
struct Writer {
  Words words;
  uint32_t Append(const Words& more) {
    const auto at = static_cast<uint32_t>(words.size() * 4);
    words.insert(words.end(), more.begin(), more.end());
    return at;
  }
  uint32_t Append(std::string_view bytes) {
    Words packed((bytes.size() + 3) / 4, 0);
    if (!bytes.empty()) std::memcpy(packed.data(), bytes.data(), bytes.size());
    return Append(packed);
  }
};

Words Offsets(const std::vector<std::string>& texts, std::string* bytes) {
  Words offsets{0};
  for (const std::string& text : texts) {
    *bytes += text;
    offsets.push_back(static_cast<uint32_t>(bytes->size()));
  }
  return offsets;
}

std::array<uint32_t, kListWords> WriteSet(std::vector<std::string> texts, Writer* out) {
  std::sort(texts.begin(), texts.end(), [](const std::string& a, const std::string& b) {
    return std::pair(weir::HashText(a), std::string_view(a)) < std::pair(weir::HashText(b), std::string_view(b));
  });
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  std::string bytes;
  const Words offsets = Offsets(texts, &bytes);
  Words hashes;
  Words buckets((1u << kBucketBits) + 1, 0);
  for (const std::string& text : texts) {
    hashes.push_back(weir::HashText(text));
    buckets[(hashes.back() >> (32 - kBucketBits)) + 1]++;
  }
  for (size_t i = 1; i < buckets.size(); i++) buckets[i] += buckets[i - 1];
  const auto count = static_cast<uint32_t>(texts.size());
  const uint32_t hashes_at = out->Append(hashes);
  const uint32_t offsets_at = out->Append(offsets);
  const uint32_t bytes_at = out->Append(bytes);
  const uint32_t buckets_at = out->Append(buckets);
  return {1, count, hashes_at, offsets_at, bytes_at, buckets_at, kBucketBits, static_cast<uint32_t>(bytes.size())};
}

std::array<uint32_t, kListWords> WriteSubstrings(std::vector<std::string> texts, Writer* out) {
  std::sort(texts.begin(), texts.end(), [](std::string_view a, std::string_view b) { return a < b; });
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  std::string bytes;
  const Words offsets = Offsets(texts, &bytes);
  std::string pairs(8192, '\0');
  const auto mark = [&pairs](uint32_t first, uint32_t second) {
    const uint32_t pair = first | (second << 8);
    pairs[pair >> 3] = static_cast<char>(static_cast<uint8_t>(pairs[pair >> 3]) | (1u << (pair & 7)));
  };
  for (const std::string& text : texts) {
    if (text.size() >= 2) mark(static_cast<uint8_t>(text[0]), static_cast<uint8_t>(text[1]));
    for (uint32_t second = 0; text.size() == 1 && second < 256; second++) mark(static_cast<uint8_t>(text[0]), second);
  }
  const auto count = static_cast<uint32_t>(texts.size());
  const uint32_t offsets_at = out->Append(offsets);
  const uint32_t bytes_at = out->Append(bytes);
  return {2, count, offsets_at, bytes_at, out->Append(pairs), static_cast<uint32_t>(bytes.size()), 0, 0};
}

// Ranges of the networks of one family, ascending, as words most significant first.
Words Ranges(const std::vector<std::string>& networks, int family) {
  const size_t size = family == AF_INET ? 1 : 4;
  std::vector<std::pair<Words, Words>> ranges;
  for (const std::string& network : networks) {
    const size_t slash = network.find('/');
    uint8_t bytes[16];
    if (inet_pton(family, network.substr(0, slash).c_str(), bytes) != 1) continue;
    const auto bits = static_cast<size_t>(std::atoi(network.c_str() + slash + 1));
    Words low(size, 0);
    Words high(size, 0);
    for (size_t i = 0; i < size * 32; i++) {
      const uint32_t bit = i < bits ? (bytes[i / 8] >> (7 - i % 8)) & 1u : 0;
      low[i / 32] = (low[i / 32] << 1) | bit;
      high[i / 32] = (high[i / 32] << 1) | (i < bits ? bit : 1);
    }
    ranges.emplace_back(low, high);
  }
  std::sort(ranges.begin(), ranges.end());
  ranges.erase(std::unique(ranges.begin(), ranges.end()), ranges.end());
  Words out;
  for (const auto& [low, high] : ranges) {
    out.insert(out.end(), low.begin(), low.end());
    out.insert(out.end(), high.begin(), high.end());
  }
  return out;
}

std::array<uint32_t, kListWords> WriteList(const TestPredicate& predicate, Writer* out) {
  if (predicate.op == Op::kSet) return WriteSet(Folded(predicate), out);
  if (predicate.op == Op::kSubstrings) return WriteSubstrings(Folded(predicate), out);
  const Words v4 = Ranges(predicate.texts, AF_INET);
  const Words v6 = Ranges(predicate.texts, AF_INET6);
  const uint32_t v4_at = out->Append(v4);
  return {3, static_cast<uint32_t>(v4.size() / 2), v4_at, static_cast<uint32_t>(v6.size() / 8), out->Append(v6), 0, 0, 0};
}

}  // namespace

TestPredicate Predicate(weir::Op op, std::vector<std::string> texts, bool fold) {
  TestPredicate out;
  out.op = op;
  out.texts = std::move(texts);
  out.fold = fold;
  return out;
}

TestPredicate Regex(std::string pattern, bool whole) {
  TestPredicate out;
  out.op = weir::Op::kRegex;
  out.pattern = std::move(pattern);
  out.whole = whole;
  return out;
}

weir::Field Key(std::string key) { return {{{false, 0, std::move(key)}}, false}; }

Condition Test(uint32_t predicate) { return {Condition::Kind::kTest, predicate, {}}; }

Condition Group(Condition::Kind kind, std::vector<Condition> children) { return {kind, 0, std::move(children)}; }

const std::vector<std::pair<uint32_t, uint32_t>>& FoldPairs() {
  // The long s, the Kelvin sign and the two small sigmas fold to letters of other lengths or to each other's.
  static const std::vector<std::pair<uint32_t, uint32_t>> pairs = {
      {0xe9, 0xc9}, {0x17f, 'S'}, {0x3c2, 0x3a3}, {0x3c3, 0x3a3}, {0x212a, 'K'}, {0x10428, 0x10400}};
  return pairs;
}

std::string PlainFold(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const PlainPoint point = PlainPointAt(text, i);
    uint32_t folded = point.code_point >= 'a' && point.code_point <= 'z' ? point.code_point - 0x20 : point.code_point;
    for (const auto& [from, to] : FoldPairs()) folded = point.code_point == from ? to : folded;
    out += point.valid ? PlainUtf8(folded) : std::string(text.substr(i, point.size));
    i += point.size;
  }
  return out;
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(static_cast<uint8_t>(c)));
    if (static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\') {
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string PlanOf(const RuleSet& rules) {
  std::string fields;
  for (const weir::Field& field : rules.fields) fields += (fields.empty() ? "" : ",") + PlanOf(field);
  std::string predicates;
  uint32_t list = 0;
  for (const TestPredicate& predicate : rules.predicates) {
    predicates += (predicates.empty() ? "" : ",") + PlanOf(predicate, list);
    if (IsListed(predicate.op)) list++;
  }
  std::string conditions;
  for (const weir::Rule& rule : rules.rules) {
    conditions += conditions.empty() ? "" : ",";
    conditions += "{\"route\":" + std::to_string(rule.route) + ",\"when\":" + PlanOf(rule.when) + "}";
  }
  std::vector<std::string> routes = {"keep", "drop", "malformed"};
  while (routes.size() < rules.route_count) routes.push_back("route-" + std::to_string(routes.size()));
  const std::string dialect = rules.original ? "original" : "weir";
  const std::string time = rules.has_time_field ? ",\"timeField\":" + std::to_string(rules.time_field) : "";
  return "{\"dialect\":\"" + dialect + "\",\"missing\":" + ListOf(rules.missing) + ",\"fields\":[" + fields + "]" + time +
         ",\"predicates\":[" + predicates +
         "],\"rules\":[" + conditions + "],\"routes\":" + ListOf(routes) +
         ",\"defaultRoute\":" + std::to_string(rules.default_route) + "}";
}

Block WriteBlock(std::string_view plan, const RuleSet& rules) {
  Writer writer;
  writer.words.assign(kHeaderWords, 0);
  const uint32_t plan_at = writer.Append(plan);
  Words directory;
  for (const TestPredicate& predicate : rules.predicates) {
    if (!IsListed(predicate.op)) continue;
    const auto entry = WriteList(predicate, &writer);
    directory.insert(directory.end(), entry.begin(), entry.end());
  }
  Words folds;
  for (const auto& [from, to] : FoldPairs()) folds.insert(folds.end(), {from, to});
  const uint32_t lists_at = writer.Append(directory);
  const uint32_t fold_at = writer.Append(folds);
  const auto count = [](size_t words, size_t each) { return static_cast<uint32_t>(words / each); };
  const uint32_t header[] = {kMagic,     kFormat,  count(writer.words.size() * 4, 1),     plan_at,
                             count(plan.size(), 1), count(directory.size(), kListWords), lists_at, fold_at,
                             count(folds.size(), 2)};
  std::copy(std::begin(header), std::end(header), writer.words.begin());
  Block block{std::make_unique<uint32_t[]>(writer.words.size()), writer.words.size() * 4};
  std::memcpy(block.words.get(), writer.words.data(), block.size);
  return block;
}

Block WriteProgram(const RuleSet& rules) { return WriteBlock(PlanOf(rules), rules); }

}  // namespace weir_test
