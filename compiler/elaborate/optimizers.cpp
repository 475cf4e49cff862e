// The optimizers. Names, defaults and formulas are those of TensorFlow 1.15's tf.train (optimizers
// of python/training, kernels of core/kernels/training_ops).
//
// w is the variable, g its gradient, lr the learning rate; all on the right is from before the
// step, unless it is set above.
#include "elaborate/optimizer.h"

namespace graphc {

namespace {

// w ← w - lr·g
void gradientDescent(UpdateStep &s) { s.subtract(s.setting("learning_rate") * s.gradient()); }

// a ← momentum·a + g
// w ← w - lr·a; Nesterov: w ← w - lr·(g + momentum·a)
// Source: Sutskever et al., "On the importance of initialization and momentum in deep learning",
// 2013.
void momentum(UpdateStep &s) {
  Term g = s.gradient(), lr = s.setting("learning_rate"), momentum = s.setting("momentum");
  Term a = s.setSlot("momentum", s.slot("momentum") * momentum + g);
  s.subtract(s.flag("use_nesterov") ? g * lr + a * momentum * lr : a * lr);
}

// m ← m + (1 - beta1)·(g - m)
// v ← v + (1 - beta2)·(g² - v)
// w ← w - lr·√(1 - beta2ᵗ) / (1 - beta1ᵗ)·m / (√v + epsilon), in step t = 1, 2, …
// Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, with epsilon as in the
// paper's section 2, not in its algorithm 1.
void adam(UpdateStep &s) {
  Term g = s.gradient(), m = s.slot("m"), v = s.slot("v");
  m = s.setSlot("m", m + (g - m) * (1 - s.setting("beta1")));
  v = s.setSlot("v", v + (square(g) - v) * (1 - s.setting("beta2")));
  Term lr = s.setting("learning_rate") * sqrt(1 - s.power("beta2")) / (1 - s.power("beta1"));
  s.subtract(m * lr / (sqrt(v) + s.setting("epsilon")));
}

// r ← decay·r + (1 - decay)·g²
// centered: a ← decay·a + (1 - decay)·g, and r - a² in place of r below
// m ← momentum·m + lr·g / √(r + epsilon)
// w ← w - m
// Source: Hinton, "Neural networks for machine learning", lecture 6; centered: Graves, "Generating
// sequences with recurrent neural networks", 2013.
void rmsProp(UpdateStep &s) {
  Term g = s.gradient(), r = s.slot("rms"), rest = 1 - s.setting("decay");
  r = s.setSlot("rms", r + (square(g) - r) * rest);
  if (s.flag("centered")) {
    Term a = s.slot("mg");
    r = r - square(s.setSlot("mg", a + (g - a) * rest));
  }
  s.subtract(
      s.setSlot("momentum", s.slot("momentum") * s.setting("momentum") +
                                g * s.setting("learning_rate") * rsqrt(r + s.setting("epsilon"))));
}

// a ← a + g²
// w ← w - lr·g / √a
// Source: Duchi et al., "Adaptive subgradient methods for online learning and stochastic
// optimization", 2011.
void adagrad(UpdateStep &s) {
  Term g = s.gradient();
  Term a = s.setSlot("accumulator", s.slot("accumulator") + square(g));
  s.subtract(g * s.setting("learning_rate") * rsqrt(a));
}

// a ← rho·a + (1 - rho)·g²
// d = √(u + epsilon) / √(a + epsilon)·g
// u ← rho·u + (1 - rho)·d²
// w ← w - lr·d
// Source: Zeiler, "ADADELTA: an adaptive learning rate method", 2012.
void adadelta(UpdateStep &s) {
  Term g = s.gradient(), rho = s.setting("rho"), epsilon = s.setting("epsilon");
  Term a = s.setSlot("accum", s.slot("accum") * rho + square(g) * (1 - rho));
  Term u = s.slot("accum_update");
  Term d = sqrt(u + epsilon) * rsqrt(a + epsilon) * g;
  s.setSlot("accum_update", u * rho + square(d) * (1 - rho));
  s.subtract(d * s.setting("learning_rate"));
}

// a' = a + g², p = -learning_rate_power
// z ← z + g + 2·shrinkage·w - (a'ᵖ - aᵖ) / lr·w
// w ← |z| > l1: (sign(z)·l1 - z) / (a'ᵖ / lr + 2·l2), else 0
// a ← a'
// Source: McMahan et al., "Ad click prediction: a view from the trenches", 2013.
void ftrl(UpdateStep &s) {
  Term g = s.gradient(), w = s.value(), a = s.slot("accum"), z = s.slot("linear");
  Term lr = s.setting("learning_rate");
  auto toPower = [&](const Term &x) {
    return s.is("learning_rate_power", -0.5) ? sqrt(x) : pow(x, -s.setting("learning_rate_power"));
  };
  Term newA = a + square(g), powerOfNew = toPower(newA), shrunk = g;
  if (!s.is("l2_shrinkage_regularization_strength", 0))
    shrunk = g + 2 * s.setting("l2_shrinkage_regularization_strength") * w;
  z = s.setSlot("linear", z + (shrunk - (powerOfNew - toPower(a)) / lr * w));
  Term l1 = s.setting("l1_regularization_strength");
  Term quadratic = powerOfNew / lr + 2 * s.setting("l2_regularization_strength");
  s.assign(select(greater(abs(z), l1), (sign(z) * l1 - z) / quadratic, z.number(0)));
  s.setSlot("accum", newA);
}

constexpr SlotDef momentumSlots[] = {{.name = "momentum"}};
constexpr SlotDef adamSlots[] = {{.name = "m"}, {.name = "v"}};
constexpr SlotDef rmsPropSlots[] = {
    {.name = "rms", .initial = 1}, {.name = "mg", .onlyIf = "centered"}, {.name = "momentum"}};
constexpr SlotDef adagradSlots[] = {
    {.name = "accumulator", .initialSetting = "initial_accumulator_value"}};
constexpr SlotDef adadeltaSlots[] = {{.name = "accum"}, {.name = "accum_update"}};
constexpr SlotDef ftrlSlots[] = {
    {.name = "accum", .initialSetting = "initial_accumulator_value", .nameSetting = "accum_name"},
    {.name = "linear", .nameSetting = "linear_name"}};
constexpr std::string_view adamPowers[] = {"beta1", "beta2"};
constexpr std::string_view momentumFlags[] = {"use_nesterov"};
constexpr std::string_view rmsPropFlags[] = {"centered"};
constexpr RangeDef adagradRanges[] = {{"initial_accumulator_value", RangeDef::Positive}};
constexpr RangeDef ftrlRanges[] = {{"initial_accumulator_value", RangeDef::NotNegative},
                                   {"learning_rate_power", RangeDef::NotPositive},
                                   {"l1_regularization_strength", RangeDef::NotNegative},
                                   {"l2_regularization_strength", RangeDef::NotNegative},
                                   {"l2_shrinkage_regularization_strength", RangeDef::NotNegative}};

constexpr OptimizerDef table[] = {
    {.signature = "GradientDescentOptimizer(learning_rate, use_locking=False, "
                  "name='GradientDescent')",
     .name = "GradientDescent",
     .update = gradientDescent},
    {.signature = "MomentumOptimizer(learning_rate, momentum, use_locking=False, name='Momentum', "
                  "use_nesterov=False)",
     .name = "Momentum",
     .slots = momentumSlots,
     .flags = momentumFlags,
     .update = momentum},
    {.signature = "AdamOptimizer(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, "
                  "use_locking=False, name='Adam')",
     .name = "Adam",
     .slots = adamSlots,
     .powers = adamPowers,
     .update = adam},
    {.signature = "RMSPropOptimizer(learning_rate, decay=0.9, momentum=0.0, epsilon=1e-10, "
                  "use_locking=False, centered=False, name='RMSProp')",
     .name = "RMSProp",
     .slots = rmsPropSlots,
     .flags = rmsPropFlags,
     .update = rmsProp},
    {.signature = "AdagradOptimizer(learning_rate, initial_accumulator_value=0.1, "
                  "use_locking=False, name='Adagrad')",
     .name = "Adagrad",
     .slots = adagradSlots,
     .ranges = adagradRanges,
     .update = adagrad},
    {.signature = "AdadeltaOptimizer(learning_rate=0.001, rho=0.95, epsilon=1e-8, "
                  "use_locking=False, name='Adadelta')",
     .name = "Adadelta",
     .slots = adadeltaSlots,
     .update = adadelta},
    {.signature = "FtrlOptimizer(learning_rate, learning_rate_power=-0.5, "
                  "initial_accumulator_value=0.1, l1_regularization_strength=0.0, "
                  "l2_regularization_strength=0.0, use_locking=False, name='Ftrl', "
                  "accum_name=None, linear_name=None, l2_shrinkage_regularization_strength=0.0)",
     .name = "Ftrl",
     .slots = ftrlSlots,
     .ranges = ftrlRanges,
     .update = ftrl},
};

} // namespace

std::span<const OptimizerDef> optimizers() { return table; }

} // namespace graphc
