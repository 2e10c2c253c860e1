// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/core/gcs/gcs.h"

namespace mobula::host {

/// A write as both kinds of log keep it: its length, a checksum, the content; see the README.
[[nodiscard]] std::string LogFrame(const gcs::WriteLog& write);

/// The content of the frame that begins there; nothing when there is no whole one.
[[nodiscard]] std::optional<std::string_view> LogFrameAt(std::string_view log, std::size_t offset);

/// What precedes the content.
inline constexpr std::size_t kLogFrameHeaderBytes = 8;

}  // namespace mobula::host
