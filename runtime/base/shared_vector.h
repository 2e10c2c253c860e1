// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <boost/iterator/indirect_iterator.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace mobula {

/// A vector that is shared when it is copied: what one sender tells a thousand receivers exists
/// once in a process. So does each element, which vectors with different others may share. Elements
/// do not change; one may be added, which copies the list of them first when others share it.
template <class T>
class SharedVector {
 public:
  using value_type = T;
  using Element = std::shared_ptr<const T>;

  SharedVector() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): it stands where a vector would.
  SharedVector(std::vector<Element> elements)
      : block_(std::make_shared<Block>(Block{std::move(elements), std::nullopt})) {}
  SharedVector(std::initializer_list<T> elements) {
    for (const T& element : elements) emplace_back() = element;
  }

  [[nodiscard]] auto begin() const { return boost::make_indirect_iterator(Elements().begin()); }
  [[nodiscard]] auto end() const { return boost::make_indirect_iterator(Elements().end()); }
  [[nodiscard]] std::size_t size() const { return Elements().size(); }
  [[nodiscard]] bool empty() const { return Elements().empty(); }
  const T& operator[](std::size_t index) const { return *Elements()[index]; }
  bool operator==(const SharedVector& other) const {
    return block_ == other.block_ || std::equal(begin(), end(), other.begin(), other.end());
  }

  /// To be filled before anyone else has it.
  T& emplace_back() {
    if (block_ == nullptr) {
      block_ = std::make_shared<Block>();
    } else if (block_.use_count() > 1) {
      block_ = std::make_shared<Block>(Block{block_->elements, std::nullopt});
    }
    block_->memo.reset();
    auto element = std::make_shared<T>();
    T& place = *element;
    block_->elements.push_back(std::move(element));
    return place;
  }

  /// The element, kept alive by whoever holds the pointer.
  [[nodiscard]] const Element& Share(std::size_t index) const { return Elements()[index]; }

  /// A number that follows from the elements (their hash), worked out by `compute` once for all who
  /// share them.
  template <class Compute>
  std::uint64_t Memo(Compute&& compute) const {
    if (block_ == nullptr) return compute();
    if (!block_->memo) block_->memo = compute();
    return *block_->memo;
  }

 private:
  struct Block {
    std::vector<Element> elements;
    std::optional<std::uint64_t> memo;
  };

  [[nodiscard]] const std::vector<Element>& Elements() const {
    static const std::vector<Element> none;
    return block_ == nullptr ? none : block_->elements;
  }

  std::shared_ptr<Block> block_;
};

}  // namespace mobula
