// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/local_server.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"
#include "runtime/host/local/log_line.h"
#include "runtime/host/local/unix_socket.h"

namespace mobula::host {

using Descriptor = boost::asio::posix::stream_descriptor;

struct LocalServer::Session {
  Session(boost::asio::io_context& loop, Fd socket, ProcessPage its_page)
      : waiter(loop, socket.Get()), stream(std::move(socket)), page(std::move(its_page)) {}
  ~Session() { waiter.release(); }

  /// Borrows the descriptor, which `stream` owns.
  Descriptor waiter;
  FrameStream stream;
  /// Goes to the book when it is known whose it is.
  ProcessPage page;
  WorkerId worker;
  bool dirty = false;
  bool waits_writable = false;
  bool closed = false;
};

LocalServer::LocalServer(boost::asio::io_context& loop, NodeId node, const StoreSegment& store,
                         PageBook& pages, Handlers handlers)
    : loop_(loop),
      node_(node),
      store_(store),
      pages_(pages),
      handlers_(std::move(handlers)),
      listener_(loop) {}

LocalServer::~LocalServer() {
  for (const auto& [number, session] : sessions_) session->closed = true;
}

absl::Status LocalServer::Listen() {
  absl::StatusOr<Fd> socket = ListenOn(DaemonSocketName(node_));
  if (!socket.ok()) return socket.status();
  listener_.assign(socket->Release());
  AwaitConnection();
  return absl::OkStatus();
}

void LocalServer::AwaitConnection() {
  listener_.async_wait(Descriptor::wait_read, [this, alive = std::weak_ptr<char>(alive_)](
                                                  const boost::system::error_code& error) {
    if (error || alive.expired()) return;
    while (std::optional<Fd> socket = AcceptFrom(listener_.native_handle())) {
      Welcome(*std::move(socket));
    }
    AwaitConnection();
  });
}

void LocalServer::Welcome(Fd socket) {
  absl::StatusOr<ProcessPage> page = ProcessPage::Create();
  if (!page.ok()) {
    LogLine("a process is turned away: " + std::string(page.status().message()));
    return;
  }
  const Fd file = page->TakeFile();
  if (!SendWelcome(socket.Get(), store_.File(), store_.Size(), file.Get()).ok()) return;
  const int number = socket.Get();
  const auto session = std::make_shared<Session>(loop_, std::move(socket), *std::move(page));
  sessions_[number] = session;
  AwaitReadable(session);
}

void LocalServer::AwaitReadable(const SessionPointer& session) {
  session->waiter.async_wait(Descriptor::wait_read,
                             [this, session](const boost::system::error_code& error) {
                               if (error || session->closed) return;
                               if (Read(*session)) {
                                 AwaitReadable(session);
                               } else {
                                 CloseSession(session);
                               }
                               handlers_.on_settle();
                             });
}

/// False once the other end has closed.
bool LocalServer::Read(Session& session) {
  const FrameStream::State state =
      session.stream.Read([&](Envelope envelope) { Receive(session, std::move(envelope)); });
  if (!session.stream.Problem().empty()) {
    LogLine(absl::StrCat("closed the connection of process ", PeerPid(session.stream.Number()),
                         ": ", session.stream.Problem()));
  }
  return state == FrameStream::State::kOpen;
}

void LocalServer::Receive(Session& session, Envelope envelope) {
  if (const auto* hello = std::get_if<RegisterWorker>(&envelope.message)) {
    if (!session.worker.IsNil() || hello->worker.IsNil() || by_worker_.contains(hello->worker))
      return;
    session.worker = hello->worker;
    pages_.Began({hello->worker, hello->pid, hello->is_driver}, std::move(session.page));
    by_worker_[session.worker] = sessions_.at(session.stream.Number());
    // The process does not know its node yet.
    envelope.target = Address::Daemon(node_);
  }
  if (session.worker.IsNil()) return;
  envelope.source = {node_, session.worker};
  handlers_.on_envelope(std::move(envelope));
}

bool LocalServer::Deliver(WorkerId worker, const Envelope& envelope) {
  const auto found = by_worker_.find(worker);
  if (found == by_worker_.end()) return false;
  const SessionPointer& session = found->second;
  session->stream.Queue(envelope);
  if (!std::exchange(session->dirty, true)) dirty_.push_back(session);
  return true;
}

void LocalServer::Flush() {
  for (const SessionPointer& session : std::exchange(dirty_, {})) {
    session->dirty = false;
    if (!session->closed && !session->waits_writable) FlushSession(session);
  }
}

void LocalServer::FlushSession(const SessionPointer& session) {
  // A broken stream is noticed by reading, after what the process sent last.
  if (session->stream.Flush() != FrameStream::Flushed::kSome) return;
  session->waits_writable = true;
  session->waiter.async_wait(Descriptor::wait_write,
                             [this, session](const boost::system::error_code& error) {
                               if (error || session->closed) return;
                               session->waits_writable = false;
                               FlushSession(session);
                             });
}

void LocalServer::CloseSession(const SessionPointer& session) {
  if (std::exchange(session->closed, true)) return;
  sessions_.erase(session->stream.Number());
  session->waiter.cancel();
  if (session->worker.IsNil()) return;
  by_worker_.erase(session->worker);
  pages_.Ended(session->worker);
  handlers_.on_closed(session->worker, DecodeFrames(session->stream.TakeUnsent()));
}

std::vector<Envelope> LocalServer::DrainAndClose(WorkerId worker) {
  const auto found = by_worker_.find(worker);
  if (found == by_worker_.end()) return {};
  const SessionPointer session = found->second;
  (void)Read(*session);
  session->closed = true;
  sessions_.erase(session->stream.Number());
  by_worker_.erase(worker);
  pages_.Ended(worker);
  session->waiter.cancel();
  return DecodeFrames(session->stream.TakeUnsent());
}

pid_t LocalServer::PidOf(WorkerId worker) const {
  const auto found = by_worker_.find(worker);
  return found == by_worker_.end() ? 0 : PeerPid(found->second->stream.Number());
}

}  // namespace mobula::host
