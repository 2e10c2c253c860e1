// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/apart.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/api/codec.h"
#include "runtime/base/check.h"
#include "runtime/base/rng.h"

namespace mobula::properties {
namespace {

// Of the child.
int report_to = -1;

void ReportCheckFailure(const std::string& text) {
  Outcome outcome;
  outcome.problems = {text};
  Apart::Report(outcome);
}

/// Shifts addresses, and leaves free memory that is not empty.
void DisturbMemory() {
  constexpr int kBlocks = 2000;
  Rng rng(0x6D656D);
  std::vector<std::unique_ptr<char[]>> blocks;
  for (int i = 0; i < kBlocks; ++i) {
    const std::size_t size = 16 + rng.Below(i % 8 == 0 ? 4000 : 400);
    blocks.push_back(std::make_unique_for_overwrite<char[]>(size));
    std::memset(blocks.back().get(), 0xA5, size);
  }
  // Those that stay make that no address is the same.
  for (int i = 0; i < kBlocks; i += 20)
    static_cast<void>(blocks[static_cast<std::size_t>(i)].release());
}

}  // namespace

void Apart::Report(const Outcome& outcome) {
  const std::string data = Encode(outcome).data;
  for (std::size_t sent = 0; sent < data.size();) {
    const ssize_t count = write(report_to, data.data() + sent, data.size() - sent);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    sent += static_cast<std::size_t>(count);
  }
  // No destructors: much of what is alive belongs to the parent, too.
  _exit(0);
}

std::unique_ptr<Apart> Apart::Fork(const ApartOptions& options) {
  int ends[2];
  CHECK(pipe2(ends, O_CLOEXEC) == 0) << "errno " << errno;
  const pid_t child = fork();
  CHECK(child >= 0) << "errno " << errno;
  if (child > 0) {
    close(ends[1]);
    std::unique_ptr<Apart> apart(new Apart);
    apart->child_ = child;
    apart->descriptor_ = ends[0];
    return apart;
  }
  close(ends[0]);
  report_to = ends[1];
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup2(nowhere, STDERR_FILENO);
  SetCheckFailureHook(&ReportCheckFailure);
  signal(SIGALRM, SIG_DFL);
  alarm(options.seconds_max);
  if (options.other_memory) DisturbMemory();
  return nullptr;
}

std::unique_ptr<Apart> Apart::Start(const Case& one, const ApartOptions& options) {
  auto apart = Fork(options);
  if (apart == nullptr) Report(RunHere(one));
  return apart;
}

Apart::~Apart() {
  if (descriptor_ >= 0) close(descriptor_);
  if (child_ <= 0) return;
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
}

bool Apart::Advance() {
  char buffer[4096];
  const ssize_t count = read(descriptor_, buffer, sizeof(buffer));
  if (count < 0 && errno == EINTR) return false;
  if (count > 0) received_.append(buffer, static_cast<std::size_t>(count));
  return count <= 0;
}

Outcome Apart::Finish() {
  while (!Advance()) {
  }
  int status = 0;
  while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  child_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !received_.empty()) {
    return Decode<Outcome>({received_, {}, false});
  }
  Outcome outcome;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
    outcome.problems = {"never ends: it takes too much real time"};
  } else if (WIFSIGNALED(status)) {
    outcome.problems = {absl::StrCat("crash: ended by signal ", WTERMSIG(status))};
  } else {
    outcome.problems = {absl::StrCat("crash: exit status ", WEXITSTATUS(status))};
  }
  return outcome;
}

Outcome RunApart(const Case& one, const ApartOptions& options) {
  return Apart::Start(one, options)->Finish();
}

void CompareRuns(Outcome& first, const Outcome& second) {
  if (first.trace_hash == second.trace_hash && first.problems == second.problems) return;
  first.problems.push_back(
      absl::StrCat("not deterministic: the same case in other memory has the trace hash ",
                   absl::Hex(second.trace_hash), " after ", second.events, " events, instead of ",
                   absl::Hex(first.trace_hash), " after ", first.events));
}

Outcome RunTwiceApart(const Case& one) {
  Outcome first = RunApart(one);
  CompareRuns(first, RunApart(one, {.other_memory = true}));
  return first;
}

}  // namespace mobula::properties
