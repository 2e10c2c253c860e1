// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mobula::sim {

/// One function object of several, for std::visit.
template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

}  // namespace mobula::sim
