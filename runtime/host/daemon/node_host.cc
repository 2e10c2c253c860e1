// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/node_host.h"

#include <boost/asio/post.hpp>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"
#include "runtime/host/daemon/options.h"
#include "runtime/host/daemon/spill_helper.h"
#include "runtime/host/local/clock.h"
#include "runtime/host/local/log_line.h"
#include "runtime/host/local/unix_socket.h"
#include "runtime/host/storage/spill_folder.h"

namespace mobula::host {
namespace {

std::unique_ptr<SpillPlace> MakeSpillPlace(const NodeHost::Options& options, NodeId node) {
  if (!IsUrl(options.spill_place)) return std::make_unique<SpillFolder>(options.spill_place);
  return std::make_unique<SpillHelper>(
      SpillHelper::Options{.command = options.spill_command,
                           .place = options.spill_place,
                           .folder = absl::StrCat("mobula-", node.Hex()),
                           .log_file = options.session_dir + "/logs/spill-helper.log"});
}

}  // namespace

absl::StatusOr<std::unique_ptr<NodeHost>> NodeHost::Create(boost::asio::io_context& loop,
                                                           FaultLinks& links, Options options,
                                                           Handlers handlers) {
  absl::StatusOr<StoreSegment> store = StoreSegment::Create(options.node.raylet.store_capacity);
  if (!store.ok()) return store.status();
  std::unique_ptr<NodeHost> host(
      new NodeHost(loop, links, std::move(options), std::move(handlers), *std::move(store)));
  if (absl::Status status = host->server_.Listen(); !status.ok()) return status;
  return host;
}

NodeHost::NodeHost(boost::asio::io_context& loop, FaultLinks& links, Options options,
                   Handlers handlers, StoreSegment store)
    : loop_(loop),
      links_(links),
      storage_(options.storage),
      handlers_(std::move(handlers)),
      reporter_(options.reporter),
      machine_(options.node),
      socket_name_(DaemonSocketName(machine_.Self())),
      store_(std::move(store)),
      spilled_(loop, MakeSpillPlace(options, machine_.Self()), store_, *options.disk_faults),
      server_(
          loop, machine_.Self(), store_, pages_,
          {
              .on_envelope = [this](Envelope envelope) { EnvelopeArrived(std::move(envelope)); },
              .on_closed =
                  [this](WorkerId worker, std::vector<Envelope> undelivered) {
                    SocketClosed(worker, std::move(undelivered));
                  },
              .on_settle = [this] { Settle(); },
          }),
      processes_(
          loop,
          {.zygote_command = std::move(options.zygote_command),
           .cpp_worker_command = std::move(options.cpp_worker_command),
           .log_dir = options.session_dir + "/logs",
           .log_limits = options.log_limits,
           .socket_name = socket_name_},
          {
              .on_lines =
                  [this](WorkerId worker, bool is_error, std::vector<std::string> lines) {
                    Feed(raylet::ProcessOutput{worker, is_error, std::move(lines)});
                    Settle();
                  },
              .on_ended = [this](WorkerId worker,
                                 const std::string& reason) { ProcessEnded(worker, reason); },
          }),
      timer_waiter_(loop, timers_.Number()),
      trace_(RunTrace::Open("node-" + machine_.Self().Short(), WorkerId{})) {
  if (!trace_) return;
  trace_->SetNode(machine_.Self());
  trace_->RecordWorld("NodeStart", machine_.Self().Hex());
}

NodeHost::~NodeHost() {
  if (trace_) trace_->RecordWorld("NodeEnd", "its daemon stopped");
  timer_waiter_.release();
}

absl::Status NodeHost::Start() {
  if (storage_ != nullptr) {
    absl::StatusOr<gcs::LogRecords> records = storage_->Read();
    if (!records.ok()) return records.status();
    Feed(node::GcsStarted{*std::move(records)});
  }
  AwaitTimers();
  if (machine_.FindRaylet() != nullptr) processes_.WarmUp();
  Feed(raylet::NodeStarted{});
  // Beside the GCS, that was all; elsewhere its answer is awaited.
  if (machine_.FindGcs() != nullptr && !std::exchange(joined_, true)) handlers_.on_joined();
  Settle();
  return absl::OkStatus();
}

void NodeHost::Stop(const std::string& reason) {
  Feed(raylet::StopRequested{reason});
  Settle();
}

// ---- Events

void NodeHost::EnvelopeArrived(Envelope envelope) {
  // A process reports what it writes to its own node, but does not know that the GCS is there.
  if (reporter_ != nullptr && envelope.target.IsGcs() && machine_.FindGcs() != nullptr) {
    reporter_->ReportMessage(envelope.message, reporter_->Node());
  }
  Feed(node::EnvelopeSent{std::move(envelope)});
}

void NodeHost::Feed(node::Event event) {
  inbox_.push_back(std::move(event));
  if (feeding_) return;
  feeding_ = true;
  while (!inbox_.empty()) {
    const node::Event next = std::move(inbox_.front());
    inbox_.pop_front();
    node::Effects effects;
    const Instant now = SteadyNow();
    machine_.Handle(now, next, effects);
    if (trace_) trace_->Record(now, machine_, next, effects);
    for (node::Effect& effect : effects) {
      std::visit([this](auto& member) { Run(member); }, effect);
    }
  }
  feeding_ = false;
}

void NodeHost::AwaitTimers() {
  timer_waiter_.async_wait(
      boost::asio::posix::stream_descriptor::wait_read,
      [this, alive = std::weak_ptr<char>(alive_)](const boost::system::error_code& error) {
        if (error || alive.expired()) return;
        timers_.Expire(SteadyNow(), [this](TimerId timer) { Feed(TimerFired{timer}); });
        Settle();
        AwaitTimers();
      });
}

void NodeHost::FrameArrived(link::Frame frame) {
  traffic_.FrameReceived(SteadyNow(), frame);
  const bool is_welcome = frame.target == machine_.Self() && frame.envelope &&
                          std::holds_alternative<NodeRegistered>(frame.envelope->message);
  Feed(node::FrameReceived{std::move(frame)});
  if (is_welcome && !std::exchange(joined_, true)) handlers_.on_joined();
  Settle();
}

void NodeHost::ChunkArrived(ObjectBytes chunk) {
  if (chunk.target != machine_.Self() || machine_.FindRaylet() == nullptr) return;
  const std::optional<std::uint64_t> start = machine_.FindRaylet()->StoreOffset(chunk.object);
  const std::uint64_t length = chunk.data.size();
  // The pull was given up meanwhile, or the sender is confused.
  if (!start || chunk.offset > store_.Size() || *start + chunk.offset + length > store_.Size())
    return;
  std::memcpy(store_.At(*start + chunk.offset, length), chunk.data.data(), length);
  traffic_.received.Add(length);
  Feed(raylet::ChunkReceived{chunk.source, chunk.object, chunk.offset, length});
  Settle();
}

void NodeHost::LinkBroke(NodeId peer, const std::string& reason, bool refused) {
  Feed(node::LinkBroken{peer, reason, refused});
  Settle();
}

void NodeHost::SocketClosed(WorkerId worker, std::vector<Envelope> undelivered) {
  undelivered_[worker] = std::move(undelivered);
  // How a worker ended is told by who started it; a driver was started by somebody else.
  if (!processes_.SocketClosed(worker)) ProcessEnded(worker, "it closed its connection");
}

void NodeHost::ProcessEnded(WorkerId worker, const std::string& reason) {
  std::vector<Envelope> undelivered = server_.DrainAndClose(worker);
  auto kept = undelivered_.extract(worker);
  LogLine(absl::StrCat("worker=", worker.Hex(), " ended: ", reason));
  Feed(raylet::ProcessExited{worker, reason});
  Bounce(undelivered, reason);
  if (!kept.empty()) Bounce(kept.mapped(), reason);
  Settle();
}

/// Tells processes that what they wrote did not arrive; daemons and the GCS hear of the end by
/// themselves.
void NodeHost::Bounce(const std::vector<Envelope>& undelivered, const std::string& reason) {
  for (const Envelope& envelope : undelivered) {
    if (envelope.source.worker.IsNil() || std::holds_alternative<WorkerDied>(envelope.message))
      continue;
    Feed(node::EnvelopeSent{{Address::Daemon(machine_.Self()), envelope.source,
                             WorkerDied{envelope.target, reason, false}}});
  }
}

// ---- Effects

void NodeHost::Run(node::DeliverLocal& effect) {
  const Address& source = effect.envelope.source;
  // What processes and other nodes sent is reported where it came from.
  if (reporter_ != nullptr && source.worker.IsNil() &&
      (source.IsGcs() ? machine_.FindGcs() != nullptr : source.node == machine_.Self())) {
    reporter_->ReportMessage(effect.envelope.message, reporter_->Node());
  }
  if (server_.Deliver(effect.worker, effect.envelope)) return;
  const auto closing = undelivered_.find(effect.worker);
  if (closing != undelivered_.end()) {
    closing->second.push_back(std::move(effect.envelope));
  } else {
    Bounce({effect.envelope}, "the process has ended");
  }
}

void NodeHost::Run(node::SendFrame& effect) {
  const link::Frame& frame = effect.frame;
  if (reporter_ != nullptr && frame.envelope) {
    std::uint64_t& last = reported_frames_[frame.target];
    // Notices have no number.
    if (frame.sequence == 0 || frame.sequence > last) {
      last = std::max(last, frame.sequence);
      reporter_->ReportMessage(frame.envelope->message, links_.NameOf(frame.target));
    }
  }
  traffic_.FrameSent(SteadyNow(), frame);
  links_.SendFrame(effect.address, frame);
}

void NodeHost::Run(node::CloseLink& effect) {
  if (reporter_ != nullptr && machine_.FindGcs() != nullptr) {
    reporter_->Report({faults::Happening::kNodeDied, "", links_.NameOf(effect.peer), ""});
  }
  traffic_.LinkClosed(effect.peer);
  links_.Close(effect.peer);
}

void NodeHost::Run(node::SendChunkTo& effect) {
  const raylet::SendChunk& chunk = effect.chunk;
  if (chunk.file == 0) {
    const std::byte* const data = store_.At(chunk.start + chunk.offset, chunk.length);
    return SendChunk(effect.address, chunk,
                     std::string(reinterpret_cast<const char*>(data), chunk.length));
  }
  spilled_.ReadChunk(
      chunk.file, chunk.start + chunk.offset, chunk.length,
      [this, effect, alive = std::weak_ptr<char>(alive_)](absl::StatusOr<std::string> bytes) {
        if (alive.expired()) return;
        const raylet::SendChunk& part = effect.chunk;
        if (bytes.ok()) return SendChunk(effect.address, part, *std::move(bytes));
        Feed(object_store::SpilledChunkLost{part.target, part.object, part.file,
                                            std::string(bytes.status().message())});
        Settle();
      });
}

void NodeHost::SendChunk(const std::string& address, const raylet::SendChunk& chunk,
                         std::string bytes) {
  traffic_.sent.Add(bytes.size());
  links_.SendChunk(address,
                   {machine_.Self(), chunk.target, chunk.object, chunk.offset, std::move(bytes)});
}

void NodeHost::Run(object_store::SpillObjects& effect) {
  const std::uint64_t file = effect.file;
  spilled_.Write(std::move(effect),
                 [this, file, alive = std::weak_ptr<char>(alive_)](const absl::Status& status) {
                   if (alive.expired()) return;
                   Feed(object_store::ObjectsSpilled{file, std::string(status.message())});
                   Settle();
                 });
}

void NodeHost::Run(object_store::RestoreObject& effect) {
  spilled_.Read(effect, [this, object = effect.object, copy = effect.copy,
                         alive = std::weak_ptr<char>(alive_)](const absl::Status& status) {
    if (alive.expired()) return;
    Feed(object_store::ObjectRestored{object, copy, std::string(status.message())});
    Settle();
  });
}

void NodeHost::Run(raylet::MeasureMemory& effect) {
  const MemoryUse use = memory_.Tightest();
  raylet::MemoryMeasured measured{use.used, use.limit, {}};
  for (const WorkerId worker : effect.processes) {
    const std::uint64_t bytes = memory_.OfProcess(processes_.PidOf(worker));
    if (bytes > 0) measured.processes.push_back({worker, bytes});
  }
  Feed(std::move(measured));
}

void NodeHost::Run(StartTimer& effect) { timers_.Start(SteadyNow(), effect.delay, effect.timer); }

void NodeHost::Run(raylet::KillProcess& effect) {
  if (processes_.PidOf(effect.worker) == 0 && server_.PidOf(effect.worker) != 0) {
    // Nobody's child: it is told by its connection.
    Feed(raylet::ProcessExited{effect.worker, effect.reason});
    (void)server_.DrainAndClose(effect.worker);
    return;
  }
  processes_.Kill(effect.worker);
}

void NodeHost::Run(raylet::Fenced& effect) {
  boost::asio::post(loop_, [this, reason = effect.reason, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired()) handlers_.on_fenced(reason);
  });
}

void NodeHost::Run(raylet::Stopped&) {
  boost::asio::post(loop_, [this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired()) handlers_.on_stopped();
  });
}

void NodeHost::Run(gcs::WriteLog& effect) {
  CHECK(storage_ != nullptr) << "a GCS without storage writes a log";
  const std::uint64_t sequence = effect.sequence;
  storage_->Write(std::move(effect), [this, sequence, alive = std::weak_ptr<char>(alive_)](
                                         const absl::Status& status) {
    if (alive.expired()) return;
    if (status.ok()) {
      Feed(gcs::LogSynced{sequence});
    } else {
      Feed(gcs::LogFailed{sequence, std::string(status.message())});
    }
    Settle();
  });
}

void NodeHost::Run(gcs::ClusterEvent& effect) {
  LogLine(effect.text);
  if (reporter_ != nullptr) reporter_->Tell({"cluster", effect.text});
}

}  // namespace mobula::host
