// All predicates of one field, asked at once: instead of one test after the other, the value is looked up in what all of
// them say together, and the answer is which of them hold and which alternatives of the rules are struck by that. So a
// value costs about the same under ten rules as under a thousand (benchmark cases generated-10 to generated-1000).
//
// Texts lie in one hash table, prefixes and suffixes in tries, bounds of numbers and networks on one axis each, and
// literals that patterns require in the screen. What fits none of these stays unknown, and is tested when it is asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "arena.h"
#include "literal_screen.h"
#include "matcher.h"
#include "program.h"
#include "techniques.h"
#include "text_tables.h"

namespace weir {

class FieldIndex {
 public:
  // `answer_words` and `struck_words`: how many words a bit for each predicate of the field, and for each alternative of
  // the program, take. The program and the matcher outlive the index.
  FieldIndex(const Program& program, const Matcher& matcher, uint32_t answer_words, uint32_t struck_words);

  // Adds the program's predicate `predicate`, which is number `number` of the field.
  void Add(uint32_t predicate, uint32_t number, Use screening);
  // Says that an alternative is struck where a predicate that was added fails, or `negated`, where it holds.
  void Strikes(uint32_t number, uint32_t alternative, bool negated);
  // To be called once, after all of these.
  void Build(Use use);

  // Whether asking for all at once may be worth it.
  bool useful() const { return has_tables_ || screen_.has_value(); }

  // For a value's text: sets in `known` the predicates that are answered, in `holds` those that hold, and in `struck` the
  // alternatives that are struck; none of them is cleared. Scratch memory comes from `arena`.
  void Ask(Text* text, Arena* arena, uint64_t* known, uint64_t* holds, uint64_t* struck);

  // Sets what a value that is missing strikes, or one that is there and has no text.
  void AskMissing(uint64_t* struck) const;
  void AskContainer(uint64_t* struck) const;

  // To be told of each predicate that was left to be tested: from what that costs follows whether screening pays.
  void Tested(uint32_t number) {
    if (screen_.has_value() && screen_->covers(number)) tested_cost_ += struck_by_[number].cost;
  }

  // Values that something was looked up for.
  uint64_t asked() const { return asked_; }
  // Values screened for literals, those in which some were found, and those that could not be screened.
  uint64_t screened() const { return screened_; }
  uint64_t candidates() const { return candidates_; }
  uint64_t unscreened() const { return unscreened_; }

 private:
  // The alternatives that a predicate strikes: where it fails, and where it holds.
  struct Struck {
    std::vector<uint32_t> when_false;
    std::vector<uint32_t> when_true;
    bool is_exists = false;
    bool is_indexed = false;  // answered here without the screen
    double cost = 0;  // of testing it, in the matcher's unit
  };

  // Predicates on numbers: their bounds cut the axis into points and gaps, and each says what holds there.
  struct Axis {
    std::vector<double> bounds;         // ascending
    std::vector<uint32_t> predicates;   // numbers of the field
    std::vector<const Predicate*> what;
    std::vector<uint64_t> holds;        // by place 2 i + 1 (bound i) or 2 i (before it): answer words
    std::vector<uint64_t> revived;      // the same: struck words, as Revive
    std::vector<uint64_t> struck;
  };

  // Predicates on addresses: ranges cut the axis into pieces, and each says which predicates hold there.
  template <typename Point>
  struct Pieces {
    std::vector<Point> starts;      // ascending; the first is the lowest address
    std::vector<uint32_t> offsets;  // into numbers, one more than starts
    std::vector<uint32_t> numbers;
  };
  struct V6 {
    uint32_t words[4];
    auto operator<=>(const V6&) const = default;
  };
  template <typename Point>
  struct Range {
    Point first;
    Point last;
    uint32_t number;
  };

  // Values without the screen, which tell whether it pays; values until it is looked at what it costs, and how often that
  // is done until the next trial; values of a rest, and how long rests become.
  static constexpr uint32_t kTrial = 256;
  static constexpr uint32_t kStretch = 1024;
  static constexpr uint32_t kStretches = 64;
  static constexpr uint32_t kRest = 32 * 1024;
  static constexpr uint32_t kMostRests = 32;

  enum class Turn : uint8_t { kTrial, kScreening, kResting };

  static bool IsIndexable(const Program& program, const Predicate& predicate);
  void BuildAxis();
  void BuildNetworks();
  template <typename Point>
  static void Cut(std::vector<Range<Point>> ranges, Pieces<Point>* pieces);
  void Hold(uint32_t number, uint64_t* holds);
  void HoldWithin(Text* text, uint64_t* holds);
  void HoldOnAxis(Text* text, uint64_t* holds);
  void AskTables(Text* text, Arena* arena, uint64_t* known, uint64_t* holds, uint64_t* struck);
  void Screen(std::string_view text, uint64_t* known, uint64_t* holds, uint64_t* struck);
  double MostSpared() const;
  bool IsTooDear() const;
  void EndTurn();

  const Program& program_;
  const Matcher& matcher_;
  uint32_t answer_words_;
  uint32_t struck_words_;
  uint32_t strikes_ = 0;
  std::vector<uint64_t> indexed_;   // predicates that are answered here
  std::vector<uint64_t> present_;   // of these: those that hold for every value that is there
  std::vector<uint64_t> may_strike_;  // alternatives that an indexed predicate strikes where it fails
  std::vector<uint64_t> screen_may_strike_;
  std::vector<uint64_t> always_;    // alternatives that any value that is there strikes
  std::vector<Struck> struck_by_;   // by number
  TextTable texts_;
  TextTable folded_texts_;
  PrefixTrie prefixes_{false};
  PrefixTrie folded_prefixes_{false};
  PrefixTrie suffixes_{true};
  PrefixTrie folded_suffixes_{true};
  bool folds_ = false;
  Axis axis_;
  std::vector<std::pair<uint32_t, const NetworksList*>> networks_;
  Pieces<uint32_t> v4_;
  Pieces<V6> v6_;
  std::vector<uint32_t> v4_first_;  // by the upper twelve bits: the piece that holds the first address with them
  std::optional<LiteralScreen> screen_;
  bool has_tables_ = false;  // what is not the screen is worth asking
  Turn turn_ = Turn::kTrial;
  uint32_t turn_end_ = kTrial;   // values of this turn, and how many of them have been
  uint32_t turn_values_ = 0;
  uint64_t turn_probes_ = 0;     // the screen's when the turn began
  double tested_cost_ = 0;       // of tests in this turn that the screen might have spared
  double spared_ = 0;            // of these a value, in the last trial
  uint32_t stretches_ = 0;       // since then
  uint32_t rests_ = 1;
  // Of the value at hand.
  std::vector<uint64_t> revived_;
  std::vector<uint64_t> struck_now_;
  uint64_t asked_ = 0;
  uint64_t screened_ = 0;
  uint64_t candidates_ = 0;
  uint64_t unscreened_ = 0;
};

}  // namespace weir
