// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "runtime/core/protocol/task_spec.h"

namespace mobula::api {

/// What a function threw, for callers of any language: ((name of the task, text, ...), the
/// exception for its own language or nil, the name of that language).
Bytes EncodeException(const TaskSpec& spec, const std::exception& thrown);
/// What C++ says of an exception that was thrown in any language.
std::string DecodeException(std::string_view data);

}  // namespace mobula::api
