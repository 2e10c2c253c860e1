// SPDX-License-Identifier: Apache-2.0
/// Random values of described structs.
#pragma once

#include <string>

#include "runtime/base/rng.h"
#include "runtime/wire/wire_types.h"

namespace mobula::wire {

/// Fills `value` with what `rng` draws; small numbers, zeros, negative and huge numbers all occur.
template <class T>
void Randomise(Rng& rng, T& value) {
  if constexpr (DescribedEnum<T>) {
    using Enumerators = boost::describe::describe_enumerators<T>;
    value = static_cast<T>(rng.Below(boost::mp11::mp_size<Enumerators>::value));
  } else if constexpr (TimeValue<T>) {
    Randomise(rng, value.nanoseconds);
  } else if constexpr (std::is_same_v<T, bool>) {
    value = rng.Below(2) == 1;
  } else if constexpr (std::is_integral_v<T>) {
    const std::uint64_t shift = rng.Below(65);
    value = shift == 64 ? T{0} : static_cast<T>(rng.Next() >> shift);
  } else if constexpr (TextValue<T>) {
    std::string text(rng.Below(rng.Below(10) == 0 ? 300 : 12), ' ');
    for (char& letter : text) letter = static_cast<char>('a' + rng.Below(26));
    value = T(std::move(text));
  } else if constexpr (IdValue<T>) {
    if (rng.Below(4) != 0) value = T{rng.Next(), rng.Next()};
  } else if constexpr (SharedValue<T>) {
    Randomise(rng, value.Edit());
  } else if constexpr (IsOptional<T>::value) {
    if (rng.Below(2) == 1) Randomise(rng, value.emplace());
  } else if constexpr (IsSequence<T>::value) {
    for (std::uint64_t left = rng.Below(4); left > 0; --left) Randomise(rng, value.emplace_back());
  } else if constexpr (IsMap<T>::value) {
    for (std::uint64_t left = rng.Below(4); left > 0; --left) {
      typename T::key_type key;
      Randomise(rng, key);
      Randomise(rng, value[key]);
    }
  } else if constexpr (IsVariant<T>::value) {
    boost::mp11::mp_with_index<std::variant_size_v<T>>(
        rng.Below(std::variant_size_v<T>),
        [&](auto index) { Randomise(rng, value.template emplace<index()>()); });
  } else {
    ForEachWireField(value, [&](auto& field) { Randomise(rng, field); });
  }
}

}  // namespace mobula::wire
