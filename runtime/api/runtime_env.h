// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>

namespace mobula {

/// What workers find around them: variables of the environment. In the simulator, where all
/// processes share one environment, C++ code does not see them; Python code does.
class RuntimeEnv {
 public:
  RuntimeEnv& SetEnvVar(std::string name, std::string value) {
    env_vars_[std::move(name)] = std::move(value);
    return *this;
  }
  [[nodiscard]] std::string ToJson() const;

 private:
  std::map<std::string, std::string> env_vars_;
};

namespace api {

/// The variables in it, of an environment that C++ or Python described. Empty for anything else.
std::map<std::string, std::string> EnvVarsOf(const std::string& runtime_env);

}  // namespace api

}  // namespace mobula
