// SPDX-License-Identifier: Apache-2.0
/// mobula_cpp_sim: runs a C++ program in the simulator.
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "faults/plan_file.h"
#include "faults/short_form.h"
#include "runtime/api/library.h"
#include "runtime/api/programs.h"
#include "sim/fiber_hub.h"
#include "sim/world.h"

namespace {

constexpr char kUsage[] =
    "usage: mobula_cpp_sim --library FILE.so [options] [-- program arguments]\n"
    "  --nodes N          nodes n1 ... nN; the driver is on n1 (default 1)\n"
    "  --cpus N           CPUs of each node (default 2)\n"
    "  --seed N           of all that is random (default 0)\n"
    "  --crash n2@0.5s    a node crashes; n2@0.5s+2s: and is back two seconds later;\n"
    "                     worker:n2@0.5s: one of its workers crashes\n"
    "  --restart n2@2s    a crashed node comes back\n"
    "  --faults FILE      a fault plan (see faults/plan.proto); give it before --crash\n"
    "  --trace FILE       every event as a line of JSON\n"
    "  --hashes FILE      the running hash after every event, a line of text each\n"
    "  --check            check the machines' invariants after every event\n";

struct CommandLine {
  std::string library;
  std::uint32_t nodes = 1;
  double cpus = 2;
  mobula::sim::Options world;
  std::vector<char*> program_arguments;
};

absl::Status WrongValue(const std::string& option, const std::string& value,
                        const std::string& expected) {
  return absl::InvalidArgumentError(absl::StrCat(option, " ", value, ": expected ", expected));
}

/// One option that takes a value.
absl::Status Apply(const std::string& option, const std::string& value, CommandLine& line) {
  if (option == "--library") {
    line.library = value;
  } else if (option == "--trace") {
    line.world.trace_file = value;
  } else if (option == "--hashes") {
    line.world.hashes_file = value;
  } else if (option == "--nodes") {
    if (!absl::SimpleAtoi(value, &line.nodes) || line.nodes == 0) {
      return WrongValue(option, value, "a whole number of at least 1");
    }
  } else if (option == "--cpus") {
    if (!absl::SimpleAtod(value, &line.cpus) || !(line.cpus >= 0)) {
      return WrongValue(option, value, "a number of at least 0");
    }
  } else if (option == "--seed") {
    if (!absl::SimpleAtoi(value, &line.world.seed)) {
      return WrongValue(option, value, "a whole number of at least 0");
    }
  } else if (option == "--crash") {
    const auto fault = mobula::faults::ParseCrash(value);
    if (!fault.ok()) return fault.status();
    line.world.faults.Add(*fault);
  } else if (option == "--restart") {
    const auto fault = mobula::faults::ParseRestart(value);
    if (!fault.ok()) return fault.status();
    line.world.faults.Add(*fault);
  } else if (option == "--faults") {
    auto plan = mobula::faults::ReadPlan(value);
    if (!plan.ok()) return plan.status();
    line.world.faults = *std::move(plan);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown option ", option, "; the options are:"));
  }
  return absl::OkStatus();
}

absl::StatusOr<CommandLine> Parse(int argc, char** argv) {
  CommandLine line;
  line.program_arguments.push_back(argv[0]);
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--") {
      line.program_arguments.insert(line.program_arguments.end(), argv + i + 1, argv + argc);
      break;
    }
    if (option == "--check") {
      line.world.check_invariants = true;
      continue;
    }
    if (i + 1 == argc) return absl::InvalidArgumentError(absl::StrCat(option, " needs a value"));
    const absl::Status status = Apply(option, argv[++i], line);
    if (!status.ok()) return status;
  }
  if (line.library.empty()) return absl::InvalidArgumentError("--library FILE.so is missing");
  mobula::sim::NodeShape shape;
  shape.resources = mobula::ResourceSet::Of({{"CPU", line.cpus}, {"memory", 8e9}});
  line.world.nodes.assign(line.nodes, shape);
  return line;
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "mobula_cpp_sim: %s\n%s", std::string(status.message()).c_str(), kUsage);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  auto line = Parse(argc, argv);
  if (!line.ok()) return Fail(line.status());
  const auto library = mobula::api::LoadProgram(line->library);
  if (!library.ok()) return Fail(library.status());
  auto world = mobula::sim::World::Create(std::move(line->world));
  if (!world.ok()) return Fail(world.status());

  auto& arguments = line->program_arguments;
  const int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  int exit_code = 0;
  mobula::sim::FiberProgram program;
  program.driver = [&](mobula::worker::Process& process) {
    exit_code = (*library)->run_driver(process, count, arguments.data());
  };
  mobula::api::Programs programs;
  programs.Load(line->library);
  program.task = [&](mobula::worker::Process& process, mobula::worker::RunTask run) {
    programs.RunTask(process, std::move(run));
  };
  program.forget = [&](mobula::worker::Process& process) { programs.Forget(process); };
  mobula::sim::FiberHub hub(**world, program);
  hub.on_notice = [](const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); };

  mobula::sim::DriverOptions driver;
  driver.language = mobula::Language::kCpp;
  const std::vector<std::string> stuck = hub.RunDriver(driver);
  std::fflush(stdout);
  if (!stuck.empty()) std::fprintf(stderr, "the program does not end; waiting:\n");
  for (const std::string& wait : stuck) std::fprintf(stderr, "  %s\n", wait.c_str());
  std::fprintf(stderr, "%strace hash %s\n", (*world)->GetReport().ToString().c_str(),
               absl::StrCat(absl::Hex((*world)->TraceHash(), absl::kZeroPad16)).c_str());
  return stuck.empty() ? exit_code : 3;
}
