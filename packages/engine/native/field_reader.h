// The answers of predicates for the record at hand: finds a predicate's field when it is first asked for, turns its
// value into text, and remembers what it learned, within the record and, through the value caches, beyond it.
#pragma once

#include <optional>
#include <vector>

#include "arena.h"
#include "decision.h"
#include "delays.h"
#include "field_index.h"
#include "json_cursor.h"
#include "matcher.h"
#include "techniques.h"
#include "value_cache.h"

namespace weir {

// A field whose value was met in a record.
struct FieldRead {
  uint32_t field;
  const char* behind;  // where the value ends, or within it
};

class FieldReader {
 public:
  // The matcher is ready; it, the program and the decision outlive the reader.
  FieldReader(const Program& program, const Matcher& matcher, const Decision& decision, Techniques techniques, uint64_t seed);
  FieldReader(const FieldReader&) = delete;
  FieldReader& operator=(const FieldReader&) = delete;

  // Turns to the record [begin, end). `strict`: a value that is read must be one of JSON's, in valid UTF-8.
  void Start(const char* begin, const char* end, bool strict) {
    cursor_.Start(begin, end);
    begin_ = begin;
    strict_ = strict;
    bad_value_ = false;
    if (arena_.used() != 0) arena_.Reset();
    generation_++;
    asked_fields_ = 0;
    if (program_.original) StartOriginal();
  }

  // Whether a predicate holds for the record. When `malformed()` is true afterwards, the answer means nothing.
  bool Holds(uint32_t predicate) {
    const Place& place = places_[predicate];
    FieldState& field = *place.field;
    if (field.generation != generation_) Resolve(field);
    if (!field.has_text) return place.is_exists && field.present;
    if (place.is_exists) return true;
    uint64_t* known = field.answers + place.word;
    if ((*known & place.bit) == 0) Learn(predicate, place, field);
    return (known[field.words] & place.bit) != 0;
  }

  // What is known of the value that a field has in the record at hand: the alternatives that it strikes. Null where
  // nothing is kept, or was told before.
  const uint64_t* Struck(uint32_t number) {
    FieldState& field = fields_[number];
    if (field.generation == generation_) return nullptr;
    Resolve(field);
    return field.remembers ? field.struck() : nullptr;
  }

  // Remembers that the field's value strikes an alternative, and returns all that it strikes.
  const uint64_t* Strike(uint32_t number, uint32_t alternative) {
    if (!fields_[number].remembers) return nullptr;
    uint64_t* struck = fields_[number].struck();
    struck[alternative / 64] |= uint64_t{1} << (alternative % 64);
    return struck;
  }

  // What stands in the program's time field, which it has. When `malformed()` is true afterwards, it means nothing.
  TimeText Time();

  // The one field whose value was looked at in this record, and that value; kNone where it was none or more than one.
  uint32_t only_field() const { return asked_fields_ == 1 ? asked_field_ : Decision::kNone; }
  const Value* only_value() const { return fields_[asked_field_].value; }

  bool malformed() const { return cursor_.malformed() || bad_value_; }

  // In the dialect of the original (original_fields.cc): whether a value that was read may mean something else there.
  bool differs() const { return differs_; }
  // The same: which fields were met in this record, in the order in which they were asked for.
  const std::vector<FieldRead>& reads() const { return reads_; }

  // What the techniques did so far. `counts` has room for all; `fields` are the program's.
  void Report(TechniqueCounts* counts, std::vector<FieldCounts>* fields, uint64_t* cache_bytes) const;

  // What the value caches may take together.
  size_t most_cache_bytes() const;

  // What asking for a predicate costs, from the matcher's estimate and from how deep in the records its field stands.
  double Cost(uint32_t predicate) const;

 private:
  // A field of the program, and what is known of it in the record at hand. What every predicate asks for comes first.
  struct FieldState {
    uint64_t generation = 0;  // the record that this is about
    // Of its value: `words` words that say which predicates' answers are known, `words` with those that hold, then a bit
    // for each alternative that it strikes.
    uint64_t* answers = nullptr;
    uint32_t words = 0;
    bool present = false;  // not missing
    bool has_text = false;
    bool text_ready = false;
    bool decode_url = false;
    bool is_direct = false;  // the text is what stands in the record, and no cache is asked
    bool is_replaced = false;  // its key has U+FFFD, which to the original bytes that are no UTF-8 are too
    bool remembers = false;  // what values strike: pays where they repeat, or where one pass tells of many predicates
    uint32_t slot = 0;
    const Value* value = nullptr;
    Text text;
    std::optional<ValueCache> cache;
    std::optional<FieldIndex> index;
    std::vector<uint64_t> absent;     // answers for no value, a missing one among them
    std::vector<uint64_t> container;  // answers for a value that has no text
    std::vector<uint64_t> scratch;    // answers for a value that is not cached
    uint64_t found = 0;  // values met, and the sum of their positions in their records
    uint64_t positions = 0;
    uint64_t tested = 0;  // predicates that its index left to be tested

    uint64_t* struck() { return answers + 2 * words; }
  };

  // Where a predicate's answer stands.
  struct Place {
    FieldState* field;
    uint64_t bit;
    uint32_t word;
    uint32_t number;  // among the field's predicates
    bool is_exists;
  };

  void BuildIndexes(const Decision& decision, Techniques techniques);
  void StartOriginal();
  void ResolveOriginal(FieldState& field);
  void Resolve(FieldState& field);
  void ResolveText(FieldState& field);
  void TakeText(FieldState& field, std::string_view text);
  bool IsSound(const Value& value);
  void NoteTimeOriginal(const Value* value);
  void Learn(uint32_t predicate, const Place& place, FieldState& field);
  void Ask(FieldState& field);
  // The text before decoding; `*text` is untouched and false returned when an escape is malformed.
  bool PlainText(const Value& value, std::string_view* text);
  // Reads up to eight bytes from `text`, whatever its size.
  bool IsMissing(std::string_view text) const {
    if (text.size() > 8) return has_long_missing_ && IsLongMissing(text);
    // All are compared, since which of them a value is cannot be predicted.
    const uint64_t head = FieldTree::Keys::Head(text.data(), text.size());
    bool is_missing = false;
    for (const ShortText& missing : short_missing_) is_missing |= (missing.head == head) & (missing.size == text.size());
    return is_missing;
  }
  bool IsLongMissing(std::string_view text) const;

  struct ShortText {
    uint64_t head;
    size_t size;
  };

  const Program& program_;
  const Matcher& matcher_;
  FieldTree tree_;
  Cursor cursor_;
  std::vector<Place> places_;  // by predicate
  std::vector<FieldState> fields_;
  uint32_t struck_words_;  // bits for all alternatives
  Arena arena_;  // texts of this record
  std::vector<ShortText> short_missing_;  // missing texts of at most eight bytes
  bool has_long_missing_ = false;
  size_t most_short_missing_ = 0;  // bytes of the longest of them
  const char* begin_ = nullptr;
  uint64_t generation_ = 0;
  uint32_t asked_fields_ = 0;  // in this record, and the last of them
  uint32_t asked_field_ = 0;
  bool strict_ = false;
  bool bad_value_ = false;
  // In the dialect of the original, of this record.
  bool differs_ = false;
  std::vector<FieldRead> reads_;
};

}  // namespace weir
