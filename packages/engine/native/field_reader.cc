// From a value's bytes to the answers of its predicates.

#include "field_reader.h"

#include <algorithm>

#include "simdjson.h"

namespace weir {
namespace {

// Predicates cheaper than a look-up together are not worth a cache.
constexpr double kCacheWorth = 2.5;
// All value caches of a worker together stay about below this.
constexpr size_t kCacheMemory = 8 << 20;
constexpr size_t kMostCacheMemory = 1 << 20;
// Reading a byte of a record, in the matcher's unit of cost.
constexpr double kByteCost = 0.05;
// Where a field is thought to stand before it was ever seen.
constexpr double kUnknownPosition = 512;

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

}  // namespace

FieldReader::FieldReader(const Program& program, const Matcher& matcher, uint64_t seed)
    : program_(program),
      matcher_(matcher),
      tree_(program.fields),
      cursor_(tree_),
      places_(program.predicates.size()),
      fields_(program.fields.size()) {
  for (const std::string& missing : program.missing) missing_sizes_ |= uint64_t{1} << std::min<size_t>(missing.size(), 63);
  std::vector<uint32_t> counts(fields_.size(), 0);
  std::vector<double> costs(fields_.size(), 0);
  for (uint32_t i = 0; i < places_.size(); i++) {
    const Predicate& predicate = program.predicates[i];
    const uint32_t number = counts[predicate.field]++;
    places_[i] = {&fields_[predicate.field], uint64_t{1} << (number % 64), number / 64, number, predicate.op == Op::kExists};
    costs[predicate.field] += matcher.Cost(i);
  }
  const size_t cache_bytes = std::min(kMostCacheMemory, kCacheMemory / std::max<size_t>(fields_.size(), 1));
  for (size_t i = 0; i < fields_.size(); i++) {
    FieldState& field = fields_[i];
    field.slot = tree_.slot_of_field(i);
    field.decode_url = program.fields[i].decode_url;
    field.words = std::max<uint32_t>(1, (counts[i] + 63) / 64);
    field.scratch.resize(2 * field.words);
    if (field.decode_url) costs[i] += 5;
    if (costs[i] >= kCacheWorth) field.cache.emplace(field.words, cache_bytes, seed + i);
  }
  BuildScreens();
}

void FieldReader::BuildScreens() {
  for (FieldState& field : fields_) field.screen.emplace(field.words);
  for (uint32_t i = 0; i < places_.size(); i++) {
    const Predicate& predicate = program_.predicates[i];
    LiteralScreen& screen = *places_[i].field->screen;
    if (predicate.op == Op::kRegex) screen.Add(places_[i].number, *matcher_.pattern(i));
    if (predicate.op == Op::kSubstrings) screen.Add(places_[i].number, program_.lists[predicate.list].substrings);
  }
  for (FieldState& field : fields_) {
    field.screen->Build();
    if (!field.screen->useful()) field.screen.reset();
  }
}

double FieldReader::Cost(uint32_t predicate) const {
  const FieldState& field = *places_[predicate].field;
  const double position =
      field.found == 0 ? kUnknownPosition : static_cast<double>(field.positions) / static_cast<double>(field.found);
  return matcher_.Cost(predicate) + position * kByteCost;
}

void FieldReader::Resolve(FieldState& field) {
  field.generation = generation_;
  field.present = false;
  field.has_text = false;
  const Value* value = cursor_.Find(field.slot);
  if (value == nullptr || value->kind == Value::Kind::kNull || cursor_.malformed()) return;
  if (value->kind == Value::Kind::kContainer) {
    field.present = true;
    return;
  }
  field.value = *value;
  field.found++;
  field.positions += static_cast<uint64_t>(value->data - begin_);
  ResolveText(field);
}

void FieldReader::ResolveText(FieldState& field) {
  const std::string_view raw(field.value.data, field.value.size);
  if (strict_ && !IsSound(field.value)) {
    bad_value_ = true;
    return;
  }
  field.text_ready = false;
  field.screened = false;
  const bool cached = field.cache.has_value() && field.cache->on() && raw.size() <= ValueCache::kMaxValueBytes;
  if (cached) {
    if (const Answers* answers = field.cache->Find(raw)) {
      field.known = answers->known;
      field.present = !answers->missing;
      field.has_text = field.present;
      return;
    }
  } else if (field.cache.has_value() && !field.cache->on()) {
    field.cache->Skipped();
  }
  std::string_view text;
  if (!PlainText(field.value, &text)) {
    bad_value_ = true;
    return;
  }
  const bool missing = IsMissing(text);
  field.present = !missing;
  field.has_text = !missing;
  if (!field.decode_url) {
    field.text = Text(text);
    field.text_ready = true;
  }
  if (cached) {
    field.known = field.cache->Add(raw, missing)->known;
  } else {
    for (uint64_t& word : field.scratch) word = 0;
    field.known = field.scratch.data();
  }
}

// Whether a value that is read is one of JSON's. Under the other modes the validator finds out.
bool FieldReader::IsSound(const Value& value) {
  const std::string_view raw(value.data, value.size);
  if (value.kind == Value::Kind::kScalar) return IsScalar(raw);
  std::string_view text;
  return !HasControl(raw) && simdjson::validate_utf8(raw.data(), raw.size()) && PlainText(value, &text);
}

void FieldReader::Learn(uint32_t predicate, const Place& place, FieldState& field) {
  if (!field.text_ready) {
    std::string_view text;
    if (!PlainText(field.value, &text)) {
      bad_value_ = true;
      return;
    }
    field.text = Text(field.decode_url ? DecodeUrl(text, &arena_) : text);
    field.text_ready = true;
  }
  uint64_t* known = field.known + place.word;
  if (field.screen.has_value() && !field.screened && field.screen->covers(place.number)) {
    field.screened = true;
    field.screen->Exclude(field.text.bytes, field.known);
    if ((*known & place.bit) != 0) return;
  }
  *known |= place.bit;
  if (matcher_.Holds(predicate, &field.text, &arena_)) known[field.words] |= place.bit;
}

bool FieldReader::PlainText(const Value& value, std::string_view* text) {
  *text = {value.data, value.size};
  if (value.kind != Value::Kind::kEscapedString) return true;
  char* out = arena_.Allocate(value.size);
  const ptrdiff_t written = Unescape(*text, out);
  if (written < 0) return false;
  *text = {out, static_cast<size_t>(written)};
  return true;
}

bool FieldReader::IsMissing(std::string_view text) const {
  if (((missing_sizes_ >> std::min<size_t>(text.size(), 63)) & 1) == 0) return false;
  for (const std::string& missing : program_.missing) {
    if (missing == text) return true;
  }
  return false;
}

}  // namespace weir
