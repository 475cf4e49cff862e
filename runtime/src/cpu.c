// Which of a definition's code variants this processor runs.
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

static uint64_t enabled_state(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

// The levels of the x86-64 psABI (low-level system information, "micro-architecture levels").
int32_t graphrt_i_cpu_level(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return GRAPHRT_CPU_BASELINE;
  const unsigned basic = bit_SSE3 | bit_SSSE3 | bit_FMA | bit_SSE4_1 | bit_SSE4_2 | bit_MOVBE |
                         bit_POPCNT | bit_OSXSAVE | bit_AVX | bit_F16C;
  if ((c & basic) != basic) return GRAPHRT_CPU_BASELINE;
  uint64_t state = enabled_state();
  if ((state & 0x06) != 0x06) return GRAPHRT_CPU_BASELINE; // the system saves xmm and ymm
  unsigned b7, c7, d7;
  if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d7)) return GRAPHRT_CPU_BASELINE;
  const unsigned v3 = bit_AVX2 | bit_BMI | bit_BMI2;
  if ((b7 & v3) != v3) return GRAPHRT_CPU_BASELINE;
  if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !(c & bit_LZCNT)) return GRAPHRT_CPU_BASELINE;
  const unsigned v4 = bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL;
  if ((b7 & v4) != v4 || (state & 0xe0) != 0xe0) return GRAPHRT_CPU_X86_64_V3;
  return GRAPHRT_CPU_X86_64_V4;
}
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#include <sys/prctl.h>

// Of linux/auxvec.h and linux/prctl.h, which may be older than SVE.
enum { HAS_SVE = 1 << 22, GET_VECTOR_LENGTH = 51, VECTOR_BYTES = 0xffff };

// The vectors' length is the system's setting, or the program's own: not the processor's alone.
int32_t graphrt_i_cpu_level(void) {
  if (!(getauxval(AT_HWCAP) & HAS_SVE)) return GRAPHRT_CPU_BASELINE;
  int length = prctl(GET_VECTOR_LENGTH, 0, 0, 0, 0);
  if (length < 0) return GRAPHRT_CPU_BASELINE;
  int bits = (length & VECTOR_BYTES) * 8;
  bool known = bits == GRAPHRT_CPU_AARCH64_SVE256 || bits == GRAPHRT_CPU_AARCH64_SVE512;
  return known ? bits : GRAPHRT_CPU_BASELINE;
}
#else
int32_t graphrt_i_cpu_level(void) { return GRAPHRT_CPU_BASELINE; }
#endif

static const struct {
  int32_t level;
  const char *name;
} levels[] = {{GRAPHRT_CPU_BASELINE, "baseline"},
              {GRAPHRT_CPU_X86_64_V3, "v3"},
              {GRAPHRT_CPU_X86_64_V4, "v4"},
              {GRAPHRT_CPU_AARCH64_SVE256, "sve256"},
              {GRAPHRT_CPU_AARCH64_SVE512, "sve512"}};
enum { LEVELS = sizeof levels / sizeof *levels };

static const char *level_name(int32_t level) {
  for (size_t i = 0; i < LEVELS; ++i)
    if (levels[i].level == level) return levels[i].name;
  return "another processor";
}

// Whether a processor of level `has` runs the code of `level`. Code for vectors of one length does
// something else with those of another.
static bool runs(int32_t has, int32_t level) {
  if (level == GRAPHRT_CPU_BASELINE || level == has) return true;
  return level == GRAPHRT_CPU_X86_64_V3 && has == GRAPHRT_CPU_X86_64_V4;
}

const graphrt_variant *graphrt_i_variant(const graphrt_model_desc *desc, graphrt_status *status) {
  int32_t level = graphrt_i_cpu_level();
  // For tests and for comparing variants: no level above this one.
  const char *wanted = getenv("GRAPHRT_CPU");
  if (wanted && *wanted) {
    size_t found = 0;
    while (found < LEVELS && strcmp(wanted, levels[found].name) != 0) ++found;
    char quoted[GRAPHRT_QUOTED];
    if (found == LEVELS) {
      *status = graphrt_i_fail(
          GRAPHRT_INVALID_ARGUMENT,
          "GRAPHRT_CPU is '%s'; it may be baseline, v3 or v4 (x86-64), sve256 or sve512 (AArch64)",
          graphrt_i_quote(wanted, quoted));
      return NULL;
    }
    if (!runs(level, levels[found].level)) {
      *status =
          graphrt_i_fail(GRAPHRT_UNSUPPORTED, "GRAPHRT_CPU asks for %s, but this processor has %s",
                         wanted, level_name(level));
      return NULL;
    }
    level = levels[found].level;
  }
  const graphrt_variant *best = NULL;
  for (int64_t i = 0; i < desc->variant_count; ++i)
    if (runs(level, desc->variants[i].cpu)) best = &desc->variants[i];
  if (!best)
    *status = graphrt_i_fail(GRAPHRT_UNSUPPORTED,
                             "%s was compiled for %s, but this processor %s %s", desc->model.name,
                             desc->variant_count ? level_name(desc->variants[0].cpu) : "nothing",
                             wanted && *wanted ? "was limited to" : "has", level_name(level));
  return best;
}
