// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "runtime/api/codec.h"
#include "runtime/base/check.h"

namespace mobula::api {

/// Calls one function with serialised arguments.
struct Callable {
  /// A function or a method of `instance`.
  std::function<Encoded(void* instance, const std::vector<EncodedSource>&)> call;
  /// Instead of `call`: a factory, which makes an actor.
  std::function<std::shared_ptr<void>(const std::vector<EncodedSource>&)> make;
  /// Of a method or a factory: of which class; else void.
  std::type_index of = typeid(void);
};

/// The remote functions of this library, by name (for the worker) and by address (for the caller).
/// Filled by MOBULA_REMOTE before main.
class Registry {
 public:
  static Registry& Get();

  /// Names are the text between the commas of `names`.
  template <class... Functions>
  static bool RegisterAll(std::string_view names, Functions... functions) {
    const std::vector<std::string> split = Split(names);
    CHECK(split.size() == sizeof...(functions)) << "MOBULA_REMOTE(" << std::string(names) << ")";
    auto name = split.begin();
    (Get().Add(*name++, functions), ...);
    return true;
  }

  /// Null when there is none.
  [[nodiscard]] const Callable* Find(const std::string& name) const;
  /// Throws std::invalid_argument when it was not registered.
  template <class Function>
  [[nodiscard]] const std::string& NameOf(Function function) const {
    return NameAt(AddressOf(function));
  }
  [[nodiscard]] std::vector<std::string> Names() const;
  /// As its methods were registered: the part before "::". Empty when none was.
  [[nodiscard]] std::string ClassName(std::type_index type) const;

 private:
  template <class Function>
  void Add(const std::string& name, Function function);
  static std::vector<std::string> Split(std::string_view names);

  /// The bytes of the pointer: members of classes have no other key.
  using FunctionAddress = std::array<std::uint64_t, 2>;
  [[nodiscard]] const std::string& NameAt(const FunctionAddress& address) const;
  template <class Function>
  static FunctionAddress AddressOf(Function function) {
    static_assert(std::is_pointer_v<Function> || std::is_member_function_pointer_v<Function>,
                  "only functions and methods can be remote");
    static_assert(sizeof(Function) <= sizeof(FunctionAddress));
    FunctionAddress address{};
    std::memcpy(address.data(), &function, sizeof(Function));
    return address;
  }

  absl::flat_hash_map<std::string, Callable> callables_;
  /// A name stays where it is: callers know their function by its place.
  std::map<FunctionAddress, std::string> names_;
  std::map<std::type_index, std::string> class_names_;
};

/// What follows from a function's type: its result, its arguments' types as they travel, its class.
template <class Function>
struct Signature;
template <class R, class... A>
struct Signature<R (*)(A...)> {
  using Result = R;
  using Arguments = std::tuple<std::decay_t<A>...>;
  using Class = void;
};
template <class R, class C, class... A>
struct Signature<R (C::*)(A...)> {
  using Result = R;
  using Arguments = std::tuple<std::decay_t<A>...>;
  using Class = C;
};
template <class R, class C, class... A>
struct Signature<R (C::*)(A...) const> : Signature<R (C::*)(A...)> {};

/// A function that returns a pointer to an object makes actors of its class.
template <class Result>
struct Made {
  using Class = void;
};
template <class C>
struct Made<C*> {
  using Class = C;
};
template <class C>
struct Made<std::unique_ptr<C>> {
  using Class = C;
};

template <class Tuple, std::size_t... I>
Tuple DecodeArguments(const std::vector<EncodedSource>& sources, std::index_sequence<I...>) {
  if (sources.size() != sizeof...(I)) throw SerializationError("wrong number of arguments");
  return Tuple{Decode<std::tuple_element_t<I, Tuple>>(sources[I])...};
}
template <class Tuple>
Tuple DecodeArguments(const std::vector<EncodedSource>& sources) {
  return DecodeArguments<Tuple>(sources, std::make_index_sequence<std::tuple_size_v<Tuple>>());
}

template <class Call, class Arguments>
Encoded CallAndEncode(Call call, Arguments arguments) {
  using Result = std::decay_t<decltype(std::apply(call, std::move(arguments)))>;
  if constexpr (std::is_void_v<Result>) {
    std::apply(call, std::move(arguments));
    return EncodeNothing();
  } else {
    return Encode<Result>(std::apply(call, std::move(arguments)));
  }
}

template <class Function>
void Registry::Add(const std::string& name, Function function) {
  using Sign = Signature<Function>;
  using Arguments = typename Sign::Arguments;
  using Actor = typename Made<typename Sign::Result>::Class;
  Callable callable;
  if constexpr (!std::is_void_v<typename Sign::Class>) {
    callable.of = typeid(typename Sign::Class);
    class_names_.try_emplace(callable.of, name.substr(0, name.rfind("::")));
    callable.call = [function](void* instance, const std::vector<EncodedSource>& sources) {
      auto* object = static_cast<typename Sign::Class*>(instance);
      return CallAndEncode(std::bind_front(function, object), DecodeArguments<Arguments>(sources));
    };
  } else if constexpr (!std::is_void_v<Actor>) {
    callable.of = typeid(Actor);
    callable.make = [function](const std::vector<EncodedSource>& sources) {
      return std::shared_ptr<void>(
          std::shared_ptr<Actor>(std::apply(function, DecodeArguments<Arguments>(sources))));
    };
  } else {
    callable.call = [function](void*, const std::vector<EncodedSource>& sources) {
      return CallAndEncode(function, DecodeArguments<Arguments>(sources));
    };
  }
  names_[AddressOf(function)] = name;
  callables_[name] = std::move(callable);
}

}  // namespace mobula::api
