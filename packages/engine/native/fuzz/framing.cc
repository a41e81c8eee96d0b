// Framing: arbitrary bytes cut into lines under a program that keeps all, judged by the plain reading; and arbitrary
// requests, which the kernel may refuse and must survive.

#include <algorithm>
#include <cstring>

#include "drawing.h"

namespace {

weir::Evaluator& KeepsAll(const weir_test::RuleSet& rules) {
  static const auto* block = new weir_test::Block(weir_test::WriteProgram(rules));
  std::string error;
  static auto* evaluator = weir::Evaluator::Load(block->data(), block->size, &error).release();
  if (evaluator == nullptr) weir_fuzz::Fail("framing", error);
  return *evaluator;
}

// A word of the request that is replaced, or moved by a little.
struct Damage {
  uint32_t word;
  bool is_moved;
  uint32_t by;
};

std::vector<Damage> DrawDamages(FuzzedDataProvider& from) {
  std::vector<Damage> out;
  for (uint32_t i = weir_fuzz::DrawUpTo(from, 15); i > 12; i--) {
    Damage& damage = out.emplace_back();
    damage.word = weir_fuzz::DrawUpTo(from, weir::kGatherRoutes + 1);
    damage.is_moved = from.ConsumeBool();
    damage.by = damage.is_moved ? 4 * weir_fuzz::DrawUpTo(from, 64) - 128 : from.ConsumeIntegral<uint32_t>();
  }
  return out;
}

// The answer may be anything.
void RunDamaged(const std::vector<Damage>& damages, weir::Evaluator& evaluator, const weir_test::SlabShape& shape) {
  weir_test::TestSlab slab(shape);
  for (const Damage& damage : damages) {
    slab.word(damage.word) = (damage.is_moved ? slab.word(damage.word) : 0) + damage.by;
  }
  std::string error;
  if (evaluator.Evaluate(slab.data(), slab.size(), &error) != error.empty()) weir_fuzz::Fail("framing", "a fault without words");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const weir_test::RuleSet rules;
  FuzzedDataProvider from(data, size);
  weir_test::SlabShape shape = weir_fuzz::DrawShape(from);
  weir::Evaluator& evaluator = KeepsAll(rules);
  const std::vector<Damage> damages = DrawDamages(from);
  const std::string input = from.ConsumeRemainingBytesAsString();
  shape.input = input;
  if (!damages.empty()) RunDamaged(damages, evaluator, shape);
  const weir_test::PlainBatch plain = weir_test::PlainRead(rules, weir_test::PlainOf(shape));
  const std::string difference = weir_test::Differs(rules, shape, weir_test::RunKernel(evaluator, rules, shape), plain);
  if (!difference.empty()) weir_fuzz::Fail("framing", difference);
  return 0;
}
