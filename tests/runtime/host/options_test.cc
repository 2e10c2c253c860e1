// SPDX-License-Identifier: Apache-2.0
// Goal: mobulad understands its options, and says what is wrong with the others.
#include "runtime/host/daemon/options.h"

#include "runtime/host/daemon/spawn.h"
#include "runtime/host/daemon/worker_output.h"

namespace mobula::host {
namespace {

std::string ErrorOf(const std::vector<std::string>& arguments) {
  return std::string(ParseDaemonOptions(arguments).status().message());
}

TEST(DaemonOptions, ReadsEverythingThatANodeMayBeGiven) {
  const auto options = ParseDaemonOptions(
      {"--head", "--port=7000", "--num-cpus=4", "--num-gpus", "0.5", "--resources={\"disk\": 2}",
       "--labels={\"zone\": \"a\"}", "--object-store-memory=1000000", "--memory=5",
       "--zygote-command=[\"python\", \"-m\", \"x\"]", "--dashboard-port=-1"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_TRUE(options->HasGcs());
  EXPECT_EQ(options->port, 7000);
  EXPECT_EQ(options->resources.Get("CPU"), 4);
  EXPECT_EQ(options->resources.Get("GPU"), 0.5);
  EXPECT_EQ(options->resources.Get("disk"), 2);
  EXPECT_EQ(options->resources.Get("memory"), 5);
  EXPECT_EQ(options->resources.Get("object_store_memory"), 1000000);
  EXPECT_EQ(options->labels.at("zone"), "a");
  EXPECT_EQ(options->zygote_command, (std::vector<std::string>{"python", "-m", "x"}));
  EXPECT_EQ(options->dashboard_port, -1);
}

TEST(DaemonOptions, OffersTheMachineWhenNothingIsSaid) {
  const auto options = ParseDaemonOptions({"--address=host:1"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_FALSE(options->HasGcs());
  EXPECT_GE(options->resources.Get("CPU"), 1);
  EXPECT_GT(options->object_store_memory, 0u);
  EXPECT_FALSE(options->node_name.empty());
}

TEST(DaemonOptions, SaysWhichOptionIsWrongAndWhatWasExpected) {
  EXPECT_THAT(ErrorOf({"--haed"}), testing::HasSubstr("unknown option --haed"));
  EXPECT_THAT(ErrorOf({"--head", "--port=many"}), testing::HasSubstr("--port=many"));
  EXPECT_THAT(ErrorOf({"--head", "--num-cpus=-1"}), testing::HasSubstr("at least 0"));
  EXPECT_THAT(ErrorOf({"--head", "--resources=[1]"}), testing::HasSubstr("JSON object"));
  EXPECT_THAT(ErrorOf({"--head", "--zygote-command=python"}), testing::HasSubstr("JSON array"));
  EXPECT_THAT(ErrorOf({"--head=yes"}), testing::HasSubstr("no value"));
}

TEST(DaemonOptions, WantsExactlyOneWayIntoACluster) {
  EXPECT_THAT(ErrorOf({}), testing::HasSubstr("--head to start a cluster or --address"));
  EXPECT_THAT(ErrorOf({"--head", "--address=a:1"}), testing::HasSubstr("exclude each other"));
  EXPECT_THAT(ErrorOf({"--gcs-only", "--no-gcs"}), testing::HasSubstr("nothing to do"));
  EXPECT_TRUE(ParseDaemonOptions({"--head", "--no-gcs", "--address=a:1"}).ok());
}

TEST(DaemonOptions, RefusesAddressesThatNobodyCanUseOrThatAreNotSafe) {
  EXPECT_THAT(ErrorOf({"--head", "--listen=0.0.0.0"}),
              testing::HasSubstr("the address by which other hosts reach this one"));
  EXPECT_THAT(ErrorOf({"--head", "--tls-dir=x", "--dashboard-host=10.0.0.1"}),
              testing::HasSubstr("ssh -L"));
  EXPECT_TRUE(ParseDaemonOptions({"--head", "--dashboard-host=10.0.0.1"}).ok());
  EXPECT_THAT(ErrorOf({"--query=/api/nodes"}), testing::HasSubstr("--query needs --address"));
}

TEST(WorkerOutput, MakesValidUtf8OfWhateverAProcessWrites) {
  EXPECT_EQ(ToValidUtf8("plain"), "plain");
  EXPECT_EQ(ToValidUtf8("gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80"),
            "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80");
  EXPECT_EQ(ToValidUtf8("a\xFF\xC3"), "a\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(ToValidUtf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(Spawn, SaysThatAProgramCannotBeRun) {
  SpawnOptions options;
  options.argv = {"/no/such/program"};
  EXPECT_THAT(Spawn(options).status().ToString(),
              testing::HasSubstr("cannot run /no/such/program"));
}

}  // namespace
}  // namespace mobula::host
