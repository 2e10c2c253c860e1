// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/generator.h"

#include "tests/properties/case_file.h"
#include "tests/properties/shrink.h"

namespace mobula::properties {

rc::Shrinkable<Case> ShrinkableOf(const Case& one) {
  return rc::shrinkable::shrinkRecur(
      one, [](const Case& value) { return rc::seq::fromContainer(Simpler(value)); });
}

rc::Gen<Case> Cases(const Shape& shape) {
  return [shape](const rc::Random& random, int size) {
    Shape sized = shape;
    sized.size = size;
    Rng rng(rc::Random(random).next());
    return ShrinkableOf(DrawCase(rng, sized));
  };
}

rc::Shrinkable<Case> CaseOf(const Shape& shape, std::uint64_t seed) {
  return Cases(shape)(rc::Random(seed), shape.size);
}

void showValue(const Case& one, std::ostream& out) { out << FormatCase(one); }

}  // namespace mobula::properties
