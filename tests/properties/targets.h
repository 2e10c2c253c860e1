// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "tests/properties/program.h"

namespace mobula::properties {

/// How many references and actors a task begins with.
struct Given {
  std::size_t references = 0;
  std::size_t actors = 0;
};

/// `program` without the actions `first` to `end`, where the others mean the same references and
/// actors as before, as far as these are left: places in lists are counted anew. Behind a kOpen,
/// which adds what only a run knows, they stay as they were.
Program Without(const Program& program, const Given& given, std::size_t first, std::size_t end);

/// What a task of this action begins with, if its caller has these lists.
Given GivenTo(const Action& action, const Given& caller);
/// What `program` has in front of its action `at`, a kOpen counted as nothing.
Given InFrontOf(const Program& program, const Given& given, std::size_t at);

}  // namespace mobula::properties
