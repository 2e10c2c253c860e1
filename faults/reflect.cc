// SPDX-License-Identifier: Apache-2.0
#include "faults/reflect.h"

#include <boost/mp11/algorithm.hpp>
#include <cctype>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "faults/plan.pb.h"
#include "faults/plan_file.h"
#include "runtime/base/check.h"

namespace mobula::faults {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// CrashNode -> crash_node.
std::string SnakeCase(const std::string& name) {
  std::string snake;
  for (const char c : name) {
    if (std::isupper(static_cast<unsigned char>(c)) && !snake.empty()) snake += '_';
    snake += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return snake;
}
/// kTaskStarted -> TASK_STARTED.
std::string EnumValueName(const std::string& name) {
  std::string upper = SnakeCase(name.substr(1));
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper;
}

const FieldDescriptor& FieldOf(const Message& message, const std::string& name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  CHECK(field != nullptr) << message.GetTypeName() << " in plan.proto has no field " << name;
  return *field;
}

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

// From messages to structs

std::optional<WrongField> ReadStruct(const Message& message, auto& into);

std::optional<std::string> ReadValue(const Message& message, const FieldDescriptor& field,
                                     Duration& into) {
  const std::string text = message.GetReflection()->GetString(message, &field);
  if (text.empty() && !field.has_presence()) return std::nullopt;
  const auto span = ParseTime(text);
  if (!span.ok()) return std::string(span.status().message());
  into = *span;
  return std::nullopt;
}
template <class T>
std::optional<std::string> ReadValue(const Message& message, const FieldDescriptor& field,
                                     T& into) {
  const auto& reflection = *message.GetReflection();
  if constexpr (std::is_same_v<T, std::string>) {
    into = reflection.GetString(message, &field);
  } else if constexpr (std::is_same_v<T, bool>) {
    into = reflection.GetBool(message, &field);
  } else if constexpr (std::is_same_v<T, double>) {
    into = reflection.GetDouble(message, &field);
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

template <class T>
std::optional<WrongField> ReadField(const Message& message, const std::string& name, T& into) {
  const FieldDescriptor& field = FieldOf(message, name);
  const auto& reflection = *message.GetReflection();
  if (field.has_presence() && !reflection.HasField(message, &field)) return std::nullopt;
  if constexpr (IsOptional<T>::value) {
    return ReadField(message, name, into.emplace());
  } else if constexpr (Described<T>) {
    auto wrong = ReadStruct(reflection.GetMessage(message, &field), into);
    if (wrong) wrong->field = absl::StrCat(name, ".", wrong->field);
    return wrong;
  } else {
    const auto wrong = ReadValue(message, field, into);
    if (!wrong) return std::nullopt;
    return WrongField{name, *wrong};
  }
}

std::optional<WrongField> ReadStruct(const Message& message, auto& into) {
  std::optional<WrongField> wrong;
  ForEachField(into, [&](const char* name, auto& field) {
    if constexpr (!std::is_same_v<std::remove_reference_t<decltype(field)>, Kind>) {
      if (!wrong) wrong = ReadField(message, name, field);
    }
  });
  return wrong;
}

// From structs to messages

void WriteStruct(const auto& from, Message& message);

template <class T>
void WriteField(const T& value, Message& message, const std::string& name) {
  const FieldDescriptor& field = FieldOf(message, name);
  const auto& reflection = *message.GetReflection();
  if constexpr (IsOptional<T>::value) {
    if (value) WriteField(*value, message, name);
  } else if constexpr (Described<T>) {
    WriteStruct(value, *reflection.MutableMessage(&message, &field));
  } else if constexpr (std::is_same_v<T, Duration>) {
    reflection.SetString(&message, &field, FormatTime(value));
  } else if constexpr (std::is_same_v<T, std::string>) {
    reflection.SetString(&message, &field, value);
  } else if constexpr (std::is_same_v<T, bool>) {
    reflection.SetBool(&message, &field, value);
  } else if constexpr (std::is_same_v<T, double>) {
    reflection.SetDouble(&message, &field, value);
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

void WriteStruct(const auto& from, Message& message) {
  const std::remove_cvref_t<decltype(from)> defaults{};
  ForEachField(from, [&](const char* name, const auto& field) {
    if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(field)>, Kind>) {
      bool is_default = false;
      ForEachField(defaults, [&](const char* other, const auto& value) {
        if constexpr (std::is_same_v<decltype(value), decltype(field)>) {
          if (std::string_view(name) == other) is_default = value == field;
        }
      });
      if (!is_default) WriteField(field, message, name);
    }
  });
}

}  // namespace

std::string KindName(const Kind& kind) { return SnakeCase(NameOf(kind)); }

std::optional<WrongField> FromProto(const proto::Fault& message, Fault& fault) {
  if (auto wrong = ReadStruct(message, fault)) return wrong;
  const auto* oneof = message.GetDescriptor()->FindOneofByName("kind");
  const FieldDescriptor* set = message.GetReflection()->GetOneofFieldDescriptor(message, oneof);
  if (set == nullptr) {
    std::string kinds;
    for (int i = 0; i < oneof->field_count(); ++i)
      kinds += absl::StrCat(i == 0 ? "" : ", ", oneof->field(i)->name());
    return WrongField{"", absl::StrCat("it says not what breaks: expected one of ", kinds)};
  }
  std::optional<WrongField> wrong;
  boost::mp11::mp_for_each<boost::mp11::mp_transform<std::type_identity, Kind>>(
      [&]<class T>(std::type_identity<T>) {
        const std::string name = SnakeCase(internal::TypeName<T>());
        if (set->name() != name) return;
        T one;
        wrong = ReadField(message, name, one);
        fault.kind = std::move(one);
      });
  return wrong;
}

void ToProto(const Fault& fault, proto::Fault& message) {
  WriteStruct(fault, message);
  std::visit([&](const auto& one) { WriteField(one, message, KindName(fault.kind)); }, fault.kind);
}

}  // namespace mobula::faults
