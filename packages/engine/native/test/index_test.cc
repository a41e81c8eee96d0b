// Tests of asking all predicates of a field at once: what the index answers is what each predicate says by itself, and
// what it strikes is what fails.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "../field_index.h"
#include "check.h"
#include "rule_set.h"
#include "test_slab.h"

namespace weir_test {
namespace {

using weir::Op;

TestPredicate Between(std::string gte, std::string lt, std::string gt = "", std::string lte = "") {
  TestPredicate out;
  out.op = Op::kCompare;
  out.gte = std::move(gte);
  out.lt = std::move(lt);
  out.gt = std::move(gt);
  out.lte = std::move(lte);
  return out;
}

// Predicates of every kind on one field, some of which the index leaves alone.
std::vector<TestPredicate> AllKinds() {
  std::vector<std::string> long_list;
  for (int i = 0; i < 100; i++) long_list.push_back("entry-" + std::to_string(i));
  return {Predicate(Op::kExists, {}),
          Predicate(Op::kSet, {"GET", "POST", ""}),
          Predicate(Op::kSet, {"get", "KS\xc3\xa9"}, true),
          Predicate(Op::kSet, long_list),
          Predicate(Op::kPrefix, {"/api", "/ap", "G"}),
          Predicate(Op::kPrefix, {"/API", "\xcf\x82"}, true),
          Predicate(Op::kSuffix, {".php", "p"}),
          Predicate(Op::kSuffix, {".PHP"}, true),
          Predicate(Op::kSubstrings, {"/api/", "coupon"}),
          Predicate(Op::kSubstrings, {"COUPON"}, true),
          Predicate(Op::kSubstrings, {"ab"}),
          Predicate(Op::kSubstrings, long_list),
          Regex("coupon[0-9]+.*php", false),
          Regex("(?i)/API/.*(?:cart|coupon)", false),
          Regex("[0-9]+", true),
          Between("200", "300"),
          Between("", "", "200", "4503599627370496"),
          Between("9007199254740993", ""),
          Between("", "0.5", "-1e3"),
          Predicate(Op::kNetworks, {"10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"}),
          Predicate(Op::kNetworks, {"10.1.0.0/16", "255.255.255.255/32", "ffff::/16", "0.0.0.0/32"})};
}

const std::vector<std::string>& Words() {
  static const std::vector<std::string> words = {
      "GET",  "get", "POST",  "",           "K",        "s\xc3\xa9", "entry-7",  "entry-77", "/api",      "/API/",    "/ap",
      "cart", ".php", "coupon", "COUPON",   "Coupon1",  "ab",        "200",      "299.5",    "300",       "0.5",      "-1000",
      "1e3",  "10.1.2.3", "10.0.0.0", "192.0.2.255", "255.255.255.255", "0.0.0.0", "2001:db8::1", "ffff::", "::ffff:10.1.0.0",
      "9007199254740992", "9007199254740993", "4503599627370496", "4503599627370497", "\xe2\x84\xaa", "\xcf\x82", "x"};
  return words;
}

RuleSet RulesOn(std::vector<TestPredicate> predicates) {
  RuleSet rules;
  rules.fields = {Key("a")};
  rules.predicates = std::move(predicates);
  return rules;
}

// A program with one field, and what asks its predicates.
struct OneField {
  explicit OneField(std::vector<TestPredicate> predicates)
      : count(static_cast<uint32_t>(predicates.size())),
        block(WriteProgram(RulesOn(std::move(predicates)))),
        program(weir::Program::Read(block.data(), block.size, &error)),
        matcher(*program) {
    CHECK(matcher.Ready(&error));
  }

  std::string error;
  uint32_t count;
  const Block block;
  const std::unique_ptr<weir::Program> program;
  weir::Matcher matcher;
};

// One predicate of the field as the index and as the matcher see it, over many texts.
struct Compared {
  uint64_t answered = 0;
  uint64_t wrong = 0;
  uint64_t wrongly_struck = 0;
  uint64_t not_struck = 0;
};

Compared Compare(weir::Use screening) {
  OneField on(AllKinds());
  weir::Matcher& matcher = on.matcher;
  const uint32_t count = on.count;
  // Alternative 2 i asks that predicate i holds, and 2 i + 1 that it does not.
  weir::FieldIndex index(*on.program, matcher, 1, 1);
  for (uint32_t i = 0; i < count; i++) index.Add(i, i, screening);
  for (uint32_t i = 0; i < count; i++) {
    index.Strikes(i, 2 * i, false);
    index.Strikes(i, 2 * i + 1, true);
  }
  index.Build(weir::Use::kAdaptive);
  CHECK(index.useful());
  weir::Arena arena;
  Numbers numbers(17);
  Compared compared;
  for (int turn = 0; turn < 6000; turn++) {
    std::string bytes;
    for (uint32_t k = 1 + numbers.Below(3); k > 0; k--) bytes += Words()[numbers.Below(static_cast<uint32_t>(Words().size()))];
    const Padded padded(bytes);
    weir::Text text(padded.view());
    uint64_t known = 0;
    uint64_t holds = 0;
    uint64_t struck = 0;
    arena.Reset();
    index.Ask(&text, &arena, &known, &holds, &struck);
    for (uint32_t i = 0; i < count; i++) {
      const bool does_hold = matcher.Holds(i, &text, &arena);
      const bool is_known = ((known >> i) & 1) != 0;
      if (!is_known) index.Tested(i);
      compared.answered += is_known;
      compared.wrong += is_known && (((holds >> i) & 1) != 0) != does_hold;
      const bool is_positive_struck = ((struck >> (2 * i)) & 1) != 0;
      const bool is_negative_struck = ((struck >> (2 * i + 1)) & 1) != 0;
      compared.wrongly_struck += (is_positive_struck && does_hold) || (is_negative_struck && !does_hold);
      compared.not_struck += is_known && !(does_hold ? is_negative_struck : is_positive_struck);
    }
  }
  uint64_t missing = 0;
  uint64_t container = 0;
  index.AskMissing(&missing);
  index.AskContainer(&container);
  uint64_t positive = 0;
  for (uint32_t i = 0; i < count; i++) positive |= uint64_t{1} << (2 * i);
  CHECK(missing == positive);
  CHECK(container == ((positive & ~uint64_t{1}) | 2));  // it exists, and nothing else holds
  return compared;
}

}  // namespace

void TestFieldIndex() {
  uint64_t answered[3];
  for (const auto screening : {weir::Use::kAdaptive, weir::Use::kOff, weir::Use::kOn}) {
    const Compared compared = Compare(screening);
    CHECK(compared.wrong == 0 && compared.wrongly_struck == 0 && compared.not_struck == 0);
    answered[static_cast<size_t>(screening)] = compared.answered;
  }
  const auto of = [&answered](weir::Use use) { return answered[static_cast<size_t>(use)]; };
  CHECK(of(weir::Use::kOff) >= 6000 * 12 && of(weir::Use::kOn) >= 6000 * 13);
  // The first values are tested, and what that costs says that the others are screened.
  CHECK(of(weir::Use::kAdaptive) > of(weir::Use::kOff) && of(weir::Use::kAdaptive) < of(weir::Use::kOn));
}

// Of several literals that a pattern requires, the one is looked for that values lack.
void TestLearnedLiterals() {
  std::vector<TestPredicate> patterns;
  for (const char* rare : {"terms", "shipping", "newsletter"}) {
    patterns.push_back(Regex("https?://[a-z.]*(?:" + std::string(rare) + ")[a-z]*", false));
  }
  OneField on(std::move(patterns));
  weir::FieldIndex index(*on.program, on.matcher, 1, 1);
  for (uint32_t i = 0; i < 3; i++) index.Add(i, i, weir::Use::kOn);
  index.Build(weir::Use::kAdaptive);
  weir::Arena arena;
  const auto ask = [&](const std::string& bytes) {
    const Padded padded(bytes);
    weir::Text text(padded.view());
    uint64_t known = 0;
    uint64_t holds = 0;
    uint64_t struck = 0;
    index.Ask(&text, &arena, &known, &holds, &struck);
    return known;
  };
  for (int i = 0; i < 1000; i++) ask("https://www.example.com/" + std::to_string(i));
  const uint64_t candidates = index.candidates();
  CHECK(candidates <= 64);
  for (int i = 0; i < 1000; i++) CHECK(ask("https://www.example.com/" + std::to_string(i)) == 7);
  CHECK(index.candidates() == candidates);
  CHECK(ask("https://shippings/") == 5 && ask("https://SHIPPING/") == 5);
  // Values change: what was rare is everywhere now, and literals are chosen anew.
  for (int i = 0; i < 10000; i++) ask("/terms/shipping/newsletter/" + std::to_string(i));
  CHECK(ask("/terms/shipping/newsletter/") == 7);
}

// A pass over a value for literals pays where tests would cost more: that is tried out with values, now and then.
void TestScreeningTurns() {
  OneField on({Regex("checkout|newsletter", false)});
  weir::FieldIndex index(*on.program, on.matcher, 1, 1);
  index.Add(0, 0, weir::Use::kAdaptive);
  index.Build(weir::Use::kAdaptive);
  weir::Arena arena;
  // How many of so many values are screened, of which every `every`-th is tested where it is not known yet.
  const auto screened = [&](const char* bytes, int values, int every) {
    const Padded padded(bytes);
    const uint64_t before = index.screened();
    for (int i = 0; i < values; i++) {
      weir::Text text(padded.view());
      uint64_t known = 0;
      uint64_t holds = 0;
      uint64_t struck = 0;
      index.Ask(&text, &arena, &known, &holds, &struck);
      if (known == 0 && i % every == 0) index.Tested(0);
    }
    return index.screened() - before;
  };
  const char* other = "/products/17";
  CHECK(screened(other, 10000, 4) == 0);
  const uint64_t after = screened(other, 100000, 1);
  CHECK(after > 90000 && after < 100000);
  CHECK(screened(other, 100000, 4) < 70000 && screened(other, 10000, 4) == 0);
  // Where all are tested all the same, screening rests, and is tried again.
  const uint64_t vain = screened("/checkout/17", 300000, 1);
  CHECK(vain > 1024 && vain < 10 * 1024);
  CHECK(screened(other, 500000, 1) > 100000);
}

// Of many texts that begin alike few are compared, and those that others begin with are found as well.
void TestSharedPrefixes() {
  std::vector<std::string> plain;
  std::vector<std::string> nested = {"/wp-", "/wp-a", "/wp-ab", "/WP-AB", "/wp-abc/d", "wp-", "p-a"};
  for (int i = 0; i < 2500; i++) plain.push_back("/wp-content/plugins/" + std::to_string(i) + "/");
  std::vector<TestPredicate> lists = {Predicate(Op::kSubstrings, plain)};
  for (const bool fold : {false, true}) {
    for (const std::string& text : nested) lists.push_back(Predicate(Op::kSubstrings, {text}, fold));
  }
  OneField on(std::move(lists));
  const weir::Program& program = *on.program;
  const uint32_t count = on.count;
  weir::LiteralScreen screen(1, weir::Use::kOn);
  for (uint32_t i = 0; i < count; i++) screen.Add(i, program.lists[program.predicates[i].list].substrings, program.predicates[i].fold);
  screen.Build();
  weir::Arena arena;
  Numbers numbers(5);
  const char* parts[] = {"/wp-", "content/plugins/", "/wp-content/plugins/17/", "/wp-a", "/WP-AB", "bc/d", "-abc/d", "24", "99/", "p-a", "x"};
  for (int turn = 0; turn < 4000; turn++) {
    std::string bytes;
    for (uint32_t k = numbers.Below(5); k > 0; k--) bytes += parts[numbers.Below(std::size(parts))];
    const Padded padded(bytes);
    weir::Text text(padded.view());
    uint64_t known = 0;
    CHECK(screen.Exclude(padded.view(), &known));
    for (uint32_t i = 0; i < count; i++) {
      if ((((known >> i) & 1) != 0) && ((screen.found(0) >> i) & 1) != on.matcher.Holds(i, &text, &arena)) CHECK(!"found is what the matcher finds");
    }
    if (known != (uint64_t{1} << count) - 1) CHECK(!"of texts everything is known");
    arena.Reset();
  }
  std::string hostile;
  for (int i = 0; i < 256; i++) hostile += "/wp-";
  const Padded padded(hostile);
  const uint64_t before = screen.probes();
  uint64_t known = 0;
  CHECK(screen.Exclude(padded.view(), &known) && screen.probes() - before < 3 * 256 * 24);
}

}  // namespace weir_test
