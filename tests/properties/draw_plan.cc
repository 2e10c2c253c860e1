// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/draw_plan.h"

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace mobula::properties {
namespace {

using faults::Happening;

/// The timeouts and periods of the machines. What goes wrong goes wrong when something lasts a
/// little shorter or longer than one of them.
constexpr Duration kTimeouts[] = {
    Microseconds(200),   // a few hops
    Milliseconds(20),    // report_delay, broadcast_delay, acknowledge_delay
    Milliseconds(100),   // lease_linger
    Milliseconds(300),   // resend_min
    Milliseconds(500),   // report_period, gcs_retry_min
    Milliseconds(800),   // suspicion_timeout
    Seconds(1),          // idle_worker_timeout
    Milliseconds(1800),  // node_timeout
    Seconds(2),          // chunk_timeout
    Seconds(3),          // resend_max
    Seconds(5),          // gcs_retry_max
};

/// What a fault may wait for.
constexpr const char* kMessages[] = {
    "PushTask",        "TaskDone",          "RequestLease",    "LeaseGranted",
    "ReturnLease",     "AddBorrower",       "BorrowerAdded",   "RemoveBorrower",
    "GetObjectStatus", "ObjectStatusReply", "FreeObject",      "ObjectLocationChanged",
    "RequestChunk",    "RegisterActor",     "ActorRegistered", "ActorUpdate",
    "SubscribeActor",  "NodeReport",        "WorkerDied",      "ClusterChanged"};
/// What the GCS says and hears of actors and deaths, itself first of all.
constexpr const char* kGcsMessages[] = {"RegisterActor",    "ActorRegistered",
                                        "ActorUpdate",      "SubscribeActor",
                                        "KillActor",        "ActorOutOfScope",
                                        "KillWorker",       "LeaseGranted",
                                        "ReportWorkerDied", "WorkerDeathRecorded",
                                        "RegisterNode",     "NodeRegistered",
                                        "ClusterChanged",   "GcsRestarted",
                                        "GetNamedActor",    "NamedActorReply",
                                        "NodeSuspected",    "PushTask",
                                        "TaskDone",         "RegisterWorker",
                                        "KvRequest",        "KvReply"};

/// What a node's store says and hears.
constexpr const char* kStoreMessages[] = {
    "CreateObject",    "ObjectCreated", "SealObject", "FetchObject",
    "ObjectAvailable", "ReleaseObject", "FreeObject", "RequestChunk",
    "RoomWanted",      "PushTask",      "TaskDone",   "ObjectLocationChanged"};

class PlanDrawer {
 public:
  PlanDrawer(Rng& rng, const Shape& shape, std::uint32_t nodes, Duration program_time)
      : rng_(rng),
        nodes_(nodes),
        program_time_(program_time),
        answer_must_come_(shape.answer_must_come) {
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      if (!shape.swarm || rng_.Below(3) == 0) kinds_.push_back(kind);
    }
    if (kinds_.empty()) kinds_.push_back(rng_.Below(kKinds));
  }

  faults::Plan Draw(int size) {
    faults::Plan plan;
    const std::uint64_t count = 1 + rng_.Below(1 + static_cast<std::uint64_t>(size) / 16);
    for (std::uint64_t i = 0; i < count; ++i) {
      faults::Kind kind = DrawKind();
      plan.Add(DrawFault(std::move(kind), kMessages));
    }
    return plan;
  }

  /// What happens to the GCS and to the disk that its log lies on.
  void AddGcsFaults(faults::Plan& plan) {
    const std::uint64_t count = 1 + rng_.Below(3);
    for (std::uint64_t i = 0; i < count; ++i) {
      faults::Kind kind = DrawGcsKind();
      plan.Add(DrawFault(std::move(kind), kGcsMessages));
    }
  }

  /// A network that is never good, or one bad link in it.
  void AddWeather(faults::Plan& plan) {
    faults::LinkFault weather;
    if (nodes_ > 2 && rng_.Below(2) == 0) {
      weather.from = {Node(true)};
      weather.to = {Other(weather.from.front())};
      weather.delay = Times(0.1 + rng_.Uniform(), Milliseconds(10));
      return plan.Add(faults::At({}, weather));
    }
    weather.from = weather.to = {"all"};
    if (rng_.Below(2) == 0) weather.loss = rng_.Uniform() * 0.1;
    if (rng_.Below(2) == 0) weather.duplicate = rng_.Uniform() * 0.5;
    if (rng_.Below(2) == 0) weather.reorder = rng_.Uniform() * 0.5;
    weather.reorder_by = Times(rng_.Uniform(), Milliseconds(5));
    plan.Add(faults::At({}, weather));
  }

  /// What happens to the disks to which the stores spill.
  void AddSpillFaults(faults::Plan& plan) {
    const std::uint64_t count = 1 + rng_.Below(3);
    for (std::uint64_t i = 0; i < count; ++i) {
      plan.Add(DrawFault(DrawDiskFault(Node(false), faults::DiskFiles::kSpill), kStoreMessages));
    }
  }

 private:
  static constexpr std::size_t kKinds = 9;

  Duration Times(double factor, Duration span) {
    // Whole microseconds, so that text says exactly the same.
    return Microseconds(static_cast<std::int64_t>(span.Seconds() * factor * 1e6));
  }
  /// On either side of some timeout, most often not far from it.
  Duration Span() {
    const Duration timeout = kTimeouts[rng_.Below(std::size(kTimeouts))];
    return Times(0.6 + 0.8 * rng_.Uniform(), timeout);
  }
  Duration Instant() { return Times(rng_.Uniform(), program_time_); }

  std::string Node(bool spare_head) {
    if (rng_.Below(6) == 0) return "any";
    const std::uint64_t first = spare_head ? 2 : 1;
    return absl::StrCat("n", first + rng_.Below(nodes_ + 1 - first));
  }

  faults::Fault DrawFault(faults::Kind kind, std::span<const char* const> messages) {
    faults::Fault fault;
    fault.kind = std::move(kind);
    const std::uint64_t trigger = rng_.Below(8);
    if (trigger < 4) {
      fault.at = Instant();
    } else if (trigger < 7) {
      fault.on = DrawOccasion(messages);
      if (rng_.Below(3) == 0) fault.after = Times(rng_.Uniform(), Milliseconds(2));
      if (rng_.Below(4) == 0) fault.times = 2;
    } else {
      fault.every = Times(0.05 + 0.3 * rng_.Uniform(), program_time_ + Milliseconds(10));
      fault.probability = 0.05 * static_cast<double>(1 + rng_.Below(10));
      fault.times = 4;
    }
    return fault;
  }

  faults::Occasion DrawOccasion(std::span<const char* const> messages) {
    faults::Occasion occasion;
    const std::uint64_t event = rng_.Below(12);
    if (event < 5) {
      occasion.message = messages[rng_.Below(messages.size())];
    } else {
      occasion.event = static_cast<Happening>(1 + rng_.Below(7));
    }
    if (rng_.Below(2) == 0) occasion.from = absl::StrCat("n", 1 + rng_.Below(nodes_));
    occasion.count = 1 + rng_.Below(4);
    return occasion;
  }

  /// A new disk is left out: no driver survives that.
  faults::Kind DrawGcsKind() {
    const std::uint64_t kind = rng_.Below(6);
    if (kind < 4) {
      faults::CrashGcs crash{{}, false, rng_.Below(2) == 0};
      if (HasEnd()) crash.restart_after = Span();
      return crash;
    }
    return DrawDiskFault("n1",
                         answer_must_come_ ? faults::DiskFiles::kGcsLog : faults::DiskFiles::kAll);
  }

  /// Without an end a fault lasts until all is healed.
  bool HasEnd() { return rng_.Below(6) > 0; }

  /// A disk that lies is left out: what was acknowledged may be gone, and then nothing can be
  /// promised. Where the answer must come, what was spilled can be read again.
  faults::DiskFault DrawDiskFault(const std::string& node, faults::DiskFiles files) {
    static constexpr faults::DiskMode kModes[] = {faults::DiskMode::kSlow, faults::DiskMode::kFail,
                                                  faults::DiskMode::kFull};
    const bool must_work = answer_must_come_ && files == faults::DiskFiles::kSpill;
    faults::DiskFault fault{
        node, kModes[rng_.Below(must_work ? 1 : std::size(kModes))], {}, {}, files};
    if (fault.mode == faults::DiskMode::kSlow) fault.delay = Span();
    if (HasEnd()) fault.lasts = Span();
    return fault;
  }

  faults::Kind DrawKind() {
    std::size_t kind = kinds_[rng_.Below(kinds_.size())];
    // A cluster of one has no node that may end, and no links.
    if (nodes_ == 1 && (kind == 0 || kind == 6 || kind == 7 || kind == 8)) kind = 2;
    switch (kind) {
      case 0:
      case 1: {
        if (nodes_ == 1) return faults::CrashWorker{"n1", ""};
        faults::CrashNode crash{Node(true), rng_.Below(2) == 0, {}};
        if (rng_.Below(3) > 0) crash.restart_after = Span();
        return crash;
      }
      case 2:
        return faults::CrashWorker{Node(false), ""};
      case 3:
        return faults::PauseNode{Node(false), Span()};
      case 4:
        return faults::PauseWorker{Node(false), "", Span()};
      case 5:
        if (rng_.Below(2) == 0) {
          return faults::ClockDrift{Node(false), 0.5 + rng_.Uniform() * 1.5, Span()};
        }
        return faults::SlowCpu{Node(false), 1 + rng_.Uniform() * 50, Span()};
      case 6: {
        faults::Partition cut;
        cut.a = {Node(false)};
        if (nodes_ > 2 && rng_.Below(2) == 0) cut.b = {Other(cut.a.front())};
        cut.one_way = rng_.Below(2) == 0;
        cut.lasts = Span();
        return cut;
      }
      default:
        return DrawLinkFault();
    }
  }

  std::string Other(const std::string& node) {
    const std::string other = absl::StrCat("n", 1 + rng_.Below(nodes_));
    if (other != node) return other;
    return other == "n1" ? "n2" : "n1";
  }

  faults::LinkFault DrawLinkFault() {
    faults::LinkFault fault;
    fault.from = {Node(false)};
    if (nodes_ > 2 && rng_.Below(2) == 0) fault.to = {Other(fault.from.front())};
    fault.both_ways = rng_.Below(2) == 0;
    fault.lasts = Span();
    const std::uint64_t how = rng_.Below(5);
    if (how == 0) fault.loss = 0.05 + rng_.Uniform() * 0.5;
    if (how == 1) fault.duplicate = 0.1 + rng_.Uniform() * 0.5;
    if (how == 2) {
      fault.reorder = 0.1 + rng_.Uniform() * 0.5;
      fault.reorder_by = Times(rng_.Uniform(), Milliseconds(20));
    }
    if (how == 3) {
      fault.delay = Span();
      fault.jitter = Times(rng_.Uniform(), Milliseconds(5));
    }
    if (how == 4) fault.bytes_per_second = 1e5 + rng_.Uniform() * 1e7;
    return fault;
  }

  Rng& rng_;
  std::uint32_t nodes_;
  Duration program_time_;
  bool answer_must_come_;
  std::vector<std::size_t> kinds_;
};

}  // namespace

faults::Plan DrawPlan(Rng& rng, const Shape& shape, const ClusterShape& cluster,
                      Duration program_time) {
  Rng gcs_rng = rng.Fork(1);
  Rng spill_rng = rng.Fork(2);
  faults::Plan plan = PlanDrawer(rng, shape, cluster.nodes, program_time).Draw(shape.size);
  if (gcs_rng.Below(3) == 0) {
    PlanDrawer(gcs_rng, shape, cluster.nodes, program_time).AddGcsFaults(plan);
  }
  Rng weather_rng = rng.Fork(3);
  if (cluster.nodes > 1 && weather_rng.Below(4) == 0) {
    PlanDrawer(weather_rng, shape, cluster.nodes, program_time).AddWeather(plan);
  }
  const bool spills = cluster.store_kilobytes < ClusterShape{}.store_kilobytes;
  if (spills && spill_rng.Below(2) == 0) {
    PlanDrawer(spill_rng, shape, cluster.nodes, program_time).AddSpillFaults(plan);
  }
  return plan;
}

}  // namespace mobula::properties
