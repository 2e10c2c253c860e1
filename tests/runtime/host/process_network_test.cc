// SPDX-License-Identifier: Apache-2.0
// Goal: what one process writes to another is read, whoever dies meanwhile, and envelopes that come
// without addresses get the right ones.
// Method: two networks in one process; the test plays the daemon.
#include "runtime/host/process/process_network.h"

#include <poll.h>
#include <unistd.h>

#include <thread>

#include "runtime/host/local/unix_socket.h"

namespace mobula::host {
namespace {

const NodeId kNode{1, 1};
const std::string kDaemon = "mobula-process-network-test-" + std::to_string(getpid());

/// The daemon's end of all connections.
class FakeDaemon {
 public:
  FakeDaemon() : listener_(*ListenOn(kDaemon)), store_(*StoreSegment::Create(4096)) {}

  std::unique_ptr<ProcessNetwork> Connect(WorkerId worker, Poller& poller) {
    std::thread accept([&] {
      pollfd readable{listener_.Get(), POLLIN, 0};
      poll(&readable, 1, -1);
      Fd socket = *AcceptFrom(listener_.Get());
      EXPECT_TRUE(SendWelcome(socket.Get(), store_.File(), store_.Size(), page_.Get()).ok());
      streams_.emplace(worker, std::move(socket));
    });
    auto network = ProcessNetwork::Connect(kDaemon, worker, poller);
    accept.join();
    EXPECT_TRUE(network.ok()) << network.status();
    (*network)->SetNode(kNode);
    return *std::move(network);
  }
  void Tell(WorkerId worker, Message message) {
    FrameStream& stream = streams_.at(worker);
    stream.Queue({Address::Daemon(kNode), Address{kNode, worker}, std::move(message)});
    EXPECT_EQ(stream.Flush(), FrameStream::Flushed::kAll);
  }
  /// What a process has sent to it.
  std::vector<Envelope> Received(WorkerId worker) {
    std::vector<Envelope> received;
    (void)streams_.at(worker).Read(
        [&](Envelope&& envelope) { received.push_back(std::move(envelope)); });
    return received;
  }

 private:
  Fd listener_;
  StoreSegment store_;
  /// Of all its processes, which write no test's business there.
  Fd page_ = ProcessPage::Create()->TakeFile();
  std::map<WorkerId, FrameStream> streams_;
};

struct Process {
  Process(FakeDaemon& daemon, WorkerId worker)
      : id(worker), network(daemon.Connect(worker, poller)) {}

  void Send(const Process& to, std::uint64_t number) {
    network->Send(Address{kNode, to.id}, BorrowerAdded{number, {}, false});
    network->Flush();
  }
  /// What has come, asleep in between as a process that waits is.
  std::vector<Envelope> Receive() {
    std::vector<Envelope> received;
    const auto deliver = [&](Envelope&& envelope) { received.push_back(std::move(envelope)); };
    Poller::Events events;
    for (const epoll_event& event : poller.Poll(events)) network->HandleReady(event, deliver);
    network->ReadRings(deliver);
    (void)poller.Rings().Sleep();
    return received;
  }

  WorkerId id;
  Poller poller;
  std::unique_ptr<ProcessNetwork> network;
};

std::uint64_t NumberOf(const Envelope& envelope) {
  return std::get<BorrowerAdded>(envelope.message).request;
}

TEST(ProcessNetwork, EveryEnvelopeHasItsAddresses) {
  FakeDaemon daemon;
  Process a(daemon, WorkerId{0, 1});
  Process b(daemon, WorkerId{0, 2});
  for (std::uint64_t number = 0; number < 3; ++number) {
    a.Send(b, number);
    std::vector<Envelope> received = b.Receive();
    // The first has to be accepted first.
    if (received.empty()) received = b.Receive();
    ASSERT_EQ(received.size(), 1u) << number;
    EXPECT_EQ(received[0].source, (Address{kNode, a.id}));
    EXPECT_EQ(received[0].target, (Address{kNode, b.id}));
    EXPECT_EQ(NumberOf(received[0]), number);
    b.Send(a, number);
    received = a.Receive();
    ASSERT_EQ(received.size(), 1u) << number;
    EXPECT_EQ(received[0].source, (Address{kNode, b.id}));
    EXPECT_EQ(received[0].target, (Address{kNode, a.id}));
  }
}

// A connection that has not said who it is may be the dead process's, and is read with it. Then the
// news of it are taken, and it must be looked at like any other.
TEST(ProcessNetwork, HearsOfWhatCameWhileAnotherProcessDied) {
  FakeDaemon daemon;
  Process a(daemon, WorkerId{0, 1});
  Process b(daemon, WorkerId{0, 2});
  b.Send(a, 1);
  daemon.Tell(a.id, WorkerDied{Address{kNode, WorkerId{0, 3}}, "killed", false});
  Poller::Events events;
  std::vector<Envelope> received;
  const auto deliver = [&](Envelope&& envelope) { received.push_back(std::move(envelope)); };
  // The daemon's news before the neighbour's, in whatever order they are found.
  std::vector<epoll_event> ready;
  for (const epoll_event& event : a.poller.Poll(events)) ready.push_back(event);
  for (auto event = ready.rbegin(); event != ready.rend(); ++event)
    a.network->HandleReady(*event, deliver);
  ASSERT_EQ(received.size(), 2u);
  EXPECT_EQ(NumberOf(received[0]), 1u);
  EXPECT_TRUE(std::holds_alternative<WorkerDied>(received[1].message));
  ASSERT_TRUE(a.poller.Rings().Sleep());
  b.Send(a, 2);
  received = a.Receive();
  ASSERT_EQ(received.size(), 1u);
  EXPECT_EQ(NumberOf(received[0]), 2u);
}

TEST(ProcessNetwork, WhatADeadPeerDidNotTakeGoesThroughTheDaemon) {
  FakeDaemon daemon;
  Process a(daemon, WorkerId{0, 1});
  auto b = std::make_unique<Process>(daemon, WorkerId{0, 2});
  const WorkerId dead = b->id;
  a.Send(*b, 0);
  (void)b->Receive();
  (void)b->Receive();
  // More than a ring holds, so that some stays here.
  std::uint64_t sent = 1;
  while (sent < 100'000) a.Send(*b, sent++);
  b.reset();
  // A socket takes it piece by piece.
  std::vector<Envelope> received;
  for (int turn = 0; turn < 10'000; ++turn) {
    (void)a.Receive();
    a.network->Flush();
    for (Envelope& envelope : daemon.Received(a.id)) received.push_back(std::move(envelope));
    if (!received.empty() && NumberOf(received.back()) == sent - 1) break;
  }
  ASSERT_FALSE(received.empty());
  EXPECT_EQ(NumberOf(received.back()), sent - 1);
  for (const Envelope& envelope : received) {
    EXPECT_EQ(envelope.source, (Address{kNode, a.id}));
    EXPECT_EQ(envelope.target, (Address{kNode, dead}));
  }
}

}  // namespace
}  // namespace mobula::host
