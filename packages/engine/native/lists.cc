// Looking things up in a program's lists, where they lie.

#include <cstring>

#include "program.h"

namespace weir {

uint32_t FoldTable::Fold(uint32_t code_point) const {
  uint32_t low = 0;
  uint32_t high = count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    const uint32_t at = pairs[2 * middle];
    if (at == code_point) return pairs[2 * middle + 1];
    if (at < code_point) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return code_point;
}

uint32_t HashText(std::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto rotl = [](uint32_t x, int r) { return (x << r) | (x >> (32 - r)); };
  uint32_t h = 0;
  size_t i = 0;
  for (; i + 4 <= text.size(); i += 4) {
    uint32_t k;
    std::memcpy(&k, bytes + i, 4);
    h ^= rotl(k * 0xcc9e2d51u, 15) * 0x1b873593u;
    h = rotl(h, 13) * 5 + 0xe6546b64u;
  }
  uint32_t tail = 0;
  for (size_t j = text.size(); j-- > i;) tail = (tail << 8) | bytes[j];
  if (i < text.size()) h ^= rotl(tail * 0xcc9e2d51u, 15) * 0x1b873593u;
  h ^= static_cast<uint32_t>(text.size());
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return h ^ (h >> 16);
}

bool SetList::Contains(std::string_view text) const {
  const uint32_t hash = HashText(text);
  const uint32_t bucket = hash >> (32 - bucket_bits);
  for (uint32_t i = buckets[bucket]; i < buckets[bucket + 1]; i++) {
    if (hashes[i] == hash && entry(i) == text) return true;
  }
  return false;
}

namespace {

// Whether an entry is a prefix of `rest`: narrows the range of entries that share its first bytes, byte by byte.
bool StartsWithEntry(const SubstringsList& list, std::string_view rest) {
  uint32_t low = 0;
  uint32_t high = list.count;
  const auto byte_at = [&list](uint32_t i, size_t depth) -> int {
    const std::string_view entry = list.entry(i);
    return depth < entry.size() ? static_cast<uint8_t>(entry[depth]) : -1;
  };
  const auto first_at_least = [&](uint32_t from, uint32_t to, size_t depth, int byte) {
    while (from < to) {
      const uint32_t middle = from + (to - from) / 2;
      if (byte_at(middle, depth) < byte) {
        from = middle + 1;
      } else {
        to = middle;
      }
    }
    return from;
  };
  for (size_t depth = 0; low < high; depth++) {
    if (list.entry(low).size() == depth) return true;  // the shortest of the range comes first
    if (depth == rest.size()) return false;
    const int byte = static_cast<uint8_t>(rest[depth]);
    low = first_at_least(low, high, depth, byte);
    high = first_at_least(low, high, depth, byte + 1);
  }
  return false;
}

}  // namespace

bool SubstringsList::FoundIn(std::string_view text, uint64_t* tries) const {
  if (count == 0) return false;
  const std::string_view first = entry(0);
  if (first.empty()) return true;
  if (count == 1) {
    return first.size() <= text.size() && memmem(text.data(), text.size(), first.data(), first.size()) != nullptr;
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  for (size_t i = 0; i + 1 < text.size(); i++) {
    const uint32_t pair = bytes[i] | (uint32_t{bytes[i + 1]} << 8);
    if ((pairs[pair >> 3] >> (pair & 7)) & 1) {
      ++*tries;
      if (StartsWithEntry(*this, text.substr(i))) return true;
    }
  }
  return !text.empty() && StartsWithEntry(*this, text.substr(text.size() - 1));
}

bool NetworksList::Contains(const Address& address) const {
  if (address.is_v4) {
    uint32_t low = 0;
    uint32_t high = v4_count;
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2;
      if (address.v4 < v4[2 * middle]) {
        high = middle;
      } else if (address.v4 > v4[2 * middle + 1]) {
        low = middle + 1;
      } else {
        return true;
      }
    }
    return false;
  }
  const auto compare = [&address](const uint32_t* other) {
    for (int i = 0; i < 4; i++) {
      if (address.v6[i] != other[i]) return address.v6[i] < other[i] ? -1 : 1;
    }
    return 0;
  };
  uint32_t low = 0;
  uint32_t high = v6_count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (compare(v6 + 8 * middle) < 0) {
      high = middle;
    } else if (compare(v6 + 8 * middle + 4) > 0) {
      low = middle + 1;
    } else {
      return true;
    }
  }
  return false;
}

}  // namespace weir
