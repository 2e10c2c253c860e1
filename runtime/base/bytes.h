// SPDX-License-Identifier: Apache-2.0
/// An immutable byte string that is shared, not copied: one value may sit in a table, a message and
/// a retry queue at once.
#pragma once

#include <atomic>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace mobula {

class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(std::string content) {
    if (content.size() > kCopiedMax) {
      block_ = new Adopted(std::move(content));
    } else {
      *this = Of(content);
    }
  }
  /// A copy.
  static Bytes Of(std::string_view content) {
    Bytes bytes;
    if (content.empty()) return bytes;
    if (content.size() > kCopiedMax) return Bytes(std::string(content));
    void* const room = ::operator new(sizeof(Block) + content.size());
    bytes.block_ = new (room) Block(static_cast<std::uint32_t>(content.size()));
    std::memcpy(bytes.block_->Content(), content.data(), content.size());
    return bytes;
  }

  [[nodiscard]] std::string_view View() const {
    return block_ == nullptr ? std::string_view() : block_->View();
  }
  [[nodiscard]] std::size_t Size() const { return View().size(); }
  bool operator==(const Bytes& other) const { return View() == other.View(); }

 private:
  /// A longer string is kept as it was given, a shorter one lies behind its block.
  static constexpr std::size_t kCopiedMax = 1024;
  static constexpr std::uint32_t kAdopted = ~std::uint32_t{0};

  struct Block {
    explicit Block(std::uint32_t bytes) : size(bytes) {}
    [[nodiscard]] char* Content() { return reinterpret_cast<char*>(this + 1); }
    [[nodiscard]] std::string_view View() {
      if (size == kAdopted) return static_cast<Adopted*>(this)->content;
      return {Content(), size};
    }

    std::atomic<std::uint32_t> users{0};
    std::uint32_t size;
  };
  struct Adopted : Block {
    explicit Adopted(std::string given) : Block(kAdopted), content(std::move(given)) {}
    std::string content;
  };

  friend void intrusive_ptr_add_ref(Block* block) {
    block->users.fetch_add(1, std::memory_order_relaxed);
  }
  friend void intrusive_ptr_release(Block* block) {
    if (block->users.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    if (block->size == kAdopted) {
      delete static_cast<Adopted*>(block);
    } else {
      ::operator delete(block);
    }
  }

  boost::intrusive_ptr<Block> block_;
};

}  // namespace mobula
