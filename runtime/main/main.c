// graphrt_main: one call of one export, from the command line. Knows the definition by reflection.
#include "graphrt/main.h"

#include "program.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FINE = 0, DIFFERS = 1, USAGE = 2 };

// One run: everything that has to be given back.
typedef struct run {
  const graphrt_model *model;
  const graphrt_export_info *exported;
  const options *options;
  int32_t index;
  graphrt_instance *instance;
  int64_t *dims;
  bool *known; // [dim_count]: a file or --dim said it
  array *inputs, *outputs;
} run;

static bool refused(const char *what) { return complain("%s: %s", what, graphrt_message()); }

// ---- What the program says of itself ----

static void print_tensor(const graphrt_export_info *e, const graphrt_tensor_info *tensor,
                         const char *direction) {
  printf("  %s %s: %s (", direction, tensor->name, graphrt_dtype_name(tensor->dtype));
  for (int32_t i = 0; i < tensor->rank; ++i) {
    int64_t dim = tensor->dims[i];
    if (i) printf(", ");
    if (dim >= 0)
      printf("%" PRId64, dim);
    else
      printf("%s", dim == GRAPHRT_DIM_COMPUTED ? "?" : e->dim_names[-1 - dim]);
  }
  printf("%s)\n", tensor->rank == 1 ? "," : "");
}

static void print_list(const graphrt_model *model) {
  printf("%s, made by %s\n", model->name, model->producer);
  for (int32_t i = 0; i < model->export_count; ++i) {
    const graphrt_export_info *e = &model->exports[i];
    printf("export %s\n", e->name);
    for (int32_t k = 0; k < e->input_count; ++k) print_tensor(e, &e->inputs[k], "in ");
    for (int32_t k = 0; k < e->output_count; ++k) print_tensor(e, &e->outputs[k], "out");
    for (int32_t k = 0; k < e->update_count; ++k)
      printf("  changes %s\n", model->variables[e->updates[k]].name);
  }
  for (int32_t i = 0; i < model->variable_count; ++i) {
    const graphrt_variable_info *v = &model->variables[i];
    char shape[MAX_RANK * 24];
    shape_text(v->dims, v->rank, shape, sizeof shape);
    printf("variable %s: %s %s\n", v->name, graphrt_dtype_name(v->dtype), shape);
  }
}

static void print_help(const graphrt_model *model) {
  printf(
      "Calls one export of the compiled definition %s.\n"
      "\n"
      "Usage: %s [OPTIONS] [EXPORT]\n"
      "\n"
      "  EXPORT               the export; may be left out where there is only one\n"
      "  --in NAME=FILE.npy   an input; also NAME=zeros, NAME=ones, NAME=random\n"
      "  --out NAME=FILE.npy  where an output goes; without --out and --expect all are printed\n"
      "  --expect NAME=FILE.npy  compare an output; exit status 1 if it differs\n"
      "  --rtol X, --atol X   how far: within atol + rtol * |expected| (default 1e-5 and 1e-6)\n"
      "  --dim NAME=N         a dimension that no input's file gives (default 1)\n"
      "  --weights FILE       load the variables (safetensors) in place of the initializers\n"
      "  --map                use the pages of that file where they lie; nobody may shorten it\n"
      "  --save FILE          write the variables after the last call (safetensors)\n"
      "  --seed N             of all random numbers\n"
      "  --threads N          that a call may use (default: all)\n"
      "  --repeat N           call so often; the time goes to standard error\n"
      "  --list               list exports and variables\n"
      "\n"
      "Exit status: 0 all well, 1 an output differs, 2 wrong usage, or a file or a call failed.\n",
      model->name, program_name());
}

// ---- Inputs ----

static bool find_export(run *r) {
  const graphrt_model *model = r->model;
  const char *name = r->options->export_name;
  if (!name && model->export_count == 1) name = model->exports[0].name;
  r->index = name ? graphrt_find_export(model, name) : -1;
  if (r->index < 0) {
    complain(name ? "there is no export '%s'; there are:" : "which export? There are:", name);
    for (int32_t i = 0; i < model->export_count; ++i)
      fprintf(stderr, "  %s\n", model->exports[i].name);
    return false;
  }
  r->exported = &model->exports[r->index];
  return true;
}

static bool has_tensor(const graphrt_tensor_info *tensors, int32_t count, const binding *b) {
  for (int32_t i = 0; i < count; ++i)
    if (strlen(tensors[i].name) == b->name_length &&
        memcmp(tensors[i].name, b->name, b->name_length) == 0)
      return true;
  return false;
}

static bool check_names(const run *r) {
  const graphrt_export_info *e = r->exported;
  const options *o = r->options;
  const struct {
    const bindings *given;
    const graphrt_tensor_info *tensors;
    int32_t count;
    const char *what;
  } kinds[] = {{&o->in, e->inputs, e->input_count, "input"},
               {&o->out, e->outputs, e->output_count, "output"},
               {&o->expect, e->outputs, e->output_count, "output"}};
  for (size_t k = 0; k < 3; ++k)
    for (int i = 0; i < kinds[k].given->count; ++i) {
      const binding *b = &kinds[k].given->items[i];
      if (!has_tensor(kinds[k].tensors, kinds[k].count, b))
        return complain("export '%s' has no %s '%.*s'; --list shows them", e->name, kinds[k].what,
                        (int)b->name_length, b->name);
    }
  for (int i = 0; i < o->out.count; ++i)
    for (int k = 0; k < i; ++k)
      if (strcmp(o->out.items[i].value, o->out.items[k].value) == 0)
        return complain("two outputs would be written to '%s'", o->out.items[i].value);
  for (int i = 0; i < o->dims.count; ++i) {
    const binding *b = &o->dims.items[i];
    bool found = false;
    for (int32_t k = 0; k < e->dim_count; ++k)
      found |= strlen(e->dim_names[k]) == b->name_length &&
               memcmp(e->dim_names[k], b->name, b->name_length) == 0;
    if (!found)
      return complain("export '%s' has no dimension '%.*s'", e->name, (int)b->name_length, b->name);
  }
  return true;
}

// The filling that a binding's value names, or -1: it is a file.
static int filling_of(const char *value) {
  static const char *const names[] = {"zeros", "ones", "random"};
  for (int i = 0; i < 3; ++i)
    if (strcmp(value, names[i]) == 0) return i;
  return -1;
}

// Whether a file's array is what the input wants; takes run-time dimensions from it.
static bool fits(run *r, const graphrt_tensor_info *input, const array *a) {
  char shape[MAX_RANK * 24];
  shape_text(a->dims, a->rank, shape, sizeof shape);
  if (a->dtype != input->dtype)
    return complain("input '%s' is %s, but the file holds %s", input->name,
                    graphrt_dtype_name(input->dtype), graphrt_dtype_name(a->dtype));
  bool same = a->rank == input->rank;
  for (int32_t i = 0; same && i < a->rank; ++i) {
    int64_t dim = input->dims[i];
    if (dim >= 0) {
      same = dim == a->dims[i];
    } else if (dim != GRAPHRT_DIM_COMPUTED) {
      int64_t k = -1 - dim;
      same = !r->known[k] || r->dims[k] == a->dims[i];
      if (!same)
        return complain("input '%s': the file holds %s, but %s is %" PRId64 " already", input->name,
                        shape, r->exported->dim_names[k], r->dims[k]);
      r->known[k] = true;
      r->dims[k] = a->dims[i];
    }
  }
  return same || complain("input '%s': the file holds %s, which does not fit; --list shows the "
                          "shapes",
                          input->name, shape);
}

static bool read_inputs(run *r) {
  const graphrt_export_info *e = r->exported;
  for (int32_t i = 0; i < e->input_count; ++i) {
    const char *name = e->inputs[i].name;
    const char *value = find_binding(&r->options->in, name);
    char why[WHY];
    if (!value)
      return complain("input '%s' is missing: --in %s=FILE.npy, or zeros, ones, random", name,
                      name);
    if (filling_of(value) >= 0) continue;
    if (!read_npy(value, &r->inputs[i], why))
      return complain("input '%s': '%s' %s", name, value, why);
    if (!fits(r, &e->inputs[i], &r->inputs[i])) return false;
  }
  return true;
}

static bool take_dims(run *r) {
  const graphrt_export_info *e = r->exported;
  for (int32_t k = 0; k < e->dim_count; ++k) {
    const char *name = e->dim_names[k];
    const char *text = find_binding(&r->options->dims, name);
    if (text) {
      char *end = NULL;
      errno = 0;
      long long size = strtoll(text, &end, 10);
      if (errno || end == text || *end || size < 0)
        return complain("--dim %s: '%s' is no size", name, text);
      if (r->known[k] && r->dims[k] != size)
        return complain("--dim %s is %lld, but an input has %" PRId64, name, size, r->dims[k]);
      r->dims[k] = size;
    } else if (!r->known[k]) {
      fprintf(stderr, "%s: dimension %s is taken to be 1; --dim %s=SIZE sets it\n", program_name(),
              name, name);
      r->dims[k] = 1;
    }
  }
  return true;
}

static bool make_inputs(run *r) {
  const graphrt_export_info *e = r->exported;
  uint64_t state = r->options->seed;
  for (int32_t i = 0; i < e->input_count; ++i) {
    const graphrt_tensor_info *input = &e->inputs[i];
    int how = filling_of(find_binding(&r->options->in, input->name));
    array *a = &r->inputs[i];
    char why[WHY];
    if (how < 0) continue;
    a->dtype = input->dtype;
    a->rank = input->rank;
    for (int32_t d = 0; d < a->rank; ++d) {
      int64_t dim = input->dims[d];
      if (dim == GRAPHRT_DIM_COMPUTED)
        return complain("input '%s' has a computed dimension: give it as a file", input->name);
      a->dims[d] = dim >= 0 ? dim : r->dims[-1 - dim];
    }
    if (!array_allocate(a, why)) return complain("input '%s': %s", input->name, why);
    fill_array(a, (filling)how, &state);
  }
  return true;
}

// ---- The call ----

static bool make_outputs(run *r) {
  const graphrt_export_info *e = r->exported;
  size_t ranks = 1;
  for (int32_t i = 0; i < e->output_count; ++i) ranks += (size_t)e->outputs[i].rank;
  int64_t *shapes = calloc(ranks, sizeof *shapes);
  if (!shapes) return complain("not enough memory");
  bool fine =
      r->model->shapes(r->model, r->index, r->dims, shapes) == GRAPHRT_OK || refused(e->name);
  const int64_t *next = shapes;
  for (int32_t i = 0; fine && i < e->output_count; ++i) {
    array *a = &r->outputs[i];
    char why[WHY];
    a->dtype = e->outputs[i].dtype;
    a->rank = e->outputs[i].rank;
    fine =
        a->rank <= MAX_RANK || complain("output '%s' has too many dimensions", e->outputs[i].name);
    for (int32_t d = 0; fine && d < a->rank; ++d) a->dims[d] = *next++;
    if (fine && !array_allocate(a, why))
      fine = complain("output '%s': %s", e->outputs[i].name, why);
  }
  free(shapes);
  return fine;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static bool call(run *r) {
  const graphrt_export_info *e = r->exported;
  const void **in = calloc((size_t)e->input_count + 1, sizeof *in);
  void **out = calloc((size_t)e->output_count + 1, sizeof *out);
  if (!in || !out) {
    free(in);
    free(out);
    return complain("not enough memory");
  }
  bool fine = true;
  for (int32_t i = 0; i < e->input_count; ++i) in[i] = r->inputs[i].data;
  for (int32_t i = 0; i < e->output_count; ++i) out[i] = r->outputs[i].data;
  double sum = 0, fastest = 0;
  for (int64_t i = 0; fine && i < r->options->repeat; ++i) {
    double begin = seconds();
    fine =
        r->model->call(r->instance, r->index, r->dims, in, out) == GRAPHRT_OK || refused(e->name);
    double took = seconds() - begin;
    sum += took;
    if (i == 0 || took < fastest) fastest = took;
  }
  if (fine && r->options->repeat > 1)
    fprintf(stderr, "%s: %" PRId64 " calls: %.3f ms each, the fastest %.3f ms\n", program_name(),
            r->options->repeat, sum / (double)r->options->repeat * 1e3, fastest * 1e3);
  free(in);
  free(out);
  return fine;
}

// ---- Outputs: all files are written under other names first ----

static char *temporary_name(const char *path) {
  size_t size = strlen(path) + 16;
  char *name = malloc(size);
#if defined(__wasi__)
  long process = 0; // no processes
#else
  long process = (long)getpid();
#endif
  if (name) snprintf(name, size, "%s.%ld.part", path, process);
  return name;
}

static bool write_temporary(const char *path, const array *a) {
  char *temporary = temporary_name(path);
  FILE *file = temporary ? fopen(temporary, "wb") : NULL;
  bool fine = file && write_npy(file, a);
  int why = errno;
  if (file && fclose(file) != 0 && fine) {
    fine = false;
    why = errno;
  }
  if (!fine) {
    if (file) remove(temporary);
    complain("can't write '%s': %s", path, strerror(why));
  }
  free(temporary);
  return fine;
}

static bool place(const char *path, bool keep) {
  char *temporary = temporary_name(path);
  bool fine = temporary != NULL;
#if defined(_WIN32)
  if (fine && keep) remove(path); // renaming replaces nothing there
#endif
  if (fine && keep)
    fine = rename(temporary, path) == 0 || complain("can't write '%s': %s", path, strerror(errno));
  if (fine && !keep) remove(temporary);
  free(temporary);
  return fine;
}

static bool write_outputs(run *r) {
  const bindings *out = &r->options->out;
  int written = 0;
  bool fine = true;
  for (; fine && written < out->count; ++written) {
    for (int32_t i = 0; fine && i < r->exported->output_count; ++i)
      if (find_binding(out, r->exported->outputs[i].name) == out->items[written].value)
        fine = write_temporary(out->items[written].value, &r->outputs[i]);
    if (!fine) break;
  }
  if (fine && r->options->save && r->model->save(r->instance, r->options->save) != GRAPHRT_OK)
    fine = refused(r->options->save);
  bool placed = fine;
  for (int i = 0; i < written; ++i) placed = place(out->items[i].value, fine) && placed;
  return fine && placed;
}

static int report(run *r) {
  const options *o = r->options;
  int status = FINE;
  for (int32_t i = 0; i < r->exported->output_count; ++i) {
    const char *name = r->exported->outputs[i].name;
    const char *file = find_binding(&o->expect, name);
    char why[WHY];
    if (file) {
      array expected;
      if (!read_npy(file, &expected, why)) {
        complain("output '%s': '%s' %s", name, file, why);
        return USAGE;
      }
      if (!arrays_agree(&r->outputs[i], &expected, o->rtol, o->atol, why)) {
        complain("output '%s' %s", name, why);
        status = DIFFERS;
      }
      array_free(&expected);
    }
    if (o->out.count == 0 && o->expect.count == 0) {
      char shape[MAX_RANK * 24];
      shape_text(r->outputs[i].dims, r->outputs[i].rank, shape, sizeof shape);
      printf("%s: %s %s\n", name, graphrt_dtype_name(r->outputs[i].dtype), shape);
      print_array(stdout, &r->outputs[i]);
    }
  }
  if (fflush(stdout) != 0) {
    complain("can't write to standard output: %s", strerror(errno));
    return USAGE;
  }
  return write_outputs(r) ? status : USAGE;
}

static bool create(run *r) {
  graphrt_config config = {.struct_size = sizeof config,
                           .checkpoint = r->options->weights,
                           .seed = r->options->seed,
                           .threads = r->options->threads,
                           .flags = r->options->map ? GRAPHRT_MAP_CHECKPOINT : 0};
  return r->model->create(&config, &r->instance) == GRAPHRT_OK || refused(r->model->name);
}

static int run_export(run *r) {
  if (!find_export(r) || !check_names(r)) return USAGE;
  const graphrt_export_info *e = r->exported;
  r->dims = calloc((size_t)e->dim_count + 1, sizeof *r->dims);
  r->known = calloc((size_t)e->dim_count + 1, sizeof *r->known);
  r->inputs = calloc((size_t)e->input_count + 1, sizeof *r->inputs);
  r->outputs = calloc((size_t)e->output_count + 1, sizeof *r->outputs);
  if (!r->dims || !r->known || !r->inputs || !r->outputs) {
    complain("not enough memory");
    return USAGE;
  }
  if (!read_inputs(r) || !take_dims(r) || !make_inputs(r) || !make_outputs(r) || !create(r) ||
      !call(r))
    return USAGE;
  return report(r);
}

int graphrt_main(const graphrt_model *model, int argc, char **argv) {
  options o;
  int status = USAGE;
  set_program_name(argc > 0 ? argv[0] : model->name);
  if (parse_options(argc, argv, &o)) {
    if (o.help || o.list) {
      if (o.help)
        print_help(model);
      else
        print_list(model);
      status = fflush(stdout) == 0 ? FINE : USAGE;
    } else {
      run r = {.model = model, .options = &o};
      status = run_export(&r);
      if (r.instance) model->destroy(r.instance);
      for (int32_t i = 0; r.inputs && i < r.exported->input_count; ++i) array_free(&r.inputs[i]);
      for (int32_t i = 0; r.outputs && i < r.exported->output_count; ++i) array_free(&r.outputs[i]);
      free(r.inputs);
      free(r.outputs);
      free(r.dims);
      free(r.known);
    }
  }
  free_options(&o);
  return status;
}
