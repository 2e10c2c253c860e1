// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace mobula::host {

/// What a daemon shows to others on every call, and wants to be shown.
///
/// A token is "<cluster>.<secret>": the first part names the cluster it belongs to and is no
/// secret, so that who mixes clusters up can be told so. One without a dot is all secret.
struct Credentials {
  /// Empty: none is shown and none is wanted.
  std::string token;
  /// PEM texts for mutual TLS: who signs the cluster's certificates, this node's, and its key. All
  /// or none.
  std::string authority;
  std::string certificate;
  std::string key;

  [[nodiscard]] bool HasTls() const { return !authority.empty(); }
};

/// The name in every node's certificate: a node proves that it is of the cluster, not which host it
/// is.
inline constexpr char kTlsName[] = "mobula-node";
inline constexpr char kTokenVariable[] = "MOBULA_TOKEN";

/// From a file or, where none is named, from the environment, which loses it: children of the
/// daemon need not see it. Without either there is no token; without a folder there is no TLS.
/// Errors say which file is wrong: missing, readable by others, too short, no PEM.
[[nodiscard]] absl::StatusOr<Credentials> LoadCredentials(const std::string& token_file,
                                                          const std::string& tls_folder);

/// Takes a time that tells nothing of `wanted`.
[[nodiscard]] bool SameSecret(std::string_view shown, std::string_view wanted);

/// Why a call with this token must not be answered, for whoever made it; empty when it may be.
[[nodiscard]] std::string Objection(const std::optional<std::string_view>& shown,
                                    std::string_view wanted);

/// Whether only processes of this machine can reach who listens on `host`.
[[nodiscard]] bool IsLoopback(const std::string& host);

}  // namespace mobula::host
