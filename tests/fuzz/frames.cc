// SPDX-License-Identifier: Apache-2.0
// Goal: no bytes that arrive as a frame, an envelope or a record of the log do worse than an error,
// and what is understood is written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/check.h"
#include "runtime/wire/codec.h"
#include "runtime/wire/log_codec.h"

namespace mobula::wire {
namespace {

template <class Decode>
void Try(std::string_view bytes, Decode decode) {
  const auto first = decode(bytes);
  if (!first.ok()) return;
  std::string written;
  Encode(*first, written);
  const auto second = decode(written);
  CHECK(second.ok()) << second.status().message();
  std::string again;
  Encode(*second, again);
  CHECK(again == written);
}

}  // namespace
}  // namespace mobula::wire

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  mobula::wire::Try(bytes, [](std::string_view from) { return mobula::wire::DecodeFrame(from); });
  mobula::wire::Try(bytes,
                    [](std::string_view from) { return mobula::wire::DecodeEnvelope(from); });
  mobula::wire::Try(bytes,
                    [](std::string_view from) { return mobula::wire::DecodeWriteLog(from); });
  return 0;
}
