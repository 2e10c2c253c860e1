// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/targets.h"

#include <algorithm>
#include <optional>
#include <span>

namespace mobula::properties {
namespace {

/// Names what made a reference or an actor: an action's place, or one below zero for what was
/// given.
using Maker = std::ptrdiff_t;
using Makers = std::vector<Maker>;

/// What a task's lists hold, by who made it.
struct Lists {
  Makers references;
  Makers actors;
};

/// Which of the lists an action's `a` and `b` choose from; null for none.
struct Chosen {
  const Makers* a = nullptr;
  const Makers* b = nullptr;
};
Chosen ChoiceOf(const Action& action, const Lists& lists) {
  switch (action.step) {
    case Step::kAdd:
    case Step::kWait:
      return {&lists.references, &lists.references};
    case Step::kSubmit:
      // What is borrowed; with an actor `a` names both.
      return {&lists.references, &lists.references};
    case Step::kGet:
    case Step::kOpen:
    case Step::kDrop:
    case Step::kCancel:
      return {&lists.references, nullptr};
    case Step::kCall:
      return {&lists.actors, &lists.references};
    case Step::kKill:
      return {&lists.actors, nullptr};
    default:
      return {};
  }
}

Lists Begin(const Given& given) {
  Lists lists;
  for (std::size_t i = 0; i < given.references; ++i)
    lists.references.push_back(-1 - static_cast<Maker>(i));
  for (std::size_t i = 0; i < given.actors; ++i) lists.actors.push_back(-1 - static_cast<Maker>(i));
  return lists;
}

/// Does what `action`, in place `at`, does to the lists.
void Advance(const Action& action, Maker at, Lists& lists) {
  const bool has_reference = !lists.references.empty();
  const bool makes = action.step == Step::kPut ||
                     (action.step == Step::kSubmit && !action.body.empty()) ||
                     (action.step == Step::kAdd && has_reference) ||
                     (action.step == Step::kCall && has_reference && !lists.actors.empty());
  if (makes) lists.references.push_back(at);
  if (action.step == Step::kStream) {
    const StreamShape shape(action.b);
    lists.references.insert(lists.references.end(), shape.taken, at);
  }
  if (action.step == Step::kActor || action.step == Step::kFind) lists.actors.push_back(at);
  if (action.step == Step::kDrop && has_reference) {
    lists.references.erase(lists.references.begin() +
                           static_cast<std::ptrdiff_t>(action.a % lists.references.size()));
  }
}

std::optional<Maker> Target(const Makers* list, std::uint32_t index) {
  if (list == nullptr || list->empty()) return std::nullopt;
  return (*list)[index % list->size()];
}
void Aim(std::uint32_t& index, const Makers* list, std::optional<Maker> target) {
  if (list == nullptr || !target) return;
  const auto found = std::find(list->begin(), list->end(), *target);
  index = found == list->end() ? 0 : static_cast<std::uint32_t>(found - list->begin());
}

}  // namespace

Program Without(const Program& program, const Given& given, std::size_t first, std::size_t end) {
  Program shorter = program;
  shorter.actions.clear();
  Lists before = Begin(given);
  Lists after = before;
  bool is_known = true;
  for (std::size_t i = 0; i < program.actions.size(); ++i) {
    const Action& action = program.actions[i];
    const Maker at = static_cast<Maker>(i);
    if (i < first || i >= end) {
      Action kept = action;
      if (is_known) {
        const Chosen old = ChoiceOf(action, before);
        const Chosen now = ChoiceOf(action, after);
        Aim(kept.a, now.a, Target(old.a, action.a));
        Aim(kept.b, now.b, Target(old.b, action.b));
      }
      Advance(kept, at, after);
      shorter.actions.push_back(std::move(kept));
    }
    Advance(action, at, before);
    is_known = is_known && action.step != Step::kOpen;
  }
  return shorter;
}

Given GivenTo(const Action& action, const Given& caller) {
  const std::size_t some = std::min<std::size_t>(caller.references, 1) * 2;
  return {action.lends_all ? caller.references : some,
          action.lends_actor && caller.actors > 0 ? 1u : 0u};
}

Given InFrontOf(const Program& program, const Given& given, std::size_t at) {
  Lists lists = Begin(given);
  for (std::size_t i = 0; i < at; ++i) Advance(program.actions[i], static_cast<Maker>(i), lists);
  return {lists.references.size(), lists.actors.size()};
}

}  // namespace mobula::properties
