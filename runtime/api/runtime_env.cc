// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/runtime_env.h"

#include <boost/json.hpp>

namespace mobula {

namespace json = boost::json;

std::string RuntimeEnv::ToJson() const {
  json::object variables;
  for (const auto& [name, value] : env_vars_) variables[name] = value;
  return json::serialize(json::object{{"env_vars", variables}});
}

namespace api {

std::map<std::string, std::string> EnvVarsOf(const std::string& runtime_env) {
  boost::system::error_code error;
  const json::value described = json::parse(runtime_env, error);
  std::map<std::string, std::string> variables;
  if (error || !described.is_object()) return variables;
  const json::value* found = described.as_object().if_contains("env_vars");
  if (found == nullptr || !found->is_object()) return variables;
  for (const auto& [name, value] : found->as_object()) {
    if (value.is_string()) variables[std::string(name)] = std::string(value.as_string());
  }
  return variables;
}

}  // namespace api

}  // namespace mobula
