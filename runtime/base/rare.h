// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

namespace mobula {

/// A member that is mostly as a fresh one: takes the room of a pointer until it is first changed.
template <class T>
class Rare {
 public:
  const T& operator*() const {
    static const T initial;
    return value_ == nullptr ? initial : *value_;
  }
  const T* operator->() const { return &**this; }
  T& Edit() {
    if (value_ == nullptr) value_ = std::make_unique<T>();
    return *value_;
  }
  /// As a fresh one again.
  void Reset() { value_.reset(); }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace mobula
