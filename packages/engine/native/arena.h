// Memory that is given back all at once: blocks of bytes whose addresses stay while the arena lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace weir {

class Arena {
 public:
  // `size` bytes, 8-aligned, valid until Reset(). Eight more may be read: scans look a few bytes ahead.
  char* Allocate(size_t size) {
    const size_t rounded = (size + 8 + 7) & ~size_t{7};
    if (rounded > left_) Grow(rounded);
    char* out = next_;
    next_ += rounded;
    left_ -= rounded;
    used_ += rounded;
    return out;
  }

  // Takes back everything; keeps one block of the usual size for what comes next.
  void Reset() {
    if (blocks_.size() > 1) blocks_.resize(1);
    next_ = blocks_.empty() ? nullptr : blocks_[0].get();
    left_ = blocks_.empty() ? 0 : kBlockBytes;
    used_ = 0;
  }

  size_t used() const { return used_; }

 private:
  static constexpr size_t kBlockBytes = 16 << 10;

  void Grow(size_t size) {
    // The first block always has the usual size, so that Reset can keep it.
    if (blocks_.empty()) blocks_.push_back(std::make_unique<char[]>(kBlockBytes));
    const size_t bytes = size > kBlockBytes ? size : kBlockBytes;
    if (size <= kBlockBytes && next_ == nullptr) {
      next_ = blocks_[0].get();
      left_ = kBlockBytes;
      return;
    }
    blocks_.push_back(std::make_unique<char[]>(bytes));
    next_ = blocks_.back().get();
    left_ = bytes;
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  size_t left_ = 0;
  size_t used_ = 0;
};

}  // namespace weir
