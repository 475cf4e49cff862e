// What the runtime takes from POSIX threads, in terms of Windows' own.
#pragma once

#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <errno.h>
#include <stdlib.h>
#include <windows.h>
#undef interface

typedef SRWLOCK pthread_mutex_t;
typedef CONDITION_VARIABLE pthread_cond_t;
typedef struct {
  SRWLOCK lock;
  char writing; // touched by the writer alone, while there are no others
} pthread_rwlock_t;
typedef char pthread_rwlockattr_t;
typedef HANDLE pthread_t;

static inline int pthread_mutex_init(pthread_mutex_t *mutex, const void *attributes) {
  (void)attributes;
  InitializeSRWLock(mutex);
  return 0;
}
static inline int pthread_mutex_destroy(pthread_mutex_t *mutex) {
  (void)mutex;
  return 0;
}
static inline int pthread_mutex_lock(pthread_mutex_t *mutex) {
  AcquireSRWLockExclusive(mutex);
  return 0;
}
static inline int pthread_mutex_unlock(pthread_mutex_t *mutex) {
  ReleaseSRWLockExclusive(mutex);
  return 0;
}

static inline int pthread_cond_init(pthread_cond_t *condition, const void *attributes) {
  (void)attributes;
  InitializeConditionVariable(condition);
  return 0;
}
static inline int pthread_cond_destroy(pthread_cond_t *condition) {
  (void)condition;
  return 0;
}
static inline int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
  return SleepConditionVariableSRW(condition, mutex, INFINITE, 0) ? 0 : EINVAL;
}
static inline int pthread_cond_signal(pthread_cond_t *condition) {
  WakeConditionVariable(condition);
  return 0;
}
static inline int pthread_cond_broadcast(pthread_cond_t *condition) {
  WakeAllConditionVariable(condition);
  return 0;
}

static inline int pthread_rwlockattr_init(pthread_rwlockattr_t *attributes) {
  (void)attributes;
  return 0;
}
static inline int pthread_rwlockattr_destroy(pthread_rwlockattr_t *attributes) {
  (void)attributes;
  return 0;
}
static inline int pthread_rwlock_init(pthread_rwlock_t *lock,
                                      const pthread_rwlockattr_t *attributes) {
  (void)attributes;
  InitializeSRWLock(&lock->lock);
  lock->writing = 0;
  return 0;
}
static inline int pthread_rwlock_destroy(pthread_rwlock_t *lock) {
  (void)lock;
  return 0;
}
static inline int pthread_rwlock_rdlock(pthread_rwlock_t *lock) {
  AcquireSRWLockShared(&lock->lock);
  return 0;
}
static inline int pthread_rwlock_wrlock(pthread_rwlock_t *lock) {
  AcquireSRWLockExclusive(&lock->lock);
  lock->writing = 1;
  return 0;
}
static inline int pthread_rwlock_unlock(pthread_rwlock_t *lock) {
  if (lock->writing) {
    lock->writing = 0;
    ReleaseSRWLockExclusive(&lock->lock);
  } else {
    ReleaseSRWLockShared(&lock->lock);
  }
  return 0;
}

typedef struct {
  void *(*run)(void *);
  void *argument;
} graphrt_thread_start;

static inline DWORD WINAPI graphrt_run_thread(void *given) {
  graphrt_thread_start start = *(graphrt_thread_start *)given;
  free(given);
  start.run(start.argument);
  return 0;
}
static inline int pthread_create(pthread_t *thread, const void *attributes, void *(*run)(void *),
                                 void *argument) {
  (void)attributes;
  graphrt_thread_start *start = malloc(sizeof *start);
  if (!start) return EAGAIN;
  *start = (graphrt_thread_start){run, argument};
  *thread = CreateThread(NULL, 0, graphrt_run_thread, start, 0, NULL);
  if (*thread) return 0;
  free(start);
  return EAGAIN;
}
static inline int pthread_join(pthread_t thread, void **result) {
  (void)result;
  WaitForSingleObject(thread, INFINITE);
  CloseHandle(thread);
  return 0;
}
