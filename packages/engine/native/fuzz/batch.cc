// The whole batch: a drawn rule set over what is left of the input as records, in every validation mode, judged by the
// plain reading, with drawn techniques. Each mode runs twice on one evaluator, so that what it learned from the first serves the second.

#include "drawing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider from(data, size);
  weir_test::RuleSet rules = weir_fuzz::DrawRules(from);
  weir_test::SlabShape shape = weir_fuzz::DrawShape(from);
  // Drawn last, so that what the corpus holds keeps its meaning.
  const auto time = from.ConsumeIntegral<uint8_t>();
  rules.time_field = time / 4 % static_cast<uint32_t>(rules.fields.size());
  rules.has_time_field = time % 4 != 0 && !rules.fields[rules.time_field].decode_url;
  const weir::Techniques techniques = weir_fuzz::DrawTechniques(from);
  shape.now_ms = 1'600'000'000'000;
  shape.count_capacity = static_cast<uint32_t>(rules.rules.size()) + 1;
  const std::string input = from.ConsumeRemainingBytesAsString();
  shape.input = input;
  const weir_test::Block block = weir_test::WriteProgram(rules);
  std::string error;
  const auto evaluator = weir::Evaluator::Load(block.data(), block.size, &error, techniques);
  if (evaluator == nullptr) weir_fuzz::Fail("batch", error);
  const weir_test::PlainBatch plain = weir_test::PlainRead(rules, weir_test::PlainOf(shape));
  for (int turn = 0; turn < 2; turn++) {
    for (const auto mode : {weir::Validation::kFull, weir::Validation::kKept, weir::Validation::kRead}) {
      shape.mode = mode;
      const weir_test::Answer answer = weir_test::RunKernel(*evaluator, rules, shape);
      const std::string difference = weir_test::Differs(rules, shape, answer, plain);
      if (!difference.empty()) {
        weir_fuzz::Fail("batch", "mode " + std::to_string(static_cast<int>(mode)) + ", turn " + std::to_string(turn) +
                                     ", differs in: " + difference + "\nplan: " + weir_test::PlanOf(rules));
      }
    }
  }
  return 0;
}
