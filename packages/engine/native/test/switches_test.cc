// Tests of what adapts: each technique is dropped where it does not pay, and is back when it would pay again, however often
// that changes. Judged by the techniques' own counts.

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "../field_index.h"
#include "../json_cursor.h"
#include "../literal_screen.h"
#include "../prefilter.h"
#include "../value_cache.h"
#include "../word_list.h"
#include "check.h"
#include "re2/re2.h"
#include "rule_set.h"
#include "settings.h"

namespace weir_test {
namespace {

using weir::Op;
using weir::Use;

// How many of so many values, made by their numbers, a cache knew.
uint64_t KnownOf(weir::ValueCache& cache, uint32_t values, const std::function<uint32_t(uint32_t)>& value_of) {
  uint64_t known = 0;
  for (uint32_t i = 0; i < values; i++) {
    const Padded bytes("value " + std::to_string(value_of(i)));
    if (!cache.on()) {
      cache.Skipped();
    } else if (cache.Find(bytes.view()) != nullptr) {
      known++;
    } else {
      cache.Add(bytes.view(), false);
    }
  }
  return known;
}

// A program with one field and some predicates on it.
struct OneField {
  explicit OneField(std::vector<TestPredicate> predicates) {
    RuleSet rules;
    rules.fields = {Key("status")};
    rules.predicates = std::move(predicates);
    rules.rules.push_back({Test(0), weir::kDropRoute});
    block = WriteProgram(rules);
    program = weir::Program::Read(block.data(), block.size, &error);
    CHECK(program != nullptr);
  }

  std::string error;
  Block block;
  std::unique_ptr<weir::Program> program;
};

// Records and what became of them: passed over, or else learned from where the prefilter wants to.
struct Passing {
  explicit Passing(weir::Prefilter& of) : prefilter(of) {}

  // How many of so many records with values by number, all dropped, were passed over.
  uint64_t Passed(uint32_t records, const std::function<uint32_t(uint32_t)>& value_of) {
    const uint64_t before = prefilter.counts().used;
    for (uint32_t i = 0; i < records; i++) {
      const std::string value = std::to_string(value_of(i));
      const Padded record("  {\"n\":1,\"status\":\"" + value + "\"}");
      const char* const begin = record.begin() + 2;  // bytes that may be read before it
      if (prefilter.on() && prefilter.Look(begin, record.end()) != weir::Prefilter::kNone) continue;
      const auto size = static_cast<uint32_t>(value.size());
      if (prefilter.learns()) prefilter.Learn(0, record.end() - 2 - size, size, 0, true);
    }
    return prefilter.counts().used - before;
  }

  weir::Prefilter& prefilter;
};

uint32_t Alike(uint32_t) { return 200; }
uint32_t Other(uint32_t i) { return 1000 + i; }

bool HasVectors() {
#if defined(__x86_64__) && defined(__GNUC__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
#else
  return false;
#endif
}

void TestPrefilterReturns() {
  if (!HasVectors()) {
    std::printf("skipped: the prefilter needs AVX2\n");
    return;
  }
  const OneField on({Predicate(Op::kSet, {"200"})});
  weir::Prefilter prefilter(*on.program, Use::kAdaptive);
  Passing records(prefilter);
  CHECK(records.Passed(5000, Alike) > 3900);
  // However often it was dropped, the wait for the next try is the first one's: between two tries it paid.
  for (int turn = 0; turn < 8; turn++) {
    CHECK(records.Passed(5000, Other) < 10 && !prefilter.on());
    CHECK(records.Passed(70000, Alike) > 3000 && prefilter.on());
  }
  // Where it never pays, fewer and fewer records are looked at, and it is back all the same.
  weir::Prefilter seldom(*on.program, Use::kAdaptive);
  Passing others(seldom);
  others.Passed(5'000'000, Other);
  CHECK(seldom.counts().used == 0 && seldom.counts().fell_back < 10 * 1024);
  CHECK(others.Passed(4'500'000, Alike) > 100'000 && seldom.on());
}

// Keys in one order, then in any, then in another one.
void TestTrailReturns() {
  const weir::FieldTree tree({Key("last")});
  weir::Cursor cursor(tree, {}, 3);
  Numbers numbers(9);
  std::vector<std::string> keys;
  for (int i = 0; i < 15; i++) keys.push_back("key-" + std::to_string(i));
  // How many keys stood where they were expected, and how many did not.
  const auto count = [&](uint32_t records, bool mixes) {
    const weir::TechniqueCounts before = cursor.key_order();
    uint32_t missed = 0;
    for (uint32_t i = 0; i < records; i++) {
      for (size_t k = keys.size() - 1; mixes && k > 0; k--) std::swap(keys[k], keys[numbers.Below(static_cast<uint32_t>(k) + 1)]);
      std::string text = "{";
      for (const std::string& key : keys) text += '"' + key + "\":\"x\",";
      const Padded record(text + "\"last\":\"1\"}");
      cursor.Start(record.begin(), record.end());
      missed += cursor.Find(0) == nullptr;
    }
    CHECK(missed == 0);
    const weir::TechniqueCounts after = cursor.key_order();
    return std::pair(after.used - before.used, after.fell_back - before.fell_back);
  };
  for (int turn = 0; turn < 3; turn++) {
    // What the pause before has left of itself comes first.
    const auto [used, fell_back] = count(12000, false);
    CHECK(used + fell_back == 16 * 12000 && used > 16 * 6000);
    const auto [settled, moved] = count(1000, false);
    CHECK(settled == 16 * 1000 && moved == 0);
    const auto [expected, looked_up] = count(1000, true);
    CHECK(expected + looked_up == 16 * 1000 && expected < 16 * 400);
    // It is not followed any more: nothing is where it is expected, since nothing is expected.
    const auto [none, all] = count(2000, false);
    CHECK(none == 0 && all == 16 * 2000);
  }
}

// Which literals are rare changes again and again; and where none is, they are chosen ever more rarely.
void TestLearningReturns() {
  const OneField on({Regex("https?://[a-z./]*(?:terms)[a-z]*", false)});
  const weir::Predicate& predicate = on.program->predicates[0];
  const re2::RE2 pattern(predicate.pattern);
  weir::LiteralScreen screen(1, Use::kOn);
  screen.Add(0, pattern);
  screen.Build();
  const auto candidates = [&screen](const std::string& bytes, uint32_t values) {
    const Padded padded(bytes);
    uint64_t out = 0;
    uint64_t unscreened = 0;
    for (uint32_t i = 0; i < values; i++) {
      uint64_t known = 0;
      unscreened += !screen.Exclude(padded.view(), &known);
      out += known == 0;
    }
    CHECK(unscreened == 0);
    return out;
  };
  for (int turn = 0; turn < 20; turn++) {
    CHECK(candidates("/terms/of/use", 12000) < 9000 && candidates("/terms/of/use", 5000) == 0);
    CHECK(candidates("http://www.example.com/", 12000) < 9000 && candidates("http://www.example.com/", 5000) == 0);
  }
  CHECK(screen.learnings() >= 40);
  const uint32_t before = screen.learnings();
  CHECK(candidates("http://www.example.com/terms/", 200 * 4096) > 190 * 4096);
  CHECK(screen.learnings() - before <= 8);
  CHECK(candidates("/terms/of/use", 300 * 4096) < 260 * 4096 && candidates("/terms/of/use", 5000) == 0);
}

// Many words with one beginning: where values consist of that, a stretch of screening ends before its time, and where they
// do not, it is screened again.
void TestDearScreening() {
  std::vector<std::string> words;
  for (int i = 0; i < 2500; i++) words.push_back("/wp-content/plugins/" + std::to_string(100000 + i * 7));
  const OneField on({Predicate(Op::kSubstrings, words)});
  weir::Matcher matcher(*on.program);
  std::string error;
  CHECK(matcher.Ready(&error));
  weir::FieldIndex index(*on.program, matcher, 1, 1);
  index.Add(0, 0, Use::kAdaptive);
  index.Build(Use::kAdaptive);
  weir::Arena arena;
  const auto screened = [&](const std::string& bytes, uint32_t values) {
    const Padded padded(bytes);
    const uint64_t before = index.screened();
    for (uint32_t i = 0; i < values; i++) {
      weir::Text text(padded.view());
      uint64_t known = 0, holds = 0, struck = 0;
      index.Ask(&text, &arena, &known, &holds, &struck);
      if (known == 0) index.Tested(0);
    }
    return index.screened() - before;
  };
  std::string hostile;
  for (int i = 0; i < 20; i++) hostile += "/wp-content/plugins/";
  CHECK(screened("/products/17", 20000) > 19000);
  for (int turn = 0; turn < 3; turn++) {
    // Each value costs as many probes as ten of the tests that screening spares.
    const uint64_t vain = screened(hostile, 60000);
    CHECK(vain > 0 && vain < 1024);
    CHECK(screened("/products/17", 200000) > 50000);
  }
}

// A list of words with its own memory.
struct Words {
  explicit Words(std::vector<std::string> from) : words(std::move(from)), pairs(8192, 0) {
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    offsets.push_back(0);
    for (const std::string& word : words) {
      bytes += word;
      offsets.push_back(static_cast<uint32_t>(bytes.size()));
      // Behind a word of one byte anything may stand.
      for (uint32_t next = 0; next < 256; next++) {
        if (word.size() > 1 && next != static_cast<uint8_t>(word[1])) continue;
        const uint32_t pair = static_cast<uint8_t>(word[0]) | (next << 8);
        pairs[pair / 8] |= static_cast<uint8_t>(1u << (pair % 8));
      }
    }
    list.count = static_cast<uint32_t>(words.size());
    list.offsets = offsets.data();
    list.bytes = bytes.data();
    list.pairs = pairs.data();
  }

  std::vector<std::string> words;
  std::vector<uint32_t> offsets;
  std::string bytes;
  std::vector<uint8_t> pairs;
  weir::SubstringsList list;
};

std::vector<std::string> PluginWords() {
  std::vector<std::string> out;
  for (int i = 0; i < 3000; i++) out.push_back("/wp-content/plugins/" + std::to_string(i * 7919) + "\xc3\xa9.(" + std::to_string(i));
  return out;
}

// The words as they are, cut short, and behind their common beginning, often enough that every state is met.
std::string DrawText(Numbers& numbers, const Words& words) {
  std::string text;
  for (uint32_t k = numbers.Below(6); k > 0; k--) {
    const std::string& word = words.words[numbers.Below(words.list.count)];
    text += word.substr(0, numbers.Below(4) == 0 ? word.size() : numbers.Below(static_cast<uint32_t>(word.size())));
  }
  return text;
}

// Whether the list is searched by an automaton in the end; what it finds is what the list by itself does.
bool GetsAutomaton(const Words& words, uint64_t most_bytes, const std::function<std::string(uint32_t)>& text_of) {
  weir::WordList list(words.list, most_bytes);
  uint64_t wrong = 0;
  for (uint32_t i = 0; i < 20000; i++) {
    const std::string text = text_of(i);
    uint64_t tries = 0;
    wrong += list.FoundIn(text) != words.list.FoundIn(text, &tries);
  }
  CHECK(wrong == 0 && list.memory() <= most_bytes);
  return list.has_automaton();
}

void TestWordLists() {
  const Words plugins(PluginWords());
  Numbers numbers(23);
  const auto drawn = [&](uint32_t) { return DrawText(numbers, plugins); };
  CHECK(GetsAutomaton(plugins, 8 << 20, drawn));
  CHECK(!GetsAutomaton(plugins, 1 << 20, drawn));  // too little memory
  CHECK(!GetsAutomaton(plugins, 8 << 20, [](uint32_t i) { return "/products/invoices/" + std::to_string(i); }));  // no need
  // Words that are ends, beginnings and middles of each other, and of one byte.
  for (const uint32_t letters : {2u, 3u}) {
    for (int turn = 0; turn < 20; turn++) {
      std::vector<std::string> few;
      for (int i = 0; i < 40; i++) {
        std::string& word = few.emplace_back();
        for (uint32_t k = 1 + numbers.Below(turn % 5 == 0 ? 4 : 24); k > 0; k--) word += "ab\xff"[numbers.Below(letters)];
        if (turn % 5 != 0) word = (word.size() > 12 ? "aaaaaaaaaaaaaaaaaaaa" : "bab") + word;
      }
      const Words words(few);
      CHECK(GetsAutomaton(words, 8 << 20, [&](uint32_t) {
        std::string text;
        for (uint32_t k = numbers.Below(40); k > 0; k--) text += "aaab\xff"[numbers.Below(letters + 2)];
        return text;
      }));
    }
  }
}

}  // namespace

void TestSwitches() {
  // A cache, all of whose values are new, stands aside; when they repeat again, it is back, and it paid in between.
  weir::ValueCache cache(1, 1 << 20, 7, Use::kAdaptive);
  const auto repeated = [](uint32_t i) { return i % 50; };
  CHECK(KnownOf(cache, 10000, repeated) > 9000);
  for (uint32_t turn = 1; turn <= 10; turn++) {
    const auto fresh = [turn](uint32_t i) { return turn * 1'000'000 + i; };
    CHECK(KnownOf(cache, 9000, fresh) == 0 && !cache.on());
    CHECK(KnownOf(cache, 40000, repeated) > 3000 && cache.on());
  }
  // Where nothing ever repeats, fewer and fewer values are looked up, and it is back all the same.
  weir::ValueCache seldom(1, 1 << 20, 7, Use::kAdaptive);
  KnownOf(seldom, 3'000'000, [](uint32_t i) { return i; });
  CHECK(seldom.all_lookups() < 10 * 4096);
  CHECK(KnownOf(seldom, 1'100'000, repeated) > 10'000 && seldom.on());
  TestPrefilterReturns();
  TestTrailReturns();
  TestLearningReturns();
  TestDearScreening();
  TestWordLists();
}

}  // namespace weir_test
