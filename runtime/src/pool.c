// Loops over threads. Work is cut into pieces whose borders depend on the grain alone, and lanes
// take the next piece until none is left; so results do not depend on how many lanes there are.
//
// A waiting thread spins for a few microseconds and then sleeps: a pool that spins on holds up the
// very thread it waits for when a processor is taken away. The caller waits only for workers that
// have joined; one that wakes up late finds the job closed and goes back to sleep.
#include "internal.h"

#include <string.h>

#if defined(__unix__) || defined(__APPLE__)
#define HAS_SIGNALS
#include <signal.h>
#endif

enum { SPINS = 64 }; // of about 20 to 50 ns

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void *worker(void *argument) {
  graphrt_pool *pool = argument;
  pthread_mutex_lock(&pool->mutex);
  bool spun = false;
  while (!pool->stop) {
    if (pool->open && pool->next_lane < pool->lanes) {
      int32_t index = pool->next_lane++;
      void (*lane)(void *, int32_t) = pool->lane;
      void *lane_argument = pool->argument;
      atomic_fetch_add_explicit(&pool->active, 1, memory_order_relaxed);
      pthread_mutex_unlock(&pool->mutex);
      lane(lane_argument, index);
      pthread_mutex_lock(&pool->mutex);
      if (atomic_fetch_sub_explicit(&pool->active, 1, memory_order_release) == 1)
        pthread_cond_signal(&pool->done);
      spun = false;
    } else if (!spun) {
      uint32_t seen = atomic_load_explicit(&pool->epoch, memory_order_relaxed);
      pthread_mutex_unlock(&pool->mutex);
      for (int i = 0; i < SPINS && atomic_load_explicit(&pool->epoch, memory_order_relaxed) == seen;
           ++i)
        relax();
      pthread_mutex_lock(&pool->mutex);
      spun = true;
    } else {
      ++pool->sleeping;
      pthread_cond_wait(&pool->work, &pool->mutex);
      --pool->sleeping;
      spun = false;
    }
  }
  pthread_mutex_unlock(&pool->mutex);
  return NULL;
}

bool graphrt_i_pool_start(graphrt_pool *pool, pthread_t *threads, int32_t workers) {
  memset(pool, 0, sizeof *pool);
  pool->threads = threads;
  pool->workers = workers;
  if (pthread_mutex_init(&pool->mutex, NULL) != 0) return false;
  if (pthread_cond_init(&pool->work, NULL) == 0) {
    if (pthread_cond_init(&pool->done, NULL) == 0) return true;
    pthread_cond_destroy(&pool->work);
  }
  pthread_mutex_destroy(&pool->mutex);
  return false;
}

// Threads that the system refuses are done without: the others take their share.
static void start_workers(graphrt_pool *pool) {
  pool->tried = true;
#if defined(HAS_SIGNALS)
  // Signals are the program's own threads' business.
  sigset_t all, before;
  sigfillset(&all);
  bool masked = pthread_sigmask(SIG_SETMASK, &all, &before) == 0;
#endif
  while (pool->started < pool->workers &&
         pthread_create(&pool->threads[pool->started], NULL, worker, pool) == 0)
    ++pool->started;
#if defined(HAS_SIGNALS)
  if (masked) pthread_sigmask(SIG_SETMASK, &before, NULL);
#endif
}

void graphrt_i_pool_stop(graphrt_pool *pool) {
  pthread_mutex_lock(&pool->mutex);
  pool->stop = true;
  atomic_fetch_add_explicit(&pool->epoch, 1, memory_order_relaxed);
  pthread_cond_broadcast(&pool->work);
  pthread_mutex_unlock(&pool->mutex);
  for (int32_t i = 0; i < pool->started; ++i) pthread_join(pool->threads[i], NULL);
  pthread_cond_destroy(&pool->done);
  pthread_cond_destroy(&pool->work);
  pthread_mutex_destroy(&pool->mutex);
}

void graphrt_i_pool_run(graphrt_pool *pool, int32_t lanes, void (*lane)(void *, int32_t),
                        void *argument) {
  if (!pool->tried) start_workers(pool);
  pthread_mutex_lock(&pool->mutex);
  pool->lane = lane;
  pool->argument = argument;
  pool->lanes = lanes;
  pool->next_lane = 1;
  pool->open = true;
  atomic_fetch_add_explicit(&pool->epoch, 1, memory_order_relaxed);
  int32_t wake = pool->sleeping < lanes - 1 ? pool->sleeping : lanes - 1;
  pthread_mutex_unlock(&pool->mutex);
  for (int32_t i = 0; i < wake; ++i) pthread_cond_signal(&pool->work);

  lane(argument, 0);

  pthread_mutex_lock(&pool->mutex);
  pool->open = false;
  if (atomic_load_explicit(&pool->active, memory_order_relaxed) > 0) {
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < SPINS && atomic_load_explicit(&pool->active, memory_order_acquire) > 0; ++i)
      relax();
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load_explicit(&pool->active, memory_order_relaxed) > 0)
      pthread_cond_wait(&pool->done, &pool->mutex);
  }
  pthread_mutex_unlock(&pool->mutex);
}

// ---- graphrt_parallel ----

typedef struct loop {
  graphrt_call *call;
  graphrt_piece_fn fn;
  void *context;
  int64_t n, grain, pieces;
  uint8_t *scratch; // of lane 0
  int64_t lane_bytes;
  _Atomic int64_t next;
} loop;

// The call whose lane this thread is in, and that lane's scratch: a loop inside a piece of the
// same call runs inline.
static _Thread_local const graphrt_call *inside;
static _Thread_local uint8_t *inside_scratch;

static void run_lane(void *argument, int32_t index) {
  loop *l = argument;
  const graphrt_call *outer = inside;
  uint8_t *outer_scratch = inside_scratch;
  uint8_t *scratch = l->scratch ? l->scratch + index * l->lane_bytes : NULL;
  inside = l->call;
  inside_scratch = scratch;
  for (;;) {
    int64_t piece = atomic_fetch_add_explicit(&l->next, 1, memory_order_relaxed);
    if (piece >= l->pieces) break;
    int64_t begin = piece * l->grain;
    int64_t end = l->n - begin < l->grain ? l->n : begin + l->grain;
    l->fn(l->context, begin, end, scratch);
  }
  inside = outer;
  inside_scratch = outer_scratch;
}

void graphrt_parallel(graphrt_call *call, graphrt_piece_fn fn, void *context, int64_t n,
                      int64_t grain) {
  if (n <= 0) return;
  if (grain < 1) grain = 1;
  graphrt_instance *instance = call->instance;
  bool nested = inside == call;
  int64_t pieces = (n - 1) / grain + 1;
  int32_t lanes = pieces < call->threads ? (int32_t)pieces : call->threads;
  if (nested || lanes <= 1) {
    uint8_t *scratch = nested ? inside_scratch : instance->lane_memory;
    for (int64_t begin = 0;;) {
      int64_t end = n - begin < grain ? n : begin + grain;
      fn(context, begin, end, scratch);
      if (end == n) break;
      begin = end;
    }
    return;
  }
  loop l = {.call = call,
            .fn = fn,
            .context = context,
            .n = n,
            .grain = grain,
            .pieces = pieces,
            .scratch = instance->lane_memory,
            .lane_bytes = instance->lane_bytes};
  atomic_init(&l.next, 0);
  if (instance->host.parallel)
    instance->host.parallel(instance->host.parallel_user, lanes, run_lane, &l);
  else
    graphrt_i_pool_run(&instance->pool, lanes, run_lane, &l);
}
