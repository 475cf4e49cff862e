// What the runtime takes from POSIX threads, where there is one thread only (WASI): every lock is
// free, no condition is waited for, and no other thread can be made.
#pragma once

#include <errno.h>
#include <stddef.h>

typedef struct {
  char unused;
} pthread_mutex_t, pthread_cond_t, pthread_rwlock_t, pthread_rwlockattr_t, pthread_t;

#define GRAPHRT_SINGLE(declaration, result)                                                        \
  static inline int declaration {                                                                  \
    (void)a;                                                                                       \
    return result;                                                                                 \
  }

static inline int pthread_mutex_init(pthread_mutex_t *a, const void *attributes) {
  (void)a;
  (void)attributes;
  return 0;
}
static inline int pthread_cond_init(pthread_cond_t *a, const void *attributes) {
  (void)a;
  (void)attributes;
  return 0;
}
static inline int pthread_rwlock_init(pthread_rwlock_t *a, const pthread_rwlockattr_t *attributes) {
  (void)a;
  (void)attributes;
  return 0;
}
static inline int pthread_cond_wait(pthread_cond_t *a, pthread_mutex_t *mutex) {
  (void)a;
  (void)mutex;
  return 0;
}
static inline int pthread_create(pthread_t *a, const void *attributes, void *(*run)(void *),
                                 void *argument) {
  (void)a;
  (void)attributes;
  (void)run;
  (void)argument;
  return EAGAIN;
}
static inline int pthread_join(pthread_t a, void **result) {
  (void)a;
  (void)result;
  return ESRCH;
}
GRAPHRT_SINGLE(pthread_mutex_destroy(pthread_mutex_t *a), 0)
GRAPHRT_SINGLE(pthread_mutex_lock(pthread_mutex_t *a), 0)
GRAPHRT_SINGLE(pthread_mutex_unlock(pthread_mutex_t *a), 0)
GRAPHRT_SINGLE(pthread_cond_destroy(pthread_cond_t *a), 0)
GRAPHRT_SINGLE(pthread_cond_signal(pthread_cond_t *a), 0)
GRAPHRT_SINGLE(pthread_cond_broadcast(pthread_cond_t *a), 0)
GRAPHRT_SINGLE(pthread_rwlockattr_init(pthread_rwlockattr_t *a), 0)
GRAPHRT_SINGLE(pthread_rwlockattr_destroy(pthread_rwlockattr_t *a), 0)
GRAPHRT_SINGLE(pthread_rwlock_destroy(pthread_rwlock_t *a), 0)
GRAPHRT_SINGLE(pthread_rwlock_rdlock(pthread_rwlock_t *a), 0)
GRAPHRT_SINGLE(pthread_rwlock_wrlock(pthread_rwlock_t *a), 0)
GRAPHRT_SINGLE(pthread_rwlock_unlock(pthread_rwlock_t *a), 0)
#undef GRAPHRT_SINGLE
