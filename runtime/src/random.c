// Random numbers: Philox 4x32-10, counter-based, so that any element of any sequence can be made
// on its own, in any order, by any thread.
//
// Seed, stream and operation give a key, through one block of the generator; the block's counter is
// (index of the block, attempt, number of the call). Elements of up to 32 bits take one word of
// four, wider ones and integers two.
#include "internal.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static const uint32_t multiplier0 = 0xD2511F53, multiplier1 = 0xCD9E8D57;
static const uint32_t weyl0 = 0x9E3779B9, weyl1 = 0xBB67AE85;

void graphrt_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; ++round) {
    uint64_t product0 = (uint64_t)multiplier0 * c0;
    uint64_t product1 = (uint64_t)multiplier1 * c2;
    c0 = (uint32_t)(product1 >> 32) ^ c1 ^ k0;
    c1 = (uint32_t)product1;
    c2 = (uint32_t)(product0 >> 32) ^ c3 ^ k1;
    c3 = (uint32_t)product0;
    k0 += weyl0;
    k1 += weyl1;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

enum { WIDTH = 16 }; // blocks at once

typedef struct sequence {
  uint32_t key[2];
  uint32_t call[2];
} sequence;

static sequence sequence_of(const graphrt_random_state *state) {
  const uint32_t counter[4] = {(uint32_t)state->op, (uint32_t)(state->op >> 32),
                               (uint32_t)state->stream, (uint32_t)(state->stream >> 32)};
  const uint32_t key[2] = {(uint32_t)state->seed, (uint32_t)(state->seed >> 32)};
  uint32_t mixed[4];
  graphrt_philox(counter, key, mixed);
  return (sequence){{mixed[0], mixed[1]},
                    {(uint32_t)state->counter, (uint32_t)(state->counter >> 32)}};
}

// WIDTH blocks of the first attempt, from `first` on, one after another.
static void blocks_portable(const sequence *s, uint64_t first, uint32_t *out) {
  for (size_t i = 0; i < WIDTH; ++i) {
    uint64_t block = first + i;
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32) & 0xffff, s->call[0],
                                 s->call[1]};
    graphrt_philox(counter, s->key, out + 4 * i);
  }
}

#if defined(__x86_64__)
// The same in 64-bit lanes, one block each: a product's halves need no moving about, and what
// stands in a word's upper half is never read. Whole numbers only: the same numbers.
__attribute__((target("avx2"))) static void blocks_avx2(const sequence *s, uint64_t first,
                                                        uint32_t *out) {
  enum { GROUPS = WIDTH / 4 };
  const __m256i m0 = _mm256_set1_epi64x(multiplier0), m1 = _mm256_set1_epi64x(multiplier1);
  __m256i c0[GROUPS], c1[GROUPS], c2[GROUPS], c3[GROUPS];
  for (size_t g = 0; g < GROUPS; ++g) {
    c0[g] = _mm256_add_epi64(_mm256_set1_epi64x((int64_t)(first + 4 * g)),
                             _mm256_set_epi64x(3, 2, 1, 0));
    c1[g] = _mm256_and_si256(_mm256_srli_epi64(c0[g], 32), _mm256_set1_epi64x(0xffff));
    c2[g] = _mm256_set1_epi64x(s->call[0]);
    c3[g] = _mm256_set1_epi64x(s->call[1]);
  }
  uint32_t k0 = s->key[0], k1 = s->key[1];
  for (int round = 0; round < 10; ++round) {
    const __m256i key0 = _mm256_set1_epi64x(k0), key1 = _mm256_set1_epi64x(k1);
    for (size_t g = 0; g < GROUPS; ++g) {
      __m256i product0 = _mm256_mul_epu32(m0, c0[g]), product1 = _mm256_mul_epu32(m1, c2[g]);
      c0[g] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product1, 32), c1[g]), key0);
      c1[g] = product1;
      c2[g] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product0, 32), c3[g]), key1);
      c3[g] = product0;
    }
    k0 += weyl0;
    k1 += weyl1;
  }
  for (size_t g = 0; g < GROUPS; ++g) {
    __m256i low = _mm256_blend_epi32(c0[g], _mm256_slli_epi64(c1[g], 32), 0xaa);
    __m256i high = _mm256_blend_epi32(c2[g], _mm256_slli_epi64(c3[g], 32), 0xaa);
    __m256i even = _mm256_unpacklo_epi64(low, high), odd = _mm256_unpackhi_epi64(low, high);
    __m256i *to = (__m256i *)(out + 16 * g);
    _mm256_storeu_si256(to, _mm256_permute2x128_si256(even, odd, 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(even, odd, 0x31));
  }
}
#endif

typedef void (*blocks_fn)(const sequence *s, uint64_t first, uint32_t *out);

static void blocks(const sequence *s, uint64_t first, uint32_t *out) {
  // Set once to one of two values, by whichever thread comes first.
  static _Atomic(blocks_fn) chosen;
  blocks_fn fn = atomic_load_explicit(&chosen, memory_order_relaxed);
  if (!fn) {
    fn = blocks_portable;
#if defined(__x86_64__)
    if (graphrt_i_cpu_level() >= GRAPHRT_CPU_X86_64_V3) fn = blocks_avx2;
#endif
    atomic_store_explicit(&chosen, fn, memory_order_relaxed);
  }
  fn(s, first, out);
}

// [0, 1) in steps of 2^-23 and 2^-52: the word's top bits as the fraction of a number in [1, 2).
static float unit_f32(uint32_t word) {
  uint32_t bits = 0x3f800000 | word >> 9;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value - 1.0f;
}

static double unit_f64(uint32_t low, uint32_t high) {
  uint64_t bits = UINT64_C(0x3ff0000000000000) | (((uint64_t)high << 32 | low) >> 12);
  double value;
  memcpy(&value, &bits, sizeof value);
  return value - 1.0;
}

// Two normal numbers out of two uniform ones (Box and Muller, 1958).
static void normal_f32(uint32_t word0, uint32_t word1, float out[2]) {
  float uniform = unit_f32(word0);
  if (uniform < 1e-7f) uniform = 1e-7f; // its logarithm is needed
  float angle = 6.28318530717958647692f * unit_f32(word1);
  float radius = sqrtf(-2.0f * logf(uniform));
  out[0] = sinf(angle) * radius;
  out[1] = cosf(angle) * radius;
}

static void normal_f64(const uint32_t word[4], double out[2]) {
  double uniform = unit_f64(word[0], word[1]);
  if (uniform < 1e-300) uniform = 1e-300;
  double angle = 6.28318530717958647692 * unit_f64(word[2], word[3]);
  double radius = sqrt(-2.0 * log(uniform));
  out[0] = sin(angle) * radius;
  out[1] = cos(angle) * radius;
}

enum { MOST_ATTEMPTS = 128 }; // each is refused with probability 0.0455

// Draws the normal numbers again that lie two standard deviations or more from the mean, each from
// the same lane of a block of the next attempt.
static void truncate_f32(const sequence *s, uint64_t block, float values[4]) {
  for (uint32_t attempt = 1; attempt < MOST_ATTEMPTS; ++attempt) {
    bool again = false;
    for (size_t i = 0; i < 4; ++i) again = again || !(fabsf(values[i]) < 2.0f);
    if (!again) return;
    const uint32_t counter[4] = {(uint32_t)block,
                                 ((uint32_t)(block >> 32) & 0xffff) | attempt << 16, s->call[0],
                                 s->call[1]};
    uint32_t word[4];
    float fresh[4];
    graphrt_philox(counter, s->key, word);
    normal_f32(word[0], word[1], fresh);
    normal_f32(word[2], word[3], fresh + 2);
    for (size_t i = 0; i < 4; ++i)
      if (!(fabsf(values[i]) < 2.0f)) values[i] = fresh[i];
  }
}

static void truncate_f64(const sequence *s, uint64_t block, double values[2]) {
  for (uint32_t attempt = 1; attempt < MOST_ATTEMPTS; ++attempt) {
    if (fabs(values[0]) < 2.0 && fabs(values[1]) < 2.0) return;
    const uint32_t counter[4] = {(uint32_t)block,
                                 ((uint32_t)(block >> 32) & 0xffff) | attempt << 16, s->call[0],
                                 s->call[1]};
    uint32_t word[4];
    double fresh[2];
    graphrt_philox(counter, s->key, word);
    normal_f64(word, fresh);
    for (size_t i = 0; i < 2; ++i)
      if (!(fabs(values[i]) < 2.0)) values[i] = fresh[i];
  }
}

// The elements that WIDTH blocks hold, before they are stored as their type.
enum { NARROW = WIDTH * 4, WIDE = WIDTH * 2 };

static void batch_f32(const sequence *s, uint64_t first, int32_t kind, float a, float b,
                      float below, float values[NARROW]) {
  uint32_t word[NARROW];
  blocks(s, first, word);
  if (kind == GRAPHRT_RANDOM_UNIFORM) {
    float range = b - a;
    for (size_t i = 0; i < NARROW; ++i) {
      float value = unit_f32(word[i]) * range + a;
      values[i] = value < b ? value : below; // rounding may reach b
    }
    return;
  }
  for (size_t i = 0; i < NARROW; i += 2) normal_f32(word[i], word[i + 1], values + i);
  if (kind == GRAPHRT_RANDOM_TRUNCATED_NORMAL)
    for (size_t i = 0; i < WIDTH; ++i) truncate_f32(s, first + i, values + 4 * i);
  for (size_t i = 0; i < NARROW; ++i) values[i] = values[i] * b + a;
}

static void batch_f64(const sequence *s, uint64_t first, int32_t kind, double a, double b,
                      double below, double values[WIDE]) {
  uint32_t word[NARROW];
  blocks(s, first, word);
  if (kind == GRAPHRT_RANDOM_UNIFORM) {
    double range = b - a;
    for (size_t i = 0; i < WIDE; ++i) {
      double value = unit_f64(word[2 * i], word[2 * i + 1]) * range + a;
      values[i] = value < b ? value : below;
    }
    return;
  }
  for (size_t i = 0; i < WIDTH; ++i) {
    normal_f64(word + 4 * i, values + 2 * i);
    if (kind == GRAPHRT_RANDOM_TRUNCATED_NORMAL) truncate_f64(s, first + i, values + 2 * i);
  }
  for (size_t i = 0; i < WIDE; ++i) values[i] = values[i] * b + a;
}

// Uniform numbers of 16 bits: those that float rounds up to b step down to the one before.
static uint16_t step_down(uint16_t bits) {
  if ((bits & 0x7fff) == 0) return 0x8001;
  return bits & 0x8000 ? bits + 1 : bits - 1;
}

static void store_16(int32_t dtype, int32_t kind, float b, const float *values, int count,
                     uint16_t *out) {
  bool half = dtype == GRAPHRT_FLOAT16;
  for (int i = 0; i < count; ++i) {
    uint16_t bits = half ? graphrt_f32_to_f16(values[i]) : graphrt_f32_to_bf16(values[i]);
    if (kind == GRAPHRT_RANDOM_UNIFORM) {
      float rounded = half ? graphrt_f16_to_f32(bits) : graphrt_bf16_to_f32(bits);
      if (rounded >= b && values[i] < b) bits = step_down(bits);
    }
    memcpy(out + i, &bits, sizeof bits);
  }
}

// Walks over the batches that hold [begin, begin + n): `skip` leading elements of a batch and those
// behind `take` are made and not stored.
#define FOR_BATCHES(per_batch)                                                                     \
  for (int64_t batch = begin / (per_batch), done = 0,                                              \
               skip = begin - begin / (per_batch) * (per_batch), take;                             \
       done < n && (take = (per_batch) - skip < n - done ? (per_batch) - skip : n - done, true);   \
       done += take, skip = 0, ++batch)

void graphrt_random_at(const graphrt_random_state *state, int32_t kind, int32_t dtype, void *out,
                       int64_t begin, int64_t n, double a, double b) {
  sequence s = sequence_of(state);
  if (dtype == GRAPHRT_FLOAT64) {
    double below = a < b ? nextafter(b, a) : a;
    FOR_BATCHES(WIDE) {
      double values[WIDE];
      batch_f64(&s, (uint64_t)batch * WIDTH, kind, a, b, below, values);
      memcpy((double *)out + done, values + skip, (size_t)take * sizeof(double));
    }
    return;
  }
  float low = (float)a, high = (float)b;
  float below = low < high ? nextafterf(high, low) : low;
  FOR_BATCHES(NARROW) {
    float values[NARROW];
    batch_f32(&s, (uint64_t)batch * WIDTH, kind, low, high, below, values);
    if (dtype == GRAPHRT_FLOAT32)
      memcpy((float *)out + done, values + skip, (size_t)take * sizeof(float));
    else
      store_16(dtype, kind, high, values + skip, (int)take, (uint16_t *)out + done);
  }
}

__extension__ typedef unsigned __int128 uint128;

void graphrt_random_int_at(const graphrt_random_state *state, int32_t dtype, void *out,
                           int64_t begin, int64_t n, int64_t low, int64_t high) {
  sequence s = sequence_of(state);
  bool empty = dtype == GRAPHRT_UINT64 ? (uint64_t)low >= (uint64_t)high : low >= high;
  if (dtype == GRAPHRT_BOOL) {
    low = 0;
    high = 2;
    empty = false;
  }
  uint64_t range = empty ? 1 : (uint64_t)high - (uint64_t)low;
  size_t size = graphrt_dtype_size(dtype);
  FOR_BATCHES(WIDE) {
    uint32_t word[NARROW];
    blocks(&s, (uint64_t)batch * WIDTH, word);
    for (int64_t i = 0; i < take; ++i) {
      uint64_t bits = (uint64_t)word[2 * (skip + i) + 1] << 32 | word[2 * (skip + i)];
      // The range's share of 64 bits: off from even by at most range / 2^64.
      uint64_t value = (uint64_t)low + (uint64_t)((uint128)bits * range >> 64);
      memcpy((uint8_t *)out + (size_t)(done + i) * size, &value, size); // little-endian: low bytes
    }
  }
}

// ---- Inside a call, over its threads ----

typedef struct fill {
  graphrt_random_state state;
  int32_t kind, dtype;
  bool integers;
  uint8_t *out;
  size_t size;
  double a, b;
  int64_t low, high;
} fill;

static void fill_piece(void *context, int64_t begin, int64_t end, void *scratch) {
  (void)scratch;
  const fill *f = context;
  void *out = f->out + (size_t)begin * f->size;
  if (f->integers)
    graphrt_random_int_at(&f->state, f->dtype, out, begin, end - begin, f->low, f->high);
  else
    graphrt_random_at(&f->state, f->kind, f->dtype, out, begin, end - begin, f->a, f->b);
}

enum { FILL_GRAIN = 8192 };

void graphrt_random(graphrt_call *call, uint64_t op, int32_t kind, int32_t dtype, void *out,
                    int64_t n, double a, double b) {
  fill f = {.state = {call->seed, call->stream, op, call->counter},
            .kind = kind,
            .dtype = dtype,
            .out = out,
            .size = graphrt_dtype_size(dtype),
            .a = a,
            .b = b};
  graphrt_parallel(call, fill_piece, &f, n, FILL_GRAIN);
}

void graphrt_random_int(graphrt_call *call, uint64_t op, int32_t dtype, void *out, int64_t n,
                        int64_t low, int64_t high) {
  fill f = {.state = {call->seed, call->stream, op, call->counter},
            .dtype = dtype,
            .integers = true,
            .out = out,
            .size = graphrt_dtype_size(dtype),
            .low = low,
            .high = high};
  graphrt_parallel(call, fill_piece, &f, n, FILL_GRAIN);
}
