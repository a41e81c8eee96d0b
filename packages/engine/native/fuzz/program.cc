// Loading programs: a block with drawn damage, a block whose plan is arbitrary text, or arbitrary bytes must be refused
// with words, or be a program that evaluates records without harm.

#include <algorithm>
#include <cstring>

#include "drawing.h"

namespace {

constexpr std::string_view kRecords =
    "{\"a\":\"Chrome\",\"b\":[1,{\"a\":\"10.1.2.3\"}],\"UA\":\"Mozilla\\u002f5.0 \xc3\xa9\xe2\x84\xaa%41\",\"status\":503,\"k\\n\":null}\n"
    "{\"UA\":\"\xc5\xbf\xf0\x9f\x98\x80\",\"cliIP\":\"2001:db8::1\",\"statusCode\":\"1e400\",\"\":true}\nnot json\n{\"a\":{\"b\":\"x\"}}\n{}";

// Routes that a block of 256 may have; counts for as many rules as a block of this size may hold.
void Run(const weir_test::Block& block, weir::Techniques techniques = {}) {
  std::string error;
  const auto evaluator = weir::Evaluator::Load(block.data(), block.size, &error, techniques);
  if ((evaluator == nullptr) == error.empty()) weir_fuzz::Fail("program", "refused without words, or accepted with some");
  if (evaluator == nullptr) return;
  weir_test::SlabShape shape;
  shape.input = kRecords;
  shape.count_capacity = static_cast<uint32_t>(block.size);
  shape.flags = weir::kWantRecords;
  for (const auto mode : {weir::Validation::kFull, weir::Validation::kKept, weir::Validation::kRead}) {
    shape.mode = mode;
    weir_test::TestSlab slab(shape);
    if (!evaluator->Evaluate(slab.data(), slab.size(), &error)) weir_fuzz::Fail("program", error);
  }
}

weir_test::Block BlockOf(const std::string& bytes) {
  weir_test::Block block{std::make_unique<uint32_t[]>((bytes.size() + 3) / 4), bytes.size()};
  if (!bytes.empty()) std::memcpy(block.data(), bytes.data(), bytes.size());
  return block;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider from(data, size);
  const uint32_t kind = weir_fuzz::DrawUpTo(from, 3);
  if (kind == 0) {
    Run(BlockOf(from.ConsumeRemainingBytesAsString()));
    return 0;
  }
  const weir_test::RuleSet rules = weir_fuzz::DrawRules(from);
  if (kind == 1) {
    Run(weir_test::WriteBlock(from.ConsumeRemainingBytesAsString(), rules));
    return 0;
  }
  weir_test::Block block = weir_test::WriteProgram(rules);
  for (uint32_t i = weir_fuzz::DrawUpTo(from, 4); i > 0; i--) {
    uint32_t& word = block.words[weir_fuzz::DrawUpTo(from, static_cast<uint32_t>(block.size / 4) - 1)];
    word = from.ConsumeBool() ? from.ConsumeIntegral<uint32_t>() : word + weir_fuzz::DrawUpTo(from, 16) - 8;
  }
  Run(block, weir_fuzz::DrawTechniques(from));
  return 0;
}
