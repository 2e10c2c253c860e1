// SPDX-License-Identifier: Apache-2.0
// Plan files: what they mean, that nothing is lost on the way there and back, and what is said of
// wrong ones: file, line, and what was expected.
#include "faults/plan_file.h"

#include <google/protobuf/descriptor.h>

#include <boost/mp11/algorithm.hpp>
#include <set>

#include "faults/plan.pb.h"

namespace mobula::faults {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kText[] = R"(# A comment.
fault {
  on { message: "PushTask" to: "n2" count: 2 }
  after: "5ms"
  crash_node { node: "n2" silent: true restart_after: "2s" }
}
fault {
  every: "100ms"
  until: "3s"
  probability: 0.25
  times: 4
  crash_worker { node: "any" running: "train" }
}
fault { at: "1.5s" partition { a: "n1" a: "n2" b: "n3" one_way: true lasts: "250us" } }
fault {
  on { event: OBJECT_SEALED from: "rack=r1" }
  link_fault { from: "all" loss: 0.5 delay: "1ms" both_ways: true bytes_per_second: 1e6 }
}
fault { at: "0s" slow_cpu { node: "n1" factor: 3 lasts: "1s" } }
fault { at: "7ns" clock_drift { node: "n1" rate: 1.5 } }
fault { at: "1s" pause_node { node: "all" lasts: "1s" } }
fault { at: "1s" pause_worker { node: "n1" running: "Counter" } }
fault { at: "9s" restart_node { node: "n2" } }
fault { at: "1s" crash_gcs { restart_after: "2s" new_disk: true lose_unsynced: true } }
fault { at: "1s" disk_fault { node: "n1" mode: LOSE_UNSYNCED delay: "5ms" lasts: "1s" } }
)";

Plan Expected() {
  Plan plan;
  Occasion pushes;
  pushes.message = "PushTask";
  pushes.to = "n2";
  pushes.count = 2;
  Fault crash = On(pushes, CrashNode{"n2", true, Seconds(2)});
  crash.after = Milliseconds(5);
  plan.Add(crash);
  Fault worker;
  worker.every = Milliseconds(100);
  worker.until = Seconds(3);
  worker.probability = 0.25;
  worker.times = 4;
  worker.kind = CrashWorker{"any", "train"};
  plan.Add(worker);
  plan.Add(At(Milliseconds(1500), Partition{{"n1", "n2"}, {"n3"}, true, Microseconds(250)}));
  Occasion sealed;
  sealed.event = Happening::kObjectSealed;
  sealed.from = "rack=r1";
  LinkFault bad;
  bad.from = {"all"};
  bad.loss = 0.5;
  bad.delay = Milliseconds(1);
  bad.both_ways = true;
  bad.bytes_per_second = 1e6;
  plan.Add(On(sealed, bad));
  plan.Add(At({}, SlowCpu{"n1", 3, Seconds(1)}));
  plan.Add(At(Nanoseconds(7), ClockDrift{"n1", 1.5, {}}));
  plan.Add(At(Seconds(1), PauseNode{"all", Seconds(1)}));
  plan.Add(At(Seconds(1), PauseWorker{"n1", "Counter", {}}));
  plan.Add(At(Seconds(9), RestartNode{"n2"}));
  plan.Add(At(Seconds(1), CrashGcs{Seconds(2), true, true}));
  plan.Add(At(Seconds(1), DiskFault{"n1", DiskMode::kLoseUnsynced, Milliseconds(5), Seconds(1)}));
  return plan;
}

TEST(PlanFile, ReadsText) {
  const auto plan = ParsePlan(kText, "plan.textproto", PlanFormat::kText);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(*plan, Expected());
}

TEST(PlanFile, ComesBackFromBothFormats) {
  for (const PlanFormat format : {PlanFormat::kText, PlanFormat::kJson}) {
    const std::string text = FormatPlan(Expected(), format);
    const auto plan = ParsePlan(text, "plan", format);
    ASSERT_TRUE(plan.ok()) << plan.status() << "\n" << text;
    EXPECT_EQ(*plan, Expected()) << text;
  }
}

TEST(PlanFile, WritesOnlyWhatIsNotTheDefault) {
  Plan plan;
  plan.Add(At(Seconds(1), CrashNode{"n2", false, {}}));
  EXPECT_EQ(FormatPlan(plan, PlanFormat::kText),
            "fault {\n  at: \"1s\"\n  crash_node {\n    node: \"n2\"\n  }\n}\n");
}

/// Every kind and every field of the structs stands in the schema, and nothing else does.
TEST(PlanFile, HasTheSchemaOfTheStructs) {
  std::set<std::string> kinds;
  boost::mp11::mp_for_each<Kind>([&](const auto& kind) { kinds.insert(KindName(kind)); });
  const auto* fault = proto::Fault::descriptor();
  std::set<std::string> listed;
  const auto* oneof = fault->FindOneofByName("kind");
  for (int i = 0; i < oneof->field_count(); ++i) listed.insert(oneof->field(i)->name());
  EXPECT_EQ(kinds, listed);
  const auto compare = [&](const auto& one, const google::protobuf::Descriptor* message) {
    std::set<std::string> fields;
    ForEachField(one, [&](const char* name, const auto& field) {
      if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(field)>, Kind>)
        fields.insert(name);
    });
    std::set<std::string> described;
    for (int i = 0; i < message->field_count(); ++i) {
      if (message->field(i)->containing_oneof() != oneof)
        described.insert(message->field(i)->name());
    }
    EXPECT_EQ(fields, described) << message->name();
  };
  compare(Fault{}, fault);
  compare(Occasion{}, proto::Occasion::descriptor());
  boost::mp11::mp_for_each<Kind>([&](const auto& kind) {
    compare(kind, fault->FindFieldByName(KindName(kind))->message_type());
  });
}

struct Wrong {
  const char* text;
  const char* where;
  const char* expected;
};

void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.text; }

class WrongPlan : public testing::TestWithParam<Wrong> {};

TEST_P(WrongPlan, IsRefusedWithFileLineAndWhatWasExpected) {
  const std::string text = GetParam().text;
  const bool is_json = text.starts_with("{") || text.starts_with("\n{");
  const auto plan = ParsePlan(text, "my.plan", is_json ? PlanFormat::kJson : PlanFormat::kText);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(plan.status().message()),
              AllOf(HasSubstr(std::string("my.plan:") + GetParam().where + ": "),
                    HasSubstr(GetParam().expected)));
}

INSTANTIATE_TEST_SUITE_P(
    Text, WrongPlan,
    testing::Values(
        Wrong{"fault {\n  at: \"1s\"\n  crash_nod { node: \"n2\" }\n}", "3", "crash_nod"},
        Wrong{"fault {\n  at: \"1s\"\n", "3", "Expected"},
        Wrong{"fault {\n  at: \"1 hour\"\n  crash_node { node: \"n2\" }\n}", "2", "0.5s, 20ms"},
        Wrong{"fault {\n  at: \"-1s\"\n  crash_node { node: \"n2\" }\n}", "2", "before the start"},
        Wrong{"\nfault { at: \"1s\" }", "2", "expected one of crash_node, restart_node"},
        Wrong{"\n\nfault { crash_node { node: \"n2\" } }", "3", "exactly one of at, on and every"},
        Wrong{"fault { at: \"1s\" every: \"1s\" crash_node { node: \"n2\" } }", "1",
              "several triggers"},
        Wrong{"fault {\n at: \"1s\"\n probability: -0.5\n crash_node { node: \"n2\" } }", "3",
              "from 0 to 1"},
        Wrong{"fault {\n at: \"1s\"\n link_fault { from: \"n1\"\n loss: 1.5 } }", "4",
              "fault[0].link_fault.loss: 1.5 is no probability"},
        Wrong{"fault {\n on { message: \"PushTasks\" }\n crash_node { node: \"n2\" } }", "2",
              "no message is called \"PushTasks\"; the messages are RegisterWorker"},
        Wrong{"fault {\n on { event: TASK_STARTED to: \"n2\" }\n crash_node { node: \"n2\" } }",
              "2", "only a message has a target"},
        Wrong{"fault {\n on { event: OBJECT_SEALED count: 0 }\n crash_node { node: \"n2\" } }", "2",
              "at least 1"},
        Wrong{"fault { at: \"1s\"\n crash_node { } }", "2", "names no node"},
        Wrong{"fault { at: \"1s\"\n slow_cpu { node: \"n1\" factor: 0 } }", "2", "above 0"},
        Wrong{"fault { at: \"1s\"\n partition { a: \"n1\" b: \"n1\" } }", "2", "on both sides"},
        Wrong{"fault { at: \"1s\"\n partition { b: \"n1\" } }", "2", "two sides"},
        Wrong{"fault { at: \"1s\" until: \"2s\" crash_node { node: \"n2\" } }", "1",
              "goes with every"},
        Wrong{"fault { at: \"1s\" times: 3 crash_node { node: \"n2\" } }", "1", "comes once"},
        Wrong{"fault { at: \"1s\"\n pause_node { node: \"n1\"\n lasts: \"0s\" } }", "3",
              "longer than nothing"}));

INSTANTIATE_TEST_SUITE_P(
    Json, WrongPlan,
    testing::Values(
        Wrong{"{\n \"fault\": [\n  {\"at\": \"1s\",\n   \"crash_nod\": {}}]}", "3", "crash_nod"},
        Wrong{"{\n \"fault\": [\n  {\"at\": \"1s\" \"crash_node\": {}}]}", "3", "expected a comma"},
        Wrong{"{\n \"fault\": [\n  {\"at\": \"soon\",\n   \"crash_node\": {\"node\": \"n1\"}}]}",
              "3", "0.5s, 20ms"},
        Wrong{"{\"fault\": [\n {\"at\": \"1s\",\n \"probability\": 7,\n"
              " \"crash_node\": {\"node\": \"n1\"}}]}",
              "3", "from 0 to 1"}));

TEST(PlanFile, SaysWhichFileCannotBeRead) {
  EXPECT_THAT(std::string(ReadPlan("no/such/plan.textproto").status().message()),
              HasSubstr("no/such/plan.textproto"));
}

}  // namespace
}  // namespace mobula::faults
