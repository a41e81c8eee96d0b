// When an automaton is made, how, and the search by it.

#include "word_list.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace weir {
namespace {

// How many of the first `size` bytes at `a` are those at `b`, one after another.
size_t CountSame(const uint8_t* a, const uint8_t* b, size_t size) {
  size_t same = 0;
  for (; same + 8 <= size; same += 8) {
    uint64_t x;
    uint64_t y;
    std::memcpy(&x, a + same, 8);
    std::memcpy(&y, b + same, 8);
    if (x != y) break;
  }
  while (same < size && a[same] == b[same]) same++;
  return same;
}

}  // namespace

WordList::WordList(const SubstringsList& list, uint64_t most_bytes)
    : list_(list), list_bytes_(list.offsets[list.count] - list.offsets[0]) {
  may_have_automaton_ = !list.entry(0).empty() && (list_bytes_ + 1) * kBytesOfState <= most_bytes;
}

size_t WordList::memory() const {
  return labels_.size() + runs_.size() + found_.size() / 8 + child_labels_.size() +
         (fails_.size() + first_children_.size() + children_.size()) * sizeof(uint32_t);
}

bool WordList::FoundIn(std::string_view text) { return has_automaton() ? FoundByAutomaton(text) : FoundByList(text); }

// The automaton is made when looking the list through has taken about as long as making it will.
bool WordList::FoundByList(std::string_view text) {
  const bool is_found = list_.FoundIn(text, &tries_);
  bytes_ += text.size();
  if (tries_ * kBytesOfTry < list_bytes_ || !may_have_automaton_) return is_found;
  if (tries_ * kRareTries >= bytes_) MakeAutomaton();
  tries_ = 0;
  bytes_ = 0;
  return is_found;
}

bool WordList::FoundByAutomaton(std::string_view text) const {
  const auto* const bytes = reinterpret_cast<const uint8_t*>(text.data());
  const size_t size = text.size();
  uint32_t state = kRoot;
  for (size_t i = 0; i < size;) {
    if (state == kRoot) {
      const auto begins = [&](size_t at) {
        const uint32_t pair = bytes[at] | (uint32_t{bytes[at + 1]} << 8);
        return ((list_.pairs[pair >> 3] >> (pair & 7)) & 1) != 0;
      };
      while (i + 1 < size && !begins(i)) i++;
      state = root_children_[bytes[i++]];
      if (found_[state]) return true;
      continue;
    }
    const size_t run = std::min<size_t>(runs_[state], size - i);
    const size_t same = CountSame(labels_.data() + state + 1, bytes + i, run);
    state += static_cast<uint32_t>(same);
    i += same;
    if (i == size) return false;
    const uint32_t child = same < run ? kRoot : Child(state, bytes[i]);
    if (child == kRoot) {
      state = fails_[state];
      continue;
    }
    state = child;
    i++;
    if (found_[state]) return true;
  }
  return false;
}

// The state that a byte leads to; kRoot, which is nobody's child, where it leads nowhere.
uint32_t WordList::Child(uint32_t state, uint8_t byte) const {
  const uint32_t first = first_children_[state];
  const uint32_t count = first_children_[state + 1] - first;
  const void* const found = count == 0 ? nullptr : std::memchr(child_labels_.data() + first, byte, count);
  return found == nullptr ? kRoot : children_[static_cast<size_t>(static_cast<const uint8_t*>(found) - child_labels_.data())];
}

void WordList::MakeAutomaton() {
  may_have_automaton_ = false;
  const Draft draft = AddWords();
  AddChildren(draft);
  AddFails(draft);
  AddRuns();
  // Last: where memory runs out before, the list goes on as it is.
  has_automaton_ = true;
}

// Words come in ascending order, so each goes on where it leaves the one before. One that begins with another is found by that.
WordList::Draft WordList::AddWords() {
  Draft draft{{kRoot}, {0}, {0}};
  labels_ = {0};
  std::vector<uint32_t> path = {kRoot};  // the states of the word before
  std::string_view before;
  for (uint32_t i = 0; i < list_.count; i++) {
    const std::string_view word = list_.entry(i);
    if (i != 0 && word.size() >= before.size() && word.substr(0, before.size()) == before) continue;
    const auto* bytes = reinterpret_cast<const uint8_t*>(word.data());
    const size_t same = CountSame(bytes, reinterpret_cast<const uint8_t*>(before.data()), std::min(word.size(), before.size()));
    path.resize(same + 1);
    for (size_t depth = same; depth < word.size(); depth++) {
      draft.parents.push_back(path.back());
      draft.depths.push_back(static_cast<uint32_t>(depth) + 1);
      draft.ends.push_back(depth + 1 == word.size());
      path.push_back(static_cast<uint32_t>(labels_.size()));
      labels_.push_back(bytes[depth]);
    }
    before = word;
  }
  return draft;
}

void WordList::AddChildren(const Draft& draft) {
  const size_t states = labels_.size();
  first_children_.assign(states + 1, 0);
  for (uint32_t state = 1; state < states; state++) first_children_[draft.parents[state] + 1]++;
  std::partial_sum(first_children_.begin(), first_children_.end(), first_children_.begin());
  std::vector<uint32_t> next(first_children_.begin(), first_children_.end() - 1);
  child_labels_.resize(states - 1);
  children_.resize(states - 1);
  for (uint32_t state = 1; state < states; state++) {
    const uint32_t at = next[draft.parents[state]]++;
    child_labels_[at] = labels_[state];
    children_[at] = state;
    if (draft.parents[state] == kRoot) root_children_[labels_[state]] = state;
  }
}

// A state's longest end lies less deep than the state, so states are gone through by depth.
void WordList::AddFails(const Draft& draft) {
  const size_t states = labels_.size();
  std::vector<uint32_t> order(states);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&draft](uint32_t a, uint32_t b) { return draft.depths[a] < draft.depths[b]; });
  fails_.assign(states, kRoot);
  found_.assign(states, false);
  for (const uint32_t state : order) {
    if (state == kRoot) continue;
    uint32_t end = draft.parents[state];
    while (end != kRoot && fails_[state] == kRoot) {
      end = fails_[end];
      fails_[state] = Child(end, labels_[state]);
    }
    found_[state] = draft.ends[state] != 0 || found_[fails_[state]];
  }
}

void WordList::AddRuns() {
  const size_t states = labels_.size();
  runs_.assign(states, 0);
  for (size_t state = states - 1; state-- > 1;) {
    if (first_children_[state + 1] - first_children_[state] != 1 || found_[state + 1]) continue;
    runs_[state] = static_cast<uint8_t>(std::min<uint32_t>(runs_[state + 1] + 1u, kLongestRun));
  }
}

}  // namespace weir
