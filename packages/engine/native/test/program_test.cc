// Tests of reading a program's block: what is written is read, and every kind of damage is refused with words.

#include <functional>
#include <string>

#include "../kernel.h"
#include "../program.h"
#include "check.h"
#include "rule_set.h"

namespace weir_test {
namespace {

using weir::Condition;
using weir::Op;

// One predicate of each operator, over a path with an index and a field that is decoded.
RuleSet EachOperator() {
  RuleSet rules;
  rules.missing = {"-"};
  rules.fields = {Key("a"), Key("b")};
  rules.fields[0].path.push_back({true, 2, ""});
  rules.fields[1].decode_url = true;
  rules.has_time_field = true;
  for (const Op op : {Op::kExists, Op::kRegex, Op::kSet, Op::kPrefix, Op::kSuffix, Op::kSubstrings, Op::kCompare, Op::kNetworks}) {
    TestPredicate& predicate = rules.predicates.emplace_back();
    predicate.op = op;
    predicate.field = 1;
    predicate.pattern = "x+";
    predicate.texts = {op == Op::kNetworks ? "10.0.0.0/8" : "text"};
    predicate.lt = "5";
  }
  rules.rules.push_back({Group(Condition::Kind::kAll, {Test(0), Group(Condition::Kind::kNot, {Test(7)})}), 1});
  rules.rules.push_back({Group(Condition::Kind::kAny, {Test(1), Test(6)}), 0});
  return rules;
}

bool IsRefused(const Block& block) {
  std::string error;
  const bool refused = weir::Evaluator::Load(block.data(), block.size, &error) == nullptr;
  CHECK(refused == !error.empty());
  return refused;
}

// Whether the program is refused when `from` stands as `to` in its plan.
bool RefusesPlan(const std::string& from, const std::string& to) {
  const RuleSet rules = EachOperator();
  std::string plan = PlanOf(rules);
  const size_t at = plan.find(from);
  CHECK(at != std::string::npos);
  plan.replace(at, from.size(), to);
  const bool refused = IsRefused(WriteBlock(plan, rules));
  if (!refused) std::fprintf(stderr, "accepted: %s\n", plan.c_str());
  return refused;
}

bool RefusesDamage(const std::function<void(uint32_t* words)>& damage) {
  Block block = WriteProgram(EachOperator());
  damage(block.words.get());
  return IsRefused(block);
}

enum : uint32_t { kTotal = 2, kPlanAt, kPlanBytes, kListCount, kListsAt, kFoldAt, kFoldCount };

void TestPlans() {
  const std::pair<const char*, const char*> damages[] = {
      {"{\"dialect\"", "[\"dialect\""},
      {"\"dialect\":\"weir\"", "\"dialect\":\"other\""},
      {"\"dialect\":\"weir\",", ""},
      {"\"missing\":[\"-\"]", "\"missing\":[1]"},
      {"\"missing\":[\"-\"]", "\"absent\":[]"},
      {"\"fields\":[", "\"fields\":[1,"},
      {"\"path\":[\"a\",2]", "\"path\":[]"},
      {"\"path\":[\"a\",2]", "\"path\":[2]"},
      {"\"path\":[\"a\",2]", "\"path\":[\"a\",-1]"},
      {"\"path\":[\"a\",2]", "\"path\":[\"a\",4294967296]"},
      {"\"path\":[\"a\",2]", "\"path\":[\"a\",true]"},
      {"\"path\":[\"a\",2]", "\"path\":\"a\""},
      {"\"decode\":\"none\"", "\"decode\":1"},
      {"\"timeField\":0", "\"timeField\":1"},  // it is decoded
      {"\"timeField\":0", "\"timeField\":2"},
      {"\"timeField\":0", "\"timeField\":\"a\""},
      {"\"timeField\":0", "\"timeField\":null"},
      {"\"op\":\"exists\"", "\"op\":\"exist\""},
      {"\"op\":\"exists\"", "\"op\":1"},
      {"\"op\":\"exists\",\"field\":1", "\"op\":\"exists\",\"field\":2"},
      {"\"op\":\"exists\",\"field\":1", "\"op\":\"exists\""},
      {"\"pattern\":\"x+\"", "\"pattern\":\"x(\""},
      {"\"pattern\":\"x+\"", "\"pattern\":\"((((x{100}){100}){100}){100})\""},
      {"\"pattern\":\"x+\"", "\"pattern\":1"},
      {"\"whole\":false", "\"whole\":0"},
      {"\"list\":0", "\"list\":3"},
      {"\"list\":0", "\"list\":1"},
      {"\"list\":1", "\"list\":2"},
      {"\"list\":2", "\"list\":0"},
      {"\"list\":0,\"fold\":false", "\"list\":0"},
      {"\"texts\":[\"text\"]", "\"texts\":[null]"},
      {"\"texts\":[\"text\"],\"fold\":false", "\"texts\":[\"text\"]"},
      {"\"lt\":\"5\"", "\"lt\":\"5x\""},
      {"\"route\":1", "\"route\":3"},
      {"\"route\":1,", ""},
      {"\"when\":[\"all\",0,[\"not\",7]]", "\"when\":[\"all\"]"},
      {"\"when\":[\"all\",0,[\"not\",7]]", "\"when\":[]"},
      {"\"when\":[\"all\",0,[\"not\",7]]", "\"when\":[\"not\",1,2]"},
      {"\"when\":[\"all\",0,[\"not\",7]]", "\"when\":[\"none\",1]"},
      {"\"when\":[\"all\",0,[\"not\",7]]", "\"when\":[1,2]"},
      {"\"when\":[\"all\",0,[\"not\",7]]", "\"when\":8"},
      {"\"when\":[\"all\",0,[\"not\",7]]", "\"when\":-1"},
      {"\"when\":[\"all\",0,[\"not\",7]]", "\"when\":\"0\""},
      {"\"routes\":[\"keep\",\"drop\",\"malformed\"]", "\"routes\":[\"keep\",\"drop\"]"},
      {"\"defaultRoute\":0", "\"defaultRoute\":3"},
      {"\"defaultRoute\":0}", "\"defaultRoute\":0"},
  };
  for (const auto& [from, to] : damages) CHECK(RefusesPlan(from, to));
  std::string deep = "0";
  for (int i = 0; i < 1010; i++) deep = "[\"not\"," + deep + "]";
  CHECK(RefusesPlan("[\"all\",0,[\"not\",7]]", deep));
  std::string routes = "\"routes\":[\"keep\"";
  for (int i = 0; i < 256; i++) routes += ",\"r" + std::to_string(i) + "\"";
  CHECK(RefusesPlan("\"routes\":[\"keep\"", routes));
}

void TestDamage() {
  CHECK(RefusesDamage([](uint32_t* w) { w[0]++; }));
  CHECK(RefusesDamage([](uint32_t* w) { w[1]++; }));
  for (const uint32_t word : {kPlanAt, kPlanBytes, kListCount, kListsAt, kFoldAt, kFoldCount}) {
    CHECK(RefusesDamage([word](uint32_t* w) { w[word] = ~uint32_t{0}; }));
    CHECK(RefusesDamage([word](uint32_t* w) { w[word] = w[kTotal] + 4; }));
  }
  for (const uint32_t word : {kListsAt, kFoldAt}) CHECK(RefusesDamage([word](uint32_t* w) { w[word] += 2; }));
  // Entries of the directory: a set, substrings, networks, each position beyond the block, and each count.
  for (uint32_t list = 0; list < 3; list++) {
    const auto entry = [list](uint32_t* w) { return w + w[kListsAt] / 4 + list * 8; };
    CHECK(RefusesDamage([&entry](uint32_t* w) { entry(w)[0] = 4; }));
    const uint32_t used = list == 0 ? 8 : list == 1 ? 6 : 5;
    for (uint32_t word = 1; word < used; word++) {
      CHECK(RefusesDamage([&entry, word](uint32_t* w) { entry(w)[word] = ~uint32_t{0} - 3; }));
    }
  }
  const auto at = [](uint32_t* w, uint32_t list, uint32_t word) { return w + w[w[kListsAt] / 4 + list * 8 + word] / 4; };
  CHECK(RefusesDamage([&at](uint32_t* w) { at(w, 0, 3)[0] = 9; }));   // offsets fall
  CHECK(RefusesDamage([&at](uint32_t* w) { at(w, 0, 3)[1] = 99; }));  // or leave the bytes
  CHECK(RefusesDamage([&at](uint32_t* w) { at(w, 0, 5)[0] = 9; }));   // so for buckets
  CHECK(RefusesDamage([&at](uint32_t* w) { at(w, 0, 5)[16] = 9; }));
  CHECK(RefusesDamage([&at](uint32_t* w) { at(w, 1, 2)[0] = 9; }));
  CHECK(RefusesDamage([](uint32_t* w) { w[w[kListsAt] / 4 + 6] = 0; }));  // bits of buckets
  CHECK(RefusesDamage([](uint32_t* w) { w[w[kListsAt] / 4 + 6] = 25; }));
}

}  // namespace

void TestProgram() {
  const RuleSet rules = EachOperator();
  const Block block = WriteProgram(rules);
  std::string error = "left from before";
  const auto program = weir::Program::Read(block.data(), block.size, &error);
  CHECK(program != nullptr && error.empty());
  if (program == nullptr) return;
  CHECK(program->fields.size() == 2 && program->predicates.size() == 8 && program->lists.size() == 3 && program->rules.size() == 2);
  CHECK(program->fields[0].path[1].index == 2 && program->fields[1].decode_url && program->route_count == 3 && program->has_time_field);
  CHECK(!IsRefused(block));
  TestPlans();
  TestDamage();
  // A fold table whose second column is longer text would let folding write behind its buffer.
  CHECK(RefusesDamage([](uint32_t* w) { w[w[kFoldAt] / 4 + 1] = 0x10ffff; }));
  // A block that begins between two words, and blocks cut short at every length.
  Block shifted{std::make_unique<uint32_t[]>(block.size / 4 + 1), block.size};
  std::memcpy(shifted.data() + 1, block.data(), block.size);
  CHECK(weir::Evaluator::Load(shifted.data() + 1, block.size, &error) == nullptr && !error.empty());
  for (size_t size = 0; size + 4 < block.size; size += 1 + size / 16) {
    Block cut{std::make_unique<uint32_t[]>((size + 3) / 4), size};
    if (size != 0) std::memcpy(cut.data(), block.data(), size);
    CHECK(IsRefused(cut));
  }
}

}  // namespace weir_test
