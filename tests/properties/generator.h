// SPDX-License-Identifier: Apache-2.0
/// Cases as RapidCheck generates and shrinks them.
#pragma once

#include <rapidcheck.h>

#include "tests/properties/draw.h"

namespace mobula::properties {

/// Cases of this shape; RapidCheck's size takes the place of the shape's.
rc::Gen<Case> Cases(const Shape& shape);
/// The case of one seed, with all that it shrinks to.
rc::Shrinkable<Case> CaseOf(const Shape& shape, std::uint64_t seed);
/// A case that was there before, likewise.
rc::Shrinkable<Case> ShrinkableOf(const Case& one);

/// For RapidCheck's messages.
void showValue(const Case& one, std::ostream& out);

}  // namespace mobula::properties
