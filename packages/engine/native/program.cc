// Reading a program's block. Every number that comes out of it is checked before it is used, so that a damaged block
// is an error and never a wild read.

#include "program.h"

#include <cstring>
#include <limits>

#include "slab.h"
#include "simdjson.h"

namespace weir {
namespace {

using simdjson::dom::element;

constexpr uint32_t kMagic = 0x52494557;
constexpr uint32_t kProgramFormat = 3;
constexpr uint32_t kHeaderBytes = 64;
constexpr uint32_t kListWords = 8;
constexpr int kMaxConditionDepth = 1000;

enum HeaderWord { kMagicWord, kFormatWord, kTotalBytes, kPlanAt, kPlanBytes, kListCount, kListsAt, kFoldAt, kFoldCount };

// The block, with reads that cannot leave it.
class Block {
 public:
  Block(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool Has(uint64_t at, uint64_t bytes) const { return at <= size_ && bytes <= size_ - at; }
  // `count` words at byte `at`, or null.
  const uint32_t* Words(uint64_t at, uint64_t count) const {
    if (at % 4 != 0 || !Has(at, count * 4)) return nullptr;
    return reinterpret_cast<const uint32_t*>(data_ + at);
  }
  const char* Bytes(uint64_t at, uint64_t count) const {
    return Has(at, count) ? reinterpret_cast<const char*>(data_ + at) : nullptr;
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

bool OffsetsAscend(const uint32_t* offsets, uint32_t count, uint32_t byte_length) {
  for (uint32_t i = 0; i < count; i++) {
    if (offsets[i] > offsets[i + 1]) return false;
  }
  return offsets[count] <= byte_length;
}

bool ReadSet(const Block& block, const uint32_t* w, SetList* out) {
  out->count = w[1];
  out->bucket_bits = w[6];
  if (out->bucket_bits < 1 || out->bucket_bits > 24) return false;
  const uint64_t buckets = (uint64_t{1} << out->bucket_bits) + 1;
  out->hashes = block.Words(w[2], out->count);
  out->offsets = block.Words(w[3], uint64_t{out->count} + 1);
  out->bytes = block.Bytes(w[4], w[7]);
  out->buckets = block.Words(w[5], buckets);
  if (!out->hashes || !out->offsets || !out->bytes || !out->buckets) return false;
  for (uint64_t i = 0; i + 1 < buckets; i++) {
    if (out->buckets[i] > out->buckets[i + 1]) return false;
  }
  return out->buckets[buckets - 1] <= out->count && OffsetsAscend(out->offsets, out->count, w[7]);
}

bool ReadSubstrings(const Block& block, const uint32_t* w, SubstringsList* out) {
  out->count = w[1];
  out->offsets = block.Words(w[2], uint64_t{out->count} + 1);
  out->bytes = block.Bytes(w[3], w[5]);
  out->pairs = reinterpret_cast<const uint8_t*>(block.Bytes(w[4], 8192));
  return out->offsets && out->bytes && out->pairs && OffsetsAscend(out->offsets, out->count, w[5]);
}

bool ReadNetworks(const Block& block, const uint32_t* w, NetworksList* out) {
  out->v4_count = w[1];
  out->v4 = block.Words(w[2], uint64_t{out->v4_count} * 2);
  out->v6_count = w[3];
  out->v6 = block.Words(w[4], uint64_t{out->v6_count} * 8);
  return out->v4 && out->v6;
}

bool ReadList(const Block& block, const uint32_t* words, List* out) {
  out->kind = words[0];
  switch (out->kind) {
    case 1: return ReadSet(block, words, &out->set);
    case 2: return ReadSubstrings(block, words, &out->substrings);
    case 3: return ReadNetworks(block, words, &out->networks);
    default: return false;
  }
}

// Folded text takes the place that its text has, so no code point may fold to a greater one.
bool FoldsDown(const FoldTable& fold) {
  for (uint32_t i = 0; i < fold.count; i++) {
    if (fold.pairs[2 * i + 1] > fold.pairs[2 * i]) return false;
  }
  return true;
}

bool Text(element parent, const char* key, std::string* out) {
  std::string_view view;
  if (parent[key].get_string().get(view)) return false;
  out->assign(view);
  return true;
}

bool Index(element parent, const char* key, uint64_t below, uint32_t* out) {
  uint64_t value;
  if (parent[key].get_uint64().get(value) || value >= below) return false;
  *out = static_cast<uint32_t>(value);
  return true;
}

bool Flag(element parent, const char* key, bool* out) { return parent[key].get_bool().get(*out) == simdjson::SUCCESS; }

bool Texts(element parent, const char* key, std::vector<std::string>* out) {
  simdjson::dom::array items;
  if (parent[key].get_array().get(items)) return false;
  for (element item : items) {
    std::string_view view;
    if (item.get_string().get(view)) return false;
    out->emplace_back(view);
  }
  return true;
}

bool Bound(element parent, const char* key, Number* out) {
  std::string_view view;
  if (parent[key].get_string().get(view)) return true;  // no such bound
  // The parser's strings lie in a buffer with room behind them, but that is not promised.
  std::string padded(view);
  padded.append(8, '\0');
  return ParseNumber({padded.data(), view.size()}, out);
}

bool ReadField(element item, Field* out) {
  simdjson::dom::array steps;
  std::string_view decode;
  if (item["path"].get_array().get(steps) || item["decode"].get_string().get(decode)) return false;
  for (element step : steps) {
    Step& next = out->path.emplace_back();
    std::string_view key;
    uint64_t index;
    if (!step.get_string().get(key)) {
      next.key.assign(key);
    } else if (!step.get_uint64().get(index) && index <= std::numeric_limits<uint32_t>::max()) {
      next.is_index = true;
      next.index = static_cast<uint32_t>(index);
    } else {
      return false;
    }
  }
  out->decode_url = decode == "url";
  return !out->path.empty() && !out->path[0].is_index;
}

bool ReadListed(element item, const Program& program, Op op, uint32_t kind, Predicate* out) {
  out->op = op;
  return Index(item, "list", program.lists.size(), &out->list) && program.lists[out->list].kind == kind;
}

bool ReadPredicate(element item, const Program& program, Predicate* out) {
  std::string op;
  if (!Text(item, "op", &op) || !Index(item, "field", program.fields.size(), &out->field)) return false;
  if (op == "exists") return true;
  if (op == "regex") {
    out->op = Op::kRegex;
    return Text(item, "pattern", &out->pattern) && Flag(item, "whole", &out->whole);
  }
  if (op == "set") return Flag(item, "fold", &out->fold) && ReadListed(item, program, Op::kSet, 1, out);
  if (op == "substrings") return Flag(item, "fold", &out->fold) && ReadListed(item, program, Op::kSubstrings, 2, out);
  if (op == "networks") return ReadListed(item, program, Op::kNetworks, 3, out);
  if (op == "prefix" || op == "suffix") {
    out->op = op == "prefix" ? Op::kPrefix : Op::kSuffix;
    return Flag(item, "fold", &out->fold) && Texts(item, "texts", &out->texts);
  }
  if (op == "compare") {
    out->op = Op::kCompare;
    return Bound(item, "lt", &out->lt) && Bound(item, "lte", &out->lte) && Bound(item, "gt", &out->gt) &&
           Bound(item, "gte", &out->gte);
  }
  return false;
}

bool ReadCondition(element item, size_t predicates, int depth, Condition* out) {
  uint64_t predicate;
  if (!item.get_uint64().get(predicate)) {
    out->predicate = static_cast<uint32_t>(predicate);
    return predicate < predicates;
  }
  simdjson::dom::array parts;
  if (depth > kMaxConditionDepth || item.get_array().get(parts)) return false;
  bool first = true;
  for (element part : parts) {
    if (!first) {
      if (!ReadCondition(part, predicates, depth + 1, &out->children.emplace_back())) return false;
      continue;
    }
    first = false;
    std::string_view word;
    if (part.get_string().get(word)) return false;
    if (word == "all") {
      out->kind = Condition::Kind::kAll;
    } else if (word == "any") {
      out->kind = Condition::Kind::kAny;
    } else if (word == "not") {
      out->kind = Condition::Kind::kNot;
    } else {
      return false;
    }
  }
  return out->kind == Condition::Kind::kNot ? out->children.size() == 1 : !out->children.empty();
}

// In this dialect paths are keys, and all tests are patterns.
bool IsOriginal(const Program& program) {
  for (const Field& field : program.fields) {
    for (const Step& step : field.path) {
      if (step.is_index) return false;
    }
  }
  for (const Predicate& predicate : program.predicates) {
    if (predicate.op != Op::kRegex) return false;
  }
  return program.missing.empty();
}

bool ReadPlan(element plan, Program* out) {
  simdjson::dom::array items;
  std::string dialect;
  if (!Text(plan, "dialect", &dialect) || (dialect != "weir" && dialect != "original")) return false;
  out->original = dialect == "original";
  if (!Texts(plan, "missing", &out->missing)) return false;
  if (plan["fields"].get_array().get(items)) return false;
  for (element item : items) {
    if (!ReadField(item, &out->fields.emplace_back())) return false;
  }
  out->has_time_field = plan["timeField"].error() == simdjson::SUCCESS;
  if (out->has_time_field && (!Index(plan, "timeField", out->fields.size(), &out->time_field) ||
                              out->fields[out->time_field].decode_url)) {
    return false;
  }
  if (plan["predicates"].get_array().get(items)) return false;
  for (element item : items) {
    if (!ReadPredicate(item, *out, &out->predicates.emplace_back())) return false;
  }
  std::vector<std::string> routes;
  if (!Texts(plan, "routes", &routes) || routes.size() < 3 || routes.size() > 256) return false;
  out->route_count = static_cast<uint32_t>(routes.size());
  if (plan["rules"].get_array().get(items)) return false;
  for (element item : items) {
    Rule& rule = out->rules.emplace_back();
    uint32_t route;
    element when;
    if (!Index(item, "route", out->route_count, &route) || item["when"].get(when)) return false;
    rule.route = static_cast<uint8_t>(route);
    if (!ReadCondition(when, out->predicates.size(), 0, &rule.when)) return false;
  }
  uint32_t default_route;
  if (!Index(plan, "defaultRoute", out->route_count, &default_route)) return false;
  out->default_route = static_cast<uint8_t>(default_route);
  return out->rules.size() < kNoRule && (!out->original || IsOriginal(*out));
}

}  // namespace

std::unique_ptr<Program> Program::Read(const uint8_t* data, size_t size, std::string* error) {
  const Block block(data, size);
  const uint32_t* header = block.Words(0, kHeaderBytes / 4);
  const bool is_aligned = reinterpret_cast<uintptr_t>(data) % 4 == 0;
  if (!is_aligned || !header || header[kMagicWord] != kMagic || header[kFormatWord] != kProgramFormat) {
    *error = "the block is not a program of this version";
    return nullptr;
  }
  *error = "the program's block is damaged";
  auto program = std::make_unique<Program>();
  const uint32_t* entries = block.Words(header[kListsAt], uint64_t{header[kListCount]} * kListWords);
  if (!entries) return nullptr;
  for (uint32_t i = 0; i < header[kListCount]; i++) {
    if (!ReadList(block, entries + i * kListWords, &program->lists.emplace_back())) return nullptr;
  }
  program->fold.count = header[kFoldCount];
  program->fold.pairs = block.Words(header[kFoldAt], uint64_t{header[kFoldCount]} * 2);
  const char* plan = block.Bytes(header[kPlanAt], header[kPlanBytes]);
  if (!program->fold.pairs || !plan || !FoldsDown(program->fold)) return nullptr;
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(plan, header[kPlanBytes], /*realloc_if_needed=*/true).get(root)) return nullptr;
  if (!ReadPlan(root, program.get())) return nullptr;
  error->clear();
  return program;
}

}  // namespace weir
