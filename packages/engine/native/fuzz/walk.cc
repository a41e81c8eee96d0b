// The JSON walk: drawn fields looked for in one record by the cursor, and the record judged by the validator, against the
// tree of the plain reading; and its quotes indexed in every way this processor has.

#include <algorithm>

#include "../json_cursor.h"
#include "../quote_index.h"
#include "../test/check.h"
#include "drawing.h"

namespace {

using weir::Reason;
using weir::Value;
using weir_test::Json;

// What a value of the cursor says, as text that is compared.
std::string Said(const Value* value) {
  if (value == nullptr || value->kind == Value::Kind::kNull) return "nothing";
  const std::string_view raw(value->data, value->size);
  if (value->kind == Value::Kind::kContainer) return "container";
  if (value->kind == Value::Kind::kScalar) return "scalar " + std::string(raw);
  std::string text;
  if (value->kind == Value::Kind::kString) return "string " + std::string(raw);
  return weir_test::PlainUnescape(raw, &text) ? "string " + text : "invalid";
}

std::string Said(const Json* value) {
  if (value == nullptr || value->kind == Json::Kind::kNull) return "nothing";
  if (value->kind == Json::Kind::kObject || value->kind == Json::Kind::kArray) return "container";
  return (value->kind == Json::Kind::kScalar ? "scalar " : "string ") + value->text;
}

void IndexQuotes(std::string_view record) {
  std::vector<uint32_t> wanted;
  for (uint32_t i = 0; i < record.size(); i++) {
    if (record[i] == '\\') {
      i++;
    } else if (record[i] == '"') {
      wanted.push_back(i);
    }
  }
  for (const auto level : {weir::QuoteIndex::Level::kPlain, weir::QuoteIndex::Level::kAvx2, weir::QuoteIndex::Level::kAvx512}) {
    weir::QuoteIndex index(level);
    index.Start(record.data(), static_cast<uint32_t>(record.size()));
    for (uint32_t i = 0; i <= wanted.size(); i++) {
      const uint32_t position = i < wanted.size() ? wanted[i] : static_cast<uint32_t>(record.size());
      if (*index.Four(i) != position) weir_fuzz::Fail("walk", "quote " + std::to_string(i));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider from(data, size);
  std::vector<weir::Field> fields;
  for (uint32_t i = 1 + weir_fuzz::DrawUpTo(from, 5); i > 0; i--) fields.push_back(weir_fuzz::DrawField(from));
  const char filler = static_cast<char>(from.ConsumeIntegral<uint8_t>());
  // Drawn last, so that what the corpus holds keeps its meaning.
  const weir::Techniques techniques = weir_fuzz::DrawTechniques(from);
  const std::string record = from.ConsumeRemainingBytesAsString();
  const weir_test::Padded padded(record, filler);
  IndexQuotes(padded.view());
  Json tree;
  const Reason reason = weir_test::PlainParse(record, &tree);
  weir::Validator validator;
  if (validator.Check(padded.begin(), padded.end()) != reason) weir_fuzz::Fail("walk", "the validator");
  const weir::FieldTree paths(fields);
  weir::Cursor cursor(paths, techniques);
  // The second turn finds what the first one guessed.
  for (int turn = 0; turn < 2; turn++) {
    cursor.Start(padded.begin(), padded.end());
    for (size_t i = 0; i < fields.size(); i++) {
      const std::string said = Said(cursor.Find(paths.slot_of_field(i)));
      const bool differs = reason == Reason::kNone && said != Said(weir_test::PlainFind(tree, fields[i]));
      if (differs && !cursor.malformed()) weir_fuzz::Fail("walk", "field " + std::to_string(i) + ": " + said);
    }
    if (cursor.malformed() && reason == Reason::kNone) weir_fuzz::Fail("walk", "the cursor refuses a record");
  }
  return 0;
}
