// SPDX-License-Identifier: Apache-2.0
// Goal: a trace line says what happened, what followed and which records changed - and only those.
// Method: a Worker machine and a recorder on a temporary file; the lines are read back.
#include "runtime/trace/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/temporary_folder.h"

namespace mobula::trace {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr NodeId kNode{0x1100000000000000, 1};
constexpr WorkerId kWorker{0xA000000000000000, 1};
constexpr TaskId kRoot{0x7700000000000000, 7};

class RecorderTest : public testing::Test {
 protected:
  RecorderTest() : machine_(kWorker, Tracked()) {}

  static worker::Options Tracked() {
    worker::Options options;
    options.note_touched = true;
    return options;
  }
  void Open(Recorder::Pairing pairing) { recorder_.emplace(path_, pairing, "test"); }

  /// Handles the event and returns the line that was written of it.
  std::string Do(const worker::Event& event, Cause cause = {}) {
    effects_.clear();
    machine_.Handle(now_, event, effects_);
    recorder_->Record({++number_, now_, "n1", kWorker, cause, {}}, machine_, event, effects_);
    return LastLine();
  }
  std::string LastLine() const {
    std::ifstream file(path_);
    std::string line;
    std::string last;
    while (std::getline(file, line)) last = line;
    return last;
  }
  void Join() {
    NodeInfo info;
    info.node = kNode;
    Do(MessageReceived{Address::Daemon(kNode),
                       WorkerRegistered{{kNode, kWorker}, {}, {}, {}, info}});
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_.File("trace.jsonl");
  worker::Worker machine_;
  worker::Effects effects_;
  std::optional<Recorder> recorder_;
  std::uint64_t number_ = 0;
  Instant now_{1'500'000'000};
};

TEST_F(RecorderTest, ALineSaysWhenWhereAndWhat) {
  Open(Recorder::Pairing::kByCause);
  EXPECT_EQ(LastLine(), R"({"trace":1,"world":"test"})");
  const std::string line = Do(TimerFired{{7, 3}}, Cause{12, 2});
  EXPECT_THAT(line,
              testing::StartsWith(R"({"t":1.500000000,"n":1,"node":"n1","process":"a0000000")"));
  EXPECT_THAT(line, HasSubstr(R"("cause":[12,2],"event":"TimerFired")"));
}

TEST_F(RecorderTest, WritesTheRecordsThatChangedAndOnlyThose) {
  Open(Recorder::Pairing::kByCause);
  Join();
  const ObjectId first = PutObject(kRoot, 0, 0);
  const ObjectId second = PutObject(kRoot, 0, 1);
  const Payload value{PayloadKind::kValue, Bytes("1234"), {}};
  EXPECT_THAT(Do(worker::ObjectPut{first, value, {}}),
              HasSubstr(R"("77000000/put0":{"owner":"wa0000000","owned":true,"phase":"inline",)"
                        R"("kind":"value","size":4,"local":1})"));
  EXPECT_THAT(Do(worker::ObjectPut{second, value, {}}), Not(HasSubstr("77000000/put0\":{")));
  EXPECT_THAT(Do(worker::ReferenceAdded{{first, {kNode, kWorker}}, {}, false}),
              HasSubstr(R"("local":2})"));
  Do(worker::ReferenceRemoved{first});
  EXPECT_THAT(Do(worker::ReferenceRemoved{first}), HasSubstr(R"("77000000/put0":null)"));
  EXPECT_THAT(Do(TimerFired{{7, 3}}), Not(HasSubstr("state")));
}

TEST_F(RecorderTest, ShowsTasksAndRequestsForLeases) {
  Open(Recorder::Pairing::kByCause);
  Join();
  TaskSpec spec;
  spec.task = TaskId{0x5500000000000000, 1};
  TaskHeader& header = spec.header.Edit();
  header.owner = {kNode, kWorker};
  header.name = "square";
  const std::string line = Do(worker::TaskSubmitted{spec});
  EXPECT_THAT(line, HasSubstr(R"("55000000":{"name":"square","task_kind":"normal",)"
                              R"("state":"waiting for a lease","retries_left":3})"));
  EXPECT_THAT(line, HasSubstr(R"("requests":{"1":{"request":1,"raylet":"11000000")"));
  EXPECT_THAT(line, HasSubstr(R"({"effect":"Send","message":"RequestLease","to":"n11000000")"));
}

TEST_F(RecorderTest, AMessageHasOneKeyWhereItIsSentAndWhereItIsReceived) {
  Open(Recorder::Pairing::kByContent);
  Join();
  const auto key_of = [](const std::string& line) {
    const auto at = line.find("\"key\":\"");
    return at == std::string::npos ? std::string("none") : line.substr(at + 7, 16);
  };
  TaskSpec spec;
  spec.task = TaskId{0x5500000000000000, 1};
  spec.header.Edit().owner = {kNode, kWorker};
  const std::string sent = key_of(Do(worker::TaskSubmitted{spec}));
  ASSERT_NE(sent, "none");

  node::Options options;
  options.raylet.info.node = options.gcs_node = kNode;
  options.has_gcs = true;
  const node::Node daemon(options);
  Envelope envelope{
      {kNode, kWorker}, Address::Daemon(kNode), std::get<Send>(effects_.front()).message};
  const auto receive = [&] {
    recorder_->Record({1, now_, "n1", {}, {}, {}}, daemon, node::EnvelopeSent{envelope}, {});
    return key_of(LastLine());
  };
  EXPECT_EQ(receive(), sent);
  envelope.source.worker = WorkerId{0xB0, 1};
  EXPECT_NE(receive(), sent) << "another sender";
  envelope = {{kNode, kWorker}, Address::Daemon(kNode), RequestLease{}};
  EXPECT_NE(receive(), sent) << "another message";
}

TEST_F(RecorderTest, LossesAndWhatTheWorldDoesAreLinesOfTheirOwn) {
  Open(Recorder::Pairing::kByCause);
  recorder_->RecordWorld({0, now_, "n2", {}, {}, 0x1234}, "Fault", "n2 \"crashed\"");
  EXPECT_EQ(LastLine(), R"({"t":1.500000000,"node":"n2","process":"daemon","event":"Fault",)"
                        R"("text":"n2 \"crashed\"","hash":"0000000000001234"})");
  recorder_->RecordLoss({0, now_, "n2", {}, Cause{5, 1}, {}}, "lost on the link");
  EXPECT_EQ(LastLine(), R"({"t":1.500000000,"node":"n2","process":"daemon","cause":[5,1],)"
                        R"("lost":"lost on the link"})");
}

}  // namespace
}  // namespace mobula::trace
