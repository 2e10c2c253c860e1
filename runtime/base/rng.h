// SPDX-License-Identifier: Apache-2.0
/// A small seeded generator (xoshiro256**, Blackman and Vigna 2018). Handed in at construction; one
/// stream per node and purpose, so that removing one user of randomness does not reshuffle the
/// others.
#pragma once

#include <cstdint>

#include "runtime/base/ids.h"

namespace mobula {

class Rng {
 public:
  explicit Rng(std::uint64_t seed) {
    for (std::uint64_t i = 0; i < 4; ++i) state_[i] = MixBits(seed, i + 1);
  }
  /// An independent stream: the same seed and purpose give the same numbers.
  [[nodiscard]] Rng Fork(std::uint64_t purpose) const {
    return Rng(MixBits(state_[0] ^ purpose, state_[3]));
  }

  std::uint64_t Next() {
    const std::uint64_t result = Rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = Rotate(state_[3], 45);
    return result;
  }
  /// Uniform in [0, bound). REQUIRES: bound > 0.
  std::uint64_t Below(std::uint64_t bound) { return Next() % bound; }
  /// Uniform in [0, 1).
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

 private:
  static std::uint64_t Rotate(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  std::uint64_t state_[4];
};

}  // namespace mobula
