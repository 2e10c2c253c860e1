// SPDX-License-Identifier: Apache-2.0
/// The smallest program: the README shows it.
#include <cstdio>

#include "runtime/api/mobula.h"

int Square(int x) { return x * x; }
MOBULA_REMOTE(Square)

MOBULA_MAIN(argc, argv) {
  auto square = mobula::Task(Square).Remote(7);      // Ref<int>
  auto again = mobula::Task(Square).Remote(square);  // a reference arrives as its value
  std::printf("%d\n", mobula::Get(again));           // 2401
  return 0;
}
