// SPDX-License-Identifier: Apache-2.0
/// What a Raylet machine hears and says. One machine serves one node.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "runtime/core/object_store/spill.h"
#include "runtime/core/protocol/effects.h"

namespace mobula::raylet {

// Events.

/// The node is up; the machine registers with the GCS.
struct NodeStarted {
  MOBULA_FIELDS(NodeStarted)
};
/// A process of this node is gone: the operating system, a closed socket or the simulator says so.
struct ProcessExited {
  WorkerId worker;
  std::string reason;
  MOBULA_FIELDS(ProcessExited, worker, reason)
};
/// A worker of this node wrote whole lines to its standard output or error.
struct ProcessOutput {
  WorkerId worker;
  bool is_error = false;
  std::vector<std::string> lines;
  MOBULA_FIELDS(ProcessOutput, worker, is_error, lines)
};
/// Bytes [offset, offset + length) of an object that this node is pulling lie in its buffer.
struct ChunkReceived {
  NodeId source;
  ObjectId object;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  MOBULA_FIELDS(ChunkReceived, source, object, offset, length)
};
/// Leave the cluster in order: tell the GCS, end the workers, then `Stopped`.
struct StopRequested {
  std::string reason;
  MOBULA_FIELDS(StopRequested, reason)
};

/// Memory that is not shared with other processes.
struct ProcessMemory {
  WorkerId worker;
  std::uint64_t bytes = 0;
  MOBULA_FIELDS(ProcessMemory, worker, bytes)
};
/// The answer to `MeasureMemory`.
struct MemoryMeasured {
  /// Of `limit` bytes, which the node's machine or control group has.
  std::uint64_t used = 0;
  std::uint64_t limit = 0;
  /// Of the processes that were asked for, those that live.
  std::vector<ProcessMemory> processes;
  MOBULA_FIELDS(MemoryMeasured, used, limit, processes)
};

using Event =
    std::variant<MessageReceived, TimerFired, NodeStarted, ProcessExited, ProcessOutput,
                 ChunkReceived, StopRequested, object_store::ObjectsSpilled,
                 object_store::ObjectRestored, object_store::SpilledChunkLost, MemoryMeasured>;

// Effects.

/// Start a worker process that registers under this id.
struct StartProcess {
  WorkerId worker;
  Language language = Language::kPython;
  JobId job;
  JobConfig job_config;
  std::string runtime_env;
  MOBULA_FIELDS(StartProcess, worker, language, job, job_config, runtime_env)
};
/// End it at once; `ProcessExited` follows.
struct KillProcess {
  WorkerId worker;
  std::string reason;
  MOBULA_FIELDS(KillProcess, worker, reason)
};
/// Send bytes of a complete object from this node's store to a peer that pulls it.
struct SendChunk {
  NodeId target;
  ObjectId object;
  /// Within the object.
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  /// Where the object begins: in the memory of this node's store, or in a spill file.
  std::uint64_t start = 0;
  /// 0: none, it is in memory.
  std::uint64_t file = 0;
  MOBULA_FIELDS(SendChunk, target, object, offset, length, start, file)
};
/// Give the memory of this range back to the operating system, if it helps: nothing lives there.
struct DiscardMemory {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  MOBULA_FIELDS(DiscardMemory, offset, size)
};
/// `MemoryMeasured` follows, at once.
struct MeasureMemory {
  /// Whose share is of interest; measuring them takes longer than the whole.
  std::vector<WorkerId> processes;
  MOBULA_FIELDS(MeasureMemory, processes)
};
/// Nodes of the cluster view appeared, or are dead for ever: the node layer keeps its links by
/// this.
struct PeersChanged {
  SharedVector<NodeInfo> joined;
  SharedVector<NodeInfo> died;
  MOBULA_FIELDS(PeersChanged, joined, died)
};
/// The GCS has declared this very node dead: end every worker, drop the store, come back as a new
/// node.
struct Fenced {
  std::string reason;
  MOBULA_FIELDS(Fenced, reason)
};
/// Every worker is gone after `StopRequested`.
struct Stopped {
  MOBULA_FIELDS(Stopped)
};

using Effect =
    std::variant<Send, StartTimer, StartProcess, KillProcess, SendChunk, DiscardMemory,
                 object_store::SpillObjects, object_store::RestoreObject,
                 object_store::DeleteSpilled, MeasureMemory, PeersChanged, Fenced, Stopped>;
using Effects = std::vector<Effect>;

}  // namespace mobula::raylet
