#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace mpquic::packet {

class BufferPool;

/// One block of a BufferPool, given back when it goes. Empty (`!buffer`) when the pool had none.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), block_(std::exchange(other.block_, nullptr)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(block_, other.block_);
    return *this;
  }
  inline ~Buffer();

  explicit operator bool() const { return block_ != nullptr; }
  const BufferPool* pool() const { return pool_; }
  inline MutableBytes bytes() const;

 private:
  friend class BufferPool;
  Buffer(BufferPool* pool, std::uint8_t* block) : pool_(pool), block_(block) {}

  BufferPool* pool_ = nullptr;
  std::uint8_t* block_ = nullptr;
};

/// Packet memory, taken from the system once. The last block given back is handed out first, so that a lightly loaded
/// pool stays in the cache and untouched blocks never become resident. For one thread; outlives its buffers.
class BufferPool {
 public:
  BufferPool(std::size_t block_size, std::size_t count)
      : block_size_(block_size), memory_(std::make_unique_for_overwrite<std::uint8_t[]>(block_size * count)) {
    free_.reserve(count);
    for (std::size_t i = count; i-- > 0;) free_.push_back(&memory_[i * block_size]);
  }
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  Buffer take() {
    if (free_.empty()) return {};
    std::uint8_t* block = free_.back();
    free_.pop_back();
    return {this, block};
  }
  std::size_t block_size() const { return block_size_; }
  std::size_t available() const { return free_.size(); }

 private:
  friend class Buffer;

  std::size_t block_size_;
  std::unique_ptr<std::uint8_t[]> memory_;
  std::vector<std::uint8_t*> free_;
};

inline Buffer::~Buffer() {
  if (block_ != nullptr) pool_->free_.push_back(block_);
}

inline MutableBytes Buffer::bytes() const { return {block_, pool_->block_size_}; }

}  // namespace mpquic::packet
