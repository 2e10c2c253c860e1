// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/endian/conversion.hpp>
#include <string>

#include "runtime/base/ids.h"

namespace mobula::host {

/// Ids in the messages of node_link.proto: 16 bytes, big-endian.
template <class Tag>
std::string IdToBytes(const Id<Tag>& id) {
  std::string bytes(16, '\0');
  auto* const raw = reinterpret_cast<unsigned char*>(bytes.data());
  boost::endian::store_big_u64(raw, id.high);
  boost::endian::store_big_u64(raw + 8, id.low);
  return bytes;
}

/// Nil when `bytes` is not an id.
template <class AnId>
AnId IdFromBytes(const std::string& bytes) {
  if (bytes.size() != 16) return {};
  const auto* const raw = reinterpret_cast<const unsigned char*>(bytes.data());
  return {boost::endian::load_big_u64(raw), boost::endian::load_big_u64(raw + 8)};
}

}  // namespace mobula::host
