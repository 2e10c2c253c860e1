// SPDX-License-Identifier: Apache-2.0
// Goal: what each operation may cost in messages, exactly, and in bytes; one more is a regression
// that no stopwatch is needed for. Method: warm clusters (leases held, functions known, actors
// alive), every message counted.
#include <map>
#include <numeric>

#include "runtime/wire/codec.h"
#include "tests/sim/simulation.h"

namespace mobula::sim {
namespace {

using Counts = std::map<std::string, int>;

int Nothing() { return 0; }
std::size_t SizeOfAll(const std::vector<char>& bytes) { return bytes.size(); }
std::vector<char> Megabytes(int count) {
  return std::vector<char>(static_cast<std::size_t>(count) << 20);
}
class Idle {
 public:
  int Call() { return 0; }
};
Idle* MakeIdle() { return new Idle; }

MOBULA_REMOTE(Nothing, SizeOfAll, Megabytes, MakeIdle, &Idle::Call)

/// A simulation whose messages are counted from `Begin` on.
class Metered {
 public:
  explicit Metered(Options options) : simulation_(Listening(std::move(options))) {}

  void Run(const std::function<void()>& program) { simulation_.Run(program); }
  void Begin() {
    counts_.clear();
    bytes_ = 0;
    counting_ = true;
  }
  /// What was sent since `Begin`, by type.
  Counts End() {
    counting_ = false;
    return counts_;
  }
  std::size_t Bytes() const { return bytes_; }

 private:
  Options Listening(Options options) {
    options.on_message = [this](const Message& message) {
      if (!counting_) return;
      ++counts_[NameOf(message)];
      // As between two processes of one node, which say only once who they are.
      std::string encoded;
      wire::Encode(Envelope{{}, {}, message}, encoded);
      bytes_ += encoded.size();
    };
    return options;
  }

  bool counting_ = false;
  Counts counts_;
  std::size_t bytes_ = 0;
  Simulation simulation_;
};

TEST(MessageBudget, AWarmTaskCostsTwo) {
  Metered cluster(Cluster(1, 1));
  cluster.Run([&] {
    Get(Task(Nothing).Remote());
    cluster.Begin();
    Get(Task(Nothing).Remote());
    EXPECT_EQ(cluster.End(), (Counts{{"PushTask", 1}, {"TaskDone", 1}}));
    // The owner's address, the task's ids, its name twice, and a result.
    EXPECT_EQ(cluster.Bytes(), 199u);
  });
}

TEST(MessageBudget, AWarmActorCallCostsTwo) {
  Metered cluster(Cluster(1, 1));
  cluster.Run([&] {
    const auto actor = Actor(MakeIdle).Remote();
    Get(actor.Task(&Idle::Call).Remote());
    cluster.Begin();
    Get(actor.Task(&Idle::Call).Remote());
    EXPECT_EQ(cluster.End(), (Counts{{"PushTask", 1}, {"TaskDone", 1}}));
  });
}

TEST(MessageBudget, AnItemOfAGeneratorCostsOneAndOneMoreWhereItIsWaitedFor) {
  Metered cluster(Cluster(1, 1));
  const auto take_all = [](const GeneratorCall& call) {
    Stream stream(call);
    while (stream.Next()) {
    }
  };
  cluster.Run([&] {
    take_all({.items = 1});
    cluster.Begin();
    take_all({.items = 5});
    EXPECT_EQ(cluster.End(), (Counts{{"PushTask", 1}, {"StreamItem", 5}, {"TaskDone", 1}}));
    take_all({.items = 1, .options = {.limit = 6}});
    cluster.Begin();
    take_all({.items = 5, .options = {.limit = 6}});
    EXPECT_EQ(cluster.End(),
              (Counts{{"PushTask", 1}, {"StreamItem", 5}, {"StreamProgress", 5}, {"TaskDone", 1}}));
  });
}

TEST(MessageBudget, ASmallValueCostsNothing) {
  Metered cluster(Cluster(1, 1));
  cluster.Run([&] {
    cluster.Begin();
    {
      const Ref<int> put = Put(1);
      EXPECT_EQ(Get(put), 1);
      EXPECT_EQ(Get(put), 1);
    }
    EXPECT_EQ(cluster.End(), Counts{});
  });
}

// The room for it is asked for and granted; nobody else knows of it.
TEST(MessageBudget, ALargePutCostsTwo) {
  Metered cluster(Cluster(1, 1));
  cluster.Run([&] {
    cluster.Begin();
    {
      const auto put = Put(Megabytes(10));
      EXPECT_EQ(cluster.End(), (Counts{{"CreateObject", 1}, {"ObjectCreated", 1}}));
      cluster.Begin();
    }
    EXPECT_EQ(cluster.End(), (Counts{{"FreeObject", 1}}));
  });
}

// Two for the task, one that seals the argument, three for its pin, one for the new copy; a chunk
// is 5 MiB at most.
TEST(MessageBudget, ATaskWithTenRemoteMegabytesCostsTen) {
  Options options = Cluster(2, 1);
  options.nodes[1].resources = ResourceSet::Of({{"CPU", 1}, {"far", 1}});
  Metered cluster(options);
  cluster.Run([&] {
    const auto size = [](const Ref<std::vector<char>>& bytes) {
      return Get(Task(SizeOfAll).SetResource("far", 1).Remote(bytes));
    };
    size(Put(Megabytes(1)));
    const auto bytes = Put(Megabytes(10));
    cluster.Begin();
    EXPECT_EQ(size(bytes), 10u << 20);
    EXPECT_EQ(cluster.End(), (Counts{{"PushTask", 1},
                                     {"SealObject", 1},
                                     {"FetchObject", 1},
                                     {"RequestChunk", 3},
                                     {"ObjectLocationChanged", 1},
                                     {"ObjectAvailable", 1},
                                     {"ReleaseObject", 1},
                                     {"TaskDone", 1}}));
  });
}

}  // namespace
}  // namespace mobula::sim
