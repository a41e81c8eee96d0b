// Tests of answering predicates on text: lists, operators, the literal screen, the value cache, the chain of tests, and
// RE2 when its memory runs out.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "../decision.h"
#include "../literal_screen.h"
#include "../matcher.h"
#include "../program.h"
#include "../keyed_hash.h"
#include "../value_cache.h"
#include "check.h"
#include "plain_reader.h"
#include "re2/re2.h"

namespace weir_test {
namespace {

using weir::Condition;
using weir::Op;

// A program of predicates on one field, ready to be asked.
struct Asked {
  explicit Asked(std::vector<TestPredicate> predicates) {
    rules.fields = {Key("a")};
    rules.predicates = std::move(predicates);
    block = WriteProgram(rules);
    program = weir::Program::Read(block.data(), block.size, &error);
    CHECK(program != nullptr);
    matcher = std::make_unique<weir::Matcher>(*program);
    CHECK(matcher->Ready(&error));
  }
  bool Holds(uint32_t predicate, std::string_view bytes) {
    const Padded padded(bytes);
    weir::Text text(padded.view());
    return matcher->Holds(predicate, &text, &arena);
  }
  RuleSet rules;
  Block block;
  std::string error;
  std::unique_ptr<weir::Program> program;
  std::unique_ptr<weir::Matcher> matcher;
  weir::Arena arena;
};

// What a value cache keeps of a stream of values is what was put in, and values are forgotten whole.
void StreamThroughCache(uint32_t words, size_t max_bytes, uint32_t distinct, weir::Use use, bool* was_off) {
  weir::ValueCache cache(words, max_bytes, 42, use);
  Numbers numbers(distinct);
  for (int i = 0; i < 60000; i++) {
    const uint32_t number = numbers.Below(distinct);
    const Padded value(std::string(number % 40, 'v') + std::to_string(number));
    if (!cache.on()) {
      cache.Skipped();
      *was_off = true;
      continue;
    }
    weir::KnownValue* known = cache.Find(value.view());
    if (known == nullptr) {
      known = cache.Add(value.view(), number % 3 == 0);
      if (known == nullptr) continue;
      for (uint32_t w = 0; w < words; w++) {
        if (known->words()[w] != 0) CHECK(!"of a new value nothing is known");
        known->words()[w] = number + w;
      }
    }
    const uint32_t last = words - 1;
    if (known->missing != (number % 3 == 0) || known->words()[0] != number || known->words()[last] != number + last) {
      CHECK(!"what is known of a value is what was put in");
    }
  }
}

// How many of so many look-ups found their value, where `next` says which value comes.
template <typename Next>
uint64_t HitsOf(uint32_t lookups, Next&& next) {
  weir::ValueCache cache(1, 1 << 20, 11, weir::Use::kAdaptive);
  for (uint32_t i = 0; i < lookups; i++) {
    const Padded value("host-" + std::to_string(next(i)) + ".example.com");
    if (!cache.on()) {
      cache.Skipped();
    } else if (cache.Find(value.view()) == nullptr) {
      cache.Add(value.view(), false);
    }
  }
  return cache.all_hits();
}

// What a decision asks of a reader, over predicates whose answers are bits. Predicates 2n and 2n + 1 look at field n, whose
// value is its two bits; what values strike is remembered from record to record.
class BitReader {
 public:
  BitReader(uint32_t words, bool remembers) : words_(words), remembers_(remembers) {}

  void Start(uint32_t bits) {
    bits_ = bits;
    told_ = 0;
    tests = 0;
  }
  const uint64_t* Struck(uint32_t field) {
    if ((told_ >> field & 1) != 0) return nullptr;
    told_ |= 1u << field;
    return remembers_ ? Of(field).data() : nullptr;
  }
  const uint64_t* Strike(uint32_t field, uint32_t alternative) {
    if (!remembers_) return nullptr;
    Of(field)[alternative / 64] |= uint64_t{1} << (alternative % 64);
    return Of(field).data();
  }
  bool Holds(uint32_t predicate) {
    tests++;
    return (bits_ >> predicate & 1) != 0;
  }

  int tests = 0;

 private:
  std::vector<uint64_t>& Of(uint32_t field) {
    auto& struck = struck_[{field, bits_ >> (2 * field) & 3}];
    struck.resize(words_);
    return struck;
  }

  uint32_t words_;
  bool remembers_;
  uint32_t bits_ = 0;
  uint32_t told_ = 0;
  std::map<std::pair<uint32_t, uint32_t>, std::vector<uint64_t>> struck_;
};

// The rules `times` over, each time a little rarer, against the obvious recursion for all sixty-four answers.
void DecideAll(std::vector<weir::Rule> once, uint32_t times, double slope, bool remembers) {
  weir::Program program;
  program.fields.resize(3);
  program.predicates.resize(6);
  for (uint32_t i = 0; i < 6; i++) program.predicates[i].field = i / 2;
  for (uint32_t i = 0; i < times; i++) {
    for (const weir::Rule& rule : once) {
      const bool is_last = i + 1 == times;
      program.rules.push_back(is_last ? rule : weir::Rule{Group(Condition::Kind::kAll, {rule.when, Test(i % 6), Test((i + 3) % 6)}), 0});
    }
  }
  weir::Decision decision(program);
  decision.Order([slope](uint32_t predicate) { return slope * predicate; });
  BitReader reader((decision.alternative_count() + 63) / 64, remembers);
  for (uint32_t round = 0; round < 2 * 64; round++) {
    const uint32_t bits = round % 64;
    const auto holds = [bits](const auto& self, const Condition& condition) -> bool {
      if (condition.kind == Condition::Kind::kTest) return (bits >> condition.predicate & 1) != 0;
      bool out = condition.kind == Condition::Kind::kAll;
      for (const Condition& child : condition.children) {
        const bool value = self(self, child);
        out = condition.kind == Condition::Kind::kAll ? out && value : out || value;
      }
      return condition.kind == Condition::Kind::kNot ? !out : out;
    };
    uint32_t wanted = 0;
    while (wanted < program.rules.size() && !holds(holds, program.rules[wanted].when)) wanted++;
    reader.Start(bits);
    CHECK(decision.Run(reader) == wanted);
  }
}

}  // namespace

void TestLists() {
  CHECK(weir::HashText("") == 0 && weir::HashText("test") == 0xba6bd213u && weir::HashText("hello") == 0x248bfa47u);
  CHECK(weir::HashText("Hello, world!") == 0xc0363e43u);
  std::vector<std::string> many;
  for (int i = 0; i < 500; i += 2) many.push_back("entry-" + std::to_string(i));
  Asked asked({Predicate(Op::kSet, many), Predicate(Op::kSubstrings, many), Predicate(Op::kSubstrings, {"x", "abc", "abd\xff", "yz"}),
               Predicate(Op::kSubstrings, {""}), Predicate(Op::kSet, {}), Predicate(Op::kSubstrings, {}),
               Predicate(Op::kNetworks, {"10.0.0.0/8", "1.2.3.4/32", "2001:db8::/32", "::2/127"}), Predicate(Op::kNetworks, {})});
  for (int i = 0; i < 500; i++) {
    const std::string text = "entry-" + std::to_string(i);
    CHECK(asked.Holds(0, text) == (i % 2 == 0));
  }
  CHECK(asked.Holds(1, "an entry-44, and more") && !asked.Holds(1, "an entry") && !asked.Holds(1, ""));
  CHECK(asked.Holds(2, "x") && asked.Holds(2, "ayz") && asked.Holds(2, "yz") && !asked.Holds(2, "ay") && asked.Holds(2, "zzabc") && asked.Holds(2, "abd\xff") && !asked.Holds(2, "ababd") && !asked.Holds(2, ""));
  CHECK(asked.Holds(3, "") && asked.Holds(3, "z") && !asked.Holds(4, "") && !asked.Holds(5, ""));
  for (const char* in : {"10.255.0.1", "1.2.3.4", "::ffff:10.0.0.0", "2001:db8:ffff::", "::2", "::3"}) CHECK(asked.Holds(6, in));
  for (const char* out : {"11.0.0.0", "1.2.3.5", "9.255.255.255", "2001:db9::", "::4", "::1", "x", ""}) CHECK(!asked.Holds(6, out));
  CHECK(!asked.Holds(7, "10.0.0.1") && !asked.Holds(7, "::1"));
  // The fold table that stands in the block.
  CHECK(asked.program->fold.Fold(0x17f) == 'S' && asked.program->fold.Fold(0x10428) == 0x10400 && asked.program->fold.Fold(0x180) == 0x180);
}

void TestMatcher() {
  TestPredicate compare;
  compare.op = Op::kCompare;
  compare.gte = "500";
  compare.lt = "1e3";
  TestPredicate other = compare;
  other.gte.clear();
  other.lt.clear();
  other.gt = "1";
  other.lte = "2";
  Asked asked({Predicate(Op::kPrefix, {"ab", "x"}), Predicate(Op::kSuffix, {"ab", "x"}), Predicate(Op::kSet, {"KS\xc3\xa9"}, true),
               Predicate(Op::kSubstrings, {"\xcf\x82"}, true), Regex("b.d", false), Regex("b.d", true), compare, other, Predicate(Op::kExists, {})});
  CHECK(asked.Holds(0, "abc") && asked.Holds(0, "x") && !asked.Holds(0, "a") && !asked.Holds(0, ""));
  CHECK(asked.Holds(1, "cab") && asked.Holds(1, "x") && !asked.Holds(1, "b") && !asked.Holds(1, ""));
  CHECK(asked.Holds(2, "\xe2\x84\xaa\xc5\xbf\xc3\x89") && asked.Holds(2, "ks\xc3\xa9") && !asked.Holds(2, "ks\xc3"));
  CHECK(asked.Holds(3, "\xce\xa3") && asked.Holds(3, "\xff\xcf\x83\xff") && !asked.Holds(3, "\xcf"));
  CHECK(asked.Holds(4, "abcde") && !asked.Holds(4, "b\nd") && asked.Holds(5, "bcd") && !asked.Holds(5, "abcd"));
  CHECK(asked.Holds(6, "500") && asked.Holds(6, "999.9") && !asked.Holds(6, "1000") && !asked.Holds(6, "5e") && !asked.Holds(6, "499"));
  CHECK(asked.Holds(7, "2") && !asked.Holds(7, "1") && asked.Holds(7, "1.5") && asked.Holds(8, ""));
  for (uint32_t i = 0; i < 9; i++) CHECK(asked.matcher->Cost(i) > 0);
}

void TestScreen() {
  const std::vector<std::string> patterns = {"(?i)chrome", "firefox|safari/[0-9]+", "bot$", "x*", "(foo|ba)r", "[Cc]rawler.*http"};
  weir::LiteralScreen screen(2, weir::Use::kAdaptive);
  std::vector<std::unique_ptr<re2::RE2>> compiled;
  for (uint32_t i = 0; i < patterns.size(); i++) {
    compiled.push_back(std::make_unique<re2::RE2>(patterns[i]));
    screen.Add(i * 20, *compiled.back());
  }
  screen.Build();
  CHECK(screen.useful() && screen.covers(0) && !screen.covers(60));
  Numbers numbers(3);
  const char* words[] = {"Chrome", "CHROME", "fire", "fox", "firefox", "Safari/1", "safari/", "bot", "bar", "foor", "crawler", "http", " ", "x"};
  uint32_t excluded = 0;
  bool misses = false;
  for (int i = 0; i < 3000; i++) {
    std::string text;
    for (uint32_t k = numbers.Below(5); k > 0; k--) text += words[numbers.Below(std::size(words))];
    uint64_t known[2] = {0, 0};
    const Padded padded(text, 'e');
    CHECK(screen.Exclude(padded.view(), known));
    for (uint32_t p = 0; p < patterns.size(); p++) {
      const bool is_out = ((known[p * 20 / 64] >> (p * 20 % 64)) & 1) != 0;
      excluded += is_out ? 1 : 0;
      misses = misses || (is_out && re2::RE2::PartialMatch(text, *compiled[p]));
    }
  }
  CHECK(!misses && excluded > 1000);
  uint64_t known[2] = {0, 0};
  CHECK(!screen.Exclude("caf\xc3\xa9 chrome and more", known) && known[0] == 0 && known[1] == 0);
  for (const auto use : {weir::Use::kAdaptive, weir::Use::kOn, weir::Use::kOff}) {
    weir::LiteralScreen few(1, use);
    few.Add(0, *compiled[0]);
    few.Build();
    CHECK(few.useful() == (use != weir::Use::kOff));
  }
}

void TestValueCache() {
  weir::ValueCache cache(1, 1 << 20, 7, weir::Use::kAdaptive);
  const Padded value("a value");
  CHECK(cache.Find(value.view()) == nullptr && cache.Add(value.view(), false) == nullptr);  // met once
  CHECK(cache.Find(value.view()) == nullptr && cache.Add(value.view(), false) != nullptr);  // met again
  CHECK(cache.Find(value.view()) != nullptr);
  CHECK(cache.all_lookups() == 3 && cache.all_hits() == 1);
  weir::ValueCache forced(1, 1 << 20, 7, weir::Use::kOn);
  CHECK(forced.Find(value.view()) == nullptr && forced.Add(value.view(), false) != nullptr);
  for (const auto use : {weir::Use::kAdaptive, weir::Use::kOn}) {
    bool was_off = false;
    StreamThroughCache(2, 1 << 20, 50, use, &was_off);
    CHECK(!was_off);
    StreamThroughCache(6, 4096, 3000, use, &was_off);     // forgets by memory
    StreamThroughCache(2, 1 << 20, 9000, use, &was_off);  // forgets by number of entries
    was_off = false;
    StreamThroughCache(4, 1 << 20, 1000000, use, &was_off);
    CHECK(was_off == (use == weir::Use::kAdaptive));
  }
}

// Values are known as long as they fit, also where it takes them some time to come again; and where each comes twice and
// never again, the cache stands aside.
void TestCachedShares() {
  for (const uint32_t distinct : {100u, 1500u, 3000u, 6000u}) {
    Numbers numbers(distinct);
    const uint64_t hits = HitsOf(400000, [&](uint32_t) { return numbers.Below(distinct); });
    CHECK(hits > 300000);
  }
  CHECK(HitsOf(400000, [](uint32_t i) { return i / 2; }) < 20000);
  CHECK(HitsOf(400000, [](uint32_t i) { return i; }) < 100);
}

// Bytes that make one factor zero where the hash has a constant in its place are values like others.
void TestKeyedHash() {
  std::vector<uint64_t> hashes;
  for (const uint64_t seed : {uint64_t{0}, uint64_t{7}}) {
    const weir::KeyedHash hash(seed);
    for (const uint64_t factor : {0xa0761d6478bd642fu, 0x8ebc6af09c88c6e3u, 0xe7037ed1a0b428dbu, uint64_t{0}}) {
      for (int i = 0; i < 1000; i++) {
        std::string bytes = "host" + std::to_string(1000 + i);
        bytes.append(reinterpret_cast<const char*>(&factor), 8);
        bytes += ".example.com";
        hashes.push_back(hash.Of(Padded(bytes).view()));
      }
    }
    const Padded same("a key");
    CHECK(hash.Of(same.view()) == weir::KeyedHash(seed).Of(same.view()) && hash.Of(same.view()) != weir::KeyedHash(seed + 1).Of(same.view()));
  }
  std::sort(hashes.begin(), hashes.end());
  CHECK(std::adjacent_find(hashes.begin(), hashes.end()) == hashes.end());
}

void TestDecision() {
  const auto all = Condition::Kind::kAll;
  const auto any = Condition::Kind::kAny;
  const auto no = Condition::Kind::kNot;
  const std::vector<weir::Rule> rules = {
      {Group(all, {Test(0), Group(any, {Test(1), Group(no, {Test(2)})})}), 0},
      {Group(no, {Group(all, {Test(3), Test(0), Group(no, {Group(any, {Test(4), Test(5)})})})}), 1},
      {Group(any, {Group(all, {Test(0), Test(0)}), Test(5)}), 0},
      {Group(all, {Group(no, {Group(any, {Test(2), Test(3)})}), Group(any, {Test(4), Group(no, {Test(5)})})}), 0}};
  for (const double slope : {1.0, -1.0}) {
    for (const bool remembers : {false, true}) {
      // One word of alternatives, two, and more.
      for (const uint32_t times : {1u, 12u, 40u}) DecideAll(rules, times, slope, remembers);
    }
  }
  weir::Program empty;
  weir::Decision none(empty);
  BitReader reader(0, true);
  CHECK(none.Run(reader) == 0);
  // What a value was found to strike is not tested again.
  weir::Program program;
  program.fields.resize(1);
  program.predicates.resize(2);
  program.rules = {{Test(0), 0}, {Group(all, {Test(0), Test(1)}), 0}};
  weir::Decision twice(program);
  BitReader again(1, true);
  again.Start(0);
  CHECK(twice.Run(again) == 2 && again.tests > 0);
  again.Start(0);
  CHECK(twice.Run(again) == 2 && again.tests == 0);
}

namespace {

int dfa_failures = 0;
int dfa_resets = 0;

}  // namespace

void TestPatternMemory() {
  // The states of such patterns double with every step back that they count, and random text visits them all: RE2's
  // automaton runs out of memory within a value, and the slower ways behind it must answer.
  const auto on_failure = +[](const re2::hooks::DFASearchFailure&) { dfa_failures++; };
  const auto on_reset = +[](const re2::hooks::DFAStateCacheReset&) { dfa_resets++; };
  re2::hooks::SetDFASearchFailureHook(on_failure);
  re2::hooks::SetDFAStateCacheResetHook(on_reset);
  std::vector<TestPredicate> predicates;
  for (int i = 0; i < 80; i++) predicates.push_back(Regex("x{1," + std::to_string(i + 1) + "}", true));  // each pattern gets the least memory
  predicates.push_back(Regex("c[ab]*a[ab]{18}c", true));
  predicates.push_back(Regex("a[ab]{18}c", false));
  Asked asked(std::move(predicates));
  Numbers numbers(11);
  for (int i = 0; i < 4; i++) {
    std::string text = "c";
    for (int k = 0; k < 60000; k++) text += "ab"[numbers.Below(2)];
    const bool wanted = i % 2 == 0;
    text[text.size() - 19] = wanted ? 'a' : 'b';
    CHECK(asked.Holds(80, text + "c") == wanted);
    CHECK(asked.Holds(81, text + "c") == wanted);
    CHECK(!asked.Holds(80, text) && !asked.Holds(81, text));
  }
  CHECK(dfa_failures > 0);
  std::printf("RE2's automaton gave up %d times, and began anew %d times\n", dfa_failures, dfa_resets);
  re2::hooks::SetDFASearchFailureHook(+[](const re2::hooks::DFASearchFailure&) {});
  re2::hooks::SetDFAStateCacheResetHook(+[](const re2::hooks::DFAStateCacheReset&) {});
}

}  // namespace weir_test
