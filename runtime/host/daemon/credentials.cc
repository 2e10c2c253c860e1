// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/credentials.h"

#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace mobula::host {
namespace {

constexpr std::size_t kTokenLengthMin = 16;
constexpr std::size_t kTokenLengthMax = 512;

absl::StatusOr<std::string> ReadFile(const std::string& path, const std::string& what,
                                     bool is_secret) {
  struct stat facts{};
  std::ifstream file(path, std::ios::binary);
  if (!file || stat(path.c_str(), &facts) != 0) {
    return absl::NotFoundError(absl::StrCat("cannot read ", what, " ", path, ": ",
                                            std::strerror(errno), "; copy it from the head"));
  }
  if (is_secret && (facts.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat(what, " ", path, " can be read by other users; run: chmod 600 ", path));
  }
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// What can be shown in a header, and can't be guessed.
absl::StatusOr<std::string> CheckToken(const std::string& text, const std::string& source) {
  const std::string token(absl::StripAsciiWhitespace(text));
  if (token.size() < kTokenLengthMin || token.size() > kTokenLengthMax ||
      !std::all_of(token.begin(), token.end(), absl::ascii_isgraph)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the token in ", source, " is wrong: expected ", kTokenLengthMin, " to ", kTokenLengthMax,
        " printable ASCII characters without spaces; `mobula start --head` makes a good one"));
  }
  return token;
}

absl::StatusOr<std::string> LoadToken(const std::string& path) {
  if (!path.empty()) {
    unsetenv(kTokenVariable);
    const absl::StatusOr<std::string> text = ReadFile(path, "the token file", true);
    if (!text.ok()) return text;
    return CheckToken(*text, path);
  }
  const char* const given = std::getenv(kTokenVariable);
  if (given == nullptr || *given == '\0') return std::string();
  absl::StatusOr<std::string> token = CheckToken(given, kTokenVariable);
  unsetenv(kTokenVariable);
  return token;
}

absl::Status LoadPem(const std::string& path, const std::string& what, const char* label,
                     bool is_secret, std::string& text) {
  absl::StatusOr<std::string> content = ReadFile(path, what, is_secret);
  if (!content.ok()) return content.status();
  if (content->find("-----BEGIN ") == std::string::npos ||
      content->find(label) == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(what, " ", path, " is no PEM file with a ",
                                                   label,
                                                   "; make new ones with `mobula tls init`"));
  }
  text = *std::move(content);
  return absl::OkStatus();
}

absl::Status LoadTls(const std::string& folder, Credentials& credentials) {
  absl::Status status = LoadPem(folder + "/ca.pem", "the authority's certificate", "CERTIFICATE",
                                false, credentials.authority);
  if (status.ok()) {
    status = LoadPem(folder + "/node.pem", "the node's certificate", "CERTIFICATE", false,
                     credentials.certificate);
  }
  if (status.ok()) {
    status = LoadPem(folder + "/node.key", "the node's key", "PRIVATE KEY", true, credentials.key);
  }
  return status;
}

/// The name of the cluster in a token; empty if there is none.
std::string ClusterOf(std::string_view token) {
  const std::size_t dot = token.find('.');
  return dot == std::string_view::npos ? "" : std::string(token.substr(0, dot));
}

}  // namespace

absl::StatusOr<Credentials> LoadCredentials(const std::string& token_file,
                                            const std::string& tls_folder) {
  Credentials credentials;
  absl::StatusOr<std::string> token = LoadToken(token_file);
  if (!token.ok()) return token.status();
  credentials.token = *std::move(token);
  if (!tls_folder.empty()) {
    if (absl::Status status = LoadTls(tls_folder, credentials); !status.ok()) return status;
  }
  return credentials;
}

bool SameSecret(std::string_view shown, std::string_view wanted) {
  if (wanted.empty()) return shown.empty();
  // Volatile, so that no compiler leaves the loop early.
  volatile unsigned char difference = shown.size() == wanted.size() ? 0 : 1;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    difference = static_cast<unsigned char>(
        difference | (static_cast<unsigned char>(shown[i]) ^
                      static_cast<unsigned char>(wanted[i % wanted.size()])));
  }
  return difference == 0;
}

std::string Objection(const std::optional<std::string_view>& shown, std::string_view wanted) {
  if (wanted.empty()) return "";
  if (!shown || shown->empty()) {
    return "this cluster wants a token, and none was shown; name the head's token file with "
           "--token-file, or set MOBULA_TOKEN to what is in it";
  }
  if (SameSecret(*shown, wanted)) return "";
  const std::string theirs = ClusterOf(*shown);
  const std::string ours = ClusterOf(wanted);
  if (!theirs.empty() && !ours.empty() && theirs != ours) {
    return absl::StrCat("the token is of another cluster (", theirs, ") than this one (", ours,
                        "); correct the address, or take the token of this cluster's head");
  }
  return "the token is wrong; take the one in the token file of this cluster's head, whose path "
         "`mobula status` shows there";
}

bool IsLoopback(const std::string& host) {
  if (host == "localhost") return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

}  // namespace mobula::host
