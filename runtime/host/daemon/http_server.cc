// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/http_server.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/host/daemon/credentials.h"

namespace mobula::host {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kRequestBytesMax = 16 << 10;
constexpr int kPortsTried = 100;
constexpr auto kPatience = std::chrono::seconds(10);

/// What is shown in "Authorization: Bearer <token>" or, coded, in "Basic <user>:<token>".
std::optional<std::string> ShownToken(const std::string& request) {
  const std::vector<std::string> lines = absl::StrSplit(request, "\r\n");
  for (const std::string& line : lines) {
    const std::pair<std::string, std::string> field =
        absl::StrSplit(line, absl::MaxSplits(absl::ByString(": "), 1));
    if (!absl::EqualsIgnoreCase(field.first, "authorization")) continue;
    const std::pair<std::string, std::string> value =
        absl::StrSplit(field.second, absl::MaxSplits(' ', 1));
    if (absl::EqualsIgnoreCase(value.first, "bearer")) return value.second;
    std::string login;
    if (absl::EqualsIgnoreCase(value.first, "basic") &&
        absl::Base64Unescape(value.second, &login)) {
      const std::size_t colon = login.find(':');
      if (colon != std::string::npos) return login.substr(colon + 1);
    }
  }
  return std::nullopt;
}

/// One connection, from request to answer; keeps itself.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(tcp::socket socket, std::shared_ptr<const HttpServer::Service> service)
      : socket_(std::move(socket)),
        patience_(socket_.get_executor()),
        service_(std::move(service)) {}

  void Start() {
    patience_.expires_after(kPatience);
    patience_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error) self->socket_.close();
    });
    boost::asio::async_read_until(
        socket_, boost::asio::dynamic_buffer(text_, kRequestBytesMax), "\r\n\r\n",
        [self = shared_from_this()](const error_code& error, std::size_t) {
          if (error) {
            self->patience_.cancel();
          } else {
            self->Answer();
          }
        });
  }

 private:
  void Answer() {
    const std::string line = text_.substr(0, text_.find("\r\n"));
    const std::size_t begin = line.find(' ');
    const std::size_t end = line.find(' ', begin + 1);
    HttpAnswer answer;
    const std::string objection = Objection(ShownToken(text_), service_->token);
    if (!objection.empty()) {
      answer = {401, "text/plain", objection + "\n"};
    } else if (line.starts_with("GET ") && end != std::string::npos) {
      const std::string target = line.substr(begin + 1, end - begin - 1);
      answer = service_->handler(target.substr(0, target.find('?')));
    } else {
      answer = {405, "text/plain", "only GET is answered here\n"};
    }
    text_ = absl::StrCat("HTTP/1.1 ", answer.status, answer.status == 200 ? " OK" : " Error",
                         answer.status == 401 ? "\r\nWWW-Authenticate: Basic realm=\"mobula\"" : "",
                         "\r\nContent-Type: ", answer.content_type,
                         "\r\nContent-Length: ", answer.body.size(),
                         "\r\nConnection: close\r\n\r\n", answer.body);
    boost::asio::async_write(socket_, boost::asio::buffer(text_),
                             [self = shared_from_this()](const error_code&, std::size_t) {
                               self->patience_.cancel();
                               error_code ignored;
                               self->socket_.shutdown(tcp::socket::shutdown_both, ignored);
                             });
  }

  tcp::socket socket_;
  boost::asio::steady_timer patience_;
  std::shared_ptr<const HttpServer::Service> service_;
  std::string text_;
};

}  // namespace

HttpServer::HttpServer(boost::asio::io_context& loop, Handler handler)
    : loop_(loop), handler_(std::move(handler)), acceptor_(loop) {}

absl::StatusOr<std::uint16_t> HttpServer::Listen(const std::string& host, std::uint16_t port,
                                                 std::string token) {
  service_ = std::make_shared<Service>(Service{handler_, std::move(token)});
  error_code error;
  const auto address =
      boost::asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("--dashboard-host=", host, " is wrong: expected an IP address"));
  }
  for (int attempt = 0; attempt < kPortsTried; ++attempt) {
    const auto candidate = static_cast<std::uint16_t>(port == 0 ? 0 : port + attempt);
    const tcp::endpoint endpoint(address, candidate);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
    if (!error) {
      Accept();
      return acceptor_.local_endpoint().port();
    }
    acceptor_.close();
  }
  return absl::UnavailableError(
      absl::StrCat("no port from ", port, " on is free for the dashboard on ", host, ": ",
                   error.message(), "; try another --dashboard-port, or -1 for no dashboard"));
}

void HttpServer::Accept() {
  acceptor_.async_accept([this](const error_code& error, tcp::socket socket) {
    if (error == boost::asio::error::operation_aborted) return;
    if (!error) std::make_shared<Exchange>(std::move(socket), service_)->Start();
    Accept();
  });
}

}  // namespace mobula::host
