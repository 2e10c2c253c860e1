// SPDX-License-Identifier: Apache-2.0
/// Objects and references as bytes, as they travel inside values: the same in all languages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/core/protocol/address.h"

namespace mobula {

std::string EncodeObjectId(const ObjectId& id);
/// Nothing when the bytes have another size.
std::optional<ObjectId> DecodeObjectId(std::string_view bytes);
std::string EncodeReference(const ObjectRef& reference);
/// Nothing when the bytes have another size.
std::optional<ObjectRef> DecodeReference(std::string_view bytes);

}  // namespace mobula
