// Threads: pieces, pools, locks. Meant to be run under the thread sanitizer as well.
#include "support.h"

#include <algorithm>
#include <functional>
#include <thread>

using namespace graphrt_test;

namespace {

// A definition of one export that runs a function given by the test.
struct Probe {
  std::function<int32_t(graphrt_call *)> body;
};
Probe *probe;

int32_t probeBody(graphrt_call *call) { return probe->body(call); }

const graphrt_export_info probeExport = {"probe", nullptr, nullptr, nullptr, nullptr, 0,
                                         0,       0,       0,       0,       0};
const graphrt_export_check probeCheck = {nullptr, nullptr, nullptr, 0};
const graphrt_export_code probeCode = {probeBody, nullptr, nullptr, 0, 128, nullptr, 0};
const graphrt_variant probeVariant = {GRAPHRT_CPU_BASELINE, 0, nullptr, 0, &probeCode, nullptr};

graphrt_model_desc probeDesc() {
  graphrt_model_desc desc = sample_desc;
  desc.model.variables = nullptr;
  desc.model.variable_count = 0;
  desc.model.exports = &probeExport;
  desc.model.export_count = 1;
  desc.places = nullptr;
  desc.checks = &probeCheck;
  desc.variants = &probeVariant;
  desc.variant_count = 1;
  desc.variable_bytes = 0;
  return desc;
}

graphrt_status runProbe(graphrt_config c, std::function<int32_t(graphrt_call *)> body,
                        int times = 1) {
  Probe p{std::move(body)};
  probe = &p;
  graphrt_model_desc desc = probeDesc();
  Instance m = make(&c, desc);
  graphrt_status status = GRAPHRT_OK;
  for (int i = 0; i < times && status == GRAPHRT_OK; ++i)
    status = graphrt_call_export(m.get(), 0, nullptr, nullptr, nullptr);
  return status;
}

graphrt_config threads(int count) {
  graphrt_config c = config();
  c.threads = count;
  return c;
}

struct Pieces {
  std::atomic<int64_t> count{0}, covered{0};
  std::vector<std::atomic<int>> *seen = nullptr;
  int64_t grain = 0, n = 0;
};

void notePiece(void *context, int64_t begin, int64_t end, void *scratch) {
  auto *p = static_cast<Pieces *>(context);
  ++p->count;
  p->covered += end - begin;
  EXPECT_EQ(begin % p->grain, 0);
  EXPECT_EQ(end, std::min(begin + p->grain, p->n));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(scratch) % 64, 0u);
  EXPECT_NE(scratch, nullptr);
  for (int64_t i = begin; i < end; ++i) ++(*p->seen)[static_cast<size_t>(i)];
}

} // namespace

TEST(Parallel, EveryIndexOnceInPiecesOfTheGrain) {
  for (int lanes : {1, 2, 3, 8})
    for (int64_t n : {1, 2, 7, 64, 1000})
      for (int64_t grain : {1, 3, 64, 5000}) {
        std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
        Pieces p;
        p.seen = &seen;
        p.grain = grain;
        p.n = n;
        ASSERT_EQ(runProbe(threads(lanes),
                           [&](graphrt_call *call) {
                             graphrt_parallel(call, notePiece, &p, n, grain);
                             return 0;
                           }),
                  GRAPHRT_OK);
        EXPECT_EQ(p.count, (n + grain - 1) / grain);
        for (auto &s : seen) ASSERT_EQ(s, 1);
      }
}

TEST(Parallel, EmptyAndExtremeRanges) {
  struct Range {
    std::atomic<int64_t> pieces{0}, last{0};
  } range;
  auto piece = [](void *context, int64_t begin, int64_t end, void *) {
    auto *r = static_cast<Range *>(context);
    ++r->pieces;
    EXPECT_LT(begin, end);
    if (end > r->last) r->last = end;
  };
  EXPECT_EQ(runProbe(threads(4),
                     [&](graphrt_call *call) {
                       graphrt_parallel(call, piece, &range, 0, 8);
                       graphrt_parallel(call, piece, &range, -5, 8);
                       EXPECT_EQ(range.pieces, 0);
                       graphrt_parallel(call, piece, &range, INT64_MAX, INT64_MAX / 3);
                       EXPECT_EQ(range.pieces, 4);
                       return 0;
                     }),
            GRAPHRT_OK);
  EXPECT_EQ(range.last, INT64_MAX);
}

TEST(Parallel, NestedLoopsRunInlineWithTheSameScratch) {
  struct Outer {
    graphrt_call *call;
    std::atomic<int> inner{0};
  } outer;
  struct Inner {
    Outer *outer;
    void *scratch;
    std::thread::id thread;
  };
  EXPECT_EQ(runProbe(threads(4),
                     [&](graphrt_call *call) {
                       outer.call = call;
                       graphrt_parallel(
                           call,
                           [](void *context, int64_t, int64_t, void *scratch) {
                             auto *o = static_cast<Outer *>(context);
                             Inner inner{o, scratch, std::this_thread::get_id()};
                             graphrt_parallel(
                                 o->call,
                                 [](void *c, int64_t, int64_t, void *s) {
                                   auto *i = static_cast<Inner *>(c);
                                   EXPECT_EQ(s, i->scratch);
                                   EXPECT_EQ(std::this_thread::get_id(), i->thread);
                                   ++i->outer->inner;
                                 },
                                 &inner, 10, 1);
                           },
                           &outer, 20, 1);
                       return 0;
                     }),
            GRAPHRT_OK);
  EXPECT_EQ(outer.inner, 200);
}

TEST(Parallel, LanesHaveScratchOfTheirOwn) {
  std::atomic<int> clashes{0};
  EXPECT_EQ(runProbe(
                threads(6),
                [&](graphrt_call *call) {
                  graphrt_parallel(
                      call,
                      [](void *context, int64_t begin, int64_t, void *scratch) {
                        auto *mine = static_cast<volatile int64_t *>(scratch);
                        for (int i = 0; i < 16; ++i) mine[i] = begin;
                        std::this_thread::yield(); // to another lane
                        for (int i = 0; i < 16; ++i)
                          if (mine[i] != begin) ++*static_cast<std::atomic<int> *>(context);
                      },
                      &clashes, 5000, 1);
                  return 0;
                },
                5),
            GRAPHRT_OK);
  EXPECT_EQ(clashes, 0);
}

// Many short loops: a worker that wakes late, a job that ends before it, the next one already
// there.
TEST(Parallel, ManyShortLoops) {
  std::atomic<int64_t> sum{0};
  EXPECT_EQ(runProbe(threads(4),
                     [&](graphrt_call *call) {
                       for (int i = 0; i < 20000; ++i)
                         graphrt_parallel(
                             call,
                             [](void *context, int64_t begin, int64_t end, void *) {
                               *static_cast<std::atomic<int64_t> *>(context) += end - begin;
                             },
                             &sum, 1 + i % 9, 1);
                       return 0;
                     }),
            GRAPHRT_OK);
  int64_t expected = 0;
  for (int i = 0; i < 20000; ++i) expected += 1 + i % 9;
  EXPECT_EQ(sum, expected);
}

TEST(Parallel, CallersOwnPool) {
  struct Pool {
    std::atomic<int> jobs{0};
    bool serial = false;
  };
  for (bool serial : {false, true}) {
    Pool pool;
    pool.serial = serial;
    graphrt_config c = threads(3);
    c.parallel_user = &pool;
    c.parallel = [](void *user, int32_t lanes, void (*lane)(void *, int32_t), void *argument) {
      auto *p = static_cast<Pool *>(user);
      ++p->jobs;
      EXPECT_LE(lanes, 3);
      std::vector<std::thread> others;
      for (int32_t i = 0; i < lanes; ++i)
        if (p->serial)
          lane(argument, i);
        else
          others.emplace_back(lane, argument, i);
      for (auto &t : others) t.join();
    };
    Instance m = make(&c);
    std::vector<float> x(2000, 1.0f);
    float s = 0;
    ASSERT_EQ(call(m, SAMPLE_SUMS, {2000}, {x.data()}, {&s}), GRAPHRT_OK);
    EXPECT_EQ(s, 2000.0f);
    EXPECT_EQ(pool.jobs, 1);
  }
}

TEST(Parallel, ResultsDoNotDependOnTheNumberOfThreads) {
  std::vector<float> x(54321);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 1.0f / static_cast<float>(i + 1);
  std::vector<float> sums;
  std::vector<std::vector<float>> noise;
  for (int lanes : {1, 2, 5, 16}) {
    graphrt_config c = threads(lanes);
    Instance m = make(&c);
    float s = 0;
    ASSERT_EQ(call(m, SAMPLE_SUMS, {static_cast<int64_t>(x.size())}, {x.data()}, {&s}), 0);
    sums.push_back(s);
    std::vector<float> u(50000), v(100000);
    ASSERT_EQ(call(m, SAMPLE_NOISE, {50000}, {}, {u.data(), v.data()}), GRAPHRT_OK);
    u.insert(u.end(), v.begin(), v.end());
    noise.push_back(u);
  }
  for (size_t i = 1; i < sums.size(); ++i) {
    EXPECT_EQ(sums[i], sums[0]);
    EXPECT_EQ(noise[i], noise[0]);
  }
}

TEST(Failures, TheLowestPositionStays) {
  auto body = [](graphrt_call *call) -> int32_t {
    EXPECT_EQ(graphrt_call_status(call), 0);
    EXPECT_EQ(graphrt_fail(call, GRAPHRT_OUT_OF_RANGE, 5, "five"), GRAPHRT_OUT_OF_RANGE);
    EXPECT_EQ(graphrt_fail(call, GRAPHRT_BAD_SHAPE, 3, "three"), GRAPHRT_BAD_SHAPE);
    EXPECT_EQ(graphrt_fail(call, GRAPHRT_OUT_OF_RANGE, 9, "nine"), GRAPHRT_OUT_OF_RANGE);
    EXPECT_EQ(graphrt_call_status(call), GRAPHRT_BAD_SHAPE);
    return 0; // forgotten: the call fails all the same
  };
  EXPECT_EQ(runProbe(threads(1), body), GRAPHRT_BAD_SHAPE);
  EXPECT_STREQ(graphrt_message(), "probe: three");
  EXPECT_EQ(runProbe(threads(1), [](graphrt_call *call) { return graphrt_fail(call, 0, 0, "x"); }),
            GRAPHRT_INTERNAL);
  EXPECT_EQ(runProbe(threads(1), [](graphrt_call *) { return 12345; }), GRAPHRT_INTERNAL);
  EXPECT_STREQ(graphrt_message(), "probe failed");
}

// Readers see the variables of before an update or after it, never between.
TEST(Threads, UpdatesExcludeReaders) {
  Instance m = make();
  std::vector<float> zero(6), b(2);
  ASSERT_EQ(graphrt_set(m.get(), "w", zero.data(), 24), GRAPHRT_OK);
  ASSERT_EQ(graphrt_set(m.get(), "b", b.data(), 8), GRAPHRT_OK);
  Folder folder;
  std::string path = folder / "state.safetensors";
  ASSERT_EQ(graphrt_save(m.get(), path.c_str()), GRAPHRT_OK);
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  std::vector<Instance> readers;
  for (int i = 0; i < 3; ++i) readers.push_back(share(m));
  std::vector<std::thread> running;
  running.reserve(readers.size());
  for (auto &reader : readers)
    running.emplace_back([&] {
      std::vector<float> x = {1, 0, 0, 0, 1, 0, 0, 0, 1}, y(6);
      while (!stop) {
        EXPECT_EQ(call(reader, SAMPLE_PREDICT, {3}, {x.data()}, {y.data()}), GRAPHRT_OK);
        for (float value : y)
          if (value != y[0]) ++torn;
      }
    });
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(train(m, {1, 1, 1}), GRAPHRT_OK);
    if (i % 50 == 49) {
      ASSERT_EQ(graphrt_load(m.get(), path.c_str()), GRAPHRT_OK);
    }
    if (i % 20 == 19) {
      Instance passing = share(m);
      ASSERT_EQ(train(passing, {1, 1, 1}), GRAPHRT_OK);
    }
  }
  stop = true;
  for (auto &t : running) t.join();
  EXPECT_EQ(torn, 0);
}

TEST(Threads, InstancesRunSideBySideEachWithItsPool) {
  std::vector<std::thread> running;
  for (int t = 0; t < 4; ++t)
    running.emplace_back([] {
      graphrt_config c = threads(3);
      Instance m = make(&c);
      std::vector<float> x(3000, 1.0f);
      for (int i = 0; i < 50; ++i) {
        float s = 0;
        EXPECT_EQ(call(m, SAMPLE_SUMS, {3000}, {x.data()}, {&s}), GRAPHRT_OK);
        EXPECT_EQ(s, 3000.0f);
        EXPECT_EQ(graphrt_load(m.get(), "/nonexistent"), GRAPHRT_IO_ERROR);
        EXPECT_NE(std::string(graphrt_message()).find("nonexistent"), std::string::npos);
      }
    });
  for (auto &t : running) t.join();
}
