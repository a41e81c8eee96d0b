// One scan for a few keys, and for `\u`, by which any key may be spelled otherwise. The ways differ in instructions only
// (a filter on one early field: a quarter of a record's time with AVX-512, a half without vector code).

#include "repeated_keys.h"

#include <algorithm>
#include <cstring>

#include "json_scan.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

namespace weir {
namespace {

// Whether the key stands in a record as it is, or with a `\u` somewhere in it, and in no other way.
bool IsPlain(const std::string& key) {
  for (char c : key) {
    if (static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\' || c == '/') return false;
  }
  // What is not UTF-8 reads as this.
  return key.find("\xef\xbf\xbd") == std::string::npos;
}

// How common a byte is in logs, roughly.
int Weight(char c) {
  if (c == '"') return 8;
  if (c >= '0' && c <= '9') return 6;
  if (c >= 'a' && c <= 'z') return std::strchr("eatsroni", c) != nullptr ? 6 : 4;
  return c >= 'A' && c <= 'Z' ? 2 : 3;
}

bool StandsAt(const char* quote, const char* end, const std::string& key) {
  const size_t size = key.size();
  return static_cast<size_t>(end - quote) >= size + 2 && quote[0] == '"' && quote[size + 1] == '"' &&
         std::memcmp(quote + 1, key.data(), size) == 0;
}

}  // namespace

RepeatedKeys::RepeatedKeys(const std::vector<Field>& fields) : scan_(&RepeatedKeys::ScanPlain) {
  for (const Field& field : fields) {
    Keys& keys = keys_of_.emplace_back();
    if (!std::all_of(field.path.begin(), field.path.end(), [](const Step& step) { return IsPlain(step.key); })) continue;
    for (const Step& step : field.path) keys.push_back(KeyOf(step.key));
  }
#if defined(__x86_64__) && defined(__GNUC__)
  if (__builtin_cpu_supports("avx2")) {
    scan_ = &RepeatedKeys::ScanAvx2;
    if (__builtin_cpu_supports("avx512bw")) scan_ = &RepeatedKeys::ScanAvx512;
  }
#endif
}

RepeatedKeys::Key RepeatedKeys::KeyOf(const std::string& text) {
  const std::string quoted = '"' + text + '"';
  size_t best = 0;
  const auto weight = [&quoted](size_t i) { return Weight(quoted[i]) * Weight(quoted[i + 1]); };
  for (size_t i = 1; i + 1 < quoted.size(); i++) {
    if (weight(i) < weight(best)) best = i;
  }
  return {&text, static_cast<ptrdiff_t>(best), quoted[best], quoted[best + 1]};
}

bool RepeatedKeys::MayFollow(const std::vector<FieldRead>& reads, const char* end) {
  if (reads.empty()) return false;
  if (reads.size() == 1) {
    const Keys& keys = keys_of_[reads[0].field];
    return keys.empty() || scan_(keys, reads[0].behind, end, end);
  }
  sorted_ = reads;
  std::sort(sorted_.begin(), sorted_.end(), [](const FieldRead& a, const FieldRead& b) { return a.behind < b.behind; });
  keys_.clear();
  for (size_t i = 0; i < sorted_.size(); i++) {
    const Keys& own = keys_of_[sorted_[i].field];
    keys_.insert(keys_.end(), own.begin(), own.end());
    const char* const stop = i + 1 < sorted_.size() ? sorted_[i + 1].behind : end;
    if (own.empty() || scan_(keys_, sorted_[i].behind, stop, end)) return true;
  }
  return false;
}

// Whether the two bytes are those of a key that stands there, or a `\u`. They stand behind a read, so bytes before them
// are the record's as well.
bool RepeatedKeys::IsFound(const Keys& keys, const char* pair, const char* end) {
  if (end - pair >= 2 && pair[0] == '\\' && pair[1] == 'u') return true;
  return std::any_of(keys.begin(), keys.end(), [pair, end](const Key& key) {
    return pair[0] == key.first && StandsAt(pair - key.offset, end, *key.text);
  });
}

bool RepeatedKeys::ScanPlain(const Keys& keys, const char* p, const char* stop, const char* end) {
  for (; (p = FindStringStop(p, stop)) < stop; p++) {
    if (*p == '\\' && IsFound(keys, p, end)) return true;
    for (const Key& key : keys) {
      if (StandsAt(p, end, *key.text)) return true;
    }
  }
  return false;
}

#if defined(__x86_64__) && defined(__GNUC__)

__attribute__((target("avx2,bmi"))) bool RepeatedKeys::ScanAvx2(const Keys& keys, const char* p, const char* stop, const char* end) {
  const __m256i backslash = _mm256_set1_epi8('\\');
  const __m256i letter = _mm256_set1_epi8('u');
  for (; p < stop; p += 32) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const __m256i next = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 1));
    __m256i pairs = _mm256_and_si256(_mm256_cmpeq_epi8(bytes, backslash), _mm256_cmpeq_epi8(next, letter));
    for (const Key& key : keys) {
      const __m256i first = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(key.first));
      const __m256i second = _mm256_cmpeq_epi8(next, _mm256_set1_epi8(key.second));
      pairs = _mm256_or_si256(pairs, _mm256_and_si256(first, second));
    }
    for (auto hits = static_cast<uint32_t>(_mm256_movemask_epi8(pairs)); hits != 0; hits &= hits - 1) {
      const char* const pair = p + __builtin_ctz(hits);
      if (pair < stop && IsFound(keys, pair, end)) return true;
    }
  }
  return false;
}

__attribute__((target("avx512f,avx512bw,bmi"))) bool RepeatedKeys::ScanAvx512(const Keys& keys, const char* p, const char* stop,
                                                                            const char* end) {
  const __m512i backslash = _mm512_set1_epi8('\\');
  const __m512i letter = _mm512_set1_epi8('u');
  const __m512i first = _mm512_set1_epi8(keys[0].first);
  const __m512i second = _mm512_set1_epi8(keys[0].second);
  for (; p < stop; p += 64) {
    const __m512i bytes = _mm512_loadu_si512(p);
    const __m512i next = _mm512_loadu_si512(p + 1);
    __mmask64 pairs = _mm512_mask_cmpeq_epi8_mask(_mm512_cmpeq_epi8_mask(bytes, backslash), next, letter) |
                      _mm512_mask_cmpeq_epi8_mask(_mm512_cmpeq_epi8_mask(bytes, first), next, second);
    for (size_t i = 1; i < keys.size(); i++) {
      const __mmask64 firsts = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(keys[i].first));
      pairs |= _mm512_mask_cmpeq_epi8_mask(firsts, next, _mm512_set1_epi8(keys[i].second));
    }
    for (uint64_t hits = pairs; hits != 0; hits &= hits - 1) {
      const char* const pair = p + __builtin_ctzll(hits);
      if (pair < stop && IsFound(keys, pair, end)) return true;
    }
  }
  return false;
}

#endif

}  // namespace weir
