// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/sessions.h"

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
    auto& session = sessions_[&process];
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
      const auto found = sessions_.find(&process);
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
  // Only looked up, never walked: the order of addresses does not matter.
  std::map<worker::Process*, std::shared_ptr<Session>> sessions_;
};

}  // namespace

int RunAsDriver(worker::Process& process, const std::function<int()>& program) {
  Context context = Context::ForDriver(Sessions::Get().Of(process));
  const Context::Scope scope(context);
  try {
    return program();
  } catch (const std::exception& thrown) {
    std::fprintf(stderr, "the program ended with an exception: %s\n", thrown.what());
    return 1;
  }
}

void RunTaskIn(worker::Process& process, worker::RunTask run) {
  ExecuteTask(Sessions::Get().Of(process), std::move(run));
}

void ForgetProcess(worker::Process& process) { Sessions::Get().Forget(process); }

}  // namespace mobula::api
