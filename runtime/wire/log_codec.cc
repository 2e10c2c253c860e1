// SPDX-License-Identifier: Apache-2.0
#include "runtime/wire/log_codec.h"

#include "runtime/wire/decoder.h"
#include "runtime/wire/encoder.h"

namespace mobula::wire {

void Encode(const gcs::WriteLog& write, std::string& out) { Encoder().Append(write, out); }

absl::StatusOr<gcs::WriteLog> DecodeWriteLog(std::string_view bytes) {
  gcs::WriteLog write;
  const absl::Status status = Decoder(bytes).Read(write);
  if (!status.ok()) return status;
  return write;
}

}  // namespace mobula::wire
