// Whether a record is RFC 8259 JSON in valid UTF-8 with an object on top. simdjson's first stage finds the structural
// characters, checks UTF-8 and the inside of strings; the grammar over its index is ours, because simdjson's own
// second stage refuses numbers and escapes that the grammar allows.

#include <cstring>

#include "json_cursor.h"
#include "json_scan.h"
#include "simdjson.h"

namespace weir {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsHex(char c) { return IsDigit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

// Behind the number at `p`, or null.
const char* NumberEnd(const char* p, const char* end) {
  const auto digits = [end](const char* q) {
    while (q < end && IsDigit(*q)) q++;
    return q;
  };
  if (p < end && *p == '-') p++;
  if (p >= end || !IsDigit(*p)) return nullptr;
  p = *p == '0' ? p + 1 : digits(p);
  if (p < end && *p == '.') {
    const char* fraction = digits(p + 1);
    if (fraction == p + 1) return nullptr;
    p = fraction;
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    p++;
    if (p < end && (*p == '+' || *p == '-')) p++;
    const char* exponent = digits(p);
    if (exponent == p) return nullptr;
    p = exponent;
  }
  return p;
}

// Behind the number or literal at `p`, or null.
const char* ScalarBehind(const char* p, const char* end) {
  const auto literal = [p, end](const char* word, ptrdiff_t size) {
    return end - p >= size && std::memcmp(p, word, static_cast<size_t>(size)) == 0 ? p + size : nullptr;
  };
  switch (*p) {
    case 't': return literal("true", 4);
    case 'f': return literal("false", 5);
    case 'n': return literal("null", 4);
    default: return NumberEnd(p, end);
  }
}

// Whether every backslash starts one of JSON's escapes. Outside strings the grammar refuses them anyway.
bool EscapesAreValid(const char* p, const char* end) {
  while ((p = static_cast<const char*>(std::memchr(p, '\\', static_cast<size_t>(end - p)))) != nullptr) {
    if (end - p < 2) return false;
    switch (p[1]) {
      case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': p += 2; break;
      case 'u':
        if (end - p < 6 || !IsHex(p[2]) || !IsHex(p[3]) || !IsHex(p[4]) || !IsHex(p[5])) return false;
        p += 6;
        break;
      default: return false;
    }
    if (p == end) break;
  }
  return true;
}

}  // namespace

bool IsScalar(std::string_view text) {
  const char* end = text.data() + text.size();
  return !text.empty() && ScalarBehind(text.data(), end) == end;
}

Validator::Validator(size_t max_depth) : containers_(64), max_depth_(max_depth) {
  // The fallback looks at UTF-8 only inside strings.
  checks_utf8_ = simdjson::get_active_implementation()->name() != "fallback";
}

Validator::~Validator() = default;

bool Validator::Reserve(size_t bytes) {
  if (stage1_ && bytes <= capacity_) return true;
  size_t capacity = capacity_ == 0 ? 4096 : capacity_;
  while (capacity < bytes) capacity *= 2;
  capacity_ = 0;
  const auto error = stage1_ ? stage1_->set_capacity(capacity)
                             : simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, stage1_);
  if (error) return false;
  capacity_ = capacity;
  return true;
}

Reason Validator::Check(const char* begin, const char* end) {
  const auto size = static_cast<size_t>(end - begin);
  if (!Reserve(size)) throw std::bad_alloc();
  const auto* bytes = reinterpret_cast<const uint8_t*>(begin);
  const auto error = stage1_->stage1(bytes, size, simdjson::stage1_mode::regular);
  if (error || !checks_utf8_) {
    if (!simdjson::validate_utf8(begin, size)) return Reason::kUtf8;
    if (error == simdjson::MEMALLOC) throw std::bad_alloc();
    if (error) return Reason::kSyntax;
  }
  const Reason reason = Grammar(begin, static_cast<uint32_t>(size));
  if (reason == Reason::kSyntax) return reason;
  return EscapesAreValid(begin, end) ? reason : Reason::kSyntax;
}

// One pass over the structural characters: each is '{', '}', '[', ']', ':', ',' or the first byte of a string or scalar.
Reason Validator::Grammar(const char* bytes, uint32_t size) {
  const uint32_t* const index = stage1_->structural_indexes.get();
  const uint32_t count = stage1_->n_structural_indexes;
  const char* const end = bytes + size;
  uint32_t i = 0;
  size_t depth = 0;
  bool too_deep = false;
  if (count == 0) return Reason::kSyntax;
  const char top = bytes[index[0]];

value:
  if (i >= count) return Reason::kSyntax;
  {
    const char* p = bytes + index[i++];
    if (*p == '{' || *p == '[') {
      if (++depth == containers_.size()) containers_.resize(2 * depth);
      containers_[depth] = *p;
      too_deep = too_deep || depth > max_depth_;
      if (i < count && bytes[index[i]] == (*p == '{' ? '}' : ']')) {
        i++;
        depth--;
        goto behind_value;
      }
      if (*p == '{') goto key;
      goto value;
    }
    if (*p != '"') {
      const char* behind = ScalarBehind(p, end);
      if (behind == nullptr) return Reason::kSyntax;
      const char* next = i < count ? bytes + index[i] : end;
      if (behind != next && !IsSpace(*behind)) return Reason::kSyntax;
    }
  }

behind_value:
  if (depth == 0) {
    if (i != count) return Reason::kSyntax;
    return top != '{' ? Reason::kNotObject : too_deep ? Reason::kDepth : Reason::kNone;
  }
  {
    if (i >= count) return Reason::kSyntax;
    const char c = bytes[index[i++]];
    if (c == ',') {
      if (containers_[depth] == '{') goto key;
      goto value;
    }
    if (c != (containers_[depth] == '{' ? '}' : ']')) return Reason::kSyntax;
    depth--;
    goto behind_value;
  }

key:
  if (count - i < 2 || bytes[index[i]] != '"' || bytes[index[i + 1]] != ':') return Reason::kSyntax;
  i += 2;
  goto value;
}

}  // namespace weir
