// Calls of exports: dimensions, buffers, updates, packs, sharing, names.
#include "support.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

using namespace graphrt_test;

namespace {
std::string message() { return graphrt_message(); }
} // namespace

TEST(Call, ComputesFromPackedWeights) {
  Instance m = make();
  std::vector<float> w = {1, 2, 3, 4, 5, 6}, x = {1, 10, 100, 0, 0, 1}, y(4);
  ASSERT_EQ(graphrt_set(m.get(), "w", w.data(), 24), GRAPHRT_OK);
  ASSERT_EQ(call(m, SAMPLE_PREDICT, {2}, {x.data()}, {y.data()}), GRAPHRT_OK);
  EXPECT_EQ(y, (std::vector<float>{531.5f, 642.5f, 5.5f, 6.5f}));
}

TEST(Call, PacksAreRemadeOnlyWhenTheirVariableChanged) {
  Instance m = make();
  std::vector<float> x = {1, 0, 0}, y(2), zero(2), w(6, 2.0f);
  int64_t before = sample_packings();
  for (int i = 0; i < 3; ++i) ASSERT_EQ(call(m, SAMPLE_PREDICT, {1}, {x.data()}, {y.data()}), 0);
  EXPECT_EQ(sample_packings() - before, 1);
  ASSERT_EQ(graphrt_set(m.get(), "b", zero.data(), 8), GRAPHRT_OK); // not packed
  ASSERT_EQ(call(m, SAMPLE_PREDICT, {1}, {x.data()}, {y.data()}), 0);
  EXPECT_EQ(sample_packings() - before, 1);
  ASSERT_EQ(graphrt_set(m.get(), "w", w.data(), 24), GRAPHRT_OK);
  ASSERT_EQ(call(m, SAMPLE_PREDICT, {1}, {x.data()}, {y.data()}), 0);
  EXPECT_EQ(y, (std::vector<float>{2, 2}));
  ASSERT_EQ(train(m, {1, 1, 1}), GRAPHRT_OK);
  ASSERT_EQ(call(m, SAMPLE_PREDICT, {1}, {x.data()}, {y.data()}), 0);
  EXPECT_EQ(y, (std::vector<float>{3, 3}));
  EXPECT_EQ(sample_packings() - before, 3);
  // Through another instance over the same variables, too.
  Instance s = share(m);
  ASSERT_EQ(train(s, {1, 1, 1}), GRAPHRT_OK);
  ASSERT_EQ(call(m, SAMPLE_PREDICT, {1}, {x.data()}, {y.data()}), 0);
  EXPECT_EQ(y, (std::vector<float>{4, 4}));
}

TEST(Call, FailedCallChangesNothing) {
  Instance m = make();
  auto w = get<float>(m, "w", 6), adam = get<float>(m, "w/Adam", 6);
  EXPECT_EQ(train(m, {1, 2, 3, 4, -5, 6}), GRAPHRT_OUT_OF_RANGE);
  EXPECT_EQ(message(), "train: a negative number in x");
  EXPECT_EQ(get<float>(m, "w", 6), w);
  EXPECT_EQ(get<float>(m, "w/Adam", 6), adam);
  EXPECT_EQ(stepOf(m), 0);
  EXPECT_EQ(train(m, {1, 2, 3}), GRAPHRT_OK);
  EXPECT_EQ(message(), "");
  EXPECT_EQ(stepOf(m), 1);
}

TEST(Call, DimensionsAreChecked) {
  Instance m = make();
  float buffer[8] = {};
  EXPECT_EQ(call(m, SAMPLE_PREDICT, {-1}, {buffer}, {buffer}), GRAPHRT_BAD_SHAPE);
  EXPECT_EQ(message(), "predict: dimension batch is -1");
  EXPECT_EQ(call(m, SAMPLE_ADD, {2, 3}, {buffer, buffer}, {buffer + 4}), GRAPHRT_BAD_SHAPE);
  EXPECT_EQ(message(), "add: dimensions n and m must be equal (n = 2, m = 3)");
  EXPECT_EQ(call(m, SAMPLE_PREDICT, {INT64_MAX / 8}, {buffer}, {buffer}), GRAPHRT_BAD_SHAPE);
  EXPECT_EQ(message(), "predict: the size of input x overflows");
  EXPECT_EQ(call(m, SAMPLE_NOISE, {INT64_MAX / 2}, {}, {buffer, buffer}), GRAPHRT_BAD_SHAPE);
  EXPECT_EQ(message().find("noise: the size of v overflows (n = "), 0u);
  const void *in[] = {buffer};
  void *out[] = {buffer};
  EXPECT_EQ(graphrt_call_export(m.get(), SAMPLE_PREDICT, nullptr, in, out),
            GRAPHRT_INVALID_ARGUMENT);
  int64_t n = INT64_MAX / 16;
  Allocator none;
  EXPECT_EQ(call(m, SAMPLE_SUMS, {n}, {buffer}, {buffer}), GRAPHRT_OUT_OF_MEMORY);
  EXPECT_EQ(call(m, SAMPLE_SUMS, {8}, {buffer}, {buffer}), GRAPHRT_OK);
}

TEST(Call, BuffersMayBeMissingOnlyWhereEmpty) {
  Instance m = make();
  float buffer[8] = {};
  EXPECT_EQ(call(m, SAMPLE_PREDICT, {0}, {nullptr}, {nullptr}), GRAPHRT_OK);
  EXPECT_EQ(call(m, SAMPLE_PREDICT, {1}, {nullptr}, {buffer}), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "predict: the buffer for input x is null");
  EXPECT_EQ(call(m, SAMPLE_PREDICT, {1}, {buffer}, {nullptr}), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "predict: the buffer for output y is null");
  EXPECT_EQ(call(m, SAMPLE_STEP, {}, {}, {nullptr}), GRAPHRT_INVALID_ARGUMENT);
  int64_t dims[] = {1};
  EXPECT_EQ(graphrt_call_export(m.get(), SAMPLE_PREDICT, dims, nullptr, nullptr),
            GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(call(m, SAMPLE_EXPORTS, {}, {}, {}), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(call(m, -1, {}, {}, {}), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(graphrt_call_export(nullptr, 0, nullptr, nullptr, nullptr), GRAPHRT_INVALID_ARGUMENT);
}

TEST(Call, ShapesOfOutputs) {
  int64_t out[2];
  const int64_t five[] = {5}, bad[] = {INT64_MAX};
  ASSERT_EQ(graphrt_shapes(&sample_desc.model, SAMPLE_NOISE, five, out), GRAPHRT_OK);
  EXPECT_EQ(out[0], 5);
  EXPECT_EQ(out[1], 10);
  ASSERT_EQ(graphrt_shapes(&sample_desc.model, SAMPLE_PREDICT, five, out), GRAPHRT_OK);
  EXPECT_EQ(out[0], 5);
  EXPECT_EQ(out[1], 2);
  EXPECT_EQ(graphrt_shapes(&sample_desc.model, SAMPLE_NOISE, bad, out), GRAPHRT_BAD_SHAPE);
  EXPECT_EQ(graphrt_shapes(&sample_desc.model, SAMPLE_PREDICT, bad, out), GRAPHRT_BAD_SHAPE);
  EXPECT_EQ(graphrt_shapes(&sample_desc.model, 99, five, out), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(graphrt_shapes(nullptr, 0, five, out), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(graphrt_shapes(&sample_desc.model, SAMPLE_NOISE, five, nullptr),
            GRAPHRT_INVALID_ARGUMENT);
  // Nothing to write: no outputs, or scalars only.
  EXPECT_EQ(graphrt_shapes(&sample_desc.model, SAMPLE_TRAIN, five, nullptr), GRAPHRT_OK);
  EXPECT_EQ(graphrt_shapes(&sample_desc.model, SAMPLE_STEP, nullptr, nullptr), GRAPHRT_OK);
}

TEST(Call, LowestFailingPositionIsNamedWhateverTheThreads) {
  for (int threads : {1, 4}) {
    graphrt_config c = config();
    c.threads = threads;
    Instance m = make(&c);
    std::vector<int32_t> indices(1000, 1);
    std::vector<float> rows(3000);
    ASSERT_EQ(call(m, SAMPLE_LOOKUP, {1000}, {indices.data()}, {rows.data()}), GRAPHRT_OK);
    EXPECT_EQ(rows[2999], 5.0f);
    for (int at : {900, 333, 700, 331}) indices[static_cast<size_t>(at)] = at;
    indices[331] = -4;
    EXPECT_EQ(call(m, SAMPLE_LOOKUP, {1000}, {indices.data()}, {rows.data()}),
              GRAPHRT_OUT_OF_RANGE);
    EXPECT_EQ(message(), "lookup: gather: indices[331] = -4 is not in [0, 3)");
  }
}

TEST(Variables, GetAndSetByNameOpAndWhole) {
  Instance m = make();
  EXPECT_EQ(get<float>(m, "b", 2), get<float>(m, "b_1", 2));
  EXPECT_EQ(get<float>(m, "emb", 9), (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(get<int32_t>(m, "col", 6), (std::vector<int32_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(get<int32_t>(m, "col/part_1", 4), (std::vector<int32_t>{1, 2, 4, 5}));
  std::vector<int32_t> col = {10, 11, 12, 13, 14, 15};
  ASSERT_EQ(graphrt_set(m.get(), "col", col.data(), 24), GRAPHRT_OK);
  EXPECT_EQ(get<int32_t>(m, "col/part_0", 2), (std::vector<int32_t>{10, 13}));
  EXPECT_EQ(get<int32_t>(m, "col", 6), col);
  float one = 0;
  EXPECT_EQ(graphrt_get(m.get(), "b", &one, 4), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "variable 'b' has 8 bytes, not 4");
  EXPECT_EQ(graphrt_get(m.get(), "nobody", &one, 4), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(graphrt_set(m.get(), "nobody", &one, 4), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(graphrt_set(m.get(), "b", nullptr, 8), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(graphrt_get(nullptr, "b", &one, 4), GRAPHRT_INVALID_ARGUMENT);
}

TEST(Reflection, IsEnoughToUseAModel) {
  const graphrt_model *model = &sample_desc.model;
  graphrt_instance *raw = nullptr;
  ASSERT_EQ(model->create(nullptr, &raw), GRAPHRT_OK);
  Instance m(raw);
  EXPECT_EQ(graphrt_instance_model(raw), model);
  int32_t index = graphrt_find_export(model, "sums");
  ASSERT_EQ(index, SAMPLE_SUMS);
  EXPECT_EQ(graphrt_find_export(model, "none"), -1);
  EXPECT_EQ(graphrt_find_variable(model, "b_1"), 1);
  EXPECT_EQ(graphrt_find_variable(model, "none"), -1);
  std::vector<float> x(10, 2.0f), s(1);
  const int64_t dims[] = {10};
  const void *in[] = {x.data()};
  void *out[] = {s.data()};
  ASSERT_EQ(model->call(raw, index, dims, in, out), GRAPHRT_OK);
  EXPECT_EQ(s[0], 20.0f);
  float b[2];
  ASSERT_EQ(model->get(raw, "b", b, sizeof b), GRAPHRT_OK);
  b[0] = 9;
  ASSERT_EQ(model->set(raw, "b", b, sizeof b), GRAPHRT_OK);
  graphrt_instance *second = nullptr;
  ASSERT_EQ(model->share(raw, &second), GRAPHRT_OK);
  ASSERT_EQ(model->get(second, "b", b, sizeof b), GRAPHRT_OK);
  EXPECT_EQ(b[0], 9.0f);
  model->destroy(second);
}

TEST(Share, VariablesLiveAsLongAsTheLastInstance) {
  std::vector<size_t> order = {0, 1, 2};
  do {
    std::vector<Instance> all;
    all.push_back(make());
    all.push_back(share(all[0]));
    all.push_back(share(all[1]));
    for (size_t i : order) {
      ASSERT_EQ(train(all[i], {1, 2, 3}), GRAPHRT_OK);
      int64_t expected = stepOf(all[i]);
      for (auto &other : all)
        if (other) {
          EXPECT_EQ(stepOf(other), expected);
        }
      all[i].reset();
    }
  } while (std::next_permutation(order.begin(), order.end()));
  graphrt_instance *out = nullptr;
  EXPECT_EQ(graphrt_share(nullptr, &out), GRAPHRT_INVALID_ARGUMENT);
  graphrt_destroy(nullptr);
}

TEST(Share, InstancesDrawFromStreamsOfTheirOwn) {
  auto draw = [](const Instance &m) {
    std::vector<float> u(100), v(200);
    EXPECT_EQ(call(m, SAMPLE_NOISE, {100}, {}, {u.data(), v.data()}), GRAPHRT_OK);
    return u;
  };
  Instance a = make(), b = share(a), c = share(a);
  auto ofA = draw(a), ofB = draw(b), ofC = draw(c);
  EXPECT_NE(ofA, ofB);
  EXPECT_NE(ofB, ofC);
  EXPECT_NE(draw(a), ofA); // fresh at each call
  Instance d = make(), e = share(d);
  EXPECT_EQ(draw(e), ofB); // and the same again in another run
  EXPECT_EQ(draw(d), ofA);
}

TEST(Random, CounterAdvancesOnSuccessOnly) {
  Instance m = make();
  auto counter = [&] {
    graphrt_instance_info info{};
    info.struct_size = sizeof info;
    EXPECT_EQ(graphrt_get_info(m.get(), &info), GRAPHRT_OK);
    return info.counter;
  };
  float u[4], v[8];
  EXPECT_EQ(counter(), 1u);
  EXPECT_EQ(call(m, SAMPLE_NOISE, {-4}, {}, {u, v}), GRAPHRT_BAD_SHAPE);
  EXPECT_EQ(train(m, {1, 1, 1}), GRAPHRT_OK); // draws nothing
  EXPECT_EQ(counter(), 1u);
  EXPECT_EQ(call(m, SAMPLE_NOISE, {4}, {}, {u, v}), GRAPHRT_OK);
  EXPECT_EQ(counter(), 2u);
  float first[4];
  std::memcpy(first, u, sizeof u);
  ASSERT_EQ(graphrt_set_random(m.get(), 77, 1), GRAPHRT_OK);
  EXPECT_EQ(call(m, SAMPLE_NOISE, {4}, {}, {u, v}), GRAPHRT_OK);
  EXPECT_EQ(std::memcmp(first, u, sizeof u), 0);
}

namespace {
std::atomic<int> inside{0};
std::atomic<bool> leave{false};
} // namespace

TEST(Busy, SecondCallOnOneInstanceIsRefused) {
  Instance m = make(), other = share(m);
  inside = 0;
  leave = false;
  sample_in_predict = [] {
    ++inside;
    while (!leave) std::this_thread::yield();
  };
  std::vector<float> x(3), y(2);
  std::thread first(
      [&] { EXPECT_EQ(call(m, SAMPLE_PREDICT, {1}, {x.data()}, {y.data()}), GRAPHRT_OK); });
  while (inside == 0) std::this_thread::yield();
  float b[2];
  EXPECT_EQ(graphrt_get(m.get(), "b", b, sizeof b), GRAPHRT_BUSY);
  graphrt_instance *out = nullptr;
  EXPECT_EQ(graphrt_share(m.get(), &out), GRAPHRT_BUSY);
  EXPECT_NE(message().find("another thread"), std::string::npos);
  EXPECT_EQ(graphrt_get(other.get(), "b", b, sizeof b), GRAPHRT_OK); // reads go side by side
  leave = true;
  first.join();
  sample_in_predict = nullptr;
  EXPECT_EQ(graphrt_get(m.get(), "b", b, sizeof b), GRAPHRT_OK);
}

TEST(Busy, ReadingExportsRunSideBySide) {
  Instance a = make(), b = share(a);
  inside = 0;
  // Each waits inside the lock for the other: together, or never.
  sample_in_predict = [] {
    ++inside;
    while (inside < 2) std::this_thread::yield();
  };
  auto run = [](const Instance *m) {
    std::vector<float> x(3), y(2);
    EXPECT_EQ(call(*m, SAMPLE_PREDICT, {1}, {x.data()}, {y.data()}), GRAPHRT_OK);
  };
  std::thread first(run, &a), second(run, &b);
  first.join();
  second.join();
  sample_in_predict = nullptr;
  EXPECT_EQ(inside, 2);
}

TEST(Busy, UpdatesWaitForReaders) {
  Instance reader = make(), writer = share(reader);
  inside = 0;
  leave = false;
  sample_in_predict = [] {
    ++inside;
    while (!leave) std::this_thread::yield();
  };
  std::thread reading([&] {
    std::vector<float> x(3), y(2);
    EXPECT_EQ(call(reader, SAMPLE_PREDICT, {1}, {x.data()}, {y.data()}), GRAPHRT_OK);
  });
  while (inside == 0) std::this_thread::yield();
  std::atomic<bool> updated{false};
  std::thread writing([&] {
    EXPECT_EQ(train(writer, {1, 1, 1}), GRAPHRT_OK);
    updated = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(updated);
  leave = true;
  reading.join();
  writing.join();
  EXPECT_TRUE(updated);
  sample_in_predict = nullptr;
}

TEST(Names, StatusesAndDtypes) {
  for (int s = 0; s <= GRAPHRT_INTERNAL; ++s)
    EXPECT_STRNE(graphrt_status_name(static_cast<graphrt_status>(s)), "unknown status");
  EXPECT_STREQ(graphrt_status_name(static_cast<graphrt_status>(99)), "unknown status");
  EXPECT_EQ(graphrt_dtype_size(GRAPHRT_BFLOAT16), 2u);
  EXPECT_STREQ(graphrt_dtype_name(GRAPHRT_UINT64), "uint64");
  for (int bad : {0, -1, 14, 1000}) {
    EXPECT_EQ(graphrt_dtype_size(bad), 0u);
    EXPECT_EQ(graphrt_dtype_name(bad), nullptr);
  }
}
