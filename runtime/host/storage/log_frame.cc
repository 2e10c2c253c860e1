// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/storage/log_frame.h"

#include <boost/crc.hpp>
#include <boost/endian/conversion.hpp>

#include "runtime/wire/log_codec.h"

namespace mobula::host {
namespace {

std::uint32_t Checksum(std::string_view length, std::string_view content) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(length.data(), length.size());
  crc.process_bytes(content.data(), content.size());
  return crc.checksum();
}

}  // namespace

std::string LogFrame(const gcs::WriteLog& write) {
  std::string frame(kLogFrameHeaderBytes, '\0');
  wire::Encode(write, frame);
  auto* const header = reinterpret_cast<unsigned char*>(frame.data());
  boost::endian::store_little_u32(header,
                                  static_cast<std::uint32_t>(frame.size() - kLogFrameHeaderBytes));
  const std::string_view whole = frame;
  boost::endian::store_little_u32(header + 4,
                                  Checksum(whole.substr(0, 4), whole.substr(kLogFrameHeaderBytes)));
  return frame;
}

std::optional<std::string_view> LogFrameAt(std::string_view log, std::size_t offset) {
  if (log.size() - offset < kLogFrameHeaderBytes) return std::nullopt;
  const auto* const header = reinterpret_cast<const unsigned char*>(log.data() + offset);
  const std::uint32_t length = boost::endian::load_little_u32(header);
  // No write is empty, and a file that was only extended is full of zeros.
  if (length == 0 || length > log.size() - offset - kLogFrameHeaderBytes) return std::nullopt;
  const std::string_view content = log.substr(offset + kLogFrameHeaderBytes, length);
  if (Checksum(log.substr(offset, 4), content) != boost::endian::load_little_u32(header + 4))
    return std::nullopt;
  return content;
}

}  // namespace mobula::host
