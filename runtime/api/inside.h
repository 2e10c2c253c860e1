// SPDX-License-Identifier: Apache-2.0
/// What code may ask of the place where it runs (Ray: runtime context).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/shared_vector.h"
#include "runtime/core/protocol/cluster.h"

namespace mobula {

/// Whether the caller is the driver or a task, so that the functions of mobula may be used.
bool IsInitialized();
/// In which the names of this job's actors are looked up.
std::string GetNamespace();
JobId GetJobId();
/// Of the node that the caller runs on: its id, name, labels and resources.
NodeInfo GetNode();
/// All nodes that the cluster knows, the dead ones, too.
SharedVector<NodeView> GetNodes();
/// The numbers of the GPUs that the running task holds, or its actor.
std::vector<std::uint32_t> GetGpuIds();
/// Whether the actor whose method this is was started again. Throws Error outside actors.
bool WasCurrentActorRestarted();
/// Ends the actor whose method this is, on purpose: it is not restarted. To the caller of the
/// method it is an ActorDiedError. Throws Error outside actors.
[[noreturn]] void ExitActor();

}  // namespace mobula
