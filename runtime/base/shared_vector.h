// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <boost/iterator/indirect_iterator.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/base/shared.h"

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
  SharedVector(std::vector<Element> elements) : elements_(std::move(elements)) {}
  SharedVector(std::initializer_list<T> elements) {
    for (const T& element : elements) emplace_back() = element;
  }

  [[nodiscard]] auto begin() const { return boost::make_indirect_iterator(elements_->begin()); }
  [[nodiscard]] auto end() const { return boost::make_indirect_iterator(elements_->end()); }
  [[nodiscard]] std::size_t size() const { return elements_->size(); }
  [[nodiscard]] bool empty() const { return elements_->empty(); }
  const T& operator[](std::size_t index) const { return *(*elements_)[index]; }
  bool operator==(const SharedVector& other) const {
    return elements_.Identity() == other.elements_.Identity() ||
           std::equal(begin(), end(), other.begin(), other.end());
  }

  /// To be filled before anyone else has it.
  T& emplace_back() {
    auto element = std::make_shared<T>();
    T& place = *element;
    elements_.Edit().push_back(std::move(element));
    return place;
  }

  /// The element, kept alive by whoever holds the pointer.
  [[nodiscard]] const Element& Share(std::size_t index) const { return (*elements_)[index]; }

  /// A number that follows from the elements (their hash), worked out by `compute` once for all who
  /// share them.
  template <class Compute>
  std::uint64_t Memo(Compute&& compute) const {
    return elements_.Memo(std::forward<Compute>(compute));
  }

 private:
  Shared<std::vector<Element>> elements_;
};

}  // namespace mobula
