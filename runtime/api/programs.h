// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/api/library.h"

namespace mobula::api {

/// The libraries whose functions the C++ workers of a job run. A task goes to the first that has
/// its function, a call to the one that made the actor. View: one real process's, for its life;
/// thread-safe once the libraries are loaded.
class Programs {
 public:
  /// Does nothing for one that it has. Why one cannot be loaded is told by each task for which no
  /// function is found.
  void Load(const std::string& path);
  /// Those that the driver of the job names.
  void LoadFor(const JobConfig& job);

  /// Runs the task and posts `TaskExecuted`; one of which no library has the function fails.
  void RunTask(worker::Process& process, worker::RunTask run);
  /// The process is gone: drops what belongs to it.
  void Forget(worker::Process& process);

 private:
  [[nodiscard]] const Library* Find(const worker::Process& process, const TaskSpec& spec);
  [[nodiscard]] std::string Unknown(const std::string& function) const;

  /// By the order in which they are asked; null for one that cannot be loaded, and why.
  struct Loaded {
    std::string path;
    const Library* library = nullptr;
    std::string problem;
  };
  std::vector<Loaded> libraries_;
  std::mutex mutex_;
  /// Of each process that is an actor: which library made it. Until it is forgotten.
  std::map<const worker::Process*, const Library*> makers_;
};

/// What a driver says of its libraries, and where its Python modules are, to the workers of its
/// job; Python drivers say the same (mobula/_job_config.py).
std::string EncodeJob(const std::vector<std::string>& libraries,
                      const std::vector<std::string>& python_paths);

}  // namespace mobula::api
