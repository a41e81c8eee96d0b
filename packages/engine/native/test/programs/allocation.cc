// Every allocation failure, forced once: operator new is replaced, and the n-th call of it fails, for all n until loading
// or evaluating comes through. Each time there must be a fault, with nothing left behind, or the right answer; and the
// evaluator that was interrupted must not hang or answer wrong afterwards. A program of its own, for what it replaces.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include "../original_filters.h"
#include "../test_slab.h"

namespace {

long until_failure = 0;  // calls to the one that fails; 0: none is to
bool fails_on = false;  // also all calls behind the n-th
long failed = 0;        // calls that failed
bool has_thrown = false;  // one of them threw, as all do but those that say they do not
long alive = 0;         // blocks that were not given back

void* Allocate(size_t size) noexcept {
  if (until_failure > 0 && --until_failure == 0) {
    if (fails_on) until_failure = 1;
    failed++;
    return nullptr;
  }
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory != nullptr) alive++;
  return memory;
}

void* AllocateAligned(size_t size, size_t alignment) noexcept {
  if (until_failure > 0 && --until_failure == 0) {
    if (fails_on) until_failure = 1;
    failed++;
    return nullptr;
  }
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory != nullptr) alive++;
  return memory;
}

void* OrThrow(void* memory) {
  if (memory != nullptr) return memory;
  has_thrown = true;
  throw std::bad_alloc();
}

void Free(void* memory) noexcept {
  if (memory != nullptr) alive--;
  std::free(memory);
}

}  // namespace

// RE2 and Abseil leak what they were making; all else that is left behind is reported at the end.
extern "C" const char* __lsan_default_suppressions() { return "leak:re2::\nleak:absl::\n"; }

void* operator new(size_t size) { return OrThrow(Allocate(size)); }
void* operator new[](size_t size) { return OrThrow(Allocate(size)); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new(size_t size, std::align_val_t alignment) { return OrThrow(AllocateAligned(size, static_cast<size_t>(alignment))); }
void* operator new[](size_t size, std::align_val_t alignment) { return OrThrow(AllocateAligned(size, static_cast<size_t>(alignment))); }
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete[](void* memory) noexcept { Free(memory); }
void operator delete(void* memory, size_t) noexcept { Free(memory); }
void operator delete[](void* memory, size_t) noexcept { Free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { Free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { Free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { Free(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { Free(memory); }

namespace weir_test {
namespace {

[[noreturn]] void Fail(const char* when, long n, const char* what) {
  std::fprintf(stderr, "allocation %ld while %s: %s\n", n, when, what);
  std::exit(1);
}

// Rules and records that lead through every part that allocates: patterns, screens, caches, escapes, folding, decoding,
// containers and depth.
RuleSet EveryPart() {
  RuleSet rules;
  rules.missing = {"-"};
  rules.fields = {Key("a"), Key("b"), Key("c")};
  rules.fields[1].decode_url = true;
  rules.fields[2].path.push_back({true, 1, ""});
  const char* patterns[] = {"(?i)chrome|firefox", "safari/[0-9]+", "^x{2,9}.*bot$", "\\bfoo(bar)?"};
  for (uint32_t i = 0; i < 12; i++) {
    TestPredicate& predicate = rules.predicates.emplace_back();
    predicate.op = i < 4 ? weir::Op::kRegex : static_cast<weir::Op>(i - 4);
    predicate.field = i < 4 ? 0 : i % 3;
    predicate.fold = i % 2 == 0;
    predicate.whole = i == 1;
    predicate.pattern = patterns[i % 4];
    predicate.texts = {"one", "two", "K"};
    if (predicate.op == weir::Op::kNetworks) predicate.texts = {"10.0.0.0/8"};
    predicate.gte = "500";
    rules.rules.push_back({Test(i), static_cast<uint8_t>(i % 2)});
  }
  return rules;
}

std::string EveryRecord() {
  std::string out;
  for (int i = 0; i < 300; i++) {
    const std::string number = std::to_string(i);
    out += "{\"a\":\"Mozilla xx " + number + " bot\",\"b\":\"k%20%ff" + number + "\",\"c\":[0,\"\\u0041" + number + "\"]}\n";
    if (i % 60 == 0) out += "{\"a\":" + std::string(200, '[') + std::string(200, ']') + ",\"\\u0062\":\"" + std::string(5000, 'q') + "\\n\"}\n";
    if (i % 50 == 0) out += "not json\n{\"a\":\"safari/" + number + " foobar\"}\n";
  }
  return out;
}

// Calls `work` with the n-th allocation failing; every bad_alloc ends here. Whether the failure took place.
template <typename Work>
bool WithFailure(long n, Work&& work) {
  until_failure = n;
  failed = 0;
  has_thrown = false;
  try {
    work();
  } catch (const std::bad_alloc&) {
  }
  until_failure = 0;
  return failed != 0;
}

// The n-th allocation of loading fails. False when there are fewer. What is loaded all the same, because a library found
// another way, has to answer right.
bool FailLoading(const RuleSet& rules, const Block& block, const SlabShape& shape, const PlainBatch& plain, long n, bool is_strict) {
  const long before = alive;
  std::unique_ptr<weir::Evaluator> evaluator;
  std::string error;
  const bool took_place = WithFailure(n, [&] { evaluator = weir::Evaluator::Load(block.data(), block.size, &error); });
  if (evaluator != nullptr && !error.empty()) Fail("loading", n, "loaded, and with words of refusal");
  if (is_strict && has_thrown && evaluator != nullptr) Fail("loading", n, "nobody minded");
  if (took_place && evaluator != nullptr) {
    const std::string difference = Differs(rules, shape, RunKernel(*evaluator, rules, shape), plain);
    if (!difference.empty()) Fail("loading", n, difference.c_str());
  }
  evaluator.reset();
  std::string().swap(error);
  if (is_strict && alive != before) Fail("loading", n, "something was left behind");
  return took_place;
}

// What all evaluations of one rule set have in common. `is_warm`: the evaluator has answered once before the failure, so
// that RE2's automata stand, and what fails is ours.
struct Subject {
  const RuleSet& rules;
  const Block& block;
  const SlabShape& shape;
  const PlainBatch& plain;
  bool is_strict;  // who throws must be minded
  bool is_clean;  // and nothing be left behind
  bool is_warm;
};

// The n-th allocation of evaluating fails. False when there are fewer.
bool FailEvaluating(const Subject& subject, long n) {
  const auto& [rules, block, shape, plain, is_strict, is_clean, is_warm] = subject;
  const long before = alive;
  bool took_place = false;
  {
    std::string error;
    const auto evaluator = weir::Evaluator::Load(block.data(), block.size, &error);
    if (evaluator == nullptr) Fail("loading for an evaluation", n, error.c_str());
    if (is_warm) RunKernel(*evaluator, rules, shape);
    TestSlab slab(shape);
    bool is_answer = false;
    took_place = WithFailure(n, [&] { is_answer = evaluator->Evaluate(slab.data(), slab.size(), &error); });
    // A failure that the kernel or RE2 found another way around must not show in the answer.
    if (is_answer && slab.gathered(0, slab.word(weir::kGathered)) != plain.gathered[0] + plain.gathered[1] + plain.gathered[2]) {
      Fail("evaluating", n, "a wrong answer");
    }
    const Answer again = RunKernel(*evaluator, rules, shape);
    const std::string difference = Differs(rules, shape, again, plain);
    if (difference.compare(0, 6, "fault:") != 0 && !difference.empty()) Fail("evaluating again", n, difference.c_str());
    if (is_strict && has_thrown && is_answer) Fail("evaluating", n, "nobody minded");
  }
  if (is_clean && alive != before) Fail("evaluating", n, "something was left behind");
  return took_place;
}

SlabShape ShapeOf(const RuleSet& rules, const std::string& input) {
  SlabShape shape;
  shape.input = input;
  shape.record_capacity = 4096;
  shape.count_capacity = static_cast<uint32_t>(rules.rules.size()) + 1;
  return shape;
}

// Goes through all allocations of one rule set. Under `is_strict` nothing may be left behind: without patterns, since RE2,
// which knows no exceptions, leaks what it was making.
void FailEach(const char* name, const RuleSet& rules, const SlabShape& shape, const PlainBatch& plain, bool is_strict) {
  const Block block = WriteProgram(rules);
  // What RE2 and the library keep for good is made first.
  FailEvaluating({rules, block, shape, plain, false, false, false}, 0);
  long loading = 1;
  while (FailLoading(rules, block, shape, plain, loading, is_strict)) loading++;
  long evaluating = 1;
  while (FailEvaluating({rules, block, shape, plain, is_strict, is_strict, false}, evaluating)) evaluating++;
  std::printf("%s: %ld allocations failed while loading and %ld while evaluating\n", name, loading - 1, evaluating - 1);
  if (loading < 50 || evaluating < 10) Fail(name, 0, "too few allocations to mean anything");
}

void FailEachOfRules(const char* name, const RuleSet& rules, bool is_strict) {
  const std::string input = EveryRecord();
  const SlabShape shape = ShapeOf(rules, input);
  FailEach(name, rules, shape, PlainRead(rules, PlainOf(shape)), is_strict);
}

// Filters of the original have patterns alone, so nothing is strict but evaluating once RE2's part is done: what fails
// then is the exact reading. A kernel that was interrupted abandons its patterns, so what that leaves behind is not counted
// here; LeakSanitizer tells it from what RE2 leaves.
void FailEachOfOriginal() {
  const OriginalBatch batch = EveryOriginalPart(2);
  const SlabShape shape = ShapeOf(batch.filters, batch.input);
  FailEach("filters of the original", batch.filters, shape, batch.plain, false);
  const Block block = WriteProgram(batch.filters);
  long evaluating = 1;
  while (FailEvaluating({batch.filters, block, shape, batch.plain, true, false, true}, evaluating)) evaluating++;
  std::printf("filters of the original, warm: %ld allocations failed while evaluating\n", evaluating - 1);
  if (evaluating < 10) Fail("evaluating warm", 0, "too few allocations to mean anything");
}

RuleSet WithoutPatterns(RuleSet rules) {
  for (TestPredicate& predicate : rules.predicates) {
    if (predicate.op == weir::Op::kRegex) predicate.op = weir::Op::kSubstrings;
  }
  return rules;
}

}  // namespace
}  // namespace weir_test

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  alarm(120);  // a hang is a failure too
  weir_test::FailEachOfRules("without patterns", weir_test::WithoutPatterns(weir_test::EveryPart()), true);
  weir_test::FailEachOfRules("with patterns", weir_test::EveryPart(), false);
  weir_test::FailEachOfOriginal();
  // Not with patterns: RE2 logs while it unwinds, which needs memory, and an exception then ends the process.
  fails_on = true;
  weir_test::FailEachOfRules("without patterns, the n-th and all after it", weir_test::WithoutPatterns(weir_test::EveryPart()), true);
  return 0;
}
