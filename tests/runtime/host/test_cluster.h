// SPDX-License-Identifier: Apache-2.0
/// Daemons, drivers and tasks of a real cluster on this machine, for tests.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/host/daemon/spawn.h"
#include "runtime/host/process/process_runtime.h"
#include "tests/temporary_folder.h"

namespace mobula::host {

/// A program of the build, beside the running one.
[[nodiscard]] std::string ProgramPath(const std::string& name);

/// A mobulad that ends with this object, through its lifeline.
class DaemonProcess {
 public:
  /// Adds the options that every test wants: workers of this test, no dashboard, a small store.
  explicit DaemonProcess(std::vector<std::string> arguments);
  ~DaemonProcess();

  [[nodiscard]] pid_t Pid() const { return process_.pid; }
  /// What it wrote when it was ready.
  [[nodiscard]] std::string Text(const char* key) const;
  void Kill(int signal) const;
  /// Closes the lifeline, as a driver that ends does.
  void CutLifeline() { lifeline_.Reset(); }
  /// True when it ended in time.
  bool WaitForEnd(std::chrono::milliseconds patience);

 private:
  /// Its logs; removed with this object.
  const TemporaryFolder session_dir_;
  SpawnedProcess process_;
  Fd lifeline_;
  boost::json::object ready_;
  bool ended_ = false;
};

/// A driver that submits the functions of test_worker.cc.
class TestDriver {
 public:
  explicit TestDriver(const std::string& socket_name);

  /// Submits `function(argument)`; resources in the form of ResourceSet::Of.
  ObjectId Submit(const std::string& function, const std::string& argument,
                  const std::map<std::string, double>& resources = {{"CPU", 1}},
                  int max_retries = 0);
  /// The value, or "error: ..." in its place; an object in the store is returned as its content.
  std::string Get(ObjectId object);
  std::string Call(const std::string& function, const std::string& argument) {
    return Get(Submit(function, argument));
  }
  /// `Submit` with the result of another task as the argument.
  ObjectId SubmitOn(const std::string& function, ObjectId argument,
                    const std::map<std::string, double>& resources);
  /// An actor whose calls run those functions, too; it is restarted without end.
  ActorId CreateActor();
  ObjectId SubmitTo(ActorId actor, const std::string& function, const std::string& argument);
  [[nodiscard]] ProcessRuntime& Process() { return *process_; }
  /// Whose workers run what is submitted from now on: executed (kCpp) or forked by the zygote.
  void Use(Language language) { language_ = language; }

 private:
  TaskSpec NewSpec(const std::string& function, const std::map<std::string, double>& resources);

  std::unique_ptr<ProcessRuntime> process_;
  Language language_ = Language::kCpp;
  std::uint64_t submitted_ = 0;
};

[[nodiscard]] bool IsAlive(pid_t pid);
/// Asks again and again until it is true or the time is over.
[[nodiscard]] bool Eventually(const std::function<bool()>& condition,
                              std::chrono::milliseconds patience = std::chrono::seconds(10));

}  // namespace mobula::host
