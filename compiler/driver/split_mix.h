// Random numbers of the commands themselves: made-up inputs, the order of examples.
#pragma once

#include <cstdint>

namespace graphc {

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
class SplitMix64 {
public:
  explicit SplitMix64(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }
  /// In [0, 1), a multiple of 2^-bits.
  double uniform(int bits) {
    return static_cast<double>(next() >> (64 - bits)) / double(1ull << bits);
  }
  /// In [0, below); the bias of 2^-64 times `below` is of no account.
  uint64_t below(uint64_t below) {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(next()) * below >> 64);
  }

private:
  uint64_t state_;
};

} // namespace graphc
