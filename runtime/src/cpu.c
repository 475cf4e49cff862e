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
#else
int32_t graphrt_i_cpu_level(void) { return GRAPHRT_CPU_BASELINE; }
#endif

static const char *level_name(int32_t level) {
  if (level == GRAPHRT_CPU_X86_64_V4) return "v4";
  return level == GRAPHRT_CPU_X86_64_V3 ? "v3" : "baseline";
}

const graphrt_variant *graphrt_i_variant(const graphrt_model_desc *desc, graphrt_status *status) {
  int32_t level = graphrt_i_cpu_level();
  // For tests and for comparing variants: no level above this one.
  const char *wanted = getenv("GRAPHRT_CPU");
  if (wanted && *wanted) {
    static const int32_t levels[] = {GRAPHRT_CPU_BASELINE, GRAPHRT_CPU_X86_64_V3,
                                     GRAPHRT_CPU_X86_64_V4};
    int32_t found = -1;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; ++i)
      if (strcmp(wanted, level_name(levels[i])) == 0) found = levels[i];
    char quoted[GRAPHRT_QUOTED];
    if (found < 0) {
      *status = graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT,
                               "GRAPHRT_CPU is '%s'; it may be baseline, v3 or v4",
                               graphrt_i_quote(wanted, quoted));
      return NULL;
    }
    if (found > level) {
      *status =
          graphrt_i_fail(GRAPHRT_UNSUPPORTED, "GRAPHRT_CPU asks for %s, but this processor has %s",
                         wanted, level_name(level));
      return NULL;
    }
    level = found;
  }
  const graphrt_variant *best = NULL;
  for (int64_t i = 0; i < desc->variant_count; ++i)
    if (desc->variants[i].cpu <= level) best = &desc->variants[i];
  if (!best)
    *status = graphrt_i_fail(GRAPHRT_UNSUPPORTED,
                             "%s was compiled for %s, but this processor %s %s", desc->model.name,
                             desc->variant_count ? level_name(desc->variants[0].cpu) : "nothing",
                             wanted && *wanted ? "was limited to" : "has", level_name(level));
  return best;
}
