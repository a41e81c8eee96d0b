// What the field reader does in the dialect of the original converter: it notes where a value may mean something else
// there, so that the record is read again by original_record.h. Doubts may be unfounded; none is missed.
//
// Different are: values that are neither text nor an integer nor a boolean (Java prints them in its own way), text
// that is not UTF-8 or may hold half of a surrogate pair, an equal key further on (the last one decides), and a path that leads nowhere (the original then
// looks elsewhere).

#include <cstring>

#include "field_reader.h"
#include "json_scan.h"
#include "simdjson.h"

namespace weir {
namespace {

constexpr size_t kMostDigits = 1000;

bool IsAscii(std::string_view bytes) {
  const char* p = bytes.data();
  size_t left = bytes.size();
  uint64_t high = 0;
  for (; left >= 8; p += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    high |= word;
  }
  for (; left > 0; p++, left--) high |= static_cast<uint8_t>(*p);
  return (high & 0x8080808080808080u) == 0;
}

// Whether the text of a number or literal is what Java prints.
bool IsPrintedAlike(std::string_view text) {
  if (text == "true" || text == "false" || text == "0") return true;
  const size_t first = !text.empty() && text[0] == '-' ? 1 : 0;
  if (text.size() == first || text.size() - first > kMostDigits || text[first] < '1') return false;
  for (size_t i = first; i < text.size(); i++) {
    if (text[i] < '0' || text[i] > '9') return false;
  }
  return true;
}

// Whether the text of a string, escapes and all, is the same.
bool IsReadAlike(const Value& value) {
  const std::string_view raw(value.data, value.size);
  if (!IsAscii(raw) && !simdjson::validate_utf8(raw.data(), raw.size())) return false;
  if (value.kind == Value::Kind::kString) return true;
  // Where a surrogate is escaped, its partner may be missing.
  for (size_t i = 0; i + 3 < raw.size(); i++) {
    if (raw[i] == '\\' && raw[i + 1] == 'u' && (raw[i + 2] | 0x20) == 'd' && raw[i + 3] >= '8') return false;
  }
  return true;
}

// Whether the key can stand in a record without escapes only: then any other way to write it has a `\u`.
bool IsPlainKey(const std::string& key) {
  for (char c : key) {
    if (static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\' || c == '/') return false;
  }
  // What is not UTF-8 reads as this.
  return key.find("\xef\xbf\xbd") == std::string::npos;
}

bool HasUnicodeEscape(const char* p, const char* end) {
  while ((p = static_cast<const char*>(std::memchr(p, '\\', static_cast<size_t>(end - p)))) != nullptr) {
    if (end - p < 2 || p[1] == 'u') return true;
    p += 2;
    if (p == end) break;
  }
  return false;
}

bool StandsAt(const char* quote, const std::string& key) {
  return quote[0] == '"' && quote[key.size() + 1] == '"' && std::memcmp(quote + 1, key.data(), key.size()) == 0;
}

// Whether the key stands in [p, end) in quotes. Reads up to 15 bytes behind `end`.
bool HoldsQuoted(const char* p, const char* end, const std::string& key) {
  const auto size = static_cast<ptrdiff_t>(key.size());
  if (end - p < size + 2) return false;
  const char* const last = end - size - 2;  // where its first quote can stand at most
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  for (; p <= last; p += 16) {
    const __m128i first = _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)), quote);
    const __m128i second = _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + size + 1)), quote);
    for (auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_and_si128(first, second))); hits != 0; hits &= hits - 1) {
      const char* const hit = p + __builtin_ctz(hits);
      if (hit <= last && StandsAt(hit, key)) return true;
    }
  }
#elif defined(__ARM_NEON)
  const uint8x16_t quote = vdupq_n_u8('"');
  for (; p <= last; p += 16) {
    const uint8x16_t first = vceqq_u8(vld1q_u8(reinterpret_cast<const uint8_t*>(p)), quote);
    const uint8x16_t second = vceqq_u8(vld1q_u8(reinterpret_cast<const uint8_t*>(p + size + 1)), quote);
    for (uint64_t hits = NibbleMask(vandq_u8(first, second)) & 0x1111111111111111u; hits != 0; hits &= hits - 1) {
      const char* const hit = p + (__builtin_ctzll(hits) >> 2);
      if (hit <= last && StandsAt(hit, key)) return true;
    }
  }
#else
  for (; p <= last; p++) {
    if (StandsAt(p, key)) return true;
  }
#endif
  return false;
}

}  // namespace

void FieldReader::StartOriginal() {
  differs_ = false;
  reads_.clear();
}

void FieldReader::ResolveOriginal(FieldState& field) {
  field.generation = generation_;
  field.present = false;
  field.has_text = false;
  field.answers = field.absent.data();
  const auto number = static_cast<uint32_t>(&field - fields_.data());
  const Value* value = cursor_.Find(field.slot);
  if (cursor_.malformed()) return;
  if (value == nullptr) {
    differs_ = differs_ || program_.fields[number].path.size() > 1;
    return;
  }
  field.value = value;
  reads_.push_back(number);
  if (value->kind == Value::Kind::kNull) return;
  const std::string_view raw(value->data, value->size);
  const bool is_text = value->kind == Value::Kind::kString || value->kind == Value::Kind::kEscapedString;
  const bool is_alike = is_text ? IsReadAlike(*value)
                                : value->kind == Value::Kind::kScalar && IsPrintedAlike(raw);
  if (!is_alike) {
    differs_ = true;
    return;
  }
  field.found++;
  field.positions += static_cast<uint64_t>(value->data - begin_);
  field.screened = false;
  ResolveText(field);
}

bool FieldReader::MayDiffer(const char* end) const {
  if (differs_) return true;
  const char* first = end;
  for (uint32_t number : reads_) {
    const Value& value = *fields_[number].value;
    const char* const behind = value.data + (value.kind == Value::Kind::kContainer ? 0 : value.size);
    if (behind < first) first = behind;
    for (const Step& step : program_.fields[number].path) {
      if (!IsPlainKey(step.key) || HoldsQuoted(behind, end, step.key)) return true;
    }
  }
  return first < end && HasUnicodeEscape(first, end);
}

}  // namespace weir
