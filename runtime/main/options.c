// The standalone program's command line.
#include "program.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *program = "graphrt";

void set_program_name(const char *path) {
  const char *slash = strrchr(path, '/');
  program = slash ? slash + 1 : path;
}

const char *program_name(void) { return program; }

bool complain(const char *format, ...) {
  va_list arguments;
  fflush(stdout);
  fprintf(stderr, "%s: error: ", program);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  return false;
}

const char *find_binding(const bindings *b, const char *name) {
  for (int i = 0; i < b->count; ++i)
    if (strlen(name) == b->items[i].name_length &&
        memcmp(name, b->items[i].name, b->items[i].name_length) == 0)
      return b->items[i].value;
  return NULL;
}

static bool add_binding(bindings *b, const char *option, const char *text) {
  const char *equals = strchr(text, '=');
  if (!equals || equals == text || !equals[1])
    return complain("%s takes NAME=VALUE, not '%s'", option, text);
  binding made = {text, (size_t)(equals - text), equals + 1};
  for (int i = 0; i < b->count; ++i)
    if (b->items[i].name_length == made.name_length &&
        memcmp(b->items[i].name, text, made.name_length) == 0)
      return complain("%s %.*s is given twice", option, (int)made.name_length, text);
  binding *grown = realloc(b->items, (size_t)(b->count + 1) * sizeof *grown);
  if (!grown) return complain("not enough memory");
  b->items = grown;
  b->items[b->count++] = made;
  return true;
}

static bool integer(const char *option, const char *text, int64_t low, int64_t high, int64_t *out) {
  char *end = NULL;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno || end == text || *end || value < low || value > high)
    return complain("%s takes a number from %lld to %lld, not '%s'", option, (long long)low,
                    (long long)high, text);
  *out = value;
  return true;
}

static bool tolerance(const char *option, const char *text, double *out) {
  char *end = NULL;
  *out = strtod(text, &end);
  if (end != text && !*end && *out >= 0) return true;
  return complain("%s takes a number from 0 up, not '%s'", option, text);
}

static bool seed(const char *text, uint64_t *out) {
  char *end = NULL;
  errno = 0;
  *out = strtoull(text, &end, 10);
  if (!errno && end != text && !*end && *text != '-') return true;
  return complain("--seed takes a number from 0 up, not '%s'", text);
}

static bool set_option(options *o, const char *name, const char *value, bool *known) {
  int64_t number = 0;
  *known = true;
  if (strcmp(name, "--in") == 0) return add_binding(&o->in, name, value);
  if (strcmp(name, "--out") == 0) return add_binding(&o->out, name, value);
  if (strcmp(name, "--expect") == 0) return add_binding(&o->expect, name, value);
  if (strcmp(name, "--dim") == 0) return add_binding(&o->dims, name, value);
  if (strcmp(name, "--rtol") == 0) return tolerance(name, value, &o->rtol);
  if (strcmp(name, "--atol") == 0) return tolerance(name, value, &o->atol);
  if (strcmp(name, "--seed") == 0) return seed(value, &o->seed);
  if (strcmp(name, "--repeat") == 0) return integer(name, value, 1, INT64_MAX, &o->repeat);
  if (strcmp(name, "--threads") == 0) {
    bool fine = integer(name, value, 1, 4096, &number);
    o->threads = (int32_t)number;
    return fine;
  }
  if (strcmp(name, "--weights") == 0)
    o->weights = value;
  else if (strcmp(name, "--save") == 0)
    o->save = value;
  else
    *known = false;
  return true;
}

bool parse_options(int argc, char **argv, options *o) {
  memset(o, 0, sizeof *o);
  o->rtol = 1e-5;
  o->atol = 1e-6;
  o->repeat = 1;
  for (int i = 1; i < argc; ++i) {
    const char *word = argv[i];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
      o->help = true;
    } else if (strcmp(word, "--list") == 0) {
      o->list = true;
    } else if (strcmp(word, "--map") == 0) {
      o->map = true;
    } else if (word[0] != '-') {
      if (o->export_name)
        return complain("one export at a time: '%s' or '%s'?", o->export_name, word);
      o->export_name = word;
    } else {
      char name[24];
      bool known = false;
      const char *equals = strchr(word, '=');
      const char *value = equals ? equals + 1 : i + 1 < argc ? argv[i + 1] : NULL;
      size_t length = equals ? (size_t)(equals - word) : strlen(word);
      if (length >= sizeof name) return complain("there is no option %s; see --help", word);
      memcpy(name, word, length);
      name[length] = 0;
      if (!set_option(o, name, value ? value : "", &known)) return false;
      if (!known) return complain("there is no option %s; see --help", name);
      if (!value) return complain("%s needs a value", name);
      i += equals ? 0 : 1;
    }
  }
  return true;
}

void free_options(options *o) {
  free(o->in.items);
  free(o->out.items);
  free(o->expect.items);
  free(o->dims.items);
}
