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

  // Turns to the record [begin, end). `strict`: a value that is read must be valid UTF-8 without control characters.
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
    const Place place = places_[predicate];
    FieldState& field = fields_[place.field];
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
  // Where a predicate's answer stands.
  struct Place {
    uint32_t field;
    uint32_t number;  // among the field's predicates
    uint32_t word;
    uint64_t bit;
    bool is_exists;
  };

  struct FieldState {
    uint32_t slot = 0;
    uint32_t words = 0;  // of answers
    bool decode_url = false;
    std::optional<ValueCache> cache;
    std::vector<uint64_t> scratch;  // answers for a value that is not cached
    std::optional<LiteralScreen> screen;

    uint64_t generation = 0;  // the record that what follows is about
    bool present = false;     // not missing
    bool has_text = false;
    bool text_ready = false;
    bool screened = false;
    uint64_t* known = nullptr;  // `words` words of known, then `words` of holds
    Value value;
    Text text;

    uint64_t found = 0;  // values met, and the sum of their positions in their records
    uint64_t positions = 0;
  };

  void BuildScreens();
  void Resolve(FieldState& field);
  void ResolveText(FieldState& field);
  void Learn(uint32_t predicate, Place place, FieldState& field);
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
  const char* begin_ = nullptr;
  uint64_t generation_ = 0;
  bool strict_ = false;
  bool bad_value_ = false;
};

}  // namespace weir
