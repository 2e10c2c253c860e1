// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/library.h"

#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <mutex>

#include "runtime/api/context.h"
#include "runtime/api/executor.h"

namespace mobula::api {
namespace {

/// The sessions of this library's processes: one on a real host, one for each simulated process.
class Sessions {
 public:
  static Sessions& Get() {
    static Sessions sessions;
    return sessions;
  }

  std::shared_ptr<Session> Of(worker::Process& process) {
    const std::lock_guard lock(mutex_);
    auto& session = sessions_[process.Identity().address.worker];
    if (session == nullptr) {
      session = std::make_shared<Session>();
      session->process = &process;
    }
    return session;
  }

  void Forget(worker::Process& process) {
    std::shared_ptr<Session> session;
    {
      const std::lock_guard lock(mutex_);
      const auto found = sessions_.find(process.Identity().address.worker);
      if (found == sessions_.end()) return;
      session = std::move(found->second);
      sessions_.erase(found);
    }
    // The actor may hold references, which still tell the process.
    session->actor.reset();
    session->process = nullptr;
  }

 private:
  std::mutex mutex_;
  std::map<WorkerId, std::shared_ptr<Session>> sessions_;
};

// Set by MakeLibrary, before anything runs.
int (*program_main)(int argc, char** argv) = nullptr;

int RunDriver(worker::Process& process, int argc, char** argv) {
  Context context = Context::ForDriver(Sessions::Get().Of(process));
  const Context::Scope scope(context);
  try {
    return program_main(argc, argv);
  } catch (const std::exception& thrown) {
    std::fprintf(stderr, "the program ended with an exception: %s\n", thrown.what());
    return 1;
  }
}

void RunTask(worker::Process& process, worker::RunTask run) {
  ExecuteTask(Sessions::Get().Of(process), std::move(run));
}

void Forget(worker::Process& process) { Sessions::Get().Forget(process); }

}  // namespace

const Library* MakeLibrary(int (*main)(int argc, char** argv)) {
  static const Library library{&RunDriver, &RunTask, &Forget};
  program_main = main;
  return &library;
}

}  // namespace mobula::api
