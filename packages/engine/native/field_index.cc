// Building what all predicates of a field say together, and asking it.

#include "field_index.h"

#include <algorithm>
#include <cstring>

namespace weir {
namespace {

// What is copied out of lists at most: larger ones stay where they lie, once for all threads, and are asked one by one.
constexpr uint32_t kMostEntries = 64;
constexpr uint32_t kMostRanges = 1024;
constexpr size_t kMostBounds = 256;
// What the places of an axis may take: under very many rules, fewer bounds lie on it.
constexpr size_t kMostAxisBytes = 1 << 20;

// Up to here every integer is a double, so that bounds lie on one axis for integers and for all other numbers.
constexpr double kMostBound = 4503599627370496;  // 2^52

// Where predicates strike fewer alternatives than these together, they are quicker asked one by one.
constexpr uint32_t kLeastStrikes = 4;

// What screening a value costs, in the matcher's unit.
constexpr double kPassCost = 6;
// And comparing what it meets with one literal.
constexpr double kProbeCost = 0.5;
// Testing a long list of texts, of which the matcher knows no more than that it is one.
constexpr uint32_t kLongList = 64;
constexpr double kLongListCost = 15;

bool FitsAxis(const Number& bound) { return !bound.present || (bound.value <= kMostBound && bound.value >= -kMostBound); }

bool Satisfies(const Predicate& predicate, double value) {
  return (!predicate.lt.present || value < predicate.lt.value) && (!predicate.lte.present || value <= predicate.lte.value) &&
         (!predicate.gt.present || value > predicate.gt.value) && (!predicate.gte.present || value >= predicate.gte.value);
}

void Set(uint64_t* words, uint32_t bit) { words[bit / 64] |= uint64_t{1} << (bit % 64); }

}  // namespace

FieldIndex::FieldIndex(const Program& program, const Matcher& matcher, uint32_t answer_words, uint32_t struck_words)
    : program_(program),
      matcher_(matcher),
      answer_words_(answer_words),
      struck_words_(struck_words),
      indexed_(answer_words, 0),
      present_(answer_words, 0),
      may_strike_(struck_words, 0),
      screen_may_strike_(struck_words, 0),
      always_(struck_words, 0),
      revived_(struck_words, 0),
      struck_now_(struck_words, 0) {}

bool FieldIndex::IsIndexable(const Program& program, const Predicate& predicate) {
  switch (predicate.op) {
    case Op::kExists:
    case Op::kPrefix:
    case Op::kSuffix: return true;
    case Op::kSet: return program.lists[predicate.list].set.count <= kMostEntries;
    case Op::kCompare:
      return FitsAxis(predicate.lt) && FitsAxis(predicate.lte) && FitsAxis(predicate.gt) && FitsAxis(predicate.gte);
    case Op::kNetworks: {
      const NetworksList& networks = program.lists[predicate.list].networks;
      return networks.v4_count + networks.v6_count <= kMostRanges;
    }
    default: return false;
  }
}

void FieldIndex::Add(uint32_t number_in_program, uint32_t number, Use screening) {
  const Predicate& predicate = program_.predicates[number_in_program];
  if (!screen_.has_value()) screen_.emplace(answer_words_, screening);
  struck_by_.resize(std::max<size_t>(struck_by_.size(), number + 1));
  struck_by_[number].is_exists = predicate.op == Op::kExists;
  const bool is_long = predicate.op == Op::kSubstrings && program_.lists[predicate.list].substrings.count > kLongList;
  struck_by_[number].cost = is_long ? kLongListCost : matcher_.Cost(number_in_program);
  if (predicate.op == Op::kRegex) screen_->Add(number, *matcher_.pattern(number_in_program));
  if (predicate.op == Op::kSubstrings) screen_->Add(number, program_.lists[predicate.list].substrings, predicate.fold);
  if (!IsIndexable(program_, predicate)) return;
  if (predicate.op == Op::kCompare) {
    const size_t bounds = size_t{predicate.lt.present} + predicate.lte.present + predicate.gt.present + predicate.gte.present;
    const size_t count = axis_.bounds.size() + bounds;
    const size_t bytes = (2 * count + 1) * (answer_words_ + 2 * struck_words_) * sizeof(uint64_t);
    if (bounds == 0 || count > kMostBounds || bytes > kMostAxisBytes) return;
    for (const Number* bound : {&predicate.lt, &predicate.lte, &predicate.gt, &predicate.gte}) {
      if (bound->present) axis_.bounds.push_back(bound->value);
    }
    axis_.predicates.push_back(number);
    axis_.what.push_back(&predicate);
  }
  struck_by_[number].is_indexed = true;
  Set(indexed_.data(), number);
  folds_ = folds_ || predicate.fold;
  switch (predicate.op) {
    case Op::kExists: Set(present_.data(), number); break;
    case Op::kSet: {
      const SetList& set = program_.lists[predicate.list].set;
      for (uint32_t i = 0; i < set.count; i++) (predicate.fold ? folded_texts_ : texts_).Add(set.entry(i), number);
      break;
    }
    case Op::kPrefix:
      for (const std::string& text : predicate.texts) (predicate.fold ? folded_prefixes_ : prefixes_).Add(text, number);
      break;
    case Op::kSuffix:
      for (const std::string& text : predicate.texts) (predicate.fold ? folded_suffixes_ : suffixes_).Add(text, number);
      break;
    case Op::kNetworks: networks_.emplace_back(number, &program_.lists[predicate.list].networks); break;
    default: break;
  }
}

void FieldIndex::Strikes(uint32_t number, uint32_t alternative, bool negated) {
  Struck& struck = struck_by_[number];
  (negated ? struck.when_true : struck.when_false).push_back(alternative);
  strikes_ += struck.is_indexed;
}

void FieldIndex::Build(Use use) {
  has_tables_ = strikes_ >= (use == Use::kOn ? 1 : kLeastStrikes);
  texts_.Build();
  folded_texts_.Build();
  if (screen_.has_value()) {
    screen_->Build();
    if (screen_->is_forced()) turn_ = Turn::kScreening;
    if (!screen_->useful() || (!screen_->is_forced() && MostSpared() < kPassCost)) screen_.reset();
  }
  for (uint32_t number = 0; number < struck_by_.size(); number++) {
    const Struck& struck = struck_by_[number];
    const bool is_screened = screen_.has_value() && screen_->covers(number);
    for (const uint32_t alternative : struck.when_false) {
      if (struck.is_indexed && !struck.is_exists) Set(may_strike_.data(), alternative);
      if (is_screened) Set(screen_may_strike_.data(), alternative);
    }
    if (!struck.is_exists) continue;
    for (const uint32_t alternative : struck.when_true) Set(always_.data(), alternative);
  }
  BuildAxis();
  BuildNetworks();
}

// What the screen spares a value at most, of which everything would be asked.
double FieldIndex::MostSpared() const {
  double cost = 0;
  for (uint32_t number = 0; number < struck_by_.size(); number++) {
    if (screen_->covers(number)) cost += struck_by_[number].cost;
  }
  return cost;
}

void FieldIndex::BuildAxis() {
  std::sort(axis_.bounds.begin(), axis_.bounds.end());
  axis_.bounds.erase(std::unique(axis_.bounds.begin(), axis_.bounds.end()), axis_.bounds.end());
  const size_t count = axis_.predicates.empty() ? 0 : 2 * axis_.bounds.size() + 1;
  axis_.holds.assign(count * answer_words_, 0);
  axis_.revived.assign(count * struck_words_, 0);
  axis_.struck.assign(count * struck_words_, 0);
  for (size_t place = 0; place < count; place++) {
    const size_t i = place / 2;
    // Between two bounds any number will do; beyond the last, one more than it.
    const double value = place % 2 == 1            ? axis_.bounds[i]
                         : i == 0                  ? axis_.bounds[0] - 1
                         : i < axis_.bounds.size() ? axis_.bounds[i - 1] / 2 + axis_.bounds[i] / 2
                                                   : axis_.bounds[i - 1] + 1;
    for (size_t k = 0; k < axis_.predicates.size(); k++) {
      if (!Satisfies(*axis_.what[k], value)) continue;
      const uint32_t number = axis_.predicates[k];
      Set(axis_.holds.data() + place * answer_words_, number);
      for (const uint32_t each : struck_by_[number].when_false) Set(axis_.revived.data() + place * struck_words_, each);
      for (const uint32_t each : struck_by_[number].when_true) Set(axis_.struck.data() + place * struck_words_, each);
    }
  }
}

// Where a range begins, and behind where it ends, a piece begins.
template <typename Point>
void FieldIndex::Cut(std::vector<Range<Point>> ranges, Pieces<Point>* pieces) {
  if (ranges.empty()) return;
  std::vector<Point>& starts = pieces->starts;
  starts.push_back(Point{});
  for (const Range<Point>& range : ranges) {
    starts.push_back(range.first);
    Point behind = range.last;
    bool is_last;
    if constexpr (std::is_same_v<Point, uint32_t>) {
      is_last = ++behind == 0;
    } else {
      int word = 3;
      while (word >= 0 && ++behind.words[word] == 0) word--;
      is_last = word < 0;
    }
    if (!is_last) starts.push_back(behind);
  }
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  std::vector<std::vector<uint32_t>> numbers(starts.size());
  for (const Range<Point>& range : ranges) {
    for (auto at = std::lower_bound(starts.begin(), starts.end(), range.first); at != starts.end() && !(range.last < *at); at++) {
      numbers[static_cast<size_t>(at - starts.begin())].push_back(range.number);
    }
  }
  for (const std::vector<uint32_t>& each : numbers) {
    pieces->offsets.push_back(static_cast<uint32_t>(pieces->numbers.size()));
    pieces->numbers.insert(pieces->numbers.end(), each.begin(), each.end());
  }
  pieces->offsets.push_back(static_cast<uint32_t>(pieces->numbers.size()));
}

void FieldIndex::BuildNetworks() {
  std::vector<Range<uint32_t>> v4;
  std::vector<Range<V6>> v6;
  for (const auto& [number, list] : networks_) {
    for (uint32_t i = 0; i < list->v4_count; i++) v4.push_back({list->v4[2 * i], list->v4[2 * i + 1], number});
    for (uint32_t i = 0; i < list->v6_count; i++) {
      Range<V6> range{};
      std::memcpy(range.first.words, list->v6 + 8 * i, sizeof range.first.words);
      std::memcpy(range.last.words, list->v6 + 8 * i + 4, sizeof range.last.words);
      range.number = number;
      v6.push_back(range);
    }
  }
  Cut(std::move(v4), &v4_);
  Cut(std::move(v6), &v6_);
  if (v4_.starts.empty()) return;
  for (uint32_t head = 0; head <= 4096; head++) {
    const auto at = head == 4096 ? v4_.starts.end() : std::upper_bound(v4_.starts.begin(), v4_.starts.end(), head << 20);
    v4_first_.push_back(static_cast<uint32_t>(at - v4_.starts.begin()) - 1);
  }
}

inline void FieldIndex::Hold(uint32_t number, uint64_t* holds) {
  Set(holds, number);
  const Struck& struck = struck_by_[number];
  for (const uint32_t alternative : struck.when_false) Set(revived_.data(), alternative);
  for (const uint32_t alternative : struck.when_true) Set(struck_now_.data(), alternative);
}

void FieldIndex::HoldOnAxis(Text* text, uint64_t* holds) {
  if (!matcher_.ReadNumber(text)) return;
  const double value = text->number.value;
  size_t low = 0;
  for (size_t size = axis_.bounds.size(); size > 0;) {
    const size_t half = size / 2;
    const bool is_above = axis_.bounds[low + half] < value;
    low = is_above ? low + half + 1 : low;
    size = is_above ? size - half - 1 : half;
  }
  const size_t place = 2 * low + (low < axis_.bounds.size() && axis_.bounds[low] == value);
  for (uint32_t i = 0; i < answer_words_; i++) holds[i] |= axis_.holds[place * answer_words_ + i];
  for (uint32_t i = 0; i < struck_words_; i++) {
    revived_[i] |= axis_.revived[place * struck_words_ + i];
    struck_now_[i] |= axis_.struck[place * struck_words_ + i];
  }
}

void FieldIndex::HoldWithin(Text* text, uint64_t* holds) {
  if (!matcher_.ReadAddress(text)) return;
  const Address& address = text->address;
  const auto hold = [&](const auto& pieces, size_t piece) {
    for (uint32_t i = pieces.offsets[piece]; i < pieces.offsets[piece + 1]; i++) Hold(pieces.numbers[i], holds);
  };
  if (address.is_v4) {
    if (v4_.starts.empty()) return;
    const uint32_t head = address.v4 >> 20;
    const auto first = v4_.starts.begin() + v4_first_[head];
    const auto last = v4_.starts.begin() + v4_first_[head + 1] + 1;
    hold(v4_, static_cast<size_t>(std::upper_bound(first, last, address.v4) - v4_.starts.begin()) - 1);
    return;
  }
  if (v6_.starts.empty()) return;
  V6 wanted;
  std::memcpy(wanted.words, address.v6, sizeof wanted.words);
  hold(v6_, static_cast<size_t>(std::upper_bound(v6_.starts.begin(), v6_.starts.end(), wanted) - v6_.starts.begin()) - 1);
}

// Texts are answered; a pattern that lacks its literals is false, and one that has them is left to be tested.
void FieldIndex::Screen(std::string_view text, uint64_t* known, uint64_t* holds, uint64_t* struck) {
  if (!screen_->Exclude(text, known)) {
    unscreened_++;
    return;
  }
  screened_++;
  if (!screen_->has_hits()) {
    for (uint32_t i = 0; i < struck_words_; i++) struck[i] |= screen_may_strike_[i];
    return;
  }
  uint64_t any = 0;
  std::fill(revived_.begin(), revived_.end(), 0);
  std::fill(struck_now_.begin(), struck_now_.end(), 0);
  for (uint32_t word = 0; word < answer_words_; word++) {
    any |= screen_->candidates(word);
    for (uint64_t left = screen_->candidates(word); left != 0; left &= left - 1) {
      const uint32_t number = word * 64 + static_cast<uint32_t>(__builtin_ctzll(left));
      for (const uint32_t alternative : struck_by_[number].when_false) Set(revived_.data(), alternative);
    }
    for (uint64_t left = screen_->found(word); left != 0; left &= left - 1) {
      Hold(word * 64 + static_cast<uint32_t>(__builtin_ctzll(left)), holds);
    }
  }
  candidates_ += any != 0;
  for (uint32_t i = 0; i < struck_words_; i++) struck[i] |= (screen_may_strike_[i] & ~revived_[i]) | struck_now_[i];
}

void FieldIndex::Ask(Text* text, Arena* arena, uint64_t* known, uint64_t* holds, uint64_t* struck) {
  const bool screens = turn_ == Turn::kScreening;
  asked_ += has_tables_ || screens;
  if (has_tables_) AskTables(text, arena, known, holds, struck);
  if (!screen_.has_value()) return;
  if (screens) Screen(text->bytes, known, holds, struck);
  turn_values_++;
  if (turn_values_ == turn_end_ || (turn_ == Turn::kTrial && tested_cost_ >= kPassCost * kTrial) || (screens && IsTooDear())) EndTurn();
}

// Whether a stretch of screening has already cost what the tests of all its values would have.
bool FieldIndex::IsTooDear() const {
  return kProbeCost * static_cast<double>(screen_->probes() - turn_probes_) + tested_cost_ > spared_ * kStretch;
}

// After a trial, screens where the tests that it would have spared cost more. After a stretch of screening, goes on as long
// as that, and the tests that were left, cost less than the trial's tests; else rests, longer each time, until another trial.
void FieldIndex::EndTurn() {
  const double values = turn_values_;
  switch (turn_) {
    case Turn::kTrial:
      spared_ = tested_cost_ / values;
      stretches_ = 0;
      turn_ = tested_cost_ >= kPassCost * kTrial ? Turn::kScreening : Turn::kTrial;
      break;
    case Turn::kScreening: {
      if (screen_->is_forced()) break;
      const double cost = kPassCost * values + kProbeCost * static_cast<double>(screen_->probes() - turn_probes_) + tested_cost_;
      const bool pays = cost < spared_ * values;
      rests_ = pays ? 1 : std::min(2 * rests_, kMostRests);
      if (!pays) turn_ = Turn::kResting;
      if (pays && ++stretches_ == kStretches) turn_ = Turn::kTrial;
      break;
    }
    case Turn::kResting: turn_ = Turn::kTrial; break;
  }
  turn_end_ = turn_ == Turn::kTrial ? kTrial : turn_ == Turn::kScreening ? kStretch : rests_ * kRest;
  turn_values_ = 0;
  turn_probes_ = screen_->probes();
  tested_cost_ = 0;
}

void FieldIndex::AskTables(Text* text, Arena* arena, uint64_t* known, uint64_t* holds, uint64_t* struck) {
  for (uint32_t i = 0; i < answer_words_; i++) {
    known[i] |= indexed_[i];
    holds[i] |= present_[i];
  }
  for (uint32_t i = 0; i < struck_words_; i++) {
    revived_[i] = 0;
    struck_now_[i] = always_[i];
  }
  const auto use = [this, holds](uint32_t number) { Hold(number, holds); };
  texts_.Each(text->bytes, use);
  prefixes_.Each(text->bytes, use);
  suffixes_.Each(text->bytes, use);
  if (folds_) {
    const std::string_view folded = matcher_.Fold(text->bytes, arena);
    folded_texts_.Each(folded, use);
    folded_prefixes_.Each(folded, use);
    folded_suffixes_.Each(folded, use);
  }
  if (!axis_.predicates.empty()) HoldOnAxis(text, holds);
  if (!networks_.empty()) HoldWithin(text, holds);
  for (uint32_t i = 0; i < struck_words_; i++) struck[i] |= (may_strike_[i] & ~revived_[i]) | struck_now_[i];
}

void FieldIndex::AskMissing(uint64_t* struck) const {
  for (const Struck& each : struck_by_) {
    for (const uint32_t alternative : each.when_false) Set(struck, alternative);
  }
}

void FieldIndex::AskContainer(uint64_t* struck) const {
  for (const Struck& each : struck_by_) {
    for (const uint32_t alternative : each.is_exists ? each.when_true : each.when_false) Set(struck, alternative);
  }
}

}  // namespace weir
