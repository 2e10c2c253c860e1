// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

namespace mobula {

/// A value that is shared when it is copied: what a million tasks have in common exists once. Reads
/// as a pointer to const; `Edit` gives the holder a copy of its own first.
template <class T>
class Shared {
 public:
  using Value = T;

  Shared() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): it stands where the value would.
  Shared(T value) : block_(new Block(std::move(value))) {}

  const T& operator*() const {
    if (block_ != nullptr) [[likely]]
      return block_->value;
    return Initial();
  }
  const T* operator->() const { return &**this; }
  bool operator==(const Shared& other) const { return block_ == other.block_ || **this == *other; }

  /// To be changed by the one who holds it. Not while another thread copies this very holder.
  T& Edit() {
    if (block_ == nullptr || block_->use_count() > 1) *this = Shared(**this);
    block_->memo.reset();
    return block_->value;
  }

  /// A number that follows from the value (its hash), worked out by `compute` once for all who
  /// share it.
  template <class Compute>
  std::uint64_t Memo(Compute&& compute) const {
    if (block_ == nullptr) return compute();
    if (!block_->memo) block_->memo = compute();
    return *block_->memo;
  }

  /// Equal for holders that share. Null for the initial value.
  [[nodiscard]] const void* Identity() const { return block_.get(); }

 private:
  static const T& Initial() {
    static const T initial;
    return initial;
  }

  struct Block : boost::intrusive_ref_counter<Block> {
    explicit Block(T content) : value(std::move(content)) {}
    T value;
    std::optional<std::uint64_t> memo;
  };

  boost::intrusive_ptr<Block> block_;
};

template <class T>
struct IsShared : std::false_type {};
template <class T>
struct IsShared<Shared<T>> : std::true_type {};

}  // namespace mobula
