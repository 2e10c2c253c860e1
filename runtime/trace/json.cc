// SPDX-License-Identifier: Apache-2.0
#include "runtime/trace/json.h"

#include <cstdio>

namespace mobula::trace {

void AppendQuoted(std::string& out, std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte > 0x7E) {
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void AppendSeconds(std::string& out, std::int64_t nanoseconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const bool negative = nanoseconds < 0;
  const std::int64_t size = negative ? -nanoseconds : nanoseconds;
  char text[40];
  std::snprintf(text, sizeof text, "%s%lld.%09lld", negative ? "-" : "",
                static_cast<long long>(size / kSecond), static_cast<long long>(size % kSecond));
  out += text;
}

std::string NameOf(const Address& address) {
  if (address.IsGcs()) return "gcs";
  if (address.IsDaemon()) return "n" + address.node.Short();
  return "w" + address.worker.Short();
}

std::string NameOf(const ObjectId& object) {
  if (!object.IsPut()) return object.task.Short() + "/" + std::to_string(object.index);
  return object.task.Short() + "/put" + std::to_string(object.index - ObjectId::kFirstPut);
}

}  // namespace mobula::trace
