// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace mobula::host {

struct HttpAnswer {
  int status = 200;
  std::string content_type = "text/html; charset=utf-8";
  std::string body;
};

/// Answers GET requests, one per connection. Where a token is wanted, a request shows it as a
/// bearer token, or as the password of any user, for which browsers ask.
class HttpServer {
 public:
  using Handler = std::function<HttpAnswer(const std::string& path)>;
  /// What an exchange needs, which may outlive the server.
  struct Service {
    Handler handler;
    /// Empty: none is wanted.
    std::string token;
  };

  HttpServer(boost::asio::io_context& loop, Handler handler);

  /// On `port`, or the next free one within a hundred; 0 for any. Returns the one taken.
  /// `host` is an IP address.
  [[nodiscard]] absl::StatusOr<std::uint16_t> Listen(const std::string& host, std::uint16_t port,
                                                     std::string token);

 private:
  void Accept();

  boost::asio::io_context& loop_;
  Handler handler_;
  std::shared_ptr<const Service> service_;
  boost::asio::ip::tcp::acceptor acceptor_;
};

}  // namespace mobula::host
