// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/invariants.h"

#include "absl/strings/str_cat.h"
#include "runtime/core/node/node.h"

namespace mobula::properties {
namespace {

constexpr std::uint64_t kEvery = 8;

}  // namespace

void WorldInvariants::Check() {
  if (++calls_ % kEvery != 0) return;
  nothing_died_ = nothing_died_ && ledger_.Deaths() == 0;
  for (const WorkerId process : world_.Processes()) CheckProcess(process);
}

void WorldInvariants::CheckProcess(WorkerId process) {
  const worker::Worker& machine = *world_.FindWorker(process);
  CheckMapped(process, machine);
  for (const worker::ReferenceView& held : machine.References()) {
    if (wrong_.contains(held.reference.id)) continue;
    if (held.owned) {
      CheckLineage(machine, held);
    } else if (held.local > 0) {
      CheckKnown(process, held);
    }
  }
}

void WorldInvariants::CheckMapped(WorkerId process, const worker::Worker& machine) {
  const std::vector<ObjectId> mapped = machine.MappedObjects();
  if (mapped.empty()) return;
  const auto keeps = [&](ObjectId object) {
    for (const std::string& name : world_.NodeNames()) {
      const node::Node* node = world_.FindNode(name);
      if (node != nullptr && node->FindRaylet()->IsPinned(object, process)) return true;
    }
    return false;
  };
  for (const ObjectId object : mapped) {
    if (wrong_.contains(object) || keeps(object)) continue;
    wrong_.insert(object);
    ledger_.Complain(absl::StrCat("unpinned memory: object ", object.Hex(),
                                  " is mapped by process ", process.Hex(), " and may be evicted"));
  }
}

void WorldInvariants::CheckKnown(WorkerId process, const worker::ReferenceView& held) {
  if (!nothing_died_ && !ledger_.IsDriver(process)) return;
  if (ledger_.IsGone(held.reference.owner)) return;
  if (ledger_.WasFound(ActorOf(held.reference.id.task))) return;
  const worker::Worker* owner = world_.FindWorker(held.reference.owner.worker);
  if (owner == nullptr || !owner->FindReference(held.reference.id).id.IsNil()) return;
  wrong_.insert(held.reference.id);
  ledger_.Complain(absl::StrCat("premature free: process ", process.Hex(), " holds ",
                                ToString(held), ", which its owner has forgotten"));
}

void WorldInvariants::CheckLineage(const worker::Worker& owner,
                                   const worker::ReferenceView& object) {
  const bool is_needed =
      object.local + object.submitted + object.contained > 0 || !object.borrowers.empty();
  if (!is_needed || object.status.phase != ObjectPhase::kStored) return;
  const Origin* origin = ledger_.FindOrigin(object.reference.id);
  if (origin == nullptr || origin->kind == Origin::kPut || ledger_.CapsLineage()) return;
  if (ledger_.RetriesOf(*origin) == 0) return;
  if (ledger_.WasCancelled(object.reference.id.task)) return;
  const TaskSpec* spec = ledger_.FindSpec(object.reference.id.task);
  std::string missing = object.lineage ? "" : "its task";
  if (spec != nullptr) {
    for (const TaskArgument& argument : spec->arguments) {
      if (!argument.IsReference() || !owner.FindReference(argument.reference->id).id.IsNil())
        continue;
      missing = absl::StrCat("the argument ", argument.reference->id.Hex());
    }
  }
  if (missing.empty()) return;
  wrong_.insert(object.reference.id);
  ledger_.Complain(
      absl::StrCat("lineage out of scope: of ", ToString(object), ", ", missing, " is forgotten"));
}

}  // namespace mobula::properties
