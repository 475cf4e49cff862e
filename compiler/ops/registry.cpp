// Finding operations and functions by name. Nothing is done before the first lookup, and a
// signature is parsed when its function is first found: most runs need few of them.
#include "ops/signature.h"
#include "ops/tables.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <tsl/robin_map.h>

namespace graphc {

std::span<const OperationTable> operationTables() {
  static constexpr OperationTable tables[] = {
#define GRAPHC_LIST(prefix, title) {title, prefix##Ops, prefix##Functions},
      GRAPHC_OPERATION_TABLES(GRAPHC_LIST)
#undef GRAPHC_LIST
  };
  return tables;
}

namespace {
struct Slot {
  const FunctionDef *def;
  std::atomic<const Function *> parsed = nullptr;

  explicit Slot(const FunctionDef *d) : def(d) {}
  ~Slot() { delete parsed.load(); }

  const Function *get() {
    if (const auto *known = parsed.load(std::memory_order_acquire)) return known;
    auto made = std::make_unique<Function>();
    std::string why;
    if (!parseSignature(*def, *made, why)) {
      std::fprintf(stderr, "bad signature %.*s: %s\n", int(def->signature.size()),
                   def->signature.data(), why.c_str());
      std::abort();
    }
    const Function *first = nullptr;
    if (parsed.compare_exchange_strong(first, made.get(), std::memory_order_acq_rel))
      return made.release();
    return first; // another thread was faster
  }
};

struct Registry {
  tsl::robin_map<std::string_view, const OpDef *> ops;
  std::deque<Slot> slots; // in the tables' order
  tsl::robin_map<std::string_view, Slot *> functions;

  Registry() {
    ops.reserve(256);
    functions.reserve(1024);
    for (const auto &table : operationTables()) {
      for (const auto &op : table.ops()) ops.emplace(op.type, &op);
      for (const auto &function : table.functions()) {
        auto *slot = &slots.emplace_back(&function);
        functions.emplace(signatureName(function.signature), slot);
        auto rest = function.aliases;
        while (!rest.empty()) {
          auto end = std::min(rest.find(' '), rest.size());
          if (end > 0) functions.emplace(rest.substr(0, end), slot);
          rest.remove_prefix(std::min(end + 1, rest.size()));
        }
      }
    }
  }
};

Registry &registry() {
  static Registry made;
  return made;
}
} // namespace

const OpDef *findOp(std::string_view type) {
  auto &ops = registry().ops;
  auto at = ops.find(type);
  return at == ops.end() ? nullptr : at->second;
}

const Function *findFunction(std::string_view name) {
  auto &functions = registry().functions;
  auto at = functions.find(name);
  return at == functions.end() ? nullptr : at->second->get();
}

std::vector<const OpDef *> allOps() {
  std::vector<const OpDef *> all;
  for (const auto &table : operationTables())
    for (const auto &op : table.ops()) all.push_back(&op);
  return all;
}

std::vector<const Function *> allFunctions() {
  std::vector<const Function *> all;
  for (auto &slot : registry().slots) all.push_back(slot.get());
  return all;
}

} // namespace graphc
