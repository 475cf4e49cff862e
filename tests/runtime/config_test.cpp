// Configurations, allocators, processors, error handlers.
#include "support.h"

using namespace graphrt_test;

namespace {

graphrt_status createWith(const graphrt_config &c) {
  graphrt_instance *instance = reinterpret_cast<graphrt_instance *>(1);
  graphrt_status status = graphrt_create(&sample_desc, &c, &instance);
  EXPECT_EQ(instance == nullptr, status != GRAPHRT_OK);
  graphrt_destroy(instance);
  return status;
}

std::string message() { return graphrt_message(); }

// Sets a variable of the environment until the end of the scope.
struct Environment {
  explicit Environment(const char *value) { setenv("GRAPHRT_CPU", value, 1); }
  ~Environment() { unsetenv("GRAPHRT_CPU"); }
};

} // namespace

TEST(Config, RefusesWhatMakesNoSense) {
  graphrt_config c{};
  EXPECT_EQ(createWith(c), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_NE(message().find("struct_size"), std::string::npos);
  c = config();
  c.threads = -1;
  EXPECT_EQ(createWith(c), GRAPHRT_INVALID_ARGUMENT);
  c.threads = 100000;
  EXPECT_EQ(createWith(c), GRAPHRT_INVALID_ARGUMENT);
  c = config();
  c.allocate = Allocator::allocate;
  EXPECT_EQ(createWith(c), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(graphrt_create(&sample_desc, nullptr, nullptr), GRAPHRT_INVALID_ARGUMENT);
  graphrt_instance *out;
  EXPECT_EQ(graphrt_create(nullptr, nullptr, &out), GRAPHRT_INVALID_ARGUMENT);
}

TEST(Config, OlderAndNewerStructures) {
  struct {
    graphrt_config known;
    uint64_t newer;
  } larger{config(), 0};
  larger.known.struct_size = sizeof larger;
  EXPECT_EQ(createWith(larger.known), GRAPHRT_OK);
  larger.newer = 1;
  EXPECT_EQ(createWith(larger.known), GRAPHRT_INVALID_ARGUMENT);
  graphrt_config older = config();
  older.struct_size = offsetof(graphrt_config, allocate);
  older.allocate = Allocator::allocate; // beyond what the caller says it knows
  EXPECT_EQ(createWith(older), GRAPHRT_OK);
}

TEST(Config, SeedOfDefinitionOrConfig) {
  Instance byDefault = make(), again = make();
  EXPECT_EQ(get<float>(byDefault, "w", 6), get<float>(again, "w", 6));
  graphrt_config c = config();
  c.seed = 77; // what the definition has
  EXPECT_EQ(get<float>(byDefault, "w", 6), get<float>(make(&c), "w", 6));
  c.seed = 78;
  EXPECT_NE(get<float>(byDefault, "w", 6), get<float>(make(&c), "w", 6));
}

TEST(Config, ErrorHandlerHearsOnce) {
  struct Heard {
    int count = 0;
    graphrt_status status = GRAPHRT_OK;
    std::string text;
  } heard;
  graphrt_config c = config();
  c.error_user = &heard;
  c.on_error = [](void *user, graphrt_status status, const char *text) {
    auto *h = static_cast<Heard *>(user);
    ++h->count;
    h->status = status;
    h->text = text;
  };
  Instance instance = make(&c);
  EXPECT_EQ(heard.count, 0);
  EXPECT_EQ(graphrt_load(instance.get(), "/nonexistent/file"), GRAPHRT_IO_ERROR);
  EXPECT_EQ(heard.count, 1);
  EXPECT_EQ(heard.status, GRAPHRT_IO_ERROR);
  EXPECT_EQ(heard.text, message());
  EXPECT_NE(heard.text.find("/nonexistent/file"), std::string::npos);
}

TEST(Config, ProcessorLevelIsChosenAndLimited) {
  graphrt_instance_info best{};
  best.struct_size = sizeof best;
  EXPECT_EQ(graphrt_get_info(make().get(), &best), GRAPHRT_OK);
  {
    Environment baseline("baseline");
    graphrt_instance_info info{};
    info.struct_size = sizeof info;
    Instance instance = make();
    ASSERT_EQ(graphrt_get_info(instance.get(), &info), GRAPHRT_OK);
    EXPECT_EQ(info.cpu, GRAPHRT_CPU_BASELINE);
    EXPECT_EQ(info.seed, 77u);
    EXPECT_EQ(info.counter, 1u);
    EXPECT_EQ(info.variable_bytes, 512u);
  }
  // What the processor does not run is refused, another architecture's levels too.
  for (auto [name, level] :
       {std::pair("v4", GRAPHRT_CPU_X86_64_V4), std::pair("sve256", GRAPHRT_CPU_AARCH64_SVE256),
        std::pair("sve512", GRAPHRT_CPU_AARCH64_SVE512)}) {
    Environment asked(name);
    graphrt_instance *out = nullptr;
    EXPECT_EQ(graphrt_create(&sample_desc, nullptr, &out),
              best.cpu == level ? GRAPHRT_OK : GRAPHRT_UNSUPPORTED)
        << name;
    graphrt_destroy(out);
  }
  {
    Environment nonsense("v5\033[31m");
    graphrt_instance *out = nullptr;
    EXPECT_EQ(graphrt_create(&sample_desc, nullptr, &out), GRAPHRT_INVALID_ARGUMENT);
    EXPECT_EQ(message().find('\033'), std::string::npos);
  }
}

TEST(Config, NoVariantForThisProcessor) {
  graphrt_model_desc desc = sample_desc;
  desc.variants = sample_desc.variants + 2; // AVX-512 only
  desc.variant_count = 1;
  Environment baseline("baseline");
  graphrt_instance *out = nullptr;
  EXPECT_EQ(graphrt_create(&desc, nullptr, &out), GRAPHRT_UNSUPPORTED);
  EXPECT_NE(message().find("v4"), std::string::npos);
}

TEST(Config, AnotherInterfaceIsRefused) {
  static const int32_t other = 2;
  graphrt_model_desc desc = sample_desc;
  desc.interface = &other;
  graphrt_instance *out = nullptr;
  EXPECT_EQ(graphrt_create(&desc, nullptr, &out), GRAPHRT_UNSUPPORTED);
}

TEST(Allocator, EverythingComesFromItAndGoesBack) {
  Allocator allocator;
  graphrt_config c = config();
  allocator.into(c);
  {
    Instance a = make(&c);
    Instance b = share(a);
    EXPECT_GE(allocator.live, 4);
    std::vector<float> x(3000, 1.0f);
    float s;
    EXPECT_EQ(call(b, SAMPLE_SUMS, {3000}, {x.data()}, {&s}), GRAPHRT_OK);
    EXPECT_EQ(s, 3000.0f);
    a.reset();
    EXPECT_EQ(call(b, SAMPLE_SUMS, {3000}, {x.data()}, {&s}), GRAPHRT_OK);
  }
  EXPECT_EQ(allocator.live, 0);
  EXPECT_EQ(allocator.bytes, 0); // sizes given back are those asked for
}

TEST(Allocator, CallsDoNotAllocateOnceTheWorkspaceHasItsSize) {
  Allocator allocator;
  graphrt_config c = config();
  c.threads = 4;
  allocator.into(c);
  Instance instance = make(&c);
  std::vector<float> x(5000, 1.0f), u(5000), v(10000);
  float s;
  EXPECT_EQ(call(instance, SAMPLE_SUMS, {5000}, {x.data()}, {&s}), GRAPHRT_OK);
  int64_t before = allocator.calls;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(call(instance, SAMPLE_SUMS, {5000 - i}, {x.data()}, {&s}), GRAPHRT_OK);
    EXPECT_EQ(call(instance, SAMPLE_NOISE, {5000}, {}, {u.data(), v.data()}), GRAPHRT_OK);
    EXPECT_EQ(train(instance, {1, 2, 3}), GRAPHRT_OK);
    EXPECT_EQ(call(instance, SAMPLE_PREDICT, {1}, {x.data()}, {u.data()}), GRAPHRT_OK);
  }
  EXPECT_EQ(allocator.calls, before);
}

// Every allocation in turn fails: a status, nothing lost, and what existed goes on.
TEST(Allocator, FailureOfEachAllocation) {
  Folder folder;
  std::string path = folder / "checkpoint.safetensors";
  Instance original = make();
  ASSERT_EQ(train(original, {1, 2, 3}), GRAPHRT_OK);
  ASSERT_EQ(graphrt_save(original.get(), path.c_str()), GRAPHRT_OK);
  for (bool after : {false, true}) {
    int64_t failures = 0;
    for (int64_t at = 0;; ++at) {
      Allocator allocator;
      allocator.failAt = at;
      allocator.failAfter = after;
      graphrt_config c = config();
      c.checkpoint = path.c_str();
      allocator.into(c);
      graphrt_instance *raw = nullptr;
      graphrt_status status = graphrt_create(&sample_desc, &c, &raw);
      Instance a(raw);
      bool failed = status != GRAPHRT_OK;
      auto note = [&](graphrt_status s) {
        if (s == GRAPHRT_OK) return;
        EXPECT_EQ(s, GRAPHRT_OUT_OF_MEMORY) << graphrt_message();
        EXPECT_NE(message().find("memory"), std::string::npos);
        failed = true;
      };
      note(status);
      if (a) {
        graphrt_instance *second = nullptr;
        note(graphrt_share(a.get(), &second));
        Instance b(second);
        std::vector<float> x(1000, 1.0f);
        float s = 0;
        note(call(a, SAMPLE_SUMS, {1000}, {x.data()}, {&s}));
        note(graphrt_load(a.get(), path.c_str()));
        note(graphrt_save(a.get(), (folder / "again.safetensors").c_str()));
        EXPECT_EQ(stepOf(a), 1);
        // A call that found no memory finds it later.
        if (!after) {
          EXPECT_EQ(call(a, SAMPLE_SUMS, {1000}, {x.data()}, {&s}), GRAPHRT_OK);
        }
      }
      a.reset();
      EXPECT_EQ(allocator.live, 0) << "failure of allocation " << at;
      failures += failed;
      if (!failed) break;
    }
    EXPECT_GT(failures, 10);
  }
  EXPECT_EQ(folder.files(), 2u); // no temporary file is left
}
