// Cases of operations: elements alone, of reductions and of sources.
#include "operation_cases.h"

namespace graphc {
namespace {

const Sizes shapes[] = {{3, 37}, {}, {5}, {2, 0, 3}, {200, 3, 33}};

template <std::vector<DType> (*types)(), Data data = Data::Any>
void unary(Suite &s) {
  for (DType t : types())
    for (const Sizes &shape : shapes) s.add({s.in(t, shape, data)}, {}, {2, 0});
}

template <std::vector<DType> (*types)(), Data left = Data::Any, Data right = Data::Any>
void binary(Suite &s) {
  for (DType t : types()) {
    s.add({s.in(t, {4, 33}, left), s.in(t, {4, 33}, right)}, {}, {2, 0});
    s.add({s.in(t, {4, 33}, left), s.in(t, {33}, right)}, {}, {2, 0});
    s.add({s.in(t, {7, 1}, left), s.in(t, {3, 1, 5}, right)}, {}, {2, 0});
    s.add({s.in(t, {}, left), s.in(t, {70, 300}, right)}, {}, {2, 0});
    s.add({s.in(t, {0, 3}, left), s.in(t, {1, 3}, right)}, {}, {2, 0});
  }
}

void unaryFloat(Suite &s) { unary<floating>(s); }

void addN(Suite &s) {
  for (DType t : numeric()) {
    s.add(
        {s.in(t, {3, 9}, Data::Small), s.in(t, {3, 9}, Data::Small), s.in(t, {3, 9}, Data::Small)},
        {}, {2, 2});
    s.add({s.in(t, {17})});
  }
}

void leakyRelu(Suite &s) {
  for (DType t : floating()) s.add({s.in(t, {3, 37})}, {floatAttr("alpha", 0.3)}, {1, 0});
}

void select(Suite &s) {
  for (DType t : every()) {
    s.add({s.in(DType::Bool, {3, 21}), s.in(t, {3, 21}), s.in(t, {3, 21})});
    s.add({s.in(DType::Bool, {3, 1}), s.in(t, {3, 21}), s.in(t, {21})});
    s.add({s.in(DType::Bool, {}), s.in(t, {5}), s.in(t, {})});
  }
}

void cast(Suite &s) {
  for (DType from : every())
    for (DType to : every()) s.add({s.in(from, {3, 37})}, {typeAttr("dtype", to)});
}

void biasAdd(Suite &s) {
  for (DType t : numeric())
    s.add({s.in(t, {3, 4, 21}, Data::Small), s.in(t, {21}, Data::Small)}, {}, {1, 1});
}

// Reductions

template <std::vector<DType> (*types)(), Data data>
void reduce(Suite &s) {
  auto add = [&](DType t, Sizes sizes, std::vector<int64_t> axes, bool keep) {
    s.add({s.in(t, sizes, data)}, {s.intsOf("axes", axes), boolAttr("keepdims", keep)}, {50, 50});
  };
  for (DType t : types()) {
    add(t, {4, 75}, {1}, false);
    add(t, {4, 75}, {0}, true);
    add(t, {3, 5, 40}, {0, 2}, false);
    add(t, {3, 5, 40}, {1}, true);
    add(t, {3, 5, 4}, {0, 1, 2}, false);
    add(t, {3}, {}, false);
    add(t, {}, {}, false);
    add(t, {2, 0}, {1}, false);
    add(t, {130, 150}, {1}, false);
    add(t, {130, 150}, {0}, false);
  }
}
std::vector<DType> onlyBool() { return {DType::Bool}; }

void arg(Suite &s) {
  for (DType t : numeric())
    for (DType out : {DType::Int32, DType::Int64})
      for (int64_t axis : {0, 1, 2})
        s.add({s.in(t, {3, 7, 35}, t == DType::Float32 ? Data::Any : Data::Small)},
              {intAttr("axis", axis), typeAttr("output_type", out)});
}

void softmax(Suite &s) {
  for (DType t : floating()) {
    for (int64_t axis : {0, 1, 2})
      s.add({s.in(t, {4, 10, 35}, Data::Small)}, {intAttr("axis", axis)}, {20, 4});
    s.add({s.in(t, {3, 37}, Data::Any)}, {intAttr("axis", 0)}, {20, 100});
    s.add({s.in(t, {0, 3})}, {intAttr("axis", 1)});
  }
}
void crossEntropy(Suite &s) {
  for (DType t : floating())
    for (int64_t axis : {0, 1})
      s.add({s.in(t, {40, 10}, Data::Small), s.in(t, {40, 10}, Data::Positive)},
            {intAttr("axis", axis)}, {30, 10});
}
void sparseCrossEntropy(Suite &s) {
  for (DType t : floating())
    for (DType index : {DType::Int32, DType::Int64})
      s.add({s.in(t, {40, 10}, Data::Small), s.in(index, {40}, Data::Index, 10)}, {}, {30, 10});
}

std::vector<DType> whole() { return {std::begin(integers), std::end(integers)}; }

// Sources

void constant(Suite &s) {
  for (DType t : every()) {
    Array array;
    array.reset(t, {2, 3});
    for (int64_t i = 0; i < 6; ++i) array.setNumber(i, double(i) - 1.5);
    s.add({}, {literalAttr("value", literalOf(s.graph, array))});
    array.reset(t, {40});
    s.add({}, {literalAttr("value", literalOf(s.graph, array))});
    array.reset(t, {0, 2});
    s.add({}, {literalAttr("value", literalOf(s.graph, array))});
  }
}
void dims(Suite &s) {
  for (DType t : numeric()) {
    s.in(DType::Float32, {4, 6});
    s.add({}, {s.dimsOf("value", {s.d(4), s.d(6) * Dim(2), 7}), typeAttr("dtype", t),
               boolAttr("scalar", false)});
    s.in(DType::Float32, {4, 6});
    s.add({},
          {s.dimsOf("value", {s.d(4) * s.d(6)}), typeAttr("dtype", t), boolAttr("scalar", true)});
  }
}
void fill(Suite &s) {
  for (DType t : every()) {
    s.in(DType::Float32, {4, 37});
    s.add({s.in(t, {})}, {s.dimsOf("shape", {s.d(4), s.d(37)})});
  }
}
void range(Suite &s) {
  for (DType t : {DType::Int32, DType::Int64, DType::Float32, DType::Float64}) {
    s.in(DType::Float32, {37});
    s.add({s.in(t, {}, Data::Small), s.in(t, {}, Data::Small)}, {s.dimsOf("size", {s.d(37)})});
  }
}
void shapeOf(Suite &s) {
  for (DType t : {DType::Int32, DType::Int64})
    s.add({s.in(DType::Float32, {4, 1, 6})}, {typeAttr("dtype", t), typeAttr("out_type", t)});
}

} // namespace

const CaseTable &elementCases() {
  static const CaseTable table = {
      {"Sqrt", unaryFloat},
      {"Rsqrt", unaryFloat},
      {"Exp", unaryFloat},
      {"Expm1", unaryFloat},
      {"Log", unaryFloat},
      {"Log1p", unaryFloat},
      {"Tanh", unaryFloat},
      {"Sigmoid", unaryFloat},
      {"Sin", unaryFloat},
      {"Cos", unaryFloat},
      {"Tan", unaryFloat},
      {"Asin", unaryFloat},
      {"Acos", unaryFloat},
      {"Atan", unaryFloat},
      {"Sinh", unaryFloat},
      {"Cosh", unaryFloat},
      {"Floor", unaryFloat},
      {"Ceil", unaryFloat},
      {"Erf", unaryFloat},
      {"Erfc", unaryFloat},
      {"Elu", unaryFloat},
      {"Selu", unaryFloat},
      {"Gelu", unaryFloat},
      {"IsNan", unaryFloat},
      {"IsInf", unaryFloat},
      {"IsFinite", unaryFloat},
      {"Softplus", unaryFloat},
      {"Softsign", unaryFloat},
      {"Reciprocal", unaryFloat},
      {"Asinh", unaryFloat},
      {"Acosh", unaryFloat},
      {"Atanh", unaryFloat},
      {"Add", binary<numeric>},
      {"Sub", binary<numeric>},
      {"Mul", binary<numeric>},
      {"RealDiv", binary<floating>},
      {"FloorDiv", binary<numeric, Data::Small, Data::NonZero>},
      {"FloorMod", binary<numeric, Data::Small, Data::NonZero>},
      {"Pow", binary<numeric, Data::Positive, Data::Exponent>},
      {"Maximum", binary<numeric>},
      {"Minimum", binary<numeric>},
      {"SquaredDifference", binary<numeric>},
      {"Atan2", binary<floating>},
      {"AddN", addN},
      {"Neg", unary<numeric>},
      {"Abs", unary<numeric>},
      {"Sign", unary<numeric>},
      {"Square", unary<numeric>},
      {"Round", unary<numeric>},
      {"Relu", unary<numeric>},
      {"Relu6", unary<numeric>},
      {"LeakyRelu", leakyRelu},
      {"Equal", binary<every>},
      {"NotEqual", binary<every>},
      {"Less", binary<numeric>},
      {"LessEqual", binary<numeric>},
      {"Greater", binary<numeric>},
      {"GreaterEqual", binary<numeric>},
      {"LogicalAnd", binary<onlyBool>},
      {"LogicalOr", binary<onlyBool>},
      {"LogicalNot", unary<onlyBool>},
      {"Select", select},
      {"Cast", cast},
      {"BiasAdd", biasAdd},
      {"Sum", reduce<numeric, Data::Small>},
      {"Mean", reduce<numeric, Data::Small>},
      {"Prod", reduce<numeric, Data::Unit>},
      {"Max", reduce<numeric, Data::Any>},
      {"Min", reduce<numeric, Data::Any>},
      {"Any", reduce<onlyBool, Data::Any>},
      {"All", reduce<onlyBool, Data::Any>},
      {"ArgMax", arg},
      {"ArgMin", arg},
      {"Softmax", softmax},
      {"LogSoftmax", softmax},
      {"SoftmaxCrossEntropyWithLogits", crossEntropy},
      {"SparseSoftmaxCrossEntropyWithLogits", sparseCrossEntropy},
      {"BitwiseAnd", binary<whole>},
      {"BitwiseOr", binary<whole>},
      {"BitwiseXor", binary<whole>},
      {"LeftShift", binary<whole>},
      {"RightShift", binary<whole>},
      {"Invert", unary<whole>},
      {"TruncateDiv", binary<whole, Data::Any, Data::NonZero>},
      {"TruncateMod", binary<whole, Data::Any, Data::NonZero>},
      {"Const", constant},
      {"Dims", dims},
      {"Fill", fill},
      {"Range", range},
      {"Shape", shapeOf},
      {"Size", shapeOf},
  };
  return table;
}

} // namespace graphc
