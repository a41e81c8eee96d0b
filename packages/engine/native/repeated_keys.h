// Whether a key that decided a record may stand in it again. To the original converter the last of several equal keys
// decides, and the cursor finds the first: one scan over the rest of the record tells that there is no other, for a
// fraction of what reading it would cost. May say so of a record that has none; never misses one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "field_reader.h"
#include "program.h"

namespace weir {

class RepeatedKeys {
 public:
  // Chooses the instructions once: AVX-512 or AVX2 where the processor has it. The fields outlive this.
  explicit RepeatedKeys(const std::vector<Field>& fields);

  // Whether a key of the path of one of `reads` may stand between that read and `end`, the record's. Reads up to 64
  // bytes behind it.
  bool MayFollow(const std::vector<FieldRead>& reads, const char* end);

 private:
  // A key, and the two bytes of it that the scan looks for: those that are rarest in logs.
  struct Key {
    const std::string* text;
    ptrdiff_t offset;  // of the two, from the quote before the key
    char first;
    char second;
  };
  using Keys = std::vector<Key>;
  // Whether one of the keys, or a `\u`, begins in [p, stop) of a record that ends at `end`.
  using Scan = bool (*)(const Keys& keys, const char* p, const char* stop, const char* end);

  static Key KeyOf(const std::string& text);
  static bool ScanPlain(const Keys& keys, const char* p, const char* stop, const char* end);
#if defined(__x86_64__) && defined(__GNUC__)
  static bool ScanAvx2(const Keys& keys, const char* p, const char* stop, const char* end);
  static bool ScanAvx512(const Keys& keys, const char* p, const char* stop, const char* end);
#endif
  static bool IsFound(const Keys& keys, const char* pair, const char* end);

  std::vector<Keys> keys_of_;  // by field; none where the scan may miss one
  std::vector<FieldRead> sorted_;
  Keys keys_;  // looked for from here on
  Scan scan_;
};

}  // namespace weir
