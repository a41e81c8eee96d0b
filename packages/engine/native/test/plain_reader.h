// The plain reading: what a rule set says of a record, found the obvious way, however slow. A tree of the whole record,
// std::string for every text, each pattern alone on a fresh RE2, addresses by the C library. Shares no code with the
// core but the structs of program.h, and judges it in the fuzz targets and in the kernel's tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../slab.h"
#include "rule_set.h"

namespace weir_test {

// One code point of a text, or the bytes that one U+FFFD stands for.
struct PlainPoint {
  uint32_t code_point;
  uint32_t size;
  bool valid;
};

// The sequence at byte `at`, by table 3-7 of the Unicode Standard; an invalid one covers its maximal subpart.
PlainPoint PlainPointAt(std::string_view text, size_t at);
// A code point in UTF-8.
std::string PlainUtf8(uint32_t code_point);
bool PlainIsUtf8(std::string_view text);
// Percent escapes and '+' decoded; what is not UTF-8 afterwards becomes U+FFFD.
std::string PlainDecodeUrl(std::string_view text);
// The content of a JSON string decoded; false when an escape is none.
bool PlainUnescape(std::string_view raw, std::string* out);
// Whether the text is a JSON number; `leading_zeros` allows those too.
bool PlainIsNumber(std::string_view text, bool leading_zeros);
// -1, 0 or 1 for two texts that are numbers: exactly for integers of 64 bits, else as doubles.
int PlainCompare(const std::string& a, const std::string& b);
// The sixteen bytes of an address, a v4 one mapped; false when the text is none.
bool PlainAddress(std::string_view text, uint8_t* out);

// A record as a tree.
struct Json {
  enum class Kind { kNull, kScalar, kString, kObject, kArray } kind = Kind::kNull;
  std::string text;  // of a scalar as written, of a string decoded
  std::vector<std::string> keys;  // of an object, in step with `items`
  std::vector<Json> items;
};

// Why a record is malformed, or kNone and the tree. Never kTooLong.
weir::Reason PlainParse(std::string_view record, Json* out);
// The value at a path, or null.
const Json* PlainFind(const Json& record, const weir::Field& field);
// Number of the deciding rule; that of all rules stands for the default.
uint32_t PlainDecide(const RuleSet& rules, const Json& record);

// A line of the input as the plain reading frames and judges it.
struct PlainRecord {
  uint32_t begin = 0;
  uint32_t end = 0;  // behind the LF
  weir::Reason reason = weir::Reason::kNone;
  uint16_t rule = weir::kNoRule;
  uint8_t route = weir::kMalformedRoute;
  uint32_t lines_before = 0;
};

// Delays of records that go on, by bucket, and the other records that do.
struct PlainDelays {
  std::vector<uint32_t> buckets = std::vector<uint32_t>(32);
  uint32_t ahead = 0, missing = 0, unreadable = 0;
  uint64_t sum_ms = 0;
  bool operator==(const PlainDelays&) const = default;
};

struct PlainBatch {
  std::vector<PlainRecord> records;
  uint32_t lines = 0;
  std::vector<std::string> gathered;  // by route
  PlainDelays delays;
};

struct PlainRequest {
  std::string_view input;
  uint32_t max_record_bytes = 1 << 20;
  bool open = false;
  bool continues = false;
  uint64_t now_ms = 0;
};

// The answer to a request under full validation.
PlainBatch PlainRead(const RuleSet& rules, const PlainRequest& request);
// The bytes of each route, if the records had the routes that stand in `records`.
std::vector<std::string> PlainGather(const RuleSet& rules, const PlainRequest& request, const std::vector<PlainRecord>& records);

}  // namespace weir_test
