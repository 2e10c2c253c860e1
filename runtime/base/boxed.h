// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <memory>
#include <utility>

#include "runtime/base/check.h"

namespace mobula {

/// A value that is rarely there: the part of std::optional's interface that is used, in the room of
/// a pointer. For large members of structs that are moved and kept by the million.
template <class T>
class Boxed {
 public:
  using value_type = T;

  Boxed() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): as std::optional.
  Boxed(T value) : value_(std::make_unique<T>(std::move(value))) {}
  Boxed(const Boxed& other) : value_(other.value_ ? std::make_unique<T>(*other.value_) : nullptr) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(const Boxed& other) {
    if (this != &other) *this = Boxed(other);
    return *this;
  }
  Boxed& operator=(Boxed&&) noexcept = default;
  ~Boxed() = default;

  [[nodiscard]] bool has_value() const { return value_ != nullptr; }
  explicit operator bool() const { return has_value(); }
  /// REQUIRES: has_value().
  const T& operator*() const { return *Checked(); }
  T& operator*() { return *Checked(); }
  const T* operator->() const { return Checked(); }
  T* operator->() { return Checked(); }
  T& emplace() { return *(value_ = std::make_unique<T>()); }

  bool operator==(const Boxed& other) const {
    return value_ == nullptr || other.value_ == nullptr ? value_ == other.value_
                                                        : *value_ == *other.value_;
  }

 private:
  [[nodiscard]] T* Checked() const {
    CHECK(value_ != nullptr) << "nothing is boxed";
    return value_.get();
  }

  std::unique_ptr<T> value_;
};

/// std::optional or Boxed.
template <class T>
concept OptionalValue = requires(T value) {
  typename T::value_type;
  { value.has_value() } -> std::same_as<bool>;
  value.emplace();
};

}  // namespace mobula
