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

constexpr uint32_t kFewWords = 4;

// Room for kFewWords is there in any case: a few stores cost less than a call.
void Zero(uint64_t* words, uint32_t count) {
  for (uint32_t i = 0; i < kFewWords; i++) words[i] = 0;
  if (count > kFewWords) std::fill(words + kFewWords, words + count, 0);
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

}  // namespace

FieldReader::FieldReader(const Program& program, const Matcher& matcher, const Decision& decision, Techniques techniques,
                         uint64_t seed)
    : program_(program),
      matcher_(matcher),
      tree_(program.fields),
      cursor_(tree_, techniques, seed),
      places_(program.predicates.size()),
      fields_(program.fields.size()),
      struck_words_((decision.alternative_count() + 63) / 64) {
  for (const std::string& missing : program.missing) {
    std::string padded = missing;
    padded.append(8, '\0');
    has_long_missing_ |= missing.size() > 8;
    if (missing.size() > 8) continue;
    short_missing_.push_back({FieldTree::Keys::Head(padded.data(), missing.size()), missing.size()});
    most_short_missing_ = std::max(most_short_missing_, missing.size());
  }
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
    field.is_replaced = program.fields[i].path.back().key.find("\xef\xbf\xbd") != std::string::npos;
    field.words = std::max<uint32_t>(1, (counts[i] + 63) / 64);
    const uint32_t answer_words = 2 * field.words + struck_words_;
    field.absent.resize(answer_words);
    field.container.resize(answer_words);
    field.scratch.resize(std::max<uint32_t>(answer_words, kFewWords));
    field.answers = field.absent.data();
    if (field.decode_url) costs[i] += 5;
    const Use use = techniques[Technique::kValueCache];
    if (use == Use::kOn || (use == Use::kAdaptive && costs[i] >= kCacheWorth)) {
      field.cache.emplace(answer_words, cache_bytes, seed + i, use);
    }
  }
  BuildIndexes(decision, techniques);
}

void FieldReader::BuildIndexes(const Decision& decision, Techniques techniques) {
  for (FieldState& field : fields_) field.index.emplace(program_, matcher_, field.words, struck_words_);
  for (uint32_t i = 0; i < places_.size(); i++) {
    places_[i].field->index->Add(i, places_[i].number, techniques[Technique::kLiterals]);
  }
  decision.EachStriking([this](uint32_t predicate, uint32_t alternative, bool negated) {
    places_[predicate].field->index->Strikes(places_[predicate].number, alternative, negated);
  });
  for (FieldState& field : fields_) {
    field.index->Build(techniques[Technique::kFieldIndex]);
    field.index->AskMissing(field.absent.data() + 2 * field.words);
    field.index->AskContainer(field.container.data() + 2 * field.words);
    if (techniques[Technique::kFieldIndex] == Use::kOff || !field.index->useful()) field.index.reset();
    field.is_direct = !field.cache.has_value() && !field.decode_url;
    field.remembers = field.cache.has_value() || field.index.has_value();
  }
}

double FieldReader::Cost(uint32_t predicate) const {
  const FieldState& field = *places_[predicate].field;
  const double position =
      field.found == 0 ? kUnknownPosition : static_cast<double>(field.positions) / static_cast<double>(field.found);
  return matcher_.Cost(predicate) + position * kByteCost;
}

size_t FieldReader::most_cache_bytes() const {
  size_t bytes = 0;
  for (const FieldState& field : fields_) bytes += field.cache.has_value() ? field.cache->max_bytes() : 0;
  return bytes;
}

void FieldReader::Report(TechniqueCounts* counts, std::vector<FieldCounts>* fields, uint64_t* cache_bytes) const {
  const auto of = [counts](Technique technique) -> TechniqueCounts& { return counts[static_cast<size_t>(technique)]; };
  of(Technique::kKeyOrder) = cursor_.key_order();
  for (const FieldState& field : fields_) {
    FieldCounts& mine = fields->emplace_back();
    mine.values = field.found;
    if (field.index.has_value()) {
      mine.screened = field.index->screened();
      mine.candidates = field.index->candidates();
      of(Technique::kLiterals).used += mine.screened;
      of(Technique::kLiterals).fell_back += field.index->unscreened();
      of(Technique::kFieldIndex).used += field.index->asked();
      of(Technique::kFieldIndex).fell_back += field.tested;
    }
    if (!field.cache.has_value()) continue;
    mine.looked_up = field.cache->all_lookups();
    mine.known = field.cache->all_hits();
    of(Technique::kValueCache).used += mine.known;
    of(Technique::kValueCache).fell_back += field.found - mine.known;
    *cache_bytes += field.cache->memory();
  }
}

void FieldReader::Resolve(FieldState& field) {
  if (program_.original) return ResolveOriginal(field);
  field.generation = generation_;
  field.present = false;
  field.has_text = false;
  field.answers = field.absent.data();
  asked_fields_++;
  asked_field_ = static_cast<uint32_t>(&field - fields_.data());
  const Value* value = cursor_.Find(field.slot);
  field.value = value;
  if (value == nullptr || value->kind == Value::Kind::kNull || cursor_.malformed()) return;
  if (value->kind == Value::Kind::kContainer) {
    field.present = true;
    field.answers = field.container.data();
    return;
  }
  field.found++;
  field.positions += static_cast<uint64_t>(value->data - begin_);
  if (field.is_direct && !strict_ && value->kind != Value::Kind::kEscapedString) {
    const std::string_view text(value->data, value->size);
    if (!IsMissing(text)) TakeText(field, text);
    return;
  }
  ResolveText(field);
}

// The field has this text, of which nothing is known yet.
inline void FieldReader::TakeText(FieldState& field, std::string_view text) {
  field.present = true;
  field.has_text = true;
  field.text.Turn(text);
  field.text_ready = true;
  Zero(field.scratch.data(), 2 * field.words + (field.remembers ? struck_words_ : 0));
  field.answers = field.scratch.data();
  if (field.index.has_value()) Ask(field);
}

void FieldReader::ResolveText(FieldState& field) {
  const std::string_view raw(field.value->data, field.value->size);
  if (strict_ && !IsSound(*field.value)) {
    bad_value_ = true;
    return;
  }
  field.text_ready = false;
  // Short texts are compared quicker than looked up, and missing ones are common.
  if (raw.size() <= most_short_missing_ && field.value->kind != Value::Kind::kEscapedString && IsMissing(raw)) return;
  const bool cached = field.cache.has_value() && field.cache->on() && raw.size() <= ValueCache::kMaxValueBytes;
  if (cached) {
    if (KnownValue* value = field.cache->Find(raw)) {
      field.answers = value->words();
      field.present = !value->missing;
      field.has_text = field.present;
      return;
    }
  } else if (field.cache.has_value() && !field.cache->on()) {
    field.cache->Skipped();
  }
  std::string_view text;
  if (!PlainText(*field.value, &text)) {
    bad_value_ = true;
    return;
  }
  const bool missing = IsMissing(text);
  field.present = !missing;
  field.has_text = !missing;
  if (!field.decode_url) {
    field.text.Turn(text);
    field.text_ready = true;
  }
  KnownValue* kept = cached ? field.cache->Add(raw, missing) : nullptr;
  if (kept != nullptr) {
    field.answers = kept->words();
    if (missing) std::copy_n(field.absent.data() + 2 * field.words, struck_words_, field.struck());
  } else if (!missing) {
    Zero(field.scratch.data(), 2 * field.words + (field.remembers ? struck_words_ : 0));
    field.answers = field.scratch.data();
  }
  if (field.index.has_value() && !missing) {
    if (!field.text_ready) {
      field.text.Turn(DecodeUrl(text, &arena_));
      field.text_ready = true;
    }
    Ask(field);
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
    if (!PlainText(*field.value, &text)) {
      bad_value_ = true;
      return;
    }
    field.text.Turn(field.decode_url ? DecodeUrl(text, &arena_) : text);
    field.text_ready = true;
  }
  uint64_t* known = field.answers + place.word;
  field.tested++;
  if (field.index.has_value()) field.index->Tested(place.number);
  *known |= place.bit;
  if (matcher_.Holds(predicate, &field.text, &arena_)) known[field.words] |= place.bit;
}

// Answers what the field's index knows of the value.
void FieldReader::Ask(FieldState& field) {
  field.index->Ask(&field.text, &arena_, field.answers, field.answers + field.words, field.struck());
}

// The same walk over the keys as the predicates' fields, and the same first value of equal keys; no cache, since what is
// wanted is the text itself.
TimeText FieldReader::Time() {
  const Value* value = cursor_.Find(tree_.slot_of_field(program_.time_field));
  if (cursor_.malformed()) return {};
  if (program_.original) NoteTimeOriginal(value);
  if (value == nullptr || value->kind == Value::Kind::kNull) return {};
  if (value->kind == Value::Kind::kContainer) return {TimeText::Kind::kContainer, {}};
  std::string_view text;
  if ((strict_ && !IsSound(*value)) || !PlainText(*value, &text)) {
    bad_value_ = true;
    return {};
  }
  return IsMissing(text) ? TimeText{} : TimeText{TimeText::Kind::kText, text};
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

bool FieldReader::IsLongMissing(std::string_view text) const {
  for (const std::string& missing : program_.missing) {
    if (missing == text) return true;
  }
  return false;
}

}  // namespace weir
