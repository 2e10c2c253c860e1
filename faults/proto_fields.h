// SPDX-License-Identifier: Apache-2.0
/// Between structs with MOBULA_FIELDS and Protocol Buffers messages with fields of the same names:
/// a schema for people, without a second list of fields in C++. Times are text ("20ms"), enums are
/// named in upper case, a field that is absent keeps the struct's default, and one that has its
/// default is not written.
///
/// Fields that are variants or plans have no such shape: they are left to the caller.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <boost/mp11/algorithm.hpp>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "faults/plan_file.h"
#include "faults/reflect.h"
#include "runtime/base/check.h"
#include "runtime/base/describe.h"

namespace mobula::faults {

/// CrashNode -> crash_node.
inline std::string SnakeCase(std::string_view name) {
  std::string snake;
  for (const char c : name) {
    if (std::isupper(static_cast<unsigned char>(c)) && !snake.empty()) snake += '_';
    snake += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return snake;
}
/// kTaskStarted -> TASK_STARTED.
inline std::string EnumValueName(std::string_view name) {
  std::string upper = SnakeCase(name.substr(1));
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper;
}

inline const google::protobuf::FieldDescriptor& FieldOf(const google::protobuf::Message& message,
                                                        const std::string& name) {
  const auto* field = message.GetDescriptor()->FindFieldByName(name);
  CHECK(field != nullptr) << message.GetTypeName() << " has no field " << name;
  return *field;
}

namespace internal {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
/// Lists of structs: repeated messages.
template <class T>
struct IsStructs : std::false_type {};
template <Described T>
struct IsStructs<std::vector<T>> : std::true_type {};

/// Of another shape; see above.
template <class T>
struct IsForeign : std::is_same<T, Plan> {};
template <class... T>
struct IsForeign<std::variant<T...>> : std::true_type {};

}  // namespace internal

// From messages to structs

template <Described T>
std::optional<WrongField> ReadFields(const google::protobuf::Message& message, T& into);

namespace internal {

inline std::optional<std::string> ReadValue(const google::protobuf::Message& message,
                                            const google::protobuf::FieldDescriptor& field,
                                            Duration& into) {
  const std::string text = message.GetReflection()->GetString(message, &field);
  if (text.empty() && !field.has_presence()) return std::nullopt;
  const auto span = ParseTime(text);
  if (!span.ok()) return std::string(span.status().message());
  into = *span;
  return std::nullopt;
}
template <class T>
std::optional<std::string> ReadValue(const google::protobuf::Message& message,
                                     const google::protobuf::FieldDescriptor& field, T& into) {
  const auto& reflection = *message.GetReflection();
  if constexpr (std::is_same_v<T, std::string>) {
    into = reflection.GetString(message, &field);
  } else if constexpr (std::is_same_v<T, bool>) {
    into = reflection.GetBool(message, &field);
  } else if constexpr (std::is_same_v<T, double>) {
    into = reflection.GetDouble(message, &field);
  } else if constexpr (std::is_same_v<T, std::int32_t>) {
    into = reflection.GetInt32(message, &field);
  } else if constexpr (std::is_same_v<T, std::uint32_t>) {
    into = reflection.GetUInt32(message, &field);
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    into = reflection.GetUInt64(message, &field);
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      into.push_back(reflection.GetRepeatedString(message, &field, i));
    }
  } else {
    static_assert(DescribedEnum<T>);
    const std::string name = reflection.GetEnum(message, &field)->name();
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto one) {
      if (EnumValueName(one.name) == name) into = one.value;
    });
  }
  return std::nullopt;
}

}  // namespace internal

template <class T>
std::optional<WrongField> ReadField(const google::protobuf::Message& message,
                                    const std::string& name, T& into) {
  const google::protobuf::FieldDescriptor& field = FieldOf(message, name);
  const auto& reflection = *message.GetReflection();
  if constexpr (internal::IsStructs<T>::value) {
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      auto wrong =
          ReadFields(reflection.GetRepeatedMessage(message, &field, i), into.emplace_back());
      if (!wrong) continue;
      wrong->field = absl::StrCat(name, "[", i, "].", wrong->field);
      return wrong;
    }
    return std::nullopt;
  } else {
    if (field.has_presence() && !reflection.HasField(message, &field)) return std::nullopt;
    if constexpr (internal::IsOptional<T>::value) {
      return ReadField(message, name, into.emplace());
    } else if constexpr (Described<T>) {
      auto wrong = ReadFields(reflection.GetMessage(message, &field), into);
      if (wrong) wrong->field = absl::StrCat(name, ".", wrong->field);
      return wrong;
    } else {
      const auto wrong = internal::ReadValue(message, field, into);
      if (!wrong) return std::nullopt;
      return WrongField{name, *wrong};
    }
  }
}

template <Described T>
std::optional<WrongField> ReadFields(const google::protobuf::Message& message, T& into) {
  std::optional<WrongField> wrong;
  ForEachField(into, [&](const char* name, auto& field) {
    if constexpr (!internal::IsForeign<std::remove_reference_t<decltype(field)>>::value) {
      if (!wrong) wrong = ReadField(message, name, field);
    }
  });
  return wrong;
}

// From structs to messages

template <Described T>
void WriteFields(const T& from, google::protobuf::Message& message);

template <class T>
void WriteField(const T& value, google::protobuf::Message& message, const std::string& name) {
  const google::protobuf::FieldDescriptor& field = FieldOf(message, name);
  const auto& reflection = *message.GetReflection();
  if constexpr (internal::IsOptional<T>::value) {
    if (value) WriteField(*value, message, name);
  } else if constexpr (internal::IsStructs<T>::value) {
    for (const auto& one : value) WriteFields(one, *reflection.AddMessage(&message, &field));
  } else if constexpr (Described<T>) {
    WriteFields(value, *reflection.MutableMessage(&message, &field));
  } else if constexpr (std::is_same_v<T, Duration>) {
    reflection.SetString(&message, &field, FormatTime(value));
  } else if constexpr (std::is_same_v<T, std::string>) {
    reflection.SetString(&message, &field, value);
  } else if constexpr (std::is_same_v<T, bool>) {
    reflection.SetBool(&message, &field, value);
  } else if constexpr (std::is_same_v<T, double>) {
    reflection.SetDouble(&message, &field, value);
  } else if constexpr (std::is_same_v<T, std::int32_t>) {
    reflection.SetInt32(&message, &field, value);
  } else if constexpr (std::is_same_v<T, std::uint32_t>) {
    reflection.SetUInt32(&message, &field, value);
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    reflection.SetUInt64(&message, &field, value);
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    for (const std::string& one : value) reflection.AddString(&message, &field, one);
  } else {
    const auto* number = field.enum_type()->FindValueByName(
        EnumValueName(boost::describe::enum_to_string(value, "")));
    CHECK(number != nullptr) << field.full_name();
    reflection.SetEnum(&message, &field, number);
  }
}

template <Described T>
void WriteFields(const T& from, google::protobuf::Message& message) {
  const T defaults{};
  ForEachField(from, [&](const char* name, const auto& field) {
    using Field = std::remove_cvref_t<decltype(field)>;
    if constexpr (!internal::IsForeign<Field>::value) {
      bool is_default = false;
      ForEachField(defaults, [&](const char* other, const auto& value) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, Field>) {
          if (std::string_view(name) == other) is_default = value == field;
        }
      });
      if (!is_default) WriteField(field, message, name);
    }
  });
}

}  // namespace mobula::faults
