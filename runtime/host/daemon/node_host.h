// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/core/node/node.h"
#include "runtime/host/daemon/fault_links.h"
#include "runtime/host/daemon/local_server.h"
#include "runtime/host/daemon/memory_use.h"
#include "runtime/host/daemon/page_book.h"
#include "runtime/host/daemon/process_manager.h"
#include "runtime/host/daemon/traffic.h"
#include "runtime/host/local/reporter.h"
#include "runtime/host/local/run_trace.h"
#include "runtime/host/local/store_segment.h"
#include "runtime/host/local/timer_queue.h"
#include "runtime/host/storage/gcs_storage.h"
#include "runtime/host/storage/spill_storage.h"

namespace mobula::host {

/// One incarnation of a node on a real machine: the Node machine, and the sockets, processes,
/// memory and timers that its events come from and its effects go to. Decides nothing.
/// Single-threaded: everything happens in the loop.
class NodeHost {
 public:
  struct Options {
    node::Options node;
    std::vector<std::string> zygote_command;
    std::vector<std::string> cpp_worker_command;
    std::string session_dir;
    LogLimits log_limits;
    /// Of the GCS; null when it keeps no log. Must outlive the node.
    GcsStorage* storage = nullptr;
    /// Where objects are spilled, if the machine's options enable that: a folder, or a URL, which
    /// the process of that command writes to.
    std::string spill_place;
    std::vector<std::string> spill_command;
    /// Never null. Must outlive the node.
    const DiskFaults* disk_faults = nullptr;
    /// Null where no fault plan is executed.
    Reporter* reporter = nullptr;
  };
  struct Handlers {
    /// The node is a member of its cluster.
    std::function<void()> on_joined;
    /// Declared dead: this object is of no use any more. Called in a turn of the loop of its own.
    std::function<void(const std::string& reason)> on_fenced;
    /// After `Stop`; likewise.
    std::function<void()> on_stopped;
  };

  /// `links` must outlive it.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<NodeHost>> Create(
      boost::asio::io_context& loop, FaultLinks& links, Options options, Handlers handlers);
  /// Kills the workers.
  ~NodeHost();

  /// Fails when the log of the GCS cannot be read.
  [[nodiscard]] absl::Status Start();
  void Stop(const std::string& reason);

  // From the links.
  void FrameArrived(link::Frame frame);
  void ChunkArrived(ObjectBytes chunk);
  void LinkBroke(NodeId peer, const std::string& reason, bool refused);

  /// The node's clock goes at another speed now.
  void ClockChanged() { timers_.ClockChanged(); }

  [[nodiscard]] const node::Node& Machine() const { return machine_; }
  [[nodiscard]] const std::string& SocketName() const { return socket_name_; }
  [[nodiscard]] std::uint64_t StoreBytes() const { return store_.Size(); }
  [[nodiscard]] const PageBook& Pages() const { return pages_; }
  [[nodiscard]] const Traffic& Exchanged() const { return traffic_; }

 private:
  NodeHost(boost::asio::io_context& loop, FaultLinks& links, Options options, Handlers handlers,
           StoreSegment store);

  void EnvelopeArrived(Envelope envelope);
  void Feed(node::Event event);
  void Settle() { server_.Flush(); }
  void AwaitTimers();
  void SocketClosed(WorkerId worker, std::vector<Envelope> undelivered);
  void ProcessEnded(WorkerId worker, const std::string& reason);
  void SendChunk(const std::string& address, const raylet::SendChunk& chunk, std::string bytes);
  void Bounce(const std::vector<Envelope>& undelivered, const std::string& reason);

  void Run(node::DeliverLocal& effect);
  void Run(node::SendFrame& effect);
  void Run(node::SendChunkTo& effect);
  void Run(node::CloseLink& effect);
  void Run(StartTimer& effect);
  void Run(raylet::StartProcess& effect) { processes_.Start(effect); }
  void Run(raylet::KillProcess& effect);
  void Run(raylet::DiscardMemory& effect) { store_.Discard(effect.offset, effect.size); }
  void Run(object_store::SpillObjects& effect);
  void Run(object_store::RestoreObject& effect);
  void Run(object_store::DeleteSpilled& effect) { spilled_.Delete(effect.file); }
  void Run(raylet::MeasureMemory& effect);
  void Run(raylet::Fenced& effect);
  void Run(raylet::Stopped& effect);
  void Run(gcs::ClusterEvent& effect);
  void Run(gcs::WriteLog& effect);

  boost::asio::io_context& loop_;
  FaultLinks& links_;
  GcsStorage* storage_;
  Handlers handlers_;
  Reporter* reporter_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  node::Node machine_;
  std::string socket_name_;
  StoreSegment store_;
  SpillStorage spilled_;
  PageBook pages_;
  Traffic traffic_;
  LocalServer server_;
  ProcessManager processes_;
  MemoryGauge memory_;
  TimerQueue timers_;
  boost::asio::posix::stream_descriptor timer_waiter_;
  bool joined_ = false;
  /// Null unless a trace is wanted.
  std::unique_ptr<RunTrace> trace_;
  /// Events that effects led to wait here until the effects before them are run.
  std::deque<node::Event> inbox_;
  bool feeding_ = false;
  /// What processes whose sockets have closed did not get; until their end is reported.
  std::map<WorkerId, std::vector<Envelope>> undelivered_;
  /// The last frame to each node that was reported: what is sent again has happened before.
  std::map<NodeId, std::uint64_t> reported_frames_;
};

}  // namespace mobula::host
