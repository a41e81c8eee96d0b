// Two threads and one program block: each loads evaluators of its own from it, evaluates, compares and frees them, while
// the other does the same. Built with ThreadSanitizer, which sees any state that they share and should not. A program of
// its own, because ThreadSanitizer goes with no other instrument.

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include "../original_filters.h"
#include "../test_slab.h"

namespace weir_test {
namespace {

constexpr int kThreads = 2;
constexpr int kTurns = 60;
constexpr int kBatches = 4;

RuleSet SharedRules() {
  RuleSet rules;
  rules.missing = {"-"};
  rules.fields = {Key("a"), Key("b")};
  rules.fields[1].decode_url = true;
  const char* patterns[] = {"(?i)chrome|firefox", "safari/[0-9]+", "x{2,9}.*bot$"};
  for (uint32_t i = 0; i < 11; i++) {
    TestPredicate& predicate = rules.predicates.emplace_back();
    predicate.op = i < 3 ? weir::Op::kRegex : static_cast<weir::Op>(i - 3);
    predicate.field = i % 2;
    predicate.fold = true;
    predicate.pattern = patterns[i % 3];
    predicate.texts = {"one", "two", "k"};
    if (predicate.op == weir::Op::kNetworks) predicate.texts = {"10.0.0.0/8", "2001:db8::/32"};
    predicate.lt = "500";
    rules.rules.push_back({Test(i), static_cast<uint8_t>(i % 2)});
  }
  return rules;
}

std::string SharedRecords() {
  std::string out;
  for (int i = 0; i < 400; i++) {
    const std::string number = std::to_string(i % 97);
    out += "{\"a\":\"Mozilla xx " + number + " bot\",\"b\":\"k%20" + number + "\"}\n";
    if (i % 7 == 0) out += "{\"a\":\"10.1.2." + number + "\",\"b\":\"T\\u0057O\"}\nnot json\n";
  }
  return out;
}

// What one thread does; `waiting` lets all begin together.
void Work(const Block& block, const RuleSet& rules, const SlabShape& shape, const PlainBatch& plain, std::atomic<int>* waiting,
          std::atomic<int>* failures) {
  for (int turn = 0; turn < kTurns; turn++) {
    waiting->fetch_sub(1);
    while (waiting->load() > (kTurns - turn - 1) * kThreads) std::this_thread::yield();
    std::string error;
    const auto evaluator = weir::Evaluator::Load(block.data(), block.size, &error);
    for (int i = 0; i < kBatches; i++) {
      const std::string difference =
          evaluator == nullptr ? error : Differs(rules, shape, RunKernel(*evaluator, rules, shape), plain);
      if (difference.empty()) continue;
      std::fprintf(stderr, "turn %d: %s\n", turn, difference.c_str());
      failures->fetch_add(1);
    }
  }
}

SlabShape ShapeOf(const RuleSet& rules, const std::string& input) {
  SlabShape shape;
  shape.input = input;
  shape.flags = weir::kWantRecords;
  shape.record_capacity = 64;
  shape.count_capacity = static_cast<uint32_t>(rules.rules.size()) + 1;
  return shape;
}

bool Run(const char* name, const RuleSet& rules, const SlabShape& shape, const PlainBatch& plain) {
  const Block block = WriteProgram(rules);
  std::atomic<int> waiting{kTurns * kThreads};
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; i++) {
    threads.emplace_back([&] { Work(block, rules, shape, plain, &waiting, &failures); });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("%s: %d evaluators in %d threads, %d failures\n", name, kTurns * kThreads, kThreads, failures.load());
  return failures.load() == 0;
}

bool RunRules() {
  const RuleSet rules = SharedRules();
  const std::string input = SharedRecords();
  const SlabShape shape = ShapeOf(rules, input);
  return Run("rules", rules, shape, PlainRead(rules, PlainOf(shape)));
}

bool RunOriginal() {
  const OriginalBatch batch = EveryOriginalPart(20);
  return Run("filters of the original", batch.filters, ShapeOf(batch.filters, batch.input), batch.plain);
}

}  // namespace
}  // namespace weir_test

int main() {
  const bool is_right = weir_test::RunRules();
  return weir_test::RunOriginal() && is_right ? 0 : 1;
}
