// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/registry.h"

#include <algorithm>
#include <stdexcept>

namespace mobula::api {

Registry& Registry::Get() {
  static Registry registry;
  return registry;
}

const Callable* Registry::Find(const std::string& name) const {
  const auto found = callables_.find(name);
  return found == callables_.end() ? nullptr : &found->second;
}

std::vector<std::string> Registry::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, callable] : callables_) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

std::string Registry::ClassName(std::type_index type) const {
  const auto found = class_names_.find(type);
  return found == class_names_.end() ? std::string() : found->second;
}

const std::string& Registry::NameAt(const FunctionAddress& address) const {
  const auto found = names_.find(address);
  if (found == names_.end()) {
    throw std::invalid_argument(
        "the function is not remote: name it in a MOBULA_REMOTE(...) of its source file");
  }
  return found->second;
}

// "Add, &Counter::Next" gives {"Add", "Counter::Next"}.
std::vector<std::string> Registry::Split(std::string_view names) {
  std::vector<std::string> split;
  std::string name;
  for (const char c : names) {
    if (c == ',') {
      split.push_back(std::exchange(name, {}));
    } else if (c != ' ' && c != '&' && c != '\n') {
      name += c;
    }
  }
  split.push_back(name);
  return split;
}

}  // namespace mobula::api
