// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/actor.h"

#include <tuple>

#include "runtime/base/check.h"
#include "runtime/core/protocol/messages.h"
#include "runtime/core/protocol/reference_bytes.h"

namespace mobula::api {

void PackActor(const ActorTarget& target, const SharedReference& reference,
               std::string_view description, Encoded& out) {
  CHECK(!target.actor.IsNil()) << "a handle of no actor was passed on";
  Encoded inner;
  PackArray(4, inner);
  PackText(target.actor.Hex(), inner);
  if (reference == nullptr) {
    PackNil(inner);
  } else {
    PackBytes(EncodeReference(reference->Object()), inner);
    out.contained.push_back(reference->Object());
    out.held.push_back(reference);
  }
  PackInteger(target.max_task_retries, inner);
  PackBytes(description, inner);
  PackExtension(Extension::kActorHandle, inner.data, out);
}

PackedActor TakeActor(Reader& in) {
  Reader inner(in.TakeExtension(Extension::kActorHandle), in.Source());
  inner.TakeArrayOf(4);
  PackedActor actor;
  actor.target.actor = ActorId::FromHex(inner.TakeBytes());
  if (!inner.TakeNil()) actor.reference = Context::Current().Adopt(inner.TakeBytes(), in);
  actor.target.max_task_retries = TakeNumber<std::int32_t>(inner);
  actor.description = inner.TakeBytes();
  return actor;
}

// Python reads it in mobula/_actor_handle.py.
std::string DescribeActor(Language language, const std::string& class_name,
                          std::int32_t max_task_retries) {
  const std::string name = language == Language::kCpp ? "CPP" : "PYTHON";
  return Encode(std::tuple(name, class_name, max_task_retries)).data;
}

std::optional<PackedActor> FindActor(const std::string& name,
                                     const std::optional<std::string>& ray_namespace) {
  Context& context = Context::Current();
  GetNamedActor question;
  question.name = name;
  question.ray_namespace =
      ray_namespace.value_or(context.Process().Identity().job_config.ray_namespace);
  const auto reply = std::get<NamedActorReply>(context.AskGcs(question));
  if (!reply.found) return std::nullopt;
  const ActorView& view = reply.actor;
  return PackedActor{
      {view.actor, view.max_task_retries}, nullptr, std::string(view.handle_description.View())};
}

}  // namespace mobula::api
