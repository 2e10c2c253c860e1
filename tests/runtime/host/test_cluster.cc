// SPDX-License-Identifier: Apache-2.0
#include "tests/runtime/host/test_cluster.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"

namespace mobula::host {
namespace {

constexpr std::uint64_t kRootSalt = 1;

std::pair<Fd, Fd> Pipe() {
  int ends[2];
  CHECK(pipe2(ends, O_CLOEXEC) == 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

std::string ReadToEnd(int descriptor) {
  std::string text;
  char buffer[4096];
  for (ssize_t count; (count = read(descriptor, buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return text;
}

}  // namespace

std::string ProgramPath(const std::string& name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

DaemonProcess::DaemonProcess(std::vector<std::string> arguments) {
  auto [lifeline_read, lifeline_write] = Pipe();
  auto [ready_read, ready_write] = Pipe();
  const std::string worker = ProgramPath("host_test_worker");
  SpawnOptions options;
  options.argv = {ProgramPath("mobulad"),
                  "--session-dir=" + session_dir_.Path(),
                  "--object-store-memory=100000000",
                  "--dashboard-port=0",
                  "--cpp-worker-command=[\"" + worker + "\"]",
                  "--zygote-command=[\"" + worker + "\"]",
                  absl::StrCat("--lifeline-fd=", lifeline_read.Get()),
                  absl::StrCat("--ready-fd=", ready_write.Get())};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.inherited = {lifeline_read.Get(), ready_write.Get()};
  absl::StatusOr<SpawnedProcess> process = Spawn(options);
  CHECK(process.ok()) << process.status();
  process_ = *std::move(process);
  lifeline_ = std::move(lifeline_write);
  ready_write.Reset();
  ready_ = boost::json::parse(ReadToEnd(ready_read.Get())).as_object();
}

DaemonProcess::~DaemonProcess() {
  CutLifeline();
  if (!WaitForEnd(std::chrono::seconds(10))) {
    Kill(SIGKILL);
    WaitForEnd(std::chrono::seconds(10));
  }
}

std::string DaemonProcess::Text(const char* key) const {
  const boost::json::value* const value = ready_.if_contains(key);
  if (value == nullptr) return "";
  return value->is_string() ? std::string(value->as_string()) : boost::json::serialize(*value);
}

void DaemonProcess::Kill(int signal) const {
  if (!ended_) kill(process_.pid, signal);
}

bool DaemonProcess::WaitForEnd(std::chrono::milliseconds patience) {
  if (ended_) return true;
  pollfd end{process_.pidfd.Get(), POLLIN, 0};
  if (poll(&end, 1, static_cast<int>(patience.count())) != 1) return false;
  waitpid(process_.pid, nullptr, 0);
  return ended_ = true;
}

TestDriver::TestDriver(const std::string& socket_name) {
  ConnectOptions options;
  options.socket_name = socket_name;
  options.worker_id = FreshWorkerId();
  options.language = Language::kCpp;
  options.is_driver = true;
  absl::StatusOr<std::unique_ptr<ProcessRuntime>> process = ConnectProcess(std::move(options));
  CHECK(process.ok()) << process.status();
  process_ = *std::move(process);
}

TaskSpec TestDriver::NewSpec(const std::string& function,
                             const std::map<std::string, double>& resources) {
  const WorkerRegistered& identity = process_->Identity();
  TaskSpec spec;
  spec.parent = TaskId::Derive(identity.job, kRootSalt, 0);
  spec.task = ChildTask(spec.parent, 0, submitted_++);
  TaskHeader& header = spec.header.Edit();
  header.job = identity.job;
  header.owner = identity.address;
  header.function = {language_, {}, function};
  header.name = function;
  header.resources = ResourceSet::Of(resources);
  return spec;
}

ObjectId TestDriver::Submit(const std::string& function, const std::string& argument,
                            const std::map<std::string, double>& resources, int max_retries) {
  TaskSpec spec = NewSpec(function, resources);
  spec.header.Edit().max_retries = max_retries;
  spec.arguments.emplace_back().value.data = Bytes(argument);
  process_->Post(worker::TaskSubmitted{spec});
  return spec.Return(0);
}

ObjectId TestDriver::SubmitOn(const std::string& function, ObjectId argument,
                              const std::map<std::string, double>& resources) {
  TaskSpec spec = NewSpec(function, resources);
  spec.arguments.emplace_back().reference = ObjectRef{argument, spec.header->owner};
  process_->Post(worker::TaskSubmitted{spec});
  return spec.Return(0);
}

ActorId TestDriver::CreateActor() {
  TaskSpec spec = NewSpec("echo", {});
  TaskHeader& header = spec.header.Edit();
  header.kind = TaskKind::kActorCreation;
  header.actor = ActorOf(spec.task);
  header.actor_options.emplace().max_restarts = -1;
  spec.arguments.emplace_back();
  process_->Post(worker::TaskSubmitted{spec});
  return spec.header->actor;
}

ObjectId TestDriver::SubmitTo(ActorId actor, const std::string& function,
                              const std::string& argument) {
  TaskSpec spec = NewSpec(function, {});
  TaskHeader& header = spec.header.Edit();
  header.kind = TaskKind::kActorCall;
  header.actor = actor;
  header.max_retries = -1;
  spec.arguments.emplace_back().value.data = Bytes(argument);
  process_->Post(worker::TaskSubmitted{spec});
  return spec.Return(0);
}

std::string TestDriver::Get(ObjectId object) {
  const worker::RequestId request = process_->NextRequest();
  process_->Post(worker::GetRequested{request, {object}, std::nullopt, false});
  const auto answer = std::get<worker::FulfilGet>(process_->Await(request));
  const worker::FetchedValue& value = answer.values.at(0);
  if (!value.stored) {
    const Payload& payload = value.value;
    return payload.kind == PayloadKind::kError ? "error: " + ToString(payload.Problem())
                                               : std::string(payload.data.View());
  }
  const std::byte* const data = process_->StoreAt(value.stored->offset, value.stored->size);
  std::string content(reinterpret_cast<const char*>(data), value.stored->size);
  process_->Post(worker::BufferReleased{object});
  return content;
}

bool IsAlive(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(status, text);
  // Zombies are dead.
  return !text.empty() && text.find(") Z") == std::string::npos;
}

bool Eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace mobula::host
