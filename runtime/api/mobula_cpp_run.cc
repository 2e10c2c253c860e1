// SPDX-License-Identifier: Apache-2.0
/// mobula_cpp_run: runs a C++ program on real processes of this machine.
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/api/library.h"
#include "runtime/api/local_cluster.h"
#include "runtime/api/programs.h"
#include "runtime/host/process/process_runtime.h"

namespace {

constexpr char kUsage[] =
    "usage: mobula_cpp_run --library FILE.so [options] [-- program arguments]\n"
    "  --nodes N           daemons to start (default 1)\n"
    "  --cpus N            CPUs that each offers (default: all of the machine's)\n"
    "  --python PATH       an interpreter that has the package mobula: starts Python workers, too\n"
    "  --python-path DIR   one more folder for the modules that the program calls\n"
    "  --socket NAME       start none: the driver joins the daemon that listens there\n";

struct CommandLine {
  mobula::api::LocalCluster::Options cluster;
  std::string library;
  std::vector<std::string> python_paths;
  std::string socket;
  std::vector<char*> program_arguments;
};

absl::Status Apply(const std::string& option, const std::string& value, CommandLine& line) {
  if (option == "--library") {
    line.library = std::filesystem::absolute(value);
  } else if (option == "--python") {
    line.cluster.python = value;
  } else if (option == "--python-path") {
    line.python_paths.push_back(std::filesystem::absolute(value));
  } else if (option == "--socket") {
    line.socket = value;
  } else if (option == "--nodes") {
    if (!absl::SimpleAtoi(value, &line.cluster.nodes) || line.cluster.nodes == 0) {
      return absl::InvalidArgumentError("--nodes: expected a whole number of at least 1");
    }
  } else if (option == "--cpus") {
    if (!absl::SimpleAtod(value, &line.cluster.cpus) || !(line.cluster.cpus >= 0)) {
      return absl::InvalidArgumentError("--cpus: expected a number of at least 0");
    }
  } else {
    return absl::InvalidArgumentError(absl::StrCat("unknown option ", option, "; there are:"));
  }
  return absl::OkStatus();
}

absl::StatusOr<CommandLine> Parse(int argc, char** argv) {
  CommandLine line;
  line.cluster.binaries = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  line.program_arguments.push_back(argv[0]);
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--") {
      line.program_arguments.insert(line.program_arguments.end(), argv + i + 1, argv + argc);
      break;
    }
    if (i + 1 == argc) return absl::InvalidArgumentError(absl::StrCat(option, " needs a value"));
    if (absl::Status status = Apply(option, argv[++i], line); !status.ok()) return status;
  }
  if (line.library.empty()) {
    return absl::InvalidArgumentError("--library FILE.so is missing");
  }
  return line;
}

/// Shows warnings and what workers write, until the driver disconnects.
void ShowNotices(mobula::host::ProcessRuntime& process) {
  while (const auto notice = process.NextNotice()) {
    if (const auto* warn = std::get_if<mobula::worker::Warn>(&*notice)) {
      std::fprintf(stderr, "%s\n", warn->message.c_str());
    } else if (const auto* show = std::get_if<mobula::worker::ShowLogs>(&*notice)) {
      for (const std::string& line : show->logs.lines) {
        std::fprintf(stderr, "(%s pid=%u) %s\n", show->logs.name.c_str(), show->logs.pid,
                     line.c_str());
      }
    }
  }
}

int Fail(const absl::Status& status, const char* more) {
  std::fprintf(stderr, "mobula_cpp_run: %s\n%s", std::string(status.message()).c_str(), more);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  auto line = Parse(argc, argv);
  if (!line.ok()) return Fail(line.status(), kUsage);
  const auto library = mobula::api::LoadProgram(line->library);
  if (!library.ok()) return Fail(library.status(), "");
  mobula::api::LocalCluster cluster;
  if (line->socket.empty()) {
    if (absl::Status status = cluster.Start(line->cluster); !status.ok()) return Fail(status, "");
    line->socket = cluster.SocketName();
  }

  mobula::host::ConnectOptions options;
  options.socket_name = line->socket;
  options.worker_id = mobula::host::FreshWorkerId();
  options.language = mobula::Language::kCpp;
  options.is_driver = true;
  line->python_paths.push_back(std::filesystem::path(line->library).parent_path());
  options.job_config.language_config =
      mobula::Bytes(mobula::api::EncodeJob({line->library}, line->python_paths));
  const auto process = mobula::host::ConnectProcess(options);
  if (!process.ok()) return Fail(process.status(), "");
  std::thread notices([&] { ShowNotices(**process); });

  auto& arguments = line->program_arguments;
  const int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  const int exit_code = (*library)->run_driver(**process, count, arguments.data());
  (*library)->forget(**process);
  (*process)->Close("its program is over");
  notices.join();
  return exit_code;
}
