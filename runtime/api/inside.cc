// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/inside.h"

#include <variant>

#include "runtime/api/context.h"
#include "runtime/api/errors.h"
#include "runtime/api/executor.h"
#include "runtime/core/protocol/messages.h"

namespace mobula {
namespace {

const WorkerRegistered& Identity() { return api::Context::Current().Process().Identity(); }

const api::Session& ActorSession(const char* function) {
  const api::Session& session = *api::Context::Current().GetSession();
  if (session.actor == nullptr) {
    ErrorInfo error;
    error.message = std::string(function) + "() was called outside an actor's methods";
    throw Error(error);
  }
  return session;
}

}  // namespace

bool IsInitialized() { return api::Context::RunsHere(); }

std::string GetNamespace() { return Identity().job_config.ray_namespace; }

JobId GetJobId() { return Identity().job; }

NodeInfo GetNode() { return Identity().node; }

SharedVector<NodeView> GetNodes() {
  return std::get<ListNodesReply>(api::Context::Current().AskGcs(ListNodes{})).nodes;
}

std::vector<std::uint32_t> GetGpuIds() { return api::Context::Current().Gpus(); }

bool WasCurrentActorRestarted() {
  return ActorSession("WasCurrentActorRestarted").actor_was_restarted;
}

void ExitActor() {
  ActorSession("ExitActor");
  throw api::ActorExit();
}

}  // namespace mobula
