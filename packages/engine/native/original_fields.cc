// What the field reader does in the dialect of the original converter: it notes where a value may mean something else
// there, so that original_judge.h has the record read again. Doubts may be unfounded; none is missed.
//
// Different are: values that are neither text nor an integer nor a boolean (Java prints them in its own way), text that
// is not UTF-8 or may hold half of a surrogate pair, a path that leads nowhere (the original then looks elsewhere), and
// a key with U+FFFD that is not found (bytes that are no UTF-8 read as it).
// That the last of equal keys decides, repeated_keys.h looks after.

#include <cstring>

#include "field_reader.h"
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
    differs_ = differs_ || field.is_replaced || program_.fields[number].path.size() > 1;
    return;
  }
  field.value = value;
  reads_.push_back({number, value->data + value->size});
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
  ResolveText(field);
}

// A time may be written in either way: what Java prints of a number reads back as the same number, and what it prints of
// anything else is none.
void FieldReader::NoteTimeOriginal(const Value* value) {
  const uint32_t number = program_.time_field;
  if (value != nullptr) {
    reads_.push_back({number, value->data + value->size});
  } else {
    differs_ = differs_ || program_.fields[number].path.size() > 1;
  }
}

}  // namespace weir
