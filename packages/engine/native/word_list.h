// A long list of `contains`, and how it is searched: at first by the list itself, which takes no memory and is slow where
// values consist of what words begin with; once that has cost enough, by an automaton, which reads each byte about once
// whatever the words are (benchmark case hostile-prefixes). Both say exactly the same. Called by matcher.cc.
//
// The automaton is Aho and Corasick's ("Efficient string matching", 1975): a trie of the words in which each state knows the
// state of its longest end that is also a beginning. States are numbered so that a chain of them lies in one piece, and is
// compared eight bytes at a time.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "program.h"

namespace weir {

class WordList {
 public:
  // Shorter lists are searched quickly enough as they are.
  static constexpr uint32_t kLeastWords = 16;

  // The list outlives this. `most_bytes`: what the automaton may take; where it may take more, there is none.
  WordList(const SubstringsList& list, uint64_t most_bytes);

  // Whether `text` contains a word.
  bool FoundIn(std::string_view text);

  bool has_automaton() const { return has_automaton_; }
  // Bytes that the automaton takes.
  size_t memory() const;

 private:
  static constexpr uint32_t kRoot = 0;
  // Of a list's bytes, at most: a state of the automaton for each, with its child.
  static constexpr uint64_t kBytesOfState = 15;
  // Making the automaton costs as much as looking the list through once for so many of its bytes.
  static constexpr uint64_t kBytesOfTry = 8;
  // Bytes of text to one place where the list is looked through: where these are rarer, the list is as quick.
  static constexpr uint64_t kRareTries = 64;
  static constexpr uint32_t kLongestRun = 255;

  // What making the automaton needs and using it does not.
  struct Draft {
    std::vector<uint32_t> parents;
    std::vector<uint32_t> depths;
    std::vector<uint8_t> ends;  // a word ends there
  };

  bool FoundByList(std::string_view text);
  bool FoundByAutomaton(std::string_view text) const;
  uint32_t Child(uint32_t state, uint8_t byte) const;
  void MakeAutomaton();
  Draft AddWords();
  void AddChildren(const Draft& draft);
  void AddFails(const Draft& draft);
  void AddRuns();

  const SubstringsList& list_;
  bool may_have_automaton_;
  bool has_automaton_ = false;
  uint64_t list_bytes_;
  uint64_t tries_ = 0;  // places where the list was looked through, and bytes of text, since it was last weighed
  uint64_t bytes_ = 0;
  // By state, in the order of the trie: a state's first child is the next one.
  std::vector<uint8_t> labels_;           // the byte that leads there
  std::vector<uint8_t> runs_;             // so many states behind it have one child each, and end no word
  std::vector<uint32_t> fails_;           // where its longest proper end leads
  std::vector<bool> found_;               // a word ends here, or with one of its ends
  std::vector<uint32_t> first_children_;  // into the two behind this, one more than states
  std::vector<uint8_t> child_labels_;     // ascending for each state
  std::vector<uint32_t> children_;
  std::array<uint32_t, 256> root_children_{};  // kRoot where there is none
};

}  // namespace weir
