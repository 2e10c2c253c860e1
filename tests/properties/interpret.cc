// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/interpret.h"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/api/mobula.h"
#include "tests/sim/generators.h"

namespace mobula::properties {
namespace {

// All simulated processes share it, and a real process runs one case at a time.
Ledger* looking_on = nullptr;

/// What every task and put of a program makes.
struct ClusterValue {
  std::int64_t checksum = 0;
  std::vector<std::int64_t> padding;
  std::vector<Ref<ClusterValue>> references;
  MOBULA_FIELDS(ClusterValue, checksum, padding, references)
};

ClusterValue Make(std::int64_t checksum, std::uint64_t size) {
  ClusterValue value;
  value.checksum = checksum;
  value.padding.assign(size, checksum);
  return value;
}

/// Also reads the padding: a chunk that is missing or out of place must be seen.
std::int64_t Check(const ClusterValue& value) {
  for (const std::int64_t number : value.padding) {
    if (number != value.checksum) return -1;
  }
  return value.checksum;
}
std::int64_t Check(const Expected& value) { return value.checksum; }

std::int64_t Mix(std::int64_t sum, std::int64_t value) {
  return static_cast<std::int64_t>(
      MixBits(static_cast<std::uint64_t>(sum), static_cast<std::uint64_t>(value)));
}

/// Actors of one name answer alike, whichever of them is found.
std::int64_t StartOf(const Action& action) {
  return action.name == 0 ? action.a : 1'000'000 + std::int64_t{action.name};
}
/// Tasks meet at few keys only.
constexpr std::uint32_t kKeys = 3;

std::string NameOf(std::uint32_t name) { return absl::StrCat("mixer-", name); }

/// An actor. What it answers depends on the call alone, so that a call that was lost, or an actor
/// that started anew, changes no other answer; the ledger sees to order and repetition.
class Mixer {
 public:
  explicit Mixer(std::int64_t start) : start_(start) {}
  ClusterValue Call(const ClusterValue& value, Duration lasts) {
    if (lasts > Duration{}) mobula::Sleep(lasts);
    return Make(Mix(start_, Check(value)), value.padding.size());
  }

 private:
  std::int64_t start_;
};
Mixer* MakeMixer(std::int64_t start) { return new Mixer(start); }

ClusterValue RunProgram(const Program& program, const std::vector<Ref<ClusterValue>>& borrowed,
                        const std::vector<std::pair<ActorHandle<Mixer>, std::int64_t>>& actors);
ClusterValue AddValues(const ClusterValue& a, const ClusterValue& b) {
  return Make(Mix(Check(a), Check(b)), a.padding.size());
}

MOBULA_REMOTE(RunProgram, AddValues, MakeMixer, &Mixer::Call)

/// Interprets one task. `World` says how to put, submit and get; its Failure is what a step throws
/// when a value does not come.
template <class World>
class Interpreter {
 public:
  using References = std::vector<typename World::Reference>;
  using Actors = std::vector<typename World::Actor>;

  Interpreter(World& world, References references, Actors actors)
      : world_(world), references_(std::move(references)), actors_(std::move(actors)) {}

  typename World::Value Run(const Program& program) {
    for (const Action& action : program.actions) {
      try {
        Do(action);
      } catch (const typename World::Failure&) {
        if (!world_.GoesOn()) throw;
      }
    }
    auto result = world_.MakeValue(checksum_, program.result_size);
    if (program.returns_references) result.references = std::move(references_);
    return result;
  }

 private:
  void Do(const Action& action) {
    switch (action.step) {
      case Step::kPut:
        references_.push_back(world_.Put(Mix(checksum_, action.a), action.size));
        return;
      case Step::kSubmit:
        return Submit(action);
      case Step::kStream: {
        const References taken = world_.Stream(action, Mix(checksum_, action.a));
        references_.insert(references_.end(), taken.begin(), taken.end());
        return;
      }
      case Step::kSleep:
        return world_.Sleep(action.lasts);
      case Step::kThrow:
        return world_.MaybeThrow(action);
      case Step::kActor:
        actors_.push_back(world_.MakeActor(action));
        return;
      case Step::kFind:
        if (auto found = world_.Find(action)) actors_.push_back(*std::move(found));
        return;
      case Step::kWrite:
      case Step::kRead:
      case Step::kErase:
        return world_.AskForKey(action);
      case Step::kKill:
        if (!actors_.empty()) world_.Kill(actors_[action.a % actors_.size()], action.size);
        return;
      default:
        if (!references_.empty()) DoWithReference(action);
    }
  }

  void DoWithReference(const Action& action) {
    // A copy: the list grows while it is used.
    const auto a = At(action.a);
    if (action.step == Step::kGet) {
      checksum_ = Mix(checksum_, Check(world_.Get(a)));
    } else if (action.step == Step::kOpen) {
      const auto value = world_.Get(a);
      checksum_ = Mix(checksum_, Check(value));
      references_.insert(references_.end(), value.references.begin(), value.references.end());
    } else if (action.step == Step::kAdd) {
      references_.push_back(world_.Add(action, a, At(action.b)));
    } else if (action.step == Step::kCall) {
      if (actors_.empty()) return;
      const auto& actor = actors_[action.a % actors_.size()];
      references_.push_back(world_.Call(actor, At(action.b), action.lasts));
    } else if (action.step == Step::kWait) {
      world_.WaitForOne(a, At(action.b), action.lasts);
    } else if (action.step == Step::kCancel) {
      world_.Cancel(a, action.size == 1);
    } else if (action.step == Step::kDrop) {
      references_.erase(references_.begin() +
                        static_cast<std::ptrdiff_t>(action.a % references_.size()));
    }
  }

  void Submit(const Action& action) {
    if (action.body.empty()) return;
    References borrowed;
    if (action.lends_all) {
      borrowed = references_;
    } else if (!references_.empty()) {
      borrowed = {At(action.a), At(action.b)};
    }
    Actors lent;
    if (action.lends_actor && !actors_.empty()) lent = {actors_[action.a % actors_.size()]};
    references_.push_back(world_.Submit(action, borrowed, lent));
  }

  const typename World::Reference& At(std::uint32_t index) const {
    return references_[index % references_.size()];
  }

  World& world_;
  References references_;
  Actors actors_;
  std::int64_t checksum_ = 1;
};

/// Sequential execution. Errors of the program's own are left out: where one may come instead of
/// the value, the ledger knows it from the task that threw it.
struct Locally {
  using Value = Expected;
  using Reference = ExpectedValue;
  using Actor = std::int64_t;
  struct Failure {};

  [[nodiscard]] bool GoesOn() const { return false; }
  static Value MakeValue(std::int64_t checksum, std::uint64_t size) { return {checksum, size, {}}; }
  static Reference Put(std::int64_t checksum, std::uint64_t size) {
    return std::make_shared<Expected>(MakeValue(checksum, size));
  }
  Reference Submit(const Action& action, const std::vector<Reference>& borrowed,
                   const std::vector<Actor>& actors) {
    Interpreter<Locally> inner(*this, borrowed, actors);
    return std::make_shared<Expected>(inner.Run(action.body.front()));
  }
  static Reference Add(const Action&, const Reference& a, const Reference& b) {
    return Put(Mix(a->checksum, b->checksum), a->size);
  }
  static std::vector<Reference> Stream(const Action& action, std::int64_t seed) {
    std::vector<Reference> taken;
    for (std::uint32_t i = 1; i <= StreamShape(action.b).taken; ++i)
      taken.push_back(Put(Mix(seed, i), action.size));
    return taken;
  }
  static Actor MakeActor(const Action& action) { return StartOf(action); }
  static std::optional<Actor> Find(const Action& action) { return StartOf(action); }
  static Reference Call(Actor start, const Reference& value, Duration) {
    return Put(Mix(start, value->checksum), value->size);
  }
  static const Value& Get(const Reference& reference) { return *reference; }
  static void WaitForOne(const Reference&, const Reference&, Duration) {}
  static void Sleep(Duration) {}
  static void MaybeThrow(const Action&) {}
  static void AskForKey(const Action&) {}
  static void Cancel(const Reference&, bool) {}
  static void Kill(Actor, std::uint64_t) {}
};

/// On the cluster, from whatever task runs here.
class OnCluster {
 public:
  using Value = ClusterValue;
  using Reference = Ref<ClusterValue>;
  using Actor = std::pair<ActorHandle<Mixer>, std::int64_t>;
  using Failure = std::exception;

  explicit OnCluster(bool is_driver) : is_driver_(is_driver) {}

  [[nodiscard]] bool GoesOn() const { return is_driver_; }
  static Value MakeValue(std::int64_t checksum, std::uint64_t size) { return Make(checksum, size); }

  static Reference Put(std::int64_t checksum, std::uint64_t size) {
    looking_on->Puts(size);
    try {
      const Reference reference = mobula::Put(Make(checksum, size));
      Tell(reference, Locally::Put(checksum, size), {});
      return reference;
    } catch (const Error& error) {
      looking_on->SawError(CurrentTask(), error.Info().object, error);
      throw;
    }
  }
  static Reference Submit(const Action& action, const std::vector<Reference>& borrowed,
                          const std::vector<Actor>& actors) {
    std::vector<ExpectedValue> values;
    for (const Reference& one : borrowed) values.push_back(Look(one));
    std::vector<Locally::Actor> local_actors;
    for (const Actor& one : actors) local_actors.push_back(one.second);
    auto task = mobula::Task(RunProgram)
                    .SetMaxRetries(action.retries)
                    .SetRetryExceptions(action.retry_exceptions);
    Place(action, task);
    const Reference result = task.Remote(action.body.front(), borrowed, actors);
    Locally local;
    Tell(result, local.Submit(action, values, local_actors),
         {Origin::kTask, action.retries, action.retry_exceptions, {}, {}});
    return result;
  }
  static Reference Add(const Action& action, const Reference& a, const Reference& b) {
    auto task = mobula::Task(AddValues).SetMaxRetries(action.retries);
    Place(action, task);
    const Reference result = task.Remote(a, b);
    Tell(result, Locally::Add(action, Look(a), Look(b)),
         {Origin::kTask, action.retries, false, {}, {}});
    return result;
  }
  static std::vector<Reference> Stream(const Action& action, std::int64_t seed) {
    const StreamShape shape(action.b);
    sim::GeneratorCall call;
    call.items = shape.items;
    call.size = action.size;
    call.seed = seed;
    call.pause = action.lasts;
    call.options.limit = shape.limit;
    call.max_retries = action.retries;
    if (action.where != 0) call.resources.SetUnits(PlaceOf(action), ResourceSet::kUnit);
    const Origin origin{Origin::kTask, action.retries, false, {}, {}};
    sim::Stream stream(call);
    // For the judge all its items are one value of their size.
    Tell(Reference(stream.Completed()), Locally::Put(0, shape.items * action.size), origin);
    std::vector<Reference> taken;
    for (const ExpectedValue& expected : Locally::Stream(action, seed)) {
      const auto item = stream.Next();
      if (item) {
        taken.emplace_back(*item);
        Tell(taken.back(), expected, origin);
      } else if (taken.empty()) {
        looking_on->Complain("short stream: it ends without an item");
        break;
      } else {
        // It ended early, in an error, which stands for the rest.
        taken.push_back(taken.back());
      }
    }
    return taken;
  }
  static Actor MakeActor(const Action& action) {
    const std::int64_t start = StartOf(action);
    auto creation = mobula::Actor(MakeMixer)
                        .SetMaxRestarts(action.retries)
                        .SetMaxTaskRetries(action.call_retries);
    if (action.name != 0) creation.SetName(NameOf(action.name));
    if (action.detached) creation.SetDetached();
    Actor made{creation.Remote(start), start};
    looking_on->MadeActor(made.first.Id(),
                          {api::Context::Current().Process().Identity().address, action.retries,
                           action.call_retries, action.name, action.detached});
    return made;
  }
  [[nodiscard]] std::optional<Actor> Find(const Action& action) const {
    const std::uint64_t asked = looking_on->LooksFor();
    const auto found = GetActor<Mixer>(NameOf(action.name));
    if (found) {
      looking_on->Found(action.name, found->Id(), asked);
      return Actor{*found, StartOf(action)};
    }
    looking_on->FoundNone(action.name, asked);
    if (!is_driver_) Fail(absl::StrCat("finds no actor ", action.name));
    return std::nullopt;
  }
  static Reference Call(const Actor& actor, const Reference& value, Duration lasts) {
    const Reference result = actor.first.Task(&Mixer::Call).Remote(value, lasts);
    Tell(result, Locally::Call(actor.second, Look(value), lasts),
         {Origin::kCall, 0, false, actor.first.Id(), {}});
    return result;
  }
  static Value Get(const Reference& reference) {
    try {
      Value value = mobula::Get(reference);
      Expected seen{Check(value), value.padding.size(), {}};
      seen.references.resize(value.references.size());
      looking_on->SawValue(CurrentProcess(), reference.Object().id, seen);
      return value;
    } catch (const Error& error) {
      looking_on->SawError(CurrentTask(), reference.Object().id, error);
      throw;
    } catch (const std::exception& error) {
      looking_on->Complain(absl::StrCat("undocumented error: ", error.what()));
      throw;
    }
  }
  static void WaitForOne(const Reference& a, const Reference& b, Duration timeout) {
    if (!(a == b)) Wait<Value>({a, b}, 1, timeout);
  }
  static void Sleep(Duration span) { mobula::Sleep(span); }
  static void MaybeThrow(const Action& action) {
    const api::Context& context = api::Context::Current();
    if (context.Attempt() >= action.size || context.IsDriver()) return;
    Fail("fails as it should");
  }
  static void AskForKey(const Action& action) {
    KvRequest question;
    question.space = "cases";
    question.key = absl::StrCat("key-", action.a % kKeys);
    question.operation = action.step == Step::kWrite  ? KvOperation::kPut
                         : action.step == Step::kRead ? KvOperation::kGet
                                                      : KvOperation::kDelete;
    question.overwrite = action.size != 1;
    const KeyBook::Ticket ticket = looking_on->Keys().Asks(question);
    const Message answer = api::Context::Current().AskGcs(std::move(question));
    looking_on->Keys().Answered(ticket, std::get<KvReply>(answer));
  }
  static void Cancel(const Reference& reference, bool force) {
    looking_on->Cancelled(reference.Object().id.task);
    mobula::Cancel(reference, force);
  }
  static void Kill(const Actor& actor, std::uint64_t size) {
    const bool may_restart = size % 2 == 1;
    looking_on->Killed(actor.first.Id(), CurrentProcess(), may_restart);
    if (size > 1) return actor.first.Kill(!may_restart);
    // As one who is interrupted while he waits.
    worker::Process& process = api::Context::Current().Process();
    const worker::RequestId request = process.NextRequest();
    process.Post(worker::ActorKillRequested{request, actor.first.Id(), !may_restart});
    process.Post(worker::RequestAbandoned{request});
  }

 private:
  template <class Call>
  static void Place(const Action& action, Call& call) {
    if (action.where != 0) call.SetResource(PlaceOf(action), 1);
  }
  static std::string PlaceOf(const Action& action) {
    return ResourceOf(1 + (action.where - 1) % looking_on->Nodes());
  }
  [[noreturn]] static void Fail(const std::string& why) {
    const api::Context& context = api::Context::Current();
    const std::string text =
        absl::StrCat("attempt ", context.Attempt(), " of ", context.Task().Hex(), " ", why);
    looking_on->Threw(context.Task(), context.Attempt(), text);
    throw std::runtime_error(text);
  }
  static WorkerId CurrentProcess() {
    return api::Context::Current().Process().Identity().address.worker;
  }
  static TaskId CurrentTask() { return api::Context::Current().Task(); }
  static ExpectedValue Look(const Reference& reference) {
    return looking_on->ExpectedOf(reference.Object().id);
  }
  static void Tell(const Reference& made, ExpectedValue value, Origin origin) {
    origin.parent = CurrentTask();
    looking_on->Made(made.Object(), std::move(value), origin);
  }

  bool is_driver_;
};

ClusterValue RunProgram(const Program& program, const std::vector<Ref<ClusterValue>>& borrowed,
                        const std::vector<std::pair<ActorHandle<Mixer>, std::int64_t>>& actors) {
  OnCluster world(false);
  return Interpreter<OnCluster>(world, borrowed, actors).Run(program);
}

}  // namespace

void RunOnCluster(const Program& program, Ledger& ledger) {
  looking_on = &ledger;
  OnCluster world(true);
  Interpreter<OnCluster>(world, {}, {}).Run(program);
}

std::string ItemOf(const sim::GeneratorCall& call, std::uint32_t index) {
  return Encode(Make(Mix(call.seed, index), call.size)).data;
}

void ReadAllKeys(Ledger& ledger) {
  if (ledger.Keys().IsEmpty()) return;
  looking_on = &ledger;
  Action read;
  read.step = Step::kRead;
  for (read.a = 0; read.a < kKeys; ++read.a) OnCluster::AskForKey(read);
}

void EndDetachedActors(Ledger& ledger) {
  looking_on = &ledger;
  const OnCluster world(true);
  for (const std::uint32_t name : ledger.NamesOfDetached()) {
    Action find;
    find.step = Step::kFind;
    find.name = name;
    const auto actor = world.Find(find);
    if (!actor) continue;
    try {
      OnCluster::Get(OnCluster::Call(*actor, OnCluster::Put(name, 0), {}));
    } catch (const std::exception&) {
      // The ledger has judged it.
    }
    OnCluster::Kill(*actor, 2);
  }
}

}  // namespace mobula::properties
