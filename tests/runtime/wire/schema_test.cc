// SPDX-License-Identifier: Apache-2.0
// Goal: runtime/wire/mobula.proto states exactly the structs of runtime/core/protocol.
// Method: walk the described structs and the generated descriptors together, and compare the name,
// number and type of every field.
#include <google/protobuf/descriptor.h>

#include <set>

#include "runtime/core/link/frame.h"
#include "runtime/wire/mobula.pb.h"
#include "runtime/wire/wire_types.h"

namespace mobula::wire {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

std::string SnakeCase(const std::string& name) {
  std::string result;
  for (const char letter : name) {
    if (std::isupper(static_cast<unsigned char>(letter)) != 0 && !result.empty()) result += '_';
    result += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  return result;
}

std::string UpperCase(std::string name) {
  for (char& letter : name)
    letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  return name;
}

class SchemaWalker {
 public:
  template <MessageValue T>
  void CompareMessage(const Descriptor* descriptor) {
    ASSERT_NE(descriptor, nullptr) << internal::TypeName<T>();
    if (!visited_.insert(descriptor->full_name()).second) return;
    int number = 0;
    if constexpr (IsVariant<T>::value) {
      boost::mp11::mp_for_each<boost::mp11::mp_iota_c<std::variant_size_v<T>>>([&](auto index) {
        using Member = std::variant_alternative_t<index(), T>;
        CompareField<Member>(descriptor, SnakeCase(internal::TypeName<Member>()), ++number);
      });
      EXPECT_EQ(descriptor->oneof_decl_count(), 1);
    } else if constexpr (std::is_same_v<T, ObjectId>) {
      CompareField<TaskId>(descriptor, "task", ++number);
      CompareField<std::uint32_t>(descriptor, "index", ++number);
    } else {
      EXPECT_EQ(descriptor->name(), internal::TypeName<T>());
      T value;
      ForEachField(value, [&]<class Field>(const char* name, const Field&) {
        CompareField<Field>(descriptor, name, ++number);
      });
    }
    EXPECT_EQ(descriptor->field_count(), number)
        << descriptor->name() << " has fields of no struct";
  }

  [[nodiscard]] std::size_t Visited() const { return visited_.size(); }

 private:
  template <class T>
  void CompareField(const Descriptor* descriptor, const std::string& name, int number) {
    const FieldDescriptor* const field = descriptor->FindFieldByNumber(number);
    ASSERT_NE(field, nullptr) << descriptor->name() << " lacks " << name << " = " << number;
    EXPECT_EQ(field->name(), name) << descriptor->name() << ", field " << number;
    SCOPED_TRACE(field->full_name());
    if constexpr (IsMap<T>::value) {
      ASSERT_TRUE(field->is_map());
      CompareType<typename T::key_type>(field->message_type()->map_key());
      CompareType<typename T::mapped_type>(field->message_type()->map_value());
    } else if constexpr (IsSequence<T>::value) {
      EXPECT_TRUE(field->is_repeated());
      CompareType<typename T::value_type>(field);
    } else if constexpr (IsOptional<T>::value) {
      EXPECT_TRUE(field->has_optional_keyword());
      CompareType<typename T::value_type>(field);
    } else {
      EXPECT_FALSE(field->is_repeated() || field->has_optional_keyword());
      CompareType<T>(field);
    }
  }

  template <class T>
  void CompareType(const FieldDescriptor* field) {
    if constexpr (SharedValue<T>) {
      CompareType<typename T::Value>(field);
    } else if constexpr (MessageValue<T>) {
      ASSERT_EQ(field->type(), FieldDescriptor::TYPE_MESSAGE);
      CompareMessage<T>(field->message_type());
    } else if constexpr (DescribedEnum<T>) {
      ASSERT_EQ(field->type(), FieldDescriptor::TYPE_ENUM);
      CompareEnum<T>(field->enum_type());
    } else if constexpr (std::is_same_v<T, std::string>) {
      // Text that need not be UTF-8 is stated as `bytes`.
      EXPECT_TRUE(field->type() == FieldDescriptor::TYPE_STRING ||
                  field->type() == FieldDescriptor::TYPE_BYTES);
    } else {
      EXPECT_EQ(field->type(), TypeOf<T>()) << field->type_name();
    }
  }

  template <class T>
  static FieldDescriptor::Type TypeOf() {
    if (IdValue<T> || std::is_same_v<T, Bytes>) return FieldDescriptor::TYPE_BYTES;
    if (TimeValue<T> || std::is_same_v<T, std::int64_t>) return FieldDescriptor::TYPE_INT64;
    if (std::is_same_v<T, std::uint64_t>) return FieldDescriptor::TYPE_UINT64;
    if (std::is_same_v<T, std::int32_t>) return FieldDescriptor::TYPE_INT32;
    if (std::is_same_v<T, std::uint32_t>) return FieldDescriptor::TYPE_UINT32;
    if (std::is_same_v<T, bool>) return FieldDescriptor::TYPE_BOOL;
    return FieldDescriptor::TYPE_GROUP;
  }

  template <DescribedEnum T>
  void CompareEnum(const EnumDescriptor* descriptor) {
    int number = 0;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto enumerator) {
      ASSERT_EQ(static_cast<int>(enumerator.value), number)
          << "the codec needs enumerators without gaps";
      const auto* const value = descriptor->FindValueByNumber(number++);
      ASSERT_NE(value, nullptr) << descriptor->name() << " lacks " << enumerator.name;
      EXPECT_EQ(value->name(), UpperCase(SnakeCase(internal::TypeName<T>()) + "_" +
                                         SnakeCase(enumerator.name + 1)));
    });
    EXPECT_EQ(descriptor->value_count(), number) << descriptor->name();
  }

  std::set<std::string> visited_;
};

TEST(WireSchema, StatesEveryStructOfTheProtocolAsItIs) {
  SchemaWalker walker;
  walker.CompareMessage<link::Frame>(protocol::Frame::descriptor());
  // All messages, the frame, the envelope, the message itself, and what they contain.
  EXPECT_GT(walker.Visited(), std::variant_size_v<Message> + 3);
}

TEST(WireSchema, HasNoMessageThatTheProtocolLacks) {
  SchemaWalker walker;
  walker.CompareMessage<link::Frame>(protocol::Frame::descriptor());
  EXPECT_EQ(static_cast<int>(walker.Visited()),
            protocol::Frame::descriptor()->file()->message_type_count());
}

}  // namespace
}  // namespace mobula::wire
