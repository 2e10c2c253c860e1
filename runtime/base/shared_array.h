// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "runtime/base/shared.h"

namespace mobula {

/// A vector that is shared when it is copied, its elements in one piece: what a task is given goes
/// from its owner's table into messages and retries without a copy. Whoever changes it gets one of
/// its own first.
template <class T>
class SharedArray {
 public:
  using value_type = T;
  /// Most have one element; then there is one allocation.
  using Elements = absl::InlinedVector<T, 1>;

  [[nodiscard]] auto begin() const { return elements_->begin(); }
  [[nodiscard]] auto end() const { return elements_->end(); }
  [[nodiscard]] std::size_t size() const { return elements_->size(); }
  [[nodiscard]] bool empty() const { return elements_->empty(); }
  const T& operator[](std::size_t index) const { return (*elements_)[index]; }
  bool operator==(const SharedArray&) const = default;

  Elements& Edit() { return elements_.Edit(); }
  T& emplace_back() { return Edit().emplace_back(); }

  /// A number that follows from the elements (their hash), worked out by `compute` once for all who
  /// share them.
  template <class Compute>
  std::uint64_t Memo(Compute&& compute) const {
    return elements_.Memo(std::forward<Compute>(compute));
  }

 private:
  Shared<Elements> elements_;
};

}  // namespace mobula
