// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/query.h"

#include <iostream>

#include "absl/strings/str_cat.h"
#include "runtime/host/daemon/node_links.h"

namespace mobula::host {

absl::Status PrintAnswer(const DaemonOptions& options) {
  const absl::StatusOr<Credentials> credentials =
      LoadCredentials(options.token_file, options.tls_dir);
  if (!credentials.ok()) return credentials.status();
  const absl::StatusOr<QueryResult> answer =
      NodeLinks::Query(options.address, options.query, *credentials);
  if (!answer.ok()) return answer.status();
  if (answer->status != 200) {
    return absl::NotFoundError(
        absl::StrCat(options.address, " answers ", answer->status, ": ", answer->body));
  }
  std::cout << answer->body << std::flush;
  return absl::OkStatus();
}

}  // namespace mobula::host
