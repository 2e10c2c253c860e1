// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/programs.h"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <utility>

#include "runtime/api/executor.h"

namespace mobula::api {
namespace {

namespace json = boost::json;

json::array ArrayOf(const std::vector<std::string>& texts) {
  json::array array;
  for (const std::string& text : texts) array.emplace_back(text);
  return array;
}

/// What `EncodeJob` was told.
std::vector<std::string> LibrariesOf(std::string_view job) {
  boost::system::error_code error;
  const json::value fields = json::parse(job, error);
  std::vector<std::string> libraries;
  if (error || !fields.is_object()) return libraries;
  const json::value* found = fields.as_object().if_contains("libraries");
  if (found == nullptr || !found->is_array()) return libraries;
  for (const json::value& path : found->as_array()) {
    if (path.is_string()) libraries.emplace_back(path.as_string());
  }
  return libraries;
}

}  // namespace

void Programs::Load(const std::string& path) {
  const bool is_known = std::any_of(libraries_.begin(), libraries_.end(),
                                    [&](const Loaded& loaded) { return loaded.path == path; });
  if (is_known) return;
  const auto library = LoadProgram(path);
  libraries_.push_back(
      {path, library.ok() ? *library : nullptr, std::string(library.status().message())});
}

void Programs::LoadFor(const JobConfig& job) {
  for (const std::string& path : LibrariesOf(job.language_config.View())) Load(path);
}

const Library* Programs::Find(const worker::Process& process, const TaskSpec& spec) {
  const TaskKind kind = spec.header->kind;
  const std::lock_guard lock(mutex_);
  if (kind == TaskKind::kActorCall) {
    const auto maker = makers_.find(&process);
    return maker == makers_.end() ? nullptr : maker->second;
  }
  for (const Loaded& loaded : libraries_) {
    if (loaded.library == nullptr || !loaded.library->has(spec.header->function.name)) continue;
    if (kind == TaskKind::kActorCreation) makers_[&process] = loaded.library;
    return loaded.library;
  }
  return nullptr;
}

std::string Programs::Unknown(const std::string& function) const {
  if (libraries_.empty()) {
    return "the job has no C++ library in which " + function +
           " could be; name it in code_search_path of JobConfig";
  }
  std::string text = "no C++ library of the job has the remote function " + function + ";";
  for (const Loaded& loaded : libraries_) {
    if (loaded.library == nullptr) {
      text += " " + loaded.problem + ";";
      continue;
    }
    text += " " + loaded.path + " has:";
    for (const std::string& name : loaded.library->names()) text += " " + name;
    text += ";";
  }
  text.back() = '.';
  return text;
}

void Programs::RunTask(worker::Process& process, worker::RunTask run) {
  const FunctionRef& function = run.spec.header->function;
  if (function.language == Language::kPython && run.spec.header->kind != TaskKind::kActorCall) {
    return RefuseTask(process, run.spec,
                      function.name +
                          " is a Python function, and no Python runs here: use "
                          "mobula_cpp_run --python, or `mobula sim`");
  }
  if (const Library* library = Find(process, run.spec)) {
    library->run_task(process, std::move(run));
  } else {
    RefuseTask(process, run.spec, Unknown(function.name));
  }
}

void Programs::Forget(worker::Process& process) {
  for (const Loaded& loaded : libraries_) {
    if (loaded.library != nullptr) loaded.library->forget(process);
  }
  const std::lock_guard lock(mutex_);
  makers_.erase(&process);
}

std::string EncodeJob(const std::vector<std::string>& libraries,
                      const std::vector<std::string>& python_paths) {
  return json::serialize(json::object{{"libraries", ArrayOf(libraries)},
                                      {"paths", ArrayOf(python_paths)},
                                      {"folder", std::filesystem::current_path().string()}});
}

}  // namespace mobula::api
