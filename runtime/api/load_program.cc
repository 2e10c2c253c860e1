// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include "absl/strings/str_cat.h"
#include "runtime/api/library.h"

namespace mobula::api {

absl::StatusOr<const Library*> LoadProgram(const std::string& path) {
  // A name without a slash would be looked for in the system's folders.
  const std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot load the program ", path, ": ", dlerror()));
  }
  using Function = const Library* (*)();
  const auto function = reinterpret_cast<Function>(dlsym(handle, kLibraryFunction));
  if (function == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is no program of mobula: it has no MOBULA_MAIN or MOBULA_LIBRARY"));
  }
  return function();
}

}  // namespace mobula::api
