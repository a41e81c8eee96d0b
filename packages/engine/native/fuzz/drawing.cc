// The words that are drawn from, and the drawing.

#include "drawing.h"

namespace weir_fuzz {
namespace {

using weir::Condition;
using weir::Op;
using weir_test::RuleSet;
using weir_test::TestPredicate;

constexpr const char* kKeys[] = {"a", "b", "UA", "status", "statusCode", "turnAroundTimeMSec", "a.b", "", "\xc3\xa9", "k\n", "longer-than-sixteen-bytes", "cliIP"};

constexpr const char* kOriginalKeys[] = {"a", "b", "UA", "", "a/b", "\xef\xbf\xbd", "\xc3\xa9", "longer-than-sixteen-bytes"};

constexpr const char* kTexts[] = {"",      "-",       "a",         "Chrome", "chrome", "503",   "5",      "GET /a?b=%20",
                                  "\xc3\xa9", "\xc3\x89", "\xc5\xbf",   "K",      "\xe2\x84\xaa", "true", "Mozilla/5.0 (X11; Linux)", "\xf0\x9f\x98\x80",
                                  "1.0",   "fox",     "Firefox/1", "^",      "\"",     "\\",    "\n",     "abcabcabd"};

constexpr const char* kPatterns[] = {"5\\d\\d",    "(?i)chrome|firefox", "^$",       ".",        "a*b+c?",        "(?s).*x",    "[^a-z]+",
                                     "\\bfox\\b",  "(?i)\xc3\xa9",       "\xe2\x84\xaa", "(?i)k",    "(ab|cd){2,5}$", "Mozilla.*Linux", "(?i)mozilla|firefox/1",
                                     "abcab(c|d)", "\\pL+",              "^.{3}$",   "(a|b)*abb", "\\x{1F600}",    "%20|\\+",   "(?:)"};

constexpr const char* kBounds[] = {"0", "-0", "1", "500", "18446744073709551615", "-9223372036854775808", "1e400", "0.1", "1e-400", "007", "9007199254740993"};

constexpr const char* kNetworks[] = {"10.0.0.0/8", "192.168.1.0/24", "1.2.3.4/32", "2001:db8::/32", "::1/128", "fe80::/10", "224.0.0.0/4"};

template <size_t N>
std::string Draw(FuzzedDataProvider& from, const char* const (&words)[N]) {
  return words[DrawUpTo(from, N - 1)];
}

TestPredicate DrawPredicate(FuzzedDataProvider& from, uint32_t fields) {
  TestPredicate out;
  out.field = DrawUpTo(from, fields - 1);
  out.op = static_cast<Op>(DrawUpTo(from, static_cast<uint32_t>(Op::kNetworks)));
  out.fold = from.ConsumeBool();
  out.whole = from.ConsumeBool();
  if (out.op == Op::kRegex) out.pattern = Draw(from, kPatterns);
  if (out.op == Op::kCompare) {
    std::string* const bounds[] = {&out.lt, &out.lte, &out.gt, &out.gte};
    *bounds[DrawUpTo(from, 3)] = Draw(from, kBounds);
    if (from.ConsumeBool()) *bounds[DrawUpTo(from, 3)] = Draw(from, kBounds);
  }
  const uint32_t count = out.op == Op::kExists || out.op == Op::kRegex || out.op == Op::kCompare ? 0 : 1 + DrawUpTo(from, 3);
  for (uint32_t i = 0; i < count; i++) out.texts.push_back(out.op == Op::kNetworks ? Draw(from, kNetworks) : Draw(from, kTexts));
  return out;
}

Condition DrawCondition(FuzzedDataProvider& from, uint32_t predicates, uint32_t depth) {
  const uint32_t kind = depth == 0 ? 0 : DrawUpTo(from, 3);
  if (kind == 0) return weir_test::Test(DrawUpTo(from, predicates - 1));
  std::vector<Condition> children;
  const uint32_t count = kind == 3 ? 1 : 1 + DrawUpTo(from, 2);
  for (uint32_t i = 0; i < count; i++) children.push_back(DrawCondition(from, predicates, depth - 1));
  return weir_test::Group(static_cast<Condition::Kind>(kind), std::move(children));
}

}  // namespace

weir::Field DrawField(FuzzedDataProvider& from) {
  weir::Field out = weir_test::Key(Draw(from, kKeys));
  for (uint32_t more = DrawUpTo(from, 2); more > 0; more--) {
    weir::Step& step = out.path.emplace_back();
    step.is_index = from.ConsumeBool();
    if (step.is_index) step.index = DrawUpTo(from, 2);
    if (!step.is_index) step.key = Draw(from, kKeys);
  }
  out.decode_url = DrawUpTo(from, 3) == 0;
  return out;
}

RuleSet DrawRules(FuzzedDataProvider& from) {
  RuleSet out;
  for (uint32_t i = DrawUpTo(from, 2); i > 0; i--) out.missing.push_back(Draw(from, kTexts));
  const uint32_t fields = 1 + DrawUpTo(from, 4);
  for (uint32_t i = 0; i < fields; i++) out.fields.push_back(DrawField(from));
  const uint32_t predicates = 1 + DrawUpTo(from, 9);
  for (uint32_t i = 0; i < predicates; i++) out.predicates.push_back(DrawPredicate(from, fields));
  out.route_count = 3 + DrawUpTo(from, 2);
  // No rule sends to the malformed route.
  const auto route = [&] {
    const uint32_t drawn = DrawUpTo(from, out.route_count - 2);
    return static_cast<uint8_t>(drawn < weir::kMalformedRoute ? drawn : drawn + 1);
  };
  out.default_route = route();
  for (uint32_t i = DrawUpTo(from, 4); i > 0; i--) out.rules.push_back({DrawCondition(from, predicates, 3), route()});
  return out;
}

RuleSet DrawFilters(FuzzedDataProvider& from) {
  RuleSet out;
  out.original = true;
  out.default_route = weir::kKeepRoute;
  for (uint32_t i = 1 + DrawUpTo(from, 2); i > 0; i--) {
    weir::Field& field = out.fields.emplace_back(weir_test::Key(Draw(from, kOriginalKeys)));
    for (uint32_t more = DrawUpTo(from, 2); more > 0; more--) field.path.emplace_back().key = Draw(from, kOriginalKeys);
  }
  for (uint32_t i = 1 + DrawUpTo(from, 2); i > 0; i--) {
    TestPredicate& test = out.predicates.emplace_back();
    test.op = Op::kRegex;
    test.whole = true;
    test.field = DrawUpTo(from, static_cast<uint32_t>(out.fields.size()) - 1);
    test.pattern = Draw(from, kPatterns);
    Condition when = weir_test::Test(static_cast<uint32_t>(out.predicates.size()) - 1);
    if (from.ConsumeBool()) when = weir_test::Group(Condition::Kind::kNot, {when});
    out.rules.push_back({when, weir::kDropRoute});
  }
  const Condition never = weir_test::Group(Condition::Kind::kAll, {weir_test::Test(0), weir_test::Group(Condition::Kind::kNot, {weir_test::Test(0)})});
  out.rules.push_back({never, weir::kDropRoute});
  return out;
}

weir_test::SlabShape DrawShape(FuzzedDataProvider& from) {
  weir_test::SlabShape out;
  const uint32_t flags = from.ConsumeIntegral<uint8_t>();
  out.flags = flags & (weir::kContinues | weir::kOpen | weir::kWantRecords);
  out.record_capacity = 4 * (1 + DrawUpTo(from, 3));
  out.max_record_bytes = from.ConsumeBool() ? 1 << 20 : DrawUpTo(from, 64);
  out.lead = DrawUpTo(from, 5);
  out.routes = from.ConsumeBool() ? ~uint32_t{0} : DrawUpTo(from, 31);
  out.filler = static_cast<char>(from.ConsumeIntegral<uint8_t>());
  return out;
}

}  // namespace weir_fuzz
