// The answers of predicates for the record at hand: finds a predicate's field when it is first asked for, turns its
// value into text, and remembers what it learned, within the record and, through the value caches, beyond it.
#pragma once

#include <optional>
#include <vector>

#include "arena.h"
#include "json_cursor.h"
#include "literal_screen.h"
#include "matcher.h"
#include "value_cache.h"

namespace weir {

class FieldReader {
 public:
  // The matcher is ready; it and the program outlive the reader.
  FieldReader(const Program& program, const Matcher& matcher, uint64_t seed);
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
  }

  // Whether a predicate holds for the record. When `malformed()` is true afterwards, the answer means nothing.
  bool Holds(uint32_t predicate) {
    const Place& place = places_[predicate];
    FieldState& field = *place.field;
    if (field.generation != generation_) Resolve(field);
    if (!field.has_text) return place.is_exists && field.present;
    if (place.is_exists) return true;
    uint64_t* known = field.known + place.word;
    if ((*known & place.bit) == 0) Learn(predicate, place, field);
    return (known[field.words] & place.bit) != 0;
  }

  bool malformed() const { return cursor_.malformed() || bad_value_; }

  // What asking for a predicate costs, from the matcher's estimate and from how deep in the records its field stands.
  double Cost(uint32_t predicate) const;

 private:
  // A field of the program, and what is known of it in the record at hand. What every predicate asks for comes first.
  struct FieldState {
    uint64_t generation = 0;  // the record that this is about
    uint64_t* known = nullptr;  // `words` words of known, then `words` of holds
    uint32_t words = 0;
    bool present = false;  // not missing
    bool has_text = false;
    bool text_ready = false;
    bool screened = false;
    bool decode_url = false;
    uint32_t slot = 0;
    Value value;
    Text text;
    std::optional<ValueCache> cache;
    std::optional<LiteralScreen> screen;
    std::vector<uint64_t> scratch;  // answers for a value that is not cached
    uint64_t found = 0;  // values met, and the sum of their positions in their records
    uint64_t positions = 0;
  };

  // Where a predicate's answer stands.
  struct Place {
    FieldState* field;
    uint64_t bit;
    uint32_t word;
    uint32_t number;  // among the field's predicates
    bool is_exists;
  };

  void BuildScreens();
  void Resolve(FieldState& field);
  void ResolveText(FieldState& field);
  bool IsSound(const Value& value);
  void Learn(uint32_t predicate, const Place& place, FieldState& field);
  // The text before decoding; `*text` is untouched and false returned when an escape is malformed.
  bool PlainText(const Value& value, std::string_view* text);
  bool IsMissing(std::string_view text) const;

  const Program& program_;
  const Matcher& matcher_;
  FieldTree tree_;
  Cursor cursor_;
  std::vector<Place> places_;  // by predicate
  std::vector<FieldState> fields_;
  Arena arena_;  // texts of this record
  uint64_t missing_sizes_ = 0;  // bit min(size, 63) is set when a missing text has that size
  const char* begin_ = nullptr;
  uint64_t generation_ = 0;
  bool strict_ = false;
  bool bad_value_ = false;
};

}  // namespace weir
