// SPDX-License-Identifier: Apache-2.0
/// Objects and references as bytes, as they travel inside values: the same in all languages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/core/protocol/address.h"

namespace mobula {

/// 20 bytes, big-endian, so that their hexadecimal text is the id's.
std::string EncodeObjectId(const ObjectId& id);
/// Nothing when the bytes have another size.
std::optional<ObjectId> DecodeObjectId(std::string_view bytes);
/// An object and its owner in 52 bytes: all that another process needs of a reference.
std::string EncodeReference(const ObjectRef& reference);
/// Nothing when the bytes have another size.
std::optional<ObjectRef> DecodeReference(std::string_view bytes);

}  // namespace mobula
