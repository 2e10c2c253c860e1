// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/process/process_network.h"

#include <poll.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"
#include "runtime/host/local/clock.h"
#include "runtime/host/local/unix_socket.h"

namespace mobula::host {

absl::StatusOr<std::unique_ptr<ProcessNetwork>> ProcessNetwork::Connect(
    const std::string& daemon_socket, WorkerId self, Poller& poller) {
  std::unique_ptr<ProcessNetwork> network(new ProcessNetwork(daemon_socket, self, poller));
  absl::StatusOr<Fd> listener = ListenOn(ProcessSocketName(daemon_socket, self));
  if (!listener.ok()) return listener.status();
  absl::StatusOr<Fd> daemon = ConnectTo(daemon_socket);
  if (!daemon.ok()) return daemon.status();
  absl::StatusOr<Welcome> welcome = ReceiveWelcome(daemon->Get());
  if (!welcome.ok()) return welcome.status();
  absl::StatusOr<StoreSegment> store =
      StoreSegment::Map(std::move(welcome->store), welcome->store_bytes);
  if (!store.ok()) return store.status();
  absl::StatusOr<ProcessPage> page = ProcessPage::Map(std::move(welcome->page));
  if (!page.ok()) return page.status();
  (void)page->TakeFile();
  network->store_ = *std::move(store);
  network->page_ = *std::move(page);
  network->listener_ = *std::move(listener);
  poller.Add(network->listener_.Get());
  network->daemon_ = &network->Add(std::make_unique<Connection>(*std::move(daemon)), WorkerId{});
  return network;
}

ProcessNetwork::Connection& ProcessNetwork::Add(std::unique_ptr<Connection> connection,
                                                WorkerId peer) {
  const int number = connection->stream.Number();
  auto& added = connections_[number];
  added = std::move(connection);
  added->peer = peer;
  poller_.Add(number);
  return *added;
}

void ProcessNetwork::Send(const Address& target, Message&& message) {
  if (!failure_.empty()) return;
  Connection& connection = RouteTo(target);
  Envelope envelope{self_, target, std::move(message)};
  if (&connection != daemon_ && std::exchange(connection.introduced, true))
    envelope.source = envelope.target = Address{};
  connection.stream.Queue(envelope);
  if (!std::exchange(connection.dirty, true)) dirty_.push_back(connection.stream.Number());
}

ProcessNetwork::Connection& ProcessNetwork::RouteTo(const Address& target) {
  CHECK(target != self_ || self_.node.IsNil());
  const WorkerId peer = target.worker;
  if (peer.IsNil() || self_.node.IsNil() || target.node != self_.node) return *daemon_;
  if (const auto route = routes_.find(peer); route != routes_.end()) return *route->second;
  if (unreachable_.contains(peer)) return *daemon_;
  absl::StatusOr<std::unique_ptr<RingStream>> rings =
      RingStream::Connect(ProcessSocketName(daemon_socket_, peer));
  if (!rings.ok()) {
    unreachable_.insert(peer);
    return *daemon_;
  }
  Connection& connection = Add(std::make_unique<Connection>(*std::move(rings)), peer);
  routes_[peer] = &connection;
  return connection;
}

void ProcessNetwork::Flush() {
  // Grows while it is worked off: what a dead peer leaves goes to the daemon.
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    const auto found = connections_.find(dirty_[i]);
    if (found != connections_.end() && found->second->dirty) FlushConnection(*found->second);
  }
  dirty_.clear();
}

void ProcessNetwork::FlushConnection(Connection& connection) {
  connection.dirty = false;
  const FrameStream::Flushed flushed = connection.stream.Flush();
  if (flushed == FrameStream::Flushed::kBroken) {
    // A daemon's end is noticed by reading, after what it sent last.
    if (&connection != daemon_) GiveUpPeer(connection);
    return;
  }
  const bool wait = flushed == FrameStream::Flushed::kSome;
  // A ring's reader rings when there is room.
  if (connection.ring == nullptr && wait != connection.waits_writable) {
    connection.waits_writable = wait;
    poller_.WatchWritable(connection.stream.Number(), wait);
  }
}

/// Writes to the peer go through the daemon from now on. The connection is still read to its end.
void ProcessNetwork::GiveUpPeer(Connection& connection) {
  const auto route = routes_.find(connection.peer);
  if (route == routes_.end() || route->second != &connection) return;
  routes_.erase(route);
  unreachable_.insert(connection.peer);
  std::vector<Envelope> unsent = DecodeFrames(connection.stream.TakeUnsent());
  if (unsent.empty()) return;
  for (Envelope& envelope : unsent) {
    envelope.source = self_;
    envelope.target = Address{self_.node, connection.peer};
    daemon_->stream.Queue(envelope);
  }
  if (!std::exchange(daemon_->dirty, true)) dirty_.push_back(daemon_->stream.Number());
}

void ProcessNetwork::FlushBeforeExit(Duration patience) {
  const Instant deadline = SteadyNow() + patience;
  Flush();
  for (auto& [number, connection] : connections_) {
    while (connection->stream.HasUnsent() && SteadyNow() < deadline) {
      RingStream* const ring = connection->ring;
      pollfd ready{number, static_cast<short>(ring != nullptr ? POLLIN : POLLOUT), 0};
      poll(&ready, 1, static_cast<int>((deadline - SteadyNow()).nanoseconds / 1'000'000) + 1);
      if (ring != nullptr) ring->TakeRings();
      if (connection->stream.Flush() == FrameStream::Flushed::kBroken) break;
    }
  }
}

void ProcessNetwork::CloseAll() {
  if (failure_.empty()) failure_ = "closed";
  listener_.Reset();
  connections_.clear();
}

void ProcessNetwork::HandleReady(const epoll_event& event, Deliver deliver) {
  if (event.data.fd == listener_.Get()) return AcceptAll();
  const auto found = connections_.find(event.data.fd);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  if (connection.ring != nullptr) {
    Hear(connection);
    FlushConnection(connection);
  } else if ((event.events & EPOLLOUT) != 0) {
    FlushConnection(connection);
  }
  if ((event.events & ~EPOLLOUT) != 0) Read(connection, deliver);
}

void ProcessNetwork::ReadRings(Deliver deliver) {
  for (const int number : poller_.Rings().WithNews()) {
    // What one peer sent may have closed another's connection.
    const auto found = connections_.find(number);
    if (found != connections_.end()) Read(*found->second, deliver);
  }
}

void ProcessNetwork::AcceptAll() {
  while (std::optional<Fd> socket = AcceptFrom(listener_.Get()))
    Add(std::make_unique<Connection>(std::make_unique<RingStream>(*std::move(socket))), WorkerId{});
}

void ProcessNetwork::Read(Connection& connection, Deliver deliver) {
  const bool is_daemon = &connection == daemon_;
  const FrameStream::State state = connection.stream.Read([&](Envelope&& envelope) {
    if (is_daemon) {
      const auto* died = std::get_if<WorkerDied>(&envelope.message);
      if (died != nullptr && died->worker.node == self_.node)
        DrainPeer(died->worker.worker, deliver);
    } else {
      Complete(connection, envelope);
    }
    deliver(std::move(envelope));
  });
  if (state == FrameStream::State::kOpen) return;
  if (is_daemon) {
    const std::string& problem = connection.stream.Problem();
    failure_ =
        absl::StrCat("the connection to this node's daemon (", daemon_socket_,
                     ") is lost: ", problem.empty() ? "it was stopped or has crashed" : problem,
                     "; what was under way is lost too, connect to a cluster again to go on");
  } else {
    GiveUpPeer(connection);
  }
  Close(connection);
}

void ProcessNetwork::Complete(Connection& connection, Envelope& envelope) {
  if (envelope.source == Address{}) {
    envelope.source = connection.source;
    envelope.target = self_;
    return;
  }
  connection.source = envelope.source;
  if (!connection.peer.IsNil()) return;
  connection.peer = envelope.source.worker;
  routes_.try_emplace(connection.peer, &connection);
}

void ProcessNetwork::DrainPeer(WorkerId peer, Deliver deliver) {
  AcceptAll();
  std::vector<Connection*> of_peer;
  for (auto& [number, connection] : connections_) {
    // Those that have not said who they are may be its.
    if (connection.get() != daemon_ && (connection->peer == peer || connection->peer.IsNil())) {
      of_peer.push_back(connection.get());
    }
  }
  for (Connection* connection : of_peer) {
    Hear(*connection);
    Read(*connection, deliver);
  }
}

/// It rang, or may have. Whoever takes a ring must look at what rang from then on: it rings again
/// only for one who has gone to sleep.
void ProcessNetwork::Hear(Connection& connection) {
  connection.ring->TakeRings();
  poller_.Rings().Add(*connection.ring);
}

void ProcessNetwork::Close(Connection& connection) {
  const int number = connection.stream.Number();
  poller_.Remove(number);
  if (&connection == daemon_) return;  // Kept, so that late sends have somewhere to vanish.
  poller_.Rings().Remove(*connection.ring);
  connections_.erase(number);
}

}  // namespace mobula::host
