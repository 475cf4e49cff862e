// Memory for kernels under test.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

namespace graphc::testing {

/// Elements at an address that only the element size divides, as users may give (or, with
/// `aligned`, at a multiple of 64), with bytes around them that must stay as they are.
template <typename T>
class Buffer {
public:
  explicit Buffer(int64_t elements, bool aligned = false)
      : elements_(elements), bytes_(elements * sizeof(T) + 192, 0x5a) {
    start_ = (reinterpret_cast<uintptr_t>(bytes_.data()) + 63) / 64 * 64 -
             reinterpret_cast<uintptr_t>(bytes_.data());
    if (!aligned) start_ += sizeof(T);
  }
  T get(int64_t i) const {
    T value;
    std::memcpy(&value, bytes_.data() + start_ + i * sizeof(T), sizeof(T));
    return value;
  }
  void set(int64_t i, T value) {
    std::memcpy(bytes_.data() + start_ + i * sizeof(T), &value, sizeof(T));
  }
  const void *data() const { return bytes_.data() + start_; }
  int64_t size() const { return elements_; }
  bool intact() const {
    for (size_t i = 0; i < start_; ++i)
      if (bytes_[i] != 0x5a) return false;
    for (size_t i = start_ + elements_ * sizeof(T); i < bytes_.size(); ++i)
      if (bytes_[i] != 0x5a) return false;
    return true;
  }
  bool operator==(const Buffer &other) const {
    return std::memcmp(data(), other.data(), elements_ * sizeof(T)) == 0;
  }

private:
  int64_t elements_;
  size_t start_;
  std::vector<uint8_t> bytes_;
};

} // namespace graphc::testing
