// The layout that generated code relies on, and the symbols that it may refer to.
#include "internal.h"

const int32_t graphrt_interface_1 = 1;

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " has changed its size")
#define PLACE(type, member, offset)                                                                \
  _Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved")
#if UINTPTR_MAX == UINT64_MAX
SIZE(graphrt_tensor_info, 24);
SIZE(graphrt_variable_info, 48);
PLACE(graphrt_variable_info, dims, 24);
PLACE(graphrt_variable_info, flags, 40);
SIZE(graphrt_export_info, 64);
PLACE(graphrt_export_info, dim_count, 40);
PLACE(graphrt_export_info, flags, 56);
SIZE(graphrt_model, 120);
PLACE(graphrt_model, variable_count, 40);
PLACE(graphrt_model, create, 48);
SIZE(graphrt_call, 88);
PLACE(graphrt_call, instance, 48);
PLACE(graphrt_call, status, 80);
SIZE(graphrt_variable_place, 40);
SIZE(graphrt_pack, 40);
SIZE(graphrt_export_code, 56);
SIZE(graphrt_variant, 40);
PLACE(graphrt_variant, packed_bytes, 16);
SIZE(graphrt_export_check, 32);
SIZE(graphrt_model_desc, 176);
PLACE(graphrt_model_desc, interface, 120);
PLACE(graphrt_model_desc, variant_count, 152);
PLACE(graphrt_model_desc, seed, 168);
#else
SIZE(graphrt_tensor_info, 16);
SIZE(graphrt_variable_info, 32);
PLACE(graphrt_variable_info, dims, 16);
PLACE(graphrt_variable_info, flags, 24);
SIZE(graphrt_export_info, 44);
PLACE(graphrt_export_info, dim_count, 20);
PLACE(graphrt_export_info, flags, 36);
SIZE(graphrt_model, 72);
PLACE(graphrt_model, variable_count, 24);
PLACE(graphrt_model, create, 32);
SIZE(graphrt_call, 64);
PLACE(graphrt_call, instance, 24);
PLACE(graphrt_call, status, 56);
SIZE(graphrt_variable_place, 32);
SIZE(graphrt_pack, 40);
SIZE(graphrt_export_code, 48);
SIZE(graphrt_variant, 32);
PLACE(graphrt_variant, packed_bytes, 16);
SIZE(graphrt_export_check, 24);
SIZE(graphrt_model_desc, 112);
PLACE(graphrt_model_desc, interface, 72);
PLACE(graphrt_model_desc, variant_count, 88);
PLACE(graphrt_model_desc, seed, 104);
#endif

// A function's address as data; POSIX lets both be converted (see dlsym).
#define FUNCTION(name) {#name, (void *)(uintptr_t)&(name)}

const graphrt_symbol *graphrt_symbols(void) {
  static const graphrt_symbol symbols[] = {
      {"graphrt_interface_1", (void *)(uintptr_t)&graphrt_interface_1},
      FUNCTION(graphrt_create),
      FUNCTION(graphrt_share),
      FUNCTION(graphrt_destroy),
      FUNCTION(graphrt_load),
      FUNCTION(graphrt_save),
      FUNCTION(graphrt_call_export),
      FUNCTION(graphrt_shapes),
      FUNCTION(graphrt_get),
      FUNCTION(graphrt_set),
      FUNCTION(graphrt_parallel),
      FUNCTION(graphrt_fail),
      FUNCTION(graphrt_fail_index),
      FUNCTION(graphrt_call_status),
      FUNCTION(graphrt_random),
      FUNCTION(graphrt_random_int),
      FUNCTION(graphrt_philox),
      FUNCTION(graphrt_f16_to_f32),
      FUNCTION(graphrt_f32_to_f16),
      FUNCTION(graphrt_f64_to_f16),
      FUNCTION(graphrt_bf16_to_f32),
      FUNCTION(graphrt_f32_to_bf16),
      {NULL, NULL},
  };
  return symbols;
}
