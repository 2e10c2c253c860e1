// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "runtime/api/codec.h"
#include "runtime/api/context.h"
#include "runtime/base/check.h"
#include "runtime/core/protocol/reference_bytes.h"

namespace mobula {

/// A reference to a value that a task makes or `Put` stored (Ray: ObjectRef<T>). Copies are cheap
/// and count as one; the object lives as long as any reference to it, anywhere.
template <class T>
class Ref {
 public:
  using Type = T;

  Ref() = default;
  explicit Ref(api::SharedReference reference) : reference_(std::move(reference)) {}

  [[nodiscard]] bool IsNil() const { return reference_ == nullptr; }
  /// REQUIRES: not nil.
  [[nodiscard]] const ObjectRef& Object() const {
    CHECK(reference_ != nullptr) << "a Ref that refers to nothing was used";
    return reference_->Object();
  }
  [[nodiscard]] std::string Hex() const { return Object().id.Hex(); }
  bool operator==(const Ref& other) const {
    return IsNil() || other.IsNil() ? IsNil() == other.IsNil() : Object() == other.Object();
  }

 private:
  friend struct Codec<Ref<T>>;

  api::SharedReference reference_;
};

template <class T>
struct IsRef : std::false_type {};
template <class T>
struct IsRef<Ref<T>> : std::true_type {};

/// Inside another value a reference stays a reference.
template <class T>
struct Codec<Ref<T>> {
  static void Write(const Ref<T>& ref, Encoded& out) {
    if (ref.IsNil()) return PackNil(out);
    PackExtension(Extension::kReference, EncodeReference(ref.Object()), out);
    out.contained.push_back(ref.Object());
    out.held.push_back(ref.reference_);
  }
  static Ref<T> Read(Reader& in) {
    if (in.TakeNil()) return {};
    return Ref<T>(api::Context::Current().Adopt(in.TakeExtension(Extension::kReference), in));
  }
};

}  // namespace mobula
