// SPDX-License-Identifier: Apache-2.0
/// What can lie in the world's event queue.
#pragma once

#include <cstddef>
#include <optional>
#include <variant>
#include <vector>

#include "faults/fault.h"
#include "runtime/core/node/node.h"
#include "runtime/trace/recorder.h"
#include "sim/hub_action.h"
#include "sim/network.h"
#include "sim/sim_process.h"

namespace mobula::sim {

/// An event for a daemon; void when the node is another incarnation by then.
struct NodeInput {
  NodeIndex node = 0;
  std::uint32_t incarnation = 0;
  node::Event event;
};
/// An event for a process; void when it is dead by then.
struct ProcessInput {
  SimProcess* process = nullptr;
  worker::Event event;
};
/// A node's daemon starts, unless it runs.
struct NodeStart {
  NodeIndex node = 0;
};
/// A process that was asked for is there and registers.
struct ProcessStart {
  SimProcess::Setup setup;
  std::uint32_t incarnation = 0;
  JobConfig job_config;
};
struct FrameArrival {
  NodeIndex source = 0;
  NodeIndex target = 0;
  link::Frame frame;
};
struct ChunkArrival {
  NodeId source;
  NodeIndex target = 0;
  raylet::SendChunk chunk;
  std::vector<std::byte> bytes;
};
/// The cost of a task has passed: its code runs now.
struct TaskStart {
  SimProcess* process = nullptr;
  worker::RunTask run;
};
struct SleepEnd {
  /// Of the sleeper; nothing for the hub's own.
  std::optional<NodeIndex> node;
  WorkerId process;
  SleepId sleep = 0;
};
struct FaultAlarm {
  std::uint64_t key = 0;
};
/// A write to the log of the GCS is over; void when the disk's epoch has changed.
struct DiskWriteEnd {
  NodeIndex node = 0;
  std::uint64_t epoch = 0;
};
/// A transfer between a node's store and a spill file is over; void when the node is another
/// incarnation by then.
struct TransferEnd {
  NodeIndex node = 0;
  std::uint32_t incarnation = 0;
  std::variant<object_store::SpillObjects, object_store::RestoreObject, node::SendChunkTo> transfer;
};
/// The GCS ends, or comes back; void when its node is another incarnation by then.
struct GcsDown {
  std::uint32_t incarnation = 0;
  faults::CrashGcs fault;
};
struct GcsStart {
  std::uint32_t incarnation = 0;
};

struct Occurrence {
  std::variant<NodeInput, ProcessInput, NodeStart, ProcessStart, FrameArrival, ChunkArrival,
               TaskStart, SleepEnd, FaultAlarm, DiskWriteEnd, TransferEnd, GcsDown, GcsStart>
      what;
  /// While one of these is due, the world is not idle, however long it takes.
  bool keeps_awake = false;
  /// The effect that it came of. Set by Push.
  trace::Cause cause = {};
};

}  // namespace mobula::sim
