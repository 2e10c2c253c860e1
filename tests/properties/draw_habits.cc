// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/draw_habits.h"

#include <utility>
#include <vector>

#include "tests/properties/targets.h"

namespace mobula::properties {
namespace {

class Habits {
 public:
  Habits(Rng& rng, const Style& style, bool answer_must_come)
      : rng_(rng),
        style_(style),
        names_(rng.Below(3) == 0 && !answer_must_come),
        revival_(rng.Below(4) == 0 && !answer_must_come),
        passing_(rng.Below(3) == 0 && !answer_must_come),
        parting_(rng.Below(4) == 0 && !answer_must_come),
        queueing_(rng.Below(4) == 0 && !answer_must_come),
        hoarding_(style.fills_stores && rng.Below(2) == 0 && !answer_must_come),
        patience_(rng.Below(4) == 0 && !answer_must_come),
        places_(rng.Below(2) == 0),
        keys_(rng.Below(3) == 0) {}

  void AddTo(Program& program, const Given& given) {
    Program done = program;
    done.actions.clear();
    std::vector<Action>& actions = done.actions;
    for (std::size_t i = 0; i < program.actions.size(); ++i) {
      Action& action = program.actions[i];
      const Given lists = InFrontOf(done, given, actions.size());
      for (Program& body : action.body) AddTo(body, GivenTo(action, lists));
      if (names_ && action.step == Step::kActor && rng_.Below(4) > 0) Name(action);
      if (places_) Place(action);
      if (queueing_ && action.step == Step::kCall && rng_.Below(2) == 0)
        Queue(action, lists, actions);
      actions.push_back(action);
      if (keys_ && rng_.Below(3) == 0) AskForKey(actions);
      if (names_ && rng_.Below(8) == 0) Find(actions);
      if (revival_ && action.step == Step::kCall && rng_.Below(2) == 0)
        Revive(action, lists, actions);
      if (hoarding_ && rng_.Below(6) == 0) Hoard(InFrontOf(done, given, actions.size()), actions);
      if (patience_ && action.step == Step::kSubmit && rng_.Below(3) == 0)
        LosePatience(lists, actions);
      if (parting_ && action.step == Step::kSubmit && rng_.Below(2) == 0)
        Part(action.a, lists, actions);
      if (passing_ && ReturnsReferences(action))
        PassOn(InFrontOf(done, given, actions.size()), actions);
    }
    program = std::move(done);
  }

 private:
  std::uint32_t Index() { return static_cast<std::uint32_t>(rng_.Below(64)); }
  std::uint32_t DrawName() { return static_cast<std::uint32_t>(1 + rng_.Below(3)); }
  Action& Add(std::vector<Action>& actions, Step step) {
    Action& added = actions.emplace_back();
    added.step = step;
    added.a = Index();
    added.b = Index();
    return added;
  }

  void Name(Action& actor) {
    actor.name = DrawName();
    actor.detached = rng_.Below(2) == 0;
  }
  void Place(Action& task) {
    const bool is_task = task.step == Step::kSubmit || task.step == Step::kAdd;
    // The head, where the driver is, is the likeliest anyway.
    if (is_task && rng_.Below(4) > 0) task.where = static_cast<std::uint32_t>(2 + rng_.Below(3));
  }
  void Queue(const Action& call, const Given& lists, std::vector<Action>& actions) {
    Program slow;
    Add(slow.actions, Step::kSleep).lasts = DrawSpan(rng_, style_.tempo);
    Add(actions, Step::kSubmit).body = {std::move(slow)};
    actions.push_back(call);
    actions.back().b = static_cast<std::uint32_t>(lists.references);
  }
  void Hoard(const Given& lists, std::vector<Action>& actions) {
    const std::uint64_t count = 3 + rng_.Below(6);
    for (std::uint64_t i = 0; i < count; ++i) Add(actions, Step::kPut).size = style_.size_max;
    Add(actions, Step::kGet).a = static_cast<std::uint32_t>(lists.references + rng_.Below(2));
  }
  /// With the task that was submitted last.
  void LosePatience(const Given& lists, std::vector<Action>& actions) {
    Add(actions, Step::kSleep).lasts = DrawSpan(rng_, style_.tempo);
    Action& cancel = Add(actions, Step::kCancel);
    cancel.a = static_cast<std::uint32_t>(lists.references);
    cancel.size = rng_.Below(2);
  }
  void AskForKey(std::vector<Action>& actions) {
    static constexpr Step kSteps[] = {Step::kWrite, Step::kWrite, Step::kRead, Step::kRead,
                                      Step::kErase};
    Action& ask = Add(actions, kSteps[rng_.Below(std::size(kSteps))]);
    if (ask.step == Step::kWrite) ask.size = rng_.Below(2);
  }
  void Find(std::vector<Action>& actions) {
    Add(actions, Step::kFind).name = DrawName();
    if (rng_.Below(3) > 0) Add(actions, Step::kCall);
    if (rng_.Below(4) == 0) Add(actions, Step::kKill).size = rng_.Below(2);
  }
  void Revive(const Action& call, const Given& lists, std::vector<Action>& actions) {
    // Most often it lives by then.
    if (rng_.Below(4) > 0) {
      Add(actions, Step::kGet).a = static_cast<std::uint32_t>(lists.references);
    }
    Action& kill = Add(actions, Step::kKill);
    kill.a = call.a;
    kill.size = 1;
    actions.push_back(call);
  }
  static bool ReturnsReferences(const Action& action) {
    return !action.body.empty() && action.body.front().returns_references;
  }
  /// The newest of these references.
  void PassOn(const Given& lists, std::vector<Action>& actions) {
    if (lists.references == 0) return;
    Program reader;
    for (int i = 0; i < 3; ++i) Add(reader.actions, Step::kGet);
    Program opener;
    Add(opener.actions, Step::kOpen).a = 0;
    // What it came out of is not needed any more.
    for (int i = 0; i < 2; ++i) Add(opener.actions, Step::kDrop).a = 0;
    Action& hand_on = Add(opener.actions, Step::kSubmit);
    hand_on.lends_all = true;
    hand_on.body = {std::move(reader)};
    Action& pass = Add(actions, Step::kSubmit);
    pass.a = static_cast<std::uint32_t>(lists.references - 1);
    pass.b = pass.a;
    pass.body = {std::move(opener)};
    if (places_) Place(pass);
    if (places_) Place(pass.body.front().actions.back());
    if (rng_.Below(4) > 0) Part(pass.a, lists, actions);
  }
  static void Part(std::uint32_t from, const Given& lists, std::vector<Action>& actions) {
    if (lists.references == 0) return;
    Action& drop = actions.emplace_back();
    drop.step = Step::kDrop;
    drop.a = static_cast<std::uint32_t>(from % lists.references);
  }

  Rng& rng_;
  const Style& style_;
  bool names_;
  bool revival_;
  bool passing_;
  bool parting_;
  bool queueing_;
  bool hoarding_;
  bool patience_;
  bool places_;
  bool keys_;
};

}  // namespace

namespace {

/// Streams have numbers of their own: programs without them stay as they are.
class Streams {
 public:
  Streams(Rng& rng, const Style& style, bool answer_must_come)
      : rng_(rng), style_(style), answer_must_come_(answer_must_come) {}

  void AddTo(Program& program, bool is_driver) {
    std::vector<Action> actions;
    for (Action& action : program.actions) {
      for (Program& body : action.body) AddTo(body, false);
      if ((is_driver || !answer_must_come_) && rng_.Below(4) == 0) actions.push_back(Draw());
      actions.push_back(std::move(action));
    }
    program.actions = std::move(actions);
  }

 private:
  Action Draw() {
    Action stream;
    stream.step = Step::kStream;
    stream.a = static_cast<std::uint32_t>(rng_.Below(64));
    stream.b = static_cast<std::uint32_t>(rng_.Below(64));
    stream.size = rng_.Below(style_.large_one_in) > 0 ? rng_.Below(20) : kStored;
    stream.lasts = DrawSpan(rng_, style_.tempo);
    static constexpr std::int32_t kRetries[] = {0, 1, 3, -1};
    stream.retries = answer_must_come_ ? -1 : kRetries[rng_.Below(std::size(kRetries))];
    if (rng_.Below(2) == 0) stream.where = static_cast<std::uint32_t>(1 + rng_.Below(4));
    return stream;
  }

  Rng& rng_;
  const Style& style_;
  bool answer_must_come_;
};

}  // namespace

void AddStreams(Rng rng, const Shape& shape, const Style& style, Program& program) {
  if (rng.Below(3) > 0) return;
  Streams(rng, style, shape.answer_must_come).AddTo(program, true);
}

void AddHabits(Rng rng, const Shape& shape, const Style& style, Program& program) {
  Habits(rng, style, shape.answer_must_come).AddTo(program, {});
}

}  // namespace mobula::properties
