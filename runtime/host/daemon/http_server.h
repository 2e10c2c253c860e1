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

/// Answers GET requests on the loopback interface, one per connection.
class HttpServer {
 public:
  using Handler = std::function<HttpAnswer(const std::string& path)>;

  HttpServer(boost::asio::io_context& loop, Handler handler);

  /// On `port`, or the next free one within a hundred; 0 for any. Returns the one taken.
  [[nodiscard]] absl::StatusOr<std::uint16_t> Listen(std::uint16_t port);

 private:
  void Accept();

  boost::asio::io_context& loop_;
  std::shared_ptr<Handler> handler_;
  boost::asio::ip::tcp::acceptor acceptor_;
};

}  // namespace mobula::host
