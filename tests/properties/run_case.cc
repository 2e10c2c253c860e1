// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/run_case.h"

#include <memory>
#include <set>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/api/mobula.h"
#include "runtime/api/sessions.h"
#include "runtime/base/check.h"
#include "sim/fiber_hub.h"
#include "tests/properties/interpret.h"
#include "tests/properties/invariants.h"
#include "tests/properties/ledger.h"
#include "tests/sim/leftovers.h"

namespace mobula::properties {
namespace {

// After the healing. Longer than every timeout and backoff of the machines, several times over.
constexpr Duration kProgramLimit = Seconds(120);
constexpr Duration kLeftoverLimit = Seconds(60);
// Delays of several link faults add up, and what was sent before the healing is that late.
constexpr Duration kJobEndLimit = Seconds(60);
// What a driver had asked for when it ended is done by then.
constexpr Duration kSettleTime = Seconds(5);
constexpr std::size_t kLeftoversShown = 5;
// A task that waits for another one keeps what it has besides its CPU.
constexpr std::int64_t kEnough = 1'000'000 * ResourceSet::kUnit;

// For the whole process, as nothing else tells a child that it forks.
Bugs bugs_of_all_runs;

/// One run of one case.
class Run {
 public:
  Run(const Case& one, const RunOptions& options)
      : case_(one),
        options_(options),
        world_(MakeWorld(one, options)),
        ledger_(*world_, one.cluster),
        invariants_(*world_, ledger_) {
    sim::FiberProgram program;
    program.driver = [this](worker::Process& process) { Drive(process); };
    program.task = [this](worker::Process& process, worker::RunTask run) {
      const TaskId task = run.spec.task;
      if (run.spec.header->stream) {
        sim::RunGenerator(process, run, &ItemOf);
      } else {
        api::RunTaskIn(process, std::move(run));
      }
      ledger_.Executed(task);
    };
    program.forget = &api::ForgetProcess;
    hub_ = std::make_unique<sim::FiberHub>(*world_, program);
    hub_->on_action = [this](const sim::HubAction& action) { Observe(action); };
  }

  Outcome Go() {
    // From the start of the driver, which is not ready while the GCS is down.
    hub_->After(sim::Timing{}.cluster_start + case_.chaos, [this] { Heal(); });
    RunJob();
    // What is to outlive the program shows when another one looks for it.
    if (ledger_.Problems().empty() && !ledger_.NamesOfDetached().empty()) RunJob();
    ledger_.CloseKeys();
    return Summarise();
  }

 private:
  static std::unique_ptr<sim::World> MakeWorld(const Case& one, const RunOptions& run) {
    sim::Options options = OptionsOf(one);
    options.check_invariants = run.check_invariants;
    options.trace_file = run.trace_file;
    options.raylet.scheduling = run.scheduling;
    auto world = sim::World::Create(std::move(options));
    CHECK(world.ok()) << world.status().message();
    return *std::move(world);
  }

  void Observe(const sim::HubAction& action) {
    if (std::holds_alternative<sim::Paused>(action)) return BeforeEvent();
    ledger_.Observe(action);
    invariants_.Check();
    const auto* ready = std::get_if<sim::ProcessReady>(&action);
    if (ready == nullptr || !ready->is_driver) return;
    world_->PauseBeforeEvents(case_.strike.has_value() || options_.before_event != nullptr);
  }

  void BeforeEvent() {
    ++event_;
    if (case_.strike && case_.strike->event == event_) InjectStrike(*world_, *case_.strike);
    if (options_.before_event) options_.before_event(*world_, event_);
  }

  void Heal() {
    if (std::exchange(healed_, true)) return;
    world_->PauseBeforeEvents(false);
    world_->Heal();
    Limit();
  }

  /// From here on the program must end. To be told that there is no room takes its time: who tries
  /// again and again gets on.
  void Limit() {
    hub_->After(kProgramLimit, [this, driver = drivers_, refusals = ledger_.Refusals()] {
      if (program_over_ || driver != drivers_) return;
      if (ledger_.Refusals() > refusals) return Limit();
      ledger_.Complain(
          absl::StrCat("never ends: the program, ", kProgramLimit.Seconds(),
                       " s after everything was healed: ", absl::StrJoin(world_->Waits(), "; ")));
      // What waits will wait for ever: the driver is ended from outside.
      for (const WorkerId process : world_->Processes()) {
        if (process == driver_) world_->CrashProcess(process, "it never ends");
      }
    });
  }

  void Drive(worker::Process& process) {
    driver_ = process.Identity().address.worker;
    api::RunAsDriver(process, [this] {
      if (drivers_ == 1) {
        RunOnCluster(case_.program, ledger_);
        Heal();
        ReadAllKeys(ledger_);
      } else {
        Limit();
        mobula::Sleep(kSettleTime);
        EndDetachedActors(ledger_);
      }
      program_over_ = true;
      AwaitEmptiness();
      return 0;
    });
  }

  /// What `find` finds when it finds nothing any more, or when `limit` has passed: since the
  /// beginning, or since there was no room for something, which takes its time to find out.
  template <class Wait, class Find>
  std::vector<std::string> AwaitNothing(Duration limit, Wait wait, Find find) {
    Instant end = world_->Now() + limit;
    for (std::uint64_t refusals = ledger_.Refusals();;) {
      wait();
      std::vector<std::string> found = find();
      if (std::exchange(refusals, ledger_.Refusals()) < ledger_.Refusals())
        end = world_->Now() + limit;
      if (found.empty() || world_->Now() >= end) return found;
    }
  }

  /// The driver has dropped everything: soon nobody needs anything.
  void AwaitEmptiness() {
    const auto wait = [] { mobula::Sleep(Seconds(1)); };
    const auto find = [this] { return sim::FindLeftovers(*world_); };
    ComplainOf("when the program was over", AwaitNothing(kLeftoverLimit, wait, find));
  }

  void RunJob() {
    RunDriver();
    if (ledger_.Problems().empty()) AwaitEndOfJob();
  }

  /// The driver is gone, and its job with it, but for the detached actors that live on.
  void AwaitEndOfJob() {
    const auto wait = [this] { hub_->RunFor(Seconds(1)); };
    const auto find = [this] {
      std::vector<std::string> left = sim::FindLeftovers(*world_);
      const std::set<WorkerId> detached = sim::DetachedProcesses(*world_);
      for (const WorkerId process : world_->Processes()) {
        if (detached.contains(process)) continue;
        left.push_back(absl::StrCat("process ", process.Hex(), " still runs"));
      }
      return left;
    };
    ComplainOf("when the driver was gone", AwaitNothing(kJobEndLimit, wait, find));
  }

  void RunDriver() {
    ++drivers_;
    program_over_ = false;
    sim::DriverOptions driver;
    driver.language = Language::kCpp;
    const std::vector<std::string> waits = hub_->RunDriver(driver);
    if (!waits.empty()) ledger_.Complain(absl::StrCat("deadlock: ", absl::StrJoin(waits, "; ")));
  }

  void ComplainOf(const std::string& when, std::vector<std::string> left) {
    if (left.empty()) return;
    const std::size_t count = left.size();
    if (count > kLeftoversShown) left.resize(kLeftoversShown);
    ledger_.Complain(
        absl::StrCat("left ", when, ": ", count, " things: ", absl::StrJoin(left, "; ")));
  }

  Outcome Summarise() {
    Outcome outcome;
    outcome.problems = ledger_.Problems();
    outcome.trace_hash = world_->TraceHash();
    const sim::Report& report = world_->GetReport();
    outcome.events = report.events;
    outcome.tasks = report.tasks_run;
    outcome.faults = report.faults;
    outcome.virtual_seconds = world_->Now().Seconds();
    outcome.errors = ledger_.Errors();
    return outcome;
  }

  const Case& case_;
  const RunOptions& options_;
  std::unique_ptr<sim::World> world_;
  Ledger ledger_;
  WorldInvariants invariants_;
  std::unique_ptr<sim::FiberHub> hub_;
  WorkerId driver_;
  std::uint64_t event_ = 0;
  bool healed_ = false;
  /// How many were started.
  int drivers_ = 0;
  bool program_over_ = false;
};

}  // namespace

void SetBugs(Bugs bugs) { bugs_of_all_runs = bugs; }
Bugs GetBugs() { return bugs_of_all_runs; }

sim::Options OptionsOf(const Case& one) {
  sim::NodeShape shape;
  shape.resources = ResourceSet::Of({{"CPU", one.cluster.cpus}, {"memory", 8e9}});
  shape.store_capacity = one.cluster.StoreBytes();
  shape.disk_capacity = one.cluster.DiskBytes();
  shape.min_spilling_size = one.cluster.spill_file_kilobytes << 10;
  sim::Options options;
  options.nodes.assign(one.cluster.nodes, shape);
  for (std::uint32_t i = 0; i < one.cluster.nodes; ++i) {
    options.nodes[i].resources.SetUnits(ResourceOf(i + 1), kEnough);
  }
  options.raylet.chunk_bytes = one.cluster.chunk_kilobytes << 10;
  // So small clusters make trees, too.
  if (one.cluster.chunk_kilobytes <= 64) options.raylet.transfer_fan_out = 1;
  options.seed = one.seed;
  options.bugs = bugs_of_all_runs;
  options.timing.jitter = one.cluster.jitter;
  options.faults = one.plan;
  if (one.cluster.lineage_bytes_max > 0) {
    options.worker.lineage_bytes_max = one.cluster.lineage_bytes_max;
  }
  return options;
}

void InjectStrike(sim::World& world, const Strike& strike) {
  faults::Kind kind = faults::CrashNode{strike.node, false, strike.restart_after};
  if (strike.worker) kind = faults::CrashWorker{strike.node, ""};
  const absl::Status injected = world.Inject(kind);
  CHECK(injected.ok()) << injected.message();
}

Outcome RunHere(const Case& one, const RunOptions& options) { return Run(one, options).Go(); }

}  // namespace mobula::properties
