// Loops: compiled code beside the interpreter and beside the same definition unrolled, with steps
// known at compile time and at run time only, their derivatives, and the size of their code.
#include "../support/definition.h"

#include <random>
#include <set>

namespace graphc {
namespace {

Array random(std::vector<int64_t> dims, uint64_t seed, DType dtype = DType::Float64) {
  Array made;
  made.reset(dtype, std::move(dims));
  std::mt19937_64 generator(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (int64_t i = 0; i < made.elements(); ++i) made.setNumber(i, uniform(generator));
  return made;
}

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// The outputs of the first export, compiled for one and two threads and interpreted: the same.
std::vector<Array> run(const std::string &text, const std::vector<Array> &inputs, int calls = 1,
                       Tolerance tolerance = {1e-11, 1e-11}) {
  Definition definition(text, {}, 7);
  EXPECT_EQ(definition.why, "") << text;
  if (!definition.why.empty()) return {};
  std::string name = definition.graph().exports[0].name;
  GraphInterpreter interpreter(definition.graph(), 7);
  std::string error;
  EXPECT_TRUE(interpreter.initialize(error)) << error;
  auto *one = definition.compiled().instance(1), *two = definition.compiled().instance(2);
  EXPECT_TRUE(one && two) << definition.compiled().why;
  std::vector<Array> outputs, want;
  for (int call = 0; call < calls; ++call) {
    outputs = definition.call(one, name, inputs);
    auto others = definition.call(two, name, inputs);
    EXPECT_TRUE(interpreter.call(definition.graph().exports[0], inputs, want, error)) << error;
    EXPECT_EQ(outputs.size(), want.size());
    for (size_t i = 0; i < std::min(outputs.size(), want.size()); ++i) {
      EXPECT_EQ(outputs[i].bytes, others[i].bytes) << "threads, output " << i;
      EXPECT_EQ(difference(outputs[i], want[i], tolerance), "") << "output " << i << "\n" << text;
    }
  }
  return outputs;
}

/// The same with LOOP as a loop and unrolled.
void runBoth(const std::string &text, const std::vector<Array> &inputs, int calls = 1) {
  auto loop = run(replaced(text, "LOOP", "unroll=False"), inputs, calls);
  auto unrolled = run(replaced(text, "LOOP", "unroll=True"), inputs, calls);
  ASSERT_EQ(loop.size(), unrolled.size());
  for (size_t i = 0; i < loop.size(); ++i)
    EXPECT_EQ(difference(loop[i], unrolled[i], {1e-9, 1e-10}), "") << "output " << i << "\n"
                                                                   << text;
}

TEST(Loops, AccumulatorsAndFolds) {
  runBoth(R"(
x = placeholder(float64, [5, 2], name="x")
y = placeholder(float64, [5, 2], name="y")
s = scan(lambda a, e: 0.5 * a + e, x, zeros([2], float64), LOOP)
f = scan(lambda a, e: a * e, x, reverse=True, LOOP)
p, q = scan(lambda a, e: (a[0] + e[0], a[1] * e[1]), (x, y), (zeros([2], float64), y[0]), LOOP)
l = foldl(lambda a, e: a - e, x, LOOP)
r = foldr(lambda a, e: e - a, x, y[0], LOOP)
m, n = map_fn(lambda e: (e[0] * e[1], reduce_sum(e[0])), (x, y), LOOP)
export run(x=x, y=y) -> (s=s, f=f, p=p, q=q, l=l, r=r, m=m, n=n)
)",
          {random({5, 2}, 1), random({5, 2}, 2)});
}

TEST(Loops, DTypes) {
  for (std::string dtype : {"float16", "bfloat16", "float32", "int32", "uint8", "int64"}) {
    Array x;
    x.reset(*dtypeFromName(dtype), {6, 3});
    for (int64_t i = 0; i < 18; ++i) x.setNumber(i, double(i % 5));
    runBoth("x = placeholder(" + dtype + R"(, [6, 3], name="x")
s = scan(lambda a, e: a + e * a, x, LOOP)
export run(x=x) -> (s=s)
)",
            {x});
  }
}

TEST(Loops, StepsKnownAtRunTimeOnly) {
  std::string text = R"(
x = placeholder(float64, [None, dim("B"), 3], name="x")
w = get_variable("w", [6, 3], float64)
s = scan(lambda a, e: tanh(matmul(concat([a, e], 1), w)), x, zeros([x.shape[1], 3], float64))
t = scan(lambda a, e: a * e + a, x)
l = foldl(lambda a, e: a - e, x)
m = map_fn(lambda e: reduce_sum(e, 0), x)
export run(x=x) -> (s=s, t=t, l=l, m=m)
)";
  for (int64_t steps : {1, 2, 7, 40})
    for (int64_t batch : {1, 5}) {
      auto outputs = run(text, {random({steps, batch, 3}, 3)});
      ASSERT_EQ(outputs.size(), 4u);
      EXPECT_EQ(outputs[0].dims, (std::vector<int64_t>{steps, batch, 3}));
    }
}

TEST(Loops, NoSteps) {
  auto outputs = run(R"(
x = placeholder(float64, [None, 3], name="x")
start = placeholder(float64, [3], name="start")
s = scan(lambda a, e: a + e, x, start)
l = foldl(lambda a, e: a + e, x, start)
d, g = gradients([reduce_sum(s), reduce_sum(l * l)], [x, start])
export run(x=x, start=start) -> (s=s, l=l, d=d, g=g)
)",
                     {random({0, 3}, 1), arrayOf(DType::Float64, {3}, {1, 2, 3})});
  ASSERT_EQ(outputs.size(), 4u);
  EXPECT_EQ(outputs[0].elements(), 0);
  EXPECT_EQ(outputs[1].number(2), 3);
  EXPECT_EQ(outputs[3].number(2), 6);
}

TEST(Loops, Nested) {
  runBoth(R"(
x = placeholder(float64, [4, 3, 2], name="x")
w = get_variable("w", [2, 2], float64)
def inner(row, scale):
    return scan(lambda a, e: a * scale + squeeze(matmul(expand_dims(e, 0), w), 0), row, LOOP)
s = map_fn(lambda row: inner(row, reduce_mean(row)), x, LOOP)
t = scan(lambda a, row: a + foldl(lambda b, e: b * a + e, row, LOOP), x, ones([2], float64), LOOP)
d = gradients(reduce_sum(s * s) + reduce_sum(t * t), [x, w])
export run(x=x) -> (s=s, t=t, dx=d[0], dw=d[1])
)",
          {random({4, 3, 2}, 5)});
}

TEST(Loops, Derivatives) {
  runBoth(R"(
x = placeholder(float64, [6, 4, 3], name="x")
start = placeholder(float64, [4, 5], name="start")
w = get_variable("w", [8, 5], float64)
b = get_variable("b", [5], float64, zeros_initializer())
scale = exp(b)
def step(a, e):
    total = tanh(matmul(concat([a[0], e], 1), w) + b)
    return total, a[1] * 0.9 + reduce_sum(total * scale)
s, t = scan(step, x, (start, constant(0.5, float64)), LOOP)
loss = reduce_sum(s * s) + t[-1] + reduce_mean(t)
d = gradients(loss, [x, start, w, b])
dd = gradients(reduce_sum(d[0] * d[0]) + reduce_sum(d[2]), [x, w, start])
last = foldr(lambda a, e: a * 0.5 + e * e, x, LOOP)
dl = gradients(last, x)[0]
export run(x=x, start=start) -> (loss=loss, dx=d[0], ds=d[1], dw=d[2], db=d[3], ddx=dd[0],
                                 ddw=dd[1], dds=dd[2], dl=dl)
)",
          {random({6, 4, 3}, 6), random({4, 5}, 7)});
}

/// Against central differences.
TEST(Loops, DerivativesOfRunTimeSteps) {
  Definition definition(R"(
x = placeholder(float64, [None, 3], name="x")
w = get_variable("w", [3], float64)
s = scan(lambda a, e: sin(a * w + e), x, ones([3], float64), reverse=True)
loss = reduce_sum(s * s)
d, dw = gradients(loss, [x, w])
export run(x=x) -> (loss=loss, d=d, dw=dw)
)");
  ASSERT_EQ(definition.why, "");
  auto *instance = definition.compiled().instance(1);
  Array x = random({5, 3}, 9);
  auto got = definition.call(instance, "run", {x});
  for (int64_t i = 0; i < x.elements(); ++i) {
    const double h = 1e-5;
    Array up = x, down = x;
    up.setNumber(i, x.number(i) + h);
    down.setNumber(i, x.number(i) - h);
    double want = (definition.call(instance, "run", {up})[0].number(0) -
                   definition.call(instance, "run", {down})[0].number(0)) /
                  (2 * h);
    EXPECT_NEAR(got[1].number(i), want, 1e-8) << i;
  }
}

TEST(Loops, RecurrentNetworks) {
  for (std::string cell : {"BasicRNNCell(5)", "BasicLSTMCell(5)", "GRUCell(5)",
                           "MultiRNNCell([BasicLSTMCell(5), GRUCell(5)])"}) {
    std::string text = R"(
x = placeholder(float64, [3, 6, 4], name="x")
lengths = constant([6, 2, 0])
cell = tf.nn.rnn_cell.CELL
DYNAMIC
state = state if type(state).__name__ == "Tensor" else state[0]
state = state if type(state).__name__ == "Tensor" else state[0]
loss = reduce_sum(out * out) + reduce_sum(state)
d = gradients(loss, [x] + trainable_variables())
export run(x=x) -> (out=out, state=state, dx=d[0], dw=d[1], db=d[2])
)";
    text = replaced(text, "CELL",
                    replaced(replaced(cell, "[B", "[tf.nn.rnn_cell.B"), " G", " tf.nn.rnn_cell.G"));
    auto loop = run(replaced(text, "DYNAMIC",
                             "out, state = tf.nn.dynamic_rnn(cell, x, lengths, dtype=float64)"),
                    {random({3, 6, 4}, 11)});
    auto unrolled =
        run(replaced(text, "DYNAMIC",
                     "outs, state = tf.nn.static_rnn(cell, unstack(x, axis=1), dtype=float64, "
                     "sequence_length=lengths)\nout = stack(outs, 1)"),
            {random({3, 6, 4}, 11)});
    ASSERT_EQ(loop.size(), unrolled.size());
    for (size_t i = 0; i < loop.size(); ++i)
      EXPECT_EQ(difference(loop[i], unrolled[i], {1e-9, 1e-10}), "") << cell << " output " << i;
  }
}

/// Every step draws its own numbers, every call others, and the way back the same as the way there.
TEST(Loops, RandomNumbers) {
  auto outputs = run(R"(
x = placeholder(float32, [8, 16], name="x")
def step(a, e):
    kept = tf.nn.dropout(e, 0.5)
    return kept
s = scan(step, x, zeros([16]))
d = gradients(reduce_sum(s * s), x)[0]
n = map_fn(lambda row: map_fn(lambda e: random_uniform([]) + 0.0 * e, row), x)
export run(x=x) -> (s=s, d=d, n=n)
)",
                     {arrayOf(DType::Float32, {8, 16}, std::vector<double>(128, 1.0))}, 3);
  ASSERT_EQ(outputs.size(), 3u);
  std::set<double> drawn;
  for (int64_t i = 0; i < 128; ++i) {
    drawn.insert(outputs[2].number(i));
    EXPECT_EQ(outputs[1].number(i), outputs[0].number(i) > 0 ? 8 : 0) << i;
  }
  EXPECT_GT(drawn.size(), 120u);
  bool rowsDiffer = false;
  for (int64_t i = 0; i < 16; ++i) rowsDiffer |= outputs[0].number(i) != outputs[0].number(16 + i);
  EXPECT_TRUE(rowsDiffer);
}

/// What is read of a variable is what it was, though the same call updates it; a failure within a
/// loop changes nothing.
TEST(Loops, Training) {
  run(R"(
x = placeholder(float32, [None, 8, 3], name="x")
out, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicLSTMCell(16), x, dtype=float32)
loss = reduce_mean(square(out - 0.5))
step = AdamOptimizer(0.01).minimize(loss)
export train(x=x) -> (loss=loss, step)
)",
      {random({4, 8, 3}, 13, DType::Float32)}, 5, {1e-4, 1e-5});

  Definition definition(R"(
x = placeholder(int32, [None], name="x")
v = get_variable("v", [], int32, constant_initializer(5))
table = constant([1, 2, 3])
total = foldl(lambda a, i: a + gather(table, i), x, 0)
export add(x=x) -> (total=total, assign_add(v, total))
export show() -> (v=v)
)");
  ASSERT_EQ(definition.why, "");
  auto *instance = definition.compiled().instance(1);
  EXPECT_EQ(definition.call(instance, "add", {arrayOf(DType::Int32, {3}, {0, 1, 2})})[0].number(0),
            6);
  std::vector<Array> outputs;
  EXPECT_FALSE(
      definition.compiled().call(instance, 0, {arrayOf(DType::Int32, {2}, {0, 9})}, outputs));
  EXPECT_NE(definition.compiled().why.find("9"), std::string::npos) << definition.compiled().why;
  EXPECT_EQ(definition.call(instance, "show")[0].number(0), 11);
}

/// More matrices than fit small kernels, so that what is captured is packed before the loop.
TEST(Loops, LargeProducts) {
  run(R"(
x = placeholder(float32, [7, 32, 64], name="x")
w = get_variable("w", [128, 256], float32)
u = get_variable("u", [256, 64], float32)
s = scan(lambda a, e: tanh(matmul(relu(matmul(concat([a, e], 1), w)), u)), x, zeros([32, 64]))
d = gradients(reduce_mean(s * s), [w, u])
up = [assign_sub(w, d[0]), assign_sub(u, d[1])]
export run(x=x) -> (s=s, a=up[0], b=up[1])
)",
      {random({7, 32, 64}, 17, DType::Float32)}, 2, {1e-3, 1e-4});
}

TEST(Loops, CodeDoesNotGrowWithTheSteps) {
  auto kernels = [](int steps) {
    Definition definition(replaced(R"(
x = placeholder(float32, [2, STEPS, 4], name="x")
out, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicLSTMCell(8), x, dtype=float32)
step = GradientDescentOptimizer(0.1).minimize(reduce_sum(out))
export train(x=x) -> (out=out, step)
)",
                                   "STEPS", std::to_string(steps)));
    EXPECT_EQ(definition.why, "");
    size_t count = 0;
    forEachOperation(definition.graph().operations, [&](const Operation *) { ++count; });
    return count;
  };
  EXPECT_EQ(kernels(10), kernels(1000));
}

} // namespace
} // namespace graphc
