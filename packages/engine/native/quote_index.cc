// Masks of quotes and backslashes, and their positions. The two ways differ in instructions only.

#include "quote_index.h"

#include <algorithm>

#include "json_scan.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

namespace weir {
namespace {

// Blocks indexed at a time: as much as the first fields of a record take.
constexpr uint32_t kBlocks = 4;
// What one block may write: a position for each byte, and up to fifteen behind those that count.
constexpr uint32_t kRoom = 64 + 16;

// Bits set. The oldest x86-64 has no instruction for it, and the compiler's stand-in is a call.
inline uint32_t Count(uint64_t bits) {
  bits -= (bits >> 1) & 0x5555555555555555u;
  bits = (bits & 0x3333333333333333u) + ((bits >> 2) & 0x3333333333333333u);
  return static_cast<uint32_t>((((bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u) >> 56);
}

}  // namespace

QuoteIndex::QuoteIndex([[maybe_unused]] Level most) : index_(&QuoteIndex::IndexPlain) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (most == Level::kPlain) return;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt")) {
    index_ = &QuoteIndex::IndexAvx2;
    if (most == Level::kAvx2) return;
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2")) index_ = &QuoteIndex::IndexAvx512;
  }
#endif
}

void QuoteIndex::Provide(uint32_t count) {
  while (count_ < count && indexed_ < size_) {
    const uint32_t blocks = std::min(kBlocks, (size_ - indexed_ + 63) / 64);
    if (positions_.size() < count_ + blocks * kRoom) positions_.resize(2 * count_ + 2 * kBlocks * kRoom);
    (this->*index_)(blocks);
  }
  if (positions_.size() < count) positions_.resize(count + kRoom);
  for (uint32_t i = count_; i < count; i++) positions_[i] = size_;
}

void QuoteIndex::IndexPlain(uint32_t blocks) {
  for (; blocks > 0; blocks--) {
    BlockMasks masks = QuotesAndBackslashes(text_ + indexed_);
    const uint32_t left = size_ - indexed_;
    if (left < 64) {
      const uint64_t inside = (uint64_t{1} << left) - 1;
      masks.quotes &= inside;
      masks.backslashes &= inside;
    }
    if ((masks.backslashes | escape_carry_) != 0) masks.quotes &= ~Escaped(masks.backslashes);
    uint32_t* out = positions_.data() + count_;
    count_ += Count(masks.quotes);
    for (; masks.quotes != 0; masks.quotes &= masks.quotes - 1) {
      *out++ = indexed_ + static_cast<uint32_t>(__builtin_ctzll(masks.quotes));
    }
    indexed_ += std::min(left, uint32_t{64});
  }
}

#if defined(__x86_64__) && defined(__GNUC__)

__attribute__((target("avx2,bmi,popcnt"))) void QuoteIndex::IndexAvx2(uint32_t blocks) {
  const __m256i quote = _mm256_set1_epi8('"');
  const __m256i backslash = _mm256_set1_epi8('\\');
  const auto mask = [](__m256i low, __m256i high) __attribute__((target("avx2,bmi,popcnt"), always_inline)) {
    return static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(low))) |
           (static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(high))) << 32);
  };
  for (; blocks > 0; blocks--) {
    const char* p = text_ + indexed_;
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32));
    uint64_t quotes = mask(_mm256_cmpeq_epi8(low, quote), _mm256_cmpeq_epi8(high, quote));
    uint64_t backslashes = mask(_mm256_cmpeq_epi8(low, backslash), _mm256_cmpeq_epi8(high, backslash));
    const uint32_t left = size_ - indexed_;
    if (left < 64) {
      const uint64_t inside = (uint64_t{1} << left) - 1;
      quotes &= inside;
      backslashes &= inside;
    }
    if ((backslashes | escape_carry_) != 0) quotes &= ~Escaped(backslashes);
    uint32_t* out = positions_.data() + count_;
    const auto found = static_cast<uint32_t>(_mm_popcnt_u64(quotes));
    count_ += found;
    // Eight at a time without asking how many there are: what is too much lies behind those that count.
    for (uint32_t done = 0; done < found; done += 8) {
      for (uint32_t k = 0; k < 8; k++) {
        out[done + k] = indexed_ + static_cast<uint32_t>(_tzcnt_u64(quotes));
        quotes = _blsr_u64(quotes);
      }
    }
    indexed_ += left < 64 ? left : 64;
  }
}

#pragma GCC diagnostic push
// The compiler's own headers leave what a full mask never reads uninitialised.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

__attribute__((target("avx512f,avx512bw,avx512vbmi2,bmi,popcnt"))) void QuoteIndex::IndexAvx512(uint32_t blocks) {
  alignas(64) static constexpr uint8_t kNumbers[64] = {
      0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
      32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
  const __m512i numbers = _mm512_load_si512(kNumbers);
  for (; blocks > 0; blocks--) {
    const uint32_t left = size_ - indexed_;
    const uint64_t inside = left < 64 ? (uint64_t{1} << left) - 1 : ~uint64_t{0};
    const __m512i bytes = _mm512_loadu_si512(text_ + indexed_);
    uint64_t quotes = _mm512_mask_cmpeq_epi8_mask(inside, bytes, _mm512_set1_epi8('"'));
    const uint64_t backslashes = _mm512_mask_cmpeq_epi8_mask(inside, bytes, _mm512_set1_epi8('\\'));
    if ((backslashes | escape_carry_) != 0) quotes &= ~Escaped(backslashes);
    const auto found = static_cast<uint32_t>(_mm_popcnt_u64(quotes));
    uint32_t* out = positions_.data() + count_;
    count_ += found;
    // The numbers of the bits that are set, side by side; then sixteen of them at a time.
    __m512i packed = _mm512_maskz_compress_epi8(quotes, numbers);
    const __m512i base = _mm512_set1_epi32(static_cast<int>(indexed_));
    for (uint32_t done = 0; done < found; done += 16) {
      const __m512i positions = _mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed)), base);
      _mm512_storeu_si512(out + done, positions);
      packed = _mm512_shuffle_i64x2(packed, packed, 0x39);  // the next sixteen bytes come first
    }
    indexed_ += left < 64 ? left : 64;
  }
}

#pragma GCC diagnostic pop

#endif

// The bytes of the next block that a backslash escapes.
uint64_t QuoteIndex::Escaped(uint64_t backslashes) {
  if (backslashes != 0 && first_escape_ == size_) {
    first_escape_ = indexed_ + static_cast<uint32_t>(__builtin_ctzll(backslashes));
  }
  uint64_t escaped = escape_carry_;
  backslashes &= ~escape_carry_;
  escape_carry_ = 0;
  while (backslashes != 0) {
    const int k = __builtin_ctzll(backslashes);
    if (k == 63) {
      escape_carry_ = 1;
      break;
    }
    escaped |= uint64_t{2} << k;
    backslashes &= ~(uint64_t{3} << k);
  }
  return escaped;
}

}  // namespace weir
