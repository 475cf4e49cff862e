// The tables as a whole: everything that is listed can be found, read and run.
#include "ops/signature.h"
#include "ops/tables.h"

#include <gtest/gtest.h>
#include <set>

namespace graphc {
namespace {

TEST(OpsTables, EveryOperationHasARuleAndAnEvaluation) {
  std::set<std::string_view> types;
  for (const auto *op : allOps()) {
    EXPECT_TRUE(types.insert(op->type).second) << op->type << " is listed twice";
    EXPECT_TRUE(op->infer) << op->type;
    bool input = op->type == "Placeholder" || op->type == "Parameter";
    EXPECT_TRUE(op->evaluate || op->stateful || input) << op->type;
    EXPECT_EQ(findOp(op->type), op);
  }
  EXPECT_GT(types.size(), 80u);
  EXPECT_EQ(findOp("NoSuchOperation"), nullptr);
}

TEST(OpsTables, EveryFunctionIsReadable) {
  std::set<std::string_view> names;
  auto takes = [&](std::string_view name) {
    EXPECT_TRUE(names.insert(name).second) << name << " is listed twice";
    EXPECT_TRUE(findFunction(name)) << name;
  };
  for (const auto &table : operationTables())
    for (const auto &def : table.functions()) {
      Function function;
      std::string why;
      ASSERT_TRUE(parseSignature(def, function, why)) << def.signature << ": " << why;
      takes(function.name);
      EXPECT_EQ(findFunction(function.name)->def, &def);
      auto rest = def.aliases;
      while (!rest.empty()) {
        auto end = std::min(rest.find(' '), rest.size());
        takes(rest.substr(0, end));
        EXPECT_EQ(findFunction(rest.substr(0, end))->def, &def);
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
      EXPECT_TRUE(findOp(def.op)) << function.name << " makes " << def.op;
      EXPECT_FALSE(def.defaultName.empty()) << function.name;
      std::set<std::string_view> parameters;
      bool defaults = false;
      for (const auto &parameter : function.parameters) {
        EXPECT_TRUE(parameters.insert(parameter.name).second) << function.name;
        // As in Python: without a default none may follow one with a default.
        EXPECT_TRUE(parameter.hasDefault || !defaults || parameter.keywordOnly)
            << function.name << ", " << parameter.name;
        defaults |= parameter.hasDefault;
        if (parameter.hasDefault && parameter.defaultText == "None") {
          EXPECT_TRUE(parameter.optional || parameter.kind == FunctionParameter::Any)
              << function.name << ", " << parameter.name;
        }
      }
    }
  EXPECT_GT(names.size(), 150u);
  EXPECT_EQ(findFunction("no_such_function"), nullptr);
  EXPECT_EQ(findFunction(""), nullptr);
}

TEST(OpsTables, EveryFunctionIsDocumented) {
  for (const auto *function : allFunctions()) {
    std::string_view doc = function->def->doc;
    ASSERT_FALSE(doc.empty()) << function->name;
    auto first = doc.substr(0, doc.find('\n'));
    EXPECT_EQ(first.back(), '.') << function->name << ": " << first;
    EXPECT_EQ(doc.back(), '.') << function->name << ": " << doc;
  }
}

TEST(OpsTables, Operators) {
  const std::pair<const char *, const char *> names[] = {
      {"__add__", "add"},         {"__sub__", "sub"},           {"__mul__", "mul"},
      {"__truediv__", "truediv"}, {"__floordiv__", "floordiv"}, {"__mod__", "mod"},
      {"__pow__", "pow"},         {"__matmul__", "matmul"},     {"__neg__", "Neg"},
      {"__abs__", "Abs"},         {"__lt__", "Less"},           {"__le__", "LessEqual"},
      {"__gt__", "Greater"},      {"__ge__", "GreaterEqual"},   {"__and__", "and"},
      {"__or__", "or"},           {"__xor__", "xor"},           {"__invert__", "LogicalNot"}};
  for (auto [name, defaultName] : names) {
    ASSERT_TRUE(findFunction(name)) << name;
    EXPECT_EQ(findFunction(name)->def->defaultName, defaultName) << name;
  }
}

} // namespace
} // namespace graphc
