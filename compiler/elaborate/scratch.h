// Memory for what calls need while they run: a stack, given back in the opposite order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

namespace graphc {

class Scratch {
public:
  /// What is taken through it is given back when it ends; frames end before those that are older.
  class Frame {
  public:
    explicit Frame(Scratch &scratch)
        : scratch_(scratch), block_(scratch.block_), used_(scratch.used_) {}
    ~Frame() { scratch_.block_ = block_, scratch_.used_ = used_; }
    Frame(const Frame &) = delete;

    template <typename T>
    std::span<T> take(size_t count, const T &value = T()) {
      static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= alignment);
      auto *at = static_cast<T *>(scratch_.allocate(count * sizeof(T)));
      std::uninitialized_fill_n(at, count, value);
      return {at, count};
    }

  private:
    Scratch &scratch_;
    size_t block_, used_; // where the stack ended before
  };

private:
  static constexpr size_t alignment = alignof(std::max_align_t);
  static constexpr size_t usual = size_t(1) << 16;

  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    size_t size = 0;
  };

  void *allocate(size_t size) {
    size = (size + alignment - 1) / alignment * alignment;
    if (blocks_.empty() || used_ + size > blocks_[block_].size) nextBlock(size);
    void *at = blocks_[block_].bytes.get() + used_;
    used_ += size;
    return at;
  }
  void nextBlock(size_t size) {
    block_ += !blocks_.empty();
    used_ = 0;
    if (block_ == blocks_.size()) blocks_.emplace_back();
    Block &block = blocks_[block_]; // nothing of it is in use
    if (block.size >= size) return;
    block.size = std::max(size, usual);
    block.bytes = std::make_unique_for_overwrite<std::byte[]>(block.size);
  }

  std::vector<Block> blocks_;
  size_t block_ = 0, used_ = 0; // the block that is in use last, and how far
};

} // namespace graphc
