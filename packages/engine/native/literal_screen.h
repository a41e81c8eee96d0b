// Many patterns and texts looked for in one field: one pass over a value tells which of them can be there at all. A
// pattern that RE2 finds required literals for is a candidate only if one of them occurs; RE2 then confirms. May name a
// candidate that does not match; never misses one that does. Of texts it says exactly which occur.
//
// A pattern may require several literals, and any of them would do. Which of them is rare, the first values tell: a
// literal that stands in most values rules nothing out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "program.h"
#include "techniques.h"

namespace re2 {
class RE2;
}

namespace weir {

class LiteralScreen {
 public:
  // `words`: 64-bit words of a bit set that is wide enough for all numbers that Add is given.
  LiteralScreen(uint32_t words, Use use)
      : use_(use), screened_(words, 0), texts_(words, 0), candidates_(words, 0), found_(words, 0) {}

  // Adds a pattern under a number. A pattern without literals long enough is left out and always a candidate.
  void Add(uint32_t number, const re2::RE2& pattern);
  // Adds texts under a number, of which one must occur; `fold`: without regard to case, and they are folded. Lists that
  // are long, or have short texts, are left out.
  void Add(uint32_t number, const SubstringsList& list, bool fold);
  // To be called once after the last Add.
  void Build();

  // Whether there is anything to look for.
  bool useful() const { return use_ != Use::kOff && !(requirements_.empty() && texts_sought_.empty()); }
  bool is_forced() const { return use_ == Use::kOn; }
  bool covers(uint32_t number) const { return (screened_[number / 64] >> (number % 64)) & 1; }

  // Marks in `known` (as many words as given) every pattern that cannot match `text`, and every number of texts. False,
  // with nothing marked, for text that is not ASCII: case folding would need more than bytes there. Reads up to 8
  // bytes behind the text.
  bool Exclude(std::string_view text, uint64_t* known);
  // Of the text that Exclude last returned true for: whether anything was found, which patterns may match it, and which
  // numbers of texts have one in it, by words of bits.
  bool has_hits() const { return has_hits_; }
  // Comparisons with literals so far.
  uint64_t probes() const { return probes_; }
  // How often literals were chosen by values.
  uint32_t learnings() const { return learnings_; }
  uint64_t candidates(uint32_t word) const { return candidates_[word]; }
  uint64_t found(uint32_t word) const { return found_[word]; }

 private:
  enum class Kind : uint8_t { kRequired, kText, kFoldedText };
  struct Literal {
    std::string text;  // lower case, but for a kText
    uint32_t number;
    Kind kind;
    uint32_t prefix = 0;  // index + 1 of the longest other one that it begins with, case aside; 0 where there is none
    uint64_t first = 0;  // its first eight bytes, folded, as far as `mask` goes
    uint64_t mask = 0;
  };
  using Literals = std::vector<std::string>;
  // A pattern, and sets of literals: of each, one must occur. One set is looked for.
  struct Requirement {
    uint32_t number;
    std::vector<Literals> choices;
    size_t chosen = 0;
  };
  static constexpr uint32_t kHeadBits = 14;

  // Letters of both cases alike, and some other bytes with them.
  static uint64_t Folded(uint64_t bytes) { return bytes | 0x2020202020202020u; }
  // A hash of a text's first bytes, which `bytes` begins with: three, or four where all literals have as many.
  uint32_t Hash(uint64_t bytes) const {
    return (static_cast<uint32_t>(Folded(bytes)) & (gram_bytes_ == 3 ? 0xffffffu : ~0u)) * 0x9e3779b1u;
  }
  void AddNumber(uint32_t number);
  void BuildTables();
  void Sample(std::string_view text);
  void Learn();
  void EndWindow();
  void AddHeads();
  void AddGram(Literal* literal);
  void AddNibbles();
  bool ExcludeByGrams(std::string_view text);
#if defined(__x86_64__) && defined(__GNUC__)
  bool ExcludeByNibbles(std::string_view text);
#endif
  // Marks the patterns of the literals that begin at position `at` of the text.
  void ProbeAt(std::string_view text, size_t at);
  uint32_t LastUpTo(std::string_view text, uint32_t first, uint32_t behind);
  void Mark(const Literal& literal, std::string_view text);

  Use use_;
  std::vector<uint64_t> screened_;
  std::vector<uint64_t> texts_;       // of these: numbers of texts
  std::vector<uint64_t> candidates_;  // of the text at hand
  std::vector<uint64_t> found_;       // the same
  std::vector<Requirement> requirements_;
  std::vector<Literal> texts_sought_;
  std::vector<Literal> literals_;  // what is looked for just now, by head, then by text, case aside
  bool has_choice_ = false;
  uint32_t samples_left_ = 0;
  uint32_t learnings_ = 0;
  uint32_t pause_ = 1;         // windows with candidates until literals are chosen anew,
  uint32_t windows_left_ = 0;  // and how many of them are still to come
  std::vector<std::string> samples_;  // lower case
  uint32_t window_ = 0;               // texts since the last decision whether to choose anew, and those with candidates
  uint32_t window_candidates_ = 0;
  uint32_t gram_bits_ = 14;
  uint32_t gram_bytes_ = 3;
  std::vector<uint64_t> grams_;    // bitmap over the upper bits of Hash
  std::vector<uint32_t> heads_;    // by fewer of them: where the literals begin that have them
  uint64_t probes_ = 0;            // literals that were compared, in all texts
  // For the first three bytes of literals: bit b of [byte][low or high][nibble] says that some literal of group b has a
  // byte with that nibble there. Sixteen bytes of tables that one vector instruction looks up.
  static constexpr uint32_t kGroups = 8;
  alignas(16) uint8_t nibbles_[3][2][16] = {};
  bool by_nibbles_ = false;
  bool has_hits_ = false;
};

}  // namespace weir
