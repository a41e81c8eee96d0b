// Addresses as text: strict, and the same in rules and in data. Leading-zero octets, zones and prefixes are no address.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

struct Address {
  bool is_v4 = false;  // also for ::ffff:a.b.c.d, in any spelling
  uint32_t v4 = 0;
  uint32_t v6[4] = {0, 0, 0, 0};  // most significant first
};

// Parses a dotted quad or RFC 4291 text. False when `text` is neither.
bool ParseAddress(std::string_view text, Address* out);

}  // namespace weir
