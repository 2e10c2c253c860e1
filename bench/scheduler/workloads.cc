// SPDX-License-Identifier: Apache-2.0
#include "bench/scheduler/workloads.h"

#include <algorithm>
#include <cmath>

#include "bench/scheduler/record.h"
#include "runtime/api/mobula.h"
#include "runtime/base/rng.h"

namespace mobula::bench {
namespace {

using Block = std::vector<char>;

// Every so many nodes one submits tasks, so that no single owner is the bottleneck; but no more
// than a hundred do, as each node that decides has megabytes of 10,000 others.
constexpr int kNodesPerSubmitter = 10;
constexpr int kSubmittersMax = 100;
constexpr char kSubmitter[] = "submitter";
// Durations are spread evenly over the orders of magnitude between these: a tenth of the tasks make
// up two fifths of the work.
constexpr double kShortest = 0.002;
constexpr double kLongest = 0.5;
// Of the work that the cluster can do, what arrives.
constexpr double kLoad = 0.8;
constexpr int kFanOut = 10;
constexpr Duration kInnerTask = Milliseconds(5);
// A submitter has ten blocks: eight on a fifth of the nodes, so that these hold four fifths.
constexpr int kBlocksHot = 8;
constexpr int kBlocksCold = 2;
constexpr char kHot[] = "hot";
constexpr char kCold[] = "cold";
constexpr int kNodesPerHot = 5;
constexpr int kHotOfNode = 4;
constexpr std::size_t kBlockBytes = 256 << 10;
constexpr Duration kPlacement = Seconds(2);
constexpr Duration kPreparation = Seconds(20);
constexpr Duration kRead = Milliseconds(10);

double LogUniform(Rng& rng, double from, double to) {
  return from * std::pow(to / from, rng.Uniform());
}
double MeanDuration() { return (kLongest - kShortest) / std::log(kLongest / kShortest); }

// ---- Tasks --------------------------------------------------------------------------------------

std::int64_t Submitted() {
  Record::Get().Submitted(Now());
  return Now().nanoseconds;
}
void Spend(Duration span, std::int64_t submitted) {
  Record::Get().Began(Instant{submitted}, Now(), span);
  Sleep(span);
}

int Work(Duration span, std::int64_t submitted) {
  Spend(span, submitted);
  return 0;
}
int Read(const Block& block, std::int64_t submitted) {
  Spend(kRead, submitted);
  return static_cast<int>(block.size());
}
int Grow(int depth, std::uint64_t seed, std::int64_t submitted);

/// Keeps its slot for so long that every other block of the cluster lies in another one.
Block MakeBlock() {
  Sleep(kPlacement);
  return Block(kBlockBytes);
}

// ---- Submitters ---------------------------------------------------------------------------------
// `nodes`: the part of the cluster that is this submitter's share.

int SubmitAtOnce(std::uint64_t seed, int tasks, int /*nodes*/) {
  Rng rng(seed);
  std::vector<Ref<int>> refs;
  for (int i = 0; i < tasks; ++i) {
    const Duration span = FromSeconds(LogUniform(rng, kShortest, kLongest));
    refs.push_back(Task(Work).Remote(span, Submitted()));
  }
  Get(refs);
  return tasks;
}

int SubmitOverTime(std::uint64_t seed, int tasks, int nodes) {
  Rng rng(seed);
  const double gap = MeanDuration() / (kLoad * kCpusOfNode * nodes);
  std::vector<Ref<int>> refs;
  for (int i = 0; i < tasks; ++i) {
    Sleep(FromSeconds(-std::log(1 - rng.Uniform()) * gap));
    const Duration span = FromSeconds(LogUniform(rng, kShortest, kLongest));
    refs.push_back(Task(Work).Remote(span, Submitted()));
  }
  Get(refs);
  return tasks;
}

/// The k-th block is read with a probability of 1/k times that of the first (Zipf).
std::size_t DrawBlock(Rng& rng, std::size_t blocks) {
  double whole = 0;
  for (std::size_t k = 1; k <= blocks; ++k) whole += 1 / static_cast<double>(k);
  double rest = rng.Uniform() * whole;
  for (std::size_t k = 1; k < blocks; ++k) {
    rest -= 1 / static_cast<double>(k);
    if (rest < 0) return k - 1;
  }
  return blocks - 1;
}

int SubmitReaders(std::uint64_t seed, int tasks, int /*nodes*/) {
  const Instant start = Now() + kPreparation;
  Rng rng(seed);
  std::vector<Ref<Block>> blocks;
  for (int i = 0; i < kBlocksHot + kBlocksCold; ++i) {
    const char* kind = i < kBlocksHot ? kHot : kCold;
    blocks.push_back(Task(MakeBlock).SetResource("CPU", 0).SetResource(kind, 1).Remote());
  }
  Wait(blocks, static_cast<std::uint32_t>(blocks.size()));
  // Until the others are there, too.
  Sleep(start - Now());
  std::vector<Ref<int>> refs;
  for (int i = 0; i < tasks; ++i) {
    refs.push_back(Task(Read).Remote(blocks[DrawBlock(rng, blocks.size())], Submitted()));
  }
  Get(refs);
  return tasks;
}

MOBULA_REMOTE(Work, Read, Grow, MakeBlock, SubmitAtOnce, SubmitOverTime, SubmitReaders)

int Grow(int depth, std::uint64_t seed, std::int64_t submitted) {
  Rng rng(seed);
  if (depth == 0) return Work(FromSeconds(LogUniform(rng, kShortest, kLongest)), submitted);
  Spend(kInnerTask, submitted);
  std::vector<Ref<int>> refs;
  for (int i = 0; i < kFanOut; ++i) {
    refs.push_back(Task(Grow).Remote(depth - 1, rng.Next(), Submitted()));
  }
  Get(refs);
  return 0;
}

// ---- Drivers ------------------------------------------------------------------------------------

int NodesPerSubmitter(int nodes) { return std::max(kNodesPerSubmitter, nodes / kSubmittersMax); }

template <auto Submit>
void RunSubmitters(const Scale& scale) {
  const int nodes = NodesPerSubmitter(scale.nodes);
  const int submitters = std::max(1, scale.nodes / nodes);
  Rng rng(scale.seed);
  std::vector<Ref<int>> refs;
  for (int i = 0; i < submitters; ++i) {
    refs.push_back(Task(Submit)
                       .SetResource("CPU", 0)
                       .SetResource(kSubmitter, 1)
                       .Remote(rng.Next(),
                               scale.tasks_per_cpu * scale.nodes * kCpusOfNode / submitters,
                               nodes));
  }
  Get(refs);
}

void RunTree(const Scale& scale) {
  int depth = 0;
  for (int leaves = 1; leaves < scale.tasks_per_cpu * scale.nodes * kCpusOfNode; ++depth)
    leaves *= kFanOut;
  Get(Task(Grow).Remote(depth, scale.seed, Submitted()));
}

}  // namespace

const std::vector<Workload>& AllWorkloads() {
  static const std::vector<Workload> all = {
      {"batch", 10, RunSubmitters<SubmitAtOnce>},
      {"arrivals", 20, RunSubmitters<SubmitOverTime>},
      {"tree", 5, RunTree},
      {"data", 10, RunSubmitters<SubmitReaders>, 25e6},
  };
  return all;
}

const Workload* FindWorkload(const std::string& name) {
  const auto found = std::ranges::find(AllWorkloads(), name, &Workload::name);
  return found == AllWorkloads().end() ? nullptr : &*found;
}

sim::Options ClusterFor(const Workload& workload, const Scale& scale,
                        const scheduler::Options& scheduling) {
  sim::Options options;
  options.seed = scale.seed;
  options.raylet.scheduling = scheduling;
  // Nodes ask an idle lease back when somebody waits for its resources; the head does not know what
  // is leased where, so there owners keep none.
  if (scheduling.IsCentral()) options.worker.lease_linger = Duration{};
  options.timing.link_bytes_per_second = workload.link_bytes_per_second;
  options.nodes.clear();
  for (int i = 0; i < scale.nodes; ++i) {
    std::map<std::string, double> has = {{"CPU", kCpusOfNode}, {"memory", 8e9}};
    if (i % NodesPerSubmitter(scale.nodes) == 0) has[kSubmitter] = 1;
    if (i % kNodesPerHot == 1) has[kHot] = kHotOfNode;
    if (i % kNodesPerHot == 3) has[kCold] = 1;
    sim::NodeShape shape;
    shape.resources = ResourceSet::Of(has);
    shape.store_capacity = 64 << 20;
    options.nodes.push_back(std::move(shape));
  }
  return options;
}

}  // namespace mobula::bench
