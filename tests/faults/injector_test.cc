// SPDX-License-Identifier: Apache-2.0
// The one interpreter of plans: what comes up, when, for whom, and what heals it. Alarms are kept
// in a tiny queue of their own.
#include "faults/injector.h"

#include <algorithm>

namespace mobula::faults {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class InjectorTest : public testing::Test {
 protected:
  void Start(const Plan& plan, std::uint64_t seed = 1) {
    injector_.emplace(plan, seed);
    InjectorEffects out;
    injector_->Start(out);
    Take(out);
  }
  /// Lets time pass; returns what happened, as text with the time in milliseconds.
  std::vector<std::string> Pass(Duration span) {
    const Instant end = now_ + span;
    while (!alarms_.empty() && alarms_.begin()->first.first <= end) {
      const auto key = alarms_.begin()->first;
      now_ = key.first;
      alarms_.erase(alarms_.begin());
      InjectorEffects out;
      injector_->HandleTimer(key.second, nodes_, out);
      Take(out);
    }
    now_ = end;
    return std::exchange(happened_, {});
  }
  std::vector<std::string> See(const Observation& observation) {
    InjectorEffects out;
    injector_->Observe(observation, [this] { return nodes_; }, out);
    Take(out);
    return std::exchange(happened_, {});
  }
  std::vector<std::string> Heal() {
    InjectorEffects out;
    injector_->Heal(nodes_, out);
    Take(out);
    return std::exchange(happened_, {});
  }
  void Take(const InjectorEffects& out) {
    for (const InjectorEffect& effect : out) {
      if (const auto* alarm = std::get_if<Alarm>(&effect)) {
        alarms_.emplace(std::pair(now_ + alarm->delay, alarm->key), 0);
        continue;
      }
      const auto text = [&](const char* what, const Kind& kind) {
        return std::to_string(now_.nanoseconds / 1'000'000) + " " + what + KindName(kind) + " " +
               std::visit(
                   []<class Fault>(const Fault& fault) {
                     if constexpr (requires { fault.node; }) return fault.node;
                     if constexpr (requires { fault.a; })
                       return Join(fault.a) + "|" + Join(fault.b);
                     if constexpr (requires { fault.from; })
                       return Join(fault.from) + ">" + Join(fault.to);
                     return std::string();
                   },
                   kind);
      };
      if (const auto* begin = std::get_if<Begin>(&effect)) {
        happened_.push_back(text("", begin->kind));
      } else {
        happened_.push_back(text("end ", std::get<End>(effect).kind));
      }
    }
  }
  static std::string Join(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += name;
    return text;
  }

  Injector::Nodes nodes_{{"n1", {}, true, true},
                         {"n2", {{"rack", "r1"}}, true, false},
                         {"n3", {{"rack", "r1"}}, true, false},
                         {"n4", {{"rack", "r2"}}, true, false}};
  std::optional<Injector> injector_;
  Instant now_;
  std::map<std::pair<Instant, std::uint64_t>, int> alarms_;
  std::vector<std::string> happened_;
};

Plan PlanOf(std::vector<Fault> faults) { return Plan{std::move(faults), nullptr}; }
Occasion Pushes(std::uint64_t count) {
  Occasion occasion;
  occasion.message = "PushTask";
  occasion.count = count;
  return occasion;
}
Observation Push(const std::string& from, const std::string& to) {
  return {Happening::kMessageSent, "PushTask", from, to};
}

TEST_F(InjectorTest, FiresAtItsTimeAndRestartsTheNode) {
  Start(PlanOf({At(Milliseconds(20), CrashNode{"n2", false, Milliseconds(5)})}));
  EXPECT_THAT(Pass(Milliseconds(19)), IsEmpty());
  EXPECT_THAT(Pass(Seconds(1)), ElementsAre("20 crash_node n2", "25 restart_node n2"));
}

TEST_F(InjectorTest, EndsWhatLasts) {
  Start(PlanOf({At(Milliseconds(1), PauseNode{"n2", Milliseconds(9)})}));
  EXPECT_THAT(Pass(Seconds(1)), ElementsAre("1 pause_node n2", "10 end pause_node n2"));
}

TEST_F(InjectorTest, ChoosesTheNodesOfARackAndSparesTheHead) {
  Start(PlanOf({At({}, CrashNode{"rack=r1", false, {}}),
                At(Milliseconds(1), CrashNode{"all", false, {}}),
                At(Milliseconds(2), CrashWorker{"all", ""})}));
  EXPECT_THAT(Pass(Seconds(1)),
              ElementsAre("0 crash_node n2", "0 crash_node n3", "1 crash_node n2",
                          "1 crash_node n3", "1 crash_node n4", "2 crash_worker n1",
                          "2 crash_worker n2", "2 crash_worker n3", "2 crash_worker n4"));
}

TEST_F(InjectorTest, DrawsAnyFromTheLivingNodesThatAreNotTheHead) {
  nodes_[1].runs = nodes_[3].runs = false;
  Start(PlanOf({At({}, CrashNode{"any", false, {}})}));
  EXPECT_THAT(Pass(Seconds(1)), ElementsAre("0 crash_node n3"));
}

TEST_F(InjectorTest, FillsInEverybodyElse) {
  LinkFault bad;
  bad.from = {"n1"};
  Start(PlanOf({At({}, Partition{{"n2"}, {}, false, {}}), At({}, bad)}));
  EXPECT_THAT(Pass(Seconds(1)), ElementsAre("0 partition n2|n1n3n4", "0 link_fault n1>n2n3n4"));
}

TEST_F(InjectorTest, WaitsForTheNthMessageBetweenTheTwo) {
  Occasion occasion = Pushes(2);
  occasion.from = "n1";
  occasion.to = "rack=r1";
  Start(PlanOf({On(occasion, CrashNode{"n2", false, {}})}));
  EXPECT_TRUE(injector_->ListensFor(Happening::kMessageSent));
  EXPECT_FALSE(injector_->ListensFor(Happening::kTaskStarted));
  EXPECT_THAT(See(Push("n1", "n4")), IsEmpty());
  EXPECT_THAT(See(Push("n2", "n3")), IsEmpty());
  EXPECT_THAT(See({Happening::kMessageSent, "TaskDone", "n1", "n2"}), IsEmpty());
  EXPECT_THAT(See(Push("n1", "n2")), IsEmpty());
  EXPECT_THAT(See(Push("n1", "n3")), ElementsAre("0 crash_node n2"));
  EXPECT_FALSE(injector_->ListensFor(Happening::kMessageSent)) << "it comes once";
  EXPECT_THAT(See(Push("n1", "n3")), IsEmpty());
}

TEST_F(InjectorTest, FiresAsOftenAsItMayAndLaterIfAsked) {
  Fault fault = On(Pushes(2), CrashWorker{"n2", ""});
  fault.times = 2;
  fault.after = Milliseconds(3);
  Start(PlanOf({fault}));
  for (int i = 0; i < 10; ++i) EXPECT_THAT(See(Push("n1", "n2")), IsEmpty());
  EXPECT_THAT(Pass(Seconds(1)), ElementsAre("3 crash_worker n2", "3 crash_worker n2"));
}

TEST_F(InjectorTest, ComesEverySoOftenUntilItsEnd) {
  Fault fault;
  fault.every = Milliseconds(10);
  fault.until = Milliseconds(35);
  fault.kind = CrashWorker{"n2", ""};
  Start(PlanOf({fault}));
  EXPECT_THAT(Pass(Seconds(1)),
              ElementsAre("10 crash_worker n2", "20 crash_worker n2", "30 crash_worker n2"));
  EXPECT_TRUE(alarms_.empty());
}

TEST_F(InjectorTest, HappensWithItsProbability) {
  Fault fault;
  fault.every = Milliseconds(1);
  fault.probability = 0.3;
  fault.kind = CrashWorker{"n2", ""};
  Start(PlanOf({fault}));
  const auto count = static_cast<double>(Pass(Seconds(2)).size());
  EXPECT_NEAR(count, 600, 80);
}

/// Each fault has a stream of its own.
TEST_F(InjectorTest, DoesNotReshuffleWhenAnotherFaultIsTakenAway) {
  Fault random;
  random.every = Milliseconds(1);
  random.probability = 0.5;
  random.kind = CrashWorker{"any", ""};
  Fault other = random;
  other.probability = 0.4;
  other.kind = PauseNode{"n2", Microseconds(10)};
  Start(PlanOf({other, random}));
  std::vector<std::string> both = Pass(Milliseconds(100));
  std::erase_if(both,
                [](const std::string& text) { return text.find("pause") != std::string::npos; });
  now_ = Instant{};
  alarms_.clear();
  Start(PlanOf({random}));
  EXPECT_EQ(Pass(Milliseconds(100)), both);
}

TEST_F(InjectorTest, BringsTheGcsBackAfterATimeOrWhenItHeals) {
  Start(PlanOf({At(Milliseconds(1), CrashGcs{Milliseconds(5), false, false}),
                At(Milliseconds(9), CrashGcs{})}));
  EXPECT_THAT(Pass(Milliseconds(20)),
              ElementsAre("1 crash_gcs ", "6 end crash_gcs ", "9 crash_gcs "));
  EXPECT_THAT(Heal(), ElementsAre("20 end crash_gcs "));
}

TEST_F(InjectorTest, HealsEverythingAndBringsNodesBack) {
  Fault later = At(Seconds(1), CrashNode{"n4", false, {}});
  Start(PlanOf({At({}, PauseNode{"n2", {}}), At({}, CrashNode{"n3", false, {}}), later,
                On(Pushes(1), CrashWorker{"n2", ""})}));
  Pass(Milliseconds(1));
  nodes_[2].runs = false;
  EXPECT_THAT(Heal(), ElementsAre("1 end pause_node n2", "1 restart_node n3"));
  EXPECT_FALSE(injector_->ListensFor(Happening::kMessageSent));
  EXPECT_THAT(Pass(Seconds(10)), IsEmpty());
}

}  // namespace
}  // namespace mobula::faults
