// SPDX-License-Identifier: Apache-2.0
#include "faults/reflect.h"

#include <boost/mp11/algorithm.hpp>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "faults/plan.pb.h"
#include "faults/proto_fields.h"

namespace mobula::faults {

std::string KindName(const Kind& kind) { return SnakeCase(NameOf(kind)); }

std::optional<WrongField> FromProto(const proto::Fault& message, Fault& fault) {
  if (auto wrong = ReadFields(message, fault)) return wrong;
  const auto* oneof = message.GetDescriptor()->FindOneofByName("kind");
  const auto* set = message.GetReflection()->GetOneofFieldDescriptor(message, oneof);
  if (set == nullptr) {
    std::string kinds;
    for (int i = 0; i < oneof->field_count(); ++i)
      kinds += absl::StrCat(i == 0 ? "" : ", ", oneof->field(i)->name());
    return WrongField{"", absl::StrCat("it says not what breaks: expected one of ", kinds)};
  }
  std::optional<WrongField> wrong;
  boost::mp11::mp_for_each<boost::mp11::mp_transform<std::type_identity, Kind>>(
      [&]<class T>(std::type_identity<T>) {
        const std::string name = SnakeCase(mobula::internal::TypeName<T>());
        if (set->name() != name) return;
        T one;
        wrong = ReadField(message, name, one);
        fault.kind = std::move(one);
      });
  return wrong;
}

void ToProto(const Fault& fault, proto::Fault& message) {
  WriteFields(fault, message);
  std::visit([&](const auto& one) { WriteField(one, message, KindName(fault.kind)); }, fault.kind);
}

}  // namespace mobula::faults
