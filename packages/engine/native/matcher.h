// Predicates on the text of a value, and how a value becomes text. Knows nothing of records or rules.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arena.h"
#include "network.h"
#include "program.h"
#include "word_list.h"

namespace re2 {
class RE2;
}

namespace weir {

// A value's text, with what was read out of it for one predicate and serves the others.
struct Text {
  enum class Reading : uint8_t { kNone, kFailed, kDone };

  Text() = default;
  explicit Text(std::string_view from) : bytes(from) {}

  // Forgets the text before.
  void Turn(std::string_view to) {
    bytes = to;
    number_reading = Reading::kNone;
    address_reading = Reading::kNone;
  }

  std::string_view bytes;
  Reading number_reading = Reading::kNone;
  Reading address_reading = Reading::kNone;
  Number number;
  Address address;
};

// A program's predicates, made ready. Patterns are compiled here; the program must outlive it. For one thread.
class Matcher {
 public:
  explicit Matcher(const Program& program);
  ~Matcher();

  // False when a pattern cannot be compiled; `*error` names it.
  bool Ready(std::string* error);

  // Whether the predicate holds for a text, which is valid UTF-8 in a well-formed record. Scratch memory comes from
  // `arena`.
  bool Holds(uint32_t predicate, Text* text, Arena* arena) const;

  // Reads the text as a number or an address, once. False when it is none.
  static bool ReadNumber(Text* text);
  static bool ReadAddress(Text* text);

  // The text with all that folds together written alike; never longer. Its memory is the arena's.
  std::string_view Fold(std::string_view text, Arena* arena) const;

  // Leaves the patterns where they are for good. To be called after an exception came out of Holds: RE2 knows none, and
  // a pattern that was interrupted can neither be asked again nor freed.
  void Abandon();

  // What one evaluation costs compared with the look-up of a value met before (1), roughly.
  double Cost(uint32_t predicate) const;

  // The compiled pattern of a predicate, or null when it has none.
  const re2::RE2* pattern(uint32_t predicate) const { return patterns_[predicate].get(); }
  // Bytes that automata of long lists of words take by now.
  size_t word_memory() const;

 private:
  bool HoldsFolded(uint32_t number, std::string_view text) const;

  const Program& program_;
  std::vector<std::unique_ptr<re2::RE2>> patterns_;  // by predicate; null where it is none
  std::vector<std::unique_ptr<WordList>> words_;     // the same: what looks for a long list of `contains`
};

// Decodes percent escapes and '+'. Broken escapes stay; bytes that are not UTF-8 become U+FFFD.
std::string_view DecodeUrl(std::string_view text, Arena* arena);

}  // namespace weir
